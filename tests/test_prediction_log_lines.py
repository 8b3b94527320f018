"""What is logged is found again as it was, whatever it is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.prediction_log import PredictionLogger, compact, read_predictions

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just("$number"), inner, max_size=2)
    ),
    max_leaves=5,
)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["$text", "id", "at", "a b\n"]
)
ROWS = st.lists(
    st.tuples(
        st.dictionaries(NAMES, VALUES, max_size=4),
        VALUES,
        st.text(min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=4,
)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, and of the same type but for numbers."""
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_a_prediction_is_found_again_with_its_version(
    rows: list[tuple[dict[str, Any], Any, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with PredictionLogger(folder, clock=lambda: NOON) as log:
            ids = [
                log.log_prediction("m", version, features, prediction, latency_ms=1.5)
                for features, prediction, version in rows
            ]
            for compacted in (False, True):
                if compacted:
                    done = compact(folder, "m", now=NOON + timedelta(days=1))
                    assert done.rows == len(rows)
                found = log.get_recent_predictions(len(rows) + 1)
                assert {row["id"] for row in found} == set(ids)
                by_id = {row["id"]: row for row in found}
                for id, (features, prediction, version) in zip(ids, rows, strict=True):
                    row = by_id[id]
                    assert same(row["features"], features), (compacted, row)
                    assert same(row["prediction"], prediction)
                    assert (row["version"], row["latency_ms"]) == (version, 1.5)
                    assert row["at"] == "2026-03-05T12:00:00.000000Z"
        for version in {version for *_, version in rows}:
            logged = read_predictions(folder, "m", version=version)
            wanted = {i for i, r in zip(ids, rows, strict=True) if r[2] == version}
            assert set(logged.frame["id"]) == wanted
            assert logged.garbage.count == 0


class Colour(Enum):
    RED = "red"


ZONE = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), None),
        (float("inf"), math.inf),
        (-np.inf, -math.inf),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.longdouble(0.25), 0.25),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (2**80, 2**80),
        (-(10**30), -(10**30)),
        (np.bool_(True), True),
        (np.str_("é"), "é"),
        (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
        (np.datetime64("NaT"), None),
        (np.timedelta64(1500, "ms"), 1.5),
        (np.array([1.0, np.nan]), [1.0, None]),
        (np.array(["2026-01-02"], "datetime64[D]"), ["2026-01-02"]),
        (pd.NA, None),
        (pd.NaT, None),
        (
            pd.Timestamp("2026-01-02 03:04:05.123456789"),
            "2026-01-02T03:04:05.123456789",
        ),
        (pd.Timedelta("90s"), 90.0),
        (pd.Series([1, 2]), [1, 2]),
        (datetime(2026, 1, 2, 1, tzinfo=ZONE), "2026-01-01T23:00:00+00:00"),
        (datetime(2026, 1, 2, 1), "2026-01-02T01:00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(minutes=1), 60.0),
        (Decimal("0.1"), 0.1),
        (Decimal("NaN"), None),
        (Decimal("1e999"), math.inf),
        (Fraction(1, 4), 0.25),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Colour.RED, "red"),
        (("a", 1), ["a", 1]),
        ({"$number": "inf"}, {"$number": "inf"}),
        ({"$object": {"$text": "00"}}, {"$object": {"$text": "00"}}),
        (
            'line\nbreak "quoted" \u2028 \x00 \ud800 😀',
            'line\nbreak "quoted" \u2028 \x00 \ud800 😀',
        ),
    ],
)
def test_values_of_other_libraries_are_kept(
    tmp_path: Path, value: Any, kept: Any
) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {"x": value, "y": 1}, value, {"yes": value})
        (row,) = log.get_recent_predictions()
    assert same(row["features"], {"x": kept, "y": 1})
    assert same(row["prediction"], kept)
    assert same(row["probability"], {"yes": kept})
    (line,) = (tmp_path / "m" / "predictions_20260305.jsonl").read_bytes().splitlines()
    refuse = {"parse_constant": lambda name: pytest.fail(f"{name} is not JSON")}
    assert json.loads(line, **refuse)["model"] == "m"


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"secret", "type bytes; decode it"),
        (np.bytes_(b"secret"), "type bytes"),
        (1 + 2j, "type complex"),
        (np.complex64(1), "complex"),
        (object(), "type object"),
        (endless(), "nested"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name_and_type(
    tmp_path: Path, value: Any, said: str
) -> None:
    log = PredictionLogger(tmp_path)
    with pytest.raises(TypeError, match="the feature 'x': ") as refused:
        log.log_prediction("m", "1", {"x": value}, 1)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)
    with pytest.raises(TypeError):
        log.log_prediction("m", "1", {}, value)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (("../m", "1", {}, 1), {}, "a model's name must be"),
        (("a..b", "1", {}, 1), {}, "a model's name must be"),
        (("", "1", {}, 1), {}, "a model's name must be"),
        (("m", "\ud800", {}, 1), {}, "valid Unicode"),
        (("m", "1", {"\ud800": 1}, 1), {}, "valid Unicode"),
        (("m", "1", {1: 1, "1": 2}, 1), {}, "same name"),
        (("m", "1", pd.Series([1, 2], ["a", "a"]), 1), {}, "same name"),
        (("m", "1", {}, 1), {"id": ""}, "an id must be"),
        (("m", "1", {}, 1), {"id": "\udfff"}, "an id must be"),
        (("m", "1", {}, 1), {"id": "x" * 257}, "an id must be"),
        (("m", "1", {}, 1), {"at": datetime(2026, 1, 1)}, "with its zone"),
        (("m", "1", {}, 1), {"at": "2026-01-01"}, "with its zone"),
    ],
)
def test_arguments_that_are_none_are_refused(
    tmp_path: Path, arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    log = PredictionLogger(tmp_path)
    with pytest.raises(ValueError, match=said):
        log.log_prediction(*arguments, **options)
    assert log.lost == 0
    assert not list(tmp_path.rglob("*.jsonl"))


def test_features_must_be_a_row(tmp_path: Path) -> None:
    log = PredictionLogger(tmp_path)
    with pytest.raises(TypeError, match="mapping of column names"):
        log.log_prediction("m", "1", [1, 2], 1)
    log.log_prediction("m", "1", pd.Series({"a": np.int64(1), "b": "x"}), 1)
    assert log.get_recent_predictions()[0]["features"] == {"a": 1, "b": "x"}


def test_given_ids_are_kept_and_others_differ_between_processes(tmp_path: Path) -> None:
    code = (
        "import os, sys\n"
        "from mlkit.prediction_log import PredictionLogger\n"
        "log = PredictionLogger(sys.argv[1])\n"
        "log.log_prediction('m', '1', {}, 0, id='given')\n"
        "children = [os.fork() for _ in range(3)]\n"
        "for _ in range(200): log.log_prediction('m', '1', {}, os.getpid())\n"
        # Each waits for its own, else the first would end while others still log.
        "try:\n"
        "    while True: os.wait()\n"
        "except ChildProcessError: pass\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    frame = read_predictions(tmp_path, "m").frame
    assert len(frame) == 1 + 8 * 200
    assert frame["id"].is_unique
    assert frame["prediction"].nunique() == 9
    assert frame["id"].iloc[0] == "given"


def test_logging_imports_neither_numpy_nor_pandas(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from mlkit.prediction_log import PredictionLogger\n"
        "log = PredictionLogger(sys.argv[1], sensitive=['x'])\n"
        "log.log_prediction('m', '1', {'x': 1.0}, 0); log.log_actual('i', 1)\n"
        "log.get_recent_predictions(); log.close()\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'pydantic', 'filelock', 'fsspec'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
