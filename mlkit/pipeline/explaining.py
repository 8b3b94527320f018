"""What the notebook `explain` calls, and the explainer of a version in the registry."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mlkit import data as data_room
from mlkit import explain as explain_room
from mlkit import params as params_room
from mlkit import registry, store, train
from mlkit.data import Dataset, Schema
from mlkit.data.markup import table
from mlkit.evaluate import metric_specs
from mlkit.explain import (
    ChosenRow,
    Explainer,
    ExplainError,
    Explanation,
    Importances,
    LimeExplanation,
)
from mlkit.pipeline.artifacts import BACKGROUND, IMPORTANCES, Loaded
from mlkit.pipeline.steps import Step, reset
from mlkit.report import Outcome, wording
from mlkit.report.attributions import leading

FORMAT = 1


@dataclass(frozen=True)
class Refusal:
    """A model that cannot be explained, and why; no reason for a run to fail."""

    reason: str

    def _repr_html_(self) -> str:
        return f"<p><strong>Not explained.</strong> {escape(self.reason)}.</p>"


@dataclass(frozen=True)
class ChosenRows:
    """The rows that are explained.

    Attributes
    ----------
    rows : tuple of ChosenRow
    absent : tuple of str
        What is said of rows that the params name and that are not there.
    """

    rows: tuple[ChosenRow, ...]
    absent: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        cells = [(row.name, row.reason, row.truth) for row in self.rows]
        shown = table(
            "Rows that are explained", ["row", "why this one", "what really was"], cells
        )
        return shown + "".join(f"<p>{escape(said)}.</p>" for said in self.absent)


def make_explainer(step: Step, dataset: Dataset, loaded: Loaded) -> Explainer | Refusal:
    """Return the explainer of a model, with training rows to compare with.

    Parameters
    ----------
    step : Step
        The step; its explain section says how many rows.
    dataset : Dataset
        The data.
    loaded : Loaded
        The model.

    Returns
    -------
    Explainer or Refusal
        Its background holds no values of sensitive columns, as what is stored of it
        must not: so an explanation made later from the registry says the same. A
        refusal for a model that cannot be explained, such as a classifier without
        probabilities.
    """
    params = step.params
    rows = explain_room.background_rows(
        dataset, params.explain.background, seed=params.seed
    )
    background = without_sensitive(dataset.X(rows), loaded.schema)
    try:
        return explain_room.explainer(
            loaded.models["model"], background, loaded.schema, seed=params.seed
        )
    except ExplainError as error:
        return Refusal(str(error))


def explain_columns(
    step: Step, dataset: Dataset, explainer: Explainer | Refusal
) -> Importances | None:
    """Return how far each column moves predictions, and how much the model needs it.

    Raises
    ------
    AdditivityError
        Contributions do not add up to what the fitted model says.
    """
    if isinstance(explainer, Refusal):
        return None
    params = step.params
    measure = explain_room.Measure(
        metric_specs(params)[params.primary],
        params.evaluate.threshold,
        params.evaluate.average,
    )
    return explain_room.global_importance(
        explainer,
        dataset,
        measure,
        rows=params.explain.global_rows,
        repeats=params.explain.repeats,
        confidence=params.evaluate.confidence,
        seed=params.seed,
    )


def choose_rows(step: Step, dataset: Dataset, loaded: Loaded) -> ChosenRows:
    """Return the rows that the params name, else those that tell most.

    A row that is not there does not fail a run: tables change. It is said.
    """
    section = step.params.explain
    found, absent = [], []
    for name in section.rows:
        try:
            found.append(explain_room.named_row(dataset, name, key=section.key))
        except ExplainError as error:
            absent.append(str(error))
    if section.rows:
        return ChosenRows(tuple(found), tuple(dict.fromkeys(absent)))
    said = train.predict(
        loaded.models["model"], dataset.X(dataset.test_rows), step.params.task
    )
    threshold = step.params.evaluate.threshold
    return ChosenRows(explain_room.telling_rows(dataset, said, threshold=threshold))


def explain_rows(
    step: Step,
    dataset: Dataset,
    explainer: Explainer | Refusal,
    chosen: ChosenRows,
    method: Literal["shap", "lime"] = "shap",
) -> tuple[Explanation | LimeExplanation, ...]:
    """Return the explanation of each chosen row.

    Raises
    ------
    AdditivityError
        Contributions do not add up to what the fitted model says.
    """
    if isinstance(explainer, Refusal):
        return ()
    section = step.params.explain
    found = []
    for row in chosen.rows:
        explained = explainer.explain_prediction(
            dataset.frame.iloc[[row.position]],
            method,
            seeds=section.lime_seeds,
            samples=section.lime_samples,
        )
        named: dict[str, Any] = {"name": row.name, "reason": row.reason}
        if isinstance(explained, Explanation):
            named["truth"] = row.truth
        found.append(replace(explained, **named))
    return tuple(found)


def save_explanations(
    step: Step,
    explainer: Explainer | Refusal,
    importances: Importances | None,
    *rows: Sequence[Explanation | LimeExplanation],
) -> None:
    """Write what was found, and what is kept of it with a version.

    That is the background from which it is explained later, and how far each column
    moves its predictions, by which drift is ranked.

    Sensitive columns are blanked in it, whoever made the explainer.
    """
    reset(step)
    kept: dict[str, Any] = {"format": FORMAT, "refusal": None}
    if isinstance(explainer, Refusal):
        kept["refusal"] = explainer.reason
    else:
        kept["method"] = explainer.method.name
        stored = without_sensitive(explainer.background, explainer.schema)
        store.write_atomic(step.files / BACKGROUND, stored.to_parquet())
    kept["importances"] = None if importances is None else importances.to_dict()
    if importances is not None:
        moves = zip(importances.columns, importances.moves, strict=True)
        store.write_json(step.files / IMPORTANCES, dict(moves))
    every = [each for some in rows for each in some]
    kept["rows"] = [e.to_dict() for e in every if isinstance(e, Explanation)]
    kept["lime"] = [e.to_dict() for e in every if isinstance(e, LimeExplanation)]
    store.write_json(step.files / "explanations.json", kept)


def without_sensitive(rows: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return rows with the sensitive columns blanked."""
    hidden = {column.name for column in schema.columns if column.sensitive}
    every = np.ones(len(rows), dtype=bool)
    blanked = {name: rows[name].mask(every) for name in hidden & set(rows.columns)}
    return rows.assign(**blanked)


