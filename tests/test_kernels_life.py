"""Kernels come and go as ordinary ones do, and so does what they are forked from."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlkit import kernels
from mlkit.kernels import control, likeness
from tests.live_kernels import alive, kernel

SCRIPTS = Path(control.SCRIPT).parent


def until(true: Callable[[], object], seconds: float = 30) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def light(
    tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Return an environment whose parents import ipykernel only: quick to start."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in likeness.SCRIPTS:
        shutil.copy(SCRIPTS / name, scripts)
    preload = scripts / "preload.py"
    text = preload.read_text()
    start = text.index("NOTEBOOKS = (")
    end = text.index(")\n", start) + 2
    preload.write_text(text[:start] + "NOTEBOOKS = ()\n" + text[end:])
    monkeypatch.setattr(control, "SCRIPT", scripts / "parent.py")
    yield {**os.environ, "MLKIT_KERNEL_FOLDER": str(short_folder)}
    kernels.stop({"MLKIT_KERNEL_FOLDER": str(short_folder)})


def parent_of(env: dict[str, str]) -> kernels.Parent:
    (only,) = kernels.status(env)
    return only


def test_a_kernel_is_forked_from_a_parent_that_goes_on(light: dict[str, str]) -> None:
    assert kernels.status(light) == []
    with kernel(env=light) as first, kernel(env=light) as second:
        assert first.warm
        assert second.warm
        parent = parent_of(light)
        pids = {entry["pid"] for entry in parent.kernels}
        assert pids == {first.process.pid, second.process.pid}
        assert first.run("1 + 1") == "2"
        os.kill(first.process.pid, signal.SIGKILL)
        until(lambda: first.process.poll() is not None)
        assert second.run("2 + 2") == "4"
    with kernel(env=light) as third:
        assert third.warm
        assert parent_of(light).pid == parent.pid
    until(lambda: parent_of(light).kernels == [])


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", -15),
        ("import ctypes; ctypes.string_at(0)", -11),
        ("exit()", 0),
    ],
)
def test_a_kernel_ends_with_the_code_of_an_ordinary_one(
    light: dict[str, str], code: str, expected: int
) -> None:
    for env in (light, {**light, "MLKIT_COLD": "1"}):
        with kernel(env=env, stderr=subprocess.DEVNULL) as started:
            assert started.warm is (env is light)
            started.client.execute(code)
            process = started.process
            until(lambda process=process: process.poll() is not None)
            assert process.poll() == expected
            assert started.manager.is_alive() is False


def test_interrupt_restart_and_shutdown_are_those_of_any_kernel(
    light: dict[str, str], tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    with kernel(env=light) as started:
        asked = started.client.execute(
            "import pathlib, time; kept = 1\n"
            f"pathlib.Path({str(begun)!r}).touch(); time.sleep(600)",
            stop_on_error=False,
        )
        until(begun.exists)
        started.manager.interrupt_kernel()
        reply = started.client._recv_reply(asked, timeout=30)
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert started.run("kept") == "1"
        first = started.process
        started.manager.restart_kernel()
        started.client.wait_for_ready(timeout=60)
        assert started.warm
        assert first.poll() == 0
        assert started.run("'kept' in globals()") == "False"
        last = started.process
        started.manager.shutdown_kernel()
        assert last.poll() == 0
        assert not alive(last.pid)
        assert not Path(started.manager.ip).parent.exists()


def test_what_a_kernel_left_open_is_written_at_its_end(
    light: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out.txt"
    with kernel(env=light) as started:
        started.run(
            "import atexit\n"
            f"file = open({str(out)!r}, 'w'); file.write('kept ')\n"
            f"atexit.register(lambda: file.write('to the end'))"
        )
        started.manager.shutdown_kernel()
    assert out.read_text() == "kept to the end"


def test_kernels_outlive_their_parent(light: dict[str, str]) -> None:
    with kernel(env=light) as started:
        parent = parent_of(light).pid
        os.kill(parent, signal.SIGKILL)
        until(lambda: not alive(parent))
        time.sleep(1.5)
        assert started.run("3 + 3") == "6"
        assert started.manager.is_alive()
        with kernel(env=light) as other:
            assert other.warm
            assert parent_of(light).pid != parent
        process = started.process
        started.client.execute("exit()")
        until(lambda: process.poll() is not None)
        assert process.poll() == 0
        assert started.manager.is_alive() is False


CLIENT = """
import sys, time
from pathlib import Path
from mlkit.kernels import control
from tests.live_kernels import kernel
control.SCRIPT = Path(sys.argv[1])
with kernel() as started:
    print(started.warm, started.process.pid, started.manager.ip, flush=True)
    time.sleep(600)
