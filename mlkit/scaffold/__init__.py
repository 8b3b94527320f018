"""Scaffold: a params file written from a table that nobody has described yet.

A *finding* is something seen in the table, what was decided for it, and why.
"""
