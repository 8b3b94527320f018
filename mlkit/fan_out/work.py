"""What a worker does with a unit: one whole retrain, one step at a time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from mlkit import data as data_room
from mlkit import pipeline, sources
from mlkit.data import DataError
from mlkit.fan_out.units import FAILED, NOT_ENOUGH, Member, Unit, stopped
from mlkit.params import Params, params_from_dict
from mlkit.pipeline.runs import BusyError
from mlkit.pipeline.stopped import failure
from mlkit.report import measures

# Checks that fail where a segment is too small, and no other way to mend it.
THIN = frozenset({"empty", "min rows", "test rows", "class rows", "target"})
TOO_FEW_CLASSES = ("at least two classes", "at least three values")


def retrain_one(
    unit: Unit,
    *,
    root: str,
    fan_out: str | None = None,
    force: bool = False,
    wait: bool = False,
) -> dict[str, Any]:
    """Retrain a unit and return what became of it, as plain data.

    Parameters
    ----------
    unit : Unit
        The case or segment.
    root : str
        The workspace.
    fan_out : str, optional
        The run of kind ``fan_out`` that it is a member of.
    force : bool
        Run all steps, whatever earlier results there are.
    wait : bool
        Queue behind a run of the same case instead of failing.
    """
    started = time.monotonic()
    asked: dict[str, Any] = {"fan_out": fan_out, "force": force, "wait": wait}
    with _ended_by_signal():
        try:
            return _retrained(unit, Path(root), started, asked)
        except Exception as error:
            return stopped(
                unit,
                FAILED,
                seconds=time.monotonic() - started,
                **_told(error, failure(error)),
            )


def _told(error: Exception, found: Mapping[str, Any]) -> dict[str, Any]:
    # One run of a case at a time: whoever holds it is at work on the same.
    code = 4 if isinstance(error, BusyError) else found.get("exit_code", 3)
    return {**found, "exit_code": code}


def _retrained(
    unit: Unit, root: Path, started: float, asked: Mapping[str, Any]
) -> dict[str, Any]:
    params = params_from_dict(unit.params)
    thin = _thin(unit, params, root)
    if thin is not None:
        spent = time.monotonic() - started
        return stopped(unit, NOT_ENOUGH, seconds=spent, **thin)
    ended = pipeline.retrain_params(params, root=root, jobs=1, **asked)
    record = ended.record
    return Member(
        case=unit.case,
        segment=unit.segment,
        status=record["status"],
        run=record["run"],
        rows=(record["data"] or {}).get("rows", unit.rows),
        seconds=round(time.monotonic() - started, 2),
        model=params.model,
        verdict=_verdict(record),
        metric=_metric(record),
        error=record["error"],
    ).to_dict()


def _thin(unit: Unit, params: Params, root: Path) -> dict[str, Any] | None:
    """Return why a segment is too small to be retrained, None where it is not.

    Whatever else is wrong with its data is for its own run to tell.
    """
    if unit.segment is None:
        return None
    try:
        raw = sources.read(params, root=root)
        data_room.prepare(raw.frame, params, test=raw.test)
    except DataError as error:
        if all(_is_thin(check) for check in error.checks):
            said = "; ".join(f"{each.rule}: {each.found}" for each in error.checks)
            advice = " ".join(f"{each.advice}." for each in error.checks[:1])
            return {"type": "DataError", "message": said, "advice": advice}
    return None


def _is_thin(check: Any) -> bool:
    few = check.name == "classes" and any(w in check.rule for w in TOO_FEW_CLASSES)
    return few or check.name in THIN


def _verdict(record: Mapping[str, Any]) -> dict[str, Any] | None:
    keys = ("verdict", "stage", "version", "new", "champion", "reason")
    found = record["verdict"]
    return None if not found else {key: found.get(key) for key in keys}


def _metric(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the primary metric with its interval and what guessing comes to."""
    found = measures.evaluation(record)
    name = str(found.get("primary"))
    score = measures.scores(found).get(name)
    if not score:
        return None
    return {
        "name": name,
        "label": measures.label(found, name),
        **{key: score.get(key) for key in ("value", "lower", "upper")},
        "greater_is_better": measures.direction(found, name),
        "baseline": (measures.scores(found, "dummy").get(name) or {}).get("value"),
    }


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """End a run cleanly, its kernels and its record, when the process is terminated."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        # A pool that ends tells its processes twice: the first time counts.
        signal.signal(signal.SIGTERM, lambda number, frame: None)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        # Executors keep a process whose work was interrupted; this one is to end.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
