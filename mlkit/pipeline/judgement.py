"""The judgement: what should become of the model that `evaluate` measured, and why."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlkit import evaluate as evaluate_room
from mlkit import store, train
from mlkit.data import Dataset
from mlkit.evaluate import ChampionEvidence, Evaluation, Proposal
from mlkit.metrics import PairedTest
from mlkit.pipeline.artifacts import Loaded, load_champion, signature, unseen_rows
from mlkit.pipeline.steps import Step

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
        The verdict with its reason; the runner commits it.
    """
    champion = load_champion(step)
    if champion is None:
        return evaluate_room.propose(
            evaluation, step.params, champion=None, leakage=dataset.leakage
        )
    same_schema = signature(champion.schema) == signature(dataset.schema)
    rows = dataset.test_rows[unseen_rows(dataset, loaded, champion)]
    paired = None
    if same_schema and len(rows):
        paired = _compare(step, dataset, rows, champion, loaded)
    return evaluate_room.propose(
        evaluation,
        step.params,
        champion=ChampionEvidence(champion.version, champion.digest, len(rows)),
        leakage=dataset.leakage,
        same_model=champion.digest == loaded.digest,
        same_schema=same_schema,
        paired=paired,
    )


def _compare(
    step: Step, dataset: Dataset, rows: np.ndarray, champion: Loaded, loaded: Loaded
) -> PairedTest:
    features, task = dataset.X(rows), step.params.task
    return evaluate_room.compare(
        dataset,
        step.params,
        rows=rows,
        champion=train.predict(champion.models["model"], features, task),
        challenger=train.predict(loaded.models["model"], features, task),
    )


def save_judgement(
    step: Step, evaluation: Evaluation, proposal: Proposal
) -> dict[str, Any]:
    """Write the whole evaluation, and return what the run's record keeps of it.

    Returns
    -------
    dict
        ``evaluation`` (metrics, gates, slices) and ``proposal``, plain JSON data.
    """
    whole = evaluation.to_dict()
    store.write_json(step.files / "evaluation.json", whole)
    kept = {name: value for name, value in whole.items() if name not in CURVES}
    return {"evaluation": kept, "proposal": proposal.to_dict()}
