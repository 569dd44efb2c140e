"""Lessons 06 and 08: from any picture to a digit, a number, a sum.

One digit goes through pictures (open it) -> ink (tell ink from paper, with sheet: on a desk, and
rules: without printed lines) -> parts (connected pieces) -> digit (prepare it as MNIST would) ->
prediction (ask a network). A line of writing goes through lines -> cutting (every way to put its
pieces together) -> search (the likeliest way); grammar says what may follow what. reader does all
of it for both, and says when it is not sure. arithmetic works a sum out. tuned.toml holds every
number that was set by hand.
"""
