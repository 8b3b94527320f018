"""What a reader of the params file must know of the columns, decided or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Dataset, Schema
from mlkit.data.wording import shown
from mlkit.scaffold.findings import Finding

NAMES = 8
CELLS = 2_000_000
FEWEST_ROWS, MOST_ROWS = 200, 1_000
LEVEL_ROWS = 20_000
BLOCK = 1_000
COPY = 0.9999
RANKED = 0.99
TRIES = 100
READ_AS = {
    "1.234,5": "decimal commas",
    "1,234.5": "separators between thousands",
    "dmy": "dates with the day before the month",
    "mdy": "dates with the month before the day",
    "epoch": "dates that are numbers",
    "spreadsheet": "dates that are numbers",
}
KEPT = "kept: trees do not mind, but importances are shared between the two"

Floats = NDArray[np.float64]


def named(names: Iterable[str], most: int = NAMES) -> str:
    """Return some names as comments quote them, and how many more there are.

    Examples
    --------
    >>> named(["a", "b", "c"], 2)
    "'a', 'b' and 1 more"
    """
    every = [*names]
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(map(shown, every[:most])) + more


def count_kinds(schema: Schema) -> tuple[str, ...]:
    """Return a sentence for each kind of column that a model learns from."""
    names: dict[str, list[str]] = {}
    for column in schema.columns:
        if column.is_feature:
            names.setdefault(column.kind, []).append(column.name)
    return tuple(f"{len(same):,} {kind}: {named(same)}" for kind, same in names.items())


def find_readings(schema: Schema) -> tuple[Finding, ...]:
    """Return how numbers and dates are read that could be read otherwise."""
    read: dict[str, list[str]] = {}
    for column in schema.columns:
        if column.role != "ignored" and column.format is not None:
            for start, what in READ_AS.items():
                if column.format.startswith(start):
                    read.setdefault(what, []).append(column.name)
    return tuple(
        Finding("data", None, f"{what} in {named(names)}")
        for what, names in read.items()
    )


def find_copies(dataset: Dataset) -> tuple[Finding, ...]:
    """Return the features that say the same as an earlier one.

    A number is a near-copy where it is a linear function of another (correlation of
    0.9999 on all rows, 0.99 of the ranks); columns of few values are copies where each
    value of one goes with one value of the other.
    """
    schema = dataset.schema
    kinds = {name: schema.column(name).kind for name in schema.features}
    numbers = [name for name, kind in kinds.items() if kind == "number"]
    found = {later: first for first, later in _same_levels(dataset.frame, kinds)}
    words = dict.fromkeys(found, "says the same, value by value, as")
    for first, later in _linear(dataset.frame[numbers]):
        if later not in found:
            found[later], words[later] = first, "is a linear function, or nearly, of"
    return tuple(
        Finding("data", later, f"{words[later]} {first!r}; {KEPT}")
        for later, first in found.items()
    )


def _same_levels(
    frame: pd.DataFrame, kinds: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    rows = _spread(len(frame), LEVEL_ROWS)
    first: dict[bytes, str] = {}
    for name, kind in kinds.items():
        if kind not in ("number", "category", "boolean"):
            continue
        codes, levels = pd.factorize(frame[name].iloc[rows])
        if not 1 < len(levels) <= len(rows) // 5:
            continue
        other = first.setdefault(codes.tobytes(), name)
        if other != name and _codes(frame[other]) == _codes(frame[name]):
            yield other, name


def _codes(values: pd.Series) -> bytes:
    return bytes(pd.factorize(values)[0].tobytes())


def _linear(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield pairs of numbers, the earlier one first; each later one once.

    A glance at few rows proposes pairs, at most 100 of which all rows confirm.
    """
    width = frame.shape[1]
    most = min(MOST_ROWS, max(FEWEST_ROWS, CELLS // max(1, width)))
    rows = _spread(len(frame), most)
    unit = _scaled(frame.iloc[rows].to_numpy(dtype=np.float64))
    names, seen, tries = [*frame.columns], set(), 0
    for start in range(0, width, BLOCK):
        block = np.abs(unit[:, start : start + BLOCK].T @ unit) >= COPY
        for row, later in np.argwhere(block):
            first = start + int(row)
            if later <= first or later in seen:
                continue
            tries += 1
            if tries > TRIES:
                return
            pair = frame[[names[first], names[later]]]
            if _is_linear(pair):
                seen.add(later)
                yield str(names[first]), str(names[later])


def _is_linear(pair: pd.DataFrame) -> bool:
    a, b = _scaled(pair.to_numpy(dtype=np.float64)).T
    ranks = _scaled(pair.rank().to_numpy(dtype=np.float64)).T
    return bool(abs(a @ b) >= COPY and abs(ranks[0] @ ranks[1]) >= RANKED)


def _scaled(values: Floats) -> Floats:
    """Return columns of mean 0 and length 1; missing values are 0, as are constants."""
    known = np.isfinite(values)
    counts = np.maximum(known.sum(axis=0), 1)
    # Sizes whose squares would overflow or vanish are brought near 1 first.
    sizes = np.abs(np.where(known, values, 0.0)).max(axis=0, initial=0.0)
    values = np.where(known, values, 0.0) / np.where(sizes > 0, sizes, 1.0)
    centred = np.where(known, values - values.sum(axis=0) / counts, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    varies = length > 1e-9
    return np.asarray(np.where(varies, centred / np.where(varies, length, 1.0), 0.0))


def _spread(rows: int, most: int) -> NDArray[np.int64]:
    return np.linspace(0, rows - 1, min(rows, most)).astype(np.int64)
