"""What an explanation consists of: contributions that add up to a prediction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlkit.data.markup import table

Space = Literal["log-odds", "score", "probability", "value"]
Game = Literal["interventional", "path-dependent"]
Floats = NDArray[np.float64]


class ExplainError(ValueError):
    """A model or a row that cannot be explained; says what to do instead."""


class AdditivityError(RuntimeError):
    """Contributions that do not add up to what the fitted model says."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """The parts of predictions that each raw column accounts for.

    For each row and output, ``base + values.sum(axis=1)`` is ``output``; this was
    checked against the fitted model.

    Attributes
    ----------
    base : ndarray of shape (n_outputs,)
        Where every row starts: the average output for the background, or what the
        trees say of a row of which nothing is known (game ``path-dependent``).
    values : ndarray of shape (n_rows, n_columns, n_outputs)
        The contributions.
    output : ndarray of shape (n_rows, n_outputs)
        What the fitted model says.
    columns : tuple of str
        The raw columns, in schema order.
    outputs : tuple of str
        What the outputs speak for: the positive class, the classes, or the target.
    space : {"log-odds", "score", "probability", "value"}
        Unit of all numbers. A score is a class's log-probability up to a number that
        all classes share; a value is in the target's unit.
    game : {"interventional", "path-dependent"}
        What a column that is not known is replaced by: its values in background rows,
        or what the trees learnt it to be.
    method : str
        How the contributions were computed.
    max_error : float
        The largest distance of a sum from the fitted model's answer, as a share of the
        answer where that is above 1.
    notes : tuple of str
        What a reader must know.
    """

    base: Floats
    values: Floats
    output: Floats
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    space: Space
    game: Game
    method: str
    max_error: float
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; it holds no value of the table."""
        return {
            "base": self.base.tolist(),
            "values": self.values.tolist(),
            "output": self.output.tolist(),
            "columns": list(self.columns),
            "outputs": list(self.outputs),
            "space": self.space,
            "game": self.game,
            "method": self.method,
            "max_error": self.max_error,
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        facts = [
            ("rows", f"{len(self.values):,}"),
            ("columns", len(self.columns)),
            ("explains", f"{', '.join(self.outputs)} ({self.space})"),
            ("method", self.method),
            ("a column not known is", GAMES[self.game]),
            ("largest error of a sum", f"{self.max_error:.1e}"),
            ("notes", "; ".join(self.notes) or None),
        ]
        shown = [(name, value) for name, value in facts if value is not None]
        return table("Contributions", ["fact", "value"], shown)


GAMES: dict[Game, str] = {
    "interventional": "drawn from the background rows",
    "path-dependent": "what the trees learnt it to be",
}
