"""What is predicted: labels, their classes, and which of two is the positive one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlkit.data.conformance import TEXT
from mlkit.data.distinct import label_text, number_text
from mlkit.data.records import MASK, Check, Column
from mlkit.data.wording import counted, listed, shown
from mlkit.params.models import Kind, Params, Task

MAX_CLASSES = 200
POSITIVE = frozenset(
    {"true", "yes", "y", "t", "1", "positive", "pos"}
    | {"ja", "j", "oui", "si", "sí", "sim", "s", "tak", "wahr"}
)
NEGATIVE = frozenset(
    {"false", "no", "n", "f", "0", "-1", "negative", "neg"}
    | {"nein", "non", "não", "nao", "nie", "nee", "falsch"}
)


def read_labels(values: pd.Series) -> pd.Series:
    """Return a conformed target column as label texts, missing where it is missing."""
    if values.dtype != np.float64:
        return values.astype(TEXT)
    names = {value: number_text(value) for value in values.dropna().unique()}
    return values.map(names).astype(TEXT)


def leave_out_rare(
    labels: pd.Series, params: Params, column: Column
) -> tuple[pd.Series, list[Check]]:
    """Return the labels without those of fewer rows than ``data.min_class_rows``."""
    counts = labels.value_counts()
    rare = counts[counts < params.data.min_class_rows]
    if not len(rare):
        return labels, []
    rule = f"a class needs at least {params.data.min_class_rows} rows"
    named = listed(sorted(map(str, rare.index)), sensitive=column.sensitive)
    found = f"{named}: {counted(int(rare.sum()), 'row')}"
    advice = "They are left out, by data.min_class_rows"
    check = Check("rare classes", "warning", column.name, rule, found, advice)
    return labels.mask(labels.isin(rare.index)), [check]


def sort_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels in order: by value when all of them are numbers, else by text.

    Examples
    --------
    >>> sort_classes(["10", "9"]), sort_classes(["10", "9", "x"])
    (('9', '10'), ('10', '9', 'x'))
    """
    try:
        return tuple(sorted(labels, key=lambda label: (float(label), label)))
    except ValueError:
        return tuple(sorted(labels))


def find_classes(
    labels: pd.Series, params: Params, *, kind: Kind, sensitive: bool = False
) -> tuple[tuple[str, ...] | None, list[Check]]:
    """Return the classes, (negative, positive) when binary, and the checks.

    Parameters
    ----------
    labels : Series of shape (n_rows,)
        As :func:`read_labels` returns them.
    params : Params
        With ``task`` ``binary`` or ``multiclass``.
    kind : str
        Kind of the target column.

    Returns
    -------
    classes : tuple of str or None
        None when a check failed.
    """
    classes = sort_classes(list(labels.dropna().unique()))
    problem = _wrong_number(classes, params.task, len(labels), sensitive=sensitive)
    if problem is not None:
        return None, [_check(params, *problem)]
    if params.task == "multiclass":
        return classes, []
    return _with_positive(classes, params, kind, sensitive=sensitive)


def _wrong_number(
    classes: Sequence[str], task: Task, rows: int, *, sensitive: bool
) -> tuple[str, str, str] | None:
    count = len(classes)
    named = listed(classes, sensitive=sensitive)
    if count == 0:
        rule = "a target needs at least two classes"
        advice = "Lower data.min_class_rows, or merge classes"
        return rule, "every class is left out as rare", advice
    if count == 1:
        rule = "a target needs at least two classes"
        return rule, f"every row is {named}", "Use data that hold every outcome"
    if task == "binary" and count > 2:
        rule = "a binary target has two values"
        advice = "Set task: multiclass, or task: regression if they are amounts"
        return rule, f"there are {count:,}: {named}", advice
    if task == "multiclass" and count == 2:
        rule = "a multiclass target has at least three values"
        return rule, f"there are two: {named}", "Set task: binary"
    if count > MAX_CLASSES:
        rule = f"a multiclass target has at most {MAX_CLASSES} values"
        advice = "Set task: regression if they are amounts, or merge rare classes"
        return rule, f"there are {count:,} in {counted(rows, 'row')}: {named}", advice
    return None


