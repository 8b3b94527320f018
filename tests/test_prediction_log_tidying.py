"""Old days are compressed, compacted and removed; no line is lost or seen twice."""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlkit.prediction_log import (
    PredictionLogger,
    compact,
    compacting,
    read_batches,
    read_losses,
    read_predictions,
    tidy,
)
from mlkit.prediction_log.layout import Kind

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MIXED = [
    {"a": 1, "b": "x", "c": True, "d": 1.5, "e": [1, {"f": None}]},
    {"b": None, "a": 2.5, "c": False, "d": math.inf, "e": "text"},
    {"c": True, "g": 2**60, "d": None},
    {},
    {"a": None, "b": "\ud800", "c": True, "h": None, "g": -(2**70)},
]


def log_days(folder: Path, days: int = 3, rows: int = 4) -> PredictionLogger:
    """Return a logger behind some days of predictions, the last of them at noon."""
    log = PredictionLogger(folder, clock=lambda: NOON)
    for day in range(days):
        for number in range(rows):
            at = NOON - (days - 1 - day) * DAY + timedelta(seconds=number)
            features = MIXED[number % len(MIXED)]
            id = log.log_prediction("m", "1", features, number, at=at)
            log.log_actual(id, number, model_name="m", at=at + timedelta(hours=1))
    return log


def names(folder: Path) -> list[str]:
    found = (path.name for path in (folder / "m").iterdir())
    return sorted(n for n in found if n.startswith(("predictions", "outcomes")))


def rows(folder: Path) -> list[dict[str, Any]]:
    with PredictionLogger(folder) as log:
        return log.get_recent_predictions(1_000_000, "m")


def test_days_are_compressed_a_day_after_they_ended_and_removed_in_time(
    tmp_path: Path,
) -> None:
    log_days(tmp_path).close()
    before = rows(tmp_path)
    midnight = datetime(2026, 3, 5, tzinfo=UTC)
    done = tidy(tmp_path, "m", now=midnight - timedelta(seconds=1))
    assert (done.compressed, done.removed) == ((), ())
    done = tidy(tmp_path, "m", now=midnight)
    assert done.compressed == (
        "predictions_20260303.jsonl.gz",
        "outcomes_20260303.jsonl.gz",
    )
    assert [str(day) for day in done.kept_days] == [
        "2026-03-03",
        "2026-03-04",
        "2026-03-05",
    ]
    assert rows(tmp_path) == before
    again = tidy(tmp_path, "m", now=midnight)
    assert (again.compressed, again.removed) == ((), ())
    done = tidy(tmp_path, "m", now=datetime(2026, 3, 10, 23, tzinfo=UTC))
    assert len(names(tmp_path)) == 6
    assert all(name.endswith(".gz") for name in names(tmp_path))
    assert rows(tmp_path) == before
    done = tidy(tmp_path, "m", now=datetime(2026, 3, 11, tzinfo=UTC))
    assert done.removed == (
        "outcomes_20260303.jsonl.gz",
        "predictions_20260303.jsonl.gz",
    )
    assert len(rows(tmp_path)) == 8
    tidy(tmp_path, "m", now=NOON + 100 * DAY)
    assert names(tmp_path) == []
    assert rows(tmp_path) == []
    json.dumps(done.to_dict())


def test_late_lines_go_beside_a_compressed_day_and_are_read(tmp_path: Path) -> None:
    log = log_days(tmp_path, days=1)
    for number in range(3):
        tidy(tmp_path, "m", now=NOON + 3 * DAY)
        # The logger has the file of that day open all the time.
        log.log_prediction("m", "1", {}, "late", at=NOON + timedelta(hours=number))
    assert [name for name in names(tmp_path) if name.startswith("p")] == [
        "predictions_20260305.1.jsonl.gz",
        "predictions_20260305.2.jsonl.gz",
        "predictions_20260305.jsonl",
        "predictions_20260305.jsonl.gz",
    ]
    logged = read_predictions(tmp_path, "m")
    assert list(logged.frame["prediction"]) == [0, "late", 1, 2, 3, "late", "late"]
    compact(tmp_path, "m", now=NOON + 3 * DAY)
    log.log_prediction("m", "1", {}, "later", at=NOON + timedelta(hours=5))
    tidy(tmp_path, "m", now=NOON + 3 * DAY)
    assert [name for name in names(tmp_path) if name.startswith("p")] == [
        "predictions_20260305.4.jsonl.gz",
        "predictions_20260305.parquet",
    ]
    logged = read_predictions(tmp_path, "m")
    assert len(logged) == 8
    assert log.lost == 0
    log.close()


