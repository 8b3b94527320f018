"""Reading the lines of a log: every form of file, the garbage among them, the order."""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mlkit.prediction_log.appending import lock, unlock
from mlkit.prediction_log.garbage import Finds
from mlkit.prediction_log.layout import Kind, Part, find_parts
from mlkit.prediction_log.lines import WORDS, decode
from mlkit.prediction_log.unpacking import Unpacked

Record = dict[str, Any]
Match = Callable[[Record], bool]

LONGEST_LINE = 64 * 1024 * 1024
BLOCK = 256 * 1024
ATTEMPTS = 20


@dataclass(frozen=True)
class Opened:
    """A file of a day that is open for reading.

    Attributes
    ----------
    size : int or None
        Where the lines end that were whole when it was opened; None for a file that
        nobody writes to.
    """

    part: Part
    file: IO[bytes]
    size: int | None


def days_of(
    folder: Path, kind: Kind, first: date | None = None, last: date | None = None
) -> tuple[date, ...]:
    """Return the days from `first` to `last` that have files, in order."""
    days = sorted({part.day for part in find_parts(folder, kind)})
    return tuple(
        day
        for day in days
        if (first is None or day >= first) and (last is None or day <= last)
    )


@contextlib.contextmanager
def open_day(
    folder: Path, kind: Kind, day: date, finds: Finds
) -> Iterator[tuple[Opened, ...]]:
    """Open all files of a day as they are at one moment, in the order of writing.

    Another process may seal, compress, compact or remove them meanwhile: then they are
    opened anew, so that a line is seen once.

    Raises
    ------
    OSError
        When a file may not be read, or the files do not come to rest.
    """
    for _ in range(ATTEMPTS):
        with contextlib.ExitStack() as opened:
            parts = [p for p in find_parts(folder, kind) if p.day == day]
            try:
                files = [_open(part, opened) for part in parts]
            except FileNotFoundError:
                continue
            if not _unchanged(folder, kind, day, parts, files):
                continue
            found = []
            for part, file in zip(parts, files, strict=True):
                if file is None:
                    finds.skip(part.path.name, None, "not a regular file")
                else:
                    found.append(Opened(part, file, _whole_lines(part, file)))
            yield _without_held(found)
            return
    raise OSError(f"{folder}: the files of {day} changed {ATTEMPTS} times; read again")


