"""Numbers written as text.

A column is read in one style, never cell by cell. *Plain* is what Python's ``float``
reads without ``nan`` and underscores. Two styles have separators: ``1,234.5`` (commas,
apostrophes or blanks between thousands) and ``1.234,5`` (dots, apostrophes or blanks
between thousands, and a decimal comma). Both also take a currency sign or code before
or after the number, a percent sign, ``(5)`` and ``5-`` for -5; signs are dropped and
nothing is converted: ``12 %`` is 12. A style may end in a unit that every value of the
column has, such as ``1 km`` or ``1.234,5 kWh``.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?([iI]nf|INF|[iI]nfinity)$"
_CURRENCY = (
    r"[$€£¥₹₽₩₪₺฿]|(?:US|R|A|C|NZ|HK|S)\$|kr\.?|zł|Kč|Fr\.|Rs\.?|"
    r"USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|BRL|CAD|AUD|NZD|MXN|ZAR"
)
_BLANK = r"[\s\x{a0}\x{202f}]"
STYLES = {
    "1,234.5": r"^[+-]?(\d{1,3}([,'’\s]\d{3})+|\d{1,2}(,\d{2})+,\d{3}|\d+)?"
    r"(\.\d*)?([eE][+-]?\d+)?$",
    "1.234,5": r"^[+-]?(\d{1,3}([.'’\s]\d{3})+|\d+)(,\d*)?$",
}
_NO_LETTER = r"(?:(?!°)[\W\d_])*"
# Python's, for a single text: RE2 takes milliseconds to compile so many letters.
UNIT = re.compile(
    rf"^{_NO_LETTER}\d{_NO_LETTER}"
    r"(?P<unit>\s(?:(?![²³])[^\W\d_]|°)(?:[^\W_]|[°/.]){0,14})$"
)
LONGEST = 60
TIMES = frozenset({" am", " pm", " a.m.", " p.m."})
DIGITS = r"\d"
CODE = r"^[+-]?0\d"
WHOLE = r"^[+-]?\d+$"


def matches(texts: Any, pattern: str) -> NDArray[np.bool_]:
    """Return which texts of an Arrow array match a regular expression (RE2)."""
    found = pc.match_substring_regex(texts, pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def readable(texts: Any, style: str | None) -> NDArray[np.bool_]:
    """Return which texts are numbers in a style; None is the plain style."""
    if style is None:
        return matches(texts, PLAIN)
    base, unit = _parts(style)
    if unit:
        ends = pc.ends_with(texts, unit).to_numpy(zero_copy_only=False)
        return np.asarray(ends, dtype=bool) & readable(_without(texts, unit), base)
    plain = matches(texts, PLAIN) if base == "1,234.5" else np.zeros(len(texts), bool)
    bare = _bare(texts)
    return plain | (matches(bare, STYLES[str(base)]) & matches(bare, DIGITS))


def find_style(texts: Any) -> str | None:
    """Return the style that reads most of the texts; of equals, the first listed.

    Plain comes first, then ``1,234.5``: a column whose only separators are commas in
    front of three digits is read as whole thousands. A style with a unit is taken only
    when it reads every text.
    """
    if readable(texts, None).all():
        return None
    styles: list[str | None] = [None, *STYLES]
    counts = [int(readable(texts, style).sum()) for style in styles]
    best = int(np.argmax(counts))
    unit = _unit(texts) if counts[best] < len(texts) else None
    if unit is None:
        return styles[best]
    base = find_style(_without(texts, unit))
    with_unit = f"{base or '1'}{unit}"
    return with_unit if readable(texts, with_unit).all() else styles[best]


def read_numbers(texts: Any, style: str | None) -> NDArray[np.float64]:
    """Return the numbers the texts stand for, NaN where a text is not a number.

    Parameters
    ----------
    texts : pyarrow string array of shape (n,)
        Texts without outer blanks.
    style : str or None
        As :func:`find_style` returns it.
    """
    good = readable(texts, style)
    base, unit = _parts(style)
    plain = pc.if_else(pa.array(good), _without(texts, unit) if unit else texts, None)
    if base is not None:
        plain = pc.replace_substring_regex(_bare(plain), r"['’\s]", "")
    if base == "1,234.5":
        plain = pc.replace_substring(plain, ",", "")
    if base == "1.234,5":
        plain = pc.replace_substring(pc.replace_substring(plain, ".", ""), ",", ".")
    unsigned = pc.replace_substring_regex(plain, r"^\+", "")
    numbers = pc.cast(unsigned, pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, dtype=np.float64)


def _parts(style: str | None) -> tuple[str | None, str]:
    """Return a style without its unit, and the unit with the blank before it."""
    if style is None or " " not in style:
        return style, ""
    base, unit = style.split(" ", 1)
    return None if base == "1" else base, f" {unit}"


def _without(texts: Any, unit: str) -> Any:
    """Return the texts that end in a unit without it, the others as they are."""
    shorter = pc.utf8_slice_codeunits(texts, 0, -len(unit))
    trimmed = pc.utf8_trim_whitespace(shorter)
    return pc.if_else(pc.ends_with(texts, unit), trimmed, texts)


def _unit(texts: Any) -> str | None:
    """Return the unit that all texts end in, None where they do not."""
    if not len(texts):
        return None
    first = texts[0].as_py() or ""
    found = UNIT.match(first) if len(first) <= LONGEST else None
    if found is None or found["unit"].lower() in TIMES:
        return None
    unit = f" {found['unit'].strip()}"
    return unit if pc.all(pc.ends_with(texts, unit)).as_py() else None


def _bare(texts: Any) -> Any:
    """Return the texts without currency and percent signs, a minus always in front."""
    bare = pc.replace_substring_regex(texts, _BLANK, " ")
    bare = pc.replace_substring(bare, "−", "-")
    bare = pc.replace_substring_regex(bare, r"^\(([^()+-]+)\)$", r"-\1")
    bare = pc.replace_substring_regex(bare, r"^([^+-]*\d[^+-]*)-$", r"-\1")
    sign = rf"^([+-]?)(?:{_CURRENCY}) ?([+-]?)"
    bare = pc.replace_substring_regex(bare, sign, r"\1\2")
    return pc.replace_substring_regex(bare, rf" ?(?:{_CURRENCY}|%|‰)$", "")
