"""Sources of every kind: Parquet, bundled tables, generators, addresses, queries."""

from __future__ import annotations

import gzip
import sys
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlkit import synthetic
from mlkit.data import prepare
from mlkit.params.models import Params
from mlkit.sources import SourceError, check_source, memory, read, read_table

CSV = "name,size,y\nAda,1,no\nBob,2,yes\n"


def case(task: str = "binary", seed: int = 0, **data: Any) -> Params:
    sections = {"seed": seed, "data": {"target": "y", **data}}
    return Params.model_validate({"case": "c", "task": task, **sections})


def refusal(root: Path, **data: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(case(**data), root=root)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def written(root: Path, name: str, content: str = CSV) -> str:
    (root / name).write_text(content)
    return name


# Files.


def test_a_relative_path_starts_at_the_root(tmp_path: Path) -> None:
    raw = read(case(source=written(tmp_path, "rows.csv")), root=tmp_path)
    assert raw.frame["name"].tolist() == ["Ada", "Bob"]
    assert raw.test is None
    assert raw.origin == "rows.csv (utf-8, separator comma, 2 rows)"


def test_the_workspace_root_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    written(tmp_path, "rows.csv")
    assert len(read(case(source="rows.csv")).frame) == 2
    assert len(read_table("rows.csv", case(source="x").data)) == 2
    check_source(case(source="rows.csv"))


def test_a_test_file_is_read_the_same_way(tmp_path: Path) -> None:
    written(tmp_path, "rows.csv", "Ada;1;-\n")
    written(tmp_path, "test.csv", "Bob;-;2\nEve;1;3\n")
    names = {"header": False, "names": ["name", "size", "y"], "missing": ["-"]}
    params = case(source="rows.csv", test="test.csv", **names)
    raw = read(params, root=tmp_path)
    assert raw.test is not None
    assert list(raw.test.columns) == ["name", "size", "y"]
    assert raw.test["size"].isna().tolist() == [True, False]
    assert raw.origin == (
        "rows.csv (utf-8, separator semicolon, 1 row); test rows from test.csv (utf-8, "
        "separator semicolon, 2 rows)"
    )


def test_a_table_to_score_needs_no_target(tmp_path: Path) -> None:
    written(tmp_path, "new.csv", "2019,2020,2021\n1,2,3\n")
    data = case(source="x", target="2022").data
    assert list(read_table("new.csv", data, root=tmp_path).columns) == [
        *("2019", "2020", "2021")
    ]
    found = refusal(tmp_path, source="new.csv", target="2022")
    assert "the first line must name the columns" in found
    assert "and no '2022'" in found


@pytest.mark.parametrize("scheme", ["memory://", "file://"])
def test_addresses_are_read(tmp_path: Path, scheme: str) -> None:
    folder = f"{scheme}{tmp_path}"
    with fsspec.open(f"{folder}/rows.csv.gz", "wb") as stream:
        stream.write(gzip.compress(CSV.encode()))
    source = f"{folder}/rows.csv.gz"
    assert len(read(case(source=source)).frame) == 2
    check_source(case(source=source))
    absent = refusal(tmp_path, source=f"{folder}/row.csv.gz")
    assert (
        "there is no such file. The nearest name in that folder is 'rows.csv.gz'"
        in (absent)
    )


def test_an_unknown_address(tmp_path: Path) -> None:
    assert refusal(tmp_path, source="memry://rows.csv") == (
        "memry://rows.csv: addresses that start with memry:// are not known. Did you "
        "mean memory://? Use a path, or an address such as file://, https:// or s3://"
    )


def test_an_address_whose_package_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    found = refusal(tmp_path, source="s3://key:secret@bucket/rows.csv")
    assert found == (
        "s3://…@bucket/rows.csv: a package for such addresses is not installed: s3fs. "
        "Add what is missing with .venv/bin/uv pip install s3fs, or use a local copy"
    )


def test_addresses_of_the_web_name_both_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    found = refusal(tmp_path, source="https://example.org/rows.csv")
    assert "is not installed: aiohttp and requests." in found
    assert ".venv/bin/uv pip install aiohttp requests" in found


def test_signed_addresses_are_shown_without_their_signature(tmp_path: Path) -> None:
    found = refusal(tmp_path, source="memory://bucket/a.csv?sig=abcdef")
    assert found.startswith("memory://bucket/a.csv?…: there is no such file")
    assert "abcdef" not in found


# Parquet.


def parquet(root: Path, table: pa.Table, name: str = "rows.parquet") -> str:
    pq.write_table(table, root / name)
    return name


def test_parquet_keeps_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole": pa.array([1, None, 2**60 + 1], pa.int64()),
            "byte": pa.array([1, 2, 3], pa.uint8()),
            "real": pa.array([1.5, None, 2.0], pa.float32()),
            "exact": [Decimal("1.25"), None, Decimal("2.50")],
            "truth": [True, None, False],
            "text": [" a ", "?", "007"],
            "level": pa.array(["u", None, "v"]).dictionary_encode(),
            "day": [date(2020, 1, 2), None, date(2021, 1, 2)],
            "moment": pa.array([0, None, 1], pa.timestamp("ns", "Europe/Berlin")),
            "clock": [time(1, 2), None, time(3, 4)],
            "length": pa.array([timedelta(minutes=1), None, timedelta(0)]),
            "nothing": pa.nulls(3),
        }
    )
    raw = read(case(source=parquet(tmp_path, table)), root=tmp_path)
    frame = raw.frame
    assert raw.origin == "rows.parquet (Parquet, 3 rows)"
    assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
        **{"whole": "Int64", "byte": "int64", "real": "float32", "exact": "float64"},
        **{"truth": "object", "text": "str", "level": "str"},
        **{"day": "datetime64[us]", "moment": "datetime64[us]"},
        **{"clock": "str", "length": "float64", "nothing": "str"},
    }
    assert frame["whole"][2] == 2**60 + 1
    assert frame["exact"].tolist()[::2] == [1.25, 2.5]
    assert frame["text"].tolist()[::2] == ["a", "007"]
    assert frame["text"].isna().tolist() == [False, True, False]
    assert frame["length"].tolist()[::2] == [60.0, 0.0]
    assert frame["clock"][0].startswith("01:02:00")


