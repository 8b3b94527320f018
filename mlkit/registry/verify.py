"""Looking through every file of a registry: what is damaged, and what was put right."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.registry import log
from mlkit.registry.blobs import blob_path, get_blob, read_regular
from mlkit.registry.commits import Change, Commit
from mlkit.registry.manifest import parse_manifest
from mlkit.registry.state import State, fold

HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Damage:
    """One file that is not as it was written."""

    path: str
    found: str

    def to_dict(self) -> dict[str, Any]:
        """Return the damage as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Report:
    """What a look through every file of a model's registry found.

    Attributes
    ----------
    commits, versions, blobs : int
        How many were looked at.
    size : int
        Bytes of all blobs.
    damages : tuple of Damage
        What is missing, cut short or altered; empty when all is well.
    rebuilt : tuple of str
        Caches that were missing or wrong and were written again from the log.
    notes : tuple of str
        What is no damage and may still be of interest.
    """

    model: str
    commits: int
    versions: int
    blobs: int
    size: int
    damages: tuple[Damage, ...]
    rebuilt: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damages

    @property
    def summary(self) -> str:
        """The finding in one sentence."""
        seen = (
            f"{self.model}: {self.commits} commits, {self.versions} versions, "
            f"{self.blobs} blobs ({self.size:,} bytes)"
        )
        return f"{seen}: " + (
            f"{len(self.damages)} damaged" if self.damages else "whole"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return asdict(self) | {"ok": self.ok, "summary": self.summary}

    def _repr_html_(self) -> str:
        from mlkit.data.markup import table

        rows = [(d.path, "damaged", d.found) for d in self.damages]
        rows += [(path, "written again", "") for path in self.rebuilt]
        rows += [("", "note", note) for note in self.notes]
        return table(self.summary, ("file", "status", "what was found"), rows)


@dataclass
class _Look:
    """What was found so far."""

    folder: Path
    model: str
    state: State
    heads: dict[int, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    damages: list[Damage] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def damaged(self, path: Path, found: object) -> None:
        text = str(found).removeprefix(f"{path} ")
        self.damages.append(Damage(str(path), text))


def verify(folder: Path, model: str) -> Report:
    """Check every file of a model's registry; write its caches anew where they err.

    Safe while others write: what they add meanwhile is not looked at.

    Parameters
    ----------
    folder : Path
        The model's folder.
    model : str
        Its name.
    """
    look = _Look(folder, model, State(model))
    # Caches are read before the log: whatever they say must then be found in it.
    cache, copies = _cache(look), _names(folder / "versions")
    commits = _log(look)
    log_is_whole = not look.damages
    _blobs(look)
    changes = [c for commit in commits for c in commit.changes if c.manifest]
    manifests = {c.version: _manifest(look, c) for c in changes}
    if not look.damages:
        _unreferenced(look, changes, manifests)
    _check_cache(look, cache)
    _check_copies(look, copies if log_is_whole else [], changes)
    _leftovers(look)
    return Report(
        model=model,
        commits=len(commits),
        versions=len(changes),
        blobs=len(look.sizes),
        size=sum(look.sizes.values()),
        damages=tuple(look.damages),
        rebuilt=tuple(look.rebuilt),
        notes=tuple(look.notes),
    )


def _names(folder: Path) -> list[str]:
    try:
        return sorted(n for n in os.listdir(folder) if not n.startswith(".mlkit-"))
    except FileNotFoundError:
        return []


def _log(look: _Look) -> list[Commit]:
    names = _names(look.folder / "log")
    found = {name: log.ENTRY.fullmatch(name) for name in names}
    look.notes += [
        f"log/{n} is no log entry" for n, entry in found.items() if not entry
    ]
    last = max((int(entry[1]) for entry in found.values() if entry), default=0)
    commits: list[Commit] = []
    ids: set[str] = set()
    for number in range(1, last + 1):
        path = log.entry_path(look.folder, number)
        try:
            commit, look.heads[number] = log.read_entry(look.folder, number)
        except ValueError as error:
            look.damaged(path, error)
            continue
        commits.append(commit)
        before = look.heads.get(number - 1)
        if (before or number == 1) and commit.previous != before:
            look.damaged(path, "or the entry before was altered: it names another")
        if commit.id in ids:
            look.damaged(path, f"repeats the id {commit.id} of an earlier entry")
        ids.add(commit.id)
        if commit.number == look.state.as_of + 1:
            try:
                look.state = fold([commit], look.state)
            except ValueError as error:
                look.damaged(path, error)
    return commits


def _blobs(look: _Look) -> None:
    for name in _names(look.folder / "blobs"):
        path = blob_path(look.folder, name)
        if not HASH.fullmatch(name):
            look.notes.append(f"blobs/{name} is no blob")
            continue
        try:
            look.sizes[name] = len(get_blob(look.folder, name))
        except ValueError as error:
            look.damaged(path, error)


def _manifest(look: _Look, change: Change) -> dict[str, Any]:
    sha256 = change.manifest or ""
    path = blob_path(look.folder, sha256)
    if not _is_there(look, sha256, f"the manifest of {change.version}"):
        return {}
    try:
        stored = parse_manifest(get_blob(look.folder, sha256), str(path))
    except ValueError as error:
        look.damaged(path, error)
        return {}
    named = (stored["model"], stored["version"], stored["digest"])
    if named != (look.model, change.version, change.digest):
        look.damaged(path, f"is not the manifest of {look.model!r} {change.version}")
    for name, artifact in stored["artifacts"].items():
        what = f"artifact {name!r} of {change.version}"
        wanted, known = artifact["sha256"], artifact["size"]
        if _is_there(look, wanted, what) and look.sizes[wanted] != known:
            look.damaged(path, f"gives {known} bytes for {what}")
    return stored


def _is_there(look: _Look, sha256: str, what: str) -> bool:
    path = blob_path(look.folder, sha256)
    if sha256 not in look.sizes and not os.path.lexists(path):
        look.damaged(path, f"is missing ({what})")
    return sha256 in look.sizes


def _unreferenced(
    look: _Look, changes: list[Change], manifests: Mapping[str, Mapping[str, Any]]
) -> None:
    used = {change.manifest for change in changes}
    for manifest in manifests.values():
        used |= {artifact["sha256"] for artifact in manifest["artifacts"].values()}
    spare = [size for name, size in look.sizes.items() if name not in used]
    if spare:
        look.notes.append(
            f"{len(spare)} blobs ({sum(spare):,} bytes) belong to no version: writers "
            "that were stopped, or numbered again, left them; they do no harm"
        )


def _cache(look: _Look) -> log.Snapshot | None:
    try:
        return log.read_cache(look.folder, look.model)
    except ValueError as error:
        look.notes.append(f"the cache was not usable: {error}")
        return None


def _check_cache(look: _Look, cache: log.Snapshot | None) -> None:
    path = look.folder / "registry.json"
    if cache is not None:
        known = cache.state.as_of
        entry = log.entry_path(look.folder, known)
        if known > look.state.as_of and not os.path.lexists(entry):
            look.damaged(entry, "is missing, and registry.json has counted it in")
        elif known in look.heads and look.heads[known] != cache.head:
            look.damaged(entry, "was altered after registry.json had counted it in")
    if look.damages or not look.state.as_of:
        return
    now = log.Snapshot(look.state, look.heads[look.state.as_of])
    if cache != now:
        _rebuild(look, path, log.cache_bytes(now))


def _check_copies(look: _Look, names: list[str], changes: list[Change]) -> None:
    known = {f"{change.version}.json": change for change in changes}
    for name in names:
        if name not in known:
            path = look.folder / "versions" / name
            look.damaged(path, "is a version that the log does not have")
    for name, change in known.items():
        path = look.folder / "versions" / name
        if change.manifest not in look.sizes:
            continue
        try:
            right = store.sha256_bytes(read_regular(path)) == change.manifest
        except ValueError:
            right = False
        if not right:
            _rebuild(look, path, get_blob(look.folder, change.manifest))


def _rebuild(look: _Look, path: Path, data: bytes) -> None:
    try:
        store.write_atomic(path, data)
    except OSError as error:
        look.notes.append(f"a cache could not be written again: {error}")
    else:
        look.rebuilt.append(str(path))


def _leftovers(look: _Look) -> None:
    if not look.state.as_of:
        return
    try:
        swept = log.sweep(look.folder)
    except OSError as error:
        look.notes.append(f"temporary files could not be swept: {error}")
    else:
        if swept:
            look.notes.append(f"{len(swept)} abandoned temporary files were removed")
