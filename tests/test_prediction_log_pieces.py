"""Many lines at a time: whatever stands between them, as line by line."""

from __future__ import annotations

import gzip
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlkit.prediction_log import (
    PredictionLogger,
    compact,
    pieces,
    read_batches,
    read_predictions,
    tidy,
)

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = NOON + timedelta(days=3)

USUAL: dict[str, Any] = {
    "kind": "prediction",
    "model": "m",
    "version": "1",
    "features": {"a": 1, "b": "x"},
    "prediction": 2,
}
# What a line may differ by, and whether it is a record all the same.
CHANGES: dict[str, tuple[dict[str, Any], bool]] = {
    "usual": ({}, True),
    "another version": ({"version": "2"}, True),
    "failed": ({"kind": "error", "error": "KeyError", "features": {}}, True),
    "other features": ({"features": {"b": "y", "c": 0.5}}, True),
    "their order": ({"features": {"b": "x", "a": 3}}, True),
    "one feature": ({"features": {"a": None}}, True),
    "infinite": ({"features": {"a": {"$number": "-inf"}, "b": "x"}}, True),
    "infinite answer": ({"prediction": {"$number": "inf"}}, True),
    "another zone": ({"zone": "+02:00"}, True),
    "whole seconds": ({"cut": "2026-03-05T13:00:00Z"}, True),
    "by the week": ({"cut": "2026-W10-4T13:00:00.000000Z"}, True),
    "no zone": ({"zone": ""}, False),
    "no day": ({"cut": "2026-02-30T13:00:00.000000Z"}, False),
    "no time": ({"cut": None}, False),
    "no text for a time": ({"cut": ["Z"] * 27}, False),
    "another model": ({"model": "n"}, False),
    "an outcome": ({"kind": "outcome"}, False),
    "a kind of no kind": ({"kind": ["prediction"]}, False),
    "no id": ({"id": None}, False),
    "a list of features": ({"features": [1]}, False),
}
WHOLE = {b"garbage\n": False, b"[1]\n": False, b'"text"\n': False, b'{"a":\n': False}
SPACE = b" \t\n"


def line_of(name: str, number: int) -> bytes:
    """Return a line: the usual one of an hour, changed."""
    change = dict(CHANGES[name][0])
    at = (NOON + number * HOUR).isoformat(timespec="microseconds")
    at = change.pop("cut", at[:26] + change.pop("zone", "Z"))
    return json.dumps({"id": str(number), "at": at} | USUAL | change).encode() + b"\n"


def plain(value: Any) -> Any:
    """Return what a cell stands for."""
    if isinstance(value, dict):
        return float(value["$number"])
    return None if value is None or value != value else value


LINES = st.lists(
    st.sampled_from(sorted(CHANGES)) | st.sampled_from([*WHOLE, SPACE])
    | st.just("usual"),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    names=LINES,
    size=st.integers(1, 5),
    version=st.none() | st.sampled_from("12"),
    span=st.none() | st.tuples(st.integers(0, 6), st.integers(0, 11)),
    packed=st.booleans(),
)
@example(["usual", "by the week", "usual"], 2, None, (1, 9), False)
@example(["usual"] * 4, 3, "2", None, False)
def test_lines_at_once_are_lines_one_by_one(
    names: list[str | bytes],
    size: int,
    version: str | None,
    span: tuple[int, int] | None,
    packed: bool,
) -> None:
    lines = [
        name if isinstance(name, bytes) else line_of(name, number)
        for number, name in enumerate(names)
    ]
    sound = [
        json.loads(line)
        for line, name in zip(lines, names, strict=True)
        if isinstance(name, str) and CHANGES[name][1]
    ]
    start, end = (None, None) if span is None else (NOON + h * HOUR for h in span)
    wanted = [
        row
        for row in sound
        if (version is None or row["version"] == version)
        and (start is None or datetime.fromisoformat(row["at"]) >= start)
        and (end is None or datetime.fromisoformat(row["at"]) < end)
    ]
    bad = [
        number
        for number, name in enumerate(names, 1)
        if name != SPACE and not (isinstance(name, str) and CHANGES[name][1])
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m" / "predictions_20260305.jsonl"
        path.parent.mkdir()
        path.write_bytes(b"".join(lines))
        if packed:
            path.with_name(path.name + ".gz").write_bytes(
                gzip.compress(b"".join(lines))
            )
            path.unlink()
        asked: dict[str, Any] = {"version": version, "start": start, "end": end}
        whole = read_predictions(folder, "m", **asked)
        some = list(read_batches(folder, "m", rows=size, **asked))
    assert [place.line for place in whole.garbage.places] == bad
    assert [p.line for each in some for p in each.garbage.places] == bad
    assert all(len(each) <= size for each in some)
    assert sorted(id for each in some for id in each.frame["id"]) == sorted(
        row["id"] for row in wanted
    )
    ordered = sorted(wanted, key=lambda row: datetime.fromisoformat(row["at"]))
    head = [plain(row.get("prediction")) for row in ordered]
    assert list(whole.frame["id"]) == [row["id"] for row in ordered]
    assert [plain(cell) for cell in whole.frame["prediction"]] == head
    assert [moment.to_pydatetime() for moment in whole.frame["at"]] == [
        datetime.fromisoformat(row["at"]) for row in ordered
    ]
    assert set(whole.features) == {name for row in wanted for name in row["features"]}
    for name in whole.features:
        cells = [plain(row["features"].get(name)) for row in ordered]
        assert [plain(cell) for cell in whole.features[name]] == cells


def test_the_lines_of_a_logger_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_predictions("m", "1", [{"x": 1.5, "y": "a"}] * 3, [1, 2, 3])
        log.log_prediction("m", "1", {"z": np.float32(2)}, "yes", {"yes": 0.9})
        log.log_error("m", "1", "failed", {"x": 1})
        log.log_error("m", "1", "failed")
        log.log_actual("a", 1, model_name="m")
    monkeypatch.delattr(pieces, "read")
    logged = read_predictions(tmp_path, "m", start=NOON - HOUR)
    assert len(logged) == 6
    assert logged.frame["error"].notna().sum() == 2


KNOWN = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.none() | st.integers(0, 3) | st.sampled_from(["a", "b"]) | st.just([1]),
        st.integers(0, 2),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(known=KNOWN)
def test_outcomes_are_the_same_in_every_form(
    known: list[tuple[int, Any, int]],
) -> None:
    known = sorted(known, key=lambda each: each[2])
    last = {str(id): value for id, value, _ in known}
    with tempfile.TemporaryDirectory() as folder:
        with PredictionLogger(folder) as log:
            for number in range(5):
                log.log_prediction("m", "1", {}, number, id=str(number), at=NOON)
            for id, value, day in known:
                at = NOON + timedelta(days=day)
                log.log_actual(str(id), value, model_name="m", at=at)
        for step in (lambda: None, lambda: tidy(folder, "m", now=LATER),
                     lambda: compact(folder, "m", now=LATER)):  # fmt: skip
            step()
            logged = read_predictions(folder, "m")
            got = [plain(cell) for cell in logged.frame["actual"]]
            assert got == [last.get(str(number)) for number in range(5)]
            unknown = {id for id in last if int(id) >= 5}
            assert logged.unknown_outcomes == len(unknown)
        written = sorted(
            path.suffix for path in (Path(folder) / "m").glob("outcomes_*")
        )
        assert set(written) <= {".parquet"}
        assert len(written) == len({day for *_, day in known})
