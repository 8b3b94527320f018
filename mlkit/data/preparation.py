"""From a raw table to a dataset, or to all the reasons why not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.checks import (
    class_checks,
    duplicate_checks,
    feature_checks,
    row_checks,
    with_levels,
)
from mlkit.data.conformance import apply_schema
from mlkit.data.dataset import Dataset
from mlkit.data.fingerprints import Hashes, find_fingerprint, hash_rows
from mlkit.data.inference import (
    failed,
    infer_columns,
    make_schema,
    refuse,
    structure_checks,
)
from mlkit.data.labels import (
    align_labels,
    find_classes,
    leave_out_rare,
    read_labels,
)
from mlkit.data.leakage import find_leakage
from mlkit.data.records import Check, Schema
from mlkit.data.split import Division, split_by_group, split_by_hash, split_by_time
from mlkit.data.wording import counted, row_numbers
from mlkit.params.models import Params

REPEATING = 0.01
DROPPED = "They are dropped from training"
KEPT = "They stay, as training rows are copies of each other as often"
NO_FEATURE = Check(
    "features",
    "failed",
    None,
    "a model needs at least one feature",
    "every column is the target, an identifier, empty or has another role",
    "Take columns out of data.ignore, or declare kinds in data.columns",
)


@dataclass(frozen=True)
class Usable:
    """Conformed rows that have a target, and which of them came from a test file."""

    frame: pd.DataFrame = field(repr=False)
    y: pd.Series = field(repr=False)
    schema: Schema
    own_test: NDArray[np.bool_]


def prepare(
    raw: pd.DataFrame,
    params: Params,
    *,
    test: pd.DataFrame | None = None,
    cutoff_floor: str | None = None,
) -> Dataset:
    """Return the dataset of a case: columns understood, rows checked and divided.

    Rows without a target are dropped, as are training rows that also stand in the test
    file (unless rows repeat anyway), each with a warning that counts them.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
        Texts, or values of any type.
    params : Params
        ``task``, ``data``, and what ``train`` needs of each class.
    test : DataFrame, optional
        Rows of a test file; None divides `raw` as ``data.split`` says.
    cutoff_floor : str, optional
        Cutoff of the model in production, before which a time split cannot start.

    Raises
    ------
    DataError
        With every check that failed.
    """
    raw = with_text_names(raw)
    refuse(structure_checks(raw, params))
    usable, checks = find_usable(raw, params, test)
    hashes = hash_rows(usable.frame, (*usable.schema.features, usable.schema.target))
    if test is not None:
        usable, hashes, found = without_test_copies(usable, hashes)
        checks += found
    division = divide(usable, hashes, params, own=test is not None, floor=cutoff_floor)
    checks += division.checks
    if any(check.name in ("split", "weight") for check in failed(checks)):
        refuse(checks)
    training, tests = ~division.is_test, division.is_test
    schema = with_levels(usable.schema, usable.frame[training])
    checks += row_checks(usable.y, tests, params)
    checks += class_checks(usable.y, tests, schema, params)
    checks += feature_checks(usable.frame[training], usable.frame[tests], schema)
    checks += duplicate_checks(hashes, tests)
    refuse(checks)
    weight = params.data.weight
    dataset = Dataset(
        frame=usable.frame,
        y=usable.y,
        weight=None if weight is None else usable.frame[weight],
        schema=schema,
        train_rows=np.flatnonzero(training),
        test_rows=np.flatnonzero(tests),
        row_hashes=hashes,
        fingerprint=find_fingerprint(usable.frame, schema, usable.own_test),
        checks=tuple(checks),
        cutoff=division.cutoff,
    )
    return with_suspects(dataset, params)


def with_text_names(raw: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose column names are texts and whose rows count from 0."""
    named: pd.DataFrame = raw.set_axis(raw.columns.map(str), axis="columns")
    return named.reset_index(drop=True)


def find_usable(
    raw: pd.DataFrame, params: Params, test: pd.DataFrame | None
) -> tuple[Usable, list[Check]]:
    """Return the rows with a target, those of a test file last, and the checks."""
    columns, checks = infer_columns(raw, params)
    schema = make_schema(columns, params, None)
    frame, found = apply_schema(raw, schema)
    checks += found
    if not schema.features:
        refuse([*checks, NO_FEATURE])
    own_test = np.zeros(len(frame), dtype=bool)
    y, classes, found = read_target(frame, schema, params, checks)
    checks += found
    rare = rare_labels(frame[schema.target], classes)
    if test is not None:
        tests, found = apply_schema(with_text_names(test), schema, table="test file")
        checks += found
        refuse(checks)
        test_y, found = read_test_target(tests, schema, classes, rare)
        checks += found
        if schema.column(schema.target).kind == "category":
            tests[schema.target] = test_y.where(test_y.notna(), tests[schema.target])
        frame = pd.concat([frame, tests], ignore_index=True)
        y = pd.concat([y, test_y], ignore_index=True)
        own_test = np.arange(len(frame)) >= len(own_test)
    checks += target_checks(frame[schema.target], schema)
    checks += weight_checks(frame, params)
    kept = y.notna().to_numpy()
    usable = Usable(
        frame[kept].reset_index(drop=True),
        y[kept].reset_index(drop=True),
        make_schema(columns, params, classes),
        own_test[kept],
    )
    return usable, checks


