"""Evidently as an engine: its numbers, from an environment of its own.

Evidently needs an older pandas than mlkit, so it runs in the environment that ``make
evidently`` builds: the frames go there as files and the numbers come back as JSON.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

import mlkit
from mlkit import store
from mlkit.data import Column, Schema
from mlkit.data.conformance import conform_column
from mlkit.drift import ColumnDrift
from mlkit.monitor.detected import ColumnVerdict
from mlkit.monitor.methods import AUTO, by_tests, unseen
from mlkit.params.models import Kind

FOLDER = ".evidently"
SCRIPT = Path(__file__).with_name("evidently_script.py")
TIMEOUT_SECONDS = 1800
KINDS: Mapping[Kind, str] = {
    "number": "numerical",
    "category": "categorical",
    "boolean": "categorical",
    "text": "text",
}
# What Evidently calls our methods, for numbers and for categories; where one does not
# apply it takes its own choice.
NAMES = {
    "ks": ("ks", None),
    "psi": ("psi", "psi"),
    "kl": ("kl_div", "kl_div"),
    "js": ("jensenshannon", "jensenshannon"),
    "hellinger": ("hellinger", "hellinger"),
    "wasserstein": ("wasserstein", None),
    "chi_square": (None, "chisquare"),
}


class EngineError(RuntimeError):
    """Evidently could not be asked; the message says why and what to do."""


def interpreter() -> Path:
    """Return the Python of Evidently's environment.

    Raises
    ------
    EngineError
        When it was not built.
    """
    places = [Path(mlkit.__file__).resolve().parents[1]]
    # A detector works outside of any workspace, too.
    with contextlib.suppress(FileNotFoundError):
        places.insert(0, store.workspace_root())
    for place in places:
        if (place / FOLDER / ".ready").exists():
            return place / FOLDER / "bin" / "python"
    raise EngineError(
        f"the environment {FOLDER} that Evidently needs is not there; `make evidently` "
        "builds it"
    )


def ask_evidently(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
    found: Mapping[str, ColumnDrift],
    *,
    method: str,
    threshold: float | None,
) -> tuple[dict[str, ColumnVerdict], str]:
    """Return Evidently's verdict of each column, and which Evidently it was.

    It compares values alone. What else is drift of a column is taken from mlkit: one
    that is absent, of another type or without values is not given to Evidently, and
    missing values and new levels that mlkit's tests find are drift beside its verdict.

    Parameters
    ----------
    reference, current : DataFrame of shape (n_rows, n_columns)
        Raw rows; `current` may lack columns.
    schema : Schema
        Its features are compared.
    found : mapping of str to ColumnDrift
        What mlkit found of each of them.
    method : str
        ``auto`` takes Evidently's choice by kind and number of rows.
    threshold : float, optional
        Of its statistic; None takes its own.

    Raises
    ------
    EngineError
        When its environment is not there, it ends with an error or takes too long.
    """
    python = interpreter()
    verdicts: dict[str, ColumnVerdict] = {}
    asked: dict[str, dict[str, Any]] = {}
    features = [name for name in schema.features if name in found]
    for name in features:
        column = found[name]
        kind = KINDS.get(schema.column(name).kind)
        if column.broken:
            verdicts[name] = by_tests(column)
        elif kind is None or not _has_values(name, reference, current):
            verdicts[name] = _with_unseen(
                _uncompared(schema.column(name), kind), column
            )
        else:
            asked[name] = {"kind": kind, **_options(method, kind, threshold)}
    frames = {
        side: _typed(frame, schema, list(asked))
        for side, frame in (("reference", reference), ("current", current))
    }
    answer = _answer(python, {"columns": asked}, frames)
    for name, said in answer["columns"].items():
        verdicts[name] = _with_unseen(_verdict(said), found[name])
    ordered = {name: verdicts[name] for name in features}
    return ordered, f"Evidently {answer['version']}"


def _has_values(name: str, *frames: pd.DataFrame) -> bool:
    return all(frame[name].notna().any() for frame in frames)


def _uncompared(column: Column, kind: str | None) -> ColumnVerdict:
    if kind is None:
        return _without(f"Evidently does not compare a {column.kind}")
    return _without("one side has no values to compare")


def _with_unseen(verdict: ColumnVerdict, column: ColumnDrift) -> ColumnVerdict:
    """Return Evidently's verdict, or drift where mlkit's tests of what it lacks say."""
    subjects = unseen(column)
    if not subjects:
        return verdict
    said = f"mlkit's tests of {' and '.join(subjects)}: {column.reason}"
    return replace(
        verdict, verdict="drift", drifted=True, reason=f"{verdict.reason}; {said}"
    )


def _options(method: str, kind: str, threshold: float | None) -> dict[str, Any]:
    if method == AUTO or kind == "text":
        return {}
    if method not in NAMES:
        raise EngineError(
            f"Evidently has no method {method!r}; it has {', '.join(NAMES)}"
        )
    name = NAMES[method][0 if kind == "numerical" else 1]
    if name is None:
        return {}
    return {"method": name} | ({} if threshold is None else {"threshold": threshold})


def _typed(frame: pd.DataFrame, schema: Schema, names: list[str]) -> pd.DataFrame:
    columns = {}
    for name in names:
        values, _ = conform_column(frame[[name]], schema.column(name))
        plain = values if values.dtype.kind == "f" else values.astype(object)
        columns[name] = plain.reset_index(drop=True)
    return pd.DataFrame(columns)


def _answer(
    python: Path, request: Mapping[str, Any], frames: Mapping[str, pd.DataFrame]
) -> Any:
    with tempfile.TemporaryDirectory(prefix="mlkit-evidently-") as place:
        folder = Path(place)
        store.write_json(folder / "request.json", request)
        for side, frame in frames.items():
            frame.to_parquet(folder / f"{side}.parquet")
        # Evidently tells its maker of every use unless it is asked not to.
        environment = {**os.environ, "DO_NOT_TRACK": "1", "PYTHONWARNINGS": "ignore"}
        try:
            done = subprocess.run(
                [str(python), "-I", str(SCRIPT)],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                env=environment,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"Evidently did not answer: {error}") from error
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise EngineError(
                f"Evidently ended with code {done.returncode} and said: {said}; `make "
                f"evidently` after removing {FOLDER} builds it anew"
            )
        return store.read_json(folder / "answer.json")


def _verdict(found: Mapping[str, Any]) -> ColumnVerdict:
    if "error" in found:
        reason = f"Evidently could not compare it: {found['error']}"
        return _without(reason)
    value, threshold = found["value"], found["threshold"]
    tests = "p_value" in found["method"]
    drifted = value < threshold if tests else value >= threshold
    word = "below" if value < threshold else "not below"
    return ColumnVerdict(
        statistic=None if tests else value,
        p_value=value if tests else None,
        effect=None,
        verdict="drift" if drifted else "none",
        method=found["method"],
        threshold=threshold,
        drifted=drifted,
        reason=f"{found['method']} {value:.3g} is {word} {threshold:g}",
    )


def _without(reason: str) -> ColumnVerdict:
    return ColumnVerdict(None, None, None, "not compared", "none", None, False, reason)
