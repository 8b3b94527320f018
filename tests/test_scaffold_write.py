"""From a file to params/<case>.yaml: what is written, what is refused, and when."""

from __future__ import annotations

import os
import shutil
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from mlkit import sources
from mlkit.cli.errors import code_of
from mlkit.data import prepare
from mlkit.params import load_params, yaml12
from mlkit.pipeline import check_case
from mlkit.scaffold import Finding, ScaffoldError, scaffold, write_case
from mlkit.scaffold.case_text import Decided, case_text
from mlkit.scaffold.columns import Columns
from mlkit.scaffold.moments import Moment
from mlkit.scaffold.scalars import quoted, value_text
from mlkit.scaffold.tasks import Target
from mlkit.sources import SourceError
from mlkit.train import fit, predict
from tests.workspace import make_workspace, toy_table

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_workspace(tmp_path)


def files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "params").iterdir())


def test_a_case_is_written_and_a_retrain_accepts_it(root: Path) -> None:
    made = write_case("new", "data/toy.csv", "bought", root=root)
    assert made.path == root / "params" / "new.yaml"
    assert made.path.read_text() == made.text
    assert check_case("new", root=root) == made.params == load_params("new", root)
    gates = [gate.model_dump(exclude_defaults=True) for gate in
             made.params.evaluate.gates]  # fmt: skip
    assert gates == [{"metric": "primary", "better_than": "dummy"}]
    assert made.params.train.estimator == "auto"
    assert made.text.startswith("# yaml-language-server: $schema=schema.json\n")
    assert all(len(line) <= 88 for line in made.text.splitlines())


def test_a_written_case_is_learnt_from(root: Path) -> None:
    table = toy_table(400).assign(
        when=pd.date_range("2023-01-01", periods=400).strftime("%d/%m/%Y"),
        ticket=[f"T{i}" for i in range(400)],
    )
    table.to_csv(root / "data" / "own.csv", sep=";", decimal=",", index=False)
    params = write_case("own", "data/own.csv", "bought", root=root).params
    dataset = prepare(sources.read(params, root=root).frame, params)
    assert dataset.schema.features == ("age", "visits", "region", "when")
    assert dataset.cutoff == "2023-11-17T00:00:00"
    trained = fit(dataset, params)
    rows = dataset.test_rows
    share = predict(trained.model, dataset.X(rows), "binary")[:, 1]
    assert roc_auc_score(dataset.target(rows), share) > 0.6


def test_nothing_is_overwritten_unasked(root: Path) -> None:
    before = (root / "params" / "toy.yaml").read_text()
    with pytest.raises(ScaffoldError, match=r"toy.yaml is there already.*--force"):
        write_case("toy", "data/toy.csv", "bought", root=root)
    assert (root / "params" / "toy.yaml").read_text() == before
    made = write_case("toy", "data/toy.csv", "bought", root=root, force=True)
    assert (root / "params" / "toy.yaml").read_text() == made.text != before


