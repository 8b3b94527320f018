"""How good models are without tuning: `auto` beside plain boosting and a linear model.

Each table is divided five times. mlkit gets a file of training rows and a file of test
rows, and finds out for itself what the columns are. Plain boosting is scikit-learn's
HistGradientBoosting with nothing set: numbers as they are, other texts as categories
(as codes where they have more levels than it takes), dates as a count of days. The
linear model is mlkit's baseline.

Scores are the area under the ROC curve (one class against the rest where there are
several) or the root mean squared error. `gain` is how much better `auto` is than plain
boosting, in points of the area or in percent of the error, with its standard error over
the divisions. A table fails where `auto` is worse by more than 0.5 beyond two standard
errors (1 % for an error), or worse than a better linear model by that much.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from quality_tables import TABLES, Table
from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
from sklearn.ensemble import HistGradientBoostingRegressor as Regressor
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

from mlkit.data import Dataset, prepare
from mlkit.params import params_from_dict
from mlkit.train import fit, predict

MOST_ROWS = 20_000
TEST_SHARE = 0.25
MOST_LEVELS = 255
MARGIN = {"binary": 0.5, "multiclass": 0.5, "regression": 1.0}
ROW = "row of the file"
HEAD = ("table", "rows", "plain", "linear", "auto", "gain", "se", "log-loss", "seconds")
LINE = "{:<17}{:>7}{:>10}{:>10}{:>10}{:>8}{:>7}{:>17}{:>9}  {}"


@dataclass(frozen=True)
class Run:
    """The scores of one division, and what `auto` took."""

    plain: float
    linear: float
    auto: float
    plain_loss: float
    auto_loss: float
    estimator: str
    seconds: float


def main() -> None:
    """Print a line a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--divisions", type=int, default=5)
    parser.add_argument("--rows", type=int, default=MOST_ROWS, help="at most so many")
    parser.add_argument(
        "--copies",
        action="store_true",
        help="plain boosting also learns the copies of test rows that mlkit drops",
    )
    parser.add_argument("--set", nargs="*", default=[], help="train keys as name=value")
    asked = parser.parse_args()
    train = {"estimator": "auto"} | dict(pair.split("=") for pair in asked.set)
    sys.stdout.write(LINE.format(*HEAD, "verdict") + "\n")
    for name in asked.names or TABLES:
        table = TABLES[name](asked.data)
        rows = min(asked.rows, len(table.frame))
        runs = [
            one_run(table, rows, seed, train, copies=asked.copies)
            for seed in range(asked.divisions)
        ]
        sys.stdout.write(line(name, rows, table.task, runs) + "\n")
        sys.stdout.flush()


def one_run(
    table: Table, rows: int, seed: int, train: dict[str, Any], *, copies: bool = False
) -> Run:
    """Divide a table and score all three models on the same test rows."""
    frame = table.frame.sample(rows, random_state=seed).reset_index(drop=True)
    frame[ROW] = [f"r{place}" for place in range(rows)]
    labels = None if table.task == "regression" else frame[table.target]
    learn, test = train_test_split(
        frame, test_size=TEST_SHARE, random_state=seed, stratify=labels
    )
    data = {"source": "x.csv", "target": table.target, "ignore": [ROW]}
    if table.task == "binary":
        data["positive"] = str(sorted(frame[table.target].astype(str).unique())[-1])
    case = {"case": "quality", "task": table.task, "data": data, "train": train}
    params = params_from_dict(case)
    dataset = prepare(learn, params, test=test)
    started = time.process_time()
    found = fit(dataset, params)
    seconds = time.process_time() - started
    X, y = dataset.X(dataset.test_rows), dataset.target(dataset.test_rows)
    own = predict(found.model, X, table.task)
    linear = predict(found.baselines["linear"], X, table.task)
    place = dataset.frame[ROW].str[1:].astype(int).to_numpy()
    given = features(table, frame)
    rows_learnt = learn.index if copies else place[dataset.train_rows]
    plain = plain_boosting(
        given.iloc[rows_learnt],
        answers(frame[table.target], place, dataset)[rows_learnt],
        given.iloc[place[dataset.test_rows]],
        regression=table.task == "regression",
    )
    return Run(
        *(score(y, plain), score(y, linear), score(y, own)),
        *(loss(y, plain), loss(y, own)),
        estimator=found.estimator,
        seconds=seconds,
    )


