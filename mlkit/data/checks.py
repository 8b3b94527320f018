"""Rules that usable rows are held against once they are divided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.conformance import new_levels
from mlkit.data.distinct import label_text
from mlkit.data.fingerprints import Hashes
from mlkit.data.records import Check, Schema
from mlkit.data.wording import counted, listed, shown
from mlkit.params.models import Params

MAX_LEVELS = 1_000


def with_levels(schema: Schema, training: pd.DataFrame) -> Schema:
    """Return the schema with the levels that categories and booleans have in training.

    Sensitive columns and columns of more than 1,000 levels get none.
    """
    columns = []
    for column in schema.columns:
        levels = None
        if column.kind in ("category", "boolean") and not column.sensitive:
            names = training[column.name].dropna().unique()
            levels = tuple(sorted(names)) if len(names) <= MAX_LEVELS else None
        columns.append(replace(column, levels=levels))
    return replace(schema, columns=tuple(columns))


def feature_checks(
    training: pd.DataFrame, test: pd.DataFrame, schema: Schema
) -> Iterator[Check]:
    """Return warnings about features: constant in training, or new values in test."""
    for name in schema.features:
        column = schema.column(name)
        values = training[name].dropna().unique()
        if not len(values):
            rule, advice = "a column should have values", "It carries nothing to learn"
            found = "all training rows are missing"
            yield Check("all missing", "warning", name, rule, found, advice)
        elif len(values) == 1 and training[name].notna().all():
            rule, advice = "a column should vary", "It carries nothing to learn"
            text = label_text(values[0]) or ""
            value = shown(text, sensitive=column.sensitive)
            found = f"every training row has {value}"
            yield Check("constant", "warning", name, rule, found, advice)
        if column.kind in ("category", "boolean"):
            yield from new_levels(test[name], column, values)


def row_checks(
    y: pd.Series, is_test: NDArray[np.bool_], params: Params
) -> Iterator[Check]:
    """Return failed checks where training or test rows are too few."""
    training, least = int((~is_test).sum()), params.data.min_rows
    rule = f"at least {least:,} training rows are needed (data.min_rows)"
    found = f"there are {training:,}, and {counted(int(is_test.sum()), 'test row')}"
    if training < least:
        advice = "Use more data, or lower data.min_rows if so few rows are meant"
        yield Check("min rows", "failed", None, rule, found, advice)
    else:
        yield Check("min rows", "ok", None, rule, found)
    tests = y[is_test]
    if tests.nunique() < 2:
        rule = "test rows need at least two values of the target"
        found = f"there is {counted(len(tests), 'test row')}"
        if len(tests):
            found = f"all {len(tests):,} test rows are alike"
        advice = "Use more data, a larger data.split.test_share or another split"
        yield Check("test rows", "failed", params.data.target, rule, found, advice)


def class_checks(
    y: pd.Series, is_test: NDArray[np.bool_], schema: Schema, params: Params
) -> Iterator[Check]:
    """Return checks of classes with too few training rows.

    Two rows of each class are needed, and one for each fold where ``train.calibration``
    divides the training rows; fewer than the folds that ``train.estimator: auto`` uses
    are a warning.
    """
    if schema.classes is None:
        return
    folds, calibrated = params.train.folds, params.train.calibration is not None
    needed = max(2, folds if calibrated else 0)
    wanted = max(needed, folds if params.train.estimator == "auto" else 0)
    counts = y[~is_test].value_counts()
    sensitive = schema.column(schema.target).sensitive
    few = {label: int(counts.get(label, 0)) for label in schema.classes}
    few = {label: count for label, count in few.items() if count < wanted}
    if not few:
        rule = f"each class needs at least {wanted} training rows"
        found = f"the rarest has {int(counts.min()):,}"
        yield Check("class rows", "ok", schema.target, rule, found)
        return
    failed = any(count < needed for count in few.values())
    named = [f"{label} has {count}" for label, count in few.items()]
    rule = f"each class needs at least {needed if failed else wanted} training rows"
    advice = "Merge rare classes, or leave them out by data.min_class_rows"
    yield Check(
        "class rows",
        "failed" if failed else "warning",
        *(schema.target, rule, listed(named, sensitive=sensitive), advice),
    )


def duplicate_checks(hashes: Hashes, is_test: NDArray[np.bool_]) -> Iterator[Check]:
    """Return a warning about rows that stand more than once, and on which side."""
    _, first, where, counts = np.unique(
        hashes, return_index=True, return_inverse=True, return_counts=True
    )
    copies = len(hashes) - len(first)
    rule = "a row should stand once"
    if not copies:
        yield Check("duplicate rows", "ok", None, rule, "no row stands twice")
        return
    tests = np.bincount(where, weights=is_test)
    both = int(((tests > 0) & (tests < counts)).sum())
    found = f"{counted(copies, 'row')} {'is a copy' if copies == 1 else 'are copies'}"
    advice = "Copies stay on one side of the split, so that a test row is never learnt"
    if both:
        found += f"; {counted(both, 'content')} on both sides of the split"
        advice = (
            "The scores of such test rows are too good; data.split.by: row avoids it"
        )
    yield Check("duplicate rows", "warning", None, rule, found, advice)
