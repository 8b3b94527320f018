"""Slices: which rows they hold, what they measure, what they do not tell."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import prepare
from mlkit.evaluate import SliceResult, evaluate, slice_results
from mlkit.evaluate.slices import parts
from mlkit.metrics import METRICS, Scored, estimate, metrics_for
from mlkit.params import params_from_dict

SPECS = list(metrics_for("binary").values())


def scored(n: int = 200, *, seed: int = 0) -> Scored:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    p = np.clip(0.3 + 0.4 * y + 0.2 * rng.normal(size=n), 0, 1)
    return Scored("binary", y, np.column_stack([1 - p, p]))


def sliced(columns: dict[str, Any], rows: Scored, **options: Any) -> list[SliceResult]:
    found = slice_results(
        pd.DataFrame(columns), rows, SPECS, primary="roc_auc", resamples=200, **options
    )
    return list(found)


def test_a_slice_has_the_metrics_of_its_rows() -> None:
    rows = scored()
    site = np.where(np.arange(200) < 120, "b", "a")
    one, other = sliced({"site": site}, rows)
    assert [(p.column, p.value, p.n) for p in (one, other)] == [
        ("site", "b", 120),
        ("site", "a", 80),
    ]
    for name in metrics_for("binary"):
        alone = estimate(name, rows.take(site == "b"), resamples=200)
        assert one.metrics[name].to_dict() == alone.to_dict(), name
    assert one.estimate == one.metrics["roc_auc"]


def test_below_30_rows_there_is_not_enough_data() -> None:
    rows = scored()
    site = np.repeat(["a", "b", "c"], [141, 30, 29])
    _, enough, few = sliced({"site": site}, rows)
    assert enough.note is None
    assert enough.estimate.defined
    assert few.note == "not enough data: 29 rows, at least 30 are needed"
    assert few.metrics == {}
    assert not few.estimate.defined
    assert few.estimate.reason == few.note
    record = json.loads(json.dumps(few.to_dict(), allow_nan=False))
    assert record["estimate"]["value"] is None


def test_a_slice_of_one_class_says_what_it_cannot_measure() -> None:
    rows = scored()
    (positive, negative) = sliced({"y": rows.codes}, rows)[:2]
    for part in (positive, negative):
        assert part.estimate.reason == "only one class has rows"
        assert part.metrics["accuracy"].defined
        assert part.metrics["brier"].defined


def test_numbers_are_cut_into_bands_of_about_as_many_rows() -> None:
    rows = scored(400)
    age = np.random.default_rng(0).permutation(np.arange(400)) / 4
    found = sliced({"age": age}, rows)
    assert [part.n for part in found] == [100, 100, 100, 100]
    assert [part.value for part in found] == [
        "0 to 24.75", "25 to 49.75", "50 to 74.75", "75 to 99.75"
    ]  # fmt: skip


def test_years_and_postcodes_are_named_as_the_data_write_them() -> None:
    found = sliced({"built": np.arange(1900.0, 2000.0).repeat(2)}, scored())
    assert found[0].value == "1900 to 1924"
    found = sliced({"code": np.arange(98001.0, 98101.0).repeat(2)}, scored())
    assert found[-1].value == "98076 to 98100"


def test_a_number_of_few_values_is_taken_value_by_value() -> None:
    found = sliced({"rooms": np.tile([1.0, 2.0], 100)}, scored())
    assert {part.value for part in found} == {"1", "2"}


def test_a_number_with_one_frequent_value_keeps_it_in_one_band() -> None:
    amount = np.concatenate([np.zeros(150), np.arange(1, 51)])
    found = sliced({"amount": amount}, scored())
    assert sum(part.n for part in found) == 200
    assert found[0].value == "0"
    assert found[0].n == 150


def test_missing_values_are_a_slice_and_dates_are_bands() -> None:
    when = pd.Series(pd.date_range("2024-01-01", periods=200, freq="D"))
    when = when.where(when.index >= 40)
    found = sliced({"when": when}, scored())
    assert [part.n for part in found] == [40, 40, 40, 40, 40]
    assert found[0].value == "2024-02-10 to 2024-03-20"
    assert found[-1].value == "missing"


def test_rare_values_are_taken_together() -> None:
    code = np.array([f"v{i:02}" for i in range(25)]).repeat(8)
    found = sliced({"code": code}, scored())
    assert len(found) == 21
    assert found[-1].value == "other (5 values)"
    assert found[-1].n == 40


def test_values_of_a_masked_column_are_not_told() -> None:
    found = sliced(
        {"name": np.where(np.arange(200) < 120, "Ann", "Bob")},
        scored(),
        masked=["name"],
    )
    assert [part.value for part in found] == ["value 1", "value 2"]


@given(
    st.lists(
        st.one_of(st.none(), st.floats(-5, 5), st.integers(0, 3).map(float)), min_size=1
    )
)
def test_every_row_is_in_exactly_one_slice(values: list[float | None]) -> None:
    column = pd.Series(values, dtype="float64")
    total = sum(rows.astype(int) for _, rows in parts(column))
    assert (np.asarray(total) == 1).all()


def test_columns_of_other_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="each of the 200 scored rows, got 3"):
        sliced({"site": ["a", "b", "c"]}, scored())


def toy(**data: Any) -> Any:
    rng = np.random.default_rng(1)
    raw = pd.DataFrame(
        {
            "x": rng.normal(size=400),
            "group": rng.choice(["old", "young"], 400),
            "y": rng.choice(["no", "yes"], 400),
        }
    )
    slices = data.pop("slices", [])
    params = params_from_dict(
        {
            "case": "toy",
            "task": "binary",
            "data": {"source": "toy.csv", "target": "y", "positive": "yes", **data},
            "evaluate": {"slices": slices, "gates": [], "resamples": 200},
        }
    )
    dataset = prepare(raw, params)
    p = rng.random(len(dataset.test_rows))
    return dataset, {"model": np.column_stack([1 - p, p])}, params


def test_protected_columns_are_added_and_sensitive_ones_masked() -> None:
    found = evaluate(*toy(slices=["x"], protected=["group"], sensitive=["group"]))
    assert [part.column for part in found.slices] == ["x"] * 4 + ["group"] * 2
    names = [part.value for part in found.slices if part.column == "group"]
    assert names == ["value 1", "value 2"]
    assert "young" not in json.dumps(found.to_dict())
    assert "young" not in found._repr_html_()


def test_a_slice_column_that_is_not_there_is_named() -> None:
    dataset, predictions, params = toy()
    section = params.evaluate.model_copy(update={"slices": ["x", "grup"]})
    with pytest.raises(ValueError, match="slices") as error:
        evaluate(dataset, predictions, params.model_copy(update={"evaluate": section}))
    assert str(error.value) == (
        "evaluate.slices[1] must be a column of the data (x, group, y), got 'grup'. "
        "Did you mean 'group'?"
    )


def test_regressions_are_sliced_too() -> None:
    y = np.arange(100.0)
    rows = Scored("regression", y, y + 1)
    found = slice_results(
        pd.DataFrame({"half": y < 50}), rows, [METRICS["mae"]], primary="mae"
    )
    assert [(part.value, part.n) for part in found] == [("False", 50), ("True", 50)]
    assert all(part.estimate.value == 1 for part in found)
