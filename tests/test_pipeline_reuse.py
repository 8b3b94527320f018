"""Steps taken from earlier runs: when, why not, and that nothing is missing then."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlkit import registry, store
from mlkit.pipeline import reuse, runs
from mlkit.pipeline.graph import NOTEBOOKS
from mlkit.pipeline.keys import Key
from mlkit.pipeline.retraining import ResumeError, retrain
from mlkit.pipeline.running import Ended
from tests.light import break_step, entries, make_light, run_steps, taken, why
from tests.workspace import add_cell, retrained_workspace, run_mlkit

ALL = list(NOTEBOOKS)
ARCHIVE = ("registry", "archive", "toy", "1.0.0", "--why", "a test")
NOTHING = "nothing it depends on has changed since run {}"
HEAVY = (
    *("papermill", "nbconvert", "nbformat", "nbclient", "scrapbook", "jupyter_client"),
    *("sklearn", "scipy", "shap", "matplotlib", "pandas", "IPython"),
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a light workspace in which all steps have run, and the run."""
    root = make_light(tmp_path_factory.mktemp("done"))
    return root, run_steps(root, jobs=2).folder.run


@pytest.fixture
def root(done: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of that workspace."""
    return Path(shutil.copytree(done[0], tmp_path / "copy"))


def files(ended: Ended) -> dict[str, str]:
    """Return all files that the steps of a run name, by their hash as recorded."""
    return {
        name: digest
        for step in ended.record["steps"]
        for name, digest in step["outputs"].items()
    }


class TestNothingHasChanged:
    def test_every_step_is_taken_and_says_from_where(self, done, root: Path) -> None:
        said: list[str] = []
        again = run_steps(root, said=said)
        assert taken(again) == ALL
        for name in ALL:
            assert why(again, name) == [NOTHING.format(done[1])]
            assert f"{name:<9} taken   {NOTHING.format(done[1])}" in said
        assert [s["name"] for s in again.record["steps"]] == ALL

    def test_the_runs_folder_is_complete(self, root: Path) -> None:
        again = run_steps(root)
        found = files(again)
        assert {"train.ipynb", "train.json", "train/made.json"} <= set(found)
        for name, digest in found.items():
            assert store.sha256_file(again.folder.path / name) == digest
        for name in ALL:
            page = again.folder.path / f"{name}.html"
            assert store.sha256_file(page) == entries(again)[name]["page"]

    def test_the_run_in_which_a_step_truly_ran_is_handed_on(self, done, root) -> None:
        run_steps(root)
        third = run_steps(root)
        assert {s["taken"] for s in third.record["steps"]} == {done[1]}

    def test_files_are_shared_with_the_earlier_run(self, done, root: Path) -> None:
        again = run_steps(root)
        earlier = again.folder.path.with_name(done[1])
        for name in ("train.ipynb", "train/made.json", "train.html", "train.json"):
            assert (again.folder.path / name).samefile(earlier / name)

    def test_without_links_they_are_copied(self, root: Path, monkeypatch) -> None:
        def refuse(*_given: Any, **_named: Any) -> None:
            raise OSError(errno.EXDEV, "another disk")

        monkeypatch.setattr(reuse.os, "link", refuse)
        again = run_steps(root)
        assert taken(again) == ALL
        for name, digest in files(again).items():
            path = again.folder.path / name
            assert store.sha256_file(path) == digest
            assert path.stat().st_nlink == 1

    def test_running_a_step_again_leaves_the_earlier_files_alone(self, done, root):
        again = run_steps(root)
        earlier = again.folder.path.with_name(done[1])
        before = store.sha256_file(earlier / "train.ipynb")
        add_cell(root, "train", "1 + 1")
        # It made the same, so that the later steps have nothing new to do.
        assert taken(run_steps(root)) == ["data", "evaluate", "explain", "drift"]
        assert store.sha256_file(earlier / "train.ipynb") == before

    def test_evaluating_once_more_leaves_the_earlier_run_alone(self, done, root):
        # As a retrain does whose champion was replaced while it was judged against.
        again = run_steps(root, then=lambda steps: steps.again("evaluate", "a test"))
        assert again.record["status"] == "ok", again.record["error"]
        earlier = again.folder.path.with_name(done[1])
        record = store.read_json(earlier / "run.json")
        for step in record["steps"]:
            for name, digest in step["outputs"].items():
                assert store.sha256_file(earlier / name) == digest
        taken_one, anew = (s for s in again.record["steps"] if s["name"] == "evaluate")
        assert taken_one["key"] is None
        assert (anew["taken"], anew["why"]) == (None, ["a test"])
        third = run_steps(root)
        assert entries(third)["evaluate"]["taken"] == again.folder.run

    def test_runs_of_another_case_are_not_looked_at(self, root: Path) -> None:
        (root / "reports" / "toy").rename(root / "reports" / "other")
        assert taken(run_steps(root)) == []


class TestSomethingHasChanged:
    def test_a_setting_runs_its_steps_and_those_after(self, root: Path) -> None:
        again = run_steps(root, "train.options.C=0.5")
        assert taken(again) == ["data"]
        assert why(again, "train") == ["params.train.options.C changed not set -> 0.5"]
        assert why(again, "explain") == ["the result of train changed"]

    def test_the_data_run_everything(self, root: Path) -> None:
        table = root / "data" / "toy.csv"
        table.write_text(table.read_text().replace("north", "North", 1))
        again = run_steps(root, jobs=2)
        assert taken(again) == []
        assert why(again, "data") == ["the data changed: data/toy.csv"]
        assert why(again, "drift") == [
            "the data changed: data/toy.csv",
            "the result of train changed",
        ]

    def test_an_earlier_result_is_found_behind_newer_ones(self, done, root) -> None:
        run_steps(root, "train.options.C=0.5")
        again = run_steps(root)
        assert taken(again) == ALL
        assert entries(again)["train"]["taken"] == done[1]

    def test_a_module_of_the_workspace_runs_the_steps_that_use_it(self, root) -> None:
        add_cell(root, "explain", "import mine")
        (root / "mine.py").write_text("X = 1\n")
        first = run_steps(root)
        assert why(first, "explain") == [
            "mine.py changed",
            "notebooks/explain.ipynb changed",
        ]
        assert taken(run_steps(root)) == ALL
        (root / "mine.py").write_text("X = 2\n")
        again = run_steps(root)
        assert taken(again) == [name for name in ALL if name != "explain"]
        assert why(again, "explain") == ["mine.py changed"]

    def test_force_runs_all(self, root: Path) -> None:
        again = run_steps(root, force=True, jobs=2)
        assert taken(again) == []
        assert why(again, "data") == ["--force was given"]

    def test_what_changes_while_a_step_runs_keeps_its_result_from_being_taken(
        self, root: Path
    ) -> None:
        add_cell(
            root,
            "explain",
            "import os, pathlib\n"
            'pathlib.Path(os.environ["MLKIT_ROOT"], "mine.py").write_text("X = 2")\n'
            "import mine",
        )
        (root / "mine.py").write_text("X = 1\n")
        said: list[str] = []
        first = run_steps(root, said=said)
        assert entries(first)["explain"]["key"] is None
        assert any("while it ran, mine.py changed" in line for line in said)
        again = run_steps(root)
        assert "explain" not in taken(again)
        assert "explain" in taken(run_steps(root))


@pytest.mark.parametrize(
    ("floor", "wanted", "found"),
    [
        # The first run set out from nothing; its version's cutoff binds the second.
        (None, "2026-03-01", True),
        (None, None, True),
        ("2026-01-01", "2026-01-01", True),
        ("2026-01-01", "2026-03-01", True),
        ("2026-01-01", None, False),
        (None, "2026-02-01", False),
        (None, "2026-04-01", False),
    ],
)
def test_a_split_by_time_is_known_by_its_start_and_by_what_came_of_it(
    tmp_path: Path, floor: str | None, wanted: str | None, found: bool
) -> None:
    parts = {"data": {"toy.csv": "d"}, "params": {}, "cutoff": floor}
    entry = {"name": "train", "status": "ok", "cutoff": "2026-03-01"}
    folder = runs.RunFolder("toy", "r", tmp_path)
    earlier = reuse.Earlier(folder, entry, Key(parts))
    assert reuse.same(earlier, Key({**parts, "cutoff": wanted})) is found


def test_a_cutoff_that_leads_to_the_same_rows_is_no_reason(tmp_path: Path) -> None:
    parts = {"data": {"toy.csv": "d"}, "cutoff": None, "mlkit": "1"}
    entry = {"name": "train", "status": "ok", "cutoff": "2026-03-01"}
    folder = runs.RunFolder("toy", "r", tmp_path)
    earlier = reuse.Earlier(folder, entry, Key(parts))
    key = Key({**parts, "cutoff": "2026-03-01", "mlkit": "2"})
    assert reuse.reasons(key, [earlier], step="train") == ["mlkit changed"]
    other = Key({**parts, "cutoff": "2026-04-01"})
    assert reuse.reasons(other, [earlier], step="train") == [
        "the day of the split changed: none -> 2026-04-01"
    ]


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


class TestADamagedResult:
    @pytest.mark.parametrize("file", ["train.ipynb", "train.json", "train/made.json"])
    @pytest.mark.parametrize("harm", [remove, cut])
    def test_it_is_not_taken_and_the_log_names_the_file(
        self, done, root: Path, file: str, harm: Callable[[Path], None]
    ) -> None:
        harm(root / "reports" / "toy" / done[1] / file)
        again = run_steps(root, names=("data", "train"))
        assert taken(again) == ["data"]
        (reason,) = why(again, "train")
        assert reason.startswith(f"of the result in run {done[1]}, {file} ")
        log = (again.folder.path / "log.txt").read_text()
        assert f"is not taken from run {done[1]}: {file} " in log
        # It was made anew, and is whole.
        assert taken(run_steps(root, names=("data", "train"))) == ["data", "train"]

    def test_a_file_that_several_runs_share_is_told_of_once(self, done, root) -> None:
        for _ in range(2):
            run_steps(root, names=("data", "train"))
        cut(root / "reports" / "toy" / done[1] / "train" / "made.json")
        said: list[str] = []
        again = run_steps(root, said=said, names=("data", "train"))
        assert len(why(again, "train")) == 1
        assert sum("is not taken from" in line for line in said) == 1

    def test_a_damaged_page_is_written_anew(self, done, root: Path) -> None:
        page = root / "reports" / "toy" / done[1] / "train.html"
        whole = page.read_bytes()
        cut(page)
        again = run_steps(root)
        assert taken(again) == ALL
        written = (again.folder.path / "train.html").read_text()
        assert written.rstrip().endswith("</html>")
        assert page.read_bytes() == whole[:-1]

    def test_an_older_whole_one_is_taken_instead(self, done, root: Path) -> None:
        second = run_steps(root, force=True, names=("data", "train"))
        remove(second.folder.path / "train" / "made.json")
        again = run_steps(root, names=("data", "train"))
        assert entries(again)["train"]["taken"] == done[1]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"outputs": None},
            {"outputs": {}},
            {"key": None},
            {"key": {"digest": "0"}},
            {"key": 3},
            {"status": "failed"},
        ],
    )
    def test_an_odd_record_is_no_result(self, done, root: Path, wrong) -> None:
        path = root / "reports" / "toy" / done[1] / "run.json"
        record = store.read_json(path)
        record["steps"][0].update(wrong)
        path.unlink()
        store.write_json(path, record)
        again = run_steps(root, names=("data", "train"))
        assert taken(again) == ["train"]

    def test_a_record_that_cannot_be_read_is_no_result(self, done, root) -> None:
        (root / "reports" / "toy" / done[1] / "run.json").write_text("{")
        again = run_steps(root, names=("data",))
        assert why(again, "data") == ["no earlier result"]
        assert again.record["status"] == "ok"


class TestAfterAFailure:
    def test_the_next_run_goes_on_from_the_step_that_failed(self, tmp_path) -> None:
        root = make_light(tmp_path)
        whole = break_step(root, "evaluate")
        failed = run_steps(root)
        assert failed.record["error"]["step"] == "evaluate"
        assert failed.exit_code == 3
        (root / "notebooks" / "evaluate.ipynb").write_text(whole)
        again = run_steps(root)
        assert taken(again) == ["data", "train"]
        (reason,) = why(again, "evaluate")
        assert reason == f"no earlier result: it ended as failed in {failed.folder.run}"

    def test_the_good_steps_of_a_killed_run_are_taken(self, done, root: Path) -> None:
        # As a process leaves it that is killed while evaluate runs.
        folder = root / "reports" / "toy" / done[1]
        record = store.read_json(folder / "run.json")
        record["steps"] = record["steps"][:2]
        record |= {"status": "running", "ended_at": None, "data": None}
        for step in record["steps"]:
            del step["page"]
        (folder / "run.json").unlink()
        store.write_json(folder / "run.json", record)
        for page in folder.glob("*.html"):
            page.unlink()
        again = run_steps(root)
        assert taken(again) == ["data", "train"]
        assert (again.folder.path / "train.html").exists()
        closed = runs.records("toy", root)[-1]
        assert closed["status"] == "interrupted"

    def test_resume_takes_good_steps_although_code_has_changed(self, tmp_path) -> None:
        root = make_light(tmp_path)
        broken = break_step(root, "evaluate")
        failed = run_steps(root)
        (root / "notebooks" / "evaluate.ipynb").write_text(broken)
        add_cell(root, "train", "1 + 1")
        run = failed.folder.run
        said: list[str] = []
        resumed = run_steps(root, resume=run, said=said)
        assert resumed.record["resumed"] == run
        assert taken(resumed) == ["data", "train"]
        although = f"from run {run} although notebooks/train.ipynb changed"
        assert why(resumed, "train") == [although]
        assert f"train     taken   {although}" in said
        assert resumed.record["status"] == "ok"
        # A plain run judges by the whole key.
        assert "train" not in taken(run_steps(root))

    def test_resume_never_takes_what_other_data_made(self, tmp_path: Path) -> None:
        root = make_light(tmp_path)
        whole = break_step(root, "evaluate")
        run = run_steps(root).folder.run
        (root / "notebooks" / "evaluate.ipynb").write_text(whole)
        table = root / "data" / "toy.csv"
        table.write_text(table.read_text().replace("north", "North", 1))
        assert taken(run_steps(root, resume=run)) == []

    def test_resume_never_takes_a_damaged_file(self, tmp_path: Path) -> None:
        root = make_light(tmp_path)
        whole = break_step(root, "evaluate")
        failed = run_steps(root)
        (root / "notebooks" / "evaluate.ipynb").write_text(whole)
        add_cell(root, "train", "1 + 1")
        cut(failed.folder.path / "train" / "made.json")
        assert taken(run_steps(root, resume=failed.folder.run)) == ["data"]


class TestWhatCannotBeResumed:
    def test_a_run_that_ended_well(self, done, root: Path) -> None:
        with pytest.raises(ResumeError, match="it ended well; `mlkit retrain toy`"):
            retrain("toy", root=root, resume=done[1])

    def test_a_run_that_is_not_there(self, root: Path) -> None:
        with pytest.raises(FileNotFoundError, match="newest runs"):
            retrain("toy", root=root, resume="20260101T000000Z-000000")

    def test_other_settings(self, done, root: Path) -> None:
        with pytest.raises(ResumeError, match=r"--set was given \(seed=3\)"):
            retrain("toy", root=root, resume=done[1], overrides=["seed=3"])

    def test_a_drift_check(self, done, root: Path) -> None:
        path = root / "reports" / "toy" / done[1] / "run.json"
        record = store.read_json(path) | {"kind": "drift", "status": "failed"}
        path.unlink()
        store.write_json(path, record)
        with pytest.raises(ResumeError, match="no params of a retrain"):
            retrain("toy", root=root, resume=done[1])

    def test_many_retrains_at_once(self, done, root: Path) -> None:
        path = root / "reports" / "toy" / done[1] / "run.json"
        record = store.read_json(path) | {"kind": "fan_out", "status": "failed"}
        path.unlink()
        store.write_json(path, record)
        with pytest.raises(ResumeError, match="`mlkit retrain toy` takes what was"):
            retrain("toy", root=root, resume=done[1])

    def test_by_all_cases_or_by_force(self, root: Path) -> None:
        for other in ("--all", "--force"):
            said = run_mlkit(root, "retrain", "--resume", "x", other)
            assert said.returncode == 2
            assert f"{other} was given, too" in said.stderr


def test_less_than_one_job_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match="jobs must be at least 1, got 0"):
        retrain("toy", root=root, jobs=0)


PROBE = """
import json, sys
from mlkit.pipeline import retrain
said = []
done = retrain("toy", say=said.append)
heavy = [name for name in sys.argv[1:] if name in sys.modules]
verdict = done.record["verdict"]
print(json.dumps({"heavy": heavy, "verdict": verdict, "run": done.folder.run}))
"""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a workspace retrained until nothing was left to do, and that run."""
    root = retrained_workspace(tmp_path_factory, "settled")
    ended = run_mlkit(root, "retrain", "toy")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return root, runs.names("toy", root)[0]


class TestARetrainThatHasNothingToDo:
    """With the project's own notebooks: the first run promotes, a second is judged."""

    def test_the_second_is_judged_against_what_the_first_promoted(self, settled):
        record = runs.records("toy", settled[0])[0]
        steps = {step["name"]: step for step in record["steps"]}
        assert [n for n in steps if steps[n]["taken"]] == ["data", "train", "explain"]
        for name in ("evaluate", "drift"):
            assert steps[name]["why"] == ["the champion changed: none -> 1.0.0"]

    def test_it_imports_nothing_heavy_and_says_since_when(self, settled) -> None:
        root, before = settled
        commits = len(list(registry.open_registry("toy", root).history()))
        probed = subprocess.run(
            [sys.executable, "-c", PROBE, *HEAVY],
            cwd=root,
            env={**os.environ, "MLKIT_ROOT": str(root)},
            capture_output=True,
            text=True,
            check=True,
        )
        found = json.loads(probed.stdout)
        record = runs.records("toy", root)[0]
        assert [step["why"] for step in record["steps"] if not step["taken"]] == []
        assert found["heavy"] == []
        verdict = found["verdict"]
        assert (verdict["verdict"], verdict["new"]) == ("keep", False)
        assert verdict["unchanged_since"] == before
        assert f"nothing has changed since run {before}" in verdict["version_reason"]
        assert record["run"] == found["run"] != before
        assert record["status"] == "ok"
        assert all(step["taken"] for step in record["steps"])
        assert record["data"]["rows"] == 500
        assert len(list(registry.open_registry("toy", root).history())) == commits
        folder = runs.open_run("toy", record["run"], root).path
        page = (folder / "index.html").read_text()
        assert before in page
        for name in NOTEBOOKS:
            assert f'href="{name}.html"' in page

    def test_another_state_of_the_registry_is_decided_upon_anew(self, settled) -> None:
        root, _ = settled
        archived = run_mlkit(root, *ARCHIVE)
        assert archived.returncode == 0, archived.stderr
        again = run_mlkit(root, "retrain", "toy")
        assert again.returncode == 0, again.stderr
        steps = {s["name"]: s for s in runs.records("toy", root)[0]["steps"]}
        assert steps["decide"]["taken"] is None
        assert steps["train"]["taken"]
        # There is no champion, as there was none in the first run.
        assert steps["evaluate"]["taken"]
