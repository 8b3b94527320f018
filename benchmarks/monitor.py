"""What a check of a model in production costs: a day's log, a month's, a large one.

A version with 20 numbers and 5 categories answers 1,000 requests a day, all of which
get an outcome. Processor time of the least of five turns. The large log has 100,000
requests a day for a week, nine of ten with an outcome that was logged later.

    python benchmarks/monitor.py
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from mlkit import store
from mlkit.data import Schema
from mlkit.data.inference import infer_schema
from mlkit.drift import (
    Performance,
    ReferenceProfile,
    count_rows,
    detect,
    reference_profile,
    reference_sample,
)
from mlkit.label_free import labelled_answers
from mlkit.metrics import Scored, estimate
from mlkit.monitor import DriftDetector, check, commit
from mlkit.monitor.gathering import gather
from mlkit.params import Params, params_from_dict
from mlkit.prediction_log import PredictionLogger, tidy
from mlkit.registry import Candidate, Note, open_registry

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ROWS = 1000
LARGE_ROWS = 100_000
NOON_BEFORE = NOW - timedelta(hours=2)
WEEK = 7
TURNS = 5


def features(n: int, seed: int) -> pd.DataFrame:
    """Return 20 numbers and 5 categories."""
    rng = np.random.default_rng(seed)
    numbers = {f"x{i}": rng.normal(0, 1, n).round(5) for i in range(20)}
    return pd.DataFrame(
        numbers | {f"c{i}": rng.choice(list("abcdef"), n) for i in range(5)}
    )


def answered(rows: pd.DataFrame, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and outcomes."""
    p = np.asarray(1 / (1 + np.exp(-rows["x0"] - rows["x1"])))
    return p, np.where(np.random.default_rng(seed).random(len(p)) < p, "yes", "no")


def case(**drift: object) -> Params:
    """Return the params of the case; keywords are those of the section drift."""
    data = {"source": "b.csv", "target": "bought", "positive": "yes"}
    return params_from_dict(
        {"case": "bench", "task": "binary", "data": data, "drift": drift}
    )


def register(root: Path, params: Params) -> None:
    """Put a version with a profile of 20,000 rows into production."""
    rows = features(20_000, 1)
    p, labels = answered(rows, 2)
    schema = infer_schema(rows.assign(bought=labels), params)
    both = np.column_stack([1 - p, p])
    area = estimate("roc_auc", Scored("binary", labels == "yes", both))
    measured = Performance.of(
        area, metric="roc_auc", label="ROC AUC", greater_is_better=True
    )
    profile = reference_profile(rows, schema, predictions=both, performance=measured)
    made = Candidate(
        digest="0" * 64, schema=schema.to_dict(), params=params.to_dict(),
        fingerprint="f" * 64, estimator="linear", family="linear", who="bench",
        created_at=NOW - timedelta(days=40),
    )  # fmt: skip
    opened = open_registry(params.model, root)
    content = store.canonical_json(profile.to_dict())
    known = labelled_answers("binary", labels == "yes", both)
    files = {
        "model.skops": b"none",
        "reference_profile.json": content,
        "label_free.json": store.canonical_json(known.to_dict()),
    }
    sample = reference_sample(rows, schema, most=params.drift.sample)
    if sample is not None:
        files["reference_rows.parquet"] = sample.to_parquet()
    version = opened.register(made, files).version
    note = Note("bench", NOW - timedelta(days=40), "a benchmark")
    opened.move(version, "staging", note=note)
    opened.promote(version, note=note, expected_champion=None)


def log(root: Path, days: int) -> None:
    """Log 1,000 answers a day, with their outcomes."""
    with PredictionLogger(root / "data" / "predictions") as logger:
        for back in reversed(range(days)):
            rows = features(ROWS, 10 + back)
            p, labels = answered(rows, 50 + back)
            end = NOW - timedelta(days=back, hours=1)
            for place, row in enumerate(rows.to_dict("records")):
                logger.log_prediction(
                    "bench", "1.0.0", row, "yes" if p[place] >= 0.5 else "no",
                    float(p[place]), str(labels[place]), 5.0,
                    at=end - timedelta(seconds=ROWS - place),
                )  # fmt: skip


