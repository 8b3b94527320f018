"""What kind of prediction a target asks for, by rules that the docs list."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data.conformance import conform_column
from mlkit.data.distinct import number_text
from mlkit.data.epochs import name_words
from mlkit.data.kinds import Guess, guess_kind
from mlkit.data.labels import MAX_CLASSES, find_positive, read_labels, sort_classes
from mlkit.data.records import Column
from mlkit.data.wording import SHOWN, counted, listed, shown
from mlkit.params.models import Task
from mlkit.scaffold.findings import ScaffoldError

FEW_SIZES = 5
SOME_SIZES = 20
EVEN = 0.25
RARE = 10
MOST_RARE = 0.1
NAMES_ROWS = frozenset({"id", "ids", "uuid", "guid", "key", "index", "unnamed"})


@dataclass(frozen=True)
class Target:
    """The target column and the task it asks for.

    Attributes
    ----------
    positive : str or None
        The positive label of a binary task.
    min_class_rows : int
        Classes of fewer rows are left out; 0 leaves none out.
    missing : int
        Rows without a target.
    """

    name: str
    task: Task
    why: str
    positive: str | None = None
    why_positive: str = ""
    min_class_rows: int = 0
    why_rare: str = ""
    missing: int = 0
    labels: pd.Series | None = field(default=None, repr=False)

    @property
    def why_missing(self) -> str:
        """What is done about rows without a target; empty where there are none."""
        if not self.missing:
            return ""
        left = "which is" if self.missing == 1 else "which are"
        return f"missing in {counted(self.missing, 'row')}, {left} left out"


@dataclass(frozen=True)
class _Counted:
    """Labels or sizes of a target in their order, and the rows of each."""

    labels: tuple[str, ...]
    rows: NDArray[np.int64]

    @property
    def common(self) -> int:
        """How many of them are not rare."""
        return int((self.rows >= RARE).sum())

    def said(self) -> str:
        """Return each with its rows, as comments quote them."""
        pairs = [*zip(self.labels, self.rows, strict=True)]
        named = [f"{shown(label)} in {rows:,}" for label, rows in pairs[:SHOWN]]
        more = f" and {len(pairs) - SHOWN:,} more" if len(pairs) > SHOWN else ""
        return f"{', '.join(named)} rows{more}"


def decide_target(values: pd.Series, *, where: str) -> Target:
    """Return the task that the values of a target ask for.

    Raises
    ------
    ScaffoldError
        They suit no task: missing, all alike, dates, identifiers, free text, or too
        many classes of too few rows.
    """
    name = str(values.name)
    guess = guess_kind(values, name, identifiers=False)
    known = int(values.notna().sum())
    missing = len(values) - known
    if not known:
        raise _refused(
            name,
            where,
            "have values",
            "all of them are missing",
            "Choose another column, or correct the file",
        )
    if guess.kind == "date":
        raise _refused(
            name,
            where,
            "be a class or an amount",
            "it holds dates",
            "Make a number (such as days until then) or a class of it in "
            "the file or by data.query",
        )
    column = Column(name, guess.kind, format=guess.format)
    conformed, _ = conform_column(values.to_frame(name), column)
    labels = read_labels(conformed)
    found = _count(labels)
    if len(found.labels) == 1:
        raise _refused(
            name,
            where,
            "vary",
            f"every row is {listed(found.labels)}",
            "Choose another column, or data that hold every outcome",
        )
    if guess.kind == "number":
        _refuse_row_names(values, name, where)
        target = _number(name, guess, conformed, found, where)
    else:
        target = _texts(name, guess, found, known, where)
    return Target(**{**vars(target), "missing": missing, "labels": labels})


def _count(labels: pd.Series) -> _Counted:
    counts = labels.value_counts()
    classes = sort_classes([str(label) for label in counts.index])
    rows = [int(counts[label]) for label in classes]
    return _Counted(classes, np.array(rows, dtype=np.int64))


def _number(
    name: str, guess: Guess, numbers: pd.Series, found: _Counted, where: str
) -> Target:
    written = f", written like {guess.format}" if guess.format else ""
    count = len(found.labels)
    if count == 2:
        _require_rows(name, found, where)
        return _binary(name, f"the target holds two numbers{written}", found)
    known = numbers.dropna().to_numpy()
    whole = bool((known == np.rint(known)).all())
    if not whole or count > SOME_SIZES or found.common < 2:
        many = f"{count:,} different numbers{written}"
        return Target(name, "regression", f"the target holds {many}")
    seen = f"the target holds {count} whole numbers"
    if count <= FEW_SIZES:
        return _multiclass(name, f"{seen}; regression if they are amounts", found)
    if found.rows.min() >= EVEN * found.rows.mean():
        why = f"{seen}, about as many rows of each; regression if they are amounts"
        return _multiclass(name, why, found)
    why = f"{seen} with rare ends, as scores and counts have; multiclass if codes"
    return Target(name, "regression", why)


def _refuse_row_names(values: pd.Series, name: str, where: str) -> None:
    named = guess_kind(values, name)
    words = name_words(name)
    by_name = bool(words) and words[-1] in NAMES_ROWS
    if named.kind == "identifier" and (by_name or "in a row" in named.why):
        seen = f"it looks like an identifier: {named.why}"
        step = "Choose the column that is to be predicted"
        raise _refused(name, where, "be an outcome", seen, step)


def _require_rows(name: str, found: _Counted, where: str) -> None:
    if found.common < 2:
        rule = f"have at least {RARE} rows of each of its two values"
        step = "Gather more rows of the rarer value, or choose another column"
        raise _refused(name, where, rule, f"it holds {found.said()}", step)


def _texts(name: str, guess: Guess, found: _Counted, known: int, where: str) -> Target:
    count = len(found.labels)
    if count == 2:
        _require_rows(name, found, where)
        return _binary(name, "the target holds two values", found)
    rare = int(found.rows[found.rows < RARE].sum())
    crowded = count > MAX_CLASSES or rare > MOST_RARE * known or found.common < 2
    if guess.kind == "text" or crowded:
        what = "free text" if guess.kind == "text" else f"{count:,} different texts"
        raise _refused(
            name,
            where,
            f"have at most {MAX_CLASSES} classes, and {1 - MOST_RARE:.0%} of the rows "
            f"in classes of at least {RARE} rows",
            f"it holds {what}, and {rare:,} of {counted(known, 'row')} are in rarer "
            "classes",
            "Merge classes in the file or by data.query, or choose another column",
        )
    return _multiclass(name, f"the target holds {count} classes", found)


def _multiclass(name: str, why: str, found: _Counted) -> Target:
    rare = found.rows < RARE
    if not rare.any():
        rarest = f"the rarest in {counted(int(found.rows.min()), 'row')}"
        return Target(name, "multiclass", f"{why} ({rarest})")
    left_out = _Counted(
        tuple(label for label, odd in zip(found.labels, rare, strict=True) if odd),
        found.rows[rare],
    )
    why_rare = (
        f"too few rows to learn and to test, so they are left out: {left_out.said()}"
    )
    if found.common > 2:
        return Target(name, "multiclass", why, min_class_rows=RARE, why_rare=why_rare)
    kept = _Counted(
        tuple(label for label, odd in zip(found.labels, rare, strict=True) if not odd),
        found.rows[~rare],
    )
    two = _binary(name, f"{why}, of which two are not rare", kept)
    return Target(**{**vars(two), "min_class_rows": RARE, "why_rare": why_rare})


def _binary(name: str, why: str, found: _Counted) -> Target:
    positive = find_positive(found.labels)
    why_positive = "its name means yes"
    if positive is None:
        first, second = found.rows
        # Of two that are as frequent, the later in their order: 2 of 1 and 2.
        positive = found.labels[0] if first < second else found.labels[1]
        why_positive = (
            "the two are as frequent; the later in their order"
            if first == second
            else "the rarer of the two; name the other one if that is the event"
        )
    return Target(name, "binary", f"{why}: {found.said()}", positive, why_positive)


def plain_label(label: str) -> str | int | float | bool:
    """Return a label as a person would write it in a params file."""
    if label in ("True", "False"):
        return label == "True"
    try:
        number = float(label)
    except ValueError:
        return label
    if number_text(number) != label:
        return label
    return int(number) if number.is_integer() else number


def _refused(name: str, where: str, rule: str, found: str, step: str) -> ScaffoldError:
    return ScaffoldError(f"{where}: the target {name!r} must {rule}; {found}. {step}")