def test_a_compacted_day_gives_the_same_rows(tmp_path: Path) -> None:
    log = log_days(tmp_path, days=2, rows=10)
    log.log_error("m", "1", ValueError("no"), {"a": 1}, 3.0, at=NOON)
    before, frames = rows(tmp_path), read_predictions(tmp_path, "m")
    done = compact(tmp_path, "m", now=NOON)
    assert (len(done.days), done.rows, done.garbage.count) == (1, 10, 0)
    done = compact(tmp_path, "m", now=NOON + DAY)
    assert (len(done.days), done.rows) == (1, 11)
    assert compact(tmp_path, "m", now=NOON + DAY).days == ()
    assert [name for name in names(tmp_path) if name.startswith("p")] == [
        "predictions_20260304.parquet",
        "predictions_20260305.parquet",
    ]
    after = rows(tmp_path)
    assert after == before
    assert [list(row["features"]) for row in after] == [
        list(row["features"]) for row in before
    ]
    found = read_predictions(tmp_path, "m")
    pd.testing.assert_frame_equal(found.frame, frames.frame)
    pd.testing.assert_frame_equal(found.features, frames.features)
    log.close()


def test_columns_of_a_compacted_day_have_types(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        for number in range(5):
            row = {"n": number, "f": number / 2, "m": number / 2 or 0, "t": str(number)}
            row |= {"b": number > 2, "x": number or "mixed", "gap": None}
            log.log_prediction("m", "1", row, "yes", 0.25)
    compact(tmp_path, "m", now=NOON + DAY)
    table = pq.read_table(tmp_path / "m" / "predictions_20260305.parquet")
    types = {field.name: field.type for field in table.schema}
    assert types["at"] == pa.timestamp("us", "UTC")
    assert types["probability"] == types["features.f"] == types["features.m"]
    assert types["features.f"] == types["features.gap"] == pa.float64()
    assert types["features.n"] == pa.int64()
    assert types["features.b"] == pa.bool_()
    assert types["features.t"] == types["features.x"] == pa.string()
    assert types["prediction"] == pa.string()


CRASHES = """
    import os, shutil, signal, sys
    from datetime import UTC, datetime, timedelta
    from mlkit.prediction_log import compact, tidy
    import pyarrow.parquet

    NAMES = ("rename", "replace", "unlink", "fchmod", "fsync")
    before, work, what, first, count = sys.argv[1:]
    now = datetime(2026, 3, 8, 12, tzinfo=UTC)
    job = {"tidy": lambda: tidy(work, "m", now=now, keep_days=30),
           "compact": lambda: compact(work, "m", now=now)}[what]

    def dies_before(step):
        seen = 0
        def counted(call):
            def wrapped(*args, **options):
                nonlocal seen
                seen += 1
                if seen == step: os.kill(os.getpid(), signal.SIGKILL)
                return call(*args, **options)
            return wrapped
        for name in NAMES:
            setattr(os, name, counted(getattr(os, name)))

    for step in range(int(first), int(first) + int(count)):
        shutil.rmtree(work + f"{step}", ignore_errors=True)
        shutil.copytree(before, work + f"{step}")
        child = os.fork()
        if not child:
            work = work + f"{step}"
            dies_before(step)
            job()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            print(step)
            break
"""


@pytest.mark.parametrize("what", ["tidy", "compact"])
def test_killed_at_any_step_it_leaves_every_line_once(
    tmp_path: Path, what: str
) -> None:
    now = datetime(2026, 3, 8, 12, tzinfo=UTC)
    before = tmp_path / "before"
    log = log_days(before, days=2)
    (compact if what == "compact" else tidy)(before, "m", now=NOON)
    # One day in two forms, the other with a torn line.
    log.log_prediction("m", "1", {"late": 1}, 1, at=NOON - DAY)
    log.close()
    with (before / "m" / "predictions_20260305.jsonl").open("ab") as file:
        file.write(b'{"torn')
    wanted = rows(before)
    code = [sys.executable, "-c", textwrap.dedent(CRASHES), str(before)]
    work = tmp_path / "work"
    out = subprocess.run(
        [*code, str(work), what, "1", "200"], check=True, stdout=subprocess.PIPE
    ).stdout
    steps = int(out)
    assert steps > 15
    for step in range(1, steps + 1):
        folder = Path(f"{work}{step}")
        assert rows(folder) == wanted, step
        logged = read_predictions(folder, "m")
        assert (len(logged), logged.garbage.count) == (len(wanted), 1), step
        # Whoever goes on finishes it, and a writer is not kept out.
        with PredictionLogger(folder) as late:
            late.log_prediction("m", "1", {}, "late", at=NOON + timedelta(hours=1))
            assert late.lost == 0
        if what == "tidy":
            tidy(folder, "m", now=now, keep_days=30)
        else:
            compact(folder, "m", now=now)
        logged = read_predictions(folder, "m")
        assert (len(logged), logged.garbage.count) == (len(wanted) + 1, 1), step
        left = [name for name in names(folder) if name.startswith("predictions")]
        if what == "compact":
            assert {name.split(".", 1)[1] for name in left} - {"parquet"} <= {
                "0.jsonl.damaged",
                "1.jsonl.damaged",
            }
        else:
            assert all(name.endswith(".gz") for name in left), left
        shutil.rmtree(folder)


def test_while_others_write_and_read_nothing_is_lost_or_seen_twice(
    tmp_path: Path,
) -> None:
    code = """
        import sys
        from datetime import UTC, datetime
        from mlkit.prediction_log import PredictionLogger, appending
        # A day is put on the disk under the lock: however slow that is, none is lost.
        appending.PAUSES += (0.005,) * 12_000
        log = PredictionLogger(sys.argv[1])
        for number in range(4000):
            at = datetime(2026, 3, 4 + number % 2, 12, tzinfo=UTC)
            log.log_prediction("m", sys.argv[2], {"n": number}, number, at=at)
        assert log.lost == 0
        """
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(tmp_path), str(number)]
        )
        for number in range(2)
    ]
    seen = rounds = 0
    while any(writer.poll() is None for writer in writers):
        (compact if rounds % 3 == 2 else tidy)(tmp_path, "m", now=NOON + 3 * DAY)
        logged = read_predictions(tmp_path, "m")
        assert logged.frame["id"].is_unique
        assert len(logged) >= seen
        assert logged.garbage.count == 0
        seen, rounds = len(logged), rounds + 1
    assert [writer.returncode for writer in writers] == [0, 0]
    compact(tmp_path, "m", now=NOON + 3 * DAY)
    logged = read_predictions(tmp_path, "m")
    assert len(logged) == 8000
    assert logged.frame.groupby("version")["prediction"].nunique().to_list() == [
        4000,
        4000,
    ]
    assert [n for n in names(tmp_path) if not n.endswith(".parquet")] == []


