"""Reading back: by time, version and number; with outcomes; in bounded memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.prediction_log import (
    Logged,
    PredictionLogger,
    compact,
    join_outcomes,
    logged_models,
    read_batches,
    read_predictions,
    scanning,
    tidy,
)
from mlkit.prediction_log.columns import Columns

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = {
    "id": "str",
    "at": "datetime64[us, UTC]",
    "version": "str",
    "prediction": "float64",
    "probability": "float64",
    "actual": "float64",
    "latency_ms": "float64",
    "error": "str",
}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a log of five days in all forms: 40 rows a day, versions in turn."""
    folder = tmp_path_factory.mktemp("log")
    with PredictionLogger(folder) as log:
        for number in range(200):
            at = datetime(2026, 3, 1 + number // 40, number % 40 // 2, tzinfo=UTC)
            version, features = f"1.{number % 2}.0", {"n": number, "t": f"t{number}"}
            log.log_prediction("m", version, features, number, at=at, id=str(number))
        compact(folder, "m", now=datetime(2026, 3, 3, tzinfo=UTC))
        tidy(folder, "m", now=datetime(2026, 3, 5, tzinfo=UTC), keep_days=99)
    assert sorted(path.suffix for path in (folder / "m").glob("pred*")) == [
        ".gz", ".jsonl", ".jsonl", ".parquet", ".parquet",
    ]  # fmt: skip
    return folder


HOURS = st.integers(-5, 125)


@settings(max_examples=25, deadline=None)
@given(start=st.none() | HOURS, end=st.none() | HOURS, odd=st.none() | st.booleans(),
       limit=st.none() | st.integers(0, 250))  # fmt: skip
def test_windows_and_limits_give_what_a_plain_filter_gives(
    days: Path, start: int | None, end: int | None, odd: bool | None, limit: int | None
) -> None:
    zero = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=0)))
    first, last = (
        None if h is None else zero + timedelta(hours=h) for h in (start, end)
    )
    version = None if odd is None else f"1.{int(odd)}.0"
    logged = read_predictions(
        days, "m", version=version, start=first, end=last, limit=limit
    )
    wanted = [
        n for n in range(200)
        if (start is None or n // 40 * 24 + n % 40 // 2 >= start)
        and (end is None or n // 40 * 24 + n % 40 // 2 < end)
        and (odd is None or n % 2 == odd)
    ]  # fmt: skip
    wanted = wanted if limit is None else wanted[max(0, len(wanted) - limit) :]
    assert list(logged.frame["prediction"]) == wanted
    assert list(logged.frame["id"]) == [str(number) for number in wanted]
    if wanted:
        assert list(logged.features["n"]) == wanted
        assert list(logged.features["t"]) == [f"t{number}" for number in wanted]
    assert {name: str(kind) for name, kind in logged.frame.dtypes.items()} == (
        TYPES | ({"prediction": "int64"} if wanted else {})
    )
    if version is None and limit is None:
        batches = list(read_batches(days, "m", start=first, end=last, rows=7))
        assert all(0 < len(batch) <= 7 for batch in batches)
        assert [n for b in batches for n in b.frame["prediction"]] == wanted


def test_only_the_files_that_are_needed_are_opened(days: Path) -> None:
    def files(**asked: Any) -> tuple[str, ...]:
        return read_predictions(days, "m", **asked).files

    assert files(limit=40) == ("predictions_20260305.jsonl",)
    assert files(limit=41) == (
        "predictions_20260305.jsonl",
        "predictions_20260304.jsonl",
    )
    assert files(limit=0) == ()
    day = datetime(2026, 3, 3, tzinfo=UTC)
    assert files(start=day, end=day + DAY) == ("predictions_20260303.jsonl.gz",)
    assert files(end=day) == (
        "predictions_20260301.parquet",
        "predictions_20260302.parquet",
    )
    east = timezone(timedelta(hours=9))
    midnight = datetime(2026, 3, 5, tzinfo=east)
    assert files(start=midnight, end=midnight + timedelta(hours=9)) == (
        "predictions_20260304.jsonl",
    )


def test_the_newest_are_found_from_the_end_of_a_large_file(tmp_path: Path) -> None:
    log = PredictionLogger(tmp_path, clock=lambda: NOON)
    log.log_predictions(
        "m", "1", [{"x": "y" * 700, "n": n} for n in range(3000)], range(3000)
    )
    path = tmp_path / "m" / "predictions_20260305.jsonl"
    assert path.stat().st_size > 8 * scanning.BLOCK
    for limit in (1, 2, 300, 301, 2999, 3000, 4000):
        got = [r["prediction"] for r in log.get_recent_predictions(limit)]
        assert sorted(got) == list(range(max(0, 3000 - limit), 3000))
    with path.open("ab") as file:
        file.write(b"garbage\n\n")
    log.log_prediction("m", "2", {}, "last")
    logged = read_predictions(tmp_path, "m", limit=3)
    (place,) = logged.garbage.places
    assert (place.line, place.why) == (3001, "not JSON")
    assert len(logged) == 3
    assert read_predictions(tmp_path, "m", version="1").garbage.places == (place,)
    log.close()


def test_recent_predictions_are_those_of_all_models_with_their_outcomes(
    tmp_path: Path,
) -> None:
    log = PredictionLogger(tmp_path)
    for number in range(6):
        log.log_prediction(
            "ab"[number % 2], "1", {}, number, id=str(number),
            at=NOON + timedelta(hours=6 * number),
        )  # fmt: skip
    log.log_error("a", "1", "failed", at=NOON + 9 * DAY)
    log.log_actual("4", "yes", model_name="a", at=NOON + 3 * DAY)
    log.log_actual("4", "no", model_name="a", at=NOON + 3 * DAY)
    log.log_actual("5", "x", model_name="b", at=NOON)
    recent = log.get_recent_predictions(3)
    assert [(r["prediction"], r["actual"]) for r in recent] == [
        (5, "x"),
        (4, "no"),
        (3, None),
    ]
    assert recent[0]["model"] == "b"
    assert recent[0]["at"] == "2026-03-06T18:00:00.000000Z"
    assert [r["id"] for r in log.get_recent_predictions(9, "a")] == ["4", "2", "0"]
    assert log.get_recent_predictions(0) == []
    assert log.get_recent_predictions(9, "none") == []
    with pytest.raises(ValueError, match="limit must be 0 or more, got -1"):
        log.get_recent_predictions(-1)
    with pytest.raises(ValueError, match=r"2 models \(a, b\)"):
        log.log_actual("4", 1)
    assert logged_models(tmp_path) == ("a", "b")
    assert logged_models(tmp_path / "none") == ()
    log.close()


def test_the_last_outcome_counts_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path) as log:
        ids = [log.log_prediction("m", "1", {}, n, actual=n, at=NOON) for n in range(4)]
        log.log_actual(ids[0], 10, at=NOON + DAY)
        log.log_actual(ids[1], 11, at=NOON + DAY)
        log.log_actual(ids[1], 12, at=NOON + 2 * DAY)
        log.log_actual(ids[2], None, at=NOON + 2 * DAY)
        log.log_actual("unknown", 1, at=NOON + 2 * DAY)
    for _ in range(2):
        logged = read_predictions(tmp_path, "m")
        assert logged.frame["actual"].tolist()[:2] == [10, 12]
        assert np.isnan(logged.frame["actual"][2])
        assert logged.frame["actual"][3] == 3
        assert logged.unknown_outcomes == 1
        tidy(tmp_path, "m", now=NOON + 5 * DAY)
    assert read_predictions(tmp_path, "m", start=NOON).unknown_outcomes is None
    assert read_predictions(tmp_path, "m", limit=3).unknown_outcomes is None


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        for number in range(4):
            log.log_prediction("m", "1", {"x": number}, "yes", id=str(number))
        log.log_actual("3", "no")
    return read_predictions(tmp_path, "m")


def test_a_table_of_outcomes_is_joined_by_id(logged: Logged) -> None:
    table = pd.DataFrame(
        {
            "key": [0, 1, 1, 7, 7, None, 2],
            "y": ["a", "b", "c", "d", "e", "f", None],
        }
    )
    joined = join_outcomes(logged, table, key="key", target="y")
    assert joined.frame["actual"].tolist()[:2] == ["a", "c"]
    assert joined.frame["actual"].isna().tolist() == [False, False, True, False]
    assert joined.frame["actual"][3] == "no"
    assert (joined.unknown_outcomes, joined.duplicate_outcomes) == (1, 2)
    assert logged.frame["actual"].notna().sum() == 1
    texts = table.dropna().astype({"key": int}).astype({"key": str})
    again = join_outcomes(logged, texts, key="key", target="y")
    pd.testing.assert_frame_equal(again.frame, joined.frame)
    nothing = join_outcomes(logged, table[:0], key="key", target="y")
    pd.testing.assert_frame_equal(nothing.frame, logged.frame)
    assert nothing.unknown_outcomes == 0


@pytest.mark.parametrize("values", [[0.5, 1.5], [1, 0], [True, False], ["a", "b"]])
def test_joined_outcomes_have_the_type_of_their_column(
    logged: Logged, values: Sequence[Any]
) -> None:
    table = pd.DataFrame({"id": ["0", "3"], "y": values})
    whole = Logged("m", logged.frame.iloc[[0, 3]], logged.features.iloc[[0, 3]])
    joined = join_outcomes(whole, table, key="id", target="y")
    assert joined.frame["actual"].tolist() == list(values)
    assert joined.frame["actual"].dtype == table["y"].dtype


def test_a_table_without_the_columns_is_refused(logged: Logged) -> None:
    table = pd.DataFrame([[1, 2, 3]], columns=["id", "y", "y"])
    with pytest.raises(
        ValueError, match=r"one column 'key' for the ids, got 0; .*id, y"
    ):
        join_outcomes(logged, table, key="key", target="y")
    with pytest.raises(ValueError, match="one column 'y' for the outcomes, got 2"):
        join_outcomes(logged, table, key="id", target="y")


def test_empty_logs_and_windows_have_their_columns(tmp_path: Path) -> None:
    (tmp_path / "empty" / "m").mkdir(parents=True)
    (tmp_path / "empty" / "m" / "predictions_20260305.jsonl").touch()
    for folder in ("none", "empty"):
        for limit in (None, 5):
            found = read_predictions(tmp_path / folder, "m", limit=limit)
            assert len(found) == 0
            assert {n: str(t) for n, t in found.frame.dtypes.items()} == TYPES
            assert found.features.shape == (0, 0)
            assert isinstance(found.frame.index, pd.RangeIndex)
            assert found.garbage.count == found.lost == found.clock_jumps == 0
    with PredictionLogger(tmp_path / "one", clock=lambda: NOON) as log:
        log.log_error("m", "2", KeyError("x"), {"n": 1}, 4.5)
    found = read_predictions(tmp_path / "one", "m")
    assert {n: str(t) for n, t in found.frame.dtypes.items()} == TYPES
    assert found.frame["error"][0] == "KeyError: 'x'"
    assert found.frame["latency_ms"][0] == 4.5
    assert found.features["n"].tolist() == [1]
    assert tidy(tmp_path / "empty", "m", now=NOON + 2 * DAY).compressed == ()


def test_bad_arguments_are_refused(tmp_path: Path) -> None:
    for moment in ("start", "end"):
        with pytest.raises(ValueError, match=f"{moment} must be a datetime with its"):
            read_predictions(tmp_path, "m", **{moment: datetime(2026, 1, 1)})
    with pytest.raises(ValueError, match="limit must be 0 or more"):
        read_predictions(tmp_path, "m", limit=-1)
    with pytest.raises(ValueError, match="rows must be 1 or more"):
        next(read_batches(tmp_path, "m", rows=0))
    with pytest.raises(ValueError, match="a model's name"):
        read_predictions(tmp_path, "a/b")


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([[1, 2], [3]], "int64"),
        ([[1, 2], [None]], "float64"),
        ([[1, 2], [0.5]], "float64"),
        ([[None], [None]], "float64"),
        ([[True], [False]], "bool"),
        ([[True], [None]], "object"),
        ([[True], [1]], "object"),
        ([["a", None], [None]], "str"),
        ([["a"], [1]], "object"),
        ([[[1.0, 2.0]], [None]], "object"),
        ([[2**63]], "object"),
        ([[2**70, 1]], "object"),
        ([[2**60 + 1], [None]], "object"),
        ([[2**60 + 1], [0.5]], "object"),
        ([["\ud800"], ["a"]], "object"),
        ([[float("inf")], [1.0]], "float64"),
    ],
)
def test_columns_have_one_type_and_keep_every_value(
    pieces: list[list[Any]], kind: str
) -> None:
    columns = Columns()
    for piece in pieces:
        columns.add([("x", piece)], len(piece))
    series = columns.frame()["x"]
    assert str(series.dtype) == kind
    values = [value for piece in pieces for value in piece]
    got = [None if v is None or v != v else v for v in series.tolist()]
    assert got == values


