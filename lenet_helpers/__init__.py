"""Helpers of the LeNet course kit: one module for each lesson, see the README."""