def test_a_file_begun_while_a_day_is_compacted_is_left_to_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PredictionLogger(tmp_path)
    log.log_prediction("m", "1", {}, 1, id="early", at=NOON)
    seal = compacting._seal

    def and_one_more(folder: Path, day: date, kind: Kind) -> bool:
        found = seal(folder, day, kind)
        log.log_prediction("m", "1", {}, 2, id="late", at=NOON)
        return found

    monkeypatch.setattr(compacting, "_seal", and_one_more)
    compact(tmp_path, "m", now=NOON + DAY)
    assert list(read_predictions(tmp_path, "m").frame["id"]) == ["early", "late"]
    monkeypatch.undo()
    compact(tmp_path, "m", now=NOON + DAY)
    assert list(read_predictions(tmp_path, "m").frame["id"]) == ["early", "late"]
    assert names(tmp_path) == ["predictions_20260305.parquet"]


def test_large_days_become_columns_and_small_ones_are_compressed(
    tmp_path: Path,
) -> None:
    log = PredictionLogger(tmp_path)
    many = range(50)
    for day, count in ((NOON, 50), (NOON + DAY, 5), (NOON + 2 * DAY, 50)):
        ids = log.log_predictions(
            "m", "1", [{"n": n} for n in many[:count]], many[:count], at=day
        )
        for number, id in enumerate(ids):
            log.log_actual(id, number % 3, model_name="m", at=day + timedelta(hours=1))
    folder, now = tmp_path / "m", NOON + 2 * DAY
    size = sum(path.stat().st_size for path in folder.glob("*_20260305.jsonl"))
    before = read_predictions(tmp_path, "m")
    assert before.unknown_outcomes == 0
    asked: dict[str, Any] = {"now": now, "compress_days": 9}
    done = tidy(tmp_path, "m", **asked, compact_mb=size / 1e6)
    assert done.compacted == tidy(tmp_path, "m", **asked).compacted == ()
    done = tidy(tmp_path, "m", **asked, compact_mb=(size - 1) / 1e6)
    assert done.compacted == (date(2026, 3, 5),)
    assert json.loads(json.dumps(done.to_dict()))["compacted"] == ["2026-03-05"]
    assert names(tmp_path) == [
        "outcomes_20260305.parquet",
        "outcomes_20260306.jsonl",
        "outcomes_20260307.jsonl",
        "predictions_20260305.parquet",
        "predictions_20260306.jsonl",
        "predictions_20260307.jsonl",
    ]
    log.log_prediction("m", "1", {"n": 0}, 0, id="late", at=NOON)
    # So many bytes are in the lines of a day, and not in what they are compressed to.
    tidy(tmp_path, "m", now=now + 3 * DAY, compact_mb=(size - 1) / 1e6)
    assert names(tmp_path) == [
        "outcomes_20260305.parquet",
        "outcomes_20260306.jsonl.gz",
        "outcomes_20260307.parquet",
        "predictions_20260305.1.jsonl.gz",
        "predictions_20260305.parquet",
        "predictions_20260306.jsonl.gz",
        "predictions_20260307.parquet",
    ]
    after = read_predictions(tmp_path, "m")
    assert after.frame["id"][50] == "late"
    kept = after.frame["id"] != "late"
    pd.testing.assert_frame_equal(
        after.frame[kept].reset_index(drop=True), before.frame, check_dtype=False
    )
    assert after.frame["actual"].isna().sum() == 1
    assert after.unknown_outcomes == 0
    log.close()


