"""Files of segments' rows: which are removed, which stay, and for whose sake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from mlkit.fan_out.parts import PARTS, remove_gone
from mlkit.fan_out.retraining import ALL, _add, _Plan, retrain_many
from mlkit.fan_out.segments import divide
from mlkit.params import Params, ParamsError, params_from_dict
from mlkit.pipeline import runs
from tests.workspace import PROJECT, toy_table


def case(name: str = "toy", test: str | None = None) -> Params:
    data = {"source": "t.csv", "target": "bought", "positive": "yes", "test": test}
    return params_from_dict(
        {"case": name, "task": "binary", "segments": "region", "data": data}
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace of which the region `east` has gone since it was divided."""
    table = toy_table(60)
    table.to_csv(tmp_path / "t.csv", index=False)
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params").mkdir()
    for params in (case(test="t.csv"), case("other")):
        divide(params, tmp_path)
    table[table["region"] != "east"].to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def add(root: Path, *, beside: str = ALL) -> set[str]:
    """Divide the case as a retrain does; return the parts that there are."""
    _add(_Plan(), case(), root, beside=beside)
    return there(root)


def there(root: Path, name: str = "toy") -> set[str]:
    return {
        path.name.removesuffix(".parquet") for path in (root / PARTS / name).iterdir()
    }


def test_parts_of_gone_values_are_removed_and_no_others(root: Path) -> None:
    assert there(root) == {
        "east", "east.test", "north", "north.test", "south", "south.test"
    }  # fmt: skip
    assert add(root) == {"north", "south"}
    assert there(root, "other") == {"east", "north", "south"}


def test_what_is_no_part_of_the_case_stays(root: Path) -> None:
    folder = root / PARTS / "toy"
    toy_table(9).to_parquet(folder / "mine.parquet")
    (folder / "damaged.parquet").write_text("no table")
    (folder / "notes.txt").write_text("rows of 2025")
    shutil.copy(root / PARTS / "other" / "east.parquet", folder / "copy.parquet")
    (folder / "link.parquet").symlink_to(root / PARTS / "toy" / "east.parquet")
    stays = {"mine", "damaged", "notes.txt", "copy", "link"}
    assert add(root) == {"north", "south"} | stays


@pytest.mark.parametrize("holder", [ALL, "toy.east"])
def test_what_a_run_may_read_goes_at_the_next_time(root: Path, holder: str) -> None:
    with runs.hold(holder, root):
        assert {"east", "east.test"} <= add(root)
    assert add(root) == {"north", "south"}


def test_with_all_cases_a_retrain_of_the_one_is_minded(root: Path) -> None:
    with runs.hold(ALL, root):
        with runs.hold("toy", root):
            assert "east" in add(root, beside="toy")
        assert add(root, beside="toy") == {"north", "south"}


def test_without_anything_gone_nothing_is_locked(root: Path) -> None:
    add(root)
    shutil.rmtree(root / "reports")
    add(root)
    assert not (root / "reports").exists()


@pytest.mark.parametrize("asked", ["toy", None])
def test_a_sensitive_column_is_refused_before_its_values_name_anything(
    tmp_path: Path, asked: str | None
) -> None:
    table = toy_table(60)
    values = ["secret-" + value for value in table["region"]]
    table.assign(region=values).to_csv(tmp_path / "t.csv", index=False)
    shutil.copytree(PROJECT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "toy.yaml").write_text(
        "case: toy\ntask: binary\nsegments: region\n"
        "data: {source: t.csv, target: bought, positive: yes, sensitive: [region]}\n"
    )
    before = set(tmp_path.rglob("*"))
    if asked:
        with pytest.raises(ParamsError, match="may not be a column of"):
            retrain_many(asked, root=tmp_path)
        assert set(tmp_path.rglob("*")) == before
    else:
        (member,) = retrain_many(root=tmp_path).record["members"]
        assert "may not be a column of data.sensitive" in member["error"]["message"]
    written = set(tmp_path.rglob("*")) - before
    assert not [path for path in written if "secret-" in path.name]
    texts = [path.read_bytes() for path in written if path.is_file()]
    assert not [text for text in texts if b"secret-" in text]


def test_a_part_is_read_without_its_mark(root: Path) -> None:
    units = divide(case(), root).units
    remove_gone("toy", units, root, beside=ALL)
    frame = pd.read_parquet(root / PARTS / "toy" / "north.parquet")
    assert frame.attrs == {}
    assert list(frame) == list(toy_table(1))
