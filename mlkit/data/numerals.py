"""Numbers written as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?([iI]nf|INF|[iI]nfinity)$"
_SIGN = r"^[+-]?[$€£¥]?\s?[+-]?"
_UNIT = r"\s?[%€]?$"
STYLES = {
    "1,234.5": _SIGN + r"(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?" + _UNIT,
    "1.234,5": _SIGN + r"(\d{1,3}([.\s\x{a0}\x{202f}]\d{3})+|\d+)(,\d*)?" + _UNIT,
}
DIGITS = r"\d"
CODE = r"^[+-]?0\d"
WHOLE = r"^[+-]?\d+$"


def matches(texts: Any, pattern: str) -> NDArray[np.bool_]:
    """Return which texts of an Arrow array match a regular expression (RE2)."""
    found = pc.match_substring_regex(texts, pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)


def readable(texts: Any, style: str | None) -> NDArray[np.bool_]:
    """Return which texts are numbers in a style; None is the plain style.

    Plain is what Python's ``float`` reads without ``nan`` and underscores. The style
    ``1,234.5`` also takes commas between thousands, ``1.234,5`` dots or blanks between
    thousands and a decimal comma; both also take a currency sign or a percent sign,
    which is dropped: ``12 %`` is 12.
    """
    if style is None:
        return matches(texts, PLAIN)
    plain = matches(texts, PLAIN) if style == "1,234.5" else np.zeros(len(texts), bool)
    return plain | (matches(texts, STYLES[style]) & matches(texts, DIGITS))


def find_style(texts: Any) -> str | None:
    """Return the style that reads most of the texts; of equals, the first listed.

    Plain comes first, then ``1,234.5``: a column whose only separators are commas in
    front of three digits is read as whole thousands.
    """
    if readable(texts, None).all():
        return None
    styles: list[str | None] = [None, *STYLES]
    counts = [int(readable(texts, style).sum()) for style in styles]
    return styles[int(np.argmax(counts))]


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
    plain = pc.if_else(pa.array(good), texts, None)
    if style is not None:
        plain = pc.replace_substring_regex(plain, r"[$€£¥%\s\x{a0}\x{202f}]", "")
    if style == "1,234.5":
        plain = pc.replace_substring(plain, ",", "")
    if style == "1.234,5":
        plain = pc.replace_substring(pc.replace_substring(plain, ".", ""), ",", ".")
    unsigned = pc.replace_substring_regex(plain, r"^\+", "")
    numbers = pc.cast(unsigned, pa.float64()).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, dtype=np.float64)
