"""The explainer of a model: contributions of rows, checked against the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlkit.data import Schema, conform, unseen_levels
from mlkit.data.markup import table
from mlkit.explain.answers import check_sums, relative_error
from mlkit.explain.contributed import GAMES, Contributions, ExplainError
from mlkit.explain.explanation import Explanation, explanation_of
from mlkit.explain.methods import Method, Parts, find_method
from mlkit.explain.neighbours import LimeExplanation, lime_explanation
from mlkit.train.pipelines import steady

FEWEST_BACKGROUND = 2
BLOCK = 500
LIME_SEEDS = 10
LIME_SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Explainer:
    """A fitted model with what is needed to explain its predictions.

    Attributes
    ----------
    model : Pipeline
        The fitted model.
    background : DataFrame of shape (n_background, n_features)
        Conformed training rows that an explanation compares with.
    schema : Schema
        The columns the model was trained on.
    method : Method
        How the model is explained, chosen by what it is.
    seed : int
        Seed of all that is drawn.
    """

    model: Any
    background: pd.DataFrame
    schema: Schema
    method: Method
    seed: int

    def __repr__(self) -> str:
        # A record's own would print rows, and a notebook keeps it as the cell's text.
        return (
            f"Explainer({self.schema.target!r}, {self.method.name}, "
            f"{len(self.background):,} background rows)"
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """What the outputs speak for: positive class, classes, or the target."""
        classes = self.schema.classes
        if classes is None:
            return (self.schema.target,)
        if self.schema.column(self.schema.target).sensitive:
            classes = tuple(f"class {place + 1}" for place in range(len(classes)))
        return classes[1:] if len(classes) == 2 else classes

    def explain_prediction(
        self,
        row: Mapping[str, Any] | pd.Series | pd.DataFrame,
        method: Literal["shap", "lime"] = "shap",
        *,
        outcome: str | None = None,
        seeds: int = LIME_SEEDS,
        samples: int = LIME_SAMPLES,
    ) -> Explanation | LimeExplanation:
        """Explain the model's prediction for one row.

        Parameters
        ----------
        row : mapping, Series or DataFrame of one row
            Raw values by column name; columns the model does not know are left out.
        method : {"shap", "lime"}
            Contributions that add up to the prediction, or weights of a linear model
            fitted to predictions in the row's neighbourhood.
        outcome : str, optional
            The class of several whose output is explained; None takes the predicted
            one.
        seeds, samples : int
            LIME: how often it is repeated, and neighbours in each repetition.

        Returns
        -------
        Explanation or LimeExplanation
            A category that training never saw is explained as the model treats it, and
            the notes say so; of a sensitive column they say that it is not known.

        Raises
        ------
        DataError
            A column is absent or a value is not of its column's kind.
        ExplainError
            An unknown method or class, no row, or more than one.
        AdditivityError
            The contributions do not add up to what the model says.
        """
        if method not in ("shap", "lime"):
            raise ExplainError(
                f"explain_prediction: method must be 'shap' or 'lime', got {method!r}"
            )
        frame = self.conformed(row)
        unseen = tuple(str(check) for check in unseen_levels(frame, self.schema))
        notes = (*unseen, *unknown_note(frame, self.schema))
        values = frame[list(self.schema.features)]
        found = contributions(self, values)
        place = self.output_place(outcome, found)
        shap = explanation_of(self, found, values, place=place, notes=notes)
        if method == "shap":
            return shap
        return lime_explanation(self, values, shap, seeds=seeds, samples=samples)

    def conformed(
        self, row: Mapping[str, Any] | pd.Series | pd.DataFrame
    ) -> pd.DataFrame:
        """Return one row in the shape of the schema."""
        if not isinstance(row, Mapping | pd.Series | pd.DataFrame):
            raise ExplainError(
                "explain_prediction: a row must be a mapping of column to value, a "
                f"Series or a DataFrame of one row, got {type(row).__name__}; such as "
                "{'age': 40, 'region': 'north'}"
            )
        raw = row if isinstance(row, pd.DataFrame) else pd.DataFrame([dict(row)])
        if len(raw) != 1:
            raise ExplainError(
                f"explain_prediction: one row is explained at a time, got {len(raw)}. "
                "Use contributions(explainer, X) for many"
            )
        return conform(raw, self.schema, need_target=False).reset_index(drop=True)

    def output_place(self, outcome: str | None, found: Contributions) -> int:
        """Return the position of the output that is explained."""
        if outcome is None:
            return int(found.output[0].argmax())
        if outcome not in self.outputs:
            raise ExplainError(
                f"explain_prediction: outcome must be one of "
                f"{', '.join(self.outputs)}, got {outcome!r}"
            )
        return self.outputs.index(outcome)

    def _repr_html_(self) -> str:
        target = self.schema.target
        of = ", ".join(self.outputs)
        what = target if of == target else f"{target} = {of}"
        facts = [
            ("explains", f"{what} ({self.method.space})"),
            ("method", self.method.name),
            ("a column not known is", GAMES[self.method.game]),
            ("background rows", f"{len(self.background):,}"),
        ]
        return table("Explainer", ["fact", "value"], facts)


def explainer(
    model: Any, background: pd.DataFrame, schema: Schema, *, seed: int = 0
) -> Explainer:
    """Return the explainer of a fitted model.

    Parameters
    ----------
    model : Pipeline
        Takes the raw, conformed features.
    background : DataFrame of shape (n_background, n_columns)
        Conformed training rows, such as :func:`background_rows` chooses.
    schema : Schema
        The columns the model was trained on.
    seed : int
        Seed of the orders in which columns join, for models that can only be asked, and
        of LIME.

    Raises
    ------
    ExplainError
        A classifier without probabilities, or fewer than 2 background rows.
    """
    if len(background) < FEWEST_BACKGROUND:
        raise ExplainError(
            f"explain: at least {FEWEST_BACKGROUND} background rows are needed to "
            f"compare with, got {len(background)}"
        )
    rows = background[list(schema.features)].reset_index(drop=True)
    with steady(len(rows)):
        method = find_method(model, rows, schema, seed=seed)
    return Explainer(model, rows, schema, method, seed)


def contributions(explained: Explainer, X: pd.DataFrame) -> Contributions:
    """Return what each raw column contributes to the predictions for some rows.

    Parameters
    ----------
    explained : Explainer
        The model's explainer.
    X : DataFrame of shape (n_rows, n_columns)
        Conformed rows.

    Returns
    -------
    Contributions
        Held to the fitted model's answer in every row.

    Raises
    ------
    AdditivityError
        A row's contributions do not add up to what the model says.
    """
    rows = X[list(explained.schema.features)].reset_index(drop=True)
    if not len(rows):
        raise ExplainError("contributions: there must be at least one row, got none")
    method = explained.method.for_rows(len(rows))
    with steady(len(rows)):
        output = method.answer(rows)
        average = method.answer(explained.background).mean(axis=0)
        blocks = [
            method.attribute(rows.iloc[start : start + BLOCK])
            for start in range(0, len(rows), BLOCK)
        ]
    base = blocks[0].base
    values = np.concatenate([block.values for block in blocks])
    base = average if base is None else base
    found = Contributions(
        base=base,
        values=values,
        output=output,
        columns=explained.schema.features,
        outputs=explained.outputs,
        space=method.space,
        game=method.game,
        method=method.name,
        max_error=relative_error(base + values.sum(axis=1), output),
        notes=(*method.notes, *blanked_note(explained), *drawing_note(blocks)),
    )
    check_sums(found, single=method.single, read=method.read_off)
    return found


def blanked_note(explained: Explainer) -> tuple[str, ...]:
    """Return which sensitive columns the background keeps no values of."""
    blank = [
        column.name
        for column in explained.schema.columns
        if column.is_feature
        and column.sensitive
        and explained.background[column.name].isna().all()
    ]
    if not blank or explained.method.game != "interventional":
        return ()
    return (
        f"Of sensitive columns ({', '.join(blank)}) no values are kept to compare "
        "with: they are compared with missing ones.",
    )


def unknown_note(row: pd.DataFrame, schema: Schema) -> tuple[str, ...]:
    """Return of which categories it cannot be said whether training saw them."""
    hidden = [
        column.name
        for column in schema.columns
        if column.is_feature
        and column.sensitive
        and column.kind == "category"
        and row[column.name].notna().all()
    ]
    if not hidden:
        return ()
    return (
        f"Whether training saw the value of {', '.join(hidden)} is not kept: sensitive "
        "columns leave no values behind.",
    )


def drawing_note(blocks: list[Parts]) -> tuple[str, ...]:
    """Return how exact contributions are that rest on random orders."""
    spread = max(block.spread for block in blocks)
    if not spread:
        return ()
    return (
        "Each contribution is a mean over random orders of the columns; its standard "
        f"error is at most {spread:.2g}. Their sum is exact.",
    )
