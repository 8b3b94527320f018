"""A disk that fails or a process that dies at any moment of a write breaks nothing."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlkit.registry import Candidate, ModelRegistry, Note, open_registry

NOTE = Note("ada", datetime(2026, 11, 20, tzinfo=UTC), run="r")
CALLS = ("open", "write", "fsync", "link", "replace", "mkdir", "unlink")
Acknowledge = Callable[[str, str], None]


def make(number: int) -> Candidate:
    return Candidate(
        digest=f"{number:064x}",
        schema={},
        params={"number": number},
        fingerprint="f",
        estimator="e",
        family="f",
        who="ada",
        created_at=NOTE.at,
        run="r",
    )


def work(demo: ModelRegistry, made: Candidate, acknowledge: Acknowledge) -> None:
    """Register a version, promote it, roll back what can be; tell each success."""
    champion = demo.state().production
    version = demo.register(made, {"model.skops": b"new" * 50}).version
    acknowledge(version, "development")
    demo.move(version, "staging", note=NOTE)
    acknowledge(version, "staging")
    expected = champion.digest if champion else None
    demo.promote(version, note=NOTE, expected_champion=expected)
    acknowledge(version, "production")
    if champion:
        demo.rollback(note=NOTE)
        acknowledge(version, "archived")


class Faults:
    """Counts calls that change the disk and makes the k-th fail."""

    def __init__(self, at: int, fail: Callable[[], None], *, late: bool) -> None:
        self.count, self.at, self.fail, self.late = 0, at, fail, late

    def wrap(self, name: str) -> Callable[..., Any]:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return real(*args, **kwargs)
            self.count += 1
            if self.count == self.at and not self.late:
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                self.fail()
            due = self.count == self.at
            try:
                return real(*args, **kwargs)
            finally:
                if due:
                    self.fail()

        return call


def disk_error(code: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


def at_stage(stage: str) -> list[str]:
    """Return the stages in which a version may be found once it was seen in one."""
    order = ["development", "staging", "production", "archived"]
    return order[order.index(stage) :]


def check_survival(root: Path, told: list[list[str]], made: Candidate) -> None:
    demo = open_registry("demo", root)
    if demo.folder.exists():
        report = demo.verify()
        assert report.ok, report.damages
        assert not any("could not" in note for note in report.notes)
    for version, stage in told:
        assert demo.show(version).stage in at_stage(stage)
        assert demo.artifact(version, "model.skops") == b"new" * 50
    before = len(demo.versions())
    version = demo.register(made, {"model.skops": b"later"})
    assert len(demo.versions()) == before + 1
    assert demo.artifact(version.version, "model.skops") == b"later"
    assert demo.verify().ok


@pytest.fixture
def top() -> Iterator[Path]:
    """Return a folder, in memory where there is one: flushing a disk takes long."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture
def warm(top: Path) -> Path:
    """Return a workspace with one version in production."""
    demo = open_registry("demo", top / "warm")
    work(demo, make(0), lambda version, stage: None)
    return top / "warm"


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("start", ["cold", "warm"])
def test_a_disk_error_at_any_call_breaks_nothing(
    top: Path, warm: Path, start: str, late: bool
) -> None:
    at, reached = 0, True
    while reached:
        at += 1
        root = top / f"{at}"
        if start == "warm":
            shutil.copytree(warm, root)
        else:
            root.mkdir()
        code = errno.ENOSPC if at % 2 else errno.EIO
        faults = Faults(at, disk_error(code), late=late)
        told: list[list[str]] = []
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
            # A cache that cannot be written is told as a warning.
            warnings.simplefilter("ignore", RuntimeWarning)
            for name in CALLS:
                patch.setattr(os, name, faults.wrap(name))
            try:
                work(
                    open_registry("demo", root),
                    make(1),
                    lambda version, stage, told=told: told.append([version, stage]),
                )
            except OSError as error:
                failed = error
            else:
                failed = None
        assert failed is None or failed.errno == code
        reached = faults.count >= at
        check_survival(root, told, make(2))
        shutil.rmtree(root)
    assert at > 40


KILLED = """
import importlib.util, itertools, json, os, shutil, sys
from pathlib import Path

spec = importlib.util.spec_from_file_location("faults", sys.argv[1])
faults = importlib.util.module_from_spec(spec)
spec.loader.exec_module(faults)
top, late = Path(sys.argv[2]), sys.argv[3] == "after"
tell = os.write
for at in itertools.count(1):
    root = top / str(at)
    shutil.copytree(sys.argv[4], root) if sys.argv[4] else root.mkdir()
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        wrapped = faults.Faults(at, lambda: os._exit(77), late=late)
        for name in faults.CALLS:
            setattr(os, name, wrapped.wrap(name))
        faults.work(
            faults.open_registry("demo", root),
            faults.make(1),
            lambda *told: tell(writable, (json.dumps(told) + chr(10)).encode()),
        )
        os._exit(0)
    os.close(writable)
    with open(readable) as lines:
        told = [json.loads(line) for line in lines]
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 77), code
    faults.check_survival(root, told, faults.make(2))
    shutil.rmtree(root)
    if code == 0:
        break
print(at)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("late", ["before", "after"])
@pytest.mark.parametrize("start", ["cold", "warm"])
def test_a_process_killed_at_any_call_breaks_nothing(
    top: Path, warm: Path, start: str, late: str
) -> None:
    place = warm if start == "warm" else ""
    command = [sys.executable, "-c", KILLED, __file__, top, late, place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert int(done.stdout) > 40