def log_much(root: Path) -> None:
    """Log 100,000 answers a day for a week, most outcomes an hour later."""
    with PredictionLogger(root / "data" / "predictions") as logger:
        for back in reversed(range(WEEK)):
            rows = features(LARGE_ROWS, 10 + back)
            p, labels = answered(rows, 50 + back)
            at = NOON_BEFORE - timedelta(days=back)
            ids = logger.log_predictions(
                "bench", "1.0.0", rows, np.where(p >= 0.5, "yes", "no").tolist(),
                p.tolist(), latency_ms=5.0, at=at,
            )  # fmt: skip
            later = at + timedelta(hours=1)
            for place, id in enumerate(ids):
                if place % 10:
                    known = str(labels[place])
                    logger.log_actual(id, known, model_name="bench", at=later)


def least(action: Callable[[], object], turns: int = TURNS) -> float:
    """Return the least processor time of some turns, in milliseconds."""
    times = []
    for _ in range(turns):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return 1000 * min(times)


def say(what: str, value: float, target: float | None = None, unit: str = "ms") -> None:
    """Write a figure, and whether it keeps its target."""
    held = "" if target is None else f"  (target {target:g} {unit}: "
    held += "" if target is None else "kept)" if value <= target else "MISSED)"
    sys.stdout.write(f"{what:<58} {value:9.2f} {unit}{held}\n")
    sys.stdout.flush()


def columns(params: Params) -> Schema:
    """Return what the columns are."""
    rows = features(400, 1)
    return infer_schema(rows.assign(bought=answered(rows, 2)[1]), params)


def measure(days: int) -> None:
    """Measure checks of a log of so many days."""
    params = case()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        register(root, params)
        log(root, days)
        gathered = gather(params, root, now=NOW)
        opened = open_registry(params.model, root)
        content = store.parse_json(opened.artifact("1.0.0", "reference_profile.json"))
        reference, schema = ReferenceProfile.from_dict(content), columns(params)
        rows = gathered.features.iloc[-ROWS:]
        plural = "" if days == 1 else "s"
        sys.stdout.write(f"\n{days} day{plural} of {ROWS:,} answers\n")
        say("reading the log", least(lambda: gather(params, root, now=NOW)))
        drift = least(
            lambda: detect(
                reference,
                count_rows(reference, rows, schema),
                schema,
                params=params.drift,
            )
        )
        say(f"drift of {ROWS:,} answers, 25 columns", drift, 20)
        alone = case(multivariate=False)
        first = least(lambda: check(alone, root, now=NOW))
        said = "a check, nothing known from before, columns one by one"
        say(said, first, 100 if days == 1 else None)
        whole = least(lambda: check(params, root, now=NOW))
        say("the first look at rows of columns together, besides", whole - first)
        found = check(params, root, now=NOW)
        say(
            "keeping what it found", least(lambda: commit(found, params, root, now=NOW))
        )
        again = least(lambda: check(params, root, now=NOW))
        say("a check after another", again)
        share = 100 * again / 1000 / (60 * params.monitor.every_minutes)
        say("share of a core at one check in five minutes", share, 1, "%")


def measure_large() -> None:
    """Measure checks of a large log: of lines, and as checks leave it behind."""
    params, n = case(), WEEK * LARGE_ROWS
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        register(root, params)
        log_much(root)
        sys.stdout.write(f"\n{WEEK} days of {LARGE_ROWS:,} answers\n")
        for form in ("lines", "columns"):
            if form == "columns":
                bound = params.monitor.compact_mb
                tidying = partial(tidy, now=NOW, compact_mb=bound)
                made = least(
                    partial(tidying, root / "data" / "predictions", "bench"), 1
                )
                say("turning six days into columns", made)
            commit(check(params, root, now=NOW), params, root, now=NOW)
            read = least(lambda: gather(params, root, now=NOW), 2)
            say(f"reading the log, days that are over as {form}", read)
            again = least(lambda: check(params, root, now=NOW), 2)
            say("a check after another", again)
            say("of it a row", 1000 * again / n, unit="us")
            share = 100 * again / 1000 / (60 * params.monitor.every_minutes)
            say("share of a core at one check in five minutes", share, unit="%")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        say("peak memory of this process", peak, unit="MB")


def detector() -> None:
    """Measure the drift detector on 1,000 rows."""
    with tempfile.TemporaryDirectory() as place:
        made = DriftDetector(Path(place))
        made.set_baseline(features(20_000, 1))
        rows = features(ROWS, 3)
        sys.stdout.write("\nDriftDetector, baseline of 20,000 rows, 25 columns\n")
        say("detect_drift of 1,000 rows", least(lambda: made.detect_drift(rows)), 100)
        both = least(lambda: made.detect_drift(rows, together=True))
        say("detect_drift of 1,000 rows, together=True", both)


if __name__ == "__main__":
    detector()
    for length in (1, 30):
        measure(length)
    measure_large()
