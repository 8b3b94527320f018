"""The whole pipeline on a toy case: what is written, decided and said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scrapbook

from mlkit import registry, store
from mlkit.pipeline import runs
from tests.workspace import (
    live_kernels,
    make_workspace,
    mlkit_command,
    note_kernels,
    retrained_workspace,
    run_mlkit,
    toy_table,
)

# What is on disk when the run is killed: its record, results, a model, a commit.
MOMENTS = (
    "reports/toy/*/run.json",
    "reports/toy/*/data.json",
    "reports/toy/*/train/model.skops",
    "registry/toy/log/*.json",
)
STEPS = ["data", "train", "evaluate", "explain", "drift", "decide"]


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose case was retrained once."""
    return retrained_workspace(tmp_path_factory, "once")


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose case was retrained twice."""
    root = retrained_workspace(tmp_path_factory, "twice")
    done = run_mlkit(root, "retrain", "toy")
    assert done.returncode == 0, done.stderr
    return root


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


def newest(root: Path) -> dict[str, Any]:
    return runs.records("toy", root)[0]


def folder(root: Path) -> Path:
    return root / "reports" / "toy" / newest(root)["run"]


def wait_for(condition: Any, seconds: float = 90) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("it did not happen in time")


class TestAFirstRun:
    def test_the_record_tells_everything(self, retrained: Path) -> None:
        record = newest(retrained)
        assert record["status"] == "ok"
        assert [step["name"] for step in record["steps"]] == STEPS
        assert all(step["status"] == "ok" for step in record["steps"])
        assert all(step["peak_memory_mb"] > 50 for step in record["steps"][:3])
        assert record["params"]["train"]["estimator"] == "linear"
        assert record["params"]["evaluate"]["threshold"] == 0.5
        assert record["data"]["rows"] == 500
        assert record["packages"]["scikit-learn"]
        assert record["error"] is None

    def test_outputs_are_there_with_the_hash_that_is_recorded(self, retrained) -> None:
        for step in newest(retrained)["steps"][:3]:
            for name, digest in step["outputs"].items():
                assert store.sha256_file(folder(retrained) / name) == digest

    def test_evaluate_names_the_files_it_read(self, retrained: Path) -> None:
        steps = {step["name"]: step for step in newest(retrained)["steps"]}
        read = steps["evaluate"]["inputs"]
        made = steps["train"]["outputs"]
        assert read.pop("data") == newest(retrained)["data"]["fingerprint"]
        assert {"train/model.skops", "train/train_rows.npy"} <= set(read)
        assert read == {name: made[name] for name in read}

    def test_the_first_good_model_goes_into_production(self, retrained: Path) -> None:
        verdict = newest(retrained)["verdict"]
        assert verdict["verdict"] == "promote"
        version = registry.open_registry("toy", retrained).production()
        assert version is not None
        assert version.version == verdict["version"] == "1.0.0"
        assert version.manifest["run"] == newest(retrained)["run"]
        assert (
            version.manifest["fingerprint"] == newest(retrained)["data"]["fingerprint"]
        )

    def test_the_log_says_why(self, retrained: Path) -> None:
        commits = list(registry.open_registry("toy", retrained).history())
        assert [c.action for c in commits] == ["register", "move", "promote"]
        assert all(c.run == newest(retrained)["run"] for c in commits)
        assert commits[-1].why == newest(retrained)["verdict"]["reason"]
        assert commits[-1].evidence["verdict"] == "promote"

    def test_scraps_are_read_by_scrapbook(self, retrained: Path) -> None:
        notebook = scrapbook.read_notebook(str(folder(retrained) / "evaluate.ipynb"))
        scraps = notebook.scraps.data_dict
        (step,) = [s for s in newest(retrained)["steps"] if s["name"] == "evaluate"]
        assert scraps == step["scraps"]
        assert 0.5 < scraps["evaluation"]["metrics"]["model"]["roc_auc"]["value"] <= 1

    def test_injected_params_make_the_notebook_complete(self, retrained: Path) -> None:
        notebook = json.loads((folder(retrained) / "train.ipynb").read_text())
        (injected,) = [
            "".join(cell["source"])
            for cell in notebook["cells"]
            if "injected-parameters" in cell["metadata"].get("tags", [])
        ]
        given: dict[str, Any] = {}
        exec(injected, given)
        assert given["run"] == newest(retrained)["run"]
        assert given["train"] == newest(retrained)["params"]["train"]

    def test_every_page_is_there_and_leads_to_the_others(self, retrained) -> None:
        index = (retrained / "reports" / "index.html").read_text()
        page = (folder(retrained) / "index.html").read_text()
        assert f"toy/{newest(retrained)['run']}/index.html" in index
        for name in ("data", "train", "evaluate"):
            assert (folder(retrained) / f"{name}.html").exists()
            assert f'href="{name}.html"' in page
        assert newest(retrained)["verdict"]["reason"].split(";")[0][:40] in page

    def test_pages_need_no_network_and_run_no_script(self, retrained: Path) -> None:
        for page in folder(retrained).glob("*.html"):
            text = page.read_text()
            assert "<script" not in text
            assert not re.search(r'(?:src|srcset)="(?!data:)', text)
            assert "Content-Security-Policy" in text

    def test_the_log_file_has_a_line_a_step(self, retrained: Path) -> None:
        log = (folder(retrained) / "log.txt").read_text()
        assert re.search(r"train\s+ok", log)


class TestASecondRun:
    def test_the_same_again_adds_no_version_and_says_so(self, repeated: Path) -> None:
        again, first = runs.records("toy", repeated)
        assert again["verdict"]["verdict"] == "keep"
        assert again["verdict"]["new"] is False
        assert "identical" in again["verdict"]["version_reason"]
        assert len(registry.open_registry("toy", repeated).versions()) == 1
        assert metrics(again) == metrics(first)
        assert scraps(again, "train")["digest"] == scraps(first, "train")["digest"]

    def test_another_setting_is_another_version_judged_by_a_pair_test(self, repeated):
        done = run_mlkit(
            repeated, "retrain", "toy", "--set", "train.options.C=0.1", "--json"
        )
        assert done.returncode == 0, done.stderr
        verdict = json.loads(done.stdout)["verdict"]
        assert verdict["version"] == "1.1.0"
        assert "train.options.C" in verdict["version_reason"]
        assert verdict["verdict"] in ("undecided", "keep")
        assert verdict["champion"] == "1.0.0"
        assert verdict["evidence"]["paired"]["n"] > 50
        assert registry.open_registry("toy", repeated).production().version == "1.0.0"

    def test_a_failed_gate_is_exit_1_and_stage_failed(self, repeated: Path) -> None:
        gate = "evaluate.gates=[{metric: accuracy, min: 0.999}]"
        arguments = ("retrain", "toy", "--set", gate, "--set", "train.options.C=0.2")
        done = run_mlkit(repeated, *arguments)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "exit code 1 (the answer is no)"
        opened = registry.open_registry("toy", repeated)
        failed = [v for v in opened.versions() if v.stage == "failed"]
        assert len(failed) == 1
        assert newest(repeated)["verdict"]["verdict"] == "reject"
        assert "accuracy" in newest(repeated)["verdict"]["reason"].lower()
        assert opened.production().version == "1.0.0"
        assert run_mlkit(repeated, *arguments).returncode == 1
        assert len([v for v in opened.versions() if v.stage == "failed"]) == 1


def test_a_version_name_that_is_taken_is_refused_before_a_kernel_starts(repeated):
    before = len(runs.names("toy", repeated))
    named = ("--set", "registry.version=1.0.0", "--set", "train.options.C=0.3")
    done = run_mlkit(repeated, "retrain", "toy", *named)
    assert done.returncode == 2
    assert "registry.version" in done.stderr
    assert "1.0.0 is in production" in done.stderr
    assert len(runs.names("toy", repeated)) == before


def scraps(record: dict[str, Any], step: str) -> dict[str, Any]:
    (found,) = [s["scraps"] for s in record["steps"] if s["name"] == step]
    return found


def metrics(record: dict[str, Any]) -> dict[str, Any]:
    return scraps(record, "evaluate")["evaluation"]["metrics"]


class TestWhatGoesWrong:
    def test_wrong_params_stop_before_anything_is_written(
        self, workspace: Path
    ) -> None:
        done = run_mlkit(workspace, "retrain", "toy", "--set", "train.estimatr=linear")
        assert done.returncode == 2
        assert "estimator" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (workspace / "reports").exists()
        assert not (workspace / "registry").exists()

    def test_bad_data_fail_the_step_with_a_report(self, workspace: Path) -> None:
        table = toy_table(500)
        table["bought"] = "yes"
        table.to_csv(workspace / "data" / "toy.csv", index=False)
        done = run_mlkit(workspace, "retrain", "toy")
        assert done.returncode == 3
        assert "'bought'" in done.stderr
        assert "Traceback" not in done.stderr
        record = newest(workspace)
        assert (record["status"], record["error"]["step"]) == ("failed", "data")
        page = (folder(workspace) / "index.html").read_text()
        assert "load_dataset" in page
        assert "bought" in page
        assert not list((workspace / "registry").glob("*/log/*"))

    def test_a_killed_kernel_fails_the_step(self, workspace: Path) -> None:
        note_kernels(workspace)
        process = mlkit_command(workspace, "retrain", "toy")
        kernel = wait_for(lambda: live_kernels(workspace))[0]
        kernel.kill()
        process.communicate(timeout=120)
        assert process.returncode == 3
        assert newest(workspace)["status"] == "failed"
        assert "kernel" in newest(workspace)["error"]["message"]

    def test_a_second_retrain_ends_at_once_and_the_first_goes_on(self, workspace):
        note_kernels(workspace)
        first = mlkit_command(workspace, "retrain", "toy")
        wait_for(lambda: live_kernels(workspace))
        second = run_mlkit(workspace, "retrain", "toy")
        assert second.returncode == 4
        assert newest(workspace)["run"] in second.stderr
        first.communicate(timeout=240)
        assert first.returncode == 0
        assert len(runs.names("toy", workspace)) == 1

    def test_kill_9_at_any_moment_leaves_all_whole(self, workspace: Path) -> None:
        note_kernels(workspace)
        for moment in MOMENTS:
            kill_at(workspace, moment)
            assert newest(workspace)["status"] == "interrupted"
            checked = run_mlkit(workspace, "registry", "verify")
            assert checked.returncode == 0, checked.stderr
        done = run_mlkit(workspace, "retrain", "toy")
        assert done.returncode == 0, done.stderr
        records = runs.records("toy", workspace)
        assert [r["status"] for r in records] == ["ok"] + ["interrupted"] * len(MOMENTS)
        assert "registered 1.0.0" in records[1]["error"]["message"]
        # The version that the killed run had registered is the one that is promoted.
        assert records[0]["verdict"]["new"] is False
        assert registry.open_registry("toy", workspace).production().version == "1.0.0"
        index = (workspace / "reports" / "index.html").read_text()
        assert index.count("nterrupted") >= len(MOMENTS)

    def test_a_run_over_its_time_is_a_failure(self, workspace: Path) -> None:
        done = run_mlkit(
            workspace, "retrain", "toy", "--set", "pipeline.run_timeout=0.5"
        )
        assert done.returncode == 3
        assert newest(workspace)["error"]["type"] == "Timeout"
        assert "run_timeout" in newest(workspace)["error"]["advice"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a workspace on a disk that is full before a run is done."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root outside a container")
    yield make_workspace(disk)
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_is_an_error_and_the_next_run_works(small_disk: Path) -> None:
    done = run_mlkit(small_disk, "retrain", "toy")
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert run_mlkit(small_disk, "registry", "verify").returncode == 0
    remount = ["mount", "-o", "remount,size=50m", str(small_disk)]
    subprocess.run(remount, check=True)
    done = run_mlkit(small_disk, "retrain", "toy")
    assert done.returncode == 0, done.stderr
    assert newest(small_disk)["status"] == "ok"


def kill_at(root: Path, moment: str) -> None:
    """Start a retrain and kill it as soon as it has made one more file of a kind."""
    before = len(list(root.glob(moment)))
    process = mlkit_command(root, "retrain", "toy")
    wait_for(lambda: len(list(root.glob(moment))) > before)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it ended before {moment}"
    # A kernel notices within seconds that its parent is gone.
    wait_for(lambda: not live_kernels(root), 30)
