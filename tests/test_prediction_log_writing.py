"""Writers, many at once, killed, forked, on a full disk: nothing gets lost unsaid."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from mlkit.prediction_log import (
    PredictionLogger,
    appending,
    read_losses,
    read_predictions,
    writing,
)

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DAY = "predictions_20260305.jsonl"


def started(code: str, *arguments: object, **options: object) -> subprocess.Popen[str]:
    """Start a Python process with a script; the logger is imported in it."""
    head = (
        "import os, sys, time\nfrom datetime import UTC, datetime, timedelta\n"
        "from mlkit.prediction_log import PredictionLogger, appending\n"
        # A slow disk keeps nobody so long from the lock that a line is lost.
        "appending.PAUSES += (0.005,) * 12_000\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )


def finished(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


@pytest.mark.parametrize("sync", ["system", "group", "each"])
def test_a_killed_process_loses_nothing_that_was_acknowledged(
    tmp_path: Path, sync: str
) -> None:
    process = started(
        """
        log = PredictionLogger(sys.argv[1], sync=sys.argv[2])
        while True:
            print(log.log_prediction("m", "1", {"x": "y" * 300}, 1), flush=True)
        """,
        tmp_path,
        sync,
    )
    assert process.stdout is not None
    seen = [process.stdout.readline().strip() for _ in range(200)]
    process.kill()
    rest = process.stdout.read().split("\n")
    process.wait()
    process.stdout.close()
    acknowledged = set(seen) | set(rest[:-1])
    logged = read_predictions(tmp_path, "m")
    assert acknowledged <= set(logged.frame["id"])
    # The line at which the process was killed was written whole, in part or not at all.
    assert len(logged) + logged.garbage.count <= len(acknowledged) + 1
    *_, file = sorted((tmp_path / "m").glob("predictions_*.jsonl"))
    lines = file.read_bytes().count(b"\n")
    assert [place.line for place in logged.garbage.places] in ([], [lines + 1])
    with PredictionLogger(tmp_path) as log:
        last = log.log_prediction("m", "1", {"x": "after"}, 1)
    again = read_predictions(tmp_path, "m")
    assert {*acknowledged, last} <= set(again.frame["id"])
    assert again.garbage.count == logged.garbage.count


def test_processes_and_threads_never_mix_their_lines(tmp_path: Path) -> None:
    code = """
        import threading
        log = PredictionLogger(sys.argv[1])
        def write(thread):
            for i in range(150):
                # Far beyond what a pipe or a page takes at once, now and then.
                text = chr(97 + thread) * (200_000 if i % 50 == 0 else i)
                log.log_prediction("m", sys.argv[2], {"text": text}, [thread, i])
        threads = [threading.Thread(target=write, args=(n,)) for n in range(3)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        """
    processes = [started(code, tmp_path, number) for number in range(3)]
    for process in processes:
        finished(process)
    logged = read_predictions(tmp_path, "m")
    assert logged.garbage.count == 0
    got = sorted(
        (int(version), *answer)
        for version, answer in zip(
            logged.frame["version"], logged.frame["prediction"], strict=True
        )
    )
    assert got == [(p, t, i) for p in range(3) for t in range(3) for i in range(150)]
    for text, (thread, i) in zip(
        logged.features["text"], logged.frame["prediction"], strict=True
    ):
        assert text == chr(97 + thread) * (200_000 if i % 50 == 0 else i)


def test_a_lock_is_what_keeps_writers_apart(tmp_path: Path) -> None:
    # Who holds the lock stops the others: else a torn line could not be cut off.
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {}, 1)
        holder = started(
            """
            import fcntl
            file = open(sys.argv[1], "rb+")
            fcntl.flock(file, fcntl.LOCK_EX)
            print("held", flush=True)
            sys.stdin.readline()
            """,
            tmp_path / "m" / DAY,
            stdin=subprocess.PIPE,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        log.log_prediction("m", "1", {}, 2)
        assert log.lost == 1
        log.log_prediction("m", "1", {}, 3)
        assert log.lost == 2
        finished(holder) if holder.stdin is None else holder.communicate("\n")
        log.log_prediction("m", "1", {}, 4)
        assert log.lost == 2
    (loss,) = read_losses(tmp_path, "m")
    assert (loss.lost, loss.why) == (2, "another process keeps the lock of the file")
    assert list(read_predictions(tmp_path, "m").frame["prediction"]) == [1, 4]


def test_a_fork_may_go_on_with_an_open_logger(tmp_path: Path) -> None:
    out = finished(
        started(
            """
            import threading
            log = PredictionLogger(sys.argv[1], sync="group")
            stop = threading.Event()
            def write():
                while not stop.is_set():
                    log.log_prediction("m", "thread", {}, 0)
            thread = threading.Thread(target=write)
            thread.start()
            children = []
            for _ in range(20):
                child = os.fork()
                if not child:
                    # The lock of the other thread must not have been taken along.
                    for i in range(20): log.log_prediction("m", "child", {}, i)
                    log.flush()
                    os._exit(0)
                children.append(child)
            print([os.waitpid(child, 0)[1] for child in children])
            stop.set(); thread.join()
            """,
            tmp_path,
        )
    )
    assert out.strip() == str([0] * 20)
    logged = read_predictions(tmp_path, "m")
    assert logged.garbage.count == 0
    assert (logged.frame["version"] == "child").sum() == 400


def test_logging_imports_nothing_in_which_a_fork_could_hang(tmp_path: Path) -> None:
    # Files of days are there, whose names are then read.
    PredictionLogger(tmp_path).log_prediction("m", "1", {}, 1)
    out = finished(
        started(
            """
            log = PredictionLogger(sys.argv[1], sync="group")
            known = set(sys.modules)
            for _ in range(2):
                log.log_prediction("m", "1", {"x": 1.5, "y": None}, 1)
                log.log_actual("x", 1)
                log.flush()
            print(sorted(set(sys.modules) - known))
            """,
            tmp_path,
        )
    )
    assert out == "[]\n"


def test_a_torn_line_is_closed_by_the_next_writer_and_kept(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {"a": 1}, 1)
        path = tmp_path / "m" / DAY
        torn = path.read_bytes()[:-20]
        with path.open("ab") as file:
            file.write(torn)
        before = read_predictions(tmp_path, "m")
        assert (len(before), before.garbage.count) == (1, 1)
        log.log_prediction("m", "1", {"a": 2}, 2)
        assert log.repaired == 1
    other = PredictionLogger(tmp_path, clock=lambda: NOON)
    other.log_prediction("m", "1", {"a": 3}, 3)
    assert other.repaired == 0
    logged = read_predictions(tmp_path, "m")
    assert list(logged.frame["prediction"]) == [1, 2, 3]
    (place,) = logged.garbage.places
    assert (place.file, place.line, place.why) == (DAY, 2, "not JSON")
    assert torn + b"\n" in path.read_bytes()


def test_a_line_that_lacks_only_its_end_is_whole(tmp_path: Path) -> None:
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        log.log_prediction("m", "1", {}, 1)
        path = tmp_path / "m" / DAY
        path.write_bytes(path.read_bytes()[:-1])
        assert len(read_predictions(tmp_path, "m")) == 1
        log.log_prediction("m", "1", {}, 2)
    logged = read_predictions(tmp_path, "m")
    assert list(logged.frame["prediction"]) == [1, 2]
    assert logged.garbage.count == 0


def test_a_part_of_a_line_that_could_not_be_written_is_cut_off(tmp_path: Path) -> None:
    # The limit of a file's size lets a part of a line through, as a full disk does.
    finished(
        started(
            """
            import resource
            now = datetime(2026, 3, 5, tzinfo=UTC)
            log = PredictionLogger(sys.argv[1], clock=lambda: now)
            log.log_prediction("m", "1", {}, 0)
            size = os.path.getsize(sys.argv[1] + "/m/predictions_20260305.jsonl")
            resource.setrlimit(resource.RLIMIT_FSIZE, (size * 4 + 40, -1))
            for i in range(1, 10): log.log_prediction("m", "1", {}, i)
            assert log.lost == 6, log.lost
            # A batch is written whole or not at all.
            resource.setrlimit(resource.RLIMIT_FSIZE, (size * 6 + 40, -1))
            assert len(log.log_predictions("m", "1", [{}] * 3, [0] * 3)) == 3
            assert log.lost == 9, log.lost
            log.log_prediction("m", "1", {}, 10)
            assert log.lost == 9, log.lost
            """,
            tmp_path,
        )
    )
    logged = read_predictions(tmp_path, "m")
    assert list(logged.frame["prediction"]) == [0, 1, 2, 3, 10]
    assert logged.garbage.count == 0
    assert logged.lost == 9


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of 64 KB of its own."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system (tmpfs)")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_stops_nobody_and_what_is_lost_is_told(small_disk: Path) -> None:
    now = [NOON]
    log = PredictionLogger(small_disk, clock=lambda: now[0])
    for i in range(900):
        log.log_prediction("m", "1", {"x": "y" * 100}, i)
    lost = log.lost
    assert 0 < lost < 900
    # Another process sees it while the disk is still full.
    (loss,) = read_losses(small_disk, "m")
    assert (loss.model, loss.day, loss.lost) == ("m", date(2026, 3, 5), lost)
    assert loss.why == "No space left on device"
    assert loss.first == loss.last == NOON
    logged = read_predictions(small_disk, "m")
    assert (len(logged), logged.lost, logged.garbage.count) == (900 - lost, lost, 0)
    # So it is after midnight, when nothing of that day's file can be written.
    now[0] += timedelta(days=1)
    for i in range(200):
        log.log_prediction("m", "1", {"x": "y" * 100}, i)
    assert [x.day.day for x in read_losses(small_disk)] == [5, 6]
    assert sum(x.lost for x in read_losses(small_disk)) == log.lost
    # And when there is room again, it goes on.
    (small_disk / "m" / DAY).unlink()
    before = log.lost
    log.log_prediction("m", "1", {"x": 1}, "again")
    assert log.lost == before
    assert log.get_recent_predictions(1)[0]["prediction"] == "again"
    log.close()


def test_a_read_only_folder_stops_nobody(small_disk: Path) -> None:
    remount = ["mount", "-o", "remount,{}", str(small_disk)]
    subprocess.run([part.format("ro") for part in remount], check=True)
    log = PredictionLogger(small_disk, clock=lambda: NOON)
    log.log_prediction("m", "1", {}, 1)
    log.log_actual("x", 1, model_name="m")
    assert log.lost == 2
    assert read_losses(small_disk) == ()
    log.flush()
    subprocess.run([part.format("rw") for part in remount], check=True)
    # What was lost is written down as soon as that is possible.
    log.log_prediction("m", "1", {}, 2)
    (loss,) = read_losses(small_disk)
    assert (loss.lost, loss.why) == (2, "Read-only file system")
    log.close()


def test_a_folder_that_is_removed_is_made_again(tmp_path: Path) -> None:
    import shutil

    log = PredictionLogger(tmp_path / "log", clock=lambda: NOON)
    log.log_prediction("m", "1", {}, 1)
    shutil.rmtree(tmp_path / "log")
    log.log_prediction("m", "1", {}, 2)
    assert log.lost == 0
    assert list(read_predictions(tmp_path / "log", "m").frame["prediction"]) == [2]
    shutil.rmtree(tmp_path / "log")
    (tmp_path / "log").write_text("in the way")
    log.log_prediction("m", "1", {}, 3)
    assert log.lost == 1
    with pytest.raises(NotADirectoryError, match="is a file"):
        PredictionLogger(tmp_path / "log")
    (tmp_path / "log").unlink()
    log.flush()
    log.log_prediction("m", "1", {}, 4)
    assert sum(loss.lost for loss in read_losses(tmp_path / "log")) == 1
    log.close()


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the files that were put on the disk, as that happens."""
    sizes: list[int] = []
    real = appending.sync

    def sync(descriptor: int) -> None:
        real(descriptor)
        sizes.append(os.fstat(descriptor).st_size)

    for module in (appending, writing):
        monkeypatch.setattr(module, "sync", sync)
    return sizes


def test_each_line_is_on_the_disk_when_it_is_acknowledged(
    tmp_path: Path, synced: list[int]
) -> None:
    log = PredictionLogger(tmp_path, sync="each", clock=lambda: NOON)
    for number in range(3):
        log.log_prediction("m", "1", {}, number)
        assert len(synced) == number + 1
        assert synced[-1] == (tmp_path / "m" / DAY).stat().st_size
    log.close()


def test_a_group_of_lines_is_put_on_the_disk_together(
    tmp_path: Path, synced: list[int]
) -> None:
    before = set(threading.enumerate())
    log = PredictionLogger(tmp_path, sync="group", clock=lambda: NOON)
    begun = time.monotonic()
    for number in range(500):
        log.log_prediction("m", "1", {}, number)
    (flusher,) = set(threading.enumerate()) - before
    size = (tmp_path / "m" / DAY).stat().st_size
    deadline = time.monotonic() + 30
    while size not in synced and time.monotonic() < deadline:
        time.sleep(0.05)
    assert synced[-1] == size
    # Once a second at most, however slow the machine.
    assert len(synced) <= 1 + (time.monotonic() - begun) / writing.GROUP_SECONDS
    log.log_prediction("m", "1", {}, 500)
    log.flush()
    assert synced[-1] == (tmp_path / "m" / DAY).stat().st_size
    log.close()
    del log
    flusher.join(30)
    assert not flusher.is_alive()


def test_by_default_nothing_waits_for_the_disk(
    tmp_path: Path, synced: list[int]
) -> None:
    log = PredictionLogger(tmp_path, clock=lambda: NOON)
    log.log_prediction("m", "1", {}, 1)
    assert synced == []
    log.flush()
    assert synced == [(tmp_path / "m" / DAY).stat().st_size]
    log.close()


def test_days_are_those_of_the_prediction_in_utc(tmp_path: Path) -> None:
    log = PredictionLogger(tmp_path)
    for hours in range(-30, 30, 3):
        log.log_prediction("m", "1", {}, hours, at=NOON + timedelta(hours=hours))
    names = sorted(path.name for path in (tmp_path / "m").glob("predictions*"))
    assert names == [f"predictions_2026030{day}.jsonl" for day in (4, 5, 6)]
    for day in (4, 5, 6):
        start = datetime(2026, 3, day, tzinfo=UTC)
        found = read_predictions(
            tmp_path, "m", start=start, end=start + timedelta(days=1)
        )
        assert found.files == (f"predictions_2026030{day}.jsonl",)
        assert set(found.frame["at"].dt.day) == {day}
    log.close()


def test_many_days_and_models_do_not_use_up_the_descriptors(tmp_path: Path) -> None:
    log = PredictionLogger(tmp_path)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc") else 0
    for number in range(90):
        log.log_prediction(f"m{number}", "1", {}, 1, at=NOON)
    for number in range(20):
        log.log_prediction("m", "1", {}, 1, at=NOON + timedelta(days=number))
    if before:
        assert len(os.listdir("/proc/self/fd")) - before <= writing.MOST_OPEN
    assert log.lost == 0
    log.close()


def test_a_clock_that_jumps_back_is_counted_and_nothing_gets_out_of_sight(
    tmp_path: Path,
) -> None:
    late = datetime(2026, 3, 6, 0, 10, tzinfo=UTC)
    moments = [late, late + timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)]
    ticks = iter([*moments, NOON + timedelta(seconds=0.5)])
    log = PredictionLogger(tmp_path, clock=lambda: next(ticks))
    for number in range(5):
        log.log_prediction("m", "1", {}, number)
    assert log.clock_jumps == 1
    logged = read_predictions(tmp_path, "m")
    assert logged.clock_jumps == 1
    assert list(logged.frame["prediction"]) == [2, 4, 3, 0, 1]
    assert logged.frame["at"].is_monotonic_increasing
    found = read_predictions(tmp_path, "m", start=NOON, end=NOON + timedelta(hours=1))
    assert list(found.frame["prediction"]) == [2, 4, 3]
    # A process that starts after the jump notices it, too; lines of old are no jump.
    other = PredictionLogger(tmp_path, clock=lambda: NOON)
    other.log_prediction("m", "1", {}, 5, at=NOON - timedelta(days=1))
    assert other.clock_jumps == 0
    other.log_prediction("m", "1", {}, 6)
    other.log_prediction("m", "1", {}, 7)
    assert other.clock_jumps == 1
    assert read_predictions(tmp_path, "m").clock_jumps == 2
    log.close()


