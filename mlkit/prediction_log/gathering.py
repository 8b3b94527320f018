"""Rows of a log gathered into columns, line by line or from compacted days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlkit.prediction_log.columns import Columns, to_list
from mlkit.prediction_log.garbage import NO_GARBAGE, Finds, Garbage
from mlkit.prediction_log.pieces import HEAD, Piece

if TYPE_CHECKING:
    import pandas as pd

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

    def add(self, piece: Piece) -> None:
        """Add rows in the order in which they were written."""
        self._jumps += piece.jumps
        head = piece.head | {"actual": self._with_outcomes(piece)}
        self._head.add(((name, head[name]) for name in HEAD), piece.rows)
        self._features.add(piece.features.items(), piece.rows)

    def _with_outcomes(self, piece: Piece) -> Any:
        """Return what came of rows: as it was logged, or known by the outcomes."""
        before = piece.head["actual"]
        if not self._outcomes:
            return before
        ids = to_list(piece.head["id"])
        if self._outcomes.keys().isdisjoint(ids):
            return before
        pairs = zip(ids, to_list(before), strict=True)
        return [self._outcomes.get(id, was) for id, was in pairs]

    def logged(
        self, model: str, finds: Finds, *, lost: int = 0, whole: bool = False
    ) -> Logged:
        """Return what was gathered, in the order of time; nothing is kept here.

        Of a `whole` log it is known whose outcomes have no row.
        """
        order = self._head.order("at")
        frame = self._head.frame(HEAD, places=order)
        frame["at"] = frame["at"].astype("datetime64[us, UTC]")
        frame = frame.astype(dict.fromkeys(TEXTS, "str"))
        features = self._features.frame(places=order)
        unknown = len(self._outcomes.keys() - set(frame["id"])) if whole else None
        files = tuple(dict.fromkeys(finds.files))
        return Logged(
            model, frame, features, finds.garbage, lost, self._jumps, unknown,
            files=files,
        )  # fmt: skip
