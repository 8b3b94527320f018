"""Comparing runs: what differs between two of them, and which is better.

A *run* is one execution of the notebooks of a case, known by its record and by the
notebooks it executed. :func:`choose` finds the one that somebody names, :func:`compare`
says what two of them do not share, and :func:`write_page` puts that on a page.
"""

from __future__ import annotations

from mlkit.differences.choice import Chosen, RunChoiceError, choose
from mlkit.differences.comparison import Comparison, compare, write_page

__all__ = [
    "Chosen",
    "Comparison",
    "RunChoiceError",
    "choose",
    "compare",
    "write_page",
]
