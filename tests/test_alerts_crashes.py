"""The file of alerts outlives writers that are killed, disks that are full, and damage.

Many processes may check at once: a cause is raised by one of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlkit.alerts import AlertBook, Finding

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
PREPARE = """
import json, sys
from datetime import UTC, datetime, timedelta
from mlkit.alerts import AlertBook, Finding

nine = datetime(2026, 11, 20, 9, tzinfo=UTC)
book = AlertBook(sys.argv[1], "churn")
print("ready", flush=True)
asked = sys.stdin.readline()
"""
# All begin each round at the same moment.
RACE = """
import time
for number in range(20):
    while time.time() < float(asked) + number / 50:
        pass
    findings = [Finding(f"cause {number} {i}", "warning", "m") for i in range(4)]
    update = book.update(findings, now=nine + timedelta(minutes=number))
    print(json.dumps([alert.cause for alert in update.raised]), flush=True)
"""
FOREVER = """
import os
for number in range(10**6):
    finding = Finding(f"cause {os.getpid()} {number}", "warning", "long " * 200)
    update = book.update([finding], now=nine, causes_checked=())
    print(update.raised[0].id, flush=True)
"""
# A file may grow no further than this: what is written beyond is cut, then refused.
LIMITED = """
import os, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = os.stat(book.path).st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, size + 100))
try:
    book.update([Finding("errors", "critical", "m")], now=nine, causes_checked=())
except OSError as error:
    print(error)