def read_target(
    frame: pd.DataFrame, schema: Schema, params: Params, checks: list[Check]
) -> tuple[pd.Series, tuple[str, ...] | None, list[Check]]:
    """Return labels or values, the classes, and the checks.

    Raises
    ------
    DataError
        The target cannot be used; with the checks that failed before.
    """
    column = schema.column(schema.target)
    values = frame[schema.target]
    found: list[Check] = []
    classes: tuple[str, ...] | None = None
    if any(check.column == schema.target for check in failed(checks)):
        refuse(checks)
    if not values.notna().any():
        rule, advice = "the target must have values", "Check data.missing"
        found += [_failed(schema, rule, "all are missing", advice)]
    elif schema.task == "regression":
        if values.nunique() == 1:
            rule, advice = "the target must vary", "Choose another target"
            found += [_failed(schema, rule, "all values are equal", advice)]
    else:
        values, found = leave_out_rare(read_labels(values), params, column)
        classes, problems = find_classes(
            values, params, kind=column.kind, sensitive=column.sensitive
        )
        found += problems
    if failed(found):
        refuse([*checks, *found])
    return values, classes, found


def rare_labels(target: pd.Series, classes: tuple[str, ...] | None) -> frozenset[str]:
    """Return the labels of a conformed target that are no class."""
    if classes is None:
        return frozenset()
    return frozenset(read_labels(target).dropna().unique()) - {*classes}


def read_test_target(
    tests: pd.DataFrame,
    schema: Schema,
    classes: tuple[str, ...] | None,
    rare: frozenset[str],
) -> tuple[pd.Series, list[Check]]:
    """Return the target of a test file in the words of the source, and the checks."""
    values = tests[schema.target]
    if classes is None:
        return values, []
    labels = read_labels(values)
    labels = labels.mask(labels.isin(rare) | labels.str.rstrip(".").isin(rare))
    return align_labels(labels, classes, schema.column(schema.target))


def target_checks(target: pd.Series, schema: Schema) -> list[Check]:
    """Return a warning that counts the rows without a target."""
    rows = np.flatnonzero(target.isna().to_numpy())
    rule = "rows need a target"
    if not len(rows):
        return [Check("target", "ok", schema.target, rule, "every row has one")]
    found = f"{counted(len(rows), 'row')} without: {row_numbers(rows)}"
    return [Check("target", "warning", schema.target, rule, found, "They are dropped")]


def weight_checks(frame: pd.DataFrame, params: Params) -> list[Check]:
    """Return a failed check where sample weights are missing or negative."""
    name = params.data.weight
    if name is None:
        return []
    rows = np.flatnonzero(~(frame[name] >= 0).to_numpy())
    if not len(rows):
        return []
    rule = "sample weights must be numbers of at least 0"
    found = f"missing or negative in {row_numbers(rows)}"
    return [Check("weight", "failed", name, rule, found, "Correct data.weight")]


def without_test_copies(
    usable: Usable, hashes: Hashes
) -> tuple[Usable, Hashes, list[Check]]:
    """Return the rows without training rows that also stand in the test file.

    They stay where rows repeat each other anyway: to drop every row that some test row
    is equal to, its target included, would teach the opposite.
    """
    own_test = usable.own_test
    copies = ~own_test & np.isin(hashes, hashes[own_test])
    rule = "a test row must not be a training row"
    if not copies.any():
        return usable, hashes, [Check("test copies", "ok", None, rule, "none is")]
    found = f"{counted(int(copies.sum()), 'row')} of the source also in the test file"
    found += f": {row_numbers(np.flatnonzero(copies))}"
    check = Check("test copies", "warning", None, rule, found, DROPPED)
    if rows_repeat(hashes[~own_test], hashes[own_test]):
        return usable, hashes, [replace(check, advice=KEPT)]
    kept = Usable(
        usable.frame[~copies].reset_index(drop=True),
        usable.y[~copies].reset_index(drop=True),
        usable.schema,
        own_test[~copies],
    )
    return kept, hashes[~copies], [check]


def rows_repeat(learn: Hashes, tests: Hashes) -> bool:
    """Return whether copies between two files are no more than rows repeating.

    True where at least 1 % of the training rows have a copy among them, and the share
    of test rows that have one there is at most twice as large.
    """
    _, place, sizes = np.unique(learn, return_inverse=True, return_counts=True)
    inside = float(np.mean(sizes[place] > 1))
    return inside >= REPEATING and float(np.mean(np.isin(tests, learn))) <= 2 * inside


def divide(
    usable: Usable, hashes: Hashes, params: Params, *, own: bool, floor: str | None
) -> Division:
    """Return which rows are test rows: those of a test file, else by ``data.split``."""
    data, split = params.data, params.data.split
    if own:
        return Division(usable.own_test)
    if split.by == "group" and data.group is not None:
        groups = usable.frame[data.group]
        return split_by_group(groups, hashes, split.test_share)
    if split.by == "time" and data.time is not None:
        times = usable.frame[data.time]
        return split_by_time(times, split.test_share, split.cutoff, floor)
    return Division(split_by_hash(hashes, split.test_share))


def with_suspects(dataset: Dataset, params: Params) -> Dataset:
    """Return the dataset with its suspicions of leakage among the checks."""
    rows = dataset.train_rows
    suspects = find_leakage(
        *(dataset.X(rows), dataset.target(rows), dataset.row_hashes[rows]),
        schema=dataset.schema,
        params=params,
    )
    known = {check.column for check in dataset.checks if check.name == "leakage"}
    new = [check for check in suspects if check.column not in known]
    return replace(dataset, checks=(*dataset.checks, *new))


def _failed(schema: Schema, rule: str, found: str, advice: str) -> Check:
    return Check("target", "failed", schema.target, rule, found, advice)
