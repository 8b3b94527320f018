"""A table that is ready for training: typed, checked, divided and fingerprinted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.markup import table
from mlkit.data.records import Check, Schema, checks_table

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Dataset:
    """The usable rows of a case and how they are divided.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Every column of the schema, index 0..n_rows-1. Numbers are float64, dates
        datetime64[us] (UTC where a zone was given), all other kinds text; booleans are
        the texts ``True`` and ``False``; missing is NaN or NaT.
    y : Series of shape (n_rows,)
        Labels as text (classification) or float64 (regression), never missing.
    weight : Series of shape (n_rows,) or None
        Sample weights, float64, at least 0.
    train_rows, test_rows : ndarray of int64
        Positions in `frame`, ascending; together they are every row exactly once.
    row_hashes : ndarray of uint64 of shape (n_rows,)
        Hash of target and features of each row: equal content, equal hash.
    fingerprint : str
        SHA-256 of the content, whatever the order of its rows.
    cutoff : str or None
        Start of the test period of a time split.
    """

    frame: pd.DataFrame
    y: pd.Series
    weight: pd.Series | None
    schema: Schema
    train_rows: Rows
    test_rows: Rows
    row_hashes: NDArray[np.uint64]
    fingerprint: str
    checks: tuple[Check, ...]
    cutoff: str | None = None

    def __repr__(self) -> str:
        # A record's own would print rows, and a notebook keeps it as the cell's text.
        return (
            f"Dataset({len(self.frame):,} rows, "
            f"{len(self.schema.features):,} features, "
            f"target {self.schema.target!r}, fingerprint {self.fingerprint[:12]})"
        )

    def X(self, rows: Sequence[int] | Rows | None = None) -> pd.DataFrame:
        """Return the features in schema order.

        Parameters
        ----------
        rows : sequence of int, optional
            Positions; None takes every row.
        """
        features = self.frame[list(self.schema.features)]
        return features if rows is None else features.iloc[np.asarray(rows)]

    def target(self, rows: Sequence[int] | Rows | None = None) -> NDArray[Any]:
        """Return what a model is fitted on and a metric is given.

        Parameters
        ----------
        rows : sequence of int, optional
            Positions; None takes every row.

        Returns
        -------
        ndarray of shape (n_rows,)
            int64 indices into ``schema.classes``, or float64 values for regression.
        """
        y = self.y if rows is None else self.y.iloc[np.asarray(rows)]
        if self.schema.classes is None:
            return y.to_numpy(dtype=np.float64)
        codes = pd.Index(self.schema.classes).get_indexer(pd.Index(y))
        return codes.astype(np.int64)

    @property
    def leakage(self) -> tuple[Check, ...]:
        """Suspicions of leakage that the params do not accept."""
        return tuple(
            check
            for check in self.checks
            if check.name == "leakage" and check.status == "warning"
        )

    @property
    def warnings(self) -> tuple[Check, ...]:
        """Checks that need a reader's attention."""
        return tuple(check for check in self.checks if check.status == "warning")

    def to_dict(self) -> dict[str, Any]:
        """Return sizes, schema, checks and fingerprint as plain JSON data, no rows."""
        return {
            "rows": len(self.frame),
            "train_rows": len(self.train_rows),
            "test_rows": len(self.test_rows),
            "fingerprint": self.fingerprint,
            "cutoff": self.cutoff,
            "schema": self.schema.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
        }

    def _repr_html_(self) -> str:
        facts = [
            ("rows", f"{len(self.frame):,}"),
            ("training rows", f"{len(self.train_rows):,}"),
            ("test rows", f"{len(self.test_rows):,}"),
            ("test rows start at", self.cutoff),
            ("features", len(self.schema.features)),
            ("target", f"{self.schema.target} ({self.schema.task})"),
            ("classes", _classes(self.schema)),
            ("fingerprint", self.fingerprint[:12]),
        ]
        shown = [(name, value) for name, value in facts if value is not None]
        odd = [check for check in self.checks if check.status != "ok"]
        return table("Data", ["fact", "value"], shown) + (
            checks_table(odd) if odd else ""
        )


def _classes(schema: Schema) -> str | None:
    if schema.classes is None:
        return None
    if schema.column(schema.target).sensitive:
        return f"{len(schema.classes)}, masked"
    return ", ".join(schema.classes)
