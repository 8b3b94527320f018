"""Two runs compared: which is meant, what differs, and which is better."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bs4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit import registry, store
from mlkit.differences import (
    Chosen,
    Comparison,
    RunChoiceError,
    choose,
    compare,
    write_page,
)
from mlkit.differences.code import cell_changes, commits, environment, reordered
from mlkit.differences.comparison import decision_changes, param_changes
from mlkit.differences.measured import metric_pairs, standing
from mlkit.differences.notebooks import Cell, cells
from mlkit.pipeline import runs as pipeline_runs
from mlkit.registry import Candidate, Note
from tests.report_runs import (
    HOSTILE,
    PAIRED,
    RUN,
    body,
    changed,
    estimate,
    failed,
    interrupted,
    previous,
)
from tests.workspace import retrained_workspace, run_mlkit

OLD, NEW = "20260719T101500Z-0ff1ce", "20260726T101500Z-a1b2c3"
SECRET = "4711-secret"
PLAIN = json.dumps({"cells": []})


def code_cell(
    id_: str | None, source: str, *tags: str, html: str = ""
) -> dict[str, Any]:
    outputs = [{"output_type": "execute_result", "data": {"text/html": html}}]
    cell = {
        "cell_type": "code",
        "source": source.splitlines(keepends=True),
        "metadata": {"tags": [*tags]},
        "outputs": outputs if html else [],
    }
    return cell if id_ is None else {**cell, "id": id_}


def notebook(*code: dict[str, Any]) -> str:
    text = {"cell_type": "markdown", "source": "words", "metadata": {}, "id": "m"}
    given = code_cell("p", 'case = "x"', "parameters")
    injected = code_cell("i", f'case = "{SECRET}"', "injected-parameters")
    return json.dumps({"nbformat": 4, "cells": [text, given, injected, *code]})


def schema(**kinds: str) -> dict[str, Any]:
    return {"schema": {"columns": [{"name": n, "kind": k} for n, k in kinds.items()]}}


def write_run(root: Path, run: dict[str, Any], **notebooks: str) -> Chosen:
    """Write the record and the executed notebooks of a run as the runner does."""
    folder = root / "reports" / run["case"] / run["run"]
    store.write_json(folder / "run.json", run)
    for name, content in notebooks.items():
        store.write_atomic(folder / f"{name}.ipynb", content)
    return choose(f"{run['case']}:{run['run']}", root)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Chosen, Chosen]:
    """Return two runs of a case that differ in everything there is."""
    old = write_run(
        tmp_path,
        previous(),
        data=notebook(code_cell("data-1", "profile()")),
        evaluate=notebook(code_cell("evaluate-1", "show()", html=body())),
    )
    store.write_json(
        old.folder.path / "train" / "training.json", schema(km="number", age="number")
    )
    new = write_run(
        tmp_path,
        RUN,
        data=notebook(code_cell("data-1", f"profile()\n# {HOSTILE}")),
        evaluate=notebook(code_cell("evaluate-1", "show()", html=body())),
    )
    store.write_json(
        new.folder.path / "train" / "training.json", schema(km="category", city="text")
    )
    return old, new


class TestChoice:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        write_run(tmp_path, RUN)
        write_run(tmp_path, previous())
        write_run(tmp_path, changed(case="wine", run="20260301T000000Z-abc123"))
        return tmp_path

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (NEW, NEW),
            (NEW.lower(), NEW),
            ("20260726", NEW),
            ("a1b", NEW),
            ("vendor_dispatch:2026072", NEW),
            ("vendor_dispatch:latest", NEW),
            ("vendor_dispatch:previous", OLD),
            (f"reports/vendor_dispatch/{OLD}/index.html", OLD),
            ("wine:latest", "20260301T000000Z-abc123"),
            ("abc123", "20260301T000000Z-abc123"),
        ],
    )
    def test_a_run_is_found_by_what_names_it(
        self, root: Path, asked: str, found: str
    ) -> None:
        assert choose(asked, root).folder.run == found

    @pytest.mark.parametrize(
        ("asked", "said"),
        [
            ("20260726T101500Z-a1b2c4", f"the nearest: {NEW}"),
            ("zzz", "newest runs: 20260726T101500Z-a1b2c3"),
            ("2026", "fits 3 runs"),
            ("a1", "no run has that name"),
            ("", "no run has that name"),
            ("wine:20260726", "no run has that name"),
            ("wime:latest", "the nearest: wine"),
            ("latest", "vendor_dispatch:latest, wine:latest"),
            ("wine:previous", "has 1 finished run to choose from"),
            ("wine:production", "no version of model 'wine' is in production"),
        ],
    )
    def test_what_is_not_one_run_is_refused_with_the_nearest(
        self, root: Path, asked: str, said: str
    ) -> None:
        with pytest.raises(RunChoiceError, match=r"asked for|fits|asks for") as refused:
            choose(asked, root)
        assert said in str(refused.value)

    def test_without_any_run_the_next_step_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(RunChoiceError, match="mlkit retrain CASE"):
            choose("latest", tmp_path)

    def test_latest_is_the_newest_run_that_ended(self, tmp_path: Path) -> None:
        write_run(tmp_path, RUN)
        write_run(tmp_path, failed())
        many = changed(run="20260801T000000Z-fa0000", kind="fan_out", members=[])
        write_run(tmp_path, many)
        under_way = changed(run="20260802T000000Z-fa0000", status="running")
        with pipeline_runs.hold("vendor_dispatch", tmp_path):
            write_run(tmp_path, under_way)
            assert choose("latest", tmp_path).folder.run == NEW
        # Its process is gone, so that it has ended.
        assert choose("latest", tmp_path).record["status"] == "interrupted"

    def test_production_is_the_run_whose_model_is_in_use(
        self, root: Path, candidate: Callable[..., Candidate]
    ) -> None:
        opened = registry.open_registry("vendor_dispatch", root)
        made = candidate(run=OLD)
        note = Note("ada", made.created_at, "because")
        version = opened.register(made, {"model.skops": b"model"}).version
        opened.move(version, "staging", note=note)
        opened.promote(version, note=note, expected_champion=None)
        assert choose("vendor_dispatch:production", root).folder.run == OLD

    def test_the_run_of_production_may_be_gone(
        self, root: Path, candidate: Callable[..., Candidate]
    ) -> None:
        opened = registry.open_registry("wine", root)
        made = candidate(run="20250101T000000Z-000000")
        note = Note("ada", made.created_at, "because")
        version = opened.register(made, {"model.skops": b"model"}).version
        opened.move(version, "staging", note=note)
        opened.promote(version, note=note, expected_champion=None)
        with pytest.raises(RunChoiceError, match="20250101T000000Z-000000, is not in"):
            choose("wine:production", root)


def measured(
    value: float, width: float = 0.02, *, greater: bool = True, **fields: Any
) -> dict[str, Any]:
    """Return a run whose primary metric is known, and of no other model's line."""
    found = {
        "primary": "m", "labels": {"m": "M"}, "greater_is_better": {"m": greater},
        "n_test": 100, "metrics": {"model": {"m": estimate(value, width)}},
    }  # fmt: skip
    step = {"name": "evaluate", "status": "ok", "scraps": {"evaluation": found}}
    params = {"task": "binary", "data": {"target": "y"}}
    run = {"case": "toy", "run": "r", "steps": [step], "params": params,
           "data": {"fingerprint": "f"}}  # fmt: skip
    return run | fields


