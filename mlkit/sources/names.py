"""Names of columns: taken from the first line or from the params, and distinct."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from mlkit.data.wording import SHOWN, counted, shown
from mlkit.sources.errors import SourceError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def given_names(
    name: str, first: Sequence[str], names: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names that the params give to a file without names.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    first : sequence of str of shape (n_columns,)
        Its first record.
    names : sequence of str or None
        ``data.names``; None leaves every name empty.

    Raises
    ------
    SourceError
        There are too few or too many names, or the first record holds the names.
    """
    if names is None:
        return ("",) * len(first)
    if len(names) != len(first):
        raise SourceError(
            f"{name}: data.names has {len(names)} names, the first line "
            f"{len(first)} fields. Give one name a column, in order"
        )
    same = sum(a.casefold() == b.casefold() for a, b in zip(first, names, strict=True))
    if same * 2 > len(names):
        raise SourceError(
            f"{name}: data.header is false, but the first line holds the names "
            f"({', '.join(map(shown, first[:SHOWN]))}). Set data.header: true and take "
            "data.names out"
        )
    return tuple(names)


def names_to_score(
    name: str, first: Sequence[str], names: Sequence[str], target: str
) -> tuple[tuple[str, ...], bool]:
    """Return the names of a file to score, and whether its first record holds them.

    Rows to score come from another place than rows to learn from: without the target,
    since nobody knows it yet, and often with a line of names.

    Parameters
    ----------
    name : str
        The file, as messages name it.
    first : sequence of str of shape (n_columns,)
        Its first record.
    names : sequence of str
        ``data.names``, the names of all columns of the source.
    target : str
        The one of them that may be absent.

    Raises
    ------
    SourceError
        The file has none of the expected forms.
    """
    features = tuple(other for other in names if other != target)
    folded = {other.casefold(): other for other in names} | {o: o for o in names}
    found = tuple(folded.get(cell.casefold(), "") for cell in first)
    same = sum(map(bool, found))
    for expected in (tuple(names), features):
        if sorted(found) == sorted(expected):
            return found, True
        if len(first) == len(expected) and same * 2 <= len(first):
            return expected, False
    with_target = len(names)
    forms = f"{with_target} fields a line, or {len(features)} without {target!r}"
    held = f"the first line has {counted(len(first), 'field')}"
    if same:
        held += f", {same} of them among data.names"
    raise SourceError(
        f"{name}: rows to score must have {forms}, in the order of data.names, or a "
        f"first line with exactly these names; {held}. Give the file one of these forms"
    )


def refuse_values_as_names(
    name: str, names: Sequence[str], target: str | None, *, hide: bool
) -> None:
    """Raise when the first line of a file holds values and not names.

    It does when a third of it or more are numbers and the target is not among it, or
    when it holds a number and the same text twice.

    Parameters
    ----------
    target : str or None
        None where the file need not have the target.

    Raises
    ------
    SourceError
        With some of the values, masked if `hide`.
    """
    values = [cell for cell in names if NUMBER.fullmatch(cell)]
    if target in names or not values:
        return
    repeated = len(set(names)) < len(names)
    if repeated or (target is not None and len(values) * 3 >= len(names)):
        missed = "" if target is None else f" and no {target!r}"
        raise SourceError(_values_as_names(name, names, missed, hide=hide))


def hint_at_values(name: str, names: Sequence[str], *, hide: bool) -> str:
    """Return what is said of a first line a third of which are numbers, else nothing.

    It is a hint for the case that a column is looked for in vain: a column may be
    called by a number.
    """
    values = [cell for cell in names if NUMBER.fullmatch(cell)]
    if len(values) * 3 < max(1, len(names)):
        return ""
    return _values_as_names(name, names, "", hide=hide)


def _values_as_names(
    name: str, names: Sequence[str], missed: str, *, hide: bool
) -> str:
    values = [cell for cell in names if NUMBER.fullmatch(cell)]
    quoted = ", ".join(shown(value, sensitive=hide) for value in values[:3])
    return (
        f"{name}: the first line must name the columns, it holds values such as "
        f"{quoted}{missed}. For a file without names, in a params file: "
        f"data.header: false and {len(names)} data.names"
    )


def no_rows(name: str, *, header: bool) -> str:
    """Return what is said of a file with names and nothing below.

    Parameters
    ----------
    header : bool
        Whether its first line was taken for the names.
    """
    hint = (
        "; if its one line is a row, in a params file: data.header: false and "
        "data.names"
    )
    return (
        f"{name}: the table has columns but no rows. Check how it was made"
        f"{hint if header else ''}"
    )


def refuse_repeated(name: str, names: Sequence[str], *, advice: str = "") -> None:
    """Raise when a column name is used twice.

    Parameters
    ----------
    name : str
        The table, as messages name it.
    names : sequence of str
        Its columns.
    advice : str
        What to do; empty says it of a file.

    Raises
    ------
    SourceError
        With the names and their places.
    """
    counts = Counter(names)
    repeated = [other for other in names if counts[other] > 1]
    if not repeated:
        return
    places = [
        f"{shown(other)} (columns "
        + " and ".join(str(k) for k, it in enumerate(names, start=1) if it == other)
        + ")"
        for other in dict.fromkeys(repeated)
    ]
    advice = advice or (
        "Rename them in the file, or read it by data.query, where the second is called "
        f"{distinct_names(names)[_second(names)]!r}"
    )
    raise SourceError(
        f"{name}: column names must be distinct, used more than once: "
        f"{', '.join(places)}. {advice}"
    )


def _second(names: Sequence[str]) -> int:
    return next(k for k, name in enumerate(names) if name in names[:k])


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return names with ``_1``, ``_2``, ... behind each that was used before.

    Examples
    --------
    >>> distinct_names(["a", "b", "a", "a"])
    ['a', 'b', 'a_1', 'a_2']
    """
    taken, chosen = set(names), []
    used: set[str] = set()
    for name in names:
        number, candidate = 0, name
        while candidate in used or (number and candidate in taken):
            number += 1
            candidate = f"{name}_{number}"
        used.add(candidate)
        chosen.append(candidate)
    return chosen
