"""A first look at files: what separates them, and whether they name their columns."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.params.models import Data
from mlkit.sources import SourceError, look, read_table

Find = Callable[[str], Path]
PEOPLE = [
    *(["39", "Private", "2.5", "2020-01-31"], ["50", "State", "3.0", "2020-02-01"]),
    *(["38", "Private", "1.5", "2020-02-02"], ["27", "State", "?", "2020-02-03"]),
]
NAMES = ["age", "work", "rate", "since"]


def written(folder: Path, *records: list[str], separator: str = ",") -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(records)
    path = folder / "rows.csv"
    path.write_text(text.getvalue())
    return path


@pytest.mark.parametrize(
    ("name", "separator", "header", "rows", "names"),
    [
        ("adult/adult-train.csv", ",", False, 32_561, ("column_1", "column_15")),
        ("adult/adult-test.csv", ",", False, 16_281, ("column_1", "column_15")),
        ("bank_marketing/bank-full.csv.gz", ";", True, 45_211, ("age", "y")),
        ("bank_marketing/bank-additional-full.csv.gz", ";", True, 41_188, ("age", "y")),
        ("bike_sharing/day.csv", ",", True, 731, ("instant", "cnt")),
        ("bike_sharing/hour.csv", ",", True, 17_379, ("instant", "cnt")),
        ("credit_default/credit-card-clients.csv", ",", True, 30_000,
         ("LIMIT_BAL", "default payment")),
        ("incident_log/incident_event_log.csv.gz", ",", True, 141_712,
         ("number", "closed_at")),
        ("kc_house/kc_house_data.csv", ",", True, 21_613, ("id", "sqft_lot15")),
        ("onet_skills/Job_Zones.txt", "\t", True, 923,
         ("O*NET-SOC Code", "Domain Source")),
        ("onet_skills/Occupation_Data.txt", "\t", True, 1_016,
         ("O*NET-SOC Code", "Description")),
        ("onet_skills/Skills.tsv.gz", "\t", True, 61_530,
         ("O*NET-SOC Code", "Domain Source")),
        ("wine_quality/winequality-red.csv", ",", False, 1_599,
         ("column_1", "column_12")),
        ("wine_quality/winequality-white.csv", ",", False, 4_898,
         ("column_1", "column_12")),
    ],
)  # fmt: skip
def test_real_files_are_looked_at_rightly(
    shared_data: Find,
    name: str,
    separator: str,
    header: bool,
    rows: int,
    names: tuple[str, str],
) -> None:
    found = look(shared_data(name))
    assert (found.separator, found.header, found.rows) == (separator, header, rows)
    assert found.encoding == "utf-8"
    assert (found.names[0], found.names[-1]) == names
    assert len(found.sample) == min(rows, 5_000)
    assert list(found.sample.columns) == list(found.names)
    assert found.repeated == (("category",) if "incident" in name else ())


def test_a_look_says_how_the_file_is_to_be_read(tmp_path: Path) -> None:
    path = written(tmp_path, *PEOPLE, separator="|")
    found = look(path.name, tmp_path)
    assert (found.separator, found.header, found.rows) == ("|", False, 4)
    assert found.why == (
        "the first line holds numbers, dates or truth values in 3 columns of them and "
        "texts that are repeated below in 1 column"
    )
    keys = {"source": str(path), "target": "column_2", **found.settings}
    pd.testing.assert_frame_equal(
        read_table(str(path), Data.model_validate(keys)), found.sample
    )
    assert json.loads(json.dumps(found.to_dict()))["names"] == list(found.names)
    assert "Private" not in repr(found)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_line_of_names_is_told_from_a_line_of_values(
    tmp_path: Path, separator: str
) -> None:
    named = look(written(tmp_path, NAMES, *PEOPLE, separator=separator))
    assert (named.header, named.names, named.rows) == (True, tuple(NAMES), 4)
    assert named.settings == {}
    assert named.why == (
        "the first line holds words above 3 columns of numbers, dates or truth values"
    )


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(12, 60), seed=st.integers(0, 2**32 - 1))
def test_numbers_and_categories_tell_names_from_values(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    rows: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    kinds = data.draw(
        st.lists(st.sampled_from("nc"), min_size=2, max_size=8).filter(
            lambda drawn: "n" in drawn
        )
    )
    columns = [
        [f"{value:.3f}" for value in rng.normal(size=rows)]
        if kind == "n"
        else list(rng.choice(["red", "green", "blue"], rows))
        for kind in kinds
    ]
    values = [list(record) for record in zip(*columns, strict=True)]
    folder = tmp_path_factory.mktemp("look")
    assert not look(written(folder, *values)).header
    names = [f"name {k}" for k in range(len(kinds))]
    assert look(written(folder, names, *values)).header


def test_texts_alone_decide_by_what_is_repeated(tmp_path: Path) -> None:
    rows = [["x", "red"], ["y", "red"], ["x", "blue"], ["y", "blue"], ["x", "red"]]
    bare = look(written(tmp_path, *rows))
    assert (bare.header, bare.rows) == (False, 5)
    assert bare.why == (
        "the first line holds texts that are repeated below in 2 columns"
    )
    named = look(written(tmp_path, ["letter", "colour"], *rows))
    assert named.header
    assert named.why == (
        "the first line holds texts that none of 2 columns of repeated texts has"
    )
    unique = look(written(tmp_path, ["Ada", "Turin"], ["Bob", "Bern"]))
    assert (unique.header, unique.rows) == (True, 1)
    assert unique.why.startswith("nothing in the lines below says")


def test_years_and_the_names_of_pandas_are_names(tmp_path: Path) -> None:
    rows = [[f"country {k}", "1.5", "2.5", str(k * k)] for k in range(20)]
    years = look(written(tmp_path, ["country", "2019", "2020", "2021"], *rows))
    assert years.names == ("country", "2019", "2020", "2021")
    assert years.why == "the first line holds whole numbers in equal steps"
    numbered = look(written(tmp_path, list("0123"), *[[*r[1:], "7"] for r in rows]))
    assert (numbered.header, numbered.rows) == (True, 20)
    # Values in equal steps beside a text that is repeated below are values.
    values = look(
        written(tmp_path, ["a", "1", "2", "3"], *[["a", *r[1:]] for r in rows])
    )
    assert not values.header


def test_the_name_of_the_target_decides(tmp_path: Path) -> None:
    rows = [["1.5", "2.5", str(k * k)] for k in range(20)]
    path = written(tmp_path, ["17", "23", "42"], *rows)
    assert not look(path).header
    assert look(path, target="42").names == ("17", "23", "42")
    assert not look(path, target="price").header


def test_gaps_in_the_first_line_say_nothing(tmp_path: Path) -> None:
    rows = [[str(k), "a", str(k / 2)] for k in range(9)]
    index = look(written(tmp_path, ["", "letter", "half"], *rows))
    assert index.names == ("column_1", "letter", "half")
    assert not look(written(tmp_path, ["?", "a", "1.5"], *rows)).header


def test_a_name_used_twice_is_told(tmp_path: Path) -> None:
    found = look(written(tmp_path, ["n", "a", "n"], ["1", "x", "2"], ["2", "y", "3"]))
    assert (found.names, found.repeated) == (("n", "a", "n_1"), ("n",))


def test_parquet_and_packed_files(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    frame.to_parquet(tmp_path / "rows.parquet")
    found = look(tmp_path / "rows.parquet")
    assert (found.encoding, found.separator, found.header) == (None, None, True)
    assert found.why == "a Parquet file brings its names along"
    assert found.sample["a"].tolist() == [1, 2]
    packed = tmp_path / "rows.csv.gz"
    packed.write_bytes(gzip.compress("n;m\n1,5;2\n2,5;3\n".encode("utf-16")))
    found = look(packed)
    assert (found.encoding, found.separator) == ("utf-16", ";")
    # Which comma stands in a number is decided later; here the text is kept.
    assert found.sample["n"].tolist() == ["1,5", "2,5"]


@pytest.mark.parametrize("text", ["a,b\n", "1,2\n"])
def test_a_table_of_one_line_has_no_rows(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(SourceError, match="the table has columns but no rows"):
        look("rows.csv", tmp_path)


def test_the_sample_comes_from_the_whole_file(tmp_path: Path) -> None:
    path = written(tmp_path, ["k", "x"], *[[str(k), "1.5"] for k in range(20_000)])
    found = look(path)
    assert found.rows == 20_000
    taken = found.sample["k"].astype(int)
    assert (taken.iloc[0], taken.iloc[-1]) == (0, 19_999)
    assert taken.diff().dropna().between(3, 5).all()
