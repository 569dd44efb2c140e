"""Lessons 04, 07 and 09: recipes and seeds, trained in parallel, and what follows from them.

records (runs, and the file that keeps them), runner (trains them), statistics (intervals, tests)
serve all; every other module is a study: bn_dropout, learning_rates (04), lenet_1998 (07),
published, reproduction, claims, techniques (09).
"""
