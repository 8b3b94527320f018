"""Level of the tests of many columns, and coverage of estimates without labels.

Run with ``python benchmarks/label_free.py``; it writes two tables and takes some
minutes of one core. ``--repeats`` sets how often each line is repeated.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from sklearn.linear_model import LogisticRegression

from mlkit.data import Column, Schema
from mlkit.drift.multivariate import multivariate
from mlkit.label_free import (
    estimate_classification,
    estimate_regression,
    labelled_answers,
)
from mlkit.metrics import METRICS, Scored, compute
from mlkit.params.drift_section import Drift, Embedding

FEATURES = 4
NAMES = tuple(f"x{i}" for i in range(FEATURES))
COLUMNS = tuple(Column(name, "number") for name in NAMES)
LABELS = ("accuracy", "precision", "recall", "f1", "roc_auc", "log_loss", "brier")
WORDS = ["leaking", "tap", "boiler", "cold", "loud", "pipe", "valve", "pump"]


def mixed(rng: np.random.Generator, n: int, correlation: float) -> pd.DataFrame:
    """Return rows of each kind; two columns hang together."""
    first = rng.normal(size=n)
    noise = rng.normal(size=n) * np.sqrt(1 - correlation**2)
    frame = pd.DataFrame(
        {
            "a": first,
            "b": correlation * first + noise,
            "c": rng.gamma(1.0, size=n),
            "d": rng.normal(size=n),
            "kind": rng.choice(list("xyz"), n, p=[0.6, 0.3, 0.1]),
            "at": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 7000, n), unit="h"),
            "note": [
                " ".join([*rng.choice(WORDS, 5), f"no{rng.integers(3000)}"])
                for _ in range(n)
            ],
        }
    )
    frame.loc[rng.random(n) < 0.1, "c"] = np.nan
    return frame


MIXED = Schema(
    columns=(
        *(Column(name, "number") for name in "abcd"),
        Column("kind", "category"),
        Column("at", "date"),
        Column("note", "text"),
        Column("y", "number", "target"),
    ),
    task="regression",
    target="y",
)
PARAMS = Drift(embeddings=[Embedding(name="ab", columns="[ab]")])


def flags(repeats: int, n: int, m: int, correlation: float) -> dict[str, float]:
    """Return how often each part is flagged; 0.8 is the reference's correlation."""
    found = []
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, n, m])
        rows = mixed(rng, n, 0.8), mixed(rng, m, correlation)
        seen = multivariate(*rows, MIXED, params=PARAMS, seed=repeat)
        left = seen.reconstruction
        found.append(
            {
                "domain": seen.separable,
                "reconstruction": left is not None and left.flagged,
                "embeddings": any(each.flagged for each in seen.embeddings),
                "texts": any(each.flagged for each in seen.texts),
                "any": seen.flagged,
            }
        )
    return pd.DataFrame(found).mean().to_dict()


def covariates(
    rng: np.random.Generator, n: int, shift: float, mix: float = 0.0
) -> np.ndarray:
    """Return rows whose first column has moved and whose second one is wider.

    With `mix` they are rows as before, those of large first columns the more likely.
    """
    rows = rng.normal(size=(n if not mix else 8 * n, FEATURES))
    rows[:, 0] += shift
    rows[:, 1] *= 1 + shift / 2
    if mix:
        inside = rows[np.abs(rows).max(axis=1) < 2.2]
        chance = np.exp(mix * (inside[:, 0] + np.abs(inside[:, 1])))
        rows = rng.choice(inside, n, replace=False, p=chance / chance.sum())
    return rows


def chances(rows: np.ndarray, classes: int, concept: float) -> np.ndarray:
    """Return the true probability of each class; the concept turns the first column."""
    slope = 1 - 2 * concept
    if classes == 2:
        positive = expit(1.2 * slope * rows[:, 0] + rows[:, 1] * rows[:, 2] - 0.5)
        return np.column_stack([1 - positive, positive])
    scores = np.column_stack(
        [slope * rows[:, 0], rows[:, 1], 0.8 * rows[:, 2] * rows[:, 1]]
    )
    whole = np.exp(scores)
    return whole / whole.sum(axis=1, keepdims=True)


def drawn(rng: np.random.Generator, chance: np.ndarray) -> np.ndarray:
    """Return one label a row."""
    return (rng.random((len(chance), 1)) > chance.cumsum(axis=1)[:, :-1]).sum(axis=1)


def classified(repeat: int, classes: int, model: Any, world: dict[str, float]) -> Any:
    """Return, for each metric, whether the labels fall into the interval, and more."""
    rng = np.random.default_rng([repeat, classes])
    task: Any = "binary" if classes == 2 else "multiclass"
    average: Any = "binary" if classes == 2 else "macro"
    sizes = (2000, int(world["labelled"]), int(world["rows"]))
    moves = (0.0, 0.0, world["shift"])
    rows = [covariates(rng, n, shift) for n, shift in zip(sizes, moves, strict=True)]
    if world["mix"]:
        rows[2] = covariates(rng, sizes[2], 0.0, world["mix"])
    labels = [
        drawn(rng, chances(each, classes, concept))
        for each, concept in zip(rows, (0, 0, world["concept"]), strict=True)
    ]
    fitted = model().fit(rows[0], labels[0])
    given = [fitted.predict_proba(each) for each in rows[1:]]
    frames = [pd.DataFrame(each, columns=list(NAMES)) for each in rows[1:]]
    answers = labelled_answers(
        task,
        labels[1],
        given[0],
        features=frames[0],
        schema=Schema(
            (*COLUMNS, Column("y", "category", "target")),
            task,
            "y",
            tuple(map(str, range(classes))),
        ),
        average=average,
        seed=repeat,
    )
    found = estimate_classification(
        answers, given[1], frames[1], metrics=LABELS, seed=repeat
    )
    truth = Scored(task, labels[2], given[1], average=average)
    return [_row(each, compute(each.metric, truth)) for each in found]


