"""A drift check as operators run it: its answer, its exit code, its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlkit import registry
from mlkit.pipeline import runs
from tests.workspace import (
    make_workspace,
    retrained_workspace,
    run_mlkit,
    toy_table,
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a version in production and files of current rows."""
    root = retrained_workspace(tmp_path_factory, "drift")
    calm = toy_table(400, seed=5)
    calm.to_csv(root / "data" / "calm.csv", index=False)
    calm.assign(age=calm["age"] + 15).to_csv(root / "data" / "older.csv", index=False)
    calm.drop(columns="visits").to_csv(root / "data" / "short.csv", index=False)
    return root


def newest(root: Path) -> dict[str, Any]:
    return runs.records("toy", root)[0]


def test_rows_like_those_of_the_training_are_no_drift(workspace: Path) -> None:
    done = run_mlkit(workspace, "drift", "toy", "--data", "data/calm.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    record = newest(workspace)
    assert (record["kind"], record["status"]) == ("drift", "ok")
    assert [step["name"] for step in record["steps"]] == ["drift"]
    assert record["drift"]["verdict"] == "none"
    page = runs.open_run("toy", record["run"], workspace).path / "index.html"
    assert "The current rows look like those" in page.read_text()


def test_drift_ends_with_1_and_names_the_column(workspace: Path) -> None:
    done = run_mlkit(workspace, "drift", "toy", "--data-path", "data/older.csv")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "age" in done.stdout
    assert "exit code 1" in done.stderr
    folder = runs.open_run("toy", newest(workspace)["run"], workspace).path
    assert "The data have drifted" in (folder / "index.html").read_text()
    assert "age" in (folder / "drift.html").read_text()
    index = (workspace / "reports" / "index.html").read_text()
    assert "the newest check found drift" in index


def test_it_needs_no_training_data(workspace: Path) -> None:
    source = workspace / "data" / "toy.csv"
    away = source.rename(source.with_suffix(".away"))
    try:
        done = run_mlkit(workspace, "drift", "toy", "--data", "data/calm.csv")
    finally:
        away.rename(source)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_column_that_is_gone_is_drift_and_is_named(workspace: Path) -> None:
    done = run_mlkit(workspace, "drift", "toy", "--data", "data/short.csv", "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert answer["drift"]["verdict"] == "drift"
    assert "visits" in answer["drift"]["reason"]
    assert answer["retrain"] is None
    assert "Traceback" not in done.stderr


def test_the_trigger_retrains_from_the_configured_source(workspace: Path) -> None:
    before = len(runs.names("toy", workspace))
    version = registry.open_registry("toy", workspace).production()
    done = run_mlkit(
        workspace,
        "drift",
        "toy",
        "--data",
        "data/older.csv",
        "--trigger-retraining",
        "--json",
    )
    # The retrain ended well: its code stands, not that of the drift.
    assert done.returncode == 0, done.stdout + done.stderr
    record = newest(workspace)
    assert len(runs.names("toy", workspace)) == before + 2
    assert record["kind"] == "retrain"
    assert record["verdict"]["version"] == version.version
    assert record["verdict"]["new"] is False
    answer = json.loads(done.stdout)
    assert (answer["drifted"], answer["drift"]["verdict"]) == (True, "drift")
    assert answer["verdict"] == answer["retrain"]["verdict"] == record["verdict"]
    assert (answer["kind"], answer["retrain"]["run"]) == ("drift", record["run"])


def test_drift_found_in_a_retrain_leaves_its_exit_code_alone(workspace: Path) -> None:
    current = "drift.current=data/older.csv"
    done = run_mlkit(workspace, "retrain", "toy", "--set", current)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = {step["name"]: step for step in newest(workspace)["steps"]}
    assert steps["drift"]["scraps"]["drift"]["verdict"] == "drift"


def test_a_drift_step_that_fails_is_told_and_the_retrain_goes_on(workspace) -> None:
    notebook = workspace / "notebooks" / "drift.ipynb"
    whole = notebook.read_text()
    assert whole.count("mlkit.pipeline.find_drift(step, compared)") == 1
    notebook.write_text(whole.replace("mlkit.pipeline.find_drift(", "no_such_name("))
    try:
        done = run_mlkit(workspace, "retrain", "toy", "--set", "seed=8")
    finally:
        notebook.write_text(whole)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goes on without it" in done.stdout
    record = newest(workspace)
    assert record["status"] == "ok"
    assert record["verdict"]["verdict"] in ("promote", "keep", "undecided")
    page = runs.open_run("toy", record["run"], workspace).path / "index.html"
    assert "Drift: the step failed" in page.read_text()


def test_without_drift_the_trigger_does_nothing(workspace: Path) -> None:
    before = len(runs.names("toy", workspace))
    done = run_mlkit(
        workspace,
        "drift",
        "toy",
        "--data",
        "data/calm.csv",
        "--trigger-retraining",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    told = (answer["drifted"], answer["verdict"], answer["retrain"])
    assert told == (False, None, None)
    assert len(runs.names("toy", workspace)) == before + 1


def test_a_file_that_is_not_there_is_wrong_usage(workspace: Path) -> None:
    before = runs.names("toy", workspace)
    done = run_mlkit(workspace, "drift", "toy", "--data", "data/clam.csv")
    assert done.returncode == 2
    assert "calm.csv" in done.stderr
    assert runs.names("toy", workspace) == before


def test_without_a_version_in_production_it_says_retrain_first(tmp_path) -> None:
    root = make_workspace(tmp_path)
    done = run_mlkit(root, "drift", "toy", "--data", "data/toy.csv")
    assert done.returncode == 2
    assert "mlkit retrain toy" in done.stderr
    assert not (root / "reports" / "toy").exists()