def test_a_column_that_comes_later_is_missing_before() -> None:
    columns = Columns()
    columns.add([("a", [1])], 1)
    columns.add([("b", [2, 3])], 2)
    columns.add([("a", [4])], 1)
    frame = columns.frame()
    assert frame["a"].fillna(-1).tolist() == [1, -1, -1, 4]
    assert frame["b"].fillna(-1).tolist() == [-1, 2, 3, -1]


def test_garbage_of_every_kind_is_skipped_and_told(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {"n": 1}, 1)
        log.log_prediction("other", "1", {"n": 1}, 1)
        log.log_actual("x", 1, model_name="m")
    folder = tmp_path / "m"
    path = folder / "predictions_20260305.jsonl"
    outcome = (folder / "outcomes_20260305.jsonl").read_bytes()
    good = path.read_bytes()
    other = (tmp_path / "other" / path.name).read_bytes()
    bad = [
        b"\x00" * 50 + b"\n",
        b"[1, 2]\n",
        b"{}\n",
        other,
        outcome,
        good.replace(b'"id":"', b'"id":7,"b":"'),
        good.replace(b'"at":"2026', b'"at":"x'),
        good.replace(b"00Z", b"00"),
        good.replace(b'{"n":1}', b"[1]"),
        good[:-5] + b"\n",
        b"[" * 5000 + b"\n",
    ]
    path.write_bytes(good + b"".join(bad) + b"\r\n\n" + good)
    logged = read_predictions(tmp_path, "m")
    assert len(logged) == 2
    assert logged.garbage.count == len(bad)
    assert [place.line for place in logged.garbage.places] == list(range(2, 13))
    assert {place.file for place in logged.garbage.places} == {path.name}
    assert len({place.why for place in logged.garbage.places}) >= 7
    limited = read_predictions(tmp_path, "m", limit=10)
    assert sorted(p.line or 0 for p in limited.garbage.places) == list(range(2, 13))
    (batch,) = read_batches(tmp_path, "m")
    assert batch.garbage == logged.garbage
    path.write_bytes(b"x\n" * 1000)
    logged = read_predictions(tmp_path, "m")
    assert (logged.garbage.count, len(logged.garbage.places)) == (1000, 100)
    (batch,) = read_batches(tmp_path, "m")
    assert (len(batch), batch.garbage.count) == (0, 1000)


