"""Counts of a batch's answers that can be taken again and again, each counted once.

A check reads days of the log anew, most of which it has read before, and a retention
removes old ones; a counter must neither count a row twice nor ever go down. So counts
are kept by day: what a day counts is the most that was ever seen of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from mlkit.exposition.names import BUCKETS

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("at", "version", "latency_ms", "error")


@dataclass(frozen=True)
class Answers:
    """Counts of some answers.

    Attributes
    ----------
    predictions, errors : int
        Requests that were answered, and that failed.
    seconds : float
        Sum of the latencies that are known.
    buckets : tuple of int
        How many of those lie within each bound of :data:`BUCKETS` but not the one
        before, and last how many beyond all.
    """

    predictions: int = 0
    errors: int = 0
    seconds: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BUCKETS) + 1)

    def __add__(self, other: Answers) -> Answers:
        return Answers(
            self.predictions + other.predictions,
            self.errors + other.errors,
            self.seconds + other.seconds,
            tuple(a + b for a, b in zip(self.buckets, other.buckets, strict=True)),
        )

    def at_least(self, other: Answers) -> Answers:
        """Return the larger of each two counts."""
        return Answers(
            max(self.predictions, other.predictions),
            max(self.errors, other.errors),
            max(self.seconds, other.seconds),
            tuple(max(a, b) for a, b in zip(self.buckets, other.buckets, strict=True)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain JSON data."""
        return {
            "predictions": self.predictions,
            "errors": self.errors,
            "seconds": self.seconds,
            "buckets": [*self.buckets],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the counts that :meth:`to_dict` gave.

        Raises
        ------
        KeyError, TypeError, ValueError
            When one is missing or no number, or the bounds of latency are others.
        """
        buckets = tuple(int(count) for count in stored["buckets"])
        if len(buckets) != len(BUCKETS) + 1:
            raise ValueError(
                f"counts of latency must have {len(BUCKETS) + 1} buckets, got "
                f"{len(buckets)}: they were made with other bounds; begin anew without "
                "them"
            )
        seconds = float(stored["seconds"])
        return cls(int(stored["predictions"]), int(stored["errors"]), seconds, buckets)


@dataclass(frozen=True)
class Totals:
    """All that was ever counted of a model, by version and day (UTC).

    Attributes
    ----------
    model : str
        Name of the model.
    days : mapping of str to mapping of str to Answers
        Version to day, such as ``2026-11-20``, to the counts of that day.
    drifts : mapping of str to int
        Version to how many checks found its data drifted.
    """

    model: str
    days: Mapping[str, Mapping[str, Answers]] = field(default_factory=dict)
    drifts: Mapping[str, int] = field(default_factory=dict)

    def with_answers(self, frame: pd.DataFrame) -> Self:
        """Return the totals after some rows of the log, in any order.

        Rows of whole days are needed: of a day that is read in parts, the largest part
        is counted.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, >= 4)
            A row a request: `at` (moment in UTC), `version`, `latency_ms` (missing
            where unknown) and `error` (missing where it was answered).

        Raises
        ------
        ValueError
            When a column is missing.
        """
        lacking = [name for name in COLUMNS if name not in frame.columns]
        if lacking:
            raise ValueError(
                f"rows of the log must have the columns {', '.join(COLUMNS)}; missing: "
                f"{', '.join(lacking)}"
            )
        days = {version: dict(each) for version, each in self.days.items()}
        for version, day, counted in _by_day(frame):
            known = days.setdefault(version, {})
            known[day] = known.get(day, Answers()).at_least(counted)
        return replace(self, days=days)

    def with_drift(self, version: str) -> Self:
        """Return the totals after one more check that found the data drifted."""
        return replace(
            self, drifts={**self.drifts, version: self.drifts.get(version, 0) + 1}
        )

    def by_version(self) -> dict[str, Answers]:
        """Return the counts of each version, over all days."""
        return {
            version: sum(self.days.get(version, {}).values(), start=Answers())
            for version in dict.fromkeys([*self.days, *self.drifts])
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as plain JSON data."""
        days = {
            version: {day: counted.to_dict() for day, counted in each.items()}
            for version, each in self.days.items()
        }
        return {"model": self.model, "days": days, "drifts": dict(self.drifts)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the totals of :meth:`to_dict`; see :meth:`Answers.from_dict`."""
        days = {
            str(version): {day: Answers.from_dict(each) for day, each in known.items()}
            for version, known in stored["days"].items()
        }
        drifts = {str(version): int(n) for version, n in stored["drifts"].items()}
        return cls(str(stored["model"]), days, drifts)


def _by_day(frame: pd.DataFrame) -> Iterator[tuple[str, str, Answers]]:
    import numpy as np
    import pandas as pd

    if frame.empty:
        return
    days = pd.to_datetime(frame["at"], utc=True).dt.floor("D")
    for (version, day), rows in frame.groupby([frame["version"], days], sort=True):
        failed = rows["error"].notna().to_numpy()
        took = pd.to_numeric(rows["latency_ms"]).to_numpy(float, na_value=np.nan)[
            ~failed
        ]
        seconds = took[np.isfinite(took)] / 1000
        # A bound belongs to its bucket, as Prometheus has it.
        places = np.searchsorted(BUCKETS, seconds, side="left")
        buckets = np.bincount(places, minlength=len(BUCKETS) + 1)
        yield (
            str(version),
            f"{day:%Y-%m-%d}",
            Answers(
                predictions=int((~failed).sum()),
                errors=int(failed.sum()),
                seconds=float(seconds.sum()),
                buckets=tuple(int(count) for count in buckets),
            ),
        )
