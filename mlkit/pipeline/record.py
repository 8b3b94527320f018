"""The record of a run, kept on disk while the run goes on."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.params import Params
from mlkit.pipeline.runs import FORMAT, RunFolder

PROJECT = Path(store.__file__).parents[1]
PACKAGES = (
    "mlkit",
    "numpy",
    "pandas",
    "scikit-learn",
    "scipy",
    "skops",
    "papermill",
    "nbconvert",
    "lightgbm",
    "xgboost-cpu",
    "xgboost",
)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def stamp(at: datetime) -> str:
    """Return a time as ISO text in UTC, to the second.

    Examples
    --------
    >>> stamp(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def who() -> str:
    """Return who runs this: ``MLKIT_USER``, else the account's name."""
    try:
        return os.environ.get("MLKIT_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def packages() -> dict[str, str]:
    """Return the versions of the packages that a result depends on."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def code_state(root: Path) -> dict[str, Any] | None:
    """Return the workspace's git commit and whether files differ from it.

    None where the workspace is not a git repository or git is not installed.
    """
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git(root, "status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def lock_digest() -> str | None:
    """Return the SHA-256 of the lock file the environment was built from, if any."""
    path = PROJECT / "requirements.lock"
    return store.sha256_file(path) if path.exists() else None


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@dataclass
class RunRecord:
    """A run's ``run.json``, saved after every step.

    Attributes
    ----------
    folder : RunFolder
        Where the run is written.
    content : dict
        What ``run.json`` holds.
    """

    folder: RunFolder
    content: dict[str, Any]

    @classmethod
    def open(
        cls,
        folder: RunFolder,
        params: Params,
        root: Path,
        *,
        kind: str = "retrain",
        resumed: str | None = None,
        fan_out: str | None = None,
    ) -> RunRecord:
        """Start the record of a run with the status ``running``.

        Parameters
        ----------
        folder : RunFolder
            Where the run is written.
        params : Params
            Its checked params.
        root : Path
            The workspace.
        kind : str
            ``retrain``, ``drift``, ``monitor`` or ``fan_out``.
        resumed : str, optional
            The run that it goes on from.
        fan_out : str, optional
            The run of kind ``fan_out`` that it is a member of.
        """
        record = cls(
            folder,
            {
                "format": FORMAT,
                "case": folder.case,
                "run": folder.run,
                "kind": kind,
                "resumed": resumed,
                "fan_out": fan_out,
                "status": "running",
                "started_at": stamp(now()),
                "ended_at": None,
                "pid": os.getpid(),
                "who": who(),
                "params": params.to_dict(),
                "git": code_state(root) or code_state(PROJECT),
                "lock": lock_digest(),
                "python": platform.python_version(),
                "platform": platform.platform(),
                "packages": packages(),
                "data": None,
                "steps": [],
                "verdict": None,
                "drift": None,
                "monitor": None,
                "error": None,
            },
        )
        record.save()
        return record

    def save(self) -> None:
        """Put the record on disk."""
        store.write_json(self.folder.record, self.content)

    def update(self, **fields: Any) -> None:
        """Set fields of the record."""
        self.content.update(fields)
        self.save()

    def end(self, status: str, error: Mapping[str, Any] | None = None) -> None:
        """Say how the run ended (``ok``, ``failed`` or ``interrupted``), in memory."""
        self.content.update(
            status=status,
            ended_at=stamp(now()),
            error=None if error is None else dict(error),
        )
