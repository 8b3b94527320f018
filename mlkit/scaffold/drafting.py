"""The text of a params file: each key with the reason that stands beside it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from mlkit.scaffold.findings import Finding
from mlkit.scaffold.scalars import comment_text, quoted, value_text

WIDTH = 88
COLUMN = 24
CODE = re.compile(r"`[^`]{1,60}`")
HELD = "\N{NO-BREAK SPACE}"


@dataclass
class Draft:
    """Lines of YAML, written one key at a time."""

    lines: list[str] = field(default_factory=list)

    def comment(self, text: str, indent: int = 0) -> None:
        """Write a comment, folded to the width of the page."""
        lead = " " * indent + "# "
        # What stands between backticks is to be copied: it stays on one line.
        whole = CODE.sub(lambda code: code[0].replace(" ", HELD), comment_text(text))
        folded = textwrap.wrap(
            whole,
            WIDTH,
            initial_indent=lead,
            subsequent_indent=lead,
            break_long_words=False,
            break_on_hyphens=False,
        )
        self.lines += [line.replace(HELD, " ") for line in folded] or [lead.rstrip()]

    def key(self, name: str, value: Any, why: str = "", *, indent: int = 0) -> None:
        """Write a key on one line, its reason behind it or, if long, above it."""
        line = f"{' ' * indent}{quoted(name)}: {value_text(value)}"
        beside = f"{line:<{COLUMN}}# {comment_text(why)}"
        if why and len(line) < COLUMN and len(beside) <= WIDTH:
            self.lines.append(beside)
            return
        if why:
            self.comment(why, indent)
        self.lines.append(line)

    def group(self, name: str, indent: int = 0) -> None:
        """Start a group of keys."""
        self.lines.append(f"{' ' * indent}{name}:")

    def block(self, name: str, values: Sequence[Any], why: str, indent: int) -> None:
        """Write a list: on one line where it fits, else folded between brackets."""
        line = f"{' ' * indent}{name}: {value_text(list(values))}"
        if len(line) <= WIDTH:
            self.key(name, list(values), why, indent=indent)
            return
        if why:
            self.comment(why, indent)
        self.lines.append(f"{' ' * indent}{name}: [")
        lead, folded = " " * (indent + 2), ""
        for value in values:
            item = f"{value_text(value)},"
            if folded and len(lead) + len(folded) + len(item) >= WIDTH:
                self.lines.append(f"{lead}{folded}")
                folded = ""
            folded = f"{folded} {item}" if folded else item
        self.lines += [f"{lead}{folded}", f"{' ' * indent}]"]

    def reasoned(self, name: str, findings: Sequence[Finding], indent: int) -> None:
        """Write a list of columns, each below the reason that put it there."""
        self.group(name, indent)
        for why, same in groupby(findings, key=lambda finding: finding.why):
            self.comment(why, indent + 2)
            self.lines += [
                f"{' ' * indent}  - {quoted(str(finding.column))}" for finding in same
            ]

    def blank(self) -> None:
        """Write an empty line."""
        self.lines.append("")

    @property
    def text(self) -> str:
        """The whole file."""
        return "\n".join(self.lines) + "\n"


def by_reason(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings with those of the same reason side by side, else in order."""
    found = list(findings)
    first: dict[str, int] = {}
    for place, finding in enumerate(found):
        first.setdefault(finding.why, place)
    return sorted(found, key=lambda finding: first[finding.why])


def source_keys(draft: Draft, keys: Mapping[str, Any], why: Mapping[str, str]) -> None:
    """Write the keys of ``data`` that say what is read, and how."""
    for name, value in keys.items():
        reason = why.get(f"data.{name}", "")
        if isinstance(value, list):
            draft.block(name, value, reason, 2)
        else:
            draft.key(name, value, reason, indent=2)
