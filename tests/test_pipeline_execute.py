"""A notebook's signature, and a status that can be believed."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat.v4 import new_code_cell, new_notebook

from mlkit.pipeline.execute import StepError, execute
from mlkit.pipeline.signatures import SignatureError, arguments, signature

SIGNATURE = 'case = "toy"\nrun = None\ntrain = None\n'


def make_notebook(folder: Path, *sources: str, parameters: str = SIGNATURE) -> Path:
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    cells += [new_code_cell(source) for source in sources]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "step.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def run(notebook: Path, *, seconds: float = 60, cell_timeout: float = 60) -> Path:
    output = notebook.with_name("out.ipynb")
    execute(
        notebook,
        output,
        {"case": "toy", "run": None, "train": {"folds": 5, "rate": 1e-3, "on": True}},
        root=notebook.parent,
        cell_timeout=cell_timeout,
        deadline=time.monotonic() + seconds,
    )
    return output


def statuses(output: Path) -> list[str]:
    cells = nbformat.read(output, as_version=4).cells
    return [c.metadata.papermill.status for c in cells if "papermill" in c.metadata]


def test_the_signature_is_read_without_running_the_cell(tmp_path: Path) -> None:
    notebook = make_notebook(tmp_path)
    assert signature(notebook) == {"case": "toy", "run": None, "train": None}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("case = open('x')", "must be a literal"),
        ("import os", "literal assignments only"),
        ("case, run = 1, 2", "literal assignments only"),
    ],
)
def test_a_signature_that_computes_is_refused(tmp_path, parameters, message) -> None:
    notebook = make_notebook(tmp_path, parameters=parameters)
    with pytest.raises(SignatureError, match=message):
        signature(notebook)


def test_a_notebook_without_signature_is_refused(tmp_path: Path) -> None:
    notebook = tmp_path / "step.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1")]), notebook)
    with pytest.raises(SignatureError, match="has 0; tag the cell"):
        signature(notebook)


def test_only_the_sections_a_notebook_declares_are_injected(tmp_path: Path) -> None:
    params = {"seed": 0, "train": {"folds": 5}, "data": {"target": "y"}}
    given = arguments(make_notebook(tmp_path), "toy", "r1", params)
    assert given == {"case": "toy", "run": "r1", "train": {"folds": 5}}


def test_a_parameter_that_is_no_section_is_refused(tmp_path: Path) -> None:
    notebook = make_notebook(tmp_path, parameters="case = None\ntrian = None")
    with pytest.raises(SignatureError, match="declares the parameter 'trian'"):
        arguments(notebook, "toy", None, {"train": {}})


def test_a_chain_of_assignments_is_refused(tmp_path: Path) -> None:
    notebook = make_notebook(tmp_path, parameters="case = run = None")
    with pytest.raises(SignatureError, match="has `case = run = None`"):
        signature(notebook)


def test_values_arrive_unchanged_and_the_workspace_is_known(tmp_path, monkeypatch):
    monkeypatch.delenv("MLKIT_ROOT", raising=False)
    notebook = make_notebook(
        tmp_path,
        "import json, os, pathlib\n"
        "seen = {'train': train, 'root': os.environ['MLKIT_ROOT']}\n"
        f"pathlib.Path({str(tmp_path)!r}, 'seen.json').write_text(json.dumps(seen))",
    )
    run(notebook)
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["train"] == {"folds": 5, "rate": 1e-3, "on": True}
    assert seen["root"] == str(tmp_path)
    assert "MLKIT_ROOT" not in os.environ


def test_an_exception_names_cell_type_and_message(tmp_path: Path) -> None:
    notebook = make_notebook(tmp_path, "1 + 1", "raise ValueError('too small')", "2")
    with pytest.raises(StepError) as caught:
        run(notebook)
    details = caught.value.details
    assert (details["type"], details["message"]) == ("ValueError", "too small")
    assert "raise ValueError" in details["source"]
    cells = nbformat.read(tmp_path / "out.ipynb", 4).cells
    (failed,) = [c for c in cells if c.get("execution_count") == details["cell"]]
    assert "raise ValueError" in failed.source


def test_a_killed_kernel_is_a_failure_of_the_cell_it_ran(tmp_path: Path) -> None:
    source = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    notebook = make_notebook(tmp_path, "1 + 1", source, "3")
    with pytest.raises(StepError) as caught:
        run(notebook)
    details = caught.value.details
    assert details["type"] == "DeadKernel"
    assert details["source"] == source
    assert details["cell"] == 4
    assert statuses(tmp_path / "out.ipynb")[-2:] == ["failed", "pending"]


def test_a_cell_over_its_time_is_a_failure(tmp_path: Path) -> None:
    notebook = make_notebook(tmp_path, "import time; time.sleep(60)", "2")
    with pytest.raises(StepError, match="a cell may take 5 s") as caught:
        run(notebook, cell_timeout=5)
    assert caught.value.details["type"] == "Timeout"
    assert "sleep" in caught.value.details["source"]


def test_the_runs_time_is_shared_by_all_cells(tmp_path: Path) -> None:
    # The start of a kernel on a busy machine takes its part of it.
    naps = ["import time; time.sleep(6)"] * 3
    with pytest.raises(StepError) as caught:
        run(make_notebook(tmp_path, *naps), seconds=12)
    assert caught.value.details["type"] == "Timeout"


def name_kernel(folder: Path, monkeypatch: pytest.MonkeyPatch, *command: str) -> None:
    """Have the kernelspec ``python3`` name a command."""
    spec = folder / "share" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    local = {"kernel_provisioner": {"provisioner_name": "local-provisioner"}}
    named = {"display_name": "Python 3", "language": "python", "metadata": local}
    spec.write_text(json.dumps({"argv": command, **named}))
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "share"))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ((sys.executable, "-c", ""), "its process ended before it answered"),
        (("/nowhere/python",), "No such file or directory: '/nowhere/python'"),
    ],
)
def test_a_kernel_that_does_not_start_is_told(
    tmp_path, monkeypatch, command, message
) -> None:
    name_kernel(tmp_path, monkeypatch, *command)
    with pytest.raises(StepError) as caught:
        run(make_notebook(tmp_path, "1"))
    details = caught.value.details
    assert details["type"] == "KernelNotStarted"
    assert details["message"].startswith("the kernel did not start: ")
    assert details["message"].endswith(message)
    assert "mlkit doctor" in details["advice"]


def test_a_kernel_that_never_answers_is_given_no_more_than_the_runs_time(
    tmp_path, monkeypatch
) -> None:
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    silent = f"import os, time; {note}; time.sleep(600)"
    name_kernel(tmp_path, monkeypatch, sys.executable, "-c", silent)
    with pytest.raises(StepError) as caught:
        run(make_notebook(tmp_path, "1"), seconds=5)
    details = caught.value.details
    assert details["type"] == "KernelNotStarted"
    assert details["message"] == (
        "the kernel did not start: it did not answer within 5 s"
    )
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


EXECUTE = """
    import sys, time
    from pathlib import Path
    from mlkit.pipeline.execute import execute
    notebook, output = map(Path, sys.argv[1:])
    execute(
        notebook, output, {"case": "toy"}, root=notebook.parent, cell_timeout=120,
        deadline=time.monotonic() + 120,
    )
