"""The command line: what it prints, where, and the code it ends with."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlkit import registry, store, train
from mlkit.cli.errors import CODES, code_of, message_of
from mlkit.data import Schema, conform
from tests.workspace import (
    TOY,
    make_workspace,
    retrained_workspace,
    run_mlkit,
    toy_table,
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with two versions, the first of them in production."""
    root = retrained_workspace(tmp_path_factory, "cli")
    done = run_mlkit(root, "retrain", "toy", "--set", "train.options.C=0.2")
    assert done.returncode == 0, done.stderr
    return root


class TestPredict:
    def test_scores_are_those_of_the_model_in_production(self, workspace, tmp_path):
        new = toy_table(40, seed=9).drop(columns="bought")
        new.to_csv(tmp_path / "new.csv", index=False)
        done = predict(workspace, tmp_path)
        assert done.returncode == 0, done.stderr
        scored = pd.read_csv(tmp_path / "scored.csv")
        loaded = registry.open_registry("toy", workspace).load("production")
        schema = Schema.from_dict(loaded.manifest["schema"])
        rows = conform(new.astype(str), schema, need_target=False)
        expected = train.predict(loaded.model, rows[list(schema.features)], "binary")
        np.testing.assert_allclose(scored["probability"], expected[:, 1])
        yes = scored["probability"] >= 0.5
        assert (scored["prediction"] == np.where(yes, "yes", "no")).all()
        assert list(scored.columns[:3]) == ["age", "visits", "region"]

    def test_an_unseen_category_is_scored_with_a_warning(self, workspace, tmp_path):
        new = toy_table(20, seed=9).assign(region="moon")
        new.to_csv(tmp_path / "new.csv", index=False)
        done = predict(workspace, tmp_path)
        assert done.returncode == 0
        assert "moon" in done.stderr
        assert len(pd.read_csv(tmp_path / "scored.csv")) == 20

    def test_a_missing_column_is_named_and_nothing_is_written(
        self, workspace, tmp_path
    ):
        toy_table(20).rename(columns={"visits": "visit"}).to_csv(
            tmp_path / "new.csv", index=False
        )
        done = predict(workspace, tmp_path)
        assert done.returncode == 2
        assert "'visits'" in done.stderr
        assert "visit" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "scored.csv").exists()

    def test_text_in_a_number_column_is_named(self, workspace, tmp_path):
        new = toy_table(20)
        new["age"] = new["age"].astype(object)
        new.loc[3, "age"] = "forty"
        new.to_csv(tmp_path / "new.csv", index=False)
        done = predict(workspace, tmp_path)
        assert done.returncode == 2
        assert "forty" in done.stderr
        assert f"{tmp_path / 'new.csv'}: the rows do not fit the model" in done.stderr

    def test_another_version_can_be_asked_for(self, workspace, tmp_path):
        toy_table(20).to_csv(tmp_path / "new.csv", index=False)
        done = predict(workspace, tmp_path, "--version", "1.1.0")
        assert "toy 1.1.0" in done.stdout
        done = predict(workspace, tmp_path, "--version", "7.0.0")
        assert done.returncode == 2
        assert "7.0.0" in done.stderr


def predict(root: Path, folder: Path, *more: str):
    data, out = str(folder / "new.csv"), str(folder / "scored.csv")
    return run_mlkit(root, "predict", "toy", "--data", data, "--out", out, *more)


