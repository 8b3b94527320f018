"""The key of a step: each part changes it, nothing else does, and it says what did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit import report, sources, store
from mlkit.params import Params, load_params
from mlkit.params.models import Section
from mlkit.pipeline import steps as steps_module
from mlkit.pipeline.code import notebook_digest, own_modules, package_digest
from mlkit.pipeline.graph import EVERY, GRAPH, NOTEBOOKS
from mlkit.pipeline.keys import Key, differences, step_key
from mlkit.pipeline.signatures import arguments, code_cells, signature
from tests import played
from tests.workspace import add_cell, make_workspace

CODE = {"mlkit": "m", "lock": "l", "python": "3.11.7", "packages": {"numpy": "2.0"}}
BEFORE = {"train": "t"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return make_workspace(tmp_path, rows=300)


def key(root: Path, name: str = "train", *overrides: str, **other: Any) -> Key:
    params = load_params("toy", root, overrides=overrides)
    known = {"code": CODE, "before": BEFORE, **other}
    return step_key(name, params, root, **known)


def said(old: Key, new: Key, name: str = "train") -> list[str]:
    return differences(old.parts, new.parts, step=name)


ALL = set(NOTEBOOKS)


@pytest.mark.parametrize(
    ("override", "steps"),
    [
        ("seed=7", ALL),
        ("data.min_rows=20", ALL),
        ("train.options.C=0.5", {"train"}),
        ("train.folds=3", ALL),
        ("evaluate.slices=[region]", ALL),
        ("evaluate.resamples=300", {"evaluate", "explain", "drift"}),
        ("explain.repeats=3", {"explain"}),
        ("drift.min_effect=0.06", {"drift"}),
        ("registry.model=other", ALL),
        ("registry.allow_pickle=true", ALL),
        ("registry.auto_promote=false", {"evaluate"}),
        ("registry.version=2.0.0", set()),
        ("notes=a try", set()),
        ("pipeline.cell_timeout=5", set()),
    ],
)
def test_a_setting_changes_the_keys_of_the_steps_that_read_it(root, override, steps):
    changed = {
        name
        for name in NOTEBOOKS
        if key(root, name).digest != key(root, name, override).digest
    }
    assert changed == steps
    for name in changed:
        (line,) = said(key(root, name), key(root, name, override))
        assert line.startswith(f"params.{override.split('=')[0]} changed ")


def test_a_changed_setting_is_told_with_both_values(root: Path) -> None:
    old, new = key(root), key(root, "train", "train.options.C=200")
    assert said(old, new) == ["params.train.options.C changed not set -> 200"]
    newer = key(root, "train", "train.options.C=300")
    assert said(new, newer) == ["params.train.options.C changed 200 -> 300"]


def test_code_of_a_notebook_counts_and_its_text_does_not(root: Path) -> None:
    path = root / "notebooks" / "train.ipynb"
    before = key(root)
    document = json.loads(path.read_text())
    for cell in document["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = "Other words."
        else:
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1"}]
            cell["execution_count"] = 4
    document["metadata"]["editor"] = "another"
    (parameters,) = [c for c in document["cells"] if c["metadata"].get("tags")]
    parameters["source"] = 'case = "toy"\nrun = None\ndata = None\ntrain = {}\n'
    path.write_text(json.dumps(document))
    assert key(root) == before
    add_cell(root, "train", "1 + 1")
    assert said(before, key(root)) == ["notebooks/train.ipynb changed"]


def test_a_source_in_lines_and_in_one_text_is_the_same_code(tmp_path: Path) -> None:
    def digest(source: Any) -> str:
        cell = {"cell_type": "code", "metadata": {}, "source": source}
        path = tmp_path / "step.ipynb"
        path.write_text(json.dumps({"nbformat": 4, "cells": [cell]}))
        return notebook_digest(path)

    assert digest("a = 1\nb = 2") == digest(["a = 1\n", "b = 2"])
    assert digest("a = 1") != digest("a = 2")


def test_the_content_of_the_data_counts_and_their_date_does_not(root: Path) -> None:
    table = root / "data" / "toy.csv"
    before = key(root)
    os.utime(table, (1, 1))
    assert key(root) == before
    table.write_text(table.read_text().replace("north", "North", 1))
    assert said(before, key(root)) == ["the data changed: data/toy.csv"]


def test_current_rows_count_for_drift_only(root: Path) -> None:
    current = root / "data" / "now.csv"
    asked = "drift.current=data/now.csv"
    current.write_text("age\n1\n")
    before = {name: key(root, name, asked) for name in NOTEBOOKS}
    current.write_text("age\n2\n")
    after = {name: key(root, name, asked) for name in NOTEBOOKS}
    assert {name for name in NOTEBOOKS if before[name] != after[name]} == {"drift"}
    assert said(before["drift"], after["drift"]) == ["the data changed: data/now.csv"]


@pytest.mark.parametrize(
    "overrides",
    [
        ("data.source=https://example.org/toy.csv",),
        ("data.source=data/absent.csv",),
        ("data.source=null", "data.query=select 1", "data.connection=SHOP_DB"),
        (
            "data.source=null",
            "data.query=select * from t where day < current_date",
            "data.files={t: data/toy.csv}",
        ),
    ],
)
def test_what_cannot_be_told_is_known_by_the_fingerprint_that_was_found(
    root: Path, overrides: tuple[str, ...]
) -> None:
    params = load_params("toy", root, overrides=overrides)
    assert sources.content_digests(params, root) is None
    assert not key(root, "data", *overrides).told
    found = key(root, "train", *overrides, fingerprint="f1")
    assert found.told
    other = key(root, "train", *overrides, fingerprint="f2")
    assert said(found, other) == ["the data changed: fingerprint"]


def test_files_of_a_query_and_made_up_tables_can_be_told(root: Path) -> None:
    query = ("data.source=null", "data.query=select * from t", "data.min_rows=20")
    params = load_params(
        "toy", root, overrides=(*query, "data.files={t: data/toy.csv}")
    )
    digest = store.sha256_file(root / "data" / "toy.csv")
    assert sources.content_digests(params, root) == {"data/toy.csv": digest}
    made = load_params("toy", root, overrides=["data.source=sklearn:wine"])
    assert set(sources.content_digests(made, root) or ()) == {"sklearn:wine"}


def test_earlier_steps_the_champion_and_code_count(root: Path) -> None:
    old = key(root, "evaluate")
    lines = {
        "the result of train changed": key(root, "evaluate", before={"train": "u"}),
        "mlkit changed": key(root, "evaluate", code={**CODE, "mlkit": "n"}),
        "requirements.lock changed": key(root, "evaluate", code={**CODE, "lock": "n"}),
        "python changed 3.11.7 -> 3.12.0": key(
            root, "evaluate", code={**CODE, "python": "3.12.0"}
        ),
        "numpy changed 2.0 -> 2.1": key(
            root, "evaluate", code={**CODE, "packages": {"numpy": "2.1"}}
        ),
    }
    for line, new in lines.items():
        assert said(old, new, "evaluate") == [line]
        assert new.digest != old.digest
    assert key(root, "data", before={}).parts["before"] == {}


def test_the_champion_counts_for_those_who_are_judged_against_it(root: Path) -> None:
    before = {name: key(root, name) for name in NOTEBOOKS}
    played.retrain(root)
    after = {name: key(root, name) for name in NOTEBOOKS}
    changed = {name for name in NOTEBOOKS if before[name] != after[name]}
    assert changed == {"evaluate", "drift"}
    for name in changed:
        lines = said(before[name], after[name], name)
        assert lines == ["the champion changed: none -> 1.0.0"]


class TestTheWorkspacesOwnModules:
    def test_what_params_name_counts_with_what_it_imports(self, root: Path) -> None:
        metric = "{name: own, path: 'mine:cost', needs: label, greater_is_better: true}"
        own = f"evaluate.metrics=[{metric}]"
        (root / "mine.py").write_text("from parts.costs import COST\ncost = COST\n")
        (root / "parts").mkdir()
        (root / "parts" / "costs.py").write_text("COST = 1\n")
        (root / "other.py").write_text("X = 1\n")
        old = key(root, "evaluate", own)
        assert set(old.parts["workspace_code"]) == {"mine.py", "parts/costs.py"}
        (root / "other.py").write_text("X = 2\n")
        assert key(root, "evaluate", own) == old
        (root / "parts" / "costs.py").write_text("COST = 2\n")
        lines = said(old, key(root, "evaluate", own), "evaluate")
        assert lines == ["parts/costs.py changed"]
        assert key(root, "train", own).parts["workspace_code"] == {}

    def test_what_a_notebook_imports_counts(self, root: Path) -> None:
        (root / "mine.py").write_text("X = 1\n")
        add_cell(root, "train", "import mine\nimport json")
        found = own_modules({}, root / "notebooks" / "train.ipynb", root)
        assert set(found) == {"mine.py"}

    def test_a_module_that_cannot_be_parsed_still_counts(self, root: Path) -> None:
        (root / "mine.py").write_text("def (:\n")
        notebook = root / "notebooks" / "train.ipynb"
        found = own_modules({"train": {"estimator": "mine:Model"}}, notebook, root)
        assert set(found) == {"mine.py"}


def test_each_file_of_a_package_counts_and_its_caches_do_not(tmp_path: Path) -> None:
    (tmp_path / "template").mkdir()
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "template" / "page.css").write_text("2")
    before = package_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("3")
    assert package_digest(tmp_path) == before
    (tmp_path / "template" / "page.css").write_text("4")
    styled = package_digest(tmp_path)
    assert styled != before
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert package_digest(tmp_path) != styled


leaf = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"])
tree = st.recursive(
    leaf, lambda v: st.dictionaries(st.sampled_from("xyz"), v), max_leaves=4
)
parts = st.fixed_dictionaries(
    {
        "notebook": st.sampled_from("12"),
        "params": st.dictionaries(st.sampled_from(["train", "seed"]), tree),
        "data": st.none()
        | st.dictionaries(st.sampled_from("fg"), st.sampled_from("12")),
        "cutoff": st.none() | st.sampled_from(["2026-01-01", "2026-02-01"]),
        "before": st.dictionaries(st.just("train"), st.sampled_from("12")),
        "champion": st.none() | st.just({"version": "1.0.0", "digest": "d"}),
        "mlkit": st.sampled_from("12"),
        "workspace_code": st.dictionaries(st.just("mine.py"), st.sampled_from("12")),
        "lock": st.none() | st.sampled_from("12"),
        "python": st.sampled_from(["3.11", "3.12"]),
        "packages": st.dictionaries(st.just("numpy"), st.sampled_from("12")),
    }
)


@given(parts, parts)
def test_keys_differ_just_when_there_is_a_difference_to_tell(old, new) -> None:
    same = Key(old).digest == Key(new).digest
    assert same == (store.canonical_json(old) == store.canonical_json(new))
    assert same == (differences(old, new, step="train") == [])


@given(parts)
def test_a_key_is_the_same_after_it_was_stored(old) -> None:
    stored = json.loads(store.canonical_json(Key(old).to_dict()))
    assert Key(stored["parts"]).digest == stored["digest"] == Key(old).digest


class TestNoNotebookReadsWhatItsKeyLeavesOut:
    """The sections a notebook declares are all that it reads, or its key would lie."""

    @pytest.fixture
    def seen(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
        """Run the code of all notebooks here; return what each read of its params."""
        found: dict[str, set[str]] = {}
        spy_on(monkeypatch, found)
        # It asks for a kernel.
        monkeypatch.setattr(report, "glue", lambda name, value: None)
        params = load_params("toy", root)
        record = played.open_record(root)
        for name in NOTEBOOKS:
            notebook = root / "notebooks" / f"{name}.ipynb"
            run = record.folder.run
            names = arguments(notebook, "toy", run, params.to_dict())
            for source, declares in code_cells(notebook):
                if not declares:
                    exec(source, names)
        return found

    def test_they_read_what_they_declare(self, root: Path, seen, capsys) -> None:
        assert set(seen) == ALL
        for name, read in seen.items():
            declared = set(signature(root / "notebooks" / f"{name}.ipynb"))
            allowed = {*EVERY, *GRAPH[name].settings}
            hidden = {each for each in read if each.split(".")[0] not in declared}
            assert hidden <= allowed, name
        # Else the spy has seen nothing.
        assert "train.options" in seen["train"]
        assert "registry.auto_promote" in seen["evaluate"]
        assert {"train.folds", "evaluate.slices"} <= seen["data"]


def spy_on(monkeypatch: pytest.MonkeyPatch, found: dict[str, set[str]]) -> None:
    """Let each step note what of its params is looked at."""
    real: Callable[..., Any] = steps_module.open_step

    def open_step(name: str, *given: Any, **sections: Any) -> Any:
        step = real(name, *given, **sections)
        seen = found.setdefault(name, set())
        return steps_module.Step(
            step.name, spying(step.params, seen), step.run, step.folder, step.root
        )

    monkeypatch.setattr(steps_module, "open_step", open_step)


def spying(params: Params, seen: set[str]) -> Params:
    """Return params that note each key that is looked at, ``section.key``."""
    fields = {}
    for name in Params.model_fields:
        value = getattr(params, name)
        section = isinstance(value, Section)
        fields[name] = spied(value, f"{name}.", seen) if section else value
    whole = Params.model_construct(**fields)
    return spied(whole, "", seen)


def spied(value: Any, prefix: str, seen: set[str]) -> Any:
    names = {
        name
        for name in type(value).model_fields
        if not isinstance(getattr(value, name), Section) or prefix
    }

    class Spy(type(value)):  # type: ignore[misc]
        def __getattribute__(self, name: str) -> Any:
            if name in names:
                seen.add(prefix + name)
            # The whole of it is read.
            if name in ("model_dump", "model_copy", "to_dict"):
                seen.update(prefix + each for each in names)
            return super().__getattribute__(name)

    return Spy.model_construct(**dict(value))