def test_a_batch_is_as_good_as_one_by_one(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame({"a": range(2500), "b": [f"t{i}" for i in range(2500)]})
    with PredictionLogger(tmp_path, clock=lambda: NOON) as log:
        ids = log.log_predictions(
            "m", "1", frame, frame["a"].to_numpy(), [0.5] * 2500, latency_ms=2
        )
        logged = read_predictions(tmp_path, "m")
        assert list(logged.frame["id"]) == ids
        pd.testing.assert_frame_equal(logged.features, frame)
        assert list(logged.frame["prediction"]) == list(range(2500))
        assert set(logged.frame["latency_ms"]) == {2}
        with pytest.raises(ValueError, match=r"\[2, 1, 2, 2\]"):
            log.log_predictions("m", "1", [{}, {}], [1])
        with pytest.raises(TypeError):
            log.log_predictions("m", "1", [{}, {"x": b""}], [1, 2])
        assert log.log_predictions("m", "1", [], []) == []
        assert len(read_predictions(tmp_path, "m")) == 2500


def test_a_handler_of_a_signal_may_log(tmp_path: Path) -> None:
    out = finished(
        started(
            """
            import signal
            log = PredictionLogger(sys.argv[1])
            handle = lambda *_: log.log_prediction("m", "handler", {}, 0)
            signal.signal(signal.SIGALRM, handle)
            signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
            for i in range(5000): log.log_prediction("m", "1", {}, i)
            signal.setitimer(signal.ITIMER_REAL, 0)
            print(log.lost)
            """,
            tmp_path,
        )
    )
    assert out == "0\n"
    logged = read_predictions(tmp_path, "m")
    assert logged.garbage.count == 0
    assert (logged.frame["version"] == "1").sum() == 5000