def compared(a: dict[str, Any], b: dict[str, Any]) -> Any:
    return standing(a, b, metric_pairs(a, b))


class TestStanding:
    def test_intervals_apart_show_which_is_better(self) -> None:
        found = compared(measured(0.8), measured(0.9))
        assert found.better == "b"
        assert found.headline == "B is better: M 0.900 in B, 0.800 in A"
        assert "do not overlap" in found.reason
        assert "same test rows" in found.reason

    def test_less_may_be_better(self) -> None:
        old, new = (measured(v, greater=False) for v in (0.8, 0.9))
        assert compared(old, new).better == "a"

    def test_intervals_that_overlap_are_said_to_show_nothing(self) -> None:
        found = compared(measured(0.8), measured(0.83))
        assert found.better is None
        assert "neither is shown to be better" in found.headline
        assert "The intervals overlap" in found.reason

    def test_other_test_rows_are_told(self) -> None:
        found = compared(measured(0.8), measured(0.9, data={"fingerprint": "g"}))
        assert "different test rows" in found.reason

    def test_without_intervals_nothing_is_claimed(self) -> None:
        run = measured(0.9)
        run["steps"][0]["scraps"]["evaluation"]["metrics"]["model"]["m"]["lower"] = None
        assert "cannot be told" in compared(measured(0.8), run).headline

    @pytest.mark.parametrize(
        "other",
        [
            measured(0.9, case="wine"),
            measured(0.9, params={"task": "binary", "data": {"target": "z"}}),
            measured(0.9, params={"task": "regression", "data": {"target": "y"}}),
        ],
    )
    def test_runs_that_ask_different_questions_are_not_ranked(
        self, other: dict[str, Any]
    ) -> None:
        found = compared(measured(0.5), other)
        assert found.better is None
        assert "different questions" in found.headline

    def test_a_run_that_measured_nothing_is_named(self) -> None:
        found = compared(measured(0.9), failed() | {"case": "toy"})
        assert found.headline == "B measured no model, so neither is better"

    def test_the_same_fitted_state_is_the_same_model(self) -> None:
        train = {"name": "train", "status": "ok", "scraps": {"digest": "d"}}
        runs = [measured(0.8), measured(0.8)]
        for run in runs:
            run["steps"].append(train)
        assert compared(*runs).headline == "both have the same model"
        # On other rows it may do better, and is no better model.
        other = measured(0.99, data={"fingerprint": "g"})
        other["steps"].append(train)
        assert [pair.reading for pair in metric_pairs(runs[0], other)] == ["apart"]
        assert compared(runs[0], other).better is None

    def test_the_paired_test_of_one_against_the_other_decides(self) -> None:
        # Its intervals overlap, but the same rows answered both.
        old = measured(0.891, 0.05, verdict={"version": "1.1.0"})
        evidence = {"champion": "1.1.0", "paired": PAIRED}
        new = measured(0.912, 0.05, verdict={"version": "1.2.0", "evidence": evidence})
        found = compared(old, new)
        assert found.better == "b"
        assert (
            "B gains 0.021 in roc_auc against A, tested on 798 rows" in found.headline
        )
        turned = compared(new, old)
        assert turned.better == "a"
        assert turned.paired["gain"] == -PAIRED["gain"]
        assert (turned.paired["lower"], turned.paired["upper"]) == (-0.03, -0.012)

    def test_a_paired_test_against_another_version_is_not_taken(self) -> None:
        evidence = {"champion": "1.0.0", "paired": PAIRED}
        new = measured(0.9, 0.5, verdict={"version": "1.2.0", "evidence": evidence})
        old = measured(0.8, 0.5, verdict={"version": "1.1.0"})
        assert compared(old, new).paired is None
        # Nor one of the same number of another model.
        other = measured(0.8, 0.5, verdict={"version": "1.0.0"})
        other["params"] = {**other["params"], "registry": {"model": "else"}}
        assert compared(other, new).paired is None

    def test_a_paired_test_within_chance_says_so(self) -> None:
        test = PAIRED | {"gain": -0.01, "lower": -0.02, "upper": 0.005}
        evidence = {"champion": "1.1.0", "paired": test}
        new = measured(0.9, verdict={"evidence": evidence})
        found = compared(measured(0.5, verdict={"version": "1.1.0"}), new)
        assert found.better is None
        assert "B loses 0.010" in found.headline

    @given(
        st.floats(0, 1), st.floats(0, 0.3), st.floats(0, 1), st.floats(0, 0.3),
        st.booleans(),
    )  # fmt: skip
    def test_asked_the_other_way_round_the_answer_is_the_same_run(
        self, a: float, a_width: float, b: float, b_width: float, greater: bool
    ) -> None:
        one = measured(a, a_width, greater=greater)
        other = measured(b, b_width, greater=greater)
        there, back = compared(one, other).better, compared(other, one).better
        assert {"a": "b", "b": "a", None: None}[there] == back
        apart = a + a_width < b - b_width or b + b_width < a - a_width
        assert (there is not None) == apart


