"""Every client that starts kernels through Jupyter gets warm ones, unasked."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook, new_output

from mlkit import kernels

DEFAULT = "JUPYTER_DEFAULT_PROVISIONER_NAME"
# What a forked kernel has and an ordinary one has not: packages, before any import.
CELL = "import sys; 'sklearn.ensemble' in sys.modules"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    document = new_notebook(cells=[new_code_cell(CELL)], metadata={"kernelspec": spec})
    document.cells[0].id = "one"
    path = tmp_path / "warm.ipynb"
    nbformat.write(document, path)
    return path


def shown(document: Any) -> str:
    return str(document.cells[-1].outputs[0].data["text/plain"])


@pytest.fixture(autouse=True)
def by_its_kernelspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEFAULT, raising=False)


def test_nbclient(notebook: Path) -> None:
    document = nbformat.read(notebook, as_version=4)
    NotebookClient(document, timeout=60).execute()
    assert shown(document) == "True"


def test_papermill(notebook: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(notebook, out, progress_bar=False)
    assert shown(nbformat.read(out, as_version=4)) == "True"


def run(*command: str, cwd: Path, **variables: str) -> str:
    env = {k: v for k, v in os.environ.items() if k != DEFAULT}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=cwd,
        env=env | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_nbconvert(notebook: Path, tmp_path: Path) -> None:
    run(
        *("nbconvert", "--execute", "--to", "notebook", "--output", "out"),
        str(notebook),
        cwd=tmp_path,
    )
    assert shown(nbformat.read(tmp_path / "out.ipynb", as_version=4)) == "True"


@pytest.mark.parametrize(
    ("option", "variables"),
    [
        ("--nbval-kernel-name=python3", {}),
        # It passes over every kernelspec, so the default says which provisioner.
        ("--nbval-current-env", {DEFAULT: "mlkit-warm"}),
    ],
)
def test_nbval(
    notebook: Path, tmp_path: Path, option: str, variables: dict[str, str]
) -> None:
    document = nbformat.read(notebook, as_version=4)
    output = new_output("execute_result", {"text/plain": "True"}, execution_count=1)
    document.cells[0] |= {"execution_count": 1, "outputs": [output]}
    nbformat.write(document, notebook)
    # It compares what the cell shows with what is stored.
    said = run(
        *("pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull),
        *("--nbval", option, str(notebook)),
        cwd=tmp_path,
        **variables,
    )
    assert "1 passed" in said


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a Jupyter server on the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": str(port),
        "ServerApp.root_dir": str(tmp_path),
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",
        "IdentityProvider.token": "secret",
    }
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyter_server"),
            *(f"--{name}={value}" for name, value in options.items()),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    with process:
        try:
            for _ in range(1200):
                with contextlib.suppress(OSError):
                    ask(url, "GET", "status")
                    break
                time.sleep(0.1)
            yield process, url
        finally:
            process.kill()


def ask(url: str, method: str, path: str, **body: Any) -> Any:
    request = urllib.request.Request(
        f"{url}/api/{path}",
        method=method,
        data=json.dumps(body).encode() if method == "POST" else None,
        headers={"Authorization": "token secret"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def kernels_of(client: int) -> list[int]:
    return [
        entry["pid"]
        for parent in kernels.status()
        for entry in parent.kernels
        if entry["client"] == client
    ]


def until(count: int, client: int) -> list[int]:
    deadline = time.monotonic() + 60
    while len(kernels_of(client)) != count:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return kernels_of(client)


def test_a_jupyter_server(server: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = server
    first = ask(url, "POST", "kernels", name="python3")
    ask(url, "POST", "kernels", name="python3")
    assert len(until(2, process.pid)) == 2
    before = set(kernels_of(process.pid))
    ask(url, "POST", f"kernels/{first['id']}/restart")
    assert len(set(until(2, process.pid)) - before) == 1
    ask(url, "DELETE", f"kernels/{first['id']}")
    (left,) = until(1, process.pid)
    process.kill()
    process.wait()
    # Its kernels end with it, as they would had it started them itself.
    until(0, process.pid)
    assert not Path(f"/proc/{left}").exists()


def test_eight_notebooks_at_once(notebook: Path) -> None:
    import asyncio

    documents = [nbformat.read(notebook, as_version=4) for _ in range(8)]

    async def all_of_them() -> None:
        clients = [NotebookClient(document, timeout=120) for document in documents]
        await asyncio.gather(*(client.async_execute() for client in clients))

    asyncio.run(all_of_them())
    assert [shown(document) for document in documents] == ["True"] * 8