def _open(part: Part, opened: contextlib.ExitStack) -> IO[bytes] | None:
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    descriptor = os.open(part.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return opened.enter_context(os.fdopen(descriptor, "rb"))
    os.close(descriptor)
    return None


def _whole_lines(part: Part, file: IO[bytes]) -> int | None:
    if part.form != "open":
        return None
    descriptor = file.fileno()
    # Where there is no lock, a line that is being written looks like a torn one.
    with contextlib.suppress(OSError):
        lock(descriptor, part.path)
        try:
            return os.fstat(descriptor).st_size
        finally:
            unlock(descriptor)
    return os.fstat(descriptor).st_size


def _unchanged(
    folder: Path,
    kind: Kind,
    day: date,
    parts: list[Part],
    files: list[IO[bytes] | None],
) -> bool:
    if [p for p in find_parts(folder, kind) if p.day == day] != parts:
        return False
    try:
        return all(
            file is None or os.path.samestat(os.stat(p.path), os.fstat(file.fileno()))
            for p, file in zip(parts, files, strict=True)
        )
    except FileNotFoundError:
        return False


def _without_held(files: list[Opened]) -> tuple[Opened, ...]:
    """Leave out parts that the compacted day holds: leftovers of a crash."""
    if len(files) < 2 or files[0].part.form != "parquet":
        return tuple(files)
    from mlkit.prediction_log.tables import held_parts

    held = held_parts(files[0])
    return tuple(f for f in files if f.part.number is None or f.part.number not in held)


def records(opened: Opened, finds: Finds) -> Iterator[Record]:
    """Yield the records of a file in the order in which they were written."""
    part = opened.part
    if part.form == "parquet":
        from mlkit.prediction_log.tables import stored_records

        yield from stored_records(opened, finds)
        return
    finds.files.append(part.path.name)
    yield from read(numbered_lines(opened, finds), part, finds)


def read(
    numbered: Iterable[tuple[int, bytes]], part: Part, finds: Finds
) -> Iterator[Record]:
    """Yield the records of numbered lines of a file; count what is none."""
    model, name = part.path.parent.name, part.path.name
    for number, line in numbered:
        record = _record(line, model, part.kind, name, number, finds)
        if record is not None:
            yield record


def _record(
    line: bytes, model: str, kind: Kind, name: str, number: int | None, finds: Finds
) -> Record | None:
    try:
        record = decode(line, model)
        if record["kind"] not in WORDS[kind]:
            raise ValueError("not a record of this kind of file")
    except ValueError as error:
        finds.skip(name, number, str(error))
        return None
    return record


def numbered_lines(opened: Opened, finds: Finds) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a text file with their numbers, from 1, but not empty ones.

    A compressed file that was cut short or is damaged is read up to there, and counted.
    """
    name, source, left = opened.part.path.name, opened.file, opened.size
    source.seek(0)
    unpacked = None
    if opened.part.form == "gzip":
        unpacked = Unpacked(source)
        source = io.BufferedReader(unpacked, BLOCK)
    number = 0
    while (left is None or left > 0) and (line := source.readline(LONGEST_LINE)):
        size, whole = len(line), line[-1:] == b"\n"
        if not whole and unpacked is not None and unpacked.problem is not None:
            # The line in which the damage is.
            break
        number += 1
        if size == LONGEST_LINE and not whole:
            size += _pass_over(source)
            finds.skip(name, number, f"longer than {LONGEST_LINE} bytes")
        elif not line.isspace():
            yield number, line
        left = None if left is None else left - size
    if unpacked is not None and unpacked.problem is not None:
        lost = f"what follows could not be read ({unpacked.problem})"
        finds.skip(name, None, f"damaged behind line {number:,}: {lost}")


def _pass_over(source: IO[bytes]) -> int:
    size = 0
    while more := source.readline(BLOCK):
        size += len(more)
        if more[-1:] == b"\n":
            break
    return size


def newest_records(
    opened: Opened, finds: Finds, *, limit: int, match: Match
) -> list[Record]:
    """Return the last records of a file that match, the newest first.

    Only a compressed file is not read from its end, and only as far as is needed.
    """
    if opened.part.form == "parquet":
        from mlkit.prediction_log.tables import newest_stored

        return list(islice(filter(match, newest_stored(opened, finds)), limit))
    if opened.part.form == "gzip":
        kept = deque(filter(match, records(opened, finds)), maxlen=limit)
        return list(reversed(kept))
    model, name = opened.part.path.parent.name, opened.part.path.name
    finds.files.append(name)
    found: list[Record] = []
    for line, offset in _lines_from_end(opened):
        known = Finds()
        record = _record(line, model, opened.part.kind, name, None, known)
        for place in known.garbage.places:
            finds.skip(name, _line_number(opened.file, offset), place.why)
        if record is not None and match(record):
            found.append(record)
            if len(found) == limit:
                break
    return found


def _lines_from_end(opened: Opened) -> Iterator[tuple[bytes, int]]:
    """Yield the lines and where they begin, the last first; empty ones are left out."""
    file = opened.file
    end = file.seek(0, os.SEEK_END) if opened.size is None else opened.size
    rest = b""
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        block = file.read(end - start) + rest
        lines = block.split(b"\n")
        place = start + len(block)
        for line in reversed(lines[1:]):
            place -= len(line)
            if line.strip():
                yield line, place
            place -= 1
        # A file without line breaks must not fill the memory.
        rest = lines[0] if len(lines[0]) <= LONGEST_LINE else b"\0"
        end = start
    if rest.strip():
        yield rest, 0


def _line_number(file: IO[bytes], offset: int) -> int:
    here, number = file.tell(), 1
    file.seek(0)
    while offset > 0 and (block := file.read(min(BLOCK, offset))):
        number += block.count(b"\n")
        offset -= len(block)
    file.seek(here)
    return number