class TestRegistry:
    def test_list_show_history_and_compare(self, workspace: Path) -> None:
        listed = run_mlkit(workspace, "registry", "list").stdout
        assert "1.0.0      production" in listed
        assert "1.1.0" in listed
        shown = json.loads(run_mlkit(workspace, "registry", "show", "toy").stdout)
        assert (shown["version"], shown["stage"]) == ("1.0.0", "production")
        history = run_mlkit(workspace, "registry", "history", "toy").stdout
        assert "registered 1.0.0" in history
        compared = run_mlkit(workspace, "registry", "compare", "toy", "1.0.0", "1.1.0")
        assert "train.options.C" in compared.stdout

    def test_promote_and_roll_back_by_hand(self, workspace: Path) -> None:
        opened = registry.open_registry("toy", workspace)
        (other,) = [v for v in opened.versions() if v.stage != "production"]
        if other.stage == "development":
            note = registry.Note("test", pd.Timestamp.now(tz="UTC").to_pydatetime())
            opened.move(other.version, "staging", note=note)
        why = ("--why", "the boss said so")
        done = run_mlkit(workspace, "registry", "promote", "toy", other.version, *why)
        assert done.returncode == 0, done.stderr
        assert opened.production().version == other.version
        done = run_mlkit(workspace, "registry", "rollback", "toy", *why)
        assert done.returncode == 0, done.stderr
        assert opened.production().version == "1.0.0"
        assert [*opened.history()][-1].why == "the boss said so"

    def test_live_says_what_was_in_production_on_a_day(self, workspace: Path) -> None:
        live = ("registry", "live", "toy")
        today = f"{pd.Timestamp.now(tz='UTC'):%Y-%m-%d}"
        assert "1.0.0 from" in run_mlkit(workspace, *live, today).stdout
        assert run_mlkit(workspace, *live, "2001-01-01").stdout == ""
        assert run_mlkit(workspace, *live, "soon").returncode == 2

    def test_a_version_that_was_rolled_back_is_left_alone(
        self, workspace: Path
    ) -> None:
        done = run_mlkit(
            workspace, "retrain", "toy", "--set", "train.options.C=0.2", "--json"
        )
        verdict = json.loads(done.stdout)["verdict"]
        assert verdict["new"] is False
        assert (verdict["version"], verdict["stage"]) == ("1.1.0", "archived")
        opened = registry.open_registry("toy", workspace)
        assert opened.production().version == "1.0.0"

    def test_an_unknown_model_or_version_names_the_nearest(self, workspace) -> None:
        done = run_mlkit(workspace, "registry", "show", "toi")
        assert done.returncode == 2
        assert "toy" in done.stderr

    def test_verify_finds_damage_and_ends_with_1(self, tmp_path, workspace) -> None:
        (blob, *_) = sorted((workspace / "registry" / "toy" / "blobs").iterdir())
        content = blob.read_bytes()
        blob.write_bytes(content[:-1] + b"!")
        try:
            done = run_mlkit(workspace, "registry", "verify")
        finally:
            blob.write_bytes(content)
        assert done.returncode == 1
        assert blob.name[:12] in done.stdout + done.stderr
        assert run_mlkit(workspace, "registry", "verify").returncode == 0


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["retrain", "toi"], "toy"),
            (["predict", "toy"], "--data"),
            (["run"], "notebook"),
            (["retran", "toy"], "retrain"),
            (["run", "trian", "toy"], "train"),
            (["check", "toy", "--set", "data.source=data/to.csv"], "toy.csv"),
            (["check", "toy", "--set", "train.estimator=linaer"], "linear"),
            (["check", "toy", "--set", "evaluate.primary=auc"], "roc_auc"),
        ],
    )
    def test_wrong_usage_names_the_nearest_and_ends_with_2(
        self, workspace, arguments, said
    ) -> None:
        done = run_mlkit(workspace, *arguments)
        assert done.returncode == 2, done.stdout + done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.endswith("exit code 2 (wrong usage or params)\n")

    @pytest.mark.parametrize(
        ("arguments", "kind", "said"),
        [
            (["retrain", "toi", "--json"], "ParamsError", "toy"),
            (["retrain", "toy", "--jsn", "--json"], "UsageError", "--jsn"),
            (["registry", "show", "toi", "--json"], "UsageError", "--json"),
            (["registry", "list", "toi", "--json"], "RegistryError", "toy"),
        ],
    )
    def test_an_error_is_json_where_json_is_asked_for(
        self, workspace, arguments, kind, said
    ) -> None:
        done = run_mlkit(workspace, *arguments)
        error = json.loads(done.stdout)["error"]
        assert (error["type"], error["exit_code"]) == (kind, done.returncode)
        assert said in error["message"]
        assert error["message"] in done.stderr

    def test_debug_shows_the_traceback_wherever_it_stands(self, workspace) -> None:
        assert "Traceback" in run_mlkit(workspace, "check", "toi", "--debug").stderr
        assert "Traceback" in run_mlkit(workspace, "--debug", "check", "toi").stderr

    def test_a_folder_that_is_no_workspace_has_no_cases(self, tmp_path) -> None:
        done = run_mlkit(tmp_path, "check", "toy")
        assert done.returncode == 2
        assert "Traceback" not in done.stderr

    def test_everything_that_params_name_is_checked_at_once(self, workspace) -> None:
        wrong = ("train.options.D=1", "evaluate.primary=auc", "data.source=no.csv")
        arguments = [word for each in wrong for word in ("--set", each)]
        done = run_mlkit(workspace, "check", "toy", *arguments)
        assert done.returncode == 2
        for said in ("3 problems", "train.options.D", "roc_auc", "no.csv"):
            assert said in done.stderr

    def test_check_and_show(self, workspace: Path) -> None:
        assert "is good" in run_mlkit(workspace, "check", "toy").stdout
        done = run_mlkit(workspace, "params", "show", "toy", "--set", "seed=5")
        assert json.loads(done.stdout)["seed"] == 5


