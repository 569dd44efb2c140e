"""Lessons 06 and 08: from any picture to a digit, a number, a sum.

A digit goes through pictures (open it) -> ink (tell ink from paper) -> parts (connected pieces) ->
digit (prepare it as MNIST would) -> prediction (ask the network). A line of writing goes through
pictures -> ink -> lines -> cutting -> groups, then to numbers or expressions; grammar says what may
follow what in arithmetic, arithmetic works it out. tuned holds every number that was set by hand.
"""
