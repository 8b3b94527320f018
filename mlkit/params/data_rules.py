"""The rules between keys of `data`: where rows come from and what they mean."""

from __future__ import annotations

import datetime

from mlkit.params.models import Split
from mlkit.params.rule import Rule, repeats

RULES = (
    Rule(
        "data.source",
        ("data.query",),
        lambda p: p.data.source is None and p.data.query is None,
        "must be given, or data.query",
        "name a file, `sklearn:<name>` or `synthetic:<domain>`",
    ),
    Rule(
        "data.query",
        ("data.source",),
        lambda p: p.data.source is not None and p.data.query is not None,
        "may not stand beside data.source",
        "remove one of the two",
    ),
    Rule(
        "data.files",
        ("data.query", "data.connection"),
        lambda p: (
            p.data.query is not None and not p.data.files and p.data.connection is None
        ),
        "must name the tables of data.query, or data.connection its database",
        "write, for example, `files: {orders: data/orders.csv}`",
    ),
    Rule(
        "data.files",
        ("data.connection",),
        lambda p: bool(p.data.files) and p.data.connection is not None,
        "may not stand beside data.connection, whose database has the tables",
        "remove one of the two",
    ),
    Rule(
        "data.connection",
        ("data.query",),
        lambda p: p.data.connection is not None and p.data.query is None,
        "may stand only beside data.query",
        "remove it, or give the query",
    ),
    Rule(
        "data.files",
        ("data.query",),
        lambda p: p.data.query is None and bool(p.data.files),
        "may stand only beside data.query",
        "remove it, or give the query",
    ),
    Rule(
        "data.options",
        ("data.source", "data.query"),
        lambda p: (
            bool(p.data.options) and not (p.data.source or "").startswith("synthetic:")
        ),
        "may stand only beside a data.source that starts with `synthetic:`",
        "remove it",
    ),
    Rule(
        "data.names",
        ("data.header",),
        lambda p: not p.data.header and p.data.names is None,
        "must be given when data.header is false",
        "list the column names in their order",
    ),
    Rule(
        "data.names",
        ("data.header",),
        lambda p: p.data.header and p.data.names is not None,
        "may be given only when data.header is false",
        "remove it, or write `header: false`",
    ),
    Rule(
        "data.names",
        (),
        lambda p: repeats(p.data.names or ()),
        "must name each column once",
    ),
    Rule(
        "data.target",
        ("data.names",),
        lambda p: bool(p.data.names) and p.data.target not in (p.data.names or ()),
        "must be one of data.names",
    ),
    Rule(
        "data.positive",
        ("task",),
        lambda p: p.data.positive is not None and p.task != "binary",
        "may be given only when task is binary",
        "remove it",
    ),
    Rule(
        "data.time",
        ("data.split.by",),
        lambda p: p.data.split.by == "time" and p.data.time is None,
        "must be given when data.split.by is time",
        "name the column that says when a row happened",
    ),
    Rule(
        "data.group",
        ("data.split.by",),
        lambda p: p.data.split.by == "group" and p.data.group is None,
        "must be given when data.split.by is group",
        "name the column whose rows belong together",
    ),
    Rule(
        "data.split.cutoff",
        ("data.split.by",),
        lambda p: p.data.split.cutoff is not None and p.data.split.by != "time",
        "may be given only when data.split.by is time",
        "remove it, or write `by: time`",
    ),
    Rule(
        "data.split.cutoff",
        (),
        lambda p: p.data.split.cutoff is not None and not _is_date(p.data.split.cutoff),
        "must be an ISO date or time",
        "write, for example, 2024-06-30",
    ),
    Rule(
        "data.split",
        ("data.test",),
        lambda p: p.data.test is not None and p.data.split != Split(),
        "has no meaning beside data.test, whose rows are the test rows",
        "remove one of the two",
    ),
    Rule(
        "data.only",
        ("data.target",),
        lambda p: p.data.target in p.data.only,
        "may not hold the target, of which every value is needed",
        "name another column",
    ),
    Rule(
        "data.only",
        ("data.sensitive",),
        lambda p: not set(p.data.only).isdisjoint(p.data.sensitive),
        "may not hold a column of data.sensitive, whose values no report may show",
        "take it out, or choose the rows by data.query",
    ),
    Rule(
        "segments",
        ("data.target",),
        lambda p: p.segments == p.data.target,
        "may not be the target, of which each model needs every value",
        "name another column",
    ),
    Rule(
        "segments",
        ("data.sensitive",),
        lambda p: p.segments in p.data.sensitive,
        "may not be a column of data.sensitive: its values would stand in the names "
        "of models and in reports",
        "name a column that may be shown",
    ),
    Rule(
        "segments",
        ("data.weight",),
        lambda p: p.segments is not None and p.segments == p.data.weight,
        "may not be data.weight, which is an amount",
        "name a column of few values",
    ),
    Rule(
        "data.time",
        ("data.target",),
        lambda p: p.data.time == p.data.target,
        "may not be the target",
    ),
    Rule(
        "data.group",
        ("data.target",),
        lambda p: p.data.group == p.data.target,
        "may not be the target",
    ),
    Rule(
        "data.weight",
        ("data.target",),
        lambda p: p.data.weight == p.data.target,
        "may not be the target",
    ),
    Rule(
        "data.ignore",
        ("data.target", "data.weight"),
        lambda p: p.data.target in p.data.ignore or p.data.weight in p.data.ignore,
        "may hold neither the target nor the weight",
        "take it out; the model never sees these two as inputs",
    ),
)


def _is_date(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