def test_a_file_that_came_meanwhile_is_not_overwritten(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlkit.scaffold import writing

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        (root / "params" / "new.yaml").write_text("mine")
        return scaffold(*args, **kwargs)

    monkeypatch.setattr(writing, "scaffold", meanwhile)
    with pytest.raises(ScaffoldError, match="is there already"):
        write_case("new", "data/toy.csv", "bought", root=root)
    assert (root / "params" / "new.yaml").read_text() == "mine"


def ragged(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode() + b"1,2\n"


BAD: dict[str, tuple[bytes | Callable[[pd.DataFrame], bytes], str, str]] = {
    "html": (b"<!DOCTYPE html><html></html>", "y", "an HTML page"),
    "image": (b"\x89PNG\r\n\x1a\n0000", "y", "a PNG image"),
    "empty": (b"", "y", "the file is empty"),
    "header only": (b"a,b\n", "b", "no rows"),
    "one column": (b"y\n1\n2\n", "y", "at least two columns"),
    "one row": (
        b"a,y\n1,2\n",
        "y",
        "at least 40 rows are needed to learn and to test, and there is only 1. Gather",
    ),
    "few rows": (
        lambda t: t.head(30).to_csv(index=False).encode(),
        "bought",
        "at least 40 rows are needed to learn and to test, and there are 30",
    ),
    "target": (
        lambda t: t.to_csv(index=False).encode(),
        "bougth",
        "'bougth' is none. Did you mean 'bought'? The columns are: 'age', 'visits', "
        "'region', 'bought'",
    ),
    "identifiers": (
        lambda t: (
            pd.DataFrame(
                {
                    "id": range(len(t)),
                    "key": [f"k{i}" for i in range(len(t))],
                    "y": t.bought,
                }
            )
            .to_csv(index=False)
            .encode()
        ),
        "y",
        "none is left beside the target 'y': 'id': an identifier",
    ),
    "ragged": (ragged, "bought", "every line must have as many fields"),
}


@pytest.mark.parametrize("bad", BAD)
def test_bad_input_gets_a_message_and_leaves_nothing(root: Path, bad: str) -> None:
    content, target, said = BAD[bad]
    data = content if isinstance(content, bytes) else content(toy_table(200))
    (root / "data" / "bad.csv").write_bytes(data)
    before = files(root)
    with pytest.raises((ScaffoldError, SourceError)) as caught:
        write_case("bad", "data/bad.csv", target, root=root)
    assert said in str(caught.value)
    assert code_of(caught.value) == 2
    assert files(root) == before


def test_a_folder_is_no_table(root: Path) -> None:
    with pytest.raises(SourceError, match=r"data: this is a folder. Name one file"):
        write_case("new", "data", "bought", root=root)
    assert not (root / "params" / "new.yaml").exists()


def test_a_file_that_is_not_there_is_named_with_the_nearest(root: Path) -> None:
    with pytest.raises(SourceError, match=r"nearest name in that folder is 'toy.csv'"):
        write_case("new", "data/toi.csv", "bought", root=root)


@pytest.mark.parametrize("case", ["../up", "a b", "", "new.yaml", ".hidden"])
def test_a_case_has_a_plain_name(root: Path, case: str) -> None:
    with pytest.raises(ScaffoldError, match="a case must have a name of letters"):
        write_case(case, "data/toy.csv", "bought", root=root)


def test_passwords_in_an_address_are_refused_and_not_repeated(root: Path) -> None:
    with pytest.raises(ScaffoldError) as caught:
        write_case("new", "https://me:hush@example.org/t.csv", "y", root=root)
    assert "password" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_disk_that_refuses_leaves_nothing(root: Path) -> None:
    if os.geteuid() == 0:
        shutil.rmtree(root / "params")
        (root / "params").write_text("a file where the folder should be")
        with pytest.raises(OSError, match="params"):
            write_case("new", "data/toy.csv", "bought", root=root)
        return
    (root / "params").chmod(0o500)
    with pytest.raises(PermissionError):
        write_case("new", "data/toy.csv", "bought", root=root)
    (root / "params").chmod(0o700)
    assert files(root) == ["toy.yaml"]


def test_paths_are_said_from_the_workspace(
    root: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inside = scaffold("new", str(root / "data" / "toy.csv"), "bought", root=root)
    assert inside.params.data.source == "data/toy.csv"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    toy_table(200).to_csv(elsewhere / "own.csv", index=False)
    monkeypatch.chdir(elsewhere)
    outside = scaffold("new", "own.csv", "bought", root=root)
    assert outside.params.data.source == str(elsewhere / "own.csv")


def test_a_file_without_names_gets_some(root: Path) -> None:
    toy_table(200).to_csv(root / "data" / "bare.csv", index=False, header=False)
    for target in ("last", "4", "column_4"):
        made = scaffold("new", "data/bare.csv", target, root=root)
        assert made.params.data.target == "column_4"
        assert made.params.data.names == [f"column_{k}" for k in range(1, 5)]
    with pytest.raises(ScaffoldError, match="a number from 1 to 4, or last"):
        scaffold("new", "data/bare.csv", "bought", root=root)


def test_names_used_twice_are_told_apart_by_a_query(root: Path) -> None:
    table = toy_table(200)
    table.columns = ["age", "age", "region", "bought"]
    table.to_csv(root / "data" / "twice.csv", index=False)
    made = write_case("new", "data/twice.csv", "bought", root=root)
    assert made.params.data.query == "SELECT * FROM rows"
    assert check_case("new", root=root).data.files == {"rows": "data/twice.csv"}


def test_a_test_file_replaces_the_split(root: Path) -> None:
    table = toy_table(400).assign(at=pd.date_range("2024-01-01", periods=400))
    table[:300].to_csv(root / "data" / "a.csv", index=False)
    table[300:].to_csv(root / "data" / "b.csv", index=False)
    made = write_case("new", "data/a.csv", "bought", test="data/b.csv", root=root)
    assert made.params.data.test == "data/b.csv"
    assert (made.params.data.time, made.params.data.learn_time) == ("at", True)
    assert made.params.data.split.by == "row"


def test_tables_that_come_along_can_be_named(root: Path) -> None:
    made = write_case("new", "sklearn:wine", "cultivar", root=root)
    assert made.params.task == "multiclass"


def test_small_tables_and_rare_classes_still_reach_a_model(root: Path) -> None:
    toy_table(90).to_csv(root / "data" / "few.csv", index=False)
    made = write_case("few", "data/few.csv", "bought", root=root)
    assert made.params.data.min_rows == 54
    table = toy_table(600).assign(late=["yes"] * 11 + ["no"] * 589)
    table.drop(columns="bought").to_csv(root / "data" / "rare.csv", index=False)
    made = write_case("rare", "data/rare.csv", "late", root=root)
    assert made.params.data.positive == "yes"


def test_findings_say_what_the_file_says(root: Path) -> None:
    made = scaffold("new", "data/toy.csv", "bought", root=root)
    keys = {finding.key for finding in made.findings}
    assert {"task", "data.positive"} <= keys
    assert made.to_dict()["findings"][0].keys() == {"key", "column", "why"}
    assert "data.positive" in made._repr_html_()
    assert str(made.findings[0]).startswith("task 'bought': the target holds")


@given(TEXTS)
def test_every_text_is_read_back(text: str) -> None:
    assert yaml12.parse(f"key: {quoted(text)}\n").data == {"key": text}
    listed = f"key: {value_text([text, 'x'])}\n? {quoted(text + '!')}\n: {quoted(text)}"
    assert yaml12.parse(f"{listed}\n").data == {"key": [text, "x"], f"{text}!": text}


@given(st.lists(TEXTS, min_size=6, max_size=6, unique=True), TEXTS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_names_stand_in_a_file_as_they_are(names: list[str], label: str) -> None:
    """Every place of the file that holds a name or a text of the table."""
    found = {key: Finding(f"data.{key}", name, f"because of {label}") for key, name
             in zip("ikpsgt", names, strict=True)}  # fmt: skip
    columns = Columns(
        ignore=(found["i"],),
        kinds=((found["k"], "category"),),
        protected=(found["p"],),
        sensitive=(found["s"],),
        groups=(found["g"],),
    )
    decided = Decided(
        "case", f"a file {label}", {"source": names[0], "names": names}, (),
        Target(names[5], "binary", f"why {label}", label, label, min_class_rows=3,
               why_rare=label, missing=3),
        columns, Moment(names[4], label, True, label, (names[3],)),
        leaks=(replace(found["g"], column=names[4]),), questions=(found["k"],),
        notes=(label,), kinds=(label,), readings=(found["t"],), copies=(found["t"],),
    )  # fmt: skip
    read = yaml12.parse(case_text(decided))
    assert read.faults == ()
    assert read.data == decided.to_params()


NAMES = st.text(string.ascii_letters + " :#'\"\\{}[]!&*?|>%@`~-😀é", min_size=1,
                max_size=9).map(str.strip).filter(bool)  # fmt: skip


@given(st.lists(NAMES, min_size=3, max_size=3, unique_by=str.casefold))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_column_names_go_through_a_written_file(
    tmp_path: Path, names: list[str]
) -> None:
    rng = np.random.default_rng(2)
    number = rng.normal(size=120).round(2)
    y = np.where(number + rng.normal(size=120) > 0, "yes", "no")
    table = pd.DataFrame({"a": number, "b": "same", "y": y}).set_axis(names, axis=1)
    table.to_csv(tmp_path / "t.csv", index=False)
    write_case("t", "t.csv", names[2], root=tmp_path, force=True)
    data = load_params("t", tmp_path).data
    assert (data.target, data.ignore) == (names[2], [names[1]])
