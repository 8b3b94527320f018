"""Explain: which columns moved a prediction, and by how much.

A *contribution* is the part of one prediction that one raw column accounts for.
"""
