"""What goes, what stays although it is old, and why."""

from __future__ import annotations

import calendar
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlkit import store
from mlkit.clean import KEEP
from mlkit.clean.survey import (
    TEMPORARY,
    FoundCase,
    FoundRun,
    Survey,
    inside,
    survey,
)
from mlkit.pipeline import runs

# A file this young may belong to a process that is at work, as `store.sweep` has it.
AT_WORK = 3600.0
SWEPT = ("reports", "registry", "params", "data/parts")
Kind = Literal["run", "draft", "leftover", "temporary"]


@dataclass(frozen=True)
class Item:
    """A folder or file that goes.

    Attributes
    ----------
    kind : str
        ``run``, ``draft``, ``leftover`` (of a clean that was killed) or ``temporary``
        (a file that a killed writer left).
    case : str or None
        Whose it is; None for a temporary file.
    path : Path
        Where it is.
    why : str
        Why it goes.
    size : int
        Bytes of its files, those shared with other folders included.
    """

    kind: Kind
    case: str | None
    path: Path
    why: str
    size: int = 0


@dataclass(frozen=True)
class Kept:
    """A run that is old and stays all the same.

    Attributes
    ----------
    named : bool
        Whether the registry or an export names it; otherwise a page links to it.
    """

    case: str
    path: Path
    why: str
    named: bool


@dataclass(frozen=True)
class Plan:
    """What a clean would do.

    Attributes
    ----------
    keep : int
        Number of the newest runs that are kept of each case.
    items : tuple of Item
        What goes.
    kept : tuple of Kept
        Older runs that stay.
    busy : tuple of str
        Cases of which a run is under way; nothing of them goes.
    foreign : tuple of Path
        What is in ``reports/`` and not mlkit's; it is left alone.
    freed : int
        Bytes that the disk gets back: a file of which another run has a link is not
        among them.
    """

    survey: Survey
    keep: int
    items: tuple[Item, ...]
    kept: tuple[Kept, ...]
    busy: tuple[str, ...]
    foreign: tuple[Path, ...]
    freed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON data; paths start at the workspace."""
        root = self.survey.root
        return {
            "keep": self.keep,
            "items": [
                {
                    "kind": item.kind,
                    "case": item.case,
                    "path": _short(item.path, root),
                    "why": item.why,
                    "mb": megabytes(item.size),
                }
                for item in self.items
            ],
            "kept": [
                {"case": k.case, "path": _short(k.path, root), "why": k.why}
                for k in self.kept
            ],
            "busy": list(self.busy),
            "foreign": [_short(path, root) for path in self.foreign],
            "freed_mb": megabytes(self.freed),
        }


def _short(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def megabytes(size: int) -> float:
    """Return bytes as megabytes of a million bytes."""
    return round(size / 1e6, 3)


def find_old(
    root: Path | None = None, *, keep: int = KEEP, now: float | None = None
) -> Plan:
    """Return what a clean would remove; nothing is changed.

    Parameters
    ----------
    root : Path, optional
        The workspace; None finds it.
    keep : int
        Number of the newest runs that are kept of each case, at least 1.
    now : float, optional
        Seconds since the epoch; None asks the clock.

    Raises
    ------
    ValueError
        When `keep` is less than 1.
    RegistryError, DamageError
        When a log or a manifest of the registry cannot be read, so that nobody can tell
        which runs it names.
    """
    if keep < 1:
        raise ValueError(
            f"keep must be at least 1, got {keep}: the newest run of a case is what "
            "the next one is compared with"
        )
    found = survey(store.workspace_root() if root is None else root)
    at = time.time() if now is None else now
    goes, kept = choose(found, keep, at)
    items = [*goes, *_temporaries(found.root, [item.path for item in goes], at)]
    sized, freed = _measured(items)
    foreign = [path for case in found.cases.values() for path in case.foreign]
    return Plan(
        survey=found,
        keep=keep,
        items=sized,
        kept=tuple(kept),
        busy=tuple(case.case for case in found.cases.values() if case.busy),
        foreign=tuple(sorted([*found.foreign, *foreign])),
        freed=freed,
    )


def choose(found: Survey, keep: int, now: float) -> tuple[list[Item], list[Kept]]:
    """Return the folders that go, without their sizes, and the old runs that stay."""
    staying = _staying(found, keep)
    goes: list[Item] = []
    kept: list[Kept] = []
    for case in found.cases.values():
        if case.busy:
            continue
        for path in case.leftovers:
            why = "left over by a clean that was interrupted"
            goes.append(Item("leftover", case.case, path, why))
        for run in reversed(case.runs):
            if run.name not in staying:
                goes.append(Item("run", case.case, run.path, _why(run, case, keep)))
            elif why := staying[run.name]:
                named = run.name in found.named
                kept.append(Kept(case.case, run.path, why, named))
        goes += _old_draft(case, keep, now)
    return goes, kept


def _why(run: FoundRun, case: FoundCase, keep: int) -> str:
    return run.damage or f"older than the newest {keep} of {case.case}"


def _staying(found: Survey, keep: int) -> dict[str, str]:
    """Return the runs that stay and why; an empty text for those that are new."""
    every = [(run, case) for case in found.cases.values() for run in case.runs]
    staying = {
        run.name: f"a run of {case.case} is under way"
        for run, case in every
        if case.busy
    }
    for case in found.cases.values():
        sound = [run for run in case.runs if not run.damage]
        staying |= {run.name: "" for run in sound[:keep]}
    there = {run.name for run, _ in every}
    staying = {n: why for n, why in found.named.items() if n in there} | staying
    links = _links([run for run, _ in every])
    reached = list(staying)
    while reached:
        name = reached.pop()
        for other in sorted(links.get(name, set()) & there - staying.keys()):
            staying[other] = f"the page of run {name} links to it"
            reached.append(other)
    return staying


def _links(every: Sequence[FoundRun]) -> Mapping[str, set[str]]:
    """Return the runs to which each run's page links."""
    links = {run.name: set(run.links) for run in every}
    for run in every:
        # The record of a run that fans out names its members at its end only.
        if run.part_of in links:
            links[run.part_of].add(run.name)
    return links


