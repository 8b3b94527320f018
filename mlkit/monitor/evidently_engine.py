"""Evidently as an engine: its numbers, from an environment of its own.

Evidently needs an older pandas than mlkit, so it runs in the environment that ``make
evidently`` builds: the frames go there as files and the numbers come back as JSON.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

import mlkit
from mlkit import store
from mlkit.data import Schema
from mlkit.data.conformance import conform_column
from mlkit.monitor.detected import ColumnVerdict
from mlkit.monitor.methods import AUTO
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
    places = (store.workspace_root(), Path(mlkit.__file__).resolve().parents[1])
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
    *,
    method: str,
    threshold: float | None,
) -> tuple[dict[str, ColumnVerdict], str]:
    """Return Evidently's verdict of each column, and which Evidently it was.

    Parameters
    ----------
    reference, current : DataFrame of shape (n_rows, n_columns)
        Raw rows; `current` may lack columns.
    schema : Schema
        Its features are compared.
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
    for name in schema.features:
        kind = KINDS.get(schema.column(name).kind)
        if name not in current.columns:
            verdicts[name] = _without("absent", "the frame has no such column", True)
        elif kind is None:
            reason = f"Evidently does not compare a {schema.column(name).kind}"
            verdicts[name] = _without("not compared", reason, False)
        elif not current[name].notna().any() and reference[name].notna().any():
            verdicts[name] = _without("all missing", "every value is missing", True)
        else:
            asked[name] = {"kind": kind, **_options(method, kind, threshold)}
    frames = {
        side: _typed(frame, schema, list(asked))
        for side, frame in (("reference", reference), ("current", current))
    }
    answer = _answer(python, {"columns": asked}, frames)
    for name, found in answer["columns"].items():
        verdicts[name] = _verdict(found)
    ordered = {name: verdicts[name] for name in schema.features}
    return ordered, f"Evidently {answer['version']}"


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
        return _without("not compared", reason, False)
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


def _without(verdict: str, reason: str, drifted: bool) -> ColumnVerdict:
    return ColumnVerdict(None, None, None, verdict, "none", None, drifted, reason)
