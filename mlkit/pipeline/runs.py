"""Runs: their names, folders, locks and records.

A run is a folder ``reports/<case>/<run>/`` with a ``run.json``, which is written first
with the status ``running`` and last with ``ok`` or ``failed``. The operating system
frees a run's lock when its process ends, so a record that still says ``running`` while
the lock is free belongs to a run that was interrupted.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from mlkit import store
from mlkit.pipeline.sound import mended

FORMAT = 1
RUN_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
DRAFT = "draft"


class BusyError(RuntimeError):
    """Another run of the same case is under way."""


@dataclass(frozen=True)
class RunFolder:
    """Where one run of a case is written."""

    case: str
    run: str
    path: Path

    @property
    def record(self) -> Path:
        """Path of the run's ``run.json``."""
        return self.path / "run.json"


def case_folder(case: str, root: Path) -> Path:
    """Return the folder that holds the runs of a case."""
    return root / "reports" / case


def open_run(case: str, run: str, root: Path) -> RunFolder:
    """Return the folder of an existing run."""
    path = case_folder(case, root) / run
    if not path.is_dir():
        known = ", ".join(names(case, root)[:3]) or "none yet"
        raise FileNotFoundError(
            f"run {run!r} of case {case!r} was asked for, and {path} is not there; "
            f"newest runs: {known}"
        )
    return RunFolder(case, run, path)


def read_result(folder: Path, name: str) -> dict[str, Any] | None:
    """Return what a step recorded at its end, or None if it did not reach it."""
    path = folder / f"{name}.json"
    return store.read_json(path) if path.exists() else None


def create_run(case: str, root: Path, *, at: datetime) -> RunFolder:
    """Take a new run folder by exclusive creation."""
    parent = case_folder(case, root)
    parent.mkdir(parents=True, exist_ok=True)
    while True:
        run = f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        try:
            (parent / run).mkdir()
        except FileExistsError:
            continue
        return RunFolder(case, run, parent / run)


def names(case: str, root: Path) -> list[str]:
    """Return the names of a case's runs, newest first."""
    folder = case_folder(case, root)
    if not folder.is_dir():
        return []
    found = (entry.name for entry in folder.iterdir() if entry.is_dir())
    return sorted((name for name in found if RUN_NAME.fullmatch(name)), reverse=True)


def records(case: str, root: Path) -> list[dict[str, Any]]:
    """Return the run records of a case, newest first, as they truly are.

    A record that says ``running`` while nobody holds the case's lock is returned as
    ``interrupted``; a folder whose process was killed before it wrote its record, too.
    """
    return list(newest_first(case, root))


def newest_first(case: str, root: Path) -> Iterator[dict[str, Any]]:
    """Yield what `records` returns; each is read when it is asked for."""
    busy = is_locked(case, root)
    for name in names(case, root):
        yield _record(case, name, root, busy=busy)


def _record(case: str, run: str, root: Path, *, busy: bool) -> dict[str, Any]:
    path = case_folder(case, root) / run / "run.json"
    known = {"format": FORMAT, "case": case, "run": run}
    if not path.exists():
        return known | {"status": "running" if busy else "interrupted"}
    try:
        # Its place says whose record it is.
        record = mended(store.read_json(path) | known)
        status = record["status"]
        if not isinstance(status, str):
            raise TypeError(f"its status must be a text, got {status!r}")
    except (ValueError, KeyError, TypeError) as error:
        return known | {"status": "failed", "error": _damaged(path, error)}
    if status == "running" and not busy:
        status = "interrupted"
    return record | {"status": status}


def _damaged(path: Path, error: Exception) -> dict[str, Any]:
    return {
        "step": None,
        "type": "Damaged",
        "message": f"the record of this run cannot be read ({path}: {error})",
        "advice": "Remove the run's folder, or restore the file from a backup.",
    }


def cases_with_runs(root: Path) -> list[str]:
    """Return the names of all cases that were run, whatever else is in ``reports/``."""
    reports = root / "reports"
    if not reports.is_dir():
        return []
    return sorted(entry.name for entry in reports.iterdir() if names(entry.name, root))


def _lock(case: str, root: Path) -> FileLock:
    folder = case_folder(case, root)
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / ".lock")


def is_locked(case: str, root: Path) -> bool:
    """Say whether a run of the case is under way."""
    if not (case_folder(case, root) / ".lock").exists():
        return False
    try:
        with _lock(case, root).acquire(timeout=0):
            return False
    except Timeout:
        return True


@contextmanager
def hold(case: str, root: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the case's lock: one run of a case at a time.

    Parameters
    ----------
    case : str
        Name of the case.
    root : Path
        The workspace.
    wait : bool
        Queue behind the run that is under way; otherwise end at once.

    Raises
    ------
    BusyError
        If another run holds the lock and ``wait`` is false.
    """
    lock = _lock(case, root)
    try:
        # Whoever only looks whether it is free holds it for a moment.
        lock.acquire(timeout=-1 if wait else 1)
    except Timeout:
        running = next((r for r in records(case, root) if r["status"] == "running"), {})
        name = running.get("run", "a run that is just starting")
        raise BusyError(
            f"a run of case {case!r} was asked for, and one run of a case goes at "
            f"a time: {name} is under way since "
            f"{running.get('started_at', 'just now')}; wait for it, or queue behind it "
            "with --wait"
        ) from None
    try:
        yield
    finally:
        lock.release()