print(os.stat(book.path).st_size - size, [alert.cause for alert in book.active()])
"""


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def found(cause: str = "drift") -> Finding:
    return Finding(cause, "warning", "off")


def start(script: str, folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", PREPARE + script, str(folder)]
    writer = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n"
    return writer


def go(writer: subprocess.Popen[str], asked: object = "go") -> None:
    assert writer.stdin is not None
    writer.stdin.write(f"{asked}\n")
    writer.stdin.flush()


@pytest.fixture
def written(tmp_path: Path) -> AlertBook:
    """Return a book with one alert that is over and one that is not."""
    book = AlertBook(tmp_path, "churn")
    book.update([found("drift"), found("latency")], now=at(0))
    book.update([found("latency")], now=at(1))
    return book


def causes(book: AlertBook) -> list[str]:
    return [alert.cause for alert in book.active()]


def test_of_two_processes_one_raises_a_cause(tmp_path: Path) -> None:
    writers = [start(RACE, tmp_path) for _ in range(2)]
    soon = time.time() + 0.1
    for writer in writers:
        go(writer, soon)
    raised: list[str] = []
    for writer in writers:
        out, err = writer.communicate(timeout=120)
        assert (writer.returncode, err) == (0, "")
        raised += [cause for line in out.splitlines() for cause in json.loads(line)]
    assert sorted(raised) == sorted(
        f"cause {n} {i}" for n in range(20) for i in range(4)
    )
    book = AlertBook(tmp_path, "churn")
    assert len(book.history()) == 80
    assert book.garbage == 0


def test_a_killed_writer_loses_nothing_that_it_told(tmp_path: Path) -> None:
    book = AlertBook(tmp_path, "churn")
    told: set[str] = set()
    for seconds in (0.02, 0.05):
        writer = start(FOREVER, tmp_path)
        go(writer)
        assert writer.stdout is not None
        told.add(writer.stdout.readline().strip())
        time.sleep(seconds)
        os.kill(writer.pid, signal.SIGKILL)
        out, _ = writer.communicate(timeout=120)
        told |= set(out.split())
        kept = {alert.id for alert in book.history() if "after" not in alert.cause}
        # At most what was under way when it was killed is there besides.
        assert told <= kept
        assert len(kept) <= len(told) + 2
        assert book.garbage == 0
        # The lock of the dead is free.
        book.update([found(f"after {seconds}")], now=at(0), causes_checked=())
        assert f"after {seconds}" in causes(book)


def test_a_file_cut_anywhere_is_read_up_to_its_last_whole_line(
    written: AlertBook,
) -> None:
    data = written.path.read_bytes()
    lines = data.splitlines(keepends=True)
    ends = [sum(map(len, lines[: n + 1])) for n in range(len(lines))]
    for cut in range(len(data)):
        written.path.write_bytes(data[:cut])
        # A line without its line break is whole, too.
        whole = sum(end - 1 <= cut for end in ends)
        expected = [[], ["drift"], ["drift", "latency"]][min(whole, 2)]
        if whole == len(lines):
            expected = ["latency"]
        assert causes(written) == expected, cut
        assert written.garbage == 0, cut


@pytest.mark.parametrize("gone", [1, 2, 30])
def test_the_next_writer_repairs_a_torn_end(written: AlertBook, gone: int) -> None:
    data = written.path.read_bytes()
    written.path.write_bytes(data[:-gone])
    written.update([found("errors")], now=at(2), causes_checked=())
    for line in written.path.read_bytes().splitlines():
        assert isinstance(json.loads(line), dict)
    assert "errors" in causes(written)
    assert ("drift" in causes(written)) == (gone > 1)
    assert written.garbage == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x00\x00\x00",
        b"\xff\xfe not text",
        b'{"event":"seen","at":"2026-11-',
        b"[1, 2]",
        b"null",
        b"{}",
        b'{"event":"exploded","at":"2026-11-20T09:00:00+00:00","id":"{id}"}',
        b'{"event":"resolved","at":"2026-11-20T09:00:00+00:00","id":"ffffffff"}',
        b'{"event":"resolved","at":"2026-11-20T09:00:00","id":"{id}","by":"x"}',
        b'{"event":"resolved","at":7,"id":"{id}","by":"x"}',
        b'{"event":"seen","at":"2026-11-20T09:00:00+00:00","id":"{id}"}',
        b'{"event":"seen","at":"2026-11-20T09:00:00+00:00","id":"{id}","told":true,'
        b'"severity":["x"]}',
        b'{"event":"seen","at":"2026-11-20T09:00:00+00:00","id":"{id}","told":true,'
        b'"message":5}',
        b'{"event":"alert","alert":{"id":"0a1b2c3d"}}',
        b'{"event":"alert","alert":7}',
        b'{"event":["alert"],"at":"2026-11-20T09:00:00+00:00","id":"{id}"}',
    ],
)  # fmt: skip
def test_garbage_in_the_middle_is_passed_over_and_counted(
    written: AlertBook, garbage: bytes
) -> None:
    expected = written.history()
    id = written.active()[0].id.encode()
    first, *rest = written.path.read_bytes().splitlines(keepends=True)
    line = garbage.replace(b"{id}", id) + b"\n"
    written.path.write_bytes(b"".join([first, rest[0], line, *rest[1:]]))
    assert written.history() == expected
    assert written.garbage == 1
    written.update([found("latency")], now=at(2), causes_checked=())
    assert causes(written) == ["latency"]
    assert written.garbage == 1


def test_an_alert_whose_first_line_is_damaged_is_raised_anew(
    written: AlertBook,
) -> None:
    drift, latency, *rest = written.path.read_bytes().splitlines(keepends=True)
    written.path.write_bytes(b"".join([drift, latency[:40] + b"\n", *rest]))
    assert causes(written) == []
    # The line itself, and one that tells of the alert that it had raised.
    assert written.garbage == 2
    assert len(written.update([found("latency")], now=at(2)).raised) == 1


def test_a_file_without_a_last_line_break_is_added_to(written: AlertBook) -> None:
    written.path.write_bytes(written.path.read_bytes().rstrip(b"\n") + b"\n\n \n")
    written.update([found("latency")], now=at(2))
    written.path.write_bytes(written.path.read_bytes().rstrip(b"\n"))
    written.update([found("latency")], now=at(3))
    assert written.active()[0].times_seen == 4
    assert written.garbage == 0


def test_a_full_disk_is_told_and_harms_nothing(written: AlertBook) -> None:
    expected = written.history()
    writer = start(LIMITED, written.path.parent)
    out, err = writer.communicate("go\n", timeout=120)
    assert err == ""
    said, after = out.splitlines()
    assert "an alert could not be written (File too large)" in said
    assert str(written.path) in said
    assert after == "0 ['latency']"
    assert written.history() == expected


def test_a_book_that_is_not_there_is_empty(tmp_path: Path) -> None:
    book = AlertBook(tmp_path / "a" / "b", "churn")
    assert (book.active(), book.history(), book.garbage) == ((), (), 0)
    assert book.update([], now=at(0)).to_dict()["raised"] == []
    assert book.prune(now=at(0), keep_days=1) == ()
    assert not book.path.exists()


def test_a_lock_that_is_kept_is_named(
    written: AlertBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    from filelock import FileLock

    from mlkit.alerts import journal

    monkeypatch.setattr(journal, "PATIENCE_SECONDS", 0.1)
    message: Any = r"alerts\.jsonl is kept locked by another process"
    with FileLock(written.path.with_suffix(".lock")):
        with pytest.raises(TimeoutError, match=message):
            written.update([found()], now=at(2))
        assert causes(written) == ["latency"]