def test_the_same_rows_from_csv_and_parquet_are_the_same_dataset(
    tmp_path: Path,
) -> None:
    chance = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": chance.normal(size=300),
            "rooms": chance.integers(1, 9, 300),
            "town": chance.choice(["Ahaus", "Bonn", None], 300),
            "old": chance.choice([True, False], 300),
            "built": pd.Timestamp(2000, 1, 1)
            + pd.to_timedelta(chance.integers(0, 9999, 300), unit="D"),
            "y": chance.choice(["no", "yes"], 300),
        }
    )
    frame.loc[7, "size"] = None
    frame.to_csv(tmp_path / "rows.csv", index=False)
    frame.to_parquet(tmp_path / "rows.parquet")
    found = [
        prepare(read(params, root=tmp_path).frame, params)
        for params in (case(source="rows.csv"), case(source="rows.parquet"))
    ]
    text, typed = found
    pd.testing.assert_frame_equal(text.frame, typed.frame)
    assert text.fingerprint == typed.fingerprint
    assert text.row_hashes.tolist() == typed.row_hashes.tolist()
    assert text.test_rows.tolist() == typed.test_rows.tolist()


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    name = parquet(tmp_path, pa.table({"a": [1], "y": [2]}))
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-9])
    assert refusal(tmp_path, source=name).startswith(
        "rows.parquet: the Parquet file is damaged or cut short: "
    )


def test_an_empty_parquet_file(tmp_path: Path) -> None:
    name = parquet(tmp_path, pa.table({"a": pa.array([], pa.int64())}))
    assert refusal(tmp_path, source=name) == (
        "rows.parquet: the table has columns but no rows. Check how it was made"
    )


@pytest.mark.parametrize("values", [[[1, 2]], [{"a": 1}], [b"\x00"]])
def test_parquet_columns_that_are_no_values(tmp_path: Path, values: list[Any]) -> None:
    name = parquet(tmp_path, pa.table({"odd": values, "y": ["no"]}))
    found = refusal(tmp_path, source=name)
    assert found.startswith("rows.parquet: column 'odd' holds ")
    assert found.endswith("Take it apart or leave it out by data.query")