"""


def test_a_kernel_ends_with_its_client(light: dict[str, str]) -> None:
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, str(control.SCRIPT)],
        env=light,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert client.stdout is not None
    with client, contextlib.ExitStack() as stack:
        stack.callback(client.kill)
        warm, pid, ip = client.stdout.readline().split()
        assert warm == "True"
        assert Path(ip).parent.is_dir()
        client.kill()
        until(lambda: not alive(int(pid)))
        until(lambda: not Path(ip).parent.exists())
    kernels.stop(light)


def test_one_parent_comes_up_for_many_clients(light: dict[str, str]) -> None:
    code = textwrap.dedent("""
        import sys; from mlkit.kernels import control; from pathlib import Path
        control.SCRIPT = Path(sys.argv[1])
        wire = control.connect(__import__("os").environ); print(wire.pid)
    """)
    clients = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", code, str(control.SCRIPT)],
            env=light,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    pids = {client.communicate(timeout=60)[0].strip() for client in clients}
    assert pids == {str(parent_of(light).pid)}


def test_a_changed_environment_replaces_the_parent(
    light: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    monkeypatch.setattr(likeness.site, "getsitepackages", lambda: [str(packages)])
    with kernel(env=light) as before:
        old = parent_of(light).pid
        (packages / "new-1.0.dist-info").mkdir()
        with kernel(env=light) as after:
            assert after.warm
            new = parent_of(light)
            assert new.pid != old
            # The one before leaves with its last kernel.
            assert alive(old)
            assert before.run("1") == "1"
    until(lambda: not alive(old))


def test_a_parent_leaves_when_it_is_idle(light: dict[str, str]) -> None:
    env = {**light, "MLKIT_KERNEL_IDLE": "2"}
    with kernel(env=env) as started:
        parent = parent_of(env).pid
        time.sleep(3)
        assert started.warm
        assert alive(parent)
    until(lambda: not alive(parent))
    assert kernels.status(env) == []


def test_a_parent_whose_socket_was_taken_away_leaves(
    light: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = control.SCRIPT.read_text().replace("LOOK = 60.0", "LOOK = 0.1")
    control.SCRIPT.write_text(text)
    assert kernels.begin(light)
    parent = parent_of(light).pid
    for socket in Path(light["MLKIT_KERNEL_FOLDER"]).glob("*.sock"):
        socket.unlink()
    until(lambda: not alive(parent))
    with kernel(env=light) as started:
        assert started.warm


def test_no_port_is_opened_and_only_the_user_may_connect(
    light: dict[str, str],
) -> None:
    with kernel(env=light) as started:
        folder = Path(light["MLKIT_KERNEL_FOLDER"])
        assert folder.stat().st_mode & 0o777 == 0o700
        (socket,) = folder.glob("*.sock")
        assert socket.stat().st_mode & 0o777 == 0o600
        assert Path(started.manager.ip).parent.stat().st_mode & 0o777 == 0o700
        for pid in (started.process.pid, parent_of(light).pid):
            assert inet_sockets(pid) == []
        # What a process that it forks prints arrives all the same.
        assert "from below" in started.run(
            "import multiprocessing\n"
            "child = multiprocessing.get_context('fork').Process(\n"
            "    target=print, args=('from below',), kwargs={'flush': True})\n"
            "child.start(); child.join()"
        )
    with kernel(env={**light, "MLKIT_COLD": "1"}) as cold:
        assert not cold.warm
        assert cold.manager.transport == "ipc"
        # The one port of an ordinary ipykernel, for its own children.
        assert len(inet_sockets(cold.process.pid)) <= 1


def inet_sockets(pid: int) -> list[str]:
    """Return the TCP sockets that a process has open."""
    own = set()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            own.add(os.readlink(fd))
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]
    ]
    return [line[1] for line in lines if f"socket:[{line[9]}]" in own]


def test_the_process_of_a_kernel_is_as_popen(light: dict[str, str]) -> None:
    with kernel(env=light) as started:
        process = started.process
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
        assert process.wait() == -signal.SIGTERM
        process.kill()
        assert not select.select([], [], [], 0)[0]
