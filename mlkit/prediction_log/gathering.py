"""Rows of a log gathered into columns, line by line or from compacted days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from mlkit.prediction_log.columns import Columns, feature_columns
from mlkit.prediction_log.scanning import NO_GARBAGE, Finds, Garbage, Record

if TYPE_CHECKING:
    import pandas as pd

    from mlkit.prediction_log.tables import Piece

HEAD = (
    "id", "at", "version", "prediction", "probability", "actual", "latency_ms", "error",
)  # fmt: skip
TEXTS = ("id", "version", "error")


@dataclass(frozen=True, eq=False)
class Logged:
    """What a log holds of a model.

    Attributes
    ----------
    frame : DataFrame of n rows
        Predictions and errors in the order of their time: ``id, at`` (UTC)``, version,
        prediction, probability, actual, latency_ms, error``. ``error`` is missing for
        a prediction, and ``prediction`` for an error.
    features : DataFrame of n rows
        The features of the same rows; what a row lacked is missing.
    garbage : Garbage
        What was skipped in the files that were read.
    lost : int
        Lines of the days asked for that could not be written.
    clock_jumps : int
        How often a writer's clock went back between these rows.
    unknown_outcomes : int or None
        Outcomes whose prediction is not there; None where only a part was read.
    duplicate_outcomes : int
        Rows of a table of outcomes that a later one replaced.
    files : tuple of str
        The files that were read.
    """

    model: str
    frame: pd.DataFrame
    features: pd.DataFrame
    garbage: Garbage = NO_GARBAGE
    lost: int = 0
    clock_jumps: int = 0
    unknown_outcomes: int | None = None
    duplicate_outcomes: int = 0
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.frame)


class Gathered:
    """Rows as they come in, and what came of them."""

    def __init__(self, outcomes: dict[str, Any]) -> None:
        self._outcomes = outcomes
        self._head, self._features = Columns(), Columns()
        self._jumps = 0

    def add(self, rows: Sequence[Record]) -> None:
        """Add records in the order in which they were written."""
        for row in rows:
            if row["id"] in self._outcomes:
                row["actual"] = self._outcomes[row["id"]]
            self._jumps += "clock_jump" in row
            row["at"] = row["at"].astimezone(UTC)
        named = ((name, [row.get(name) for row in rows]) for name in HEAD)
        self._head.add(named, len(rows))
        self._features.add(
            feature_columns([row["features"] for row in rows]), len(rows)
        )

    def add_piece(self, piece: Piece) -> None:
        """Add rows of a compacted day, which are columns already."""
        head, rows = piece.head, piece.rows
        if self._outcomes:
            ids, before = head["id"].to_pylist(), head["actual"]
            if not self._outcomes.keys().isdisjoint(ids):
                old = before if isinstance(before, list) else before.to_pylist()
                pairs = zip(ids, old, strict=True)
                head["actual"] = [self._outcomes.get(id, was) for id, was in pairs]
        self._jumps += rows - head["clock_jump"].null_count
        self._head.add(((name, head[name]) for name in HEAD), rows)
        self._features.add(piece.features.items(), rows)

    def unknown(self) -> int:
        """Return how many outcomes have no row."""
        return len(self._outcomes.keys() - set(self._head.frame(["id"])["id"]))

    def logged(
        self, model: str, finds: Finds, *, lost: int = 0, unknown: int | None = None
    ) -> Logged:
        """Return what was gathered, in the order of time."""
        frame = self._head.frame(HEAD)
        frame["at"] = frame["at"].astype("datetime64[us, UTC]")
        frame = frame.astype(dict.fromkeys(TEXTS, "str"))
        features = self._features.frame()
        if not frame["at"].is_monotonic_increasing:
            order = frame["at"].argsort(kind="stable").to_numpy()
            frame = frame.iloc[order].reset_index(drop=True)
            features = features.iloc[order].reset_index(drop=True)
        files = tuple(dict.fromkeys(finds.files))
        return Logged(
            model, frame, features, finds.garbage, lost, self._jumps, unknown,
            files=files,
        )  # fmt: skip
