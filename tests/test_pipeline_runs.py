"""Run folders, locks and records that tell what truly happened."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlkit.pipeline import runs
from mlkit.pipeline.stopped import failure

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HOLD = """
    import sys, time
    from pathlib import Path
    from mlkit.pipeline import runs
    with runs.hold("toy", Path(sys.argv[1])):
        print("held", flush=True)
        time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that holds the case's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "held"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def write_record(folder: runs.RunFolder, status: str) -> None:
    folder.record.write_text(
        json.dumps(
            {"run": folder.run, "status": status, "started_at": "2026-03-04T12:00:00Z"}
        )
    )


def test_a_run_is_named_by_its_start_and_its_folder_is_new(tmp_path: Path) -> None:
    made = {runs.create_run("toy", tmp_path, at=AT).run for _ in range(50)}
    assert len(made) == 50
    assert all(runs.RUN_NAME.fullmatch(name) for name in made)
    assert all(name.startswith("20260304T050607Z-") for name in made)
    assert set(runs.names("toy", tmp_path)) == made


def test_a_run_that_is_not_there_names_the_newest_ones(tmp_path: Path) -> None:
    there = runs.create_run("toy", tmp_path, at=AT)
    with pytest.raises(FileNotFoundError, match=there.run):
        runs.open_run("toy", "20200101T000000Z-000000", tmp_path)


def test_a_second_run_ends_at_once_and_names_the_first(tmp_path, holder) -> None:
    first = runs.create_run("toy", tmp_path, at=AT)
    write_record(first, "running")
    with (
        pytest.raises(
            runs.BusyError, match=f"{first.run} is under way since 2026-03-04T12:00:00Z"
        ),
        runs.hold("toy", tmp_path),
    ):
        pytest.fail("two runs of one case at once")
    # It may be a check as well as a retrain that was asked for.
    with pytest.raises(runs.BusyError, match="a run of case 'toy' was asked for"):
        runs.hold("toy", tmp_path).__enter__()


def test_another_case_is_not_held_up(tmp_path, holder) -> None:
    with runs.hold("other", tmp_path):
        assert runs.is_locked("other", tmp_path)
    assert not runs.is_locked("other", tmp_path)


def test_wait_queues_behind_the_run_under_way(tmp_path, holder) -> None:
    # A hold that does not wait tries for one second before it gives up.
    events: list[str] = []

    def release() -> None:
        events.append("released")
        holder.kill()

    timer = threading.Timer(2, release)
    timer.start()
    with runs.hold("toy", tmp_path, wait=True):
        events.append("held")
    timer.join()
    assert events == ["released", "held"]


def test_a_killed_run_is_shown_as_interrupted(tmp_path, holder) -> None:
    folder = runs.create_run("toy", tmp_path, at=AT)
    write_record(folder, "running")
    assert runs.records("toy", tmp_path)[0]["status"] == "running"
    holder.kill()
    holder.wait()
    assert runs.records("toy", tmp_path)[0]["status"] == "interrupted"


def test_a_run_killed_before_its_record_is_shown_too(tmp_path: Path) -> None:
    folder = runs.create_run("toy", tmp_path, at=AT)
    (record,) = runs.records("toy", tmp_path)
    assert (record["run"], record["status"]) == (folder.run, "interrupted")


def test_finished_runs_keep_their_status_newest_first(tmp_path: Path) -> None:
    old = runs.create_run("toy", tmp_path, at=AT.replace(year=2025))
    new = runs.create_run("toy", tmp_path, at=AT)
    write_record(old, "failed")
    write_record(new, "ok")
    seen = [(r["run"], r["status"]) for r in runs.records("toy", tmp_path)]
    assert seen == [(new.run, "ok"), (old.run, "failed")]


def test_a_run_that_found_another_under_way_is_told_to_wait() -> None:
    said = failure(runs.BusyError("one run of a case goes at a time"))
    assert "--wait" in said["advice"]
    assert "fault of mlkit" not in said["advice"]
    assert said["exit_code"] == 4
