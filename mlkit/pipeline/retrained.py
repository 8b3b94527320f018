"""What became of the newest retrain of a case, as a finding that alerts are made of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit.alerts import Finding
from mlkit.pipeline import runs
from mlkit.report import summary
from mlkit.report.wording import parse_moment

DONE, FAILED = "retrain.done", "retrain.failed"
# That a retrain was done is news for so long; that one failed, until the next one.
NEWS = timedelta(days=1)


def retrain_finding(case: str, root: Path, *, now: datetime) -> Finding | None:
    """Return what is to be told of the newest retrain of a case, if anything is.

    Parameters
    ----------
    case : str
        Name of the case.
    root : Path
        The workspace.
    now : datetime
        With a time zone.
    """
    for record in runs.newest_first(case, root):
        # A folder without a record that can be read may be that of a check.
        if record.get("kind") == "retrain" and record["status"] != "running":
            return _finding(record, now)
    return None


def _finding(record: Mapping[str, Any], now: datetime) -> Finding | None:
    verdict = record.get("verdict") or {}
    told = summary.outcome(record)
    evidence = {"run": record["run"], "case": record["case"]}
    if record["status"] in ("failed", "interrupted"):
        error = record.get("error") or {}
        said = f"the newest retrain failed: {error.get('message') or told.headline}"
        if record["status"] == "interrupted":
            said = "the newest retrain was interrupted before it reached its end"
        return Finding(FAILED, "warning", said, evidence | {"step": error.get("step")})
    ended = record.get("ended_at")
    fresh = ended is not None and now - parse_moment(ended) < NEWS
    if record["status"] == "ok" and verdict and fresh:
        version = verdict.get("version")
        evidence |= {"verdict": verdict.get("verdict"), "version": version}
        said = f"a retrain was done: {told.headline}"
        return Finding(DONE, "info", said, evidence, version)
    return None