def damage_middle(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(1, b"\x00\xff not a line\n")
    lines.insert(2, b'{"some": "other tool"}\n')
    path.write_bytes(b"".join(lines))


def test_garbage_survives_compaction_and_is_told(tmp_path: Path) -> None:
    log_days(tmp_path, days=1).close()
    path = tmp_path / "m" / "predictions_20260305.jsonl"
    damage_middle(path)
    content = path.read_bytes()
    before = read_predictions(tmp_path, "m")
    assert [(p.line, p.why) for p in before.garbage.places] == [
        (2, "not JSON"),
        (3, "not a record of this log"),
    ]
    done = compact(tmp_path, "m", now=NOON + DAY)
    assert done.garbage.count == 2
    kept = path.with_name("predictions_20260305.0.jsonl.damaged")
    assert kept.read_bytes() == content
    logged = read_predictions(tmp_path, "m")
    assert (len(logged), logged.garbage.count) == (4, 2)
    assert {place.file for place in logged.garbage.places} == {
        "predictions_20260305.0.jsonl"
    }
    # Added to, it still knows, and the file goes when its day does.
    with PredictionLogger(tmp_path) as log:
        log.log_prediction("m", "1", {}, 9, at=NOON)
    done = compact(tmp_path, "m", now=NOON + DAY)
    assert (done.rows, done.garbage.count) == (5, 2)
    assert kept.exists()
    assert len(read_predictions(tmp_path, "m")) == 5
    tidy(tmp_path, "m", now=NOON + 30 * DAY)
    assert names(tmp_path) == []


def test_a_truncated_gzip_is_read_up_to_there(tmp_path: Path) -> None:
    log_days(tmp_path, days=1, rows=2000).close()
    tidy(tmp_path, "m", now=NOON + 2 * DAY)
    path = tmp_path / "m" / "predictions_20260305.jsonl.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    logged = read_predictions(tmp_path, "m")
    assert 200 < len(logged) < 2000
    assert logged.garbage.count <= 2
    place = logged.garbage.places[-1]
    assert (place.file, place.line) == (path.name, None)
    assert place.why.startswith("damaged behind line")
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    path.write_bytes(damaged)
    assert read_predictions(tmp_path, "m").garbage.count >= 1
    path.write_bytes(b"")
    assert len(read_predictions(tmp_path, "m")) == 0
    path.write_bytes(b"no gzip at all")
    assert read_predictions(tmp_path, "m").garbage.count == 1
    # The reader of another tool reads what was made.
    path.write_bytes(whole)
    with gzip.open(path) as file:
        assert len(file.read().splitlines()) == 2000


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def of_another_tool(path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), path)


