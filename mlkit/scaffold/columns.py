"""Which columns are left out, declared to be of another kind, or compared."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from mlkit.data.conformance import conform_column
from mlkit.data.distinct import label_text
from mlkit.data.records import Column
from mlkit.data.wording import shown
from mlkit.params.models import Kind
from mlkit.scaffold import meanings
from mlkit.scaffold.findings import QUESTION, Finding

DISTINCT = 0.95
# What the inference says of a column with a few values of another kind.
MISTAKES = "the rest are not"
CODE_LEVELS = 1_000
CODE_ROWS = 5
KEY_LEVELS = 255
KEY_ROWS = 20
REPEATED = 0.005
GROUPED = 1_000
FEWEST_GROUPS = 20
JSON_TEXTS = 50
JSON_SHARE = 0.9


@dataclass(frozen=True)
class Columns:
    """What was decided about the columns that are not the target.

    Attributes
    ----------
    ignore, protected, sensitive : tuple of Finding
        Columns for the lists of that name.
    kinds : tuple of (Finding, str)
        Columns that are declared, with their kinds.
    groups : tuple of Finding
        Keys whose rows may belong together.
    """

    ignore: tuple[Finding, ...]
    kinds: tuple[tuple[Finding, Kind], ...]
    protected: tuple[Finding, ...]
    sensitive: tuple[Finding, ...]
    groups: tuple[Finding, ...]

    @property
    def ignored(self) -> frozenset[str]:
        """Names of the columns that are left out."""
        return frozenset(str(finding.column) for finding in self.ignore)


def decide_columns(
    frame: pd.DataFrame, features: Sequence[Column], *, header: bool
) -> Columns:
    """Return what to leave out, to declare and to compare.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
    features : sequence of Column
        What was inferred about every column but the target.
    header : bool
        Whether the file names its columns.
    """
    unnamed = _unnamed(features, header=header)
    ignore: dict[str, Finding] = {}
    kinds: list[tuple[Finding, Kind]] = []
    for column in features:
        why = _left_out(frame[column.name], column, column.name == unnamed)
        if why:
            ignore[column.name] = Finding("data.ignore", column.name, why)
        elif why := _why_category(frame, column):
            kinds.append((Finding("data.columns", column.name, why), "category"))
    declared = {finding.column for finding, _ in kinds}
    groups = [
        finding
        for column in features
        if column.name not in declared
        for finding in _groups(frame[column.name], column)
    ]
    return Columns(
        tuple(ignore.values()),
        tuple(kinds),
        tuple(_traits(features)),
        tuple(_private(features)),
        tuple(groups),
    )


def _unnamed(features: Sequence[Column], *, header: bool) -> str | None:
    """Return the one column that a file with names has none for: its row names."""
    made = [c.name for c in features if c.name.removeprefix("column_").isdecimal()]
    one = len(made) == 1 and made[0] == "column_1" and header
    return made[0] if one else None


def _left_out(values: pd.Series, column: Column, unnamed: bool) -> str | None:
    known = values.dropna()
    if not len(known):
        return "every value is missing"
    if unnamed and known.nunique() >= DISTINCT * len(known):
        return "its values are distinct and the file has no name for it"
    if column.kind == "identifier":
        return f"an identifier: {column.why.split(';')[0]}"
    if len(known) == len(values) and known.nunique() == 1:
        return f"every row has {shown(label_text(known.iloc[0]) or '')}"
    if column.kind in ("category", "text") and _is_json(known):
        return "JSON texts; take what is needed out of them by data.query"
    return None


def _is_json(known: pd.Series) -> bool:
    texts = [str(text) for text in known.iloc[:JSON_TEXTS]]
    return sum(map(_holds_json, texts)) >= JSON_SHARE * len(texts)


def _holds_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _why_category(frame: pd.DataFrame, column: Column) -> str | None:
    if column.kind not in ("number", "date"):
        return None
    if MISTAKES in column.why:
        return f"not all values are {column.kind}s, and the rest do not mean missing"
    code, key = meanings.is_code(column.name), meanings.is_key(column.name)
    if column.kind == "date" or column.format is not None or not (code or key):
        return None
    known = conform_column(frame, column)[0].dropna()
    levels, rows = known.nunique(), len(known)
    two = levels < 3 and not meanings.is_protected(column.name)
    if two or not (known == known.round()).all():
        return None
    most, fewest = (CODE_LEVELS, CODE_ROWS) if code else (KEY_LEVELS, KEY_ROWS)
    if levels > most or rows < fewest * levels:
        return None
    return f"{levels:,} whole numbers, {'codes' if code else 'keys'} by the name"


def _groups(values: pd.Series, column: Column) -> Iterator[Finding]:
    if not meanings.is_key(column.name):
        return
    known = values.dropna()
    levels, rows = known.nunique(), len(known)
    if levels < FEWEST_GROUPS or rows > GROUPED * levels:
        return
    if rows - levels >= REPEATED * rows:
        why = f"{levels:,} values in {rows:,} rows"
        yield Finding(QUESTION, column.name, why)


def _traits(features: Sequence[Column]) -> Iterator[Finding]:
    for column in features:
        if meanings.is_protected(column.name):
            yield Finding("data.protected", column.name, "its name says so")


def _private(features: Sequence[Column]) -> Iterator[Finding]:
    for column in features:
        if meanings.is_private(column.name):
            yield Finding("data.sensitive", column.name, "its name says so")
