"""The notebooks as people run them: as drafts, cell by cell under nbval."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import papermill
import pytest

from mlkit.params import load_params
from mlkit.pipeline import runs
from mlkit.pipeline.signatures import arguments
from tests.workspace import make_workspace, run_mlkit

NAMES = ("data", "train", "evaluate", "explain", "drift", "monitor")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_workspace(tmp_path_factory.mktemp("notebooks"))


def test_nbval_runs_each_notebook_with_its_parameters(workspace: Path) -> None:
    params = load_params("toy", workspace).to_dict()
    staged = workspace / "staged"
    staged.mkdir()
    for name in NAMES:
        source = workspace / "notebooks" / f"{name}.ipynb"
        papermill.execute_notebook(
            source,
            staged / f"{name}.ipynb",
            parameters=arguments(source, "toy", None, params),
            prepare_only=True,
            progress_bar=False,
        )
    # From a folder of its own: a notebook finds the workspace from anywhere.
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("--nbval-lax", "--nbval-current-env", "-c", os.devnull),
            *(str(staged / f"{name}.ipynb") for name in NAMES),
        ],
        cwd=staged,
        env={**os.environ, "MLKIT_ROOT": str(workspace), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    cells = sum(
        cell.cell_type == "code"
        for name in NAMES
        for cell in nbformat.read(staged / f"{name}.ipynb", as_version=4).cells
    )
    assert f"{cells} passed" in done.stdout


def test_a_draft_is_evaluated_and_never_registered(workspace: Path) -> None:
    draft = runs.case_folder("toy", workspace) / runs.DRAFT
    assert (draft / "evaluate" / "evaluation.json").exists()
    assert (draft / "train" / "model.skops").exists()
    assert not (workspace / "registry").exists()
    assert runs.names("toy", workspace) == []


def test_make_train_writes_a_page_for_the_draft(workspace: Path) -> None:
    done = run_mlkit(workspace, "run", "train", "toy", "--set", "seed=3")
    assert done.returncode == 0, done.stderr
    page = (runs.case_folder("toy", workspace) / "draft" / "train.html").read_text()
    assert "draft" in page
    assert "linear" in page


def test_evaluate_refuses_a_draft_of_other_data(workspace: Path) -> None:
    table = workspace / "data" / "toy.csv"
    whole = table.read_text()
    table.write_text(whole.replace("north", "North"))
    try:
        done = run_mlkit(workspace, "run", "evaluate", "toy")
    finally:
        table.write_text(whole)
    assert done.returncode == 3
    assert "was trained on other data" in done.stderr
    assert "run train again" in done.stderr


def test_evaluate_without_any_model_says_run_train_first(tmp_path: Path) -> None:
    root = make_workspace(tmp_path)
    done = run_mlkit(root, "run", "evaluate", "toy")
    assert done.returncode == 3
    assert "run train first" in done.stderr
    assert "Traceback" not in done.stderr
