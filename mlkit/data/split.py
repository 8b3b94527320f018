"""Division of rows into training and test rows; a row once in test stays in test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mlkit.data.dates import read_dates
from mlkit.data.distinct import number_text
from mlkit.data.fingerprints import Hashes, cell_hashes, mix
from mlkit.data.records import Check
from mlkit.data.wording import counted, row_numbers, shown

_SALT = np.uint64(0xD1B54A32D192ED03)


@dataclass(frozen=True)
class Division:
    """Which rows are test rows, and the cutoff of a time split."""

    is_test: NDArray[np.bool_]
    cutoff: str | None = None
    checks: tuple[Check, ...] = ()


def split_by_hash(hashes: Hashes, share: float) -> NDArray[np.bool_]:
    """Return which rows are test rows: those whose hash is among the lowest `share`.

    The answer for a row depends on its hash alone. No seed is involved, so neither the
    order of the rows nor the rows beside it nor the params can move a row.
    """
    unit = (mix(hashes ^ _SALT) >> np.uint64(11)).astype(np.float64) / 2.0**53
    return np.asarray(unit < share, dtype=bool)


def split_by_group(groups: pd.Series, row_hashes: Hashes, share: float) -> Division:
    """Return the test rows by a hash of the group; without a group by the row's own."""
    missing = groups.isna().to_numpy()
    hashes = np.where(missing, row_hashes, cell_hashes(groups))
    checks = []
    if missing.any():
        rule = "every row should belong to a group"
        found = f"{counted(int(missing.sum()), 'row')} without a group"
        advice = "Each of them is divided by its own content"
        name = str(groups.name)
        checks.append(Check("split", "warning", name, rule, found, advice))
    return Division(split_by_hash(hashes, share), None, tuple(checks))


def split_by_time(
    times: pd.Series, share: float, cutoff: str | None, floor: str | None
) -> Division:
    """Return the rows at or after a cutoff as test rows.

    Parameters
    ----------
    times : Series of shape (n_rows,)
        Dates or numbers. Rows without a time are training rows.
    share : float
        Share of test rows that is looked for where `cutoff` is None: of the cutoffs
        that leave rows on both sides, the one that comes nearest to it.
    cutoff : str or None
        An ISO date, or a number where the column holds numbers.
    floor : str or None
        Cutoff of the model in production: a split only moves forward, so an earlier
        cutoff is replaced by this one.
    """
    values = times.to_numpy()
    known = values[times.notna().to_numpy()]
    checks: list[Check] = []
    name = str(times.name)
    if len(np.unique(known)) < 2:
        rule = "a time split needs at least two moments"
        found = f"the column has {len(np.unique(known))}"
        advice = "Set data.split.by: row, or name another data.time"
        failed = Check("split", "failed", name, rule, found, advice)
        return Division(np.zeros(len(values), dtype=bool), None, (failed,))
    start = find_cutoff(known, share)
    for text, key in ((cutoff, "data.split.cutoff"), (floor, "the model's cutoff")):
        if text is None:
            continue
        moment = _moment(text, values.dtype)
        if moment is None:
            checks.append(_unreadable(name, key, text))
        elif key == "data.split.cutoff":
            start = moment
        elif moment > start:
            checks.append(_moved(name, _text(start), text))
            start = moment
    checks += _without_time(times)
    is_test = np.asarray(values >= start, dtype=bool)
    return Division(is_test, _text(start), tuple(checks))


def find_cutoff(known: NDArray[Any], share: float) -> Any:
    """Return the moment from which on the share of rows is nearest to `share`."""
    moments, first = np.unique(np.sort(known), return_index=True)
    shares = 1 - first[1:] / len(known)
    return moments[1:][int(np.argmin(np.abs(shares - share)))]


def _moment(text: str, dtype: Any) -> Any:
    if dtype.kind == "M":
        moment = read_dates(pa.array([text], pa.large_string()))[0]
        return None if np.isnat(moment) else moment
    try:
        return np.float64(text)
    except ValueError:
        return None


def _text(moment: Any) -> str:
    if isinstance(moment, np.datetime64):
        return pd.Timestamp(moment).isoformat()
    return number_text(float(moment)) or ""


def _unreadable(name: str, key: str, text: str) -> Check:
    rule = f"{key} must be of the kind of the time column"
    return Check(
        *("split", "failed", name, rule, f"it is {shown(text)}"),
        advice="Write an ISO date such as 2016-02-29, or a number for a number column",
    )


def _moved(name: str, wanted: str, floor: str) -> Check:
    rule = (
        "a time split only moves forward, so that a test row never becomes one to learn"
    )
    found = f"{wanted} is before {floor}, the cutoff of the model in production"
    return Check("split", "warning", name, rule, found, f"{floor} is used")


def _without_time(times: pd.Series) -> list[Check]:
    rows = np.flatnonzero(times.isna().to_numpy())
    if not len(rows):
        return []
    rule = "every row should have a time"
    found = f"none in {row_numbers(rows)}"
    advice = "They are used for training"
    return [Check("split", "warning", str(times.name), rule, found, advice)]