@pytest.mark.parametrize(
    "arguments",
    [
        ["retrain", "toi"],
        ["retrain", "toy", "--set", "train.estimator=linaer"],
        ["run", "data", "toi"],
        ["check", "toi"],
        ["predict", "toi", "--data", "a.csv", "--out", "b.csv"],
    ],
)
def test_wrong_params_are_refused_before_anything_heavy_is_imported(
    tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "toy.yaml").write_text(TOY)
    program = (
        "import atexit, sys; from mlkit.cli import main; "
        "atexit.register(lambda: print(*sorted({'sklearn', 'pandas', 'numpy'} & "
        "set(sys.modules)))); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "MLKIT_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == "\n"


def test_the_case_of_the_project_is_taken_where_none_is_given(tmp_path: Path) -> None:
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "toy.yaml").write_text(TOY)
    for arguments in (["retrain"], ["run", "data"], ["check"]):
        done = run_mlkit(tmp_path, *arguments)
        assert done.returncode == 2
        assert "there is no params/vendor_dispatch.yaml" in done.stderr


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "there must be space on the disk"),
        (errno.EROFS, "the workspace must be on a disk that can be written to"),
        (errno.EACCES, "whoever runs mlkit must be allowed to read and write there"),
        (errno.EIO, "it must be readable and writable"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(number: int, said: str) -> None:
    error = OSError(number, os.strerror(number), "reports/a.html")
    message = message_of(error)
    assert message.startswith(f"reports/a.html: {said}; the system says: ")
    assert os.strerror(number) in message
    assert "Errno" not in message
    assert "Errno" not in message_of(OSError(number, os.strerror(number)))


def test_what_a_writer_says_of_a_refusal_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file") as caught:
        store.write_atomic(tmp_path / "file" / "a.json", "{}")
    message = message_of(caught.value)
    assert str(tmp_path / "file") in message
    assert "Errno" not in message


def test_every_error_in_the_table_exists() -> None:
    import importlib

    for (module, name), code in CODES.items():
        kind = getattr(importlib.import_module(module), name)
        assert issubclass(kind, BaseException)
        assert code in (1, 2, 3, 4)


def test_an_error_nobody_foresaw_is_called_one() -> None:
    error = ZeroDivisionError("division by zero")
    assert code_of(error) is None
    assert "unexpected ZeroDivisionError" in message_of(error)
    assert "--debug" in message_of(error)


def test_params_may_name_a_module_of_the_workspace(tmp_path: Path) -> None:
    root = make_workspace(tmp_path)
    (root / "ours.py").write_text("def hits(true, said):\n    return 7.0\n")
    own = (
        "  metrics:\n    - {name: hits, path: 'ours:hits', needs: label, "
        "greater_is_better: true}\n"
    )
    params = TOY.replace("evaluate:\n", f"evaluate:\n{own}")
    (root / "params" / "toy.yaml").write_text(params)
    # The command line finds it before the run, the kernels in it.
    for step in ("train", "evaluate"):
        done = run_mlkit(root, "run", step, "toy")
        assert done.returncode == 0, done.stderr
    found = root / "reports" / "toy" / "draft" / "evaluate" / "evaluation.json"
    assert store.read_json(found)["metrics"]["model"]["hits"]["value"] == 7.0
