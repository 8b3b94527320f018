"""The record of a run of kind ``fan_out``, and the page that is made of it."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlkit import report, store
from mlkit.fan_out.units import INTERRUPTED, Unit
from mlkit.params import Params
from mlkit.pipeline import runs
from mlkit.pipeline.record import (
    PROJECT,
    RunRecord,
    code_state,
    lock_digest,
    now,
    packages,
    stamp,
    who,
)
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.stopped import failure

# A page is read by people: it need not be newer than that while members end.
SECONDS_BETWEEN_PAGES = 5.0
WAITING = "waiting"


@dataclass
class Book:
    """The record of many retrains, on disk after each.

    Attributes
    ----------
    record : RunRecord
        The run of kind ``fan_out``.
    written : float
        ``time.monotonic()`` at which the page was written last.
    """

    record: RunRecord
    written: float = 0.0
    places: dict[str, int] = field(default_factory=dict)

    @classmethod
    def open(cls, name: str, params: Params | None, root: Path, executor: str) -> Book:
        """Start the record and its page.

        Parameters
        ----------
        name : str
            Under which the run is filed.
        params : Params or None
            The params of the case that is divided; None where there are several.
        root : Path
            The workspace.
        executor : str
            Who does the work, in words.
        """
        folder = runs.create_run(name, root, at=now())
        book = cls(RunRecord(folder, _content(folder, params, root, executor)))
        book.record.save()
        book.write_page()
        return book

    @property
    def content(self) -> dict[str, Any]:
        """What ``run.json`` holds."""
        return self.record.content

    @property
    def run(self) -> str:
        """Name of the run."""
        return self.record.folder.run

    @property
    def page(self) -> Path:
        """The report."""
        return self.record.folder.path / "index.html"

    @property
    def members(self) -> list[dict[str, Any]]:
        """What became of each unit so far."""
        members: list[dict[str, Any]] = self.content["members"]
        return members

    @property
    def done(self) -> int:
        """How many members have ended."""
        return sum(member["status"] != WAITING for member in self.members)

    def name(self, member: Mapping[str, Any]) -> str:
        """Return what people call a member in this report."""
        whole = self.content["segments"] is None or member["segment"] is None
        return str(member["case"] if whole else member["segment"])

    def begin(self, units: Sequence[Unit], notes: Sequence[str]) -> None:
        """Write down who is to be waited for."""
        self.places = {unit.case: place for place, unit in enumerate(units)}
        members = [_waiting(unit) for unit in units]
        self.record.update(members=members, notes=list(notes))
        self.write_page()

    def add(self, member: dict[str, Any]) -> dict[str, Any]:
        """Write down what became of a unit, and return it."""
        self.members[self.places[member["case"]]] = member
        self.record.save()
        if time.monotonic() - self.written > SECONDS_BETWEEN_PAGES:
            self.write_page()
        return member

    def end(self, status: str, error: Mapping[str, Any] | None) -> None:
        """Close the record, its page first."""
        self.record.end(status, error)
        self.write_page()
        self.record.save()

    def fail(self, error: BaseException) -> None:
        """Close the record of a run that could not go on."""
        for member in self.members:
            if member["status"] == WAITING:
                member["status"] = INTERRUPTED
        status = INTERRUPTED if isinstance(error, KeyboardInterrupt) else "failed"
        self.end(status, failure(error))

    def write_page(self) -> None:
        """Write the report of what is known so far."""
        store.write_atomic(self.page, report.league_page(self.content))
        self.written = time.monotonic()


def _waiting(unit: Unit) -> dict[str, Any]:
    keys = ("run", "verdict", "metric", "error")
    return {
        "case": unit.case,
        "segment": unit.segment,
        "status": WAITING,
        "rows": unit.rows,
        "seconds": None,
        "model": unit.model,
        **dict.fromkeys(keys),
    }


def _content(
    folder: RunFolder, params: Params | None, root: Path, executor: str
) -> dict[str, Any]:
    absent = ("ended_at", "data", "verdict", "drift", "error", "resumed", "fan_out")
    return {
        "format": runs.FORMAT,
        "case": folder.case,
        "run": folder.run,
        "kind": "fan_out",
        "status": "running",
        "started_at": stamp(now()),
        "pid": os.getpid(),
        "who": who(),
        "params": None if params is None else params.to_dict(),
        "segments": None if params is None else params.segments,
        "executor": executor,
        "git": code_state(root) or code_state(PROJECT),
        "lock": lock_digest(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages(),
        "steps": [],
        "members": [],
        "notes": [],
        **dict.fromkeys(absent),
    }