def test_repeated_names_in_parquet(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    found = refusal(tmp_path, source=parquet(tmp_path, table))
    assert "column names must be distinct, used more than once: 'a' (columns 1" in found


def test_parquet_larger_than_memory_by_its_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = parquet(tmp_path, pa.table({"a": [0] * 10_000, "y": ["no"] * 10_000}))
    assert (tmp_path / name).stat().st_size < 10_000
    monkeypatch.setattr(memory, "available", lambda: 400_000)
    found = refusal(tmp_path, source=name)
    assert (
        "it holds 160.0 kB (by the file's metadata) and needs about 480.0 kB" in found
    )


# Bundled tables and generators.


@pytest.mark.parametrize(
    ("name", "rows", "target", "values"),
    [
        ("breast_cancer", 569, "diagnosis", {"benign", "malignant"}),
        ("wine", 178, "cultivar", {"class_0", "class_1", "class_2"}),
        ("digits", 1797, "digit", {str(digit) for digit in range(10)}),
        ("diabetes", 442, "progression", None),
    ],
)
def test_bundled_tables(name: str, rows: int, target: str, values: Any) -> None:
    raw = read(case(source=f"sklearn:{name}", target=target))
    assert raw.origin == f"sklearn:{name} ({rows:,} rows)"
    assert raw.frame.columns[-1] == target
    if values is None:
        assert raw.frame[target].between(25, 346).all()
        assert "body mass index" in raw.frame
    else:
        assert set(raw.frame[target]) == values
    assert len(raw.frame) == rows


def test_labels_of_breast_cancer_are_the_right_way_round() -> None:
    frame = read(case(source="sklearn:breast_cancer")).frame
    assert frame["diagnosis"].value_counts().to_dict() == {
        "benign": 357,
        "malignant": 212,
    }
    radius = frame.groupby("diagnosis")["mean radius"].mean()
    assert radius["malignant"] > radius["benign"]


def test_an_unknown_bundled_table(tmp_path: Path) -> None:
    assert refusal(tmp_path, source="sklearn:wines") == (
        "sklearn:wines: scikit-learn bundles no table of this name that mlkit reads. "
        "Did you mean sklearn:wine? There are: breast_cancer, diabetes, digits, wine"
    )


def test_a_generator_gets_options_and_seed() -> None:
    domain = next(iter(synthetic.DOMAINS))
    options = {"rows": 500}
    raw = read(case(source=f"synthetic:{domain}", options=options, seed=7))
    expected = synthetic.generate(domain, options, 7)
    pd.testing.assert_frame_equal(raw.frame, expected)
    assert raw.origin == f"synthetic:{domain}, seed 7 (500 rows)"


def test_an_unknown_generator_or_option(tmp_path: Path) -> None:
    domain = next(iter(synthetic.DOMAINS))
    found = refusal(tmp_path, source=f"synthetic:{domain}s")
    assert f"no generator of this name. Did you mean synthetic:{domain}?" in found
    found = refusal(tmp_path, source=f"synthetic:{domain}", options={"rowz": 1})
    assert found.startswith(f"synthetic:{domain}: ")
    assert "rowz" in found


# What is checked before anything is read.


def test_sources_are_checked_without_reading(tmp_path: Path) -> None:
    written(tmp_path, "rows.csv", "<html>")
    check_source(case(source="rows.csv"), tmp_path)
    check_source(case(source="sklearn:wine", test="rows.csv"), tmp_path)
    domain = next(iter(synthetic.DOMAINS))
    check_source(case(source=f"synthetic:{domain}"), tmp_path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "data.source: neither a source nor a query is given"),
        ({"source": "row.csv"}, "The nearest name in that folder is 'rows.csv'"),
        ({"source": "rows.csv", "test": "tset.csv"}, "tset.csv: there is no such file"),
        ({"source": "empty.csv"}, r"the file is empty \(0 bytes\)"),
        ({"source": "."}, "this is a folder"),
        ({"source": "sklearn:iris"}, "There are: breast_cancer"),
        ({"source": "synthetic:iris"}, "there is no generator of this name"),
        (
            {"query": "select 1", "files": {"t": "t.csv"}},
            "t.csv: there is no such file",
        ),
    ],
)
def test_what_does_not_exist_is_told_at_once(
    tmp_path: Path, data: dict[str, Any], message: str
) -> None:
    written(tmp_path, "rows.csv")
    written(tmp_path, "empty.csv", "")
    with pytest.raises(SourceError, match=message):
        check_source(case(**data), tmp_path)
