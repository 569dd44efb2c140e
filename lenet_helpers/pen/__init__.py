"""Lessons 06 and 08: strokes of a pen become pictures that networks learn from or read.

strokes (lines of a pen, and their ink) -> symbols and digits (what is drawn), numbers (pieces and
pairs that are no digit) -> recipes (of the networks that learn them). photos and sums render
digits, numbers and arithmetic on paper.
"""