def _with_positive(
    classes: tuple[str, ...], params: Params, kind: Kind, *, sensitive: bool
) -> tuple[tuple[str, ...] | None, list[Check]]:
    named = listed(classes, sensitive=sensitive)
    declared = params.data.positive
    if declared is None:
        positive = find_positive(classes)
        if positive is None:
            rule = "the positive class must be declared where its name does not tell it"
            advice = "Set data.positive to one of them"
            return None, [_check(params, rule, f"the two are {named}", advice)]
        checks = [_undeclared(params, positive, sensitive=sensitive)]
    else:
        checks = []
        positive = declared_label(declared, classes, kind)
        if positive is None:
            rule = "data.positive must be a value of the target"
            given = shown(str(declared), sensitive=sensitive)
            found = f"it is {given}, the two are {named}"
            advice = "Set data.positive to one of them"
            return None, [_check(params, rule, found, advice)]
    negative = next(label for label in classes if label != positive)
    return (negative, positive), checks


def _undeclared(params: Params, positive: str, *, sensitive: bool) -> Check:
    taken = shown(positive, sensitive=sensitive)
    value = MASK if sensitive else json.dumps(positive, ensure_ascii=False)
    return Check(
        "positive",
        "warning",
        params.data.target,
        "the positive class should be declared",
        f"it is not; {taken} is taken for its name",
        f"Write data.positive: {value}",
    )


def find_positive(classes: Sequence[str]) -> str | None:
    """Return the class whose name says that it is the positive one.

    It does when one name means yes (true, yes, y, t, 1, positive, pos, or yes in
    another language: ja, oui, sí, sim, tak) and the other means no (false, no, n, f, 0,
    -1, negative, neg; nein, non, não, nie).

    Examples
    --------
    >>> find_positive(["no", "yes"]), find_positive(["benign", "malignant"])
    ('yes', None)
    """
    positive = [label for label in classes if label.lower() in POSITIVE]
    negative = [label for label in classes if label.lower() in NEGATIVE]
    return positive[0] if len(positive) == 1 and len(negative) == 1 else None


def declared_label(value: Any, classes: Sequence[str], kind: Kind) -> str | None:
    """Return the class that a declared value stands for, None when there is none."""
    text = label_text(value)
    if text in classes:
        return text
    same = [label for label in classes if text and label.lower() == text.lower()]
    return same[0] if kind == "boolean" and same else None


def align_labels(
    labels: pd.Series, classes: Sequence[str], column: Column
) -> tuple[pd.Series, list[Check]]:
    """Return the labels of a test file in the words of the training labels.

    A label that is known but for a full stop at its end is taken for the known one,
    with a warning; any other unknown label fails.
    """
    known = set(classes)
    unknown = [label for label in labels.dropna().unique() if label not in known]
    renamed = {
        label: label.rstrip(".") for label in unknown if label.rstrip(".") in known
    }
    strange = [label for label in unknown if label not in renamed]
    hidden = column.sensitive
    checks = []
    if renamed:
        found = f"the test file has {listed(sorted(renamed), sensitive=hidden)}"
        rule = "labels must be written alike in training and test"
        advice = "They are taken without the full stop"
        checks.append(Check("labels", "warning", column.name, rule, found, advice))
    if strange:
        named = listed(sorted(strange), sensitive=hidden)
        known_names = listed(classes, sensitive=hidden)
        found = f"the test file has {named}, the source {known_names}"
        rule = "labels of the test file must be labels of the source"
        advice = "Correct the test file"
        checks.append(Check("labels", "failed", column.name, rule, found, advice))
    return labels.replace(renamed).astype(TEXT), checks


def _check(params: Params, rule: str, found: str, advice: str) -> Check:
    return Check("classes", "failed", params.data.target, rule, found, advice)