@pytest.mark.parametrize("harm", [truncate, of_another_tool])
def test_a_compacted_day_that_cannot_be_read_is_told_and_left_alone(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    log_days(tmp_path, days=1).close()
    compact(tmp_path, "m", now=NOON + DAY)
    path = tmp_path / "m" / "predictions_20260305.parquet"
    harm(path)
    content = path.read_bytes()
    with PredictionLogger(tmp_path) as log:
        log.log_prediction("m", "1", {}, "late", at=NOON)
    logged = read_predictions(tmp_path, "m")
    assert list(logged.frame["prediction"]) == ["late"]
    (place,) = logged.garbage.places
    assert (place.file, place.why) == (path.name, "not a compacted day of this log")
    done = compact(tmp_path, "m", now=NOON + DAY)
    assert (done.days, done.skipped) == ((), (path.name,))
    assert path.read_bytes() == content
    assert len(read_predictions(tmp_path, "m")) == 1


def test_files_of_others_are_neither_read_nor_removed(tmp_path: Path) -> None:
    log_days(tmp_path, days=1).close()
    folder = tmp_path / "m"
    others = ["predictions_20260305.csv", "predictions_20261399.jsonl", "notes.jsonl"]
    for name in [*others, "predictions_2026.jsonl"]:
        (folder / name).write_text("other\n")
    os.mkfifo(folder / "predictions_20260306.jsonl")
    (folder / "predictions_20260307.jsonl").mkdir()
    logged = read_predictions(tmp_path, "m")
    assert len(logged) == 4
    assert {(place.file, place.why) for place in logged.garbage.places} == {
        ("predictions_20260306.jsonl", "not a regular file"),
        ("predictions_20260307.jsonl", "not a regular file"),
    }
    tidy(tmp_path, "m", now=NOON + 3 * DAY)
    compact(tmp_path, "m", now=NOON + 30 * DAY)
    tidy(tmp_path, "m", now=NOON + 30 * DAY)
    assert all((folder / name).read_text() == "other\n" for name in others)
    assert (folder / "predictions_20260306.jsonl").exists()


def test_losses_are_kept_as_long_as_predictions(tmp_path: Path) -> None:
    log_days(tmp_path, days=1).close()
    path = tmp_path / "m" / "losses.jsonl"
    slots = [
        {"day": day, "lost": 2, "first": f"{day}T01:00:00+00:00"}
        | {"last": f"{day}T02:00:00+00:00", "why": "full"}
        for day in ("2026-03-01", "2026-03-05")
    ]
    path.write_bytes(b"".join(json.dumps(s).encode().ljust(511) + b"\n" for s in slots))
    assert [loss.day.day for loss in read_losses(tmp_path)] == [1, 5]
    assert read_predictions(tmp_path, "m").lost == 4
    assert read_predictions(tmp_path, "m", start=NOON - DAY).lost == 2
    tidy(tmp_path, "m", now=NOON + 4 * DAY)
    assert [loss.day.day for loss in read_losses(tmp_path)] == [5]
    path.write_bytes(b"garbage" * 200)
    assert read_losses(tmp_path) == ()


@pytest.mark.parametrize("call", [tidy, compact])
def test_bad_arguments_and_missing_folders(
    tmp_path: Path, call: Callable[..., Any]
) -> None:
    with pytest.raises(ValueError, match="with its zone"):
        call(tmp_path, "m", now=datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="a model's name"):
        call(tmp_path, "../m", now=NOON)
    with pytest.raises(ValueError, match="keep_days must be 0 or more, got -1"):
        tidy(tmp_path, "m", now=NOON, keep_days=-1)
    assert call(tmp_path / "none", "m", now=NOON).model == "m"
    assert not (tmp_path / "none").exists()
    assert list(read_batches(tmp_path / "none", "m")) == []
