"""A forked kernel is as clean as one that Python has just started."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from mlkit import kernels
from mlkit.kernels.likeness import likeness
from mlkit.params import load_params
from mlkit.pipeline.signatures import arguments
from tests.kernel_state import differences, probe
from tests.live_kernels import kernel
from tests.workspace import make_workspace

NOTEBOOKS = ("data", "train", "evaluate", "explain", "drift")
# What a client can be like; each is given to a forked and to a cold kernel.
PLAIN = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
ODD = {
    "TZ": "Asia/Tokyo",
    "LC_ALL": "C",
    "MPLBACKEND": "agg",
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(["/opt", "relative", ""]),
    "PYTHONIOENCODING": "latin-1",
    "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "1",
    "PYTHONWARNINGS": "ignore::UserWarning",
    "SECRET": "käse\udcff",
}


def facts(cold: bool, env: dict[str, str], cwd: Path) -> dict[str, Any]:
    given = {**os.environ, **env, "MLKIT_COLD": "1" if cold else ""}
    with kernel(env=given, cwd=str(cwd), stdout=subprocess.DEVNULL) as started:
        assert started.warm is not cold
        lines = started.run(probe()).splitlines()
    found: dict[str, Any] = json.loads(next(ln for ln in lines if ln[:1] == "{"))
    for name in ("environment", "really"):
        found[name].pop("MLKIT_COLD", None)
    return found


@pytest.fixture
def odd_client() -> Iterator[None]:
    """Make this process unlike the one that started the parent."""
    assert kernels.begin({**os.environ, **ODD})
    umask = os.umask(0o027)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (777, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    signal.signal(signal.SIGHUP, hangup)
    os.umask(umask)


def test_a_forked_kernel_is_as_a_cold_one(tmp_path: Path) -> None:
    forked = facts(False, PLAIN, tmp_path)
    assert differences(forked, facts(True, PLAIN, tmp_path)) == {}
    assert forked["mlkit"] == []


@pytest.mark.usefixtures("odd_client")
def test_a_forked_kernel_takes_after_its_client_and_not_its_parent(
    tmp_path: Path,
) -> None:
    forked = facts(False, ODD, tmp_path)
    assert differences(forked, facts(True, ODD, tmp_path)) == {}
    assert forked["umask"] == "0027"
    assert forked["limits"]["RLIMIT_NOFILE"][0] == 777
    assert forked["mask"] == [signal.SIGUSR2]
    assert forked["handlers"]["SIGHUP"] == "1"
    assert forked["numba"] == [1, 1]
    assert {count for _, count in forked["threads"]} == {1}


def test_the_size_of_the_terminal_is_the_clients_and_needs_no_parent_of_its_own() -> (
    None
):
    size = {"COLUMNS": "47", "LINES": "11"}
    plain = {name: text for name, text in os.environ.items() if name not in size}
    assert likeness(plain) == likeness({**plain, **size})
    assert kernels.begin(plain)
    show = (
        "import pandas, rich, shutil, numba.core.types.functions as errors\n"
        "pandas.options.display.width = None\n"
        "print(shutil.get_terminal_size(), rich.get_console().size)\n"
        "print(errors._termwidth)\n"
        "print(pandas.DataFrame({f'column {n}': [n] for n in range(30)}))"
    )
    shown = []
    for cold in ("", "1"):
        with kernel(env={**plain, **size, "MLKIT_COLD": cold}) as started:
            assert started.warm is not bool(cold)
            shown.append(started.run(show))
    assert shown[0] == shown[1]
    assert "columns=47, lines=11" in shown[0]


def test_the_variables_of_one_kernel_are_not_those_of_the_next(tmp_path: Path) -> None:
    with kernel(env={**os.environ, "SECRET": "mine"}) as first:
        first.run("import os, numpy, pandas; os.environ['LATER'] = '1'")
        first.run("pandas.options.display.precision = 2; numpy.seterr(all='raise')")
    with kernel() as second:
        said = second.run(
            "import os, numpy, pandas\n"
            "print({'SECRET', 'LATER'} & set(os.environ),"
            " pandas.options.display.precision, numpy.geterr()['over'])"
        )
    assert said == "set() 6 warn\n"
    assert "SECRET" not in parents_environment()


def parents_environment() -> str:
    return "".join(
        Path(f"/proc/{parent.pid}/environ").read_text() for parent in kernels.status()
    )


def test_random_numbers_are_new_in_each_kernel() -> None:
    draw = (
        "import random, numpy, tempfile, uuid, multiprocessing\n"
        "print([random.random(), numpy.random.rand(), uuid.uuid4().hex,\n"
        "  next(tempfile._get_candidate_names()),\n"
        "  numpy.random.default_rng().random(),\n"
        "  bytes(multiprocessing.current_process().authkey).hex()])"
    )
    drawn = []
    for _ in range(2):
        with kernel() as started:
            assert started.warm
            drawn.append(started.run(draw)[1:-2].split(", "))
    assert [a == b for a, b in zip(*drawn, strict=True)] == [False] * 6


def test_a_parent_reads_no_variable_that_it_would_not_share() -> None:
    # Python's own look-ups, while everything is imported: what is in neither list could
    # make a forked kernel another one than its client asked for.
    code = """
