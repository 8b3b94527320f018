"""Drift: whether current rows still look like those that a model was trained on.

A *reference profile* is what is kept of the training rows: counts on fixed bins.
"""
