"""The section `explain`: which rows are explained, and how thoroughly."""

from __future__ import annotations

from pydantic import Field

from mlkit.params.values import Scalar, Section, Text


class Explain(Section):
    """Which predictions are explained, and how thoroughly."""

    rows: list[Scalar] = Field(
        default_factory=list,
        description="Rows to explain: values of the column `key`, or row numbers of "
        "the checked table (1 is its first) when `key` is null. Empty takes the "
        "most confident right, the most confident wrong and the closest to the "
        "threshold of the test rows (regression: the best, the worst and the middle).",
    )
    key: Text | None = Field(
        None, description="The column that names a row, such as an order's number."
    )
    background: int = Field(
        100,
        ge=10,
        le=1000,
        description="Training rows that an explanation compares with: a contribution "
        "is measured against the average prediction for these.",
    )
    global_rows: int = Field(
        300,
        ge=20,
        description="Test rows behind the global importances.",
    )
    repeats: int = Field(
        5,
        ge=2,
        description="How often each column is shuffled for its permutation importance.",
    )
    lime_seeds: int = Field(
        10, ge=2, description="How often LIME is repeated, each time with another seed."
    )
    lime_samples: int = Field(
        2000, ge=100, description="Made-up neighbours in each repetition of LIME."
    )
