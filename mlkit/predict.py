"""Scoring: the rows of a file, the version in production, a CSV with predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from mlkit import data as data_room
from mlkit import params as params_room
from mlkit import registry, sources, store, train
from mlkit.data import Schema


class PredictError(ValueError):
    """Predictions that could not be told from the rows they were made for."""


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
    SourceError, DataError
        If the file can not be read or its columns do not fit the model.
    PredictError
        If the file has a column that the predictions would be called.
    """
    root = root or store.workspace_root()
    params = params_room.load_params(case, root, overrides=overrides)
    loaded = registry.open_registry(params.model, root).load(
        version, allow_pickle=params.registry.allow_pickle
    )
    schema = Schema.from_dict(loaded.manifest["schema"])
    raw = sources.read_table(data, params.data, root=root)
    rows = data_room.conform(raw, schema, need_target=False)
    threshold = loaded.manifest["params"]["evaluate"]["threshold"]
    answers = score(loaded.model, rows, schema, threshold=threshold)
    _check_free(answers.columns, raw.columns, data)
    frame = pd.concat([raw, answers], axis=1)
    store.write_atomic(store.resolve(out, root), frame.to_csv(index=False))
    return Scored(
        params.model,
        loaded.version,
        len(frame),
        tuple(str(check) for check in data_room.unseen_levels(rows, schema)),
    )


def _check_free(answers: pd.Index, columns: pd.Index, data: str) -> None:
    taken = sorted(set(answers) & set(columns))
    if taken:
        raise PredictError(
            f"the predictions for {data} go into new columns, and the file has columns "
            f"of that name already: {', '.join(taken)}; rename them in the file"
        )
