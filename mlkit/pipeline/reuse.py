"""Good results of earlier runs: found by their key, checked, and put in place."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.pipeline import runs
from mlkit.pipeline.keys import Key, differences
from mlkit.pipeline.runs import RunFolder

# A folder of another disk, or a disk without links: the file is copied.
COPIED = store.WITHOUT_LINKS | {errno.EXDEV}


@dataclass(frozen=True)
class Earlier:
    """A step of an earlier run.

    Attributes
    ----------
    folder : RunFolder
        Where its files are.
    entry : mapping
        What that run's record says of it.
    key : Key
        Its key.
    """

    folder: RunFolder
    entry: Mapping[str, Any]
    key: Key

    @property
    def good(self) -> bool:
        """Whether it reached its end."""
        return self.entry.get("status") == "ok"

    @property
    def ran_in(self) -> str:
        """The run in which it was truly run."""
        return str(self.entry.get("taken") or self.folder.run)


def earlier_steps(
    name: str, records: Iterable[Mapping[str, Any]], root: Path
) -> Iterator[Earlier]:
    """Yield a step as it is in earlier runs, the newest first.

    Parameters
    ----------
    name : str
        The step.
    records : iterable of mapping
        The records of the runs of a case, the newest first.
    root : Path
        The workspace.
    """
    for record in records:
        steps = record.get("steps") or []
        for entry in reversed(steps):
            key = _key(entry) if entry.get("name") == name else None
            if key is not None:
                path = runs.case_folder(record["case"], root) / record["run"]
                folder = RunFolder(record["case"], record["run"], path)
                yield Earlier(folder, entry, key)


def _key(entry: Mapping[str, Any]) -> Key | None:
    key = entry.get("key")
    parts = key.get("parts") if isinstance(key, Mapping) else None
    return Key(parts) if isinstance(parts, Mapping) else None


def same(earlier: Earlier, key: Key, *, whatever_the_code: bool = False) -> bool:
    """Return whether an earlier result is the one that a key leads to.

    Where rows are split by time, the cutoff that came of the earlier split leads to the
    same rows as the one that it started from.

    Parameters
    ----------
    earlier : Earlier
        The earlier step.
    key : Key
        The present key.
    whatever_the_code : bool
        Whether the notebook, the code and the packages may differ.
    """
    if not key.told or not earlier.good:
        return False
    wanted = _from_the_same_start(earlier, key)
    if whatever_the_code:
        return wanted.essence().digest == earlier.key.essence().digest
    return wanted.digest == earlier.key.digest


def _from_the_same_start(earlier: Earlier, key: Key) -> Key:
    """Return a key as it would be had the split set out from where the earlier did."""
    if earlier.entry.get("cutoff") != key.parts["cutoff"]:
        return key
    return Key({**key.parts, "cutoff": earlier.key.parts.get("cutoff")})


def changes(earlier: Earlier, key: Key, *, step: str) -> list[str]:
    """Return in what a key differs from that of an earlier result, a sentence each."""
    wanted = _from_the_same_start(earlier, key)
    return differences(earlier.key.parts, wanted.parts, step=step)


def damage(earlier: Earlier) -> str:
    """Return which file of an earlier result is not whole any more; empty for none."""
    name = earlier.entry["name"]
    outputs = earlier.entry.get("outputs")
    if not isinstance(outputs, Mapping) or f"{name}.json" not in outputs:
        return "its record names no files"
    for file, digest in outputs.items():
        try:
            if store.sha256_file(earlier.folder.path / file) != digest:
                return f"{file} was altered"
        except OSError as error:
            return f"{file} cannot be read ({error.strerror or error})"
    return ""


def put_in_place(earlier: Earlier, folder: RunFolder) -> None:
    """Put the files of an earlier step into a run's folder, its result last.

    Its page comes along where it is whole; otherwise the run writes one.
    """
    name = earlier.entry["name"]
    page, result = f"{name}.html", f"{name}.json"
    files = [file for file in earlier.entry["outputs"] if file != result]
    if _page_is_whole(earlier, page):
        files.append(page)
    for file in [*files, result]:
        target = folder.path / file
        store.make_folder(target.parent)
        _link(earlier.folder.path / file, target)
    store.sync_folder(folder.path)


def _page_is_whole(earlier: Earlier, page: str) -> bool:
    try:
        digest = store.sha256_file(earlier.folder.path / page)
    except OSError:
        return False
    return digest == earlier.entry.get("page")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in COPIED:
            raise
        store.write_atomic(target, source.read_bytes())


def reasons(key: Key, earlier: Iterable[Earlier], *, step: str) -> list[str]:
    """Return why a step has to run: what differs from its newest good result.

    Parameters
    ----------
    key : Key
        The present key.
    earlier : iterable of Earlier
        The step in earlier runs, the newest first.
    step : str
        The step's name.
    """
    tried = None
    for each in earlier:
        if each.good:
            return changes(each, key, step=step)
        tried = tried or each
    if tried is None:
        return ["no earlier result"]
    status, run = tried.entry["status"], tried.folder.run
    return [f"no earlier result: it ended as {status} in {run}"]
