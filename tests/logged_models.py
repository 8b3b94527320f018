"""A version in production with its profile, and a log of what it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlkit import store
from mlkit.data import Schema
from mlkit.data.inference import infer_schema
from mlkit.drift import Performance, reference_profile, reference_sample
from mlkit.metrics import Scored, estimate
from mlkit.params import Params, params_from_dict
from mlkit.prediction_log import PredictionLogger
from mlkit.registry import Candidate, Note, open_registry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
WHO = Note("ada", NOW - timedelta(days=60), "a test")
CLASSES = ("no", "yes")


def make_params(**sections: Any) -> Params:
    """Return the params of the case ``toy``; keywords are sections or parts of them."""
    data = {"source": "toy.csv", "target": "bought", "positive": "yes"}
    data |= sections.pop("data", {})
    evaluate = {"resamples": 100} | sections.pop("evaluate", {})
    task = sections.pop("task", "binary")
    if task == "regression":
        data.pop("positive")
    return params_from_dict(
        {"case": "toy", "task": task, "data": data, "evaluate": evaluate, **sections}
    )


def rows_of(n: int, *, seed: int = 0, shift: float = 0.0) -> pd.DataFrame:
    """Return features: three numbers and a category; `shift` moves the first."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.normal(40 + 10 * shift, 10, n).round(2),
            "visits": rng.poisson(3, n),
            "spent": rng.normal(0, 1, n).round(4),
            "region": rng.choice(["north", "south", "east"], n),
        }
    )


def chances(rows: pd.DataFrame) -> np.ndarray:
    """Return the true probability of ``yes``."""
    score = 0.1 * (rows["age"] - 40) + 0.5 * (rows["visits"] - 3) + rows["spent"]
    return np.asarray(1 / (1 + np.exp(-score)))


def outcomes(rows: pd.DataFrame, *, seed: int = 1, noise: float = 0.0) -> np.ndarray:
    """Return labels drawn with the true probability; `noise` turns some around."""
    rng = np.random.default_rng(seed)
    yes = rng.random(len(rows)) < chances(rows)
    turned = rng.random(len(rows)) < noise
    return np.where(yes ^ turned, "yes", "no")


def schema_of(rows: pd.DataFrame, params: Params) -> Schema:
    """Return the columns of rows with their outcome."""
    table = rows.assign(bought=outcomes(rows))
    return infer_schema(table, params)


def candidate(number: int = 0, **fields: Any) -> Candidate:
    """Return a version to register; keywords replace fields."""
    known = {
        "digest": f"{number:064x}",
        "fingerprint": "f" * 64,
        "estimator": "linear",
        "family": "linear",
        "who": "ada",
        "created_at": NOW - timedelta(days=60),
    }
    return Candidate(**{**known, **fields})


def tied(n: int, *, seed: int) -> pd.DataFrame:
    """Return rows whose region follows from the age; each column is as it was."""
    rows = rows_of(n, seed=seed)
    places = rows["age"].rank(method="first").to_numpy()
    regions = np.array(["north", "south", "east"])
    return rows.assign(region=regions[np.ceil(3 * places / n).astype(int) - 1])


def register(
    root: Path,
    params: Params,
    candidate: Any,
    *,
    profiled: bool = True,
    stage: str = "production",
    number: int = 0,
    n: int = 2000,
    sample: int = 0,
) -> str:
    """Register a version that answers the true probabilities; return its number.

    With `sample`, so many rows of its reference are kept with it.
    """
    rows = rows_of(n, seed=100)
    schema = schema_of(rows, params)
    fresh = rows_of(n, seed=101)
    truth = (outcomes(fresh, seed=102) == "yes").astype(float)
    answers = np.column_stack([1 - chances(fresh), chances(fresh)])
    area = estimate("roc_auc", Scored("binary", truth, answers))
    profile = reference_profile(
        rows,
        schema,
        predictions=answers,
        performance=Performance.of(
            area, metric="roc_auc", label="ROC AUC", greater_is_better=True
        ),
    )
    artifacts = {"model.skops": b"a model"}
    if profiled:
        content = store.canonical_json(profile.to_dict())
        artifacts["reference_profile.json"] = content
        weights = {name: float(place) for place, name in enumerate(schema.features)}
        artifacts["importances.json"] = store.canonical_json(weights)
    drawn = reference_sample(rows, schema, most=sample)
    if drawn is not None:
        artifacts["reference_rows.parquet"] = drawn.to_parquet()
    made: Candidate = candidate(
        number, schema=schema.to_dict(), params=params.to_dict()
    )
    opened = open_registry(params.model, root)
    found = opened.register(made, artifacts, why="a test")
    opened.move(found.version, "staging", note=WHO)
    if stage == "production":
        champion = opened.production()
        judged = None if champion is None else champion.digest
        opened.promote(found.version, note=WHO, expected_champion=judged)
    return found.version


@dataclass(frozen=True)
class Day:
    """What is logged on a day: how many rows, shifted, and with which outcomes."""

    rows: int = 200
    shift: float = 0.0
    noise: float = 0.0
    labelled: float = 1.0
    errors: int = 0
    latency: float = 10.0


def log_days(
    root: Path,
    days: Sequence[Day],
    *,
    version: str = "1.0.0",
    last: datetime = NOW,
    seed: int = 0,
    **options: Any,
) -> None:
    """Log so many days up to the day of `last`, whose rows end an hour before it."""
    at_last = last - timedelta(hours=1)
    with PredictionLogger(root / "data" / "predictions", **options) as log:
        for back, day in zip(reversed(range(len(days))), days, strict=True):
            _log_day(log, day, at_last - timedelta(days=back), version, seed + back)


def _log_day(
    log: PredictionLogger, day: Day, end: datetime, version: str, seed: int
) -> None:
    rng = np.random.default_rng([seed, 7])
    rows = rows_of(day.rows, seed=1000 + seed, shift=day.shift)
    labels = outcomes(rows, seed=2000 + seed, noise=day.noise)
    positive = chances(rows)
    step = timedelta(hours=8) / max(day.rows + day.errors, 1)
    known = rng.random(day.rows) < day.labelled
    for place, features in enumerate(rows.to_dict("records")):
        p = float(positive[place])
        log.log_prediction(
            "toy",
            version,
            features,
            CLASSES[int(p >= 0.5)],
            p,
            str(labels[place]) if known[place] else None,
            float(rng.gamma(4, day.latency / 4)),
            id=f"{seed}-{place}",
            at=end - step * (day.rows + day.errors - place),
        )
    for place in range(day.errors):
        log.log_error("toy", version, "it broke", at=end - step * (day.errors - place))
