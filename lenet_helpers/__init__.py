"""Helpers of the LeNet course kit. What each lesson uses, from the ground up:

==========  ====================================================================================
lesson      module or room
==========  ====================================================================================
all         errors (what a reader can mend), files (written whole or not at all)
01          mnist_files (the four files, fetched and checked), data (tensors, splits, batches)
02          model (LeNet-5, the table of its layers)
03          random_state (seeds), checkpoints (save, load, continue), training_faults (what goes
            wrong, in words), evaluation (loss and accuracy of a split), training (fit)
09          augmentation (images changed at random)
03          recipes (all hyperparameters of a training under one name: quick, course, best;
            where the later ones are, LATER says)
05          feature_maps (what each layer answers to)
07          layers_1998 and lenet_1998 (the network of 1998, to the letter)
06, 08      reading/ (from any picture to a digit, a number, a sum)
06, 08      pen/ (strokes become pictures, and the recipe of the network that learns from them)
04, 07, 09  studies/ (recipes and seeds: the runner, the statistics, one module a study)
02, 05, 06  playground/ (draw, and ask each number of the network where it comes from)
all         exercises/ (tasks that answer back; one module a lesson, named as the lesson)
all         plots/ (every figure, one module a lesson, named as the lesson)
all         commands/ (the command line, the lesson runner, doctor)
==========  ====================================================================================

A module imports only what stands before it here; `tests/test_package.py` holds the order.
"""
