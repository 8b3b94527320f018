"""Baselines: the profile of the rows that later ones are compared with, in a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from mlkit import store
from mlkit.data import Column, Schema
from mlkit.data.inference import infer_columns
from mlkit.drift import ReferenceProfile, reference_profile
from mlkit.params import params_from_dict

FORMAT = 1
FILE = "baseline.json"
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
    """

    schema: Schema
    profile: ReferenceProfile
    set_at: str

    def to_dict(self) -> dict[str, Any]:
        """Return the baseline as plain JSON data."""
        return {
            "format": FORMAT,
            "set_at": self.set_at,
            "schema": self.schema.to_dict(),
            "profile": self.profile.to_dict(),
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


def make_baseline(
    frame: pd.DataFrame, *, now: datetime, predictions: ArrayLike | None = None
) -> Baseline:
    """Return the baseline of rows, the kinds of whose columns are inferred.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        The rows. Identifiers and columns without any value are not compared later.
    now : datetime
        The present, with a time zone.
    predictions : array-like of shape (n,), optional
        A model's answers, which are compared apart from the columns.

    Raises
    ------
    TypeError
        When it is no frame.
    ValueError
        When it has no rows, or no column that can be compared.
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
    profile = reference_profile(rows, schema, predictions=predictions)
    return Baseline(schema, profile, now.isoformat())


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


def write_baseline(folder: Path, baseline: Baseline) -> None:
    """Write a baseline in place of the one before; another process finds it there."""
    store.make_folder(folder)
    store.write_json(folder / FILE, baseline.to_dict())


def read_baseline(folder: Path) -> Baseline:
    """Return the baseline of a folder.

    Raises
    ------
    FileNotFoundError
        When none was set.
    ValueError
        When the file is of another format.
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
    return Baseline(
        schema=Schema.from_dict(stored["schema"]),
        profile=ReferenceProfile.from_dict(stored["profile"]),
        set_at=stored["set_at"],
    )
