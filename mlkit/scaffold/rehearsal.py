"""The data step made once before anything is written: what it suspects is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from mlkit.data import Check, DataError, Dataset, prepare
from mlkit.data.wording import counted
from mlkit.params import params_from_dict
from mlkit.scaffold import meanings
from mlkit.scaffold.case_text import Decided
from mlkit.scaffold.findings import QUESTION, Finding, ScaffoldError
from mlkit.scaffold.overview import count_kinds, find_copies, find_readings

ROUNDS = 8
GLANCE = 20_000
SHARES = (0.2, 0.3, 0.4, 0.5)
TOO_FEW = frozenset({"test rows", "class rows", "min rows"})
STRONGEST = re.compile(r"the strongest, (?P<name>.+), reaches (?P<score>.+) alone")
NOTEWORTHY = {"AUC": 0.75, "R2": 0.5}


def rehearse(
    decided: Decided, frame: pd.DataFrame, test: pd.DataFrame | None
) -> tuple[Decided, Dataset]:
    """Return what was decided without what gives the target away, and the dataset.

    Raises
    ------
    ScaffoldError
        The data step would refuse the table, or nothing is left to learn from.
    """
    few = frame
    if len(frame) > GLANCE:
        rows = np.linspace(0, len(frame) - 1, GLANCE).astype(np.int64)
        few = frame.iloc[rows].reset_index(drop=True)
        decided = _without_leaks(decided, few, None)[0]
    decided, dataset = _without_leaks(decided, frame, test)
    notes = (*decided.notes, *_notes(dataset))
    seen = replace(
        decided,
        notes=notes,
        questions=tuple(_questions(dataset)),
        kinds=count_kinds(dataset.schema),
        readings=find_readings(dataset.schema),
        copies=find_copies(dataset),
    )
    return seen, dataset


def _without_leaks(
    decided: Decided, frame: pd.DataFrame, test: pd.DataFrame | None
) -> tuple[Decided, Dataset]:
    for _ in range(ROUNDS):
        decided, dataset = _prepared(decided, frame, test)
        if not dataset.leakage:
            return decided, dataset
        decided = _left_out(decided, dataset.leakage)
    raise ScaffoldError(
        f"{decided.about}: features must not give the target {decided.target.name!r} "
        f"away, and after {counted(len(decided.leaks), 'column')} were left out others "
        "still do. Name the columns to learn from by data.query"
    )


def _left_out(decided: Decided, leakage: Iterable[Check]) -> Decided:
    """Return what was decided without the columns that are suspected.

    The time column stays what it is. It is not learnt from where it is suspected alone;
    with others, it may be harmless without them.
    """
    moment = None if decided.moment is None else decided.moment.column
    found = [
        Finding("data.ignore", check.column, _leak_words(check.found))
        for check in leakage
        if check.column != moment
    ]
    if found:
        return replace(decided, leaks=(*decided.leaks, *found))
    return replace(decided, time_leaks=next(check.found for check in leakage))


def _leak_words(found: str) -> str:
    return f"{found}; known when a prediction is made? Then move it to accept_leakage"


def _prepared(
    decided: Decided, frame: pd.DataFrame, test: pd.DataFrame | None
) -> tuple[Decided, Dataset]:
    """Return the dataset, with a larger share of test rows where a class needs it."""
    for share in SHARES:
        tried = replace(decided, test_share=share)
        try:
            params = params_from_dict(tried.to_params())
            return tried, prepare(frame, params, test=test)
        except DataError as error:
            names = {check.name for check in error.checks}
            if "features" in names:
                raise _nothing_left(decided) from error
            mendable = names <= TOO_FEW and test is None
            if not mendable or share == SHARES[-1]:
                raise _refused(decided, error) from error
    raise AssertionError("the last share ends in a return or a raise")


def _nothing_left(decided: Decided) -> ScaffoldError:
    said = "; ".join(f"{f.column!r}: {f.why}" for f in decided.ignore[:5])
    more = len(decided.ignore) - 5
    return ScaffoldError(
        f"{decided.about}: a model needs at least one column to learn from, and none "
        f"is left beside the target {decided.target.name!r}: {said}"
        f"{f'; and {more:,} more' if more > 0 else ''}. Add columns that say something "
        "about a row, or write the params file by hand"
    )


def _refused(decided: Decided, error: DataError) -> ScaffoldError:
    said = "\n  - ".join(["", *map(str, error.checks)])
    return ScaffoldError(f"{decided.about}: the data cannot be trained on:{said}")


def _notes(dataset: Dataset) -> list[str]:
    return [
        f"{check.found[:1].upper()}{check.found[1:]}. {check.advice}."
        for check in dataset.warnings
        if check.name in ("duplicate rows", "test copies")
    ]


def _questions(dataset: Dataset) -> list[Finding]:
    """Return the strongest column alone, and those whose names sound late."""
    found: dict[str, Finding] = {}
    for check in dataset.checks:
        told = STRONGEST.fullmatch(check.found) if check.name == "leakage" else None
        if told is None:
            continue
        measure, score = told["score"].split()
        name = next(n for n in dataset.schema.features if repr(n) == told["name"])
        moment = dataset.schema.column(name).role == "time"
        if float(score) >= NOTEWORTHY[measure] and not moment:
            why = f"is the strongest alone ({told['score']})"
            found[name] = Finding(QUESTION, name, why)
    for name in dataset.schema.features:
        if meanings.is_late(name):
            why = "by the name something that comes later"
            found.setdefault(name, Finding(QUESTION, name, why))
    return list(found.values())
