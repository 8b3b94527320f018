"""Where no warm kernel can be had, an ordinary one starts, and one line says why."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlkit import kernels
from mlkit.kernels import control, likeness, place, provisioner
from mlkit.kernels.wire import HEAD, Wire
from tests.live_kernels import alive, kernel

SAYS = "an ordinary kernel starts, not a warm one: "


def why_cold(caplog: pytest.LogCaptureFixture, **asked: Any) -> str:
    """Start a kernel that must be an ordinary one; return the line that says why."""
    caplog.clear()
    with kernel(**asked) as started:
        assert not started.warm
        assert started.run("6 * 7") == "42"
    (line,) = [r.getMessage() for r in caplog.records if r.name.startswith("mlkit")]
    assert line.startswith(SAYS)
    return line.removeprefix(SAYS)


def test_it_can_be_turned_off_and_says_nothing_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with kernel(env={**os.environ, "MLKIT_COLD": "1"}) as started:
        assert not started.warm
    assert [r for r in caplog.records if r.name.startswith("mlkit")] == []


@pytest.mark.parametrize(
    ("variables", "why"),
    [
        ({"MLKIT_KERNEL_IDLE": "soon"}, "a finite number of seconds above 0.*'soon'"),
        ({"MLKIT_KERNEL_IDLE": "nan"}, "a finite number of seconds above 0.*'nan'"),
        ({"MLKIT_KERNEL_IDLE": "inf"}, "a finite number of seconds above 0.*'inf'"),
        ({"MLKIT_KERNEL_IDLE": "-1"}, "a finite number of seconds above 0.*'-1'"),
        ({"MLKIT_KERNEL_IDLE": "0"}, "a finite number of seconds above 0.*'0'"),
        ({"COVERAGE_PROCESS_START": "rc"}, "COVERAGE_PROCESS_START is set"),
        ({"MLKIT_KERNEL_FOLDER": "/tmp/" + "x" * 90}, "70 bytes"),
        ({"MLKIT_KERNEL_FOLDER": "/proc/nothing"}, "cannot be made"),
        ({"MLKIT_KERNEL_FOLDER": "/etc/hostname"}, "cannot be made|user's own"),
    ],
)
def test_variables_that_rule_it_out(
    caplog: pytest.LogCaptureFixture, variables: dict[str, str], why: str
) -> None:
    with pytest.raises(kernels.ColdError, match=why):
        control.connect({**os.environ, **variables})
    assert kernels.begin({**os.environ, **variables}) is False


def test_a_folder_that_others_may_enter_is_not_used(
    short_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = short_folder / "k"
    folder.mkdir(mode=0o755)
    env = {**os.environ, "MLKIT_KERNEL_FOLDER": str(folder)}
    assert "closed to others" in why_cold(caplog, env=env)
    assert list(folder.iterdir()) == []
    link = short_folder / "link"
    link.symlink_to(short_folder)
    with pytest.raises(kernels.ColdError, match="user's own"):
        place.folder({"MLKIT_KERNEL_FOLDER": str(link)})


def test_a_folder_of_another_user_is_not_used(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(kernels.ColdError, match="user's own"):
        place.folder({"MLKIT_KERNEL_FOLDER": str(short_folder)})


def test_a_module_beside_the_notebook_hides_a_package(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "pandas.py").write_text("mine = 1\n")
    assert "has a module pandas" in why_cold(caplog, cwd=str(tmp_path))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "random.py").write_text("")
    # Python has imported its own by the time that the working directory counts.
    with kernel(cwd=str(elsewhere)) as started:
        assert started.warm
    (elsewhere / "sitecustomize.py").write_text("")
    (elsewhere / "random.py").unlink()
    env = {**os.environ, "PYTHONPATH": str(elsewhere)}
    assert "has a module sitecustomize" in why_cold(caplog, env=env)


def test_settings_of_matplotlib_beside_the_notebook(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n")
    assert "matplotlibrc of its own" in why_cold(caplog, cwd=str(tmp_path))


def test_a_command_that_is_not_ipykernel(caplog: pytest.LogCaptureFixture) -> None:
    extra = {"extra_arguments": [], "stdin": subprocess.PIPE}
    assert "a pipe to the kernel" in why_cold(caplog, **extra)
    assert "pass_fds" in why_cold(caplog, pass_fds=(0,))


def test_not_linux(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control.sys, "platform", "darwin")
    with pytest.raises(kernels.ColdError, match="on Linux only, and this is darwin"):
        control.connect(os.environ)


def test_no_descriptors_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    with pytest.raises(kernels.ColdError, match="no process descriptors"):
        control.connect(os.environ)


def test_a_system_without_what_forking_needs_has_ordinary_kernels(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise FileNotFoundError("/proc/self/status")

    monkeypatch.setattr(provisioner, "inheritance", none)
    monkeypatch.delattr(os, "pidfd_open")
    assert "no process descriptors" in why_cold(caplog)
    # Windows has none of these.
    code = (
        "import signal, sys\n"
        "sys.modules['resource'] = sys.modules['fcntl'] = None\n"
        "del signal.SIGHUP, signal.SIGQUIT, signal.pthread_sigmask\n"
        "import mlkit.kernels.provisioner, mlkit.kernels.commands"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def broken(
    tmp_path: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Path, dict[str, str]]]:
    """Return scripts of a parent that a test may break, and an environment for it."""
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    for name in likeness.SCRIPTS:
        shutil.copy(Path(control.SCRIPT).parent / name, scripts)
    preload = scripts / "preload.py"
    text = preload.read_text()
    start = text.index("NOTEBOOKS = (")
    preload.write_text(
        text[:start] + "NOTEBOOKS = ()\n" + text[text.index(")\n", start) + 2 :]
    )
    monkeypatch.setattr(control, "SCRIPT", scripts / "parent.py")
    env = {**os.environ, "MLKIT_KERNEL_FOLDER": str(short_folder)}
    yield scripts, env
    kernels.stop(env)


def test_a_parent_with_a_second_thread_refuses(
    broken: tuple[Path, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    scripts, env = broken
    with (scripts / "preload.py").open("a") as file:
        file.write("import threading, time\n")
        file.write("threading.Thread(target=time.sleep, args=(60,), daemon=True)")
        file.write(".start()\n")
    assert "has 2 threads: python" in why_cold(caplog, env=env)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("import zmq; zmq.Context.instance()", "ZMQ context|threads"),
        ("import types; sys.modules['mlkit'] = types.ModuleType('m')", "mlkit"),
    ],
)
def test_a_parent_that_did_more_than_import_refuses(
    broken: tuple[Path, dict[str, str]],
    caplog: pytest.LogCaptureFixture,
    line: str,
    why: str,
) -> None:
    scripts, env = broken
    with (scripts / "preload.py").open("a") as file:
        file.write(line + "\n")
    found = why_cold(caplog, env=env)
    assert any(word in found for word in why.split("|"))


def test_a_parent_that_dies_while_it_loads(
    broken: tuple[Path, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    scripts, env = broken
    with (scripts / "preload.py").open("a") as file:
        file.write("import os; os.kill(os.getpid(), 9)\n")
    assert "did not answer" in why_cold(caplog, env=env)


def test_a_parent_that_cannot_start_tells_its_last_words(
    broken: tuple[Path, dict[str, str]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scripts, env = broken
    (scripts / "foothold.py").write_text("raise RuntimeError('no foothold')\n")
    monkeypatch.setattr(control, "COMING_UP", 0.3)
    found = why_cold(caplog, env=env)
    assert "did not come up: RuntimeError: no foothold (all of it in " in found


def test_the_system_refuses_to_fork(
    broken: tuple[Path, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    scripts, env = broken
    text = (scripts / "parent.py").read_text()
    assert "pid = os.fork()" in text
    text = text.replace("pid = os.fork()", "raise OSError(11, 'too many processes')")
    (scripts / "parent.py").write_text(text)
    assert "refused to fork: [Errno 11] too many" in why_cold(caplog, env=env)


def test_a_parent_goes_on_when_the_system_has_no_more_descriptors(
    broken: tuple[Path, dict[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    scripts, env = broken
    text = (scripts / "client.py").read_text()
    assert "os.pidfd_open(kernel)" in text
    fails = "(_ for _ in ()).throw(OSError(24, str(kernel)))"
    text = text.replace("os.pidfd_open(kernel)", fails)
    (scripts / "client.py").write_text(text)
    found = why_cold(caplog, env=env)
    assert "refused to fork: [Errno 24] " in found
    # Neither is the process left that nobody would watch, nor does the parent go.
    assert not Path(f"/proc/{found.rpartition(' ')[2]}").exists()
    (parent,) = kernels.status(env)
    assert parent.kernels == []


def test_a_stale_socket_is_replaced(broken: tuple[Path, dict[str, str]]) -> None:
    _, env = broken
    path = place.folder(env) / f"{likeness.likeness(env).name}.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    assert path.is_socket()
    with kernel(env=env) as started:
        assert started.warm


@pytest.mark.parametrize("kind", ["file", "listener"])
def test_what_is_not_a_parent_is_replaced(
    broken: tuple[Path, dict[str, str]], kind: str
) -> None:
    _, env = broken
    path = place.folder(env) / f"{likeness.likeness(env).name}.sock"
    with socket.socket(socket.AF_UNIX) as foreign:
        if kind == "file":
            path.write_text("not a socket")
        else:
            foreign.bind(str(path))
            foreign.listen()
        with kernel(env=env) as started:
            assert started.warm


def test_a_socket_of_another_user_is_not_talked_to(
    broken: tuple[Path, dict[str, str]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, env = broken
    assert kernels.begin(env)

    class Foreign(Wire):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.user += 1

    monkeypatch.setattr(control, "Wire", Foreign)
    assert "belongs to user" in why_cold(caplog, env=env)
    assert kernels.status(env) == []
    monkeypatch.undo()


def test_a_parent_talks_to_its_user_only(
    broken: tuple[Path, dict[str, str]],
) -> None:
    scripts, env = broken
    text = (scripts / "client.py").read_text()
    assert "if user != os.geteuid()" in text
    (scripts / "client.py").write_text(
        text.replace("if user != os.geteuid()", "if user == os.geteuid()")
    )
    wire = control.connect(env)
    with pytest.raises(OSError, match=r"hung up|reset"):
        wire.receive(5)
    wire.close()
    # It would not listen to a stop either.
    os.kill(wire.pid, signal.SIGTERM)


def test_nonsense_does_not_stop_a_parent(broken: tuple[Path, dict[str, str]]) -> None:
    _, env = broken
    path = place.folder(env) / f"{likeness.likeness(env).name}.sock"
    for message in (b"", b"x", HEAD.pack(4) + b"nope", HEAD.pack(2) + b"[]"):
        with control.connect(env) as wire:
            wire._conn.sendall(message)
    for asked in ({"ask": "dance"}, {"no": "ask"}, {"ask": ["kernel"]}):
        with control.connect(env) as wire:
            wire.send(asked)
            assert "refused" in wire.receive(5)
    with control.connect(env) as wire:
        wire.send({"ask": "kernel", "cwd": "/", "env": {}})
        assert "three streams" in wire.receive(5)["refused"]
    with control.connect(env) as wire:
        wire.send({"ask": "kernel"}, [0, 1, 2, 2])
        assert "no request: KeyError('cwd')" in wire.receive(5)["refused"]
    assert control.ask(path, "status") is not None
    with kernel(env=env) as started:
        assert started.warm


def test_a_foreign_answer_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "x.sock"
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        foreign.listen()
        path.with_suffix(".lock").write_text(str(os.getpid()))

        def answer() -> None:
            conn, _ = foreign.accept()
            with conn:
                conn.recv(100)
                conn.sendall(HEAD.pack(1 << 40))

        thread = threading.Thread(target=answer)
        thread.start()
        assert control.ask(path, "status") is None
        thread.join()


def test_a_client_that_names_its_port_keeps_it() -> None:
    from jupyter_client.manager import KernelManager
    from traitlets.config import Config

    from mlkit.kernels.provisioner import _leaves_the_choice

    assert _leaves_the_choice(KernelManager())
    assert not _leaves_the_choice(KernelManager(shell_port=5555))
    wish = Config({"KernelManager": {"transport": "tcp"}})
    assert not _leaves_the_choice(KernelManager(config=wish))
    assert not _leaves_the_choice(KernelManager(ip="192.0.2.1"))


def test_the_commands(short_folder: Path) -> None:
    env = {**os.environ, "MLKIT_KERNEL_FOLDER": str(short_folder)}

    def mlkit(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "mlkit", "kernel", *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert "no parent of kernels runs" in mlkit("status")
    assert mlkit("status", "--json") == "[]\n"
    assert kernels.begin(env)
    (found,) = json.loads(mlkit("status", "--json"))
    assert found["kernels"] == []
    assert found["missing"] == {}
    assert f"process {found['pid']}, since" in mlkit("status")
    assert mlkit("stop") == f"ended: process {found['pid']}\n"
    assert "no parent of kernels runs" in mlkit("stop")
    assert not alive(found["pid"])


def test_installing_makes_python3_a_warm_kernel(tmp_path: Path) -> None:
    folder = kernels.install(tmp_path)
    assert folder == tmp_path / "share" / "jupyter" / "kernels" / "python3"
    spec = json.loads((folder / "kernel.json").read_text())
    assert kernels.installed(spec)
    assert not kernels.installed({"argv": []})
    assert spec["argv"][1:3] == ["-m", "ipykernel_launcher"]
    assert (folder / "logo-64x64.png").is_file()


def test_the_log_line_reaches_people_who_have_set_up_no_log() -> None:
    assert logging.getLogger("mlkit.kernels.provisioner").isEnabledFor(logging.WARNING)
