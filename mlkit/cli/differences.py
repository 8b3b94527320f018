"""The command ``mlkit diff``: what differs between two runs, and which is better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import note, print_json, say

if TYPE_CHECKING:
    from mlkit.differences import Comparison

Run = Annotated[
    str,
    typer.Argument(
        help="A run by name or the head of its name, or CASE:latest, CASE:previous, "
        "CASE:production."
    ),
]
CHANGED = 12


def diff(run1: Run, run2: Run, as_json: AsJson = False) -> None:
    """Say what differs between two runs and which is better; write a page of it."""
    room = mlkit.differences
    a, b = room.choose(run1), room.choose(run2)
    found = room.compare(a, b)
    page = room.write_page(found, a, b)
    if as_json:
        print_json(found.to_dict() | {"report": str(page)})
        note(f"report: {page}")
        return
    for line in _lines(found):
        say(line)
    say(f"report: {page}")


def _lines(found: Comparison) -> Iterator[str]:
    words = mlkit.report.differences
    for letter, run in (("A", found.a), ("B", found.b)):
        yield f"{letter}  {run['case']} {run['run']}: {run['verdict'].lower()}"
    yield f"{found.headline}."
    if found.standing.reason and not found.identical:
        yield found.standing.reason
    yield from (f"  {sentence}" for sentence in found.missing)
    for title, changes in (
        ("params", found.params),
        ("data", found.data),
        ("versions", found.environment),
        ("decision", found.decision),
    ):
        for change in changes[:CHANGED]:
            values = " -> ".join(map(words.value_text, (change.a, change.b)))
            yield f"  {title}: {change.what} {values}"
        if len(changes) > CHANGED:
            yield f"  {title}: {len(changes) - CHANGED} more"
    for cell in found.cells:
        lines = f"+{cell.added} -{cell.removed} lines"
        yield f"  code: {cell.step}, cell {cell.cell}: {lines}"
    if found.commits.differ:
        old, new = (str(c)[:8] for c in (found.commits.a, found.commits.b))
        yield f"  code: commit {old} -> {new}"
    for pair in () if found.identical else found.metrics:
        values = " -> ".join(map(mlkit.report.measures.estimate_text, (pair.a, pair.b)))
        yield f"  {pair.label}: {values}, {words.READINGS[pair.reading][0]}"
