"""Lessons 06 and 08: every number that was tuned to read pictures, in one place.

All of them were set by hand. Those for tight, tiny, faint and small digits, for sheets on desks and
for printed lines were set on `tests/scenes.py`, with other seeds than those they were checked on;
SOFT also on scikit-learn's small digits. NOTHING and TEMPERATURE were set on pen drawings of other
hands, which are not part of the kit. The history says of the others only that they came together
with the kit's rendered pictures (`data/pictures`). Whoever changes one should run `make read` and
`python -m lenet_helpers evaluate` on the three folders of pictures, before and after.

What is not here is a definition (MNIST's sizes), geometry, or a limit of format and memory.
"""

from __future__ import annotations

# ---- Ink and paper (ink.py). Strength is a share of the largest possible one: 0 paper, 1 ink.

WHITE = 0.95  # brightness: what is lighter cannot be seen on white paper
SMOOTHING = 0.8  # pixels: standard deviation of the blur against the grain of a camera
MIN_CONTRAST = 0.08  # ink differs from paper by at least this share of the paper's brightness
NOISE_LIMIT = 4.0  # and by at least this many standard deviations of the paper
LEAST_ROOM = 0.1  # brightness that the strength is divided by at least, on very dark paper
PALE = 0.6  # of the threshold: so pale is ink that continues a dark stroke
SOFT = 1.2  # the same where the picture was enlarged, whose edges are broad
WIDEST_STROKE = 0.25  # share of the picture's longest side
SHADED_GAIN = 0.1  # quality by which a paper with shadows must be the better guess
COLOUR_GAIN = 1.3  # times the contrast of the brightness that a colour must reach to be used
STRONGEST = 99.5  # percentile of the difference from the border that counts as the contrast
COARSE = 64  # pixels: longest side on which the brightness of the paper is worked out
PAPER_ROUNDS = 6  # fits of the paper, each without what the last one found to be ink
PAPER_SPREAD = 2.5  # standard deviations: what lies further from the fit is ink
LEAST_SPREAD = 0.02  # brightness that is no ink in any case
LIGHT_PAPER = 0.8  # quantile of the brightness that is paper even below a thick digit
LEAST_PAPER = 0.25  # of the picture must fit the paper; else it is as light as its lightest part
MOST_SPREAD = 0.06  # brightness by which bare paper may differ from the fit
BORDER_SHARE = 12  # the border is one part in so many of the shorter side
BESIDE = (3, 6)  # pixels from the ink between which the paper beside it lies
FADED = 0.4  # there the strength is at most this share of the ink's: a shadow fades slowly
MOST_BORDER = 0.35  # share of the picture's border that ink may touch
WHOLE_SIDE = 0.95  # of one side of the picture: so much ink there is a frame or a shadow
LEAST_SIDE = 8  # pixels: what is smaller is a speck in any picture

# ---- A sheet on a desk (sheet.py).

SQUARE = 0.9  # of the rectangle around it that the sheet fills; a round 0 fills π/4
LEAST_SHEET, MOST_SHEET = 0.25, 0.95  # of the picture
LIGHT_DESK = 0.2  # of what is around the sheet: where more is light, it is paper
DESK_INK = 0.5  # of the desk: where so much seems to be ink and the sheet is blank, nothing is
STEP = 0.08  # by this share of the sheet's brightness the desk beside its edge is darker
STRAY = 0.002  # of the sheet's pixels may lie beyond each of its edges
SHEET_EDGE = 0.025  # of the picture's longest side: its edge lies within so much
BESIDE_SHEET = 0.1  # of the ink on the sheet: so much beside it, and it was no desk

# ---- One digit (digit.py).

SMALL = 0.12  # of the longest side of a large photo: what is smaller is looked at more closely
SPECK_SHARE = 0.3  # of its area: other things so large elsewhere, and it does not stand alone
SPECK = 0.04  # what is smaller than this share of the picture's longest side is no digit
MAIN_SIZE = 3  # the main part is larger than one in so many of the largest one's side
PIECE_AREA = 0.03  # of the main part's area: what is smaller is a speck
MOST_PARTS = 8  # pieces of a broken digit
GROW_LIMIT = 2.0  # pixels by which the outline of a stroke may move at most
FINE = 4  # the shape of the digit is worked out on a grid this many times finer

# ---- One line (lines.py). The pen is the typical width of a stroke, the height that of a part.

MOST_SYMBOLS = 100  # parts of one line
TALL = 0.5  # of the typical height: what is lower is a dot, a bar, or a piece of a digit
DIGIT_PENS = 4  # pens: what is lower is no digit
LINE_SPECK = 0.01  # what is smaller than this share of the picture's longest side is no line
SPECK_AREA = 0.4  # of the pen's width squared; a round dot of the pen has π/4
LEAST_AREA = 3  # pixels of a dot
WHOLE_SHARE = 3  # parts that the border cuts stay if the others have less than one in so many
CORE = 0.25  # heights above and below the middle: a part that the border cuts must reach in there
STEEPEST = 15  # degrees of tilt that are undone
DRIFT = 1.0  # heights from end to end, over the root of the number of digits: less is level
BELOW = 0.3  # of the narrower part's width: so much is shared by parts above one another
THICKEST = 1 / 3  # of the height of a digit: what is thicker is no stroke
FEW = 4  # tall parts: among so few, one below another is enough for a second line

# ---- Printed lines (rules.py). Tuned on the scenes ruled and squared of tests/scenes.py.

