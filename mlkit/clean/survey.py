"""What there is in a workspace: runs and what they link to, drafts, leftovers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlkit import registry, store
from mlkit.pipeline import runs
from mlkit.registry.blobs import get_blob

# What a clean calls a folder that it is about to delete.
PUT_ASIDE = re.compile(r"\.removed-.+-[0-9a-f]{16}")
TEMPORARY = store.TEMPORARY.format("*")
# What the pipeline writes beside the runs of a case, and beside the cases.
OWN = {runs.DRAFT, ".lock"}
OWN_REPORTS = {"index.html", ".index.lock", ".clean.lock"}


@dataclass(frozen=True)
class FoundRun:
    """A run's folder.

    Attributes
    ----------
    name : str
        Name of the run.
    path : Path
        Its folder.
    damage : str
        What is wrong with its record; empty for a sound one.
    links : frozenset of str
        Names of the runs to which its page links.
    part_of : str or None
        Name of the run that it is one member of, and to which its page has no link.
    """

    name: str
    path: Path
    damage: str = ""
    links: frozenset[str] = frozenset()
    part_of: str | None = None


@dataclass(frozen=True)
class FoundCase:
    """The folder of a case.

    Attributes
    ----------
    runs : tuple of FoundRun
        Newest first.
    draft : float or None
        When the newest file of the draft was written, in seconds since the epoch; None
        where there is no draft.
    leftovers : tuple of Path
        What a clean put aside and did not come to delete.
    foreign : tuple of Path
        What is not mlkit's.
    busy : bool
        Whether a run of the case was under way.
    """

    case: str
    path: Path
    runs: tuple[FoundRun, ...]
    draft: float | None
    leftovers: tuple[Path, ...]
    foreign: tuple[Path, ...]
    busy: bool


@dataclass(frozen=True)
class Survey:
    """All cases of a workspace, and the runs that something outside them names.

    Attributes
    ----------
    cases : mapping of str to FoundCase
        By name.
    named : mapping of str to str
        Name of a run to what names it.
    foreign : tuple of Path
        What is in ``reports/`` and not mlkit's.
    """

    root: Path
    cases: Mapping[str, FoundCase]
    named: Mapping[str, str]
    foreign: tuple[Path, ...]

    def seen_again(self, case: str) -> Survey:
        """Return the survey with one case as it is now; the caller holds its lock."""
        found = find_case(self.root, case, busy=False)
        return replace(self, cases={**self.cases, case: found})


def survey(root: Path) -> Survey:
    """Look at everything below ``reports/``, the registry and the exports.

    Raises
    ------
    RegistryError, DamageError
        When what the registry names cannot be told.
    """
    cases, foreign = {}, []
    for path in _entries(root / "reports"):
        if path.name in OWN_REPORTS or path.match(TEMPORARY):
            continue
        if _is_folder(path) and _is_case(path):
            busy = runs.is_locked(path.name, root)
            cases[path.name] = find_case(root, path.name, busy=busy)
        else:
            foreign.append(path)
    return Survey(root, cases, named_runs(root), tuple(foreign))


def find_case(root: Path, case: str, *, busy: bool) -> FoundCase:
    """Look at the folder of one case."""
    folder = runs.case_folder(case, root)
    found: list[FoundRun] = []
    leftovers, foreign = [], []
    for path in _entries(folder):
        if _is_folder(path) and runs.RUN_NAME.fullmatch(path.name):
            found.append(_run(path))
        elif _is_folder(path) and PUT_ASIDE.fullmatch(path.name):
            leftovers.append(path)
        elif path.is_symlink() or not (path.name in OWN or path.match(TEMPORARY)):
            foreign.append(path)
    newest_first = tuple(sorted(found, key=lambda run: run.name, reverse=True))
    draft = _draft(folder / runs.DRAFT)
    return FoundCase(
        case, folder, newest_first, draft, tuple(leftovers), tuple(foreign), busy
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_folder(path: Path) -> bool:
    """Whether it is a folder and no link to one."""
    return path.is_dir() and not path.is_symlink()


def _is_case(folder: Path) -> bool:
    return any(
        path.name in OWN
        or runs.RUN_NAME.fullmatch(path.name)
        or PUT_ASIDE.fullmatch(path.name)
        for path in folder.iterdir()
    )


def _run(path: Path) -> FoundRun:
    try:
        record = store.read_json(path / "run.json")
        status = record["status"]
        assert isinstance(status, str)
    except FileNotFoundError:
        return FoundRun(path.name, path, "it has no run.json")
    except (ValueError, KeyError, TypeError, AssertionError):
        return FoundRun(path.name, path, "its run.json cannot be read")
    part_of = record.get("fan_out")
    links = frozenset(_linked(record)) - {path.name}
    return FoundRun(path.name, path, "", links, part_of)


def _linked(record: Mapping[str, Any]) -> Iterator[str]:
    steps = record.get("steps") or ()
    members = record.get("members") or ()
    names = [
        record.get("resumed"),
        (record.get("verdict") or {}).get("unchanged_since"),
        *(step.get("taken") for step in steps),
        *(member.get("run") for member in members),
    ]
    yield from (name for name in names if isinstance(name, str))


def _draft(folder: Path) -> float | None:
    if not _is_folder(folder):
        return None
    return max(path.lstat().st_mtime for path in (folder, *inside(folder)))


def inside(folder: Path) -> Iterator[Path]:
    """Yield every file and folder below a folder, links as they are."""
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def named_runs(root: Path) -> dict[str, str]:
    """Return the runs that the registry or an export names, and what names them.

    Every text of a commit and of a manifest counts, a reason that a person wrote too.

    Raises
    ------
    RegistryError, DamageError
        When a log or a manifest cannot be read.
    """
    found: dict[str, str] = {}
    for path in sorted((root / "exports").rglob("*.json")):
        where = f"{path.relative_to(root)} names it"
        found |= dict.fromkeys(_names_in(path.read_bytes()), where)
    for model in registry.models(root):
        opened = registry.open_registry(model, root)
        for version in opened.versions():
            manifest = get_blob(opened.folder, version.manifest)
            where = f"version {version.version} of {model} names it"
            found |= dict.fromkeys(_names_in(manifest), where)
        for commit in opened.history():
            text = store.canonical_json(commit.to_dict())
            where = f"the log of {model} names it"
            found = dict.fromkeys(_names_in(text), where) | found
    return found


def _names_in(data: bytes) -> set[str]:
    return set(runs.RUN_NAME.findall(data.decode(errors="replace")))
