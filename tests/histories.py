"""Histories of runs, written as the pipeline leaves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.pipeline import runs

START = datetime(2026, 3, 1, tzinfo=UTC)


def add_run(root: Path, day: int, case: str = "toy", **fields: Any) -> str:
    """Write a run that ended well and return its name; fields are of its record."""
    at = START + timedelta(days=day)
    folder = runs.create_run(case, root, at=at)
    (folder.path / "train").mkdir()
    (folder.path / "train" / "model.skops").write_bytes(bytes([day % 256]) * 1000)
    (folder.path / "index.html").write_text("<p>a page</p>")
    known = {"format": 1, "case": case, "run": folder.run, "status": "ok", "steps": []}
    started = {"started_at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    store.write_json(folder.record, known | started | fields)
    return folder.run


def history(root: Path, count: int, case: str = "toy") -> list[str]:
    """Write runs of as many days and return their names, the oldest first."""
    return [add_run(root, day, case) for day in range(count)]


def taken(run: str) -> list[dict[str, Any]]:
    """Return the steps of a run that took one from another."""
    return [{"name": "train", "status": "ok", "seconds": 0.1, "taken": run}]