RULE = 60  # all lines together are this many times as long as thick: printed, not written
RULE_ROUNDS = 4  # lines of so many tilts are removed
RULE_SHORT = 0.04  # of the picture's side: a line may end so near to the border
RULE_REST = 0.2  # of what is left must lie beside the lines, else nothing is written
RULE_TILT = 6  # degrees from level or upright at most
RULE_THICKEST = 13  # pixels with the blur: what is thicker is no printed line
RULE_GAPS = 0.25  # share of a line's length that may be paler than the line
RULE_CORNER = 0.08  # of the picture's side: what cuts a corner off is no shorter
RULE_STRIPS = 32  # means of so many strips show the tilt
RULE_ROOM = 0.3  # of the ink's strength: a line less pale than this hides the ink upon it
RULE_ENDS = 1  # piece of ink may reach the border after all: more are remains of bent lines
FEW_RULES = 2  # lines that may be a symbol that fills the picture
FULL_INK = 0.75  # quantile of the strength in strokes that counts as full ink

# ---- Cutting (cutting.py). Sizes in heights of a digit.

LEANS_TRIED = (-0.2, 0.6, 0.05)  # pixels per pixel of height: least, most and step to try
MOST_PIECES = 7  # of one digit or symbol
NARROWEST = 0.15  # width of a piece
CUT_PENS = 3.0  # a thin place holds at most this many widths of the pen in one column
DIP_PENS = 0.5  # and so many fewer than the columns beside it
NOTCH = 0.12  # depth of a notch in the outline
MOST_STROKES = 2.0  # a cut through more of them costs no more
LOW = 0.45  # what is lower is no digit by itself
NARROW_PART = 0.5  # a part less wide is not cut
# Costs add up with the negative logarithms of the network's probabilities.
CUT_COST = 1.0  # of cutting through one stroke of the pen

# ---- Answers (reader.py).

SURE = 0.9  # an answer of lower probability is called unsure
LEANS = (-0.12, 0.0, 0.12)  # pixels per pixel of height at which each image is looked at
DOUBT = 0.02  # share of probability spread over all classes: no network is that certain

# ---- Pieces of one symbol (cutting.py). Odds are logarithms, sizes in heights of a digit.

SYMBOL_GAP = 0.6  # pieces further apart belong to two symbols
TOUCHING = 0.12  # pieces this near may be one broken stroke,
TOUCHING_ODDS = -1.0  # with at least these odds
APART = -6.0  # odds that distant pieces belong together
STACKED_MOST = 4.0  # odds at most of pieces above one another
OVERLAP_EVEN = 0.4  # of the narrower piece's width: overlap at which the odds are even
OVERLAP_SLOPE = 12.0  # odds for each whole width of overlap more
DIVIDED_COST = 2.0  # a piece of a part that was cut belongs to its own part first
POINT_PLACE = 0.35  # a point begins at most this far above the foot of the symbol before it
POINT_BESIDE = 0.5  # which is higher than this
POINT_ASPECT = 1.2  # width over height of a point or a comma at most
POINT_ODDS = -2.0  # at most, that it belongs to that symbol
TALL_STROKE = 0.6  # two strokes higher than this are seldom one symbol
TALL_COST = 3.0  # by so much
GROUP_ODDS = APART + 2  # a piece with no better odds than these in a group does not belong

# ---- Readings (reader.py). Scores are logarithms of probabilities.

FOREIGN = 0.02  # how often a symbol stands where the grammar has none, against one that it has
NOTHING = 0.3  # how often ink is no character, against how often the network saw that
LEFT_OUT = 4.0  # cost of leaving a piece out, and
LEFT_OUT_TALL = 12.0  # more for each height of a digit that it is long
HOPELESS = 10.0  # classes this far behind the best one are left out
# Scores are divided by this before they become probabilities; with 0.8, of 92 lines of other hands
# the mean confidence was the share that was right, 0.89.
TEMPERATURE = 0.8
BEAM = 20  # readings kept at each place
BENT = 6.0  # how far the grammar may move the answer from what is likeliest
NEIGHBOURS = 5  # nearest digits that say where the middle of the line is
USUAL_HEIGHTS = (0.5, 2.0)  # of the typical height: such parts may be digits
FURTHEST = 4.0  # standard deviations: what lies further off counts as this far
EXPECTED = -1.5  # mean of the logarithm of three normal densities, less their peak

# What people write and schools teach, in heights of a digit: height and width with the standard
# deviations of their logarithms, and how far the middle lies below that of the digits, with its
# standard deviation.
GEOMETRY = {
    **dict.fromkeys("023456789", (1.0, 0.2, 0.6, 0.35, 0.0, 0.15)),
    "1": (1.0, 0.2, 0.35, 0.6, 0.0, 0.15),
    **dict.fromkeys("+×÷", (0.6, 0.35, 0.6, 0.35, 0.1, 0.2)),
    "-": (0.1, 0.6, 0.6, 0.5, 0.1, 0.2),
    "=": (0.35, 0.4, 0.6, 0.4, 0.1, 0.2),
    "/": (1.2, 0.25, 0.4, 0.6, 0.05, 0.2),
    **dict.fromkeys("()", (1.35, 0.25, 0.35, 0.5, 0.05, 0.2)),
    ".": (0.25, 0.6, 0.18, 0.6, 0.52, 0.15),  # a comma is half as high as a digit
}
