"""YAML 1.2 read strictly: what a file says, and the line on which it says it.

Plain scalars follow the core schema of YAML 1.2.2 (section 10.3.2), in which ``1e-3``
is a number, ``no`` is text, ``010`` is ten and a date is text. ruamel.yaml supplies the
events; its own readers of scalars also know dates and ``1_000`` and are not used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

KeyPath = tuple[str | int, ...]

DEEPEST = 50
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER = re.compile(r"[-+]?[0-9]+")
BASED_INTEGER = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
LEFT_OPEN = ("end of stream", "stream end", "could not find expected ':'")
# What ruamel's words for a fault mean to somebody who writes a params file.
NEXT_STEPS = {
    "'\\t'": "indent with blanks, not with tabs",
    "cannot start any token": "put the text in quotes",
    "block scalar": "put the text in quotes",
    "mapping values are not allowed": "put text that holds a colon in quotes, and "
    "start the keys of one group in the same column",
    "could not find expected ':'": "write a colon and a blank after the key",
    "quoted scalar": "close the quotes",
    "flow": "close the bracket, and put a comma between its items",
}


@dataclass(frozen=True)
class Fault:
    """A thing that a file may not hold."""

    path: KeyPath
    line: int
    message: str


class NotYaml(ValueError):
    """Text that YAML 1.2 cannot read: where, why, and the next step."""

    def __init__(self, line: int, problem: str, step: str) -> None:
        super().__init__(f"{problem}; {step}")
        self.line = line
        self.problem = problem


@dataclass(frozen=True)
class Document:
    """Plain data, the line of each of its keys and items, and the faults in it."""

    data: Any
    lines: dict[KeyPath, int]
    faults: tuple[Fault, ...]


def parse(text: str) -> Document:
    r"""Read one YAML 1.2 document.

    Keys are always text (``1: x`` has the key ``"1"``). Anchors and aliases are read;
    merge keys (``<<``) and tags (``!!str``) are faults, as are keys given twice.

    Raises
    ------
    NotYaml
        When the text is not YAML.

    Examples
    --------
    >>> parse("rate: 1e-3\nanswer: no\nday: 2024-05-01").data
    {'rate': 0.001, 'answer': 'no', 'day': '2024-05-01'}
    """
    reader = _Reader()
    try:
        data = reader.document(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        raise NotYaml(*_explain(error)) from error
    except YAMLError as error:
        raise NotYaml(*_explain_character(error, text)) from error
    return Document(data, reader.lines, tuple(reader.faults))


def scalar(text: str) -> str | int | float | bool | None:
    """Read an unquoted scalar by the core schema of YAML 1.2.

    Examples
    --------
    >>> [scalar(text) for text in ("010", "0o10", "1_000", "yes", "True", "~")]
    [10, 8, '1_000', 'yes', True, None]
    """
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    if BASED_INTEGER.fullmatch(text):
        return int(text, 0)
    if FLOAT.fullmatch(text):
        return float(text)
    if infinite := NOT_FINITE.fullmatch(text):
        return float(infinite[0].replace(".", ""))
    return text


@dataclass
class _Reader:
    lines: dict[KeyPath, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    anchors: dict[str, Any] = field(default_factory=dict)

    def document(self, events: Iterator[Event]) -> Any:
        data: Any = None
        documents = 0
        for event in events:
            if isinstance(event, DocumentStartEvent):
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise NotYaml(line, "a second document starts", "remove `---`")
                if event.version not in (None, (1, 2)):
                    problem = "the %YAML directive asks for another version than 1.2"
                    raise NotYaml(1, problem, "remove it")
                data = self.value(next(events), events, ())
        return data

    def value(self, event: Event, events: Iterator[Event], path: KeyPath) -> Any:
        line = event.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > DEEPEST:
            problem = f"more than {DEEPEST} groups inside one another"
            raise NotYaml(line, problem, "close them, or put the text in quotes")
        if isinstance(event, AliasEvent):
            return self.alias(event, line)
        if not isinstance(event, CollectionStartEvent | ScalarEvent):
            raise TypeError(f"no value starts with {event}")
        if event.tag is not None:
            message = f"has the tag {event.tag}; remove it, or quote text"
            self.faults.append(Fault(path, line, message))
        if isinstance(event, ScalarEvent):
            data = self.scalar(event, line)
        elif isinstance(event, SequenceStartEvent):
            data = self.sequence(events, path)
        else:
            data = self.mapping(events, path)
        if event.anchor is not None:
            self.anchors[event.anchor] = data
        return data

    def alias(self, event: AliasEvent, line: int) -> Any:
        if event.anchor not in self.anchors:
            problem = f"`*{event.anchor}` stands before its anchor `&{event.anchor}`"
            raise NotYaml(line, problem, "put text that starts with * in quotes")
        return self.anchors[event.anchor]

    def scalar(self, event: ScalarEvent, line: int) -> Any:
        if event.style is not None or event.tag is not None:
            return _characters(event.value, line)
        try:
            return scalar(event.value)
        except ValueError as error:
            step = "put it in quotes if it is text"
            raise NotYaml(line, "the number has too many digits", step) from error

    def sequence(self, events: Iterator[Event], path: KeyPath) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, SequenceEndEvent):
                break
            items.append(self.value(event, events, (*path, len(items))))
        return items

    def mapping(self, events: Iterator[Event], path: KeyPath) -> dict[str, Any]:
        pairs: dict[str, Any] = {}
        for event in events:
            if isinstance(event, MappingEndEvent):
                break
            key = self.key(event)
            # In quotes it is text like any other.
            quoted = isinstance(event, ScalarEvent) and event.style is not None
            merge = key == "<<" and not quoted
            here = (*path, key)
            line = event.start_mark.line + 1
            if key in pairs:
                message = (
                    f"is given twice, first on line {self.lines[here]}; remove one"
                )
                self.faults.append(Fault(here, line, message))
            elif merge:
                message = "is a merge key, which YAML 1.2 has not; write the keys out"
                self.faults.append(Fault(here, line, message))
            self.lines.setdefault(here, line)
            value = self.value(next(events), events, here)
            if not merge:
                pairs.setdefault(key, value)
        return pairs

    def key(self, event: Event) -> str:
        if isinstance(event, ScalarEvent):
            return _characters(event.value, event.start_mark.line + 1)
        problem = "a list, a group or an alias stands where a key should"
        step = "write text; put it in quotes if it starts with [, { or *"
        raise NotYaml(event.start_mark.line + 1, problem, step)


def _characters(text: str, line: int) -> str:
    # JSON escapes a character beyond U+FFFF as two halves; Python's text has none.
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        problem = "an escape such as \\ud800 is half of a character"
        raise NotYaml(line, problem, "write the character itself") from error


def _explain(error: MarkedYAMLError) -> tuple[int, str, str]:
    # A thing left open is noticed where the text ends, but mended where it starts.
    left_open = any(part in str(error.problem) for part in LEFT_OPEN)
    mark = (left_open and error.context_mark) or error.problem_mark
    words = f"{error.context or ''} {error.problem or ''}".strip()
    steps = (step for part, step in NEXT_STEPS.items() if part in words)
    step = next(steps, "compare this line and its indentation with the lines above")
    return (mark.line + 1 if mark else 1), error.problem or words, step


def _explain_character(error: YAMLError, text: str) -> tuple[int, str, str]:
    position = getattr(error, "position", 0)
    line = text.count("\n", 0, position) + 1
    name = f"U+{ord(text[position]):04X}"
    return line, f"the character {name} may not stand in YAML", "remove it"
