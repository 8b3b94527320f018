"""Scoring: the rows of a file, the version in production, a CSV with predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from mlkit import data as data_room
from mlkit import params as params_room
from mlkit import registry, sources, store, train
from mlkit.data import DataError, Schema
from mlkit.sources.places import find_place


class PredictError(ValueError):
    """Rows that cannot be scored, or predictions that cannot be written."""


# What checks advise is meant for a table to learn from; a model that is there already
# takes its columns as they are.
ADVICE = {
    "wrong kind": "Correct them in the file, or leave the cells empty",
    "infinite": "Correct them in the file, or leave the cells empty",
    "duplicate names": "Rename them in the file",
}


@dataclass(frozen=True)
class Scored:
    """What was scored.

    Attributes
    ----------
    model, version : str
        The version that answered.
    rows : int
        How many rows were scored.
    warnings : tuple of str
        What is odd about the rows, such as categories the model never saw.
    """

    model: str
    version: str
    rows: int
    warnings: tuple[str, ...]


def score(
    model: object, rows: pd.DataFrame, schema: Schema, *, threshold: float = 0.5
) -> pd.DataFrame:
    """Return predictions for rows that fit a schema.

    Parameters
    ----------
    model : Pipeline
        A fitted model.
    rows : DataFrame of shape (n_rows, n_columns)
        Rows as :func:`mlkit.data.conform` returns them.
    schema : Schema
        The columns the model was trained on.
    threshold : float
        Binary tasks: probabilities of at least this are called positive.

    Returns
    -------
    DataFrame of shape (n_rows, 1 or 1 + n_classes)
        ``prediction``, and for a classification ``probability_<class>`` for each class
        (binary: of the positive class only, as ``probability``).
    """
    answer = train.predict(model, rows[list(schema.features)], schema.task)
    if schema.classes is None:
        return pd.DataFrame({"prediction": answer}, index=rows.index)
    classes = np.asarray(schema.classes)
    if schema.task == "binary":
        positive = answer[:, 1]
        return pd.DataFrame(
            {
                "prediction": classes[(positive >= threshold).astype(int)],
                "probability": positive,
            },
            index=rows.index,
        )
    columns = {f"probability_{c}": answer[:, k] for k, c in enumerate(classes)}
    return pd.DataFrame(
        {"prediction": classes[answer.argmax(axis=1)], **columns}, index=rows.index
    )


def predict_file(
    case: str,
    data: str,
    out: Path,
    *,
    version: str = "production",
    root: Path | None = None,
    overrides: Sequence[str] = (),
) -> Scored:
    """Score the rows of a file and write them, with the predictions, as CSV.

    Parameters
    ----------
    case : str
        Name of the case; its ``data`` section says how the file is read.
    data : str
        The file, a path or an fsspec URI; the target column may be absent.
    out : Path
        Where the CSV goes; it appears whole or not at all. Both paths start at the
        workspace unless they are absolute.
    version : str
        A version, a stage, or ``latest``.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.

    Raises
    ------
    RegistryError
        If there is no such version.
    SourceError
        If the file can not be read.
    PredictError
        If its columns do not fit the model, it has a column that the predictions would
        be called, or `out` is the file itself, in no folder or not called ``.csv``.
    """
    root = root or store.workspace_root()
    params = params_room.load_params(case, root, overrides=overrides)
    name = str(find_place(data, root))
    target = _writable(out, data, root)
    loaded = registry.open_registry(params.model, root).load(
        version, allow_pickle=params.registry.allow_pickle
    )
    schema = Schema.from_dict(loaded.manifest["schema"])
    raw = sources.read_table(data, params.data, root=root, scoring=True, every_row=True)
    rows = _fitting(raw, schema, name)
    threshold = loaded.manifest["params"]["evaluate"]["threshold"]
    answers = score(loaded.model, rows, schema, threshold=threshold)
    _check_free(answers.columns, raw.columns, name)
    frame = pd.concat([raw, answers], axis=1)
    store.write_atomic(target, frame.to_csv(index=False))
    return Scored(
        params.model,
        loaded.version,
        len(frame),
        tuple(str(check) for check in data_room.unseen_levels(rows, schema)),
    )


def _writable(out: Path, data: str, root: Path) -> Path:
    target = Path(store.resolve(out, root))
    if target.suffix.lower() != ".csv":
        raise PredictError(
            f"--out {out}: predictions are written as CSV, so the name must end in "
            f".csv; name it {out.with_suffix('.csv')}"
        )
    if not target.parent.is_dir():
        raise PredictError(
            f"--out {out}: the file must go into a folder that exists, and "
            f"{target.parent} does not; make it first"
        )
    source = store.resolve(data, root).removeprefix("file://")
    if os.path.realpath(source) == os.path.realpath(target):
        raise PredictError(
            f"--out {out}: the predictions would replace --data, the rows that they "
            "are made for; name another file"
        )
    return target


def _fitting(raw: pd.DataFrame, schema: Schema, name: str) -> pd.DataFrame:
    try:
        return data_room.conform(raw, schema, need_target=False)
    except DataError as error:
        checks = [
            replace(check, advice=ADVICE.get(check.name, check.advice))
            for check in error.checks
        ]
        head = f"{name}: the rows do not fit the model:"
        raise PredictError("\n  - ".join([head, *map(str, checks)])) from error


def _check_free(answers: pd.Index, columns: pd.Index, name: str) -> None:
    taken = sorted(set(answers) & set(columns))
    if taken:
        raise PredictError(
            f"{name}: the predictions go into new columns, and the file has columns of "
            f"that name already: {', '.join(taken)}; rename them in the file"
        )
