"""From bytes to text: the encoding of a file, declared or found."""

from __future__ import annotations

import codecs
import re

from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
ODD = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffe\uffff]")
LINE_ENDS = re.compile(r"[\r\n]")
# Text in another encoding seldom has one sequence of UTF-8 by chance, let alone most.
MOSTLY = 10


def decode(place: Place, data: bytes, declared: str | None) -> tuple[bytes, str]:
    """Return a text as UTF-8 bytes without byte order mark, and its encoding.

    Without a declared encoding a byte order mark decides; else it is UTF-16 if the
    bytes hold control characters and are lines of text as UTF-16; else UTF-8 if they
    are valid UTF-8, else cp1252 (Western European, Windows) if it defines every byte,
    else latin-1.

    Raises
    ------
    SourceError
        The file is not text, not in the declared encoding, or UTF-8 with mistakes.
    """
    if declared is not None:
        return _as_declared(place, data, declared), declared
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _as_declared(place, data, encoding), encoding.removesuffix("-sig")
    data = data.removesuffix(b"\x1a")  # The end of a file in DOS.
    found = CONTROLS.search(data)
    if found is not None:
        return _as_utf16(place, data, found.start())
    for encoding in ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding == "utf-8":
                _refuse_mistakes(place, data, error.start)
            continue
        return (data if encoding == "utf-8" else text.encode()), encoding
    return data.decode("latin-1").encode(), "latin-1"


def _as_declared(place: Place, data: bytes, encoding: str) -> bytes:
    try:
        text = data.decode(encoding)
    except LookupError:
        raise SourceError(
            f"{place}: data.encoding {encoding!r} is not an encoding Python knows. "
            "Write utf-8, cp1252, latin-1 or utf-16, or leave it out"
        ) from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        raise SourceError(
            f"{place}: the file is not {encoding}: the byte 0x{data[start]:02x} in "
            f"line {_line(data, start):,} cannot be read. Correct data.encoding, or "
            "leave it out"
        ) from None
    if "\0" in text:
        raise SourceError(_binary(place, text.index("\0")))
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _as_utf16(place: Place, data: bytes, control: int) -> tuple[bytes, str]:
    """Return a text in UTF-16 without a mark, in the byte order that gives lines."""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if LINE_ENDS.search(text) and not ODD.search(text):
            return text.encode("utf-8", "replace"), encoding
    raise SourceError(_binary(place, control))


def _refuse_mistakes(place: Place, data: bytes, start: int) -> None:
    """Raise when a text is UTF-8 but for a few bytes."""
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    right = sum(not character.isascii() for character in text) - wrong
    if right >= MOSTLY * wrong:
        raise SourceError(
            f"{place}: the file is UTF-8 except for {wrong:,} of its {right + wrong:,} "
            f"special characters, the first in line {_line(data, start):,}: the byte "
            f"0x{data[start]:02x}. Correct the file, or in a params "
            "file: data.encoding: cp1252"
        )


def _line(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _binary(place: Place, position: int) -> str:
    return (
        f"{place}: this is not a text file: there is a control character at byte "
        f"{position + 1:,}. Check which file this is; tables are read from CSV, TSV or "
        "Parquet"
    )
