"""Scraps: what goes in is what scrapbook reads, and odd values are named."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient

from mlkit.report import glue
from mlkit.report.scraps import plain, scrap

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


@given(JSON)
def test_json_values_stay_as_they_are(value: Any) -> None:
    assert plain(value, "x") == value


def test_numbers_of_numpy_become_plain_and_tuples_lists() -> None:
    value = {"n": np.int64(3), "x": (np.float32(0.5), np.bool_(True))}
    found = plain(value, "x")
    assert found == {"n": 3, "x": [0.5, True]}
    assert [type(v) for v in (found["n"], *found["x"])] == [int, float, bool]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_number_that_is_not_finite_is_named_with_its_path(bad: float) -> None:
    with pytest.raises(ValueError, match=r"scores\.model\[1\] is (nan|inf|-inf)"):
        scrap("scores", {"model": [0.5, bad]})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            pd.DataFrame({"a": [1, 2]}),
            r"DataFrame of shape \(2 x 1\); tables belong in",
        ),
        (np.zeros(3), r"ndarray of shape \(3\); tables belong in files"),
        (pd.Series([1.0]), "tables belong in files"),
        (None, "must hold a value"),
        ({1: "a"}, r"keys of x must be text, got 1 \(int\); use str\(1\)"),
        ({"a": {2}}, r"x\.a is a set, which JSON cannot hold"),
        (b"abc", "x is a bytes, which JSON cannot hold"),
        (SimpleNamespace(to_dict=dict), r"glue what its \.to_dict\(\) returns"),
    ],
)
def test_a_value_json_cannot_hold_is_refused_with_advice(
    value: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        scrap("x", value)


def test_a_large_value_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"may take 1,000,000 bytes, this one takes 1,"
    ):
        scrap("x", "a" * 1_000_001)


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_scrap_needs_a_name(name: Any) -> None:
    with pytest.raises(TypeError, match="name must be text"):
        scrap(name, 1)


def test_outside_of_a_notebook_it_says_that_nothing_is_recorded() -> None:
    with pytest.raises(RuntimeError, match="call it from a notebook cell"):
        glue("rows", 1)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = """
import numpy as np
import mlkit
mlkit.report.glue("rows", np.int64(12))
mlkit.report.glue("rows", 13)
mlkit.report.glue("version", "12")
mlkit.report.glue("passed", np.bool_(True))
mlkit.report.glue("metrics", {"auc": np.float64(0.5), "none": None, "all": (1, 2)})
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    NotebookClient(notebook, kernel_name="python3", timeout=60).execute()
    path = tmp_path_factory.mktemp("scraps") / "step.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.mark.filterwarnings("ignore")
def test_scrapbook_reads_the_scraps_of_an_executed_notebook(executed: Path) -> None:
    import scrapbook

    assert scrapbook.read_notebook(str(executed)).scraps.data_dict == {
        "rows": 13,
        "version": "12",
        "passed": True,
        "metrics": {"auc": 0.5, "none": None, "all": [1, 2]},
    }
