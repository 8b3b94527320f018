"""Where the log of a model is, and what the names of its files say.

A day (UTC) of a model is written to one open file, ``predictions_20260131.jsonl``. When
it is put away it is first *sealed*, that is renamed to a numbered part
(``predictions_20260131.0.jsonl``) that no writer touches any more, then compressed
under the same number (0 is not written: ``predictions_20260131.jsonl.gz``). What comes
late opens a new file and becomes the next part. A compacted day is
``predictions_20260131.parquet``, which knows the numbers of the parts it holds. So the
names alone say which copy counts, wherever a crash fell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

Kind = Literal["predictions", "outcomes"]
Form = Literal["parquet", "gzip", "sealed", "open"]

KINDS: tuple[Kind, ...] = ("predictions", "outcomes")
# What a file is called on that holds garbage and whose records are kept elsewhere.
DAMAGED = ".damaged"

ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
NAME = re.compile(
    r"(predictions|outcomes)_(\d{8})(?:\.(\d{1,9}))?\.(jsonl\.gz|jsonl|parquet)"
)
FORMS: dict[str, Form] = {"jsonl.gz": "gzip", "parquet": "parquet", "jsonl": "sealed"}


@dataclass(frozen=True)
class Part:
    """A file of the log.

    Attributes
    ----------
    number : int or None
        Its place among the parts of its day; None for a file that is still open and
        for a compacted day.
    """

    path: Path
    kind: Kind
    day: date
    number: int | None
    form: Form


def check_model(model: object) -> str:
    """Return a model's name when it can name a folder everywhere.

    Raises
    ------
    ValueError
        When it cannot.
    """
    if not isinstance(model, str) or not ALLOWED.fullmatch(model) or ".." in model:
        raise ValueError(
            "a model's name must be 1 to 128 letters, digits, dots, underscores and "
            "hyphens (A-Z a-z 0-9 . _ -), beginning with a letter or a digit and "
            f"without two dots in a row, got {model!r}; use the name of the registry"
        )
    return model


def logged_models(storage_path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the models that have a folder in a log, sorted."""
    try:
        with os.scandir(storage_path) as entries:
            names = [e.name for e in entries if e.is_dir()]
    except FileNotFoundError:
        return ()
    return tuple(sorted(name for name in names if ALLOWED.fullmatch(name)))


def open_path(folder: Path, kind: Kind, day: str) -> Path:
    """Return the file that is written to on a day (``YYYYMMDD``)."""
    return folder / f"{kind}_{day}.jsonl"


def part_path(folder: Path, kind: Kind, day: date, number: int, form: Form) -> Path:
    """Return where a numbered part is kept, or the compacted day."""
    stem = f"{kind}_{day:%Y%m%d}"
    if form == "parquet":
        return folder / f"{stem}.parquet"
    if form == "gzip":
        return folder / f"{stem}{f'.{number}' if number else ''}.jsonl.gz"
    return folder / f"{stem}.{number}.jsonl"


def find_parts(folder: Path, kind: Kind) -> tuple[Part, ...]:
    """Return the files of a model's log in the order in which they were written.

    A sealed part whose compressed copy is there is left out: it is a leftover.
    """
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    found = [part for name in names for part in _parse(folder, name)]
    parts = [part for part in found if part.kind == kind]
    compressed = {(p.day, p.number) for p in parts if p.form == "gzip"}
    kept = [
        p for p in parts if p.form != "sealed" or (p.day, p.number) not in compressed
    ]
    return tuple(sorted(kept, key=_order))


def _parse(folder: Path, name: str) -> Iterator[Part]:
    found = NAME.fullmatch(name)
    if not found:
        return
    digits, number, ending = found.groups()[1:]
    kind: Kind = "predictions" if found[1] == "predictions" else "outcomes"
    try:
        # Not strptime: it imports a module when it is first called, and a process
        # forked in the middle of that would wait for it for ever.
        day = date.fromisoformat(digits)
    except ValueError:
        return
    path, form = folder / name, FORMS[ending]
    if form == "parquet":
        if number is None:
            yield Part(path, kind, day, None, "parquet")
    elif form == "sealed" and number is None:
        yield Part(path, kind, day, None, "open")
    else:
        yield Part(path, kind, day, int(number or 0), form)


def _order(part: Part) -> tuple[date, int, int]:
    rank = {"parquet": 0, "gzip": 1, "sealed": 1, "open": 2}[part.form]
    return part.day, rank, part.number or 0


def leftovers(folder: Path, kind: Kind) -> tuple[Part, ...]:
    """Return sealed parts whose compressed copy is complete."""
    kept = {part.path for part in find_parts(folder, kind)}
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    found = [part for name in names for part in _parse(folder, name)]
    return tuple(p for p in found if p.kind == kind and p.path not in kept)
