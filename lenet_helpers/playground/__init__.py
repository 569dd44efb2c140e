"""Lessons 02, 05, 06: draw, and ask each number where it comes from; static/ is JavaScript."""