def features(table: Table, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the features as plain boosting takes them."""
    columns: dict[str, Any] = {}
    for name in frame.columns.drop([table.target, ROW]):
        values = frame[name]
        if name in table.dates:
            moments = pd.to_datetime(values, dayfirst=name != "dteday", format="mixed")
            columns[name] = (moments - moments.min()) / pd.Timedelta(days=1)
            continue
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.notna().sum() == values.notna().sum():
            columns[name] = numbers.astype(float)
        elif values.nunique() > MOST_LEVELS:
            codes = pd.Series(pd.factorize(values, sort=True)[0], values.index)
            columns[name] = codes.astype(float).where(codes >= 0)
        else:
            columns[name] = values.astype("category")
    return pd.DataFrame(columns)


def answers(target: pd.Series, place: NDArray[Any], dataset: Dataset) -> NDArray[Any]:
    """Return the target of every row of the file as numbers of classes or as values.

    The number of a label is that of a row of the dataset which has it; `place` says
    where in the file the dataset's rows stand.
    """
    if dataset.schema.classes is None:
        return target.astype(float).to_numpy()
    numbers = dict(zip(target.iloc[place], dataset.target(), strict=True))
    return target.map(numbers).to_numpy()


def plain_boosting(
    learn: pd.DataFrame, y: NDArray[Any], test: pd.DataFrame, *, regression: bool
) -> NDArray[np.float64]:
    """Return what scikit-learn's boosting predicts with nothing set.

    It fails on a column of numbers without any, so those are left out.
    """
    known = learn.columns[learn.notna().any()]
    learn, test = learn[known], test[known]
    if regression:
        model = Regressor(random_state=0).fit(learn, y)
        return np.asarray(model.predict(test))
    model = Classifier(random_state=0).fit(learn, y)
    return np.asarray(model.predict_proba(test))


def score(y: NDArray[Any], predicted: NDArray[np.float64]) -> float:
    """Return the area under the curve, or the root mean squared error."""
    if predicted.ndim == 1:
        return float(np.sqrt(np.mean((y - predicted) ** 2)))
    if predicted.shape[1] == 2:
        return float(roc_auc_score(y, predicted[:, 1]))
    return float(roc_auc_score(y, predicted, multi_class="ovr"))


def loss(y: NDArray[Any], predicted: NDArray[np.float64]) -> float:
    """Return the log-loss; NaN for values."""
    if predicted.ndim == 1:
        return float("nan")
    return float(log_loss(y, predicted, labels=range(predicted.shape[1])))


def line(name: str, rows: int, task: str, runs: list[Run]) -> str:
    """Return the line of a table."""
    scores = {
        key: np.array([getattr(run, key) for run in runs])
        for key in ("plain", "linear", "auto", "plain_loss", "auto_loss", "seconds")
    }
    over = {
        key: gains(scores["auto"], scores[key], task) for key in ("plain", "linear")
    }
    gain, error = over["plain"]
    against = "/".join(
        f"{scores[key].mean():.4f}" for key in ("plain_loss", "auto_loss")
    )
    failed = [
        f"worse than {key}"
        for key, (lead, spread) in over.items()
        if lead + 2 * spread < -MARGIN[task]
    ]
    taken = ", ".join(
        f"{count} {estimator}"
        for estimator, count in Counter(run.estimator for run in runs).most_common()
    )
    shown = (f"{scores[key].mean():.4f}" for key in ("plain", "linear", "auto"))
    if task == "regression":
        shown = (f"{scores[key].mean():.6g}" for key in ("plain", "linear", "auto"))
    verdict = f"{', '.join(failed) or 'ok'} ({taken})"
    seconds = f"{scores['seconds'].mean():.1f}"
    return LINE.format(
        *(name, rows, *shown, f"{gain:+.2f}", f"{error:.2f}", against, seconds, verdict)
    )


def gains(
    own: NDArray[np.float64], other: NDArray[np.float64], task: str
) -> tuple[float, float]:
    """Return the mean gain in points or percent, and its standard error."""
    better = (1 - own / other) if task == "regression" else own - other
    return 100 * float(better.mean()), spread(100 * better)


def spread(values: NDArray[np.float64]) -> float:
    """Return the standard error of a mean; 0 for one value."""
    if len(values) < 2:
        return 0.0
    return float(values.std(ddof=1) / np.sqrt(len(values)))


if __name__ == "__main__":
    main()
