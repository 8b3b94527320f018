"""The schema of a table: a kind, a role and a reason for each column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd

from mlkit.data.conformance import conform_column, repeated_names
from mlkit.data.kinds import (
    NOTHING,
    ORDERS,
    Guess,
    guess_declared,
    guess_kind,
    with_order,
)
from mlkit.data.labels import find_classes, leave_out_rare, read_labels
from mlkit.data.records import Check, Column, DataError, Role, Schema
from mlkit.data.wording import did_you_mean
from mlkit.params.models import Params


def infer_schema(raw: pd.DataFrame, params: Params) -> Schema:
    """Return the columns of a table, with kinds and roles, and the classes.

    A kind declared in ``data.columns`` wins over what the values say. The columns named
    as target, time, group or weight have that role and are not features; columns in
    ``data.ignore``, identifiers and columns without any value are ignored; every other
    column is a feature.

    Parameters
    ----------
    raw : DataFrame of shape (n_rows, n_columns)
        Texts, or values of any type.
    params : Params
        ``task`` and ``data`` are read.

    Returns
    -------
    Schema
        Without ``levels``: these come from the training rows of a dataset.

    Raises
    ------
    DataError
        A column that the params name is absent, or the target does not suit the task.
    """
    refuse(structure_checks(raw, params))
    columns, _ = infer_columns(raw, params)
    target = next(column for column in columns if column.role == "target")
    values, mistakes = conform_column(raw, target)
    refuse(mistakes)
    if params.task == "regression":
        return make_schema(columns, params, None)
    labels, _ = leave_out_rare(read_labels(values), params, target)
    classes, checks = find_classes(
        labels, params, kind=target.kind, sensitive=target.sensitive
    )
    refuse(checks)
    return make_schema(columns, params, classes)


def refuse(checks: list[Check]) -> None:
    """Raise a DataError when a check failed."""
    if failed(checks):
        raise DataError(checks)


def failed(checks: list[Check]) -> list[Check]:
    """Return the checks that failed."""
    return [check for check in checks if check.status == "failed"]


def make_schema(
    columns: list[Column], params: Params, classes: tuple[str, ...] | None
) -> Schema:
    """Return the schema of columns and classes."""
    positive = classes[1] if classes and params.task == "binary" else None
    return Schema(tuple(columns), params.task, params.data.target, classes, positive)


def structure_checks(raw: pd.DataFrame, params: Params) -> list[Check]:
    """Return failed checks of what must hold before any value is looked at."""
    if not len(raw):
        found = f"it has {len(raw.columns)} columns and no rows"
        rule = "the data must have rows"
        return [Check("empty", "failed", None, rule, found, "Check data.source")]
    named, roles = _named_columns(raw, params), _roles(params)
    return [*repeated_names(raw, "data"), *named, *roles]


def infer_columns(
    raw: pd.DataFrame, params: Params
) -> tuple[list[Column], list[Check]]:
    """Return the columns with their kinds and roles, and what is odd about them."""
    data = params.data
    names = [str(name) for name in raw.columns]
    guesses = {name: _guess(raw, name, params) for name in names}
    orders = {
        guess.format
        for guess in guesses.values()
        if guess.kind == "date" and guess.format in ORDERS and not guess.undecided
    }
    order = orders.pop() if len(orders) == 1 else None
    columns: list[Column] = []
    checks: list[Check] = []
    for name, guess in guesses.items():
        guess = with_order(guess, order)
        role, reason = _role(name, guess, params)
        column = Column(
            name,
            guess.kind,
            role,
            sensitive=name in data.sensitive,
            protected=name in data.protected,
            format=guess.format,
            why=f"{guess.why}; {reason}" if reason else guess.why,
            learnt=role == "time" and _is_learnt(name, guess, params),
        )
        columns.append(column)
        checks += _oddities(raw, column, guess, params)
    return columns, checks


def _guess(raw: pd.DataFrame, name: str, params: Params) -> Guess:
    data, values = params.data, raw[name]
    if name in data.columns:
        return guess_declared(values, data.columns[name])
    if name == data.weight or (name == data.target and params.task == "regression"):
        return replace(guess_declared(values, "number"), why="must hold numbers")
    if name == data.group:
        return Guess("category", "its values are compared as texts")
    if name in data.ignore:
        return _without_mistakes(values, guess_kind(values, name))
    special = name in (data.target, data.time)
    guess = guess_kind(values, name, identifiers=not special)
    if name == data.target and guess.kind in ("text", "date"):
        return Guess("category", guess.why)
    if name == data.time and guess.kind not in ("date", "number"):
        return replace(guess_declared(values, "date"), why="must hold dates")
    return guess


def _without_mistakes(values: pd.Series, guess: Guess) -> Guess:
    """Return the guess, or a category where it would make mistakes of some values."""
    name = str(values.name)
    _, mistakes = conform_column(
        values.to_frame(name), Column(name, guess.kind, format=guess.format)
    )
    return Guess("category", f"{guess.why}; kept as texts") if mistakes else guess


def _role(name: str, guess: Guess, params: Params) -> tuple[Role, str]:
    data = params.data
    named: dict[str | None, Role] = {
        data.group: "group",
        data.time: "time",
        data.weight: "weight",
        data.target: "target",
    }
    if name in named:
        return named[name], ""
    if name in data.ignore:
        return "ignored", "in data.ignore"
    if guess.kind == "identifier":
        return "ignored", "identifiers are left out"
    if guess.why == NOTHING:
        return "ignored", "left out"
    return "feature", ""


def _is_learnt(time: str, guess: Guess, params: Params) -> bool:
    data = params.data
    return data.learn_time and time not in data.ignore and guess.why != NOTHING


def _oddities(
    raw: pd.DataFrame, column: Column, guess: Guess, params: Params
) -> Iterator[Check]:
    name, declared = column.name, column.name in params.data.columns
    if name in params.data.ignore:
        return
    if column.role == "ignored" and guess.why == NOTHING:
        rule = "a column should have values"
        found, advice = "all are missing", "It is left out"
        yield Check("all missing", "warning", name, rule, found, advice)
    if column.role == "ignored" and guess.kind == "identifier" and not declared:
        rule = "a model must not learn the names of rows"
        advice = f"It is left out; data.columns: {{{name}: category}} would keep it"
        yield Check("identifier", "warning", name, rule, guess.why, advice)
    if column.role == "feature" and declared and guess.kind in ("number", "category"):
        seen = guess_kind(raw[name], name)
        if seen.kind == "identifier":
            yield suspect(name, f"it looks like an identifier: {seen.why}", params)


def suspect(name: str, found: str, params: Params) -> Check:
    """Return a suspicion of leakage: a warning, or ok where the params accept it."""
    rule = "a feature should not give the target away"
    if name in params.data.accept_leakage:
        found = f"{found}; accepted in data.accept_leakage"
        return Check("leakage", "ok", name, rule, found)
    advice = (
        "Put it in data.ignore, or in data.accept_leakage if it is known before the "
        "outcome; nothing is promoted until then"
    )
    return Check("leakage", "warning", name, rule, found, advice)


def _named_columns(raw: pd.DataFrame, params: Params) -> Iterator[Check]:
    data, known = params.data, [str(name) for name in raw.columns]
    named: dict[str, Sequence[str | None]] = {
        "data.target": [data.target],
        "data.time": [data.time],
        "data.group": [data.group],
        "data.weight": [data.weight],
        "data.columns": [*data.columns],
        "data.ignore": data.ignore,
        "data.sensitive": data.sensitive,
        "data.protected": data.protected,
        "data.accept_leakage": data.accept_leakage,
        "evaluate.slices": params.evaluate.slices,
    }
    for key, names in named.items():
        for name in names:
            if name is not None and name not in known:
                rule = f"{key} must name a column of the data"
                found = "there is none of this name"
                advice = did_you_mean(name, known)
                yield Check("missing column", "failed", name, rule, found, advice)


def _roles(params: Params) -> Iterator[Check]:
    data = params.data
    others = {"data.time": data.time, "data.group": data.group}
    others["data.weight"] = data.weight
    clashes = [key for key, name in others.items() if name == data.target]
    clashes += ["data.ignore"] if data.target in data.ignore else []
    for key in clashes:
        rule = f"the target cannot be {key} as well"
        found = f"both name {data.target!r}"
        yield Check("roles", "failed", data.target, rule, found, f"Change {key}")
    if data.learn_time and data.time is None:
        rule, found = "data.learn_time needs data.time", "data.time is not set"
        advice = "Name the time column, or remove data.learn_time"
        yield Check("roles", "failed", None, rule, found, advice)
    for by, name in (("time", data.time), ("group", data.group)):
        if data.split.by == by and name is None and data.test is None:
            rule = f"data.split.by: {by} needs data.{by}"
            advice = f"Name the {by} column, or set data.split.by: row"
            yield Check("split", "failed", None, rule, f"data.{by} is not set", advice)
