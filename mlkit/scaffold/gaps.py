"""Texts that mean missing, beyond those that every file's are looked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
from pandas.api import types

from mlkit.data.conformance import conform_column
from mlkit.data.distinct import Distinct, find_distinct
from mlkit.data.kinds import guess_kind
from mlkit.data.numerals import readable
from mlkit.data.records import Column
from mlkit.params.data_section import MISSING

# Missing wherever they stand; other texts only among numbers or dates.
ALWAYS = frozenset(
    {"n/a", "#n/a", "na", "nan", "null", "(null)", "<na>", "<null>", "\\n", "n.a."}
)
OFTEN = ALWAYS | {
    *("-", "--", "---", ".", "..", "none", "nil", "unknown", "missing", "undefined"),
    *("not available", "not applicable", "not known", "tbd", "#div/0!", "#value!"),
    *("#ref!", "#name?", "#null!", "#num!", "blank", "empty", "0000-00-00", "k.a."),
    *("0000-00-00 00:00:00", "inf", "+inf", "-inf", "infinity", "-infinity"),
}
FEW = 5
DIGIT = re.compile(r"\d")


@dataclass(frozen=True)
class Gap:
    """A text that means missing, and the column that shows it."""

    marker: str
    column: str
    why: str


def find_gaps(frame: pd.DataFrame) -> list[Gap]:
    """Return texts that mean missing and are not known as such, each once."""
    found: dict[str, Gap] = {}
    for name in frame.columns:
        if not types.is_numeric_dtype(frame[name].dtype):
            for gap in _gaps(frame[name]):
                found.setdefault(gap.marker, gap)
    return list(found.values())


def declared(gaps: list[Gap]) -> list[str]:
    """Return the value of ``data.missing`` that names the gaps as well."""
    return [*MISSING, *(gap.marker for gap in gaps)]


def _gaps(values: pd.Series) -> Iterator[Gap]:
    distinct = find_distinct(values)
    name = str(values.name)
    if not len(distinct.texts):
        return
    always = _among(distinct, ALWAYS)
    for text in always:
        yield Gap(text, name, "it means missing wherever it stands")
    likely = _among(distinct, OFTEN)
    if not likely and readable(distinct.texts, None).all():
        return
    rest = values[~values.isin(likely)] if likely else values
    guess = guess_kind(rest, name, identifiers=False)
    if guess.kind not in ("number", "date") or not rest.notna().any():
        return
    kinds = f"{guess.kind}s"
    for text in likely:
        if text not in always:
            yield Gap(text, name, f"the other values are {kinds}")
    column = Column(name, guess.kind, format=guess.format)
    _, mistakes = conform_column(rest.to_frame(name), column)
    if not mistakes:
        return
    odd = _odd(rest, column)
    if len(odd) <= FEW and not any(DIGIT.search(text) for text in odd):
        for text in odd:
            yield Gap(text, name, f"nearly all other values are {kinds}")


def _among(distinct: Distinct, markers: frozenset[str]) -> list[str]:
    if len(distinct.texts) > len(markers) * 100:
        lower = pd.Series(distinct.texts.to_pandas()).str.lower()
        return [str(distinct.texts[int(i)]) for i in lower.index[lower.isin(markers)]]
    return [text for text in distinct.texts.to_pylist() if text.lower() in markers]


def _odd(values: pd.Series, column: Column) -> list[str]:
    """Return the distinct texts that a column of that kind cannot hold."""
    texts = find_distinct(values).texts
    name = column.name
    frame = pd.Series(texts.to_pylist(), name=name, dtype="str").to_frame(name)
    conformed, _ = conform_column(frame, column)
    wrong = conformed.isna().to_numpy()
    return [str(text) for text in texts.filter(pa.array(wrong)).to_pylist()]
