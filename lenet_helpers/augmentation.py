"""Lessons 06 to 09: training images changed a little at random, as other hands would write.

And one image changed in a known way, by which lessons 06 and 08 look at it several times.
"""

from __future__ import annotations

import torch
from torch.nn import functional

BEND = 0.03  # of half the image: typical distance by which a point is moved, half a pixel


def vary(images: torch.Tensor, bent: float = BEND) -> torch.Tensor:
    """Each image turned, slanted, scaled, moved and bent a little, at random.

    Other people slant more, and write narrower or wider, than the writers of MNIST. Bending is
    the elastic distortion of P. Simard, D. Steinkraus, J. Platt, "Best practices for
    convolutional neural networks", ICDAR 2003. PyTorch's global generator decides.
    """
    count, side = len(images), images.shape[-1]

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape).to(images.device)

    deviations = images.new_tensor([[0.08], [0.15], [0.08], [0.06]])
    turn, lean, across, down = random(4, count) * deviations
    matrix = torch.stack([turn.cos(), lean - turn.sin(), turn.sin(), turn.cos()], dim=1)
    matrix = matrix.view(count, 2, 2) * torch.stack([across, down], dim=1).exp().unsqueeze(1)
    move = random(count, 2, 1) * 0.03  # of half the image: about half a pixel
    grid = functional.affine_grid(
        torch.cat([matrix, move], dim=2), list(images.shape), align_corners=False
    )
    # 6×6 random vectors, and between them cubic curves in both directions
    between = functional.interpolate(
        torch.eye(6).view(1, 6, 6, 1), size=(side, 1), mode="bicubic", align_corners=False
    )
    between = between[0, :, :, 0].to(images.device)  # (6, side)
    bend = between.T @ (random(count, 2, 6, 6) * bent) @ between
    grid = grid + bend.movedim(1, -1)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def shear(images: torch.Tensor, lean: float) -> torch.Tensor:
    """Images `(n, 1, side, side)` pushed sideways by `lean` pixels for each pixel of height."""
    matrix = images.new_tensor([[1, lean, 0], [0, 1, 0]])
    grid = functional.affine_grid(
        matrix.expand(len(images), 2, 3), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