def _old_draft(case: FoundCase, keep: int, now: float) -> Iterator[Item]:
    """Yield the draft of a case once as many runs as are kept are newer."""
    if case.draft is None or now - case.draft < AT_WORK:
        return
    changed = case.draft
    newer = [run for run in case.runs if not run.damage and _began(run.name) > changed]
    if len(newer) >= keep:
        why = f"a draft older than the newest {keep} runs of {case.case}"
        yield Item("draft", case.case, case.path / runs.DRAFT, why)


def _began(run: str) -> float:
    return calendar.timegm(time.strptime(run[:16], "%Y%m%dT%H%M%SZ"))


def _temporaries(root: Path, going: Sequence[Path], now: float) -> Iterator[Item]:
    """Yield the files that killed writers left in the folders that stay."""
    gone = {str(path) for path in going}
    for top in SWEPT:
        for place, folders, _ in os.walk(root / top):
            folders[:] = sorted(
                f for f in folders if os.path.join(place, f) not in gone
            )
            for path in sorted(Path(place).glob(TEMPORARY)):
                if now - path.lstat().st_mtime > AT_WORK:
                    why = "half-written by a process that was killed"
                    yield Item("temporary", None, path, why)


def _measured(items: Sequence[Item]) -> tuple[tuple[Item, ...], int]:
    """Return the items with their sizes, and the bytes that are freed with all."""
    linked: dict[tuple[int, int], int] = {}
    freed, sized = 0, []
    for item in items:
        size = 0
        for path in (item.path, *inside(item.path)):
            about = path.lstat()
            if path.is_dir() and not path.is_symlink():
                continue
            size += about.st_size
            file = (about.st_dev, about.st_ino)
            linked[file] = linked.get(file, 0) + 1
            if linked[file] == about.st_nlink:
                freed += about.st_size
        sized.append(Item(item.kind, item.case, item.path, item.why, size))
    return tuple(sized), freed
