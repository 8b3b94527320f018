"""Baselines: the profile of the rows that later ones are compared with, in a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlkit import store
from mlkit.data import Column, Schema
from mlkit.data.inference import infer_columns
from mlkit.drift import ReferenceProfile, reference_profile
from mlkit.params import params_from_dict

FORMAT = 1
FILE = "baseline.json"
ROWS = "baseline.parquet"
SAMPLE = "baseline_sample.parquet"
PREDICTION = "prediction"


@dataclass(frozen=True)
class Baseline:
    """What later rows are compared with.

    Attributes
    ----------
    schema : Schema
        Kind of each column, found in the values; the target stands for the predictions.
    profile : ReferenceProfile
        The rows, counted.
    set_at : str
        When it was set, in UTC.
    left_out : mapping of str to str
        Columns that are not compared, and why not.
    rows_digest : str or None
        Of the file of its rows; None where they are not kept.
    sample_digest : str or None
        Of the file of some of them, by which columns are looked at together; None where
        none are kept.
    """

    schema: Schema
    profile: ReferenceProfile
    set_at: str
    left_out: Mapping[str, str] = field(default_factory=dict)
    rows_digest: str | None = None
    sample_digest: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the baseline as plain JSON data."""
        return {
            "format": FORMAT,
            "set_at": self.set_at,
            "schema": self.schema.to_dict(),
            "profile": self.profile.to_dict(),
            "left_out": dict(self.left_out),
            "rows_digest": self.rows_digest,
            "sample_digest": self.sample_digest,
        }


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns have texts for names, of equal ones the first.

    Raises
    ------
    TypeError
        When it is no frame.
    """
    if not isinstance(frame, pd.DataFrame):
        raise TypeError(
            f"drift is looked for in a pandas.DataFrame, got {type(frame).__name__}; "
            "pass pandas.DataFrame(rows)"
        )
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)
    return named.loc[:, ~named.columns.duplicated()]


def plain_predictions(predictions: ArrayLike, rows: int) -> NDArray[np.float64]:
    """Return a model's answers as numbers, one for each row.

    Raises
    ------
    ValueError
        When they are no numbers, or not one for each row.
    """
    rule = (
        f"predictions must be numbers, one for each of {rows:,} rows: a value, or the "
        "probability of one class"
    )
    try:
        values = np.asarray(predictions, dtype=np.float64)
    except (TypeError, ValueError) as error:
        found = np.asarray(predictions, dtype=object).ravel()[:1].tolist()
        raise ValueError(
            f"{rule}; got {found[0] if found else predictions!r}, which is none; pass "
            "what the model says before it is made a label"
        ) from error
    if values.shape not in ((rows,), (rows, 1)):
        raise ValueError(f"{rule}; got an array of shape {values.shape}")
    return values.reshape(rows)


def make_baseline(
    frame: pd.DataFrame, *, now: datetime, predictions: ArrayLike | None = None
) -> Baseline:
    """Return the baseline of rows, the kinds of whose columns are inferred.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The rows. Identifiers and columns without any value are not compared later; the
        baseline names them.
    now : datetime
        The present, with a time zone.
    predictions : array-like of shape (n,), optional
        A model's answers, which are compared apart from the columns.

    Raises
    ------
    TypeError
        When it is no frame.
    ValueError
        When it has no rows, or no column that can be compared; or the predictions are
        not a number for each row.
    """
    rows = plain_frame(frame)
    if not len(rows):
        raise ValueError(
            f"a baseline needs rows to compare with, got a frame of {len(rows)} rows "
            f"and {len(rows.columns)} columns; pass the rows the model learned from"
        )
    schema = infer(rows)
    if not schema.features:
        raise ValueError(
            "a baseline needs a column that can be compared, and each of "
            f"{', '.join(rows.columns) or 'none'} names its rows or has no values; "
            "pass the model's features"
        )
    answered = (
        None if predictions is None else plain_predictions(predictions, len(rows))
    )
    profile = reference_profile(rows, schema, predictions=answered)
    left_out = {
        each.name: each.why for each in schema.columns if each.role == "ignored"
    }
    return Baseline(schema, profile, now.isoformat(), left_out)


def infer(frame: pd.DataFrame) -> Schema:
    """Return the columns of a frame with the kinds that their values have.

    A schema has a target: here it stands for the predictions, under a name that no
    column has.
    """
    target = PREDICTION
    while target in frame.columns:
        target = f"_{target}"
    params = params_from_dict(
        {
            "case": "baseline",
            "task": "regression",
            "data": {"source": "baseline.csv", "target": target},
        }
    )
    columns, _ = infer_columns(frame, params)
    return Schema((*columns, Column(target, "number", "target")), "regression", target)


def write_baseline(
    folder: Path,
    baseline: Baseline,
    rows: bytes | None = None,
    sample: bytes | None = None,
) -> None:
    """Write a baseline in place of the one before; another process finds it there.

    Parameters
    ----------
    folder : Path
        Where; made when it is needed.
    baseline : Baseline
        The baseline.
    rows : bytes, optional
        The file of its rows; None removes those of the one before.
    sample : bytes, optional
        The file of some of them; None removes those of the one before.
    """
    store.make_folder(folder)
    files = {ROWS: rows, SAMPLE: sample}
    digests = {
        name: None if content is None else store.sha256_bytes(content)
        for name, content in files.items()
    }
    for name, content in files.items():
        if content is not None:
            store.write_atomic(folder / name, content)
    known = replace(baseline, rows_digest=digests[ROWS], sample_digest=digests[SAMPLE])
    store.write_json(folder / FILE, known.to_dict())
    for name, content in files.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)


def read_baseline(folder: Path) -> Baseline:
    """Return the baseline of a folder.

    Raises
    ------
    FileNotFoundError
        When none was set.
    ValueError
        When the file is of another format, or something of it is missing.
    """
    path = folder / FILE
    if not path.exists():
        raise FileNotFoundError(
            f"rows are compared with a baseline, and there is none in {folder}; call "
            "set_baseline(frame) with the rows that the model learned from"
        )
    stored = store.read_json(path)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise ValueError(
            f"a baseline of format {FORMAT} is needed, and {path} is none; call "
            "set_baseline(frame) again"
        )
    try:
        return Baseline(
            schema=Schema.from_dict(stored["schema"]),
            profile=ReferenceProfile.from_dict(stored["profile"]),
            set_at=stored["set_at"],
            left_out=stored.get("left_out", {}),
            rows_digest=stored.get("rows_digest"),
            sample_digest=stored.get("sample_digest"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"a baseline has a schema, a profile and the moment it was set, and {path} "
            f"does not ({type(error).__name__}: {error}); call set_baseline(frame) "
            "again"
        ) from error