def regressed(repeat: int, world: dict[str, float]) -> Any:
    """Return the same for a regression whose noise grows with the second column."""
    rng = np.random.default_rng([repeat, 7])
    sizes = (2000, int(world["labelled"]), int(world["rows"]))
    moves = (0.0, 0.0, world["shift"])
    rows = [covariates(rng, n, shift) for n, shift in zip(sizes, moves, strict=True)]
    if world["mix"]:
        rows[2] = covariates(rng, sizes[2], 0.0, world["mix"])
    values = []
    for each, concept in zip(rows, (0, 0, world["concept"]), strict=True):
        noise = rng.normal(size=len(each)) * np.exp(0.5 * each[:, 1])
        values.append((1 - 2 * concept) * each[:, 0] + each[:, 1] ** 2 + noise)
    fitted = HistGradientBoostingRegressor(max_iter=60).fit(rows[0], values[0])
    given = [fitted.predict(each) for each in rows[1:]]
    frames = [pd.DataFrame(each, columns=list(NAMES)) for each in rows[1:]]
    schema = Schema((*COLUMNS, Column("y", "number", "target")), "regression", "y")
    answers = labelled_answers(
        "regression", values[1], given[0], features=frames[0], schema=schema
    )
    found = estimate_regression(answers, given[1], frames[1])
    truth = Scored("regression", values[2], given[1])
    return [_row(each, compute(each.metric, truth)) for each in found]


def _row(found: Any, truth: float) -> dict[str, Any]:
    sign = METRICS[found.metric].sign
    if found.withheld:
        return {"metric": found.metric, "withheld": 1.0}
    return {
        "metric": found.metric,
        "withheld": 0.0,
        "covered": float(found.lower <= truth <= found.upper),
        "bias": found.value - truth,
        "error if unchanged": abs(found.reference - truth),
        "error": abs(found.value - truth),
        "width": found.upper - found.lower,
        "dropped": float(found.dropped),
        "worse": float(sign * (found.reference - truth) > 0),
    }


STILL = {"labelled": 1000, "rows": 1000, "shift": 0.0, "concept": 0.0, "mix": 0.0}
WORLDS = {
    "no shift": STILL,
    "another mix of the same rows": STILL | {"mix": 1.0},
    "shift 0.7": STILL | {"shift": 0.7},
    "shift 0.7, few labels": STILL | {"shift": 0.7, "labelled": 200},
    "shift 0.7, 200 rows": STILL | {"shift": 0.7, "rows": 200},
    "shift 1.5": STILL | {"shift": 1.5},
    "concept 0.3": STILL | {"concept": 0.3},
}
SUBJECTS: dict[str, Callable[[int, dict[str, float]], Any]] = {
    "binary, trees": lambda repeat, world: classified(
        repeat, 2, lambda: HistGradientBoostingClassifier(max_iter=60), world
    ),
    "binary, a wrong line": lambda repeat, world: classified(
        repeat, 2, LogisticRegression, world
    ),
    "three classes, trees": lambda repeat, world: classified(
        repeat, 3, lambda: HistGradientBoostingClassifier(max_iter=40), world
    ),
    "regression, trees": regressed,
}


def levels(repeats: int) -> None:
    """Write how often each part of many columns is flagged."""
    say("Flagged (0.8 is the reference's correlation of two columns)")
    for n, m in ((50, 50), (200, 60), (1000, 200), (1000, 1000), (20_000, 200)):
        for correlation in (0.8, 0.3):
            start = time.process_time()
            found = flags(repeats, n, m, correlation)
            shares = "  ".join(f"{name} {share:.3f}" for name, share in found.items())
            spent = (time.process_time() - start) / repeats
            say(f"{n:>6} {m:>5} {correlation}  {shares}  {spent:.2f} s")


def coverage(repeats: int) -> None:
    """Write how often labels fall into the intervals, and how far estimates are off.

    All but the share that was withheld is of the estimates that were given.
    """
    say("\nEstimates against the labels (interval 95 %)")
    for subject, work in SUBJECTS.items():
        for name, world in WORLDS.items():
            rows = [row for repeat in range(repeats) for row in work(repeat, world)]
            table = pd.DataFrame(rows).groupby("metric", sort=False).mean()
            say(f"\n{subject}, {name}\n{table.round(3).to_string()}")


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--only", choices=("level", "coverage"))
    asked = parser.parse_args()
    if asked.only != "coverage":
        levels(asked.repeats)
    if asked.only != "level":
        coverage(asked.repeats)


if __name__ == "__main__":
    main()
