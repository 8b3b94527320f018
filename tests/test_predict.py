"""Scoring a file: what it is written to, and what is said of rows that do not fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from mlkit import data, predict, train
from mlkit.cli.errors import code_of
from mlkit.params import load_params
from mlkit.predict import PredictError, predict_file
from mlkit.sources import SourceError
from tests.workspace import TOY, toy_table

NAMES = ["age", "visits", "region", "bought"]
HEADERLESS = TOY.replace(
    "  target:", f"  header: false\n  names: {NAMES}\n  target:".replace("'", "")
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose registry answers with a model of the toy table."""
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "toy.yaml").write_text(TOY)
    params = load_params("toy", tmp_path)
    dataset = data.prepare(toy_table(300).astype(str), params)
    loaded = SimpleNamespace(
        model=train.fit(dataset, params).model,
        version="1.0.0",
        manifest={"schema": dataset.schema.to_dict(), "params": params.to_dict()},
    )
    opened = SimpleNamespace(load=lambda version, allow_pickle: loaded)
    monkeypatch.setattr(predict.registry, "open_registry", lambda name, root: opened)
    return tmp_path


def refusal(root: Path, file: str = "new.csv", out: str = "scored.csv") -> str:
    before = sorted(root.iterdir())
    with pytest.raises(PredictError) as caught:
        predict_file("toy", file, Path(out), root=root)
    assert sorted(root.iterdir()) == before
    return str(caught.value)


def test_the_rows_are_written_with_their_predictions(root: Path) -> None:
    toy_table(30).drop(columns="bought").to_csv(root / "new.csv", index=False)
    done = predict_file("toy", "new.csv", Path("scored.csv"), root=root)
    assert (done.rows, done.version) == (30, "1.0.0")
    columns = ["age", "visits", "region", "prediction", "probability"]
    assert list(pd.read_csv(root / "scored.csv").columns) == columns


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("target", [False, True])
def test_a_headerless_case_scores_files_of_any_of_its_forms(
    root: Path, header: bool, target: bool
) -> None:
    table = toy_table(30) if target else toy_table(30).drop(columns="bought")
    table.to_csv(root / "new.csv", index=False, header=header)
    toy_table(30).to_csv(root / "whole.csv", index=False)
    predict_file("toy", "whole.csv", Path("expected.csv"), root=root)
    (root / "params" / "toy.yaml").write_text(HEADERLESS)
    predict_file("toy", "new.csv", Path("scored.csv"), root=root)
    scored, expected = (
        pd.read_csv(root / name) for name in ("scored.csv", "expected.csv")
    )
    pd.testing.assert_frame_equal(scored, expected[scored.columns])


def test_the_rows_that_are_scored_are_never_replaced(root: Path) -> None:
    toy_table(30).to_csv(root / "new.csv", index=False)
    (root / "same.csv").symlink_to(root / "new.csv")
    content = (root / "new.csv").read_bytes()
    for out in ("new.csv", str(root / "new.csv"), "same.csv"):
        found = refusal(root, out=out)
        assert found.startswith(f"--out {out}: the predictions would replace --data")
    found = refusal(root, file="same.csv", out="new.csv")
    assert "would replace --data" in found
    assert (root / "new.csv").read_bytes() == content


def test_only_csv_is_written(root: Path) -> None:
    toy_table(30).to_csv(root / "new.csv", index=False)
    assert refusal(root, out="scored.parquet") == (
        "--out scored.parquet: predictions are written as CSV, so the name must end in "
        ".csv; name it scored.csv"
    )


def test_a_folder_that_is_missing_is_named(root: Path) -> None:
    toy_table(30).to_csv(root / "new.csv", index=False)
    assert refusal(root, out="away/scored.csv") == (
        "--out away/scored.csv: the file must go into a folder that exists, and "
        f"{root / 'away'} does not; make it first"
    )


def test_what_does_not_fit_names_the_file_and_advises_for_scoring(root: Path) -> None:
    new = toy_table(30).rename(columns={"visits": "visit"}).astype(str)
    new.loc[3, "age"] = "forty"
    new.to_csv(root / "new.csv", index=False)
    assert refusal(root) == (
        "new.csv: the rows do not fit the model:\n"
        "  - column 'visits': the feature must be a column of the data; it is not "
        "there. Did you mean 'visit'?\n"
        "  - column 'age': a number column must hold numbers; the data has 'forty' in "
        "data row 4. Correct them in the file, or leave the cells empty"
    )


def test_a_column_of_a_prediction_s_name_is_refused(root: Path) -> None:
    toy_table(30).assign(prediction=1).to_csv(root / "new.csv", index=False)
    assert refusal(root).startswith("new.csv: the predictions go into new columns")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "new.csv: the file is empty (0 bytes)"),
        (b"age,visits,region\n", "new.csv: the table has columns but no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "new.csv: this is not a CSV, TSV or Parquet "
         "file but a PNG image"),
        (None, "new.csv: this is a folder. Name one file in it"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused(
    root: Path, content: bytes | None, says: str
) -> None:
    if content is None:
        (root / "new.csv").mkdir()
    else:
        (root / "new.csv").write_bytes(content)
    with pytest.raises(SourceError) as caught:
        predict_file("toy", "new.csv", Path("scored.csv"), root=root)
    assert str(caught.value).startswith(says)
    assert not (root / "scored.csv").exists()
    assert code_of(caught.value) == 2