def test_a_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "LONGEST_LINE", 1000)
    monkeypatch.setattr(scanning, "BLOCK", 300)
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {}, 1)
        path = tmp_path / "m" / "predictions_20260305.jsonl"
        with path.open("ab") as file:
            file.write(b"x" * 9000)
        log.log_prediction("m", "1", {}, 2)
    for limit in (None, 9):
        logged = read_predictions(tmp_path, "m", limit=limit)
        assert list(logged.frame["prediction"]) == [1, 2]
        assert [place.line for place in logged.garbage.places] == [2]


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux tells a process its peak"
)
def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        for _ in range(12):
            log.log_predictions("m", "1", [{"t": "x" * 2000}] * 2500, [1] * 2500)
    assert (tmp_path / "m" / "predictions_20260305.jsonl").stat().st_size > 60_000_000
    code = """
        import sys
        from pathlib import Path
        import pandas, pyarrow
        from mlkit.prediction_log import read_batches
        def peak():
            # What getrusage says begins with the peak of the process before.
            status = Path("/proc/self/status").read_text()
            return int(status.split("VmHWM:")[1].split()[0])
        rows, before = 0, peak()
        for batch in read_batches(sys.argv[1], "m", rows=500):
            rows += len(batch)
        print(rows, (peak() - before) // 1024)
        """
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    rows, grown = map(int, out.split())
    assert rows == 30_000
    assert grown < 30
