"""What was chosen to go is renamed, then deleted."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlkit import pipeline, store
from mlkit.clean.plan import AT_WORK, Item, Plan, choose
from mlkit.clean.survey import Survey
from mlkit.pipeline import runs
from mlkit.pipeline.runs import BusyError


@dataclass(frozen=True)
class Cleaned:
    """What a clean did.

    Attributes
    ----------
    plan : Plan
        What it was asked to do.
    removed : tuple of Path
        What is gone.
    left : mapping of Path to str
        What was to go and came into use meanwhile, and how.
    failed : mapping of Path to str
        What the system did not let go, and why.
    """

    plan: Plan
    removed: tuple[Path, ...]
    left: Mapping[Path, str]
    failed: Mapping[Path, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan and what became of it, as plain JSON data."""
        root = self.plan.survey.root
        return self.plan.to_dict() | {
            "removed": [path.relative_to(root).as_posix() for path in self.removed],
            "left": _plain(self.left, root),
            "failed": _plain(self.failed, root),
        }


def _plain(reasons: Mapping[Path, str], root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): why for path, why in reasons.items()}


def remove(plan: Plan, *, say: Callable[[str], None] = lambda line: None) -> Cleaned:
    """Remove what a plan says and nothing but that, and write the index anew.

    Each case is looked at once more inside its lock, so that a run that began or ended
    since the plan was made loses nothing.

    Parameters
    ----------
    plan : Plan
        What :func:`mlkit.clean.find_old` found.
    say : callable
        Is given a line for each folder and file that is gone.

    Raises
    ------
    BusyError
        If another clean of the workspace is under way.
    """
    root = plan.survey.root
    work = _Work(plan, plan.survey)
    with _alone(root):
        for case in dict.fromkeys(item.case for item in plan.items):
            if case is not None:
                _put_aside(work, case)
        if work.aside:
            # Before the deletion, which may take long: no link of it must lead nowhere.
            pipeline.write_index(root)
        removed = [path for path in work.aside if _delete(work, path)]
        temporary = [item.path for item in plan.items if item.kind == "temporary"]
        removed += [path for path in temporary if _swept(work, path)]
    for path in removed:
        say(f"removed {path.relative_to(root).as_posix()}")
    return Cleaned(plan, tuple(removed), work.left, work.failed)


@dataclass
class _Work:
    """What has been done of a plan so far."""

    plan: Plan
    survey: Survey
    aside: dict[Path, Path] = field(default_factory=dict)
    left: dict[Path, str] = field(default_factory=dict)
    failed: dict[Path, str] = field(default_factory=dict)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    lock = FileLock(root / "reports" / ".clean.lock")
    store.make_folder(root / "reports")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"a clean of {root} was asked for, and one goes at a time: another one is "
            "under way; wait for it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _put_aside(work: _Work, case: str) -> None:
    """Rename what goes of one case."""
    planned = {item.path for item in work.plan.items if item.case == case}
    root = work.survey.root
    if runs.case_folder(case, root).is_symlink():
        work.left |= dict.fromkeys(planned, f"reports/{case} is a link by now")
        return
    try:
        with runs.hold(case, root):
            # The registry was read before: it comes to name new runs only.
            work.survey = work.survey.seen_again(case)
            goes, _ = choose(work.survey, work.plan.keep, time.time())
            still = [i for i in goes if i.case == case and i.path in planned]
            for path in sorted(planned - {item.path for item in still}):
                work.left[path] = "it is in use by now, or gone already"
            for item in still:
                _rename(work, item)
    except BusyError:
        work.left |= dict.fromkeys(planned, f"a run of {case} began meanwhile")


def _rename(work: _Work, item: Item) -> None:
    path = item.path
    if item.kind == "leftover":
        work.aside[path] = path
        return
    away = path.with_name(f".removed-{path.name}-{secrets.token_hex(8)}")
    try:
        os.rename(path, away)
        if away.is_symlink():
            os.rename(away, path)
            work.left[path] = "it is a symbolic link by now"
            return
        store.sync_folder(path.parent)
    except OSError as error:
        work.failed[path] = f"it cannot be renamed: {error.strerror or error}"
        return
    work.aside[path] = away


def _delete(work: _Work, path: Path) -> bool:
    away = work.aside[path]
    try:
        shutil.rmtree(away)
    except OSError as error:
        if os.path.lexists(away):
            reason = error.strerror or error
            work.failed[path] = f"part of it is left in {away.name}: {reason}"
            return False
    return True


def _swept(work: _Work, path: Path) -> bool:
    """Remove a temporary file unless it is being written by now."""
    try:
        if time.time() - path.lstat().st_mtime <= AT_WORK:
            work.left[path] = "it is being written"
            return False
        os.unlink(path)
    except FileNotFoundError:
        return True
    except OSError as error:
        work.failed[path] = f"it cannot be removed: {error.strerror or error}"
        return False
    return True
