"""The log of a model: reading it, adding to it, and the caches that follow from it.

The log is the one truth. ``registry.json`` (the state as of some entry) and
``versions/<version>.json`` (readable copies of manifests) only spare readers work: a
reader checks that the cached state belongs to this log and counts in what came after.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.registry.blobs import read_regular
from mlkit.registry.commits import (
    Commit,
    check_format,
    damage,
    parse_commit,
    parse_object,
    to_bytes,
)
from mlkit.registry.errors import DamageError
from mlkit.registry.state import State, fold

ENTRY = re.compile(r"(\d{20})\.json")
CACHE_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """A state and the SHA-256 of the log entry at which it was taken."""

    state: State
    head: str | None


def entry_path(folder: Path, number: int) -> Path:
    """Return where a log entry is kept."""
    return folder / "log" / f"{number:020d}.json"


def last_entry(folder: Path) -> int:
    """Return the number of the log's last entry, 0 for an empty log.

    Raises
    ------
    DamageError
        When an entry before it is missing.
    """
    try:
        names = os.listdir(folder / "log")
    except FileNotFoundError:
        return 0
    numbers = {int(found[1]) for found in map(ENTRY.fullmatch, names) if found}
    last = max(numbers, default=0)
    # A listing need not show entries that were added while it was made.
    for number in range(1, last):
        if number not in numbers and not os.path.lexists(entry_path(folder, number)):
            raise damage(str(entry_path(folder, number)), "is missing")
    while os.path.lexists(entry_path(folder, last + 1)):
        last += 1
    return last


def read_entry(folder: Path, number: int) -> tuple[Commit, str]:
    """Return a log entry and the SHA-256 of its bytes.

    Raises
    ------
    DamageError
        When it is missing or not what was written.
    """
    path = entry_path(folder, number)
    data = read_regular(path)
    commit = parse_commit(data, str(path))
    if commit.number != number:
        raise damage(str(path), f"holds entry {commit.number}")
    return commit, store.sha256_bytes(data)


def read_entries(folder: Path, after: int = 0) -> Iterator[tuple[Commit, str]]:
    """Yield the entries of the log that come after a number, with their SHA-256."""
    for number in range(after + 1, last_entry(folder) + 1):
        yield read_entry(folder, number)


def read_snapshot(folder: Path, model: str) -> Snapshot:
    """Return the present state of a model.

    Raises
    ------
    DamageError
        When the log cannot be read.
    """
    cached = _usable_cache(folder, model)
    state, head = cached.state, cached.head
    for commit, sha256 in read_entries(folder, state.as_of):
        state, head = fold([commit], state), sha256
    return Snapshot(state, head)


def _usable_cache(folder: Path, model: str) -> Snapshot:
    nothing = Snapshot(State(model), None)
    try:
        cached = read_cache(folder, model)
    except ValueError:
        return nothing
    if cached is None or cached.state.as_of == 0:
        return nothing
    try:
        head = store.sha256_file(entry_path(folder, cached.state.as_of))
    except OSError:
        return nothing
    return cached if head == cached.head else nothing


def read_cache(folder: Path, model: str) -> Snapshot | None:
    """Return what ``registry.json`` holds, or None when there is none.

    Raises
    ------
    DamageError
        When it is not what was written.
    RegistryError
        When it was written by a newer mlkit.
    """
    path = folder / "registry.json"
    try:
        data = read_regular(path)
    except DamageError:
        if os.path.lexists(path):
            raise
        return None
    stored = parse_object(data, str(path))
    check_format(stored, CACHE_FORMAT, str(path))
    core = {key: stored.get(key) for key in ("head", "state")}
    if stored.get("checksum") != store.sha256_bytes(store.canonical_json(core)):
        raise damage(str(path), "was altered (its checksum does not hold)")
    try:
        state = State.from_dict(stored["state"])
    except (KeyError, TypeError) as error:
        raise damage(str(path), f"does not hold a state ({error})") from error
    if state.model != model:
        raise damage(str(path), f"belongs to model {state.model!r}")
    return Snapshot(state, stored["head"])


def check_not_shortened(folder: Path, snapshot: Snapshot) -> None:
    """Refuse to write behind a log that has lost entries which the cache knew.

    Raises
    ------
    DamageError
        When ``registry.json`` counts in an entry that the log does not have.
    """
    try:
        cached = read_cache(folder, snapshot.state.model)
    except ValueError:
        return
    if cached is None or cached.state.as_of <= snapshot.state.as_of:
        return
    # The cache may have been written after the snapshot was taken.
    if not os.path.lexists(entry_path(folder, cached.state.as_of)):
        raise damage(
            str(entry_path(folder, cached.state.as_of)),
            "is missing, and registry.json has counted it in; nothing was written (to "
            "accept the loss, remove registry.json)",
        )


def publish(folder: Path, commit: Commit) -> bool:
    """Add a commit to the log, durably, if its number is still free.

    Returns
    -------
    bool
        True when the entry under that number is this commit.
    """
    path = entry_path(folder, commit.number)
    if store.create_if_absent(path, to_bytes(commit)):
        return True
    # A network file system can report failure after success: the id tells.
    return read_entry(folder, commit.number)[0].id == commit.id


def write_caches(
    folder: Path, snapshot: Snapshot, manifests: Mapping[str, bytes]
) -> None:
    """Write the cached state and the readable copies of manifests.

    The commit stands whether this succeeds or not, so a failure is a warning.

    Parameters
    ----------
    folder : Path
        The model's folder.
    snapshot : Snapshot
        The state to write.
    manifests : mapping of str to bytes
        Version to content of its manifest.
    """
    try:
        for version, data in manifests.items():
            store.write_atomic(folder / "versions" / f"{version}.json", data)
        store.write_atomic(folder / "registry.json", cache_bytes(snapshot))
        sweep(folder)
    except OSError as error:
        warnings.warn(
            f"entry {snapshot.state.as_of} of the log is written and counts, but a "
            f"cache is not: {error}; `mlkit registry verify` writes it again",
            RuntimeWarning,
            stacklevel=3,
        )


def cache_bytes(snapshot: Snapshot) -> bytes:
    """Return the content of ``registry.json`` for a state."""
    core: dict[str, Any] = {"head": snapshot.head, "state": snapshot.state.to_dict()}
    checksum = store.sha256_bytes(store.canonical_json(core))
    return store.canonical_json({"format": CACHE_FORMAT, "checksum": checksum, **core})


def sweep(folder: Path) -> tuple[Path, ...]:
    """Remove what killed writers left half-written, and return its names."""
    now = (folder / "registry.json").stat().st_mtime
    places = (folder, folder / "log", folder / "blobs", folder / "versions")
    return tuple(path for place in places for path in store.sweep(place, now=now))
