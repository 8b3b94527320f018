"""Pieces: many lines of a log at a time as columns.

Most lines are as a logger writes them. Of these a batch is looked at as a whole, which
takes a third of the time that line by line does; a batch with any other line in it is
read line by line, so that what is garbage is found, and told, in one place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import orjson

from mlkit.prediction_log.columns import feature_columns
from mlkit.prediction_log.garbage import Finds
from mlkit.prediction_log.lines import TAG, WORDS
from mlkit.prediction_log.scanning import Opened, Record, numbered_lines, read

HEAD = (
    "id", "at", "version", "prediction", "probability", "actual", "latency_ms", "error",
)  # fmt: skip
MOMENT_LENGTH = len("2026-01-31T12:00:00.000000Z")


@dataclass(frozen=True)
class Asked:
    """The rows that are asked for: a version, and from `start` on and before `end`."""

    version: str | None = None
    start: datetime | None = None
    end: datetime | None = None

    def match(self, record: Record) -> bool:
        """Return whether a record, decoded, is one of them."""
        return (
            (self.version is None or record.get("version") == self.version)
            and (self.start is None or record["at"] >= self.start)
            and (self.end is None or record["at"] < self.end)
        )

    @property
    def everything(self) -> bool:
        """Whether all rows are asked for."""
        return self.version is None and self.start is None and self.end is None


@dataclass(frozen=True)
class Piece:
    """Rows as columns, each an Arrow array or a list.

    Attributes
    ----------
    head : dict
        The columns of :data:`HEAD`.
    features : dict
        What any of the rows has.
    rows : int
        How many there are.
    jumps : int
        How often a writer's clock went back between them.
    """

    head: dict[str, Any]
    features: dict[str, Any]
    rows: int
    jumps: int = 0


def piece_of(records: Sequence[Record], moments: Any = None) -> Piece:
    """Return records as columns; `moments` are their times if `at` is still text."""
    head: dict[str, Any] = {
        name: [record.get(name) for record in records] for name in HEAD if name != "at"
    }
    if moments is None:
        moments = [record["at"].astimezone(UTC) for record in records]
    features = dict(feature_columns([record["features"] for record in records]))
    jumps = sum("clock_jump" in record for record in records)
    return Piece(head | {"at": moments}, features, len(records), jumps)


def line_pieces(
    opened: Opened, asked: Asked, finds: Finds, size: int
) -> Iterator[Piece]:
    """Yield the rows of a file of lines that are asked for, at most `size` at once."""
    finds.files.append(opened.part.path.name)
    for numbered in _some(opened, finds, size):
        piece = _at_once([line for _, line in numbered], opened, asked)
        if piece is None:
            records = read(numbered, opened.part, finds)
            piece = piece_of([record for record in records if asked.match(record)])
        if piece.rows:
            yield piece


def line_outcomes(
    opened: Opened, finds: Finds, size: int
) -> Iterator[Sequence[Record]]:
    """Yield the outcomes of a file of lines, at most `size` at once."""
    finds.files.append(opened.part.path.name)
    for numbered in _some(opened, finds, size):
        usual = _usual([line for _, line in numbered], opened)
        yield list(read(numbered, opened.part, finds)) if usual is None else usual


def _some(opened: Opened, finds: Finds, size: int) -> Iterator[list[tuple[int, bytes]]]:
    source = numbered_lines(opened, finds)
    while numbered := list(islice(source, size)):
        yield numbered


def _at_once(lines: Sequence[bytes], opened: Opened, asked: Asked) -> Piece | None:
    """Return what is asked for of lines, None if any of them is not a usual one."""
    import pyarrow as pa

    records = _usual(lines, opened)
    if records is None:
        return None
    texts = pa.array([record["at"] for record in records])
    try:
        moments = texts.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:  # A day by its week, say.
        return None
    if asked.everything:
        return piece_of(records, moments)
    # Times of one form and zone are in the order of their texts.
    version, first, last = asked.version, _text(asked.start), _text(asked.end)
    kept = [
        place
        for place, record in enumerate(records)
        if (version is None or record.get("version") == version)
        and (first is None or record["at"] >= first)
        and (last is None or record["at"] < last)
    ]
    if len(kept) < len(records):
        records, moments = (
            [records[place] for place in kept],
            moments.take(pa.array(kept, pa.int64())),
        )
    return piece_of(records, moments)


def _text(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[:26]}Z"


def _usual(lines: Sequence[bytes], opened: Opened) -> list[Record] | None:
    """Return what lines hold, ``at`` as text.

    None if any line is not as a logger writes it, or holds a value in words of its own.
    """
    part = opened.part
    if TAG in b"".join(lines):
        return None
    try:
        records = [orjson.loads(line) for line in lines]
        moments = [record["at"] for record in records]
        sound = (
            {record["kind"] for record in records} <= WORDS[part.kind]
            and {record["model"] for record in records} == {part.path.parent.name}
            and {type(record["id"]) for record in records} == {str}
            and {type(record.setdefault("features", {})) for record in records}
            == {dict}
            and set(map(len, moments)) == {MOMENT_LENGTH}
            and {moment[-1] for moment in moments} == {"Z"}
            and all(map(datetime.fromisoformat, moments))
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    return records if sound else None