"""


def test_four_at_once_in_one_folder_are_no_hindrance_to_each_other(tmp_path) -> None:
    source = f"import os; print(os.getpid(), {str(tmp_path)!r})"
    notebook = make_notebook(tmp_path, source)
    shared = tmp_path / "shared"
    shared.mkdir()
    outputs = [tmp_path / f"out{number}.ipynb" for number in range(4)]
    code = textwrap.dedent(EXECUTE)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(notebook), str(output)],
            cwd=shared,
            stderr=subprocess.PIPE,
            text=True,
        )
        for output in outputs
    ]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, errors
    kernels = {nbformat.read(o, 4).cells[-1].outputs[0].text for o in outputs}
    assert len(kernels) == 4
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize(
    ("fate", "printed"),
    [(DeadKernelError("Kernel died"), False), (ValueError("a fault"), True)],
)
def test_what_ctrl_c_leaves_on_the_event_loop_is_not_printed(
    tmp_path, monkeypatch, caplog, fate, printed
) -> None:
    loop = ensure_event_loop()

    async def cell() -> None:
        raise fate

    def interrupted(*_given, **_named) -> None:
        loop.run_until_complete(asyncio.wait([loop.create_task(cell())]))
        raise KeyboardInterrupt

    monkeypatch.setattr(papermill, "execute_notebook", interrupted)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(make_notebook(tmp_path, "1"))
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert ("never retrieved" in caplog.text) is printed