class TestCode:
    @given(st.text("ab\n", max_size=30), st.text("ab\n", max_size=30))
    def test_a_diff_leads_from_one_source_to_the_other(self, a: str, b: str) -> None:
        changes = [*cell_changes("train", [Cell("c", a, ())], [Cell("c", b, ())])]
        assert bool(changes) == (a != b)
        for change in changes:
            grown = len(b.splitlines()) - len(a.splitlines())
            assert change.added - change.removed == grown

    def test_a_cell_that_only_one_has_is_added_or_removed(self) -> None:
        old = [Cell("a", "x", ()), Cell("b", "y\nz", ())]
        new = [Cell("a", "x", ()), Cell("c", "w", ())]
        found = [(c.cell, c.added, c.removed) for c in cell_changes("train", old, new)]
        assert found == [("c", 1, 0), ("b", 0, 2)]

    def test_cells_are_read_without_their_parameters(self, tmp_path: Path) -> None:
        path = tmp_path / "x.ipynb"
        path.write_text(notebook(code_cell("a", "x = 1\ny = 2"), code_cell(None, "z")))
        assert [(c.key, c.source) for c in cells(path)] == [
            ("a", "x = 1\ny = 2"), ("cell 2", "z"),
        ]  # fmt: skip

    def test_another_order_is_told(self) -> None:
        first, second = Cell("a", "x", ()), Cell("b", "y", ())
        assert reordered([first, second], [second, first])
        assert not reordered([first, second], [first, Cell("n", "", ()), second])

    def test_git_tells_commits_and_files_where_it_knows_both(
        self, tmp_path: Path
    ) -> None:
        hashes = []
        git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
        subprocess.run([*git, "init", "-q"], check=True)
        for number in range(3):
            (tmp_path / "train.txt").write_text("line\n" * number)
            subprocess.run([*git, "add", "."], check=True)
            title = f"Change {number}"
            subprocess.run([*git, "commit", "-q", "-m", title], check=True)
            done = subprocess.run([*git, "rev-parse", "HEAD"], check=True,
                                  capture_output=True, text=True)  # fmt: skip
            hashes.append(done.stdout.strip())
        old, new = ({"git": {"commit": hashes[i], "dirty": False}} for i in (0, 2))
        found = commits(old, new, [tmp_path / "nowhere", tmp_path])
        assert [title[-8:] for title in found.titles] == ["Change 2", "Change 1"]
        assert "train.txt | 2 ++" in found.stat
        assert found.note == ""

    @pytest.mark.parametrize("commit", ["f" * 40, "--output=x", "$(x)", "HEAD"])
    def test_a_commit_that_git_does_not_know_is_said_to_be(
        self, tmp_path: Path, commit: str
    ) -> None:
        git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=b"]
        subprocess.run([*git, "init", "-q"], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        done = subprocess.run([*git, "rev-parse", "HEAD"], check=True,
                              capture_output=True, text=True)  # fmt: skip
        old = {"git": {"commit": done.stdout.strip(), "dirty": False}}
        found = commits(old, {"git": {"commit": commit}}, [tmp_path])
        assert found.note == "Git does not know both commits here."
        assert [path.name for path in tmp_path.iterdir()] == [".git"]

    def test_changes_that_are_not_committed_may_differ_unless_hashes_tell(self) -> None:
        run = {"git": {"commit": "a" * 40, "dirty": True}}
        assert commits(run, run, []).uncertain
        known = run | {"steps": [{"key": {"parts": {"mlkit": "h"}}}]}
        assert not commits(known, known, []).uncertain

    def test_versions_are_compared_where_both_records_have_them(self) -> None:
        key = {"parts": {"mlkit": "h" * 64, "workspace_code": {"own.py": "1"}}}
        new = changed(lock="l", steps=[{"key": key}], packages={"numpy": "3"})
        names = [change.what for change in environment(RUN, new)]
        # The older record knows neither mlkit's source nor the lock file.
        assert names == ["numpy", "scikit-learn"]
        other = copy.deepcopy(new)
        other["steps"][0]["key"]["parts"] |= {"mlkit": "g", "workspace_code": {}}
        names = [change.what for change in environment(new, other | {"lock": "m"})]
        assert names == ["mlkit's source", "lock file", "own.py"]


class TestComparison:
    def test_two_runs_differ_in_what_their_records_say(
        self, runs: tuple[Chosen, Chosen]
    ) -> None:
        found = compare(*runs)
        assert [change.what for change in found.params] == [
            "seed", "train.options.depth",
        ]  # fmt: skip
        facts = {change.what: (change.a, change.b) for change in found.data}
        assert facts["rows"] == (3940, 4060)
        assert facts["column 'km'"] == ("number", "category")
        assert facts["column 'age'"] == ("number", None)
        assert facts["column 'city'"] == (None, "text")
        assert [(c.step, c.added, c.removed) for c in found.cells] == [("data", 1, 0)]
        assert [change.what for change in found.environment] == ["scikit-learn"]
        assert found.standing.better is None
        assert found.headline.startswith(
            "A and B differ in the data, seed, train.options.depth, the code of data, "
            "the commit, scikit-learn, the verdict, the version and the stage; neither "
            "is shown to be better: "
        )
        assert all(pair.same for pair in found.figures)

    def test_what_is_written_is_plain_data(self, runs: tuple[Chosen, Chosen]) -> None:
        told = compare(*runs).to_dict()
        text = store.canonical_json(told)
        assert store.canonical_json(json.loads(text)) == text
        assert "base64" not in json.dumps(told)

    def test_a_run_and_its_copy_differ_in_nothing(self, tmp_path: Path) -> None:
        shown = notebook(code_cell("c", "x", html=body()))
        a = write_run(tmp_path, changed(run=OLD), evaluate=shown)
        b = write_run(tmp_path, RUN, evaluate=shown)
        found = compare(a, b)
        assert found.identical
        assert found.headline == "Nothing differs between A and B but when they ran"
        assert compare(a, a).headline == "A and B are the same run"

    @pytest.mark.parametrize(
        ("verdict", "said"),
        [
            ({"champion": "1.0.0"}, "the champion"),
            ({"verdict": "keep"}, "the verdict"),
            ({"version": "1.1.9"}, "the version"),
            ({"stage": "staging"}, "the stage"),
        ],
    )
    def test_another_decision_is_a_difference(
        self, tmp_path: Path, verdict: dict[str, Any], said: str
    ) -> None:
        old = changed(run=OLD, verdict=RUN["verdict"] | verdict)
        found = compare(write_run(tmp_path, old), write_run(tmp_path, RUN))
        assert found.differs_in == (said,)
        assert not found.identical
        assert found.headline.startswith(f"A and B differ in {said}; ")
        (change,) = found.to_dict()["decision"]
        (name,) = verdict
        assert change == {"what": name, "a": verdict[name], "b": RUN["verdict"][name]}

    def test_the_champion_is_known_of_a_run_without_a_decision(self) -> None:
        def run(champion: Any) -> dict[str, Any]:
            key = {"parts": {"champion": champion}}
            return {"steps": [{"name": "evaluate", "key": key}]}

        first, second = run(None), run({"version": "1.0.0", "digest": "0"})
        (change,) = decision_changes(first, second)
        assert change.to_dict() == {"what": "champion", "a": "none", "b": "1.0.0"}
        assert decision_changes(second, {"steps": []}) == ()

    def test_another_figure_alone_is_a_difference(self, tmp_path: Path) -> None:
        shown = notebook(code_cell("c", "x", html=body()))
        a = write_run(tmp_path, changed(run=OLD), evaluate=shown)
        b = write_run(tmp_path, RUN, evaluate=shown.replace("It rises", "It sinks"))
        found = compare(a, b)
        assert not found.identical
        assert found.headline.startswith("Only the results differ; ROC AUC is the same")

    def test_a_failed_run_says_what_is_missing(self, tmp_path: Path) -> None:
        a = write_run(tmp_path, RUN, evaluate=PLAIN)
        b = write_run(tmp_path, failed())
        found = compare(a, b)
        assert "B did not end well: The step “train” failed." in found.missing
        assert "B has no executed notebook of the step “evaluate”." in found.missing
        assert found.headline.endswith("B measured no model, so neither is better")
        assert write_page(found, a, b).exists()

    @pytest.mark.parametrize("left", ["{", "[]", '{"cells": 3}', "\x00"])
    def test_a_damaged_notebook_is_told_and_the_rest_is_compared(
        self, tmp_path: Path, left: str
    ) -> None:
        a = write_run(tmp_path, previous(), data=left)
        b = write_run(tmp_path, RUN, data=PLAIN)
        found = compare(a, b)
        assert any("A's notebook of “data” cannot be read" in m for m in found.missing)
        assert found.params

    def test_what_is_left_of_an_interrupted_run_can_be_compared(
        self, tmp_path: Path
    ) -> None:
        a = write_run(tmp_path, interrupted())
        b = write_run(tmp_path, RUN)
        found = compare(a, b)
        assert "The record of A tells nothing of params, data and packages." in (
            found.missing
        )
        assert found.params == ()
        assert write_page(found, a, b).exists()
        assert write_page(compare(b, a), b, a).exists()

    def test_runs_of_different_cases_stand_side_by_side(self, tmp_path: Path) -> None:
        a = write_run(tmp_path, RUN)
        b = write_run(tmp_path, changed(case="wine"))
        found = compare(a, b)
        assert found.differs_in == ("the case",)
        assert {pair.reading for pair in found.metrics} == {"same"}
        assert found.standing.better is None
        page = write_page(found, a, b)
        assert page.parent == b.folder.path

    def test_the_links_of_the_page_lead_to_both_runs(
        self, runs: tuple[Chosen, Chosen]
    ) -> None:
        for chosen in runs:
            (chosen.folder.path / "index.html").touch()
        page = write_page(compare(*runs), *runs)
        soup = bs4.BeautifulSoup(page.read_text(), "html.parser")
        links = [str(link["href"]) for link in soup.select(".side a")]
        there = [(page.parent / link).resolve() for link in links]
        assert there == [c.folder.path.resolve() / "index.html" for c in runs]

    def test_values_of_sensitive_columns_are_nowhere(self, tmp_path: Path) -> None:
        sensitive = {"sensitive": ["id", "day"], "time": "day",
                     "split": {"cutoff": SECRET}}  # fmt: skip
        open_ = {**sensitive, "sensitive": []}
        shown = notebook(code_cell("c", "x", html=body().replace("A line", SECRET)))
        data = {**RUN["data"], "cutoff": SECRET, "first": SECRET}
        a = write_run(
            tmp_path,
            changed(run=OLD, data={**data, "fingerprint": "0", "cutoff": "x"}, params={
                "data": open_, "explain": {"key": "id", "rows": [SECRET]}}),
            evaluate=shown,
        )  # fmt: skip
        b = write_run(
            tmp_path,
            changed(data=data, params={
                "data": sensitive, "explain": {"key": "id", "rows": ["other"]}}),
            evaluate=shown.replace(SECRET, "A line"),
        )  # fmt: skip
        found = compare(a, b)
        assert SECRET not in json.dumps(found.to_dict(), ensure_ascii=False)
        assert SECRET not in write_page(found, a, b).read_text()
        # That they differ is told.
        assert "explain.rows" in [change.what for change in found.params]
        assert "The figures of A are not shown" in " ".join(found.missing)
        assert all(pair.a is None and pair.b for pair in found.figures)

    def test_true_is_not_one(self) -> None:
        old, new = ({"params": {"x": value}} for value in (True, 1))
        assert [change.what for change in param_changes(old, new)] == ["x"]

    def test_params_of_a_record_without_any_are_not_called_changed(self) -> None:
        assert param_changes({"params": None}, RUN) == ()


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace in which a case was retrained twice."""
    root = retrained_workspace(tmp_path_factory, "compared")
    done = run_mlkit(root, "retrain", "toy", "--set", "explain.repeats=3")
    assert done.returncode == 0, done.stderr
    return root


class TestCommand:
    def test_two_real_runs_are_compared(self, retrained: Path) -> None:
        done = run_mlkit(retrained, "diff", "toy:previous", "toy:latest")
        assert done.returncode == 0, done.stderr
        lines = done.stdout.splitlines()
        differ = "explain.repeats, the champion, the verdict, the version and the stage"
        assert f"A and B differ in {differ}; both have the same model." in lines
        assert "  decision: champion none -> 1.0.0" in lines
        assert "  params: explain.repeats 2 -> 3" in lines
        page = Path(lines[-1].removeprefix("report: "))
        assert page.stat().st_size < 2_000_000
        soup = bs4.BeautifulSoup(page.read_text(), "html.parser")
        assert soup.select("figure.pair img")
        assert "Explain" in [h.get_text() for h in soup.select("h3")]

    def test_the_answer_is_json_where_json_is_asked_for(self, retrained: Path) -> None:
        done = run_mlkit(retrained, "diff", "latest", "latest", "--json")
        told = json.loads(done.stdout)
        assert told["headline"] == "A and B are the same run"
        assert told["identical"] is True
        assert Path(told["report"]).exists()

    def test_an_unknown_run_ends_with_2_and_names_the_nearest(
        self, retrained: Path
    ) -> None:
        newest = choose("toy:latest", retrained).folder.run
        done = run_mlkit(retrained, "diff", f"{newest[:-1]}x", "latest")
        assert done.returncode == 2
        assert f"the nearest: {newest}" in done.stderr

    def test_the_index_does_not_take_the_page_for_a_run(self, retrained: Path) -> None:
        found = compare(choose("toy:previous", retrained), choose("latest", retrained))
        assert isinstance(found, Comparison)
        assert run_mlkit(retrained, "reports").returncode == 0
        index = (retrained / "reports" / "index.html").read_text()
        assert "1 case, 2 runs." in index
