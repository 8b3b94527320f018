"""Words that checks share: names that are near, values that are shown or masked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mlkit.data.records import MASK

SHOWN = 5
LONGEST = 40


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name was probably meant to be, None without one.

    Examples
    --------
    >>> nearest("Prise", ["price", "rooms"])
    'price'
    """
    folded = {other.casefold(): other for other in known}
    found = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return advice for a name that is not known."""
    near = nearest(name, known)
    if near is not None:
        return f"Did you mean {near!r}?"
    few = known if len(known) <= SHOWN else [*known[: SHOWN - 1], known[-1]]
    names = ", ".join(repr(other) for other in few)
    more = f" (the last) and {len(known) - SHOWN} between" if len(known) > SHOWN else ""
    return f"There are: {names}{more}" if known else ""


def shown(value: str, *, sensitive: bool = False) -> str:
    """Return a value as messages quote it: shortened, and masked where sensitive."""
    if sensitive:
        return MASK
    short = value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    return repr(short)


def listed(values: Sequence[str], *, sensitive: bool = False) -> str:
    """Return some values as messages quote them, and how many more there are."""
    if sensitive:
        return f"{len(values)} masked value{'' if len(values) == 1 else 's'}"
    texts = ", ".join(shown(value) for value in values[:SHOWN])
    more = len(values) - SHOWN
    return f"{texts} and {more:,} more" if more > 0 else texts


def row_numbers(rows: NDArray[np.int64]) -> str:
    """Return row positions as a reader counts them, the first row after a header is 1.

    Examples
    --------
    >>> row_numbers(np.array([0, 4])), row_numbers(np.arange(9))
    ('data rows 1 and 5', 'data rows 1, 2, 3, 4, 5 and 4 more')
    """
    numbers = [f"{row + 1:,}" for row in rows[:SHOWN]]
    if len(rows) == 1:
        return f"data row {numbers[0]}"
    if len(rows) > SHOWN:
        return f"data rows {', '.join(numbers)} and {len(rows) - SHOWN:,} more"
    return f"data rows {', '.join(numbers[:-1])} and {numbers[-1]}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural.

    Examples
    --------
    >>> counted(1, "row"), counted(1234, "row")
    ('1 row', '1,234 rows')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
