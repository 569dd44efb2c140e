"""Lesson 07: the layers of LeNet-5 as [1]_ describes them in section II-B and appendix A.

.. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
   recognition", Proceedings of the IEEE 86(11), 1998.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

BACKGROUND, INK = -0.1, 1.175  # section II-B: the levels of white and black
AMPLITUDE, SLOPE = 1.7159, 2 / 3  # appendix A: f(1) = 1 and f(-1) = -1

# Table I: the maps of S2 that each map of C3 sees.
TABLE = (
    *("012", "123", "234", "345", "045", "015"),  # three neighbours
    *("0123", "1234", "2345", "0345", "0145", "0125"),  # four neighbours
    *("0134", "1245", "0235"),  # four, not all neighbours
    "012345",
)

# Drawn by us in the manner of figure 3: 7 × 12, one for each digit.
BITMAPS = """
.#####.  ...##..  .#####.  .#####.  ....##.  #######  ..####.  #######  .#####.  .#####.
##...##  ..###..  ##...##  ##...##  ...###.  ##.....  .##....  #....##  ##...##  ##...##
##...##  .####..  ##...##  .....##  ...###.  ##.....  ##.....  .....##  ##...##  ##...##
##...##  ...##..  .....##  .....##  ..####.  ##.....  ##.....  ....##.  ##...##  ##...##
##...##  ...##..  .....##  .....##  .##.##.  ######.  ######.  ....##.  .##.##.  ##...##
##...##  ...##..  ....##.  ..####.  .##.##.  .....##  ##...##  ...##..  ..###..  .######
##...##  ...##..  ...##..  .....##  ##..##.  .....##  ##...##  ...##..  .##.##.  .....##
##...##  ...##..  ..##...  .....##  #######  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...##..  .##....  .....##  ....##.  .....##  ##...##  ..##...  ##...##  .....##
##...##  ...##..  ##.....  ##...##  ....##.  ##...##  ##...##  .##....  ##...##  ....##.
##...##  ...##..  ##.....  ##...##  ....##.  ##...##  ##...##  .##....  ##...##  ...##..
.#####.  .######  #######  .#####.  ....##.  .#####.  .#####.  .##....  .#####.  .###...
"""


class ScaleInput(nn.Module):
    """Grey levels 0…1 to the paper's -0.1 for background and 1.175 for ink."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images of the same shape."""
        return BACKGROUND + (INK - BACKGROUND) * images


class Squash(nn.Module):
    """1.7159 tanh(2z/3), appendix A."""

    def forward(self, sums: torch.Tensor) -> torch.Tensor:
        """Values of the same shape, between -1.7159 and 1.7159."""
        return AMPLITUDE * torch.tanh(SLOPE * sums)


class Subsampling(nn.Module):
    """Sum over 2×2 times a trainable coefficient, plus a trainable bias, one of each for a map."""

    connections = 4 + 1  # of a unit

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(maps, 1, 1))
        self.bias = nn.Parameter(torch.empty(maps, 1, 1))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Maps of half the height and width."""
        return 4 * functional.avg_pool2d(maps, 2) * self.weight + self.bias


class TableConvolution(nn.Module):
    """C3: a 5×5 convolution in which each map sees only the maps that `TABLE` lists."""

    connections = 25 * sum(map(len, TABLE)) / len(TABLE) + 1  # of a unit, in the mean over the maps

    def __init__(self) -> None:
        super().__init__()
        seen = [(to, int(source)) for to, row in enumerate(TABLE) for source in row]
        self.register_buffer("seen", torch.tensor(seen).T, persistent=False)  # (2, 60)
        self.weight = nn.Parameter(torch.empty(len(seen), 5, 5))
        self.bias = nn.Parameter(torch.empty(len(TABLE)))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """16 maps of 6; a connection that does not exist is a weight of 0."""
        full = self.weight.new_zeros(16, 6, 5, 5).index_put(tuple(self.seen), self.weight)
        return functional.conv2d(maps, full, self.bias)


class RadialBasis(nn.Module):
    """The output: minus the squared distance of F6 to the bitmap of each digit, equation 7.

    The paper's units give the distance, a penalty. Its negative is largest for the answer, as
    today's logits are.
    """

    connections = 84  # of a unit, which compares each input with a fixed value

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("bitmaps", draw_bitmaps().flatten(1), persistent=False)  # (10, 84)

    def forward(self, code: torch.Tensor) -> torch.Tensor:
        """Logits `(n, 10)` of codes `(n, 84)`."""
        return -(code.unsqueeze(1) - self.bitmaps).square().sum(dim=2)


def draw_bitmaps() -> torch.Tensor:
    """The targets of F6, -1 and +1, `(10, 12, 7)`."""
    rows = ["".join(line.split()) for line in BITMAPS.split("\n") if line]
    ink = torch.tensor([[pixel == "#" for pixel in row] for row in rows])  # (12, 10 * 7)
    return (2.0 * ink - 1).view(12, 10, 7).movedim(1, 0)