def open_explainer(
    case: str, version: str = "production", root: Path | None = None
) -> Explainer:
    """Return the explainer of a version in the registry.

    Parameters
    ----------
    case : str
        Name of the case.
    version : str
        A version, a stage, or ``latest``.
    root : Path, optional
        The workspace; None finds it.

    Returns
    -------
    Explainer
        Its background is that of the version's own report.

    Raises
    ------
    RegistryError
        There is no such version, or its model cannot be opened here.
    DamageError
        A file is missing or altered.
    ExplainError
        The version keeps no background, or is a classifier without probabilities.
    """
    root = root or store.workspace_root()
    params = params_room.load_params(case, root)
    opened = registry.open_registry(params.model, root)
    loaded = opened.load(version, allow_pickle=params.registry.allow_pickle)
    if BACKGROUND not in loaded.manifest["artifacts"]:
        raise ExplainError(
            f"explain: version {loaded.version} of {params.model!r} keeps no rows to "
            "compare with: its run did not explain it. Retrain, or make an explainer "
            "with mlkit.explain.explainer and training rows of your own"
        )
    schema = Schema.from_dict(loaded.manifest["schema"])
    stored = pd.read_parquet(io.BytesIO(opened.artifact(loaded.version, BACKGROUND)))
    background = data_room.conform(stored, schema, need_target=False)
    return explain_room.explainer(
        loaded.model, background, schema, seed=loaded.manifest["params"]["seed"]
    )


def explain_outcome(
    explainer: Explainer | Refusal,
    importances: Importances | None,
    chosen: ChosenRows,
    lime: Sequence[LimeExplanation] = (),
) -> Outcome:
    """Say which columns move the prediction most, or why that is not known."""
    if isinstance(explainer, Refusal):
        return Outcome(
            "warning", "The model cannot be explained", f"{explainer.reason}."
        )
    if importances is None:
        return Outcome("warning", "The columns were not compared")
    top = leading(importances.columns, importances.moves, 2)
    verb = "moves" if len(top) == 1 else "move"
    headline = f"{wording.listing(top)} {verb} the prediction most"
    if not top:
        headline = "No column moves the prediction"
    reason = (
        "The contributions of every explained row add up to the fitted model's own "
        "answer."
    )
    if lime:
        usable = sum(each.usable for each in lime)
        reason += (
            f" LIME can be used for {usable} of {wording.count(len(lime), 'row')}."
        )
    if chosen.absent:
        return Outcome("warning", headline, f"{chosen.absent[0]}. {reason}")
    return Outcome("ok", headline, reason)


def explain_numbers(
    importances: Importances | None, lime: Sequence[LimeExplanation] = ()
) -> list[dict[str, Any]]:
    """Return what matters, for :class:`mlkit.report.KeyNumber`."""
    if importances is None:
        return []
    needs = [need or 0.0 for need in importances.needs]
    needed = leading(importances.columns, needs, 1)
    moving = leading(importances.columns, importances.moves, 1)
    numbers: list[dict[str, Any]] = [
        {"label": "Moves predictions most", "value": name} for name in moving
    ]
    numbers += [{"label": "Model needs most", "value": name} for name in needed]
    numbers.append(
        {
            "label": "Sums that hold",
            "value": f"{importances.rows} of {importances.rows}",
            "meaning": "rows whose contributions add up to the model's answer; largest "
            f"relative error {power_of_ten(importances.max_error)}",
        }
    )
    if lime:
        usable = sum(each.usable for each in lime)
        numbers.append(
            {"label": "Rows LIME can explain", "value": f"{usable} of {len(lime)}"}
        )
    return numbers


def power_of_ten(value: float) -> str:
    """Return the size of an error as people write it.

    Examples
    --------
    >>> power_of_ten(4.4e-15).split(), power_of_ten(0.0)
    (['4', '×', '10⁻¹⁵'], '0')
    """
    if not value:
        return "0"
    digit, _, power = f"{value:.0e}".partition("e")
    raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{digit}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10{raised}"
