"""`data.only`: of a table the rows that have a value, whatever the file's format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlkit import sources
from mlkit.params import Params, params_from_dict
from mlkit.sources import SourceError

TABLE = pd.DataFrame(
    {
        "region": ["north", "south", "north", None, "North"],
        "size": [1.0, 2.0, 1.5, 1.0, 1.0],
        "open": [True, False, True, True, False],
        "y": ["a", "b", "b", "a", "a"],
    }
)


def case(source: str, **data: Any) -> Params:
    section = {"source": source, "target": "y", **data}
    return params_from_dict({"case": "t", "task": "binary", "data": section})


@pytest.fixture(params=["csv", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / f"table.{request.param}"
    if request.param == "csv":
        TABLE.to_csv(path, index=False)
    else:
        TABLE.to_parquet(path)
    return str(path)


@pytest.mark.parametrize(
    ("only", "rows"),
    [
        ({}, [0, 1, 2, 3, 4]),
        ({"region": "north"}, [0, 2]),
        ({"size": 1}, [0, 3, 4]),
        ({"size": 1.5}, [2]),
        ({"open": True}, [0, 2, 3]),
        ({"region": "north", "size": 1}, [0]),
    ],
)
def test_only_rows_with_the_values_are_read(
    table: str, only: dict[str, Any], rows: list[int]
) -> None:
    whole = sources.read(case(table)).frame
    found = sources.read(case(table, only=only)).frame
    pd.testing.assert_frame_equal(found, whole.iloc[rows].reset_index(drop=True))


def test_what_was_kept_is_said(table: str) -> None:
    found = sources.read(case(table, only={"region": "north"}))
    assert found.origin.endswith("5 rows), of which 2 rows with region north")


def test_the_test_file_and_current_rows_are_chosen_alike(table: str) -> None:
    params = case(table, only={"region": "south"}, test=table)
    found = sources.read(params)
    assert found.test is not None
    assert found.test["region"].tolist() == ["south"]
    assert len(sources.read_table(table, params.data, scoring=True)) == 1
    every = sources.read_table(table, params.data, scoring=True, every_row=True)
    assert len(every) == 5


def test_a_column_that_is_not_there_is_named_with_the_nearest(table: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources.read(case(table, only={"regoin": "north"}))
    assert "data.only must name a column of " in str(caught.value)
    assert "there is no 'regoin'. Did you mean 'region'?" in str(caught.value)


def test_values_that_no_row_has_are_refused(table: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources.read(case(table, only={"region": "nord"}))
    assert "that have {region: nord}, and none of its 5 rows has" in str(caught.value)
