"""Code: what the code behind two runs does not share, from cells to packages."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mlkit.differences.notebooks import Cell

Run = Mapping[str, Any]
TITLES = 10
LONGEST_STAT = 60
# What else a damaged record holds must not reach git as an option.
COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class Change:
    """One thing of which two runs have different values; None where one has none."""

    what: str
    a: Any
    b: Any

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class CellChange:
    """A code cell that differs.

    Attributes
    ----------
    step, cell : str
        The notebook's stem and the cell's id.
    added, removed : int
        Lines that only B has, and that only A has.
    diff : tuple of str
        The lines of a unified diff, without its head.
    """

    step: str
    cell: str
    added: int
    removed: int
    diff: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Commits:
    """What git knows of the code of two runs.

    Attributes
    ----------
    a, b : str or None
        The commits.
    dirty : tuple of bool
        Whether files differed from the commit, in A and in B.
    titles : tuple of str
        Hash and title of the commits that B has and A has not, the newest first.
    stat : str
        ``git diff --stat`` between both; empty where git cannot tell.
    note : str
        Why git cannot tell.
    uncertain : bool
        Whether both ran on the same commit with changes that are not committed, and no
        hash of the code says that these were the same.
    """

    a: str | None
    b: str | None
    dirty: tuple[bool, bool]
    titles: tuple[str, ...] = ()
    stat: str = ""
    note: str = ""
    uncertain: bool = False

    @property
    def differ(self) -> bool:
        """Whether both are known and are not the same."""
        return None not in (self.a, self.b) and self.a != self.b

    def to_dict(self) -> dict[str, Any]:
        """Return the commits as plain JSON data."""
        return asdict(self)


def cell_changes(
    step: str, a: Sequence[Cell], b: Sequence[Cell]
) -> Iterator[CellChange]:
    """Yield the code cells of a step that differ, in the order of B's notebook."""
    old, new = ({cell.key: cell.source for cell in each} for each in (a, b))
    for key in dict.fromkeys([*new, *old]):
        before, after = old.get(key, ""), new.get(key, "")
        if before == after and key in old and key in new:
            continue
        lines = before.splitlines(), after.splitlines()
        # The first two lines name the files.
        diff = tuple(difflib.unified_diff(*lines, lineterm=""))[2:]
        yield CellChange(
            step,
            key,
            added=sum(line.startswith("+") for line in diff),
            removed=sum(line.startswith("-") for line in diff),
            diff=diff,
        )


def reordered(a: Sequence[Cell], b: Sequence[Cell]) -> bool:
    """Return whether the cells that both have stand in another order."""
    keys = [[cell.key for cell in each] for each in (a, b)]
    shared = {*keys[0]} & {*keys[1]}
    old, new = ([key for key in each if key in shared] for each in keys)
    return old != new


def commits(a: Run, b: Run, repositories: Sequence[Path]) -> Commits:
    """Return the commits of two runs and what lies between them.

    Parameters
    ----------
    a, b : dict
        The records.
    repositories : sequence of Path
        Where git may know them: the first that knows both is asked.
    """
    git = a.get("git") or {}, b.get("git") or {}
    old, new = (each.get("commit") for each in git)
    known = Commits(old, new, (bool(git[0].get("dirty")), bool(git[1].get("dirty"))))
    if old == new:
        hashed = None not in (_source(a), _source(b))
        return replace(known, uncertain=bool(old) and any(known.dirty) and not hashed)
    if not old or not new:
        return replace(known, note="One run was made outside of a git repository.")
    both = [str(old), str(new)]
    for folder in repositories if all(map(COMMIT.fullmatch, both)) else ():
        if None in [
            _git(folder, "cat-file", "-e", f"{each}^{{commit}}") for each in both
        ]:
            continue
        log = _git(folder, "log", "--format=%h %s", f"-n{TITLES}", f"{old}..{new}")
        stat = _git(folder, "diff", "--stat=72", *both)
        if stat is not None:
            titles = tuple((log or "").splitlines())
            return replace(known, titles=titles, stat=_shortened(stat))
    return replace(known, note="Git does not know both commits here.")


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says; None where it refuses or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.rstrip()


def _shortened(stat: str) -> str:
    lines = stat.splitlines()
    rest = len(lines) - LONGEST_STAT
    if rest <= 0:
        return stat
    # The last line sums up.
    return "\n".join([*lines[: LONGEST_STAT - 1], f" … {rest} more files", lines[-1]])


def environment(a: Run, b: Run) -> tuple[Change, ...]:
    """Return what differs around the code: mlkit's source, lock, Python, packages."""
    known = [
        {
            "mlkit's source": _source(run),
            "lock file": run.get("lock"),
            "Python": run.get("python"),
            "platform": run.get("platform"),
            **_own_modules(run),
            **(run.get("packages") or {}),
        }
        for run in (a, b)
    ]
    names = dict.fromkeys([*known[0], *known[1]])
    return tuple(
        Change(name, known[0].get(name), known[1].get(name))
        for name in names
        if known[0].get(name) != known[1].get(name) and _told_by_both(name, a, b)
    )


def _told_by_both(name: str, a: Run, b: Run) -> bool:
    """Return whether the records can tell: one of another age knows fewer things."""
    if name == "mlkit's source":
        return None not in (_source(a), _source(b))
    if name in {*_own_modules(a), *_own_modules(b)}:
        return None not in (_source(a), _source(b))
    if name in ("lock file", "Python", "platform"):
        key = name.removesuffix(" file").lower()
        return key in a and key in b
    return bool(a.get("packages")) and bool(b.get("packages"))


def _source(run: Run) -> Any:
    """Return the hash of mlkit's source that the steps of a run were known by."""
    return next((p["mlkit"] for p in _key_parts(run) if p.get("mlkit")), None)


def _own_modules(run: Run) -> dict[str, str]:
    """Return the workspace's own modules that the steps of a run used, hashed."""
    used = [parts.get("workspace_code") or {} for parts in _key_parts(run)]
    return {file: digest for each in used for file, digest in each.items()}


def _key_parts(run: Run) -> list[Mapping[str, Any]]:
    steps = run.get("steps") or ()
    return [(step.get("key") or {}).get("parts") or {} for step in steps]
