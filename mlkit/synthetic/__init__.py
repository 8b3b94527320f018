"""Synthetic: tables whose truth is known.

A *domain* is a made-up trade with columns that a person from it would recognise. Its
*options* are dials: how many rows, how strongly the newest part *drifts*, how strongly
one group is treated worse (*bias*), how unpredictable one *bad slice* is. The *truth*
of a table is the probability behind each row's outcome, and which rows the dials
touched: what a model, a drift check or a fairness check ought to find can be looked up.
A dial at 0 gives the clean twin of the same table: rows it does not touch stay as they
were.
"""

from mlkit.synthetic.domain import Domain, Option, Truth
from mlkit.synthetic.domains import DOMAINS, check_options, generate, truth
from mlkit.synthetic.fashion import FashionTables, fashion_tables

__all__ = [
    "DOMAINS",
    "Domain",
    "FashionTables",
    "Option",
    "Truth",
    "check_options",
    "fashion_tables",
    "generate",
    "truth",
]
