"""A version replayed: the same, or which of its inputs is not what it was."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mlkit import registry, reproduce, store
from mlkit.registry import Candidate
from mlkit.reproduce.code import _same_commit
from mlkit.reproduce.comparison import compare_metrics
from mlkit.reproduce.inputs import Input, find_inputs
from mlkit.reproduce.recorded import Recorded, ReproduceError, find_recorded
from mlkit.reproduce.replay import Replayed, adapted, read_replay
from mlkit.reproduce.reproduction import Reproduction
from tests.workspace import PROJECT, TOY, make_workspace, run_mlkit, toy_table

AT = datetime(2026, 11, 20, tzinfo=UTC)
GIT = ("-c", "user.name=t", "-c", "user.email=t@example.org")
NAMES = ["data", "params", "code", "packages"]


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *GIT, *arguments],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def committed(root: Path) -> Path:
    """Make a workspace a git repository that ignores what runs write."""
    (root / ".gitignore").write_text("/reports/\n/registry/\n/data/\n")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    return root


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): store.sha256_file(path)
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


@dataclass(frozen=True)
class Made:
    """A workspace with a version, and what its replay answered."""

    root: Path
    answer: dict[str, Any]
    replayed: Replayed
    unchanged: bool


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Return a workspace in which one version was made and replayed."""
    root = committed(make_workspace(tmp_path_factory.mktemp("made")))
    done = run_mlkit(root, "retrain", "toy")
    assert done.returncode == 0, done.stdout + done.stderr
    before = contents(root)
    done = run_mlkit(root, "reproduce", "toy", "latest", "--keep-folder", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    folder = Path(answer["folder"])
    same = contents(root) == before
    yield Made(root, answer, read_replay(folder, "toy"), same)
    shutil.rmtree(folder)


@pytest.fixture
def again(made: Made, tmp_path: Path) -> Path:
    """Return a copy of the workspace, to be changed."""
    root = tmp_path / "again"
    shutil.copytree(made.root, root)
    return root


@pytest.fixture
def recorded(made: Made) -> Recorded:
    return find_recorded("toy", "1.0.0", made.root)


def found(root: Path, replayed: Replayed, version: str = "1.0.0") -> dict[str, Input]:
    inputs = find_inputs(find_recorded("toy", version, root), replayed, root)
    assert [each.name for each in inputs] == NAMES
    return {each.name: each for each in inputs}


def changed(inputs: dict[str, Input]) -> list[str]:
    return [name for name, each in inputs.items() if not each.same]


def register_like(root: Path, recorded: Recorded, **fields: Any) -> str:
    """Register a version whose manifest says something else; return its number."""
    kept = {name: recorded.manifest[name] for name in Candidate.__dataclass_fields__}
    given = Candidate(**{**kept, "created_at": AT, **fields})
    opened = registry.open_registry("toy", root)
    rows = recorded.registry.artifact("1.0.0", "train_rows.npy")
    return opened.register(given, {"train_rows.npy": rows}).version


class TestTheSame:
    def test_model_and_metrics_come_out_the_same(self, made: Made) -> None:
        answer = made.answer
        assert answer["verdict"] == "same"
        assert answer["digest"]["recorded"] == answer["digest"]["now"]
        assert answer["metrics"]["compared"] > 3
        assert answer["metrics"]["differences"] == []
        assert {
            n: each["same"] for n, each in answer["inputs"].items()
        } == dict.fromkeys(NAMES, True)
        assert answer["sentence"].startswith("toy 1.0.0 is reproduced: the model and")
        assert answer["sentence"].endswith("are the same")

    def test_it_names_the_run_and_the_stage(self, made: Made) -> None:
        shown = registry.open_registry("toy", made.root).show("1.0.0")
        assert made.answer["run"] == shown.manifest["run"]
        assert made.answer["stage"] == shown.stage == "production"

    def test_the_workspace_is_not_changed(self, made: Made) -> None:
        assert made.unchanged

    def test_the_replay_really_trained(self, made: Made) -> None:
        draft = Path(made.answer["folder"]) / "reports" / "toy" / "draft"
        notebook = json.loads((draft / "train.ipynb").read_text())
        counts = [c.get("execution_count") for c in notebook["cells"]]
        assert max(count or 0 for count in counts) > 3
        recorded = registry.open_registry("toy", made.root).show("1.0.0").manifest
        assert made.replayed.digest == recorded["digest"]
        assert made.replayed.metrics == recorded["metrics"]


class TestAnInputThatDiffers:
    def test_one_row_of_the_data(self, again: Path) -> None:
        table = toy_table(500)
        table.loc[3, "age"] = 99.5
        table.to_csv(again / "data" / "toy.csv", index=False)
        done = run_mlkit(again, "reproduce", "toy", "production", "--json")
        answer = json.loads(done.stdout)
        assert done.returncode == 1, done.stderr
        assert answer["verdict"] == "differs"
        assert answer["changed"] == ["data"]
        data = answer["inputs"]["data"]
        assert data["differences"][0]["what"] == "fingerprint"
        assert "1 are no longer among the training rows" in data["notes"][0]
        assert "what differs: data" in answer["sentence"]
        assert answer["digest"]["recorded"] != answer["digest"]["now"]
        assert answer["metrics"]["differences"]
        assert answer["folder"] is None

    def test_one_param_of_the_manifest(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        params = json.loads(json.dumps(recorded.manifest["params"]))
        params["train"]["folds"] = 7
        version = register_like(again, recorded, params=params)
        inputs = found(again, made.replayed, version)
        assert changed(inputs) == ["params"]
        (difference,) = inputs["params"].differences
        assert difference.sentence == (
            "params.train.folds 5 in the run's record -> 7 in the manifest"
        )

    def test_one_package_of_the_manifest(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        packages = {**recorded.manifest["packages"], "scikit-learn": "1.2.3"}
        params = {**recorded.manifest["params"], "seed": 0}
        version = register_like(again, recorded, packages=packages, params=params)
        inputs = found(again, made.replayed, version)
        assert changed(inputs) == ["packages"]
        (difference,) = inputs["packages"].differences
        now = recorded.manifest["packages"]["scikit-learn"]
        assert difference.sentence == f"scikit-learn 1.2.3 -> {now}"

    def test_one_line_of_a_notebook(self, again: Path, made: Made) -> None:
        path = again / "notebooks" / "train.ipynb"
        notebook = json.loads(path.read_text())
        last = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][-1]
        last["source"] = [*last["source"], "\n1 + 1"]
        path.write_text(json.dumps(notebook))
        inputs = found(again, made.replayed)
        assert changed(inputs) == ["code"]
        (difference,) = inputs["code"].differences
        assert difference.what == "notebooks/train.ipynb"
        assert inputs["code"].notes == (
            "there are uncommitted changes now: `git stash` puts them away",
        )

    def test_the_text_of_a_notebook_is_no_code(self, again: Path, made: Made) -> None:
        path = again / "notebooks" / "evaluate.ipynb"
        notebook = json.loads(path.read_text())
        notebook["cells"][0]["source"] = ["# Another title"]
        path.write_text(json.dumps(notebook))
        assert changed(found(again, made.replayed)) == []

    def test_one_line_of_mlkit(self, made: Made, tmp_path: Path) -> None:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / "mlkit", tmp_path / "mlkit", ignore=ignored)
        with (tmp_path / "mlkit" / "train" / "fitting.py").open("a") as file:
            file.write("\n# one more line\n")
        code = (
            "import json; from pathlib import Path\n"
            "from mlkit.reproduce.inputs import find_inputs\n"
            "from mlkit.reproduce.recorded import find_recorded\n"
            f"root = Path({str(made.root)!r})\n"
            "inputs = find_inputs(find_recorded('toy', '1.0.0', root), None, root)\n"
            "print(json.dumps([each.to_dict() for each in inputs]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        inputs = {each["name"]: each for each in json.loads(done.stdout)}
        assert [n for n, each in inputs.items() if each["same"] is False] == ["code"]
        assert [d["what"] for d in inputs["code"]["differences"]] == ["mlkit"]
        assert "it is another one than then" in inputs["code"]["notes"][-1]


class TestCommits:
    @pytest.mark.parametrize(
        ("then", "now", "same"),
        [
            ("aa", "aa", True),
            ("aa", "bb", False),
            ("aa", "aa-dirty", False),
            ("aa-dirty", "aa", None),
            ("aa-dirty", "aa-dirty", None),
            ("aa-dirty", "bb", False),
            (None, "aa", None),
            ("aa", None, None),
        ],
    )
    def test_a_commit_stands_for_code_unless_it_had_changes(
        self, then: str | None, now: str | None, same: bool | None
    ) -> None:
        assert _same_commit(then, now) is same

    def test_another_commit_with_the_same_code_is_said(
        self, again: Path, made: Made
    ) -> None:
        first = git(again, "rev-parse", "HEAD")
        git(again, "commit", "-qm", "second", "--allow-empty")
        code = found(again, made.replayed)["code"]
        assert code.same
        (note,) = code.notes
        assert first[:12] in note
        assert "train and evaluate run is the same in both" in note

    def test_the_way_back_to_the_code_of_another_commit_is_told(
        self, again: Path, made: Made
    ) -> None:
        first = git(again, "rev-parse", "HEAD")
        path = again / "notebooks" / "evaluate.ipynb"
        path.write_text(path.read_text().replace("evaluation", "evaluated"))
        git(again, "commit", "-qam", "second")
        code = found(again, made.replayed)["code"]
        assert code.same is False
        (note,) = code.notes
        assert f"git -C {again} switch --detach {first[:12]}" in note
        git(again, *note.split("`")[1].split()[3:])
        assert found(again, made.replayed)["code"].same

    def test_without_the_record_of_the_run_the_commit_decides(
        self, again: Path, made: Made
    ) -> None:
        shutil.rmtree(again / "reports")
        assert found(again, made.replayed)["code"].same
        git(again, "commit", "-qm", "second", "--allow-empty")
        code = found(again, made.replayed)["code"]
        assert code.same is False
        assert [difference.what for difference in code.differences] == ["commit"]

    def test_uncommitted_changes_that_were_not_kept_are_said(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        shutil.rmtree(again / "reports")
        code = f"{recorded.manifest['code']}-dirty"
        params = {**recorded.manifest["params"], "seed": 0}
        version = register_like(again, recorded, code=code, params=params)
        answer = found(again, made.replayed, version)["code"]
        assert answer.same is None
        assert "uncommitted changes" in answer.notes[0]

    def test_a_commit_that_is_not_there_is_said(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        shutil.rmtree(again / "reports")
        version = register_like(again, recorded, code="ab" * 20)
        answer = found(again, made.replayed, version)["code"]
        assert answer.same is False
        assert "does not have: fetch it" in answer.notes[0]


class TestParams:
    def test_a_params_file_of_today_that_says_otherwise_does_not_count(
        self, again: Path, made: Made
    ) -> None:
        file = again / "params" / "toy.yaml"
        file.write_text(file.read_text().replace("linear", "sgd"))
        inputs = found(again, made.replayed)
        assert changed(inputs) == []
        (note,) = inputs["params"].notes
        assert "params.train.estimator linear -> sgd" in note

    def test_a_key_that_is_not_known_any_more_is_named(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        shutil.rmtree(again / "reports")
        params = json.loads(json.dumps(recorded.manifest["params"]))
        params["train"]["patience"] = 3
        version = register_like(again, recorded, params=params)
        inputs = found(again, made.replayed, version)
        (difference,) = inputs["params"].differences
        assert difference.what == "params.train.patience"
        assert "is not a known key" in difference.sentence

    def test_a_key_that_was_not_there_then_is_named(
        self, again: Path, made: Made, recorded: Recorded
    ) -> None:
        shutil.rmtree(again / "reports")
        params = json.loads(json.dumps(recorded.manifest["params"]))
        del params["train"]["folds"]
        version = register_like(again, recorded, params=params)
        inputs = found(again, made.replayed, version)
        assert inputs["params"].same
        assert "params.train.folds was not there then" in inputs["params"].notes[0]

    def test_params_without_a_target_cannot_be_replayed(
        self, again: Path, recorded: Recorded
    ) -> None:
        params = json.loads(json.dumps(recorded.manifest["params"]))
        del params["data"]["target"]
        version = register_like(again, recorded, params=params)
        with pytest.raises(ReproduceError, match=r"data\.target is missing"):
            find_recorded("toy", version, again)

    def test_a_search_tries_as_many_settings_as_it_came_to_try(
        self, recorded: Recorded, made: Made
    ) -> None:
        params = recorded.params.model_validate(
            recorded.manifest["params"]
            | {"train": {"search": {"seconds": 2, "candidates": 50}}}
        )
        search = {"candidates": 7, "stopped_by": "seconds"}
        manifest = {**recorded.manifest, "training": {"search": search}}
        searched = replace(recorded, params=params, manifest=manifest)
        limits = adapted(searched, made.root).train.search
        assert limits is not None
        assert limits.candidates == 7
        assert limits.seconds > 1e6


TIMED = TOY.replace(
    '  positive: "yes"', '  positive: "yes"\n  time: day\n  split: {by: time}'
)

HITS = """\
def hits(y_true, y_pred):
    return float((y_true == y_pred).mean())
"""


def test_a_cutoff_that_was_moved_and_a_search_out_of_time_are_replayed(
    tmp_path: Path, candidate: Callable[..., Candidate]
) -> None:
    search = "train:\n  search: {seconds: 0.05, candidates: 20, folds: 2}"
    own = "evaluate:\n  metrics: [{name: hits, path: 'own.scores:hits', "
    own += "needs: label, greater_is_better: true}]"
    timed = TIMED.replace("train:", search).replace("evaluate:", own)
    root = make_workspace(tmp_path, params=timed)
    (root / "own").mkdir()
    (root / "own" / "scores.py").write_text(HITS)
    table = toy_table(500)
    table["day"] = [f"2025-{1 + i // 42:02d}-{1 + i % 28:02d}" for i in range(500)]
    table.to_csv(root / "data" / "toy.csv", index=False)
    # An earlier version was split later than these rows alone would be.
    params = {"data": {"time": "day"}, "train": {}, "evaluate": {}}
    earlier = candidate(params=params, split={"by": "time", "cutoff": "2025-11-20"})
    registry.open_registry("toy", root).register(earlier, {"model.skops": b"old"})
    done = run_mlkit(root, "retrain", "toy")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    manifest = registry.open_registry("toy", root).show("latest").manifest
    assert manifest["split"]["cutoff"].startswith("2025-11-20")
    assert manifest["training"]["search"]["stopped_by"] == "seconds"
    before = contents(root)
    done = run_mlkit(root, "reproduce", "toy", manifest["version"])
    assert contents(root) == before
    assert done.returncode == 0, done.stdout + done.stderr
    tried = manifest["training"]["search"]["candidates"]
    assert f"the search tried {tried} settings in its time" in done.stdout
    assert f"toy {manifest['version']} is reproduced" in done.stdout
    assert "hits" in manifest["metrics"]


class TestWhatCannotBeReplayed:
    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            (("tyo", "1.0.0"), "there is no model 'tyo'"),
            (("toy", "9.0.0"), "9.0.0"),
            (("toy", "staging"), "staging"),
        ],
    )
    def test_what_is_not_there(
        self, made: Made, asked: tuple[str, str], said: str
    ) -> None:
        done = run_mlkit(made.root, "reproduce", *asked)
        assert done.returncode == 2
        assert said in done.stderr

    def test_data_that_are_gone(self, again: Path) -> None:
        (again / "data" / "toy.csv").unlink()
        done = run_mlkit(again, "reproduce", "toy", "1.0.0", "--json")
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert error["type"] == "ReproduceError"
        assert "the data it learned from are gone" in error["message"]
        assert "toy.csv" in error["message"]

    def test_data_that_cannot_be_read_any_more(
        self, again: Path, recorded: Recorded
    ) -> None:
        params = json.loads(json.dumps(recorded.manifest["params"]))
        files = {"toy": "data/toy.csv"}
        query = "select age, profession, bought from toy"
        params["data"] |= {"source": None, "query": query, "files": files}
        version = register_like(again, recorded, params=params)
        with pytest.raises(ReproduceError, match="its data cannot be read any more"):
            reproduce.reproduce("toy", version, root=again)

    def test_data_that_cannot_be_trained_on(self, again: Path) -> None:
        toy_table(500).drop(columns="bought").to_csv(
            again / "data" / "toy.csv", index=False
        )
        done = run_mlkit(again, "reproduce", "toy", "1.0.0")
        assert done.returncode == 3
        assert "toy 1.0.0 could not be replayed" in done.stdout
        assert "bought" in done.stdout


OWN = """\
from sklearn.linear_model import LogisticRegression


class Mine(LogisticRegression):
    pass
"""


def test_an_estimator_of_types_not_known_is_replayed_as_a_pickle(
    again: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    (again / "mine.py").write_text(OWN)
    monkeypatch.syspath_prepend(str(again))
    params = json.loads(json.dumps(recorded.manifest["params"]))
    params["train"] |= {"estimator": "mine:Mine"}
    params["registry"]["allow_pickle"] = True
    version = register_like(again, recorded, params=params, digest="c" * 64)
    answer = reproduce.reproduce("toy", version, root=again, keep_folder=True)
    assert answer.folder is not None
    try:
        assert answer.verdict == "differs", answer.error
        assert answer.changed == ("params", "code")
        draft = answer.folder / "reports" / "toy" / "draft"
        assert (draft / "train" / "model.pickle").exists()
        # A module is copied, so that Python writes nothing beside the user's own.
        assert not (answer.folder / "mine.py").is_symlink()
    finally:
        shutil.rmtree(answer.folder)


class TestMetrics:
    def test_equal_numbers_differ_in_nothing(self) -> None:
        one = {"auc": {"value": 0.1 + 0.2, "lower": None, "upper": None, "n": 5}}
        assert compare_metrics(one, json.loads(json.dumps(one))) == ()

    def test_the_last_bit_counts(self) -> None:
        (found,) = compare_metrics({"a": {"value": 0.3}}, {"a": {"value": 0.1 + 0.2}})
        assert found.by == pytest.approx(5.55e-17, rel=0.01)
        assert found.sentence == "a 0.3 -> 0.3 (+5.55e-17)"

    def test_bounds_and_missing_metrics_are_told(self) -> None:
        before = {"auc": {"value": 0.9, "lower": 0.8}, "f1": {"value": 0.5}}
        now = {"auc": {"value": 0.9, "lower": 0.7}, "brier": {"value": 0.1}}
        assert [each.sentence for each in compare_metrics(before, now)] == [
            "auc lower 0.8 -> 0.7 (-0.1)",
            "f1 0.5 -> none",
            "brier none -> 0.1",
        ]


class TestTheAnswer:
    def answer(self, **fields: Any) -> Reproduction:
        inputs = tuple(Input(name, True) for name in NAMES)  # type: ignore[arg-type]
        known: dict[str, Any] = {
            "model": "toy",
            "version": "1.0.0",
            "stage": "production",
            "run": None,
            "digest": "a" * 64,
            "digest_now": "a" * 64,
            "metrics": 3,
            "metric_differences": (),
            "inputs": inputs,
            "error": None,
            "folder": None,
        }
        return Reproduction(**known | fields)

    def test_inputs_that_differ_without_effect_are_named(self) -> None:
        inputs = (Input("code", False), Input("packages", False))
        answer = self.answer(inputs=inputs)
        assert answer.exit_code == 0
        assert answer.sentence.endswith("although this differs: code, packages")

    def test_a_difference_without_a_cause_is_said(self) -> None:
        answer = self.answer(digest_now="b" * 64)
        assert answer.exit_code == 1
        assert "no input that is recorded differs" in answer.sentence

    def test_a_cause_that_nobody_can_tell_is_said(self) -> None:
        answer = self.answer(digest_now="b" * 64, inputs=(Input("code", None),))
        assert "nobody can tell: code" in answer.sentence

    def test_equal_models_with_other_metrics_are_not_reproduced(self) -> None:
        differing = compare_metrics({"a": {"value": 1.0}}, {"a": {"value": 2.0}})
        answer = self.answer(metric_differences=differing)
        assert answer.verdict == "differs"
        assert "the model is the same, its metrics are not" in answer.sentence


def test_the_front_door_names_what_it_offers() -> None:
    assert all(hasattr(reproduce, name) for name in reproduce.__all__)
