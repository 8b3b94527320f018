"""Records of a detection: what a drift detector says of rows, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mlkit.data.markup import table
from mlkit.metrics import show

if TYPE_CHECKING:
    from mlkit.drift import Multivariate

Engine = Literal["mlkit", "evidently"]


@dataclass(frozen=True)
class ColumnVerdict:
    """What was found of one column.

    Attributes
    ----------
    statistic, p_value : float or None
        Of the method; None where it has none or could not be computed.
    effect : float or None
        Size of the change, from 0 to 1.
    verdict : str
        ``drift`` or ``none``; ``too_few`` rows to judge; ``absent``, ``wrong kind`` or
        ``all missing``, which are drift as well; ``not compared`` where comparing would
        say nothing.
    method : str
        What the statistic is.
    threshold : float or None
        What the statistic was held against; None where there is no fixed one.
    drifted : bool
        Whether the column counts as drifted.
    reason : str
        The finding in a sentence.
    """

    statistic: float | None
    p_value: float | None
    effect: float | None
    verdict: str
    method: str
    threshold: float | None
    drifted: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Detected:
    """Whether rows still look like the baseline, and why.

    Attributes
    ----------
    drifted : bool
        Whether the data as a whole have drifted.
    drifted_columns : tuple of str
        Names of the columns that have, in the order of `columns`.
    columns : mapping of str to ColumnVerdict
        Every column of the baseline.
    score : float
        Share of the compared columns that drifted, from 0 to 1. Columns that were not
        compared do not count unless something about them drifted.
    threshold : float
        Of the statistic where a method with one bound was asked for, before it was
        raised for few rows; else of the score: with ``auto`` two columns at least that
        are such a share are drift of the data, and one is by a large effect alone,
        which the reason says.
    verdict : str
        ``drift``, ``columns`` (some drifted, the data as a whole did not), ``none`` or
        ``too_few``.
    reason : str
        Why, in a sentence or two.
    method : str
        The method that was asked for.
    engine : str
        What computed the numbers.
    model, version : str
        What the rows were given to.
    at : str
        When, in UTC.
    rows, current_rows : int
        Rows of the baseline and of the frame.
    note : str
        What the reader must know of the numbers; may be empty.
    predictions : mapping of str to ColumnVerdict
        The model's answers, where both sides have them.
    multivariate : Multivariate or None
        What was found of all columns together, where that was asked for.
    """

    drifted: bool
    drifted_columns: tuple[str, ...]
    columns: Mapping[str, ColumnVerdict]
    score: float
    threshold: float
    verdict: str
    reason: str
    method: str
    engine: Engine
    model: str
    version: str
    at: str
    rows: int
    current_rows: int
    note: str = ""
    predictions: Mapping[str, ColumnVerdict] = field(default_factory=dict)
    multivariate: Multivariate | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the detection as plain JSON data."""
        return asdict(self) | {
            "drifted_columns": list(self.drifted_columns),
            "columns": {name: each.to_dict() for name, each in self.columns.items()},
            "predictions": {
                name: each.to_dict() for name, each in self.predictions.items()
            },
            "multivariate": self.multivariate and self.multivariate.to_dict(),
        }

    def _repr_html_(self) -> str:
        rows = [
            (name, each.verdict, each.method, *map(_number, _numbers(each)))
            for name, each in (*self.predictions.items(), *self.columns.items())
        ]
        head = ["column", "verdict", "method", "statistic", "p-value", "effect"]
        return table(f"Drift: {self.verdict}. {self.reason}", head, rows)


def _numbers(column: ColumnVerdict) -> tuple[float | None, ...]:
    return column.statistic, column.p_value, column.effect


def _number(value: float | None) -> str:
    return "" if value is None else show(value)
