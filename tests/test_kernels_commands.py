"""Commands that a parent forks: to be told from ordinary ones by their speed alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlkit import kernels
from mlkit.pipeline import runs
from tests.workspace import CTRL_C, make_workspace

MLKIT = str(Path(sys.executable).with_name("mlkit"))
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="processes are forked on Linux only"
)
# A metric of the workspace's own, which `check` imports: it tells where it is.
TELLING = """\
import json, os, random, sys, threading
import numpy as np


def seen(y_true, y_pred):
    return 0.5


facts = {
    "argv": sys.argv[1:], "pid": os.getpid(), "modules": len(sys.modules),
    "cwd": os.getcwd(), "umask": os.umask(0o022),
    "main": sys.modules["__main__"].__file__,
    "variable": os.environ.get("TOLD"), "threads": os.environ.get("OMP_NUM_THREADS"),
    "streams": [os.fstat(n).st_ino for n in (0, 1, 2)],
    "draw": random.random() + np.random.random(),
    "matplotlib": "matplotlib" in sys.modules,
}
print("SEEN " + json.dumps(facts))
"""


# Another one: it says that it is there, and waits until it may go on.
WAITING = """\
import os, time
from pathlib import Path


def seen(y_true, y_pred):
    return 0.5


there = Path(os.environ["MLKIT_ROOT"], "there")
there.write_text(str(os.getpid()))
while there.exists():
    time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_workspace(tmp_path_factory.mktemp("commands"))
    (root / "telling.py").write_text(TELLING)
    (root / "waiting.py").write_text(WAITING)
    return root


@pytest.fixture
def parent() -> Iterator[None]:
    """Have a parent that fits running, as after the first notebook."""
    assert kernels.begin()
    yield
    assert kernels.status()


def start(root: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [MLKIT, *arguments],
        cwd=root,
        env={**os.environ, "MLKIT_ROOT": str(root), **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    process = start(root, *arguments, **env)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


def check_with(module: str) -> tuple[str, ...]:
    """Return a command that imports a module of the workspace."""
    metric = f"name: seen, path: '{module}:seen', needs: label, greater_is_better: true"
    return "check", "toy", "--set", f"evaluate.metrics=[{{{metric}}}]"


def tell(root: Path, **env: str) -> dict[str, object]:
    """Return what a command sees of the process that it is in."""
    done = run(root, *check_with("telling"), TOLD="by the shell", **env)
    lines = [line for line in done.stdout.splitlines() if line.startswith("SEEN ")]
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(lines[0].removeprefix("SEEN "))
    return found


@pytest.mark.usefixtures("parent")
def test_a_forked_command_sees_what_an_ordinary_one_sees(root: Path) -> None:
    before = os.umask(0o027)
    try:
        warm, again, cold = tell(root), tell(root), tell(root, MLKIT_COLD="1")
    finally:
        os.umask(before)
    # What a parent has imported tells them apart, and nothing else.
    assert warm.pop("matplotlib")
    assert not cold.pop("matplotlib")
    assert warm["draw"] != again["draw"]
    for name in ("pid", "draw", "modules", "streams"):
        warm.pop(name), cold.pop(name)
    assert warm == cold
    assert warm["umask"] == 0o027


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("check", "toy"), 0, "is good"),
        (("check", "nowhere"), 2, "there is no params/nowhere.yaml"),
        (("retrain", "--jobs", "0"), 2, "Usage: mlkit retrain"),
        (("run", "no_such", "toy"), 2, "the notebook 'no_such' was asked for"),
    ],
)
def test_output_and_exit_code_are_those_of_an_ordinary_command(
    root: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    warm = run(root, *arguments)
    cold = run(root, *arguments, MLKIT_COLD="1")
    assert warm.returncode == code
    assert said in warm.stdout + warm.stderr
    assert (warm.returncode, warm.stdout, warm.stderr) == (
        cold.returncode,
        cold.stdout,
        cold.stderr,
    )


def under_way(root: Path, process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return the record of the run that a process has started."""
    for _ in range(1200):
        found = [r for r in runs.records("toy", root) if r["status"] == "running"]
        # One that was killed says so, too, until the next has looked after it.
        if found and Path(f"/proc/{found[0].get('pid')}").exists():
            return found[0]
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("no run has started")


def status_of(root: Path, name: str) -> str:
    return str(next(r for r in runs.records("toy", root) if r["run"] == name)["status"])


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_command_without_a_stream_does_its_work_itself(
    root: Path, closed: int
) -> None:
    shell = f"exec {MLKIT} check nowhere {closed}>&-"
    done = subprocess.run(
        ["sh", "-c", shell],
        env={**os.environ, "MLKIT_ROOT": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert ("there is no params/nowhere.yaml" in done.stderr) is (closed != 2)


@pytest.mark.usefixtures("parent")
@pytest.mark.parametrize("sent", [CTRL_C, signal.SIGTERM])
def test_a_signal_reaches_the_command_which_ends_in_order(
    root: Path, sent: signal.Signals
) -> None:
    process = start(root, "retrain", "toy", "--force")
    record = under_way(root, process)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert "interrupted" in err
    assert status_of(root, record["run"]) == "interrupted"


@pytest.mark.usefixtures("parent")
def test_a_command_dies_with_the_process_that_asked_for_it(root: Path) -> None:
    process = start(root, "retrain", "toy", "--force")
    record = under_way(root, process)
    forked = [each for parent in kernels.status() for each in parent.kernels]
    (command,) = [each for each in forked if each["pid"] == record["pid"]]
    assert (command["what"], command["client"]) == ("command", process.pid)
    assert record["pid"] != process.pid
    process.kill()
    process.communicate(timeout=60)
    for _ in range(1200):
        if not Path(f"/proc/{record['pid']}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{record['pid']}").exists()
    assert status_of(root, record["run"]) == "interrupted"


@pytest.mark.usefixtures("parent")
def test_a_command_that_is_killed_ends_the_one_that_asked_for_it(root: Path) -> None:
    process = start(root, "retrain", "toy", "--force")
    record = under_way(root, process)
    os.kill(record["pid"], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_without_a_parent_a_command_does_its_work_itself(
    root: Path, short_folder: Path
) -> None:
    folder = {"MLKIT_KERNEL_FOLDER": str(short_folder)}
    assert "matplotlib" in tell(root, **folder)
    assert not tell(root, **folder)["matplotlib"]
    assert kernels.status(folder) == []


@pytest.mark.parametrize(
    ("end", "kill", "code"),
    [("stop", False, 0), ("SIGKILL", False, 0), ("SIGKILL", True, 3)],
)
def test_the_end_of_its_parent_does_not_change_how_a_command_ends(
    root: Path, short_folder: Path, end: str, kill: bool, code: int
) -> None:
    folder = {"MLKIT_KERNEL_FOLDER": str(short_folder)}
    assert kernels.begin({**os.environ, **folder})
    process = start(root, *check_with("waiting"), **folder)
    there = root / "there"
    for _ in range(1200):
        if there.exists() and there.read_text():
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    (parent,) = kernels.status(folder)
    (command,) = parent.kernels
    assert command["pid"] == int(there.read_text())
    if end == "stop":
        assert kernels.stop(folder) == [parent.pid]
    else:
        os.kill(parent.pid, signal.SIGKILL)
    assert process.poll() is None
    if kill:
        # Nobody is left who could tell.
        os.kill(command["pid"], signal.SIGKILL)
    there.unlink()
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, out + err
    assert ("is good" in out) is not kill
