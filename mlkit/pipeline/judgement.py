"""The judgement: what should become of the model that `evaluate` measured, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlkit import evaluate as evaluate_room
from mlkit import registry, store, train
from mlkit.data import Dataset, Schema
from mlkit.evaluate import ChampionEvidence, Evaluation, Proposal
from mlkit.metrics import PairedTest
from mlkit.pipeline.artifacts import (
    Loaded,
    input_shape,
    load_version,
    unseen_rows,
)
from mlkit.pipeline.steps import Step, reset
from mlkit.registry import DamageError, ModelRegistry, Record, RegistryError

# Curves are for figures; a scrap is for whoever reads the run's record.
CURVES = ("roc", "pr", "calibration", "confusion", "residuals")


def judge(
    step: Step, dataset: Dataset, loaded: Loaded, evaluation: Evaluation
) -> Proposal:
    """Propose what becomes of a model, against the version in production.

    Champion and challenger are compared on test rows that neither was trained on.

    Parameters
    ----------
    step : Step
        The step that judges.
    dataset : Dataset
        The data, with their test rows.
    loaded : Loaded
        The model.
    evaluation : Evaluation
        What was measured of it.

    Returns
    -------
    Proposal
        The verdict with its reason; the runner commits it. A champion that can not be
        opened in this environment leaves it undecided.

    Raises
    ------
    DamageError
        If the champion's file is missing or altered.
    """
    opened = registry.open_registry(step.params.model, step.root)
    champion = opened.production()
    if champion is None:
        return evaluate_room.propose(
            evaluation, step.params, champion=None, leakage=dataset.leakage
        )
    schema = Schema.from_dict(champion.manifest["schema"])
    same_schema = input_shape(schema) == input_shape(dataset.schema)
    same_model = champion.digest == loaded.digest
    rows, paired, untested = 0, None, ""
    if same_schema and not same_model:
        try:
            rows, paired = _compare(step, dataset, loaded, opened, champion)
        except DamageError:
            raise
        except RegistryError as error:
            untested = f"its model cannot be opened here: {error}"
    return evaluate_room.propose(
        evaluation,
        step.params,
        champion=ChampionEvidence(champion.version, champion.digest, rows, untested),
        leakage=dataset.leakage,
        same_model=same_model,
        same_schema=same_schema,
        paired=paired,
    )


def _compare(
    step: Step,
    dataset: Dataset,
    loaded: Loaded,
    opened: ModelRegistry,
    champion: Record,
) -> tuple[int, PairedTest | None]:
    """Return how many rows neither model has seen, and the test on them."""
    allowed = step.params.registry.allow_pickle
    other = load_version(opened, champion, ["model"], allowed)
    seen = np.concatenate([loaded.train_hashes, other.train_hashes])
    rows = unseen_rows(dataset, seen)
    if not len(rows):
        return 0, None
    features, task = dataset.X(rows), step.params.task
    paired = evaluate_room.compare(
        dataset,
        step.params,
        rows=rows,
        champion=train.predict(other.models["model"], features, task),
        challenger=train.predict(loaded.models["model"], features, task),
    )
    return len(rows), paired


def save_judgement(
    step: Step, evaluation: Evaluation, proposal: Proposal
) -> dict[str, Any]:
    """Write the whole evaluation, and return what the run's record keeps of it.

    Returns
    -------
    dict
        ``evaluation`` (metrics, gates, slices) and ``proposal``, plain JSON data.
    """
    reset(step)
    whole = evaluation.to_dict()
    store.write_json(step.files / "evaluation.json", whole)
    kept = {name: value for name, value in whole.items() if name not in CURVES}
    calibration = evaluation.calibration
    kept["calibration_floor"] = None if calibration is None else calibration.floor
    return {"evaluation": kept, "proposal": proposal.to_dict()}
