"""Tables: data as a reader wants to see it, as text that is ready to print.

A :class:`Table` holds the cells as they are shown: rounded, with the same digits down a
column, masked where a column is sensitive, cut to a length that can be read.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mlkit.report import wording

if TYPE_CHECKING:
    import pandas as pd

MASK = "•••"
LONGEST_CELL = 120
TONES = {
    "ok": "good",
    "passed": "good",
    "warning": "caution",
    "failed": "bad",
    "promote": "good",
    "promotable": "good",
    "keep": "neutral",
    "undecided": "caution",
    "reject": "bad",
    "interrupted": "caution",
    "running": "neutral",
    "none": "neutral",
    "calm": "good",
    "shifted": "caution",
    "drift": "bad",
    "not_applicable": "neutral",
    "b_better": "good",
    "a_better": "caution",
    "healthy": "good",
    "degraded": "caution",
    "critical": "bad",
    "unlogged": "neutral",
    "columns": "caution",
}


@dataclass(frozen=True)
class Table:
    """A table as it is shown.

    Attributes
    ----------
    caption : str
        What it shows, a sentence.
    columns : tuple of str
        Headings, with units.
    rows : tuple of tuple of str
        Cells, ready to read; the first of each row names the row.
    numeric : tuple of bool
        Which columns hold numbers: these are set flush right.
    total : int
        Rows there are in the data; only the first ones are in `rows`.
    note : str
        What the reader must know, such as which columns are masked.
    states : tuple of bool
        Which columns hold a state such as ``ok`` or ``failed``, shown as a badge.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    total: int
    note: str = ""
    states: tuple[bool, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the table as plain JSON data."""
        return {
            "caption": self.caption,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "total": self.total,
            "note": self.note,
        }

    def _repr_html_(self) -> str:
        heads = "".join(
            f'<th scope="col"{_style(numeric)}>{escape(name)}</th>'
            for name, numeric in zip(self.columns, self.numeric, strict=True)
        )
        body = "".join(self._row(row) for row in self.rows)
        notes = [self.note] if self.note else []
        if not self.rows:
            notes.insert(0, "There are no rows.")
        if self.total > len(self.rows):
            rest = wording.count(self.total - len(self.rows), "more row")
            notes.insert(0, f"{rest} not shown.")
        foot = f'<p class="note">{escape(" ".join(notes))}</p>' if notes else ""
        caption = escape(self.caption)
        return (
            f'<div class="table"><div class="scroll" role="region" tabindex="0" '
            f'aria-label="{caption}"><table><caption style="text-align:left">{caption}'
            f"</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
            f"</div>{foot}</div>"
        )

    def _row(self, row: tuple[str, ...]) -> str:
        states = self.states or (False,) * len(row)
        cells = []
        for position, text in enumerate(row):
            shown = badge(text) if states[position] else escape(text)
            tag = "th" if position == 0 else "td"
            scope = ' scope="row"' if position == 0 else ""
            style = _style(self.numeric[position])
            cells.append(f"<{tag}{scope}{style}>{shown}</{tag}>")
        return f"<tr>{''.join(cells)}</tr>"


def _style(numeric: bool) -> str:
    # JupyterLab sets every cell flush right, hence the style beside the class.
    return ' class="num"' if numeric else ' style="text-align:left"'


def badge(state: str) -> str:
    """Return a state as HTML: its word, in a colour when it is a known one.

    Examples
    --------
    >>> badge("ok")
    '<span class="badge good">ok</span>'
    """
    return f'<span class="badge {TONES.get(state, "neutral")}">{escape(state)}</span>'


def table(
    data: pd.DataFrame | Iterable[Any],
    *,
    caption: str,
    headings: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | None = None,
    masked: Collection[str] = (),
    states: Collection[str] = (),
    numbers: Collection[str] = (),
    limit: int = 20,
    longest: int = LONGEST_CELL,
) -> Table:
    """Return data as a :class:`Table`.

    Parameters
    ----------
    data : DataFrame, or iterable of mappings or of records with ``to_dict``
        One item a row. A DataFrame's index comes first when it has a name or is not
        just a count.
    caption : str
        What the table shows, a sentence.
    headings : mapping of str to str, optional
        The columns to show, in this order, and what to call them, with their unit such
        as ``Price (EUR)``. None shows all under their own names.
    digits : mapping of str to int, optional
        Digits after the point for a column; else as many as its numbers deserve, none
        where all are whole.
    masked : collection of str
        Columns whose values must not be shown.
    states : collection of str
        Columns that hold a state, shown as a badge.
    numbers : collection of str
        Columns of numbers that come as text, such as values with their interval.
    limit : int
        At most this many rows are shown; the rest are counted.
    longest : int
        Texts longer than this are cut.

    Raises
    ------
    KeyError
        When `headings` names a column that is not there.

    Examples
    --------
    >>> table([{"fold": 1, "r2": 0.51}, {"fold": 2, "r2": 0.4}], caption="Folds").rows
    (('1', '0.510'), ('2', '0.400'))
    """
    names, values = _columns(data)
    headings = dict(zip(names, names, strict=True)) if headings is None else headings
    # A list without rows does not tell its columns; the headings do.
    values = values or {name: [] for name in headings}
    _check_headings(headings, names=list(values), caption=caption)
    total = len(values[names[0]]) if names else 0
    shown = {name: values[name][:limit] for name in headings}
    texts = [
        [MASK] * len(column)
        if name in masked
        else _texts(column, (digits or {}).get(name), longest)
        for name, column in shown.items()
    ]
    hidden = [headings[name] for name in headings if name in masked]
    return Table(
        caption=caption,
        columns=tuple(headings.values()),
        rows=tuple(zip(*texts, strict=True)),
        numeric=tuple(
            name in numbers or (name not in masked and _numeric(column))
            for name, column in shown.items()
        ),
        total=total,
        note=f"Masked as sensitive: {wording.listing(hidden)}." if hidden else "",
        states=tuple(name in states for name in headings),
    )


def _check_headings(
    headings: Collection[str], *, names: list[str], caption: str
) -> None:
    for name in headings:
        if name not in names:
            raise KeyError(
                f"table {caption!r}: column {name!r} is not in the data; it has "
                f"{wording.listing(names)}"
            )


def _columns(data: Any) -> tuple[list[str], dict[str, list[Any]]]:
    """Return the names in order and the values of each column."""
    if hasattr(data, "columns"):
        plain_index = data.index.name is None and data.index.equals(
            type(data.index)(range(len(data)))
        )
        frame = data if plain_index else data.reset_index()
        names = _told_apart([str(name) for name in frame.columns])
        lists = [frame.iloc[:, i].tolist() for i in range(len(names))]
        return names, dict(zip(names, lists, strict=True))
    rows = [row.to_dict() if hasattr(row, "to_dict") else dict(row) for row in data]
    names = list(dict.fromkeys(str(name) for row in rows for name in row))
    return names, {name: [row.get(name) for row in rows] for name in names}


def _told_apart(names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        unique, again = name, 1
        while unique in found:
            again += 1
            unique = f"{name} ({again})"
        found.append(unique)
    return found


def _missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return type(value).__name__ in {"NAType", "NaTType"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _numeric(values: list[Any]) -> bool:
    present = [value for value in values if not _missing(value)]
    return bool(present) and all(_is_number(value) for value in present)


def _texts(values: list[Any], digits: int | None, longest: int) -> list[str]:
    if digits is None:
        floats = [float(v) for v in values if _is_number(v) and not _missing(v)]
        whole = all(value.is_integer() for value in floats)
        digits = 0 if whole else wording.decimals(floats)
    return [_text(value, digits, longest) for value in values]


def _text(value: Any, digits: int, longest: int) -> str:
    if _missing(value):
        return wording.ABSENT
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return wording.number(value, digits)
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ") if hasattr(value, "hour") else value)
    if isinstance(value, list | tuple):
        value = wording.listing([str(item) for item in value])
    text = str(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
