"""The explanation of one prediction: from the base value, column by column, to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mlkit import train
from mlkit.data import Column
from mlkit.data.markup import table
from mlkit.data.records import MASK
from mlkit.explain.answers import relative_error
from mlkit.explain.contributed import Contributions, Game, Space

if TYPE_CHECKING:
    from mlkit.explain.explainers import Explainer

MINUS = "\N{MINUS SIGN}"
LONGEST = 40
SHOWN = 12


@dataclass(frozen=True)
class Explanation:
    """Why a model predicted what it did for one row.

    Attributes
    ----------
    name, reason : str
        Which row it is and why it was chosen; empty for a row of the caller's.
    outcome : str
        What is explained: the positive class, a class, or the target.
    space : {"log-odds", "score", "probability", "value"}
        Unit of `base`, `contributions` and `output`, see
        :class:`mlkit.explain.Contributions`.
    base, output : float
        Where every row starts, and what the model says of this one.
    columns : tuple of str
        The raw columns, largest contribution first.
    values : tuple of str
        Their values in this row, masked where sensitive.
    contributions : tuple of float
        ``base + sum(contributions)`` is `output`.
    prediction : mapping of str to float
        Probability of the positive class or of each class, or the predicted value.
    truth : str or None
        What really happened, where it is known.
    max_error : float
        How far the sum is from what the fitted model says, as a share of that where
        it is above 1.
    notes : tuple of str
        What a reader must know, such as categories that training never saw.
    """

    outcome: str
    space: Space
    game: Game
    method: str
    base: float
    output: float
    columns: tuple[str, ...]
    values: tuple[str, ...]
    contributions: tuple[float, ...]
    prediction: Mapping[str, float]
    max_error: float
    name: str = ""
    reason: str = ""
    truth: str | None = None
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; sensitive values are masked in it."""
        return {
            "name": self.name,
            "reason": self.reason,
            "outcome": self.outcome,
            "space": self.space,
            "game": self.game,
            "method": self.method,
            "base": self.base,
            "output": self.output,
            "columns": list(self.columns),
            "values": list(self.values),
            "contributions": list(self.contributions),
            "prediction": dict(self.prediction),
            "truth": self.truth,
            "max_error": self.max_error,
            "notes": list(self.notes),
        }

    def _repr_html_(self) -> str:
        parts = list(zip(self.columns, self.values, self.contributions, strict=True))
        rows: list[tuple[object, ...]] = [("where every row starts", "", self.base)]
        rows += parts[:SHOWN]
        rest = parts[SHOWN:]
        if rest:
            total = sum(part for _, _, part in rest)
            rows.append((f"{len(rest)} other columns", "", total))
        rows.append(("prediction", "", self.output))
        shown = [
            (name, value, f"{part:+.4g}".replace("-", MINUS))
            for name, value, part in rows
        ]
        caption = f"What moves {self.outcome} ({self.space})"
        return table(caption, ["column", "value", "contribution"], shown)


def explanation_of(
    explained: Explainer,
    found: Contributions,
    rows: pd.DataFrame,
    *,
    place: int,
    row: int = 0,
    name: str = "",
    reason: str = "",
    truth: str | None = None,
    notes: tuple[str, ...] = (),
) -> Explanation:
    """Return the explanation of one of some explained rows.

    Parameters
    ----------
    explained : Explainer
        The model's explainer.
    found : Contributions
        Of `rows`.
    rows : DataFrame of shape (n_rows, n_features)
        Conformed rows.
    place, row : int
        The output that is explained, and the row.
    name, reason, truth, notes
        See :class:`Explanation`.
    """
    values = found.values[row, :, place]
    order = np.argsort(-np.abs(values), kind="stable")
    schema = explained.schema
    texts = [
        value_text(rows[column].iloc[row], schema.column(column))
        for column in found.columns
    ]
    output = float(found.output[row, place])
    return Explanation(
        outcome=found.outputs[place],
        space=found.space,
        game=found.game,
        method=found.method,
        base=float(found.base[place]),
        output=output,
        columns=tuple(found.columns[at] for at in order),
        values=tuple(texts[at] for at in order),
        contributions=tuple(float(values[at]) for at in order),
        prediction=prediction_of(explained, rows.iloc[[row]]),
        max_error=relative_error(
            found.base[place] + values.sum(), found.output[row, place]
        ),
        name=name,
        reason=reason,
        truth=truth,
        notes=(*found.notes, *notes),
    )


def prediction_of(explained: Explainer, row: pd.DataFrame) -> dict[str, float]:
    """Return what the model predicts for one row, by output."""
    task = explained.schema.task
    said = np.atleast_1d(train.predict(explained.model, row, task)[0])
    names = explained.outputs
    shown = said[-len(names) :]
    return {name: float(each) for name, each in zip(names, shown, strict=True)}


def value_text(value: Any, column: Column) -> str:
    """Return a value as a reader is shown it: masked where sensitive, short otherwise.

    Examples
    --------
    >>> rooms = Column("rooms", "number")
    >>> value_text(3.0, rooms), value_text(0.12345, rooms)
    ('3', '0.1235')
    >>> value_text(-1.8, rooms)
    '−1.8'
    >>> value_text("x", Column("postcode", "category", sensitive=True))
    '•••'
    """
    if column.sensitive:
        return MASK
    if pd.isna(value):
        return "missing"
    if isinstance(value, pd.Timestamp):
        day = value == value.normalize()
        return str(value.date()) if day else f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        whole = value.is_integer() or abs(value) >= 1000
        text = f"{value:,.0f}" if whole else f"{value:.4g}"
        return text.replace("-", MINUS)
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
