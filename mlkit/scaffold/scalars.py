"""Texts as YAML 1.2 writes them, so that each is read back as it was."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlkit.params import yaml12

PLAIN = re.compile(r"[A-Za-z_./~][A-Za-z0-9_./~+-]*( [A-Za-z0-9_./~+-]+)*")
ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r"}


def quoted(text: str) -> str:
    r"""Return a text as a YAML scalar: plain where that is safe, else in quotes.

    Examples
    --------
    >>> [quoted(text) for text in ("price", "yes", "null", "1e3", "a: b", "#1", "é")]
    ['price', '"yes"', '"null"', '"1e3"', '"a: b"', '"#1"', '"é"']
    """
    plain = PLAIN.fullmatch(text) and not text.endswith(".")
    if plain and text.lower() not in TRUTH and yaml12.scalar(text) == text:
        return text
    return f'"{"".join(map(_escaped, text))}"'


# Text in YAML 1.2, but not for other readers of the file.
TRUTH = frozenset({"yes", "no", "on", "off", "y", "n"})


def _escaped(character: str) -> str:
    if character in ESCAPES:
        return ESCAPES[character]
    if character == " " or character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def value_text(value: Any) -> str:
    """Return plain data as YAML on one line.

    Examples
    --------
    >>> value_text({"by": "time", "share": 0.2, "names": ["a", "b c", "yes"]})
    '{by: time, share: 0.2, names: [a, b c, "yes"]}'
    """
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        pairs = (f"{quoted(key)}: {value_text(item)}" for key, item in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def comment_text(text: str) -> str:
    r"""Return a text that may stand in a comment: on one line, printable.

    Examples
    --------
    >>> comment_text("two\nlines")
    'two lines'
    """
    return "".join(
        character if character.isprintable() else " " for character in text
    ).strip()
