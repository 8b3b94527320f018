"""Numbers as JSON holds them and as people read them."""

from __future__ import annotations

import math


def number_or_none(value: float) -> float | None:
    """Return the value as JSON can hold it: None where it is not a finite number."""
    return float(value) if math.isfinite(value) else None


def show(value: float, *, apart_from: float | None = None) -> str:
    """Return a number for people: a few digits, more where needed to tell it apart.

    Examples
    --------
    >>> show(0.74996), show(0.74996, apart_from=0.75), show(54321.9)
    ('0.750', '0.74996', '54,322')
    """
    if not math.isfinite(value):
        return "undefined"
    size = abs(value)
    digits = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
    if 0 < size < 0.01:
        digits = min(10, 1 - math.floor(math.log10(size)))
    text = f"{value:,.{digits}f}"
    while apart_from is not None and value != apart_from and digits < 12:
        if text != f"{apart_from:,.{digits}f}":
            break
        digits += 1
        text = f"{value:,.{digits}f}"
    return text
