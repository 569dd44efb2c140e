"""Lessons 06 and 08: strokes of a pen become pictures that a network learns from or reads.

strokes (lines of a pen, and their ink) -> drawings (of symbols and digits) -> characters (prepared
as MNIST was, with what is no character) -> recipes (of the network that learns them). photos and
sums render digits, numbers and arithmetic on paper.
"""
