"""Lesson 06: draw a digit and watch the network; the browser's part is in static/."""
