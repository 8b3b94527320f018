"""A table in segments: each row in the part of its value, every cell as it was read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit import sources
from mlkit.data import prepare
from mlkit.data.distinct import label_text
from mlkit.fan_out.errors import SegmentsError
from mlkit.fan_out.names import segment_name
from mlkit.fan_out.segments import divide
from mlkit.params import Params, params_from_dict
from mlkit.registry.names import ALLOWED, check_name
from mlkit.sources import SourceError
from mlkit.synthetic import DOMAINS
from tests.workspace import toy_table


def case(**sections: Any) -> Params:
    data = {"source": "t.csv", "target": "bought", "positive": "yes", "min_rows": 20}
    data |= sections.pop("data", {})
    plain = {"case": "toy", "task": "binary", "segments": "region", "data": data}
    return params_from_dict(plain | sections)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    table = toy_table(300)
    table.loc[::50, "region"] = None
    table.loc[1::50, "region"] = "New York"
    table.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path


def segment(params: Params, root: Path, value: str) -> Params:
    (unit,) = (u for u in divide(params, root).units if u.segment == value)
    return params_from_dict(unit.params)


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_values_have_names_that_are_safe_and_their_own(one: str, other: str) -> None:
    for value in (one, other):
        assert ALLOWED.fullmatch(segment_name(value))
        check_name(f"toy.{segment_name(value)}", "a model's name")
    assert (segment_name(one) == segment_name(other)) == (one == other)


def test_every_row_with_a_value_is_in_one_part(root: Path) -> None:
    divided = divide(case(), root)
    whole = pd.read_csv(root / "t.csv")
    assert [unit.segment for unit in divided.units] == [
        "New York", "east", "north", "south"
    ]  # fmt: skip
    assert {u.segment: u.rows for u in divided.units} == dict(
        whole["region"].value_counts()
    )
    assert divided.missing == 6
    assert divided.note == (
        "6 rows of 300 without a value in the segments column are in no segment"
    )


def test_a_part_is_what_only_would_have_kept(root: Path) -> None:
    only = case(segments=None, data={"only": {"region": "north"}})
    by_hand = prepare(sources.read(only, root=root).frame, only)
    part = segment(case(), root, "north")
    found = prepare(sources.read(part, root=root).frame, part)
    pd.testing.assert_frame_equal(found.frame, by_hand.frame)
    assert found.fingerprint == by_hand.fingerprint
    assert found.test_rows.tolist() == by_hand.test_rows.tolist()


@pytest.mark.parametrize("domain", DOMAINS)
def test_cells_of_any_type_come_back_as_they_were(domain: str, root: Path) -> None:
    data = {"source": f"synthetic:{domain}", "positive": None}
    frame = sources.read(case(data=data), root=root).frame
    column = next(c for c in frame if frame[c].nunique() in range(2, 20))
    for unit in divide(case(segments=column, data=data), root).units:
        back = sources.read(params_from_dict(unit.params), root=root).frame
        kept = frame[frame[column].map(label_text) == unit.segment]
        pd.testing.assert_frame_equal(back, kept.reset_index(drop=True))


def test_a_segment_is_filed_under_a_name_of_its_own(root: Path) -> None:
    params = segment(case(registry={"model": "buyers"}), root, "New York")
    assert params.case == "toy.New-York-815eca97"
    assert params.model == "buyers.New-York-815eca97"
    assert params.segments is None
    assert params.data.only == {"region": "New York"}
    assert params.data.source == "data/parts/toy/New-York-815eca97.parquet"


def test_test_and_current_rows_are_divided_as_well(root: Path) -> None:
    table = toy_table(60, seed=1)
    table[table["region"] != "east"].to_csv(root / "test.csv", index=False)
    params = case(data={"test": "test.csv"}, drift={"current": "test.csv"})
    units = {unit.segment: unit for unit in divide(params, root).units}
    north = sources.read(params_from_dict(units["north"].params), root=root)
    assert north.test is not None
    assert set(north.test["region"]) == {"north"}
    current = units["north"].params["drift"]["current"]
    assert set(pd.read_parquet(root / current)["region"]) == {"north"}
    stop = units["east"].stop
    assert stop is not None
    assert stop["status"] == "not enough data"
    assert stop["message"] == "the test file test.csv has no row of this segment"


def test_rows_to_explain_stay_with_their_segment(root: Path) -> None:
    table = pd.read_csv(root / "t.csv").assign(order=range(300))
    table.to_csv(root / "t.csv", index=False)
    wanted = {"explain": {"key": "order", "rows": [0, 1, 2, 3, 4, 5]}}
    of_north = set(table[table["region"] == "north"]["order"])
    found = segment(case(**wanted), root, "north").explain
    assert found.rows == [row for row in range(6) if row in of_north]
    assert segment(case(explain={"rows": [1, 2]}), root, "north").explain.rows == []


def test_a_column_that_is_not_there_is_named_with_the_nearest(root: Path) -> None:
    with pytest.raises(SourceError) as caught:
        divide(case(segments="regoin"), root)
    assert "segments must name a column of " in str(caught.value)
    assert "there is no 'regoin'. Did you mean 'region'?" in str(caught.value)


def test_a_column_of_too_many_values_is_refused(root: Path) -> None:
    table = toy_table(600).assign(order=range(600))
    table.to_csv(root / "t.csv", index=False)
    with pytest.raises(SegmentsError) as caught:
        divide(case(segments="order"), root)
    assert str(caught.value).startswith(
        "segments: 'order' must have at most 500 values, and has 600: '0', '1', '2', "
    )
    assert not (root / "data").exists()


def test_a_column_without_values_is_refused(root: Path) -> None:
    toy_table(50).assign(region="").to_csv(root / "t.csv", index=False)
    with pytest.raises(SegmentsError, match="must have a value in some row, and has"):
        divide(case(), root)


def test_values_that_differ_in_capitals_alone_are_refused(root: Path) -> None:
    table = toy_table(50)
    table.loc[0, "region"] = "North"
    table.to_csv(root / "t.csv", index=False)
    with pytest.raises(SegmentsError) as caught:
        divide(case(), root)
    assert "these do not: 'North', 'north'; write them alike" in str(caught.value)