import importlib.util, json, os, sys
from pathlib import Path
read = set()
kind = type(os.environ)
get = kind.__getitem__
def note(self, name):
    caller = sys._getframe(1)
    while caller.f_code.co_filename.startswith("<frozen"):
        caller = caller.f_back
    # These go through all there are and keep those of their own prefix.
    if not caller.f_code.co_filename.endswith(
        ("dask/config.py", "numba/core/config.py", "fsspec/config.py", "tqdm/utils.py")
    ):
        read.add(os.fsdecode(name))
    return get(self, name)
spec = importlib.util.spec_from_file_location("preload", sys.argv[1])
preload = importlib.util.module_from_spec(spec)
sys.modules["preload"] = preload
spec.loader.exec_module(preload)
kind.__getitem__ = note
preload.preload()
print(json.dumps(sorted(read)))
"""
    from mlkit.kernels import likeness

    script = Path(likeness.__file__).with_name("preload.py")
    done = subprocess.run(
        [sys.executable, "-c", code, str(script)],
        env=likeness.parents_environment(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    read = set(json.loads(done.stdout.splitlines()[-1]))
    known = likeness.LOADED_NAMES | likeness.APPLIED | set(likeness.CARRIED)
    # Switches of tests and builds, and what a process is told by its own client.
    of_no_consequence = {
        "ANDROID_DATA", "DISPLAY", "IN_SPHINX_RUN", "IPYTHONENABLE",
        "JPY_INTERRUPT_EVENT", "JPY_PARENT_PID", "MSGPACK_PUREPYTHON",
        "PATHS_FROM_ECLIPSE_TO_PYTHON", "PSUTIL_DEBUG", "PY_SAX_PARSER",
        "SOURCE_DATE_EPOCH",
    }  # fmt: skip
    odd = {name for name in read - known if not name.startswith(likeness.LOADED)}
    odd = {name for name in odd if not name.startswith(("_", "COVERAGE_"))}
    assert odd <= of_no_consequence


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("both"), rows=300)


def outputs(path: Path) -> str:
    """Return what the cells of an executed notebook show."""
    shown = []
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            shown.append((output.get("name"), output.get("text"), dict(data)))
    # The same model comes to other bytes in each file.
    return re.sub(r"\b[0-9a-f]{64}\b", "<sha256>", json.dumps(shown, indent=1))


def run_all(workspace: Path, out: Path, cold: bool) -> dict[str, str]:
    """Run every notebook as a draft, and return what each shows."""
    params = load_params("toy", workspace).to_dict()
    given = {"MLKIT_ROOT": str(workspace), "MLKIT_COLD": "1" if cold else ""}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    out.mkdir()
    try:
        for name in NOTEBOOKS:
            source = workspace / "notebooks" / f"{name}.ipynb"
            papermill.execute_notebook(
                source,
                out / f"{name}.ipynb",
                parameters=arguments(source, "toy", None, params),
                progress_bar=False,
            )
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return {name: outputs(out / f"{name}.ipynb") for name in NOTEBOOKS}


def test_every_notebook_shows_the_same_in_both(workspace: Path) -> None:
    warm = run_all(workspace, workspace / "warm", cold=False)
    cold = run_all(workspace, workspace / "cold", cold=True)
    for name in NOTEBOOKS:
        assert len(warm[name]) > 1000
        assert warm[name] == cold[name], name
