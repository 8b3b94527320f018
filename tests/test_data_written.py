"""Numbers and dates as people and machines write them, read a column at a time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import conform, infer_schema
from mlkit.data.dates import read_dates
from mlkit.data.epochs import EPOCHS, find_epoch, read_epoch
from mlkit.data.kinds import guess_declared, guess_kind
from mlkit.data.numerals import find_style, read_numbers
from mlkit.params.models import Params

CHANCE = np.random.default_rng(6)


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


def case(**data: object) -> Params:
    sections = {"source": "t.csv", "target": "y", **data}
    return Params.model_validate({"case": "c", "task": "binary", "data": sections})


@pytest.mark.parametrize(
    ("column", "style", "numbers"),
    [
        (["$1,234.50", "($5.00)"], "1,234.5", [1234.5, -5]),
        (["1.234,50 €", "-3,25 €"], "1.234,5", [1234.5, -3.25]),
        (["EUR 1.234,50", "7"], "1.234,5", [1234.5, 7]),
        (["12.5 %", "3%"], "1,234.5", [12.5, 3]),
        (["1'234.50", "CHF 2’000"], "1,234.5", [1234.5, 2000]),
        (["1 234,5", "7"], "1.234,5", [1234.5, 7]),
        (["12,34,567.50", "5"], "1,234.5", [1234567.5, 5]),
        (["−5", "3,000"], "1,234.5", [-5, 3000]),
        (["5-", "1,234.5-"], "1,234.5", [-5, -1234.5]),
        (["12 km", "3.5 km"], "1 km", [12, 3.5]),
        (["1,200 CC", "998 CC"], "1,234.5 CC", [1200, 998]),
        (["1.200,5 kWh", "7 kWh"], "1.234,5 kWh", [1200.5, 7]),
    ],
)
def test_a_column_is_read_in_one_style(
    column: list[str], style: str, numbers: list[float]
) -> None:
    assert find_style(texts(*column)) == style
    assert read_numbers(texts(*column), style).tolist() == numbers
    guess = guess_kind(pd.Series(column * 20, dtype="str"))
    assert (guess.kind, guess.format) == ("number", style)


@pytest.mark.parametrize(
    "column",
    [["1-2", "3-4"], ["12 kg", "3 lb"], ["9 AM", "10 AM"], ["12A", "14A"],
     ["1 st", "2 nd"], ["--5", "5"], ["(-5)", "x"], ["$", "€"], ["1,23,4", "x"]],
)  # fmt: skip
def test_what_only_looks_like_a_number_stays_text(column: list[str]) -> None:
    assert guess_kind(pd.Series(column * 30, dtype="str")).kind == "category"


DRESSES = ["{}", "${}", "{} €", "USD {}", "R$ {}", "kr {}", "{} %", "{}‰"]
SIGNS = ["-{}", "({})", "{}-", "−{}"]


@given(
    st.floats(-1e12, 1e12).map(lambda number: round(number, 2)),
    st.sampled_from(DRESSES),
    st.sampled_from(SIGNS),
)
def test_any_dress_of_a_number_is_taken_off(
    number: float, dress: str, sign: str
) -> None:
    english = dress.format(f"{abs(number):,.2f}")
    if number < 0:
        english = sign.format(english)
    german = english.translate(str.maketrans(",.", ".,"))
    assert read_numbers(texts(english), "1,234.5").tolist() == [number]
    assert read_numbers(texts(german), "1.234,5").tolist() == [number]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Mon Feb 29 01:16:05 2016", "2016-02-29T01:16:05"),
        ("Mon Feb  1 01:16:05 +0100 2016", "2016-02-01T00:16:05"),
        ("2016-Feb-29", "2016-02-29"),
        ("2016-02-29 01:16:05+00", "2016-02-29T01:16:05"),
        ("2016-02-29 01:16-05", "2016-02-29T06:16"),
    ],
)
def test_dates_as_programs_print_them(text: str, moment: str) -> None:
    assert read_dates(texts(text))[0] == np.datetime64(moment, "us")


MOMENTS = pd.date_range("2001-05-06 07:08:09", periods=60, freq="31h", unit="us")


@pytest.mark.parametrize("unit", EPOCHS)
@pytest.mark.parametrize("written", [True, False])
def test_dates_that_are_numbers_are_read_back(unit: str, written: bool) -> None:
    start = pd.Timestamp("1899-12-30" if unit == "spreadsheet days" else "1970-01-01")
    micros = (MOMENTS - start) // pd.Timedelta(1, "us")
    numbers = pd.Series(micros / EPOCHS[unit], name="order_date")
    if unit != "spreadsheet days":
        numbers = numbers.round().astype("int64")
    values = numbers.map(repr).astype("str") if written else numbers
    guess = guess_kind(values, "order_date")
    assert (guess.kind, guess.format) == ("date", unit)
    assert guess_declared(values.rename("x"), "date").format == unit
    frame = pd.DataFrame({"order_date": values, "y": ["yes", "no"] * 30})
    conformed = conform(frame, infer_schema(frame, case(positive="yes")))
    gap = np.abs(conformed["order_date"] - pd.Series(MOMENTS))
    assert gap.max() < pd.Timedelta(1, "ms")


def test_numbers_are_dates_only_under_a_name_of_time() -> None:
    seconds = pd.Series(CHANCE.integers(10**9, 2 * 10**9, 60))
    names = ("created_at", "timestamp", "eventTime", "price", "date_count", "attempts")
    kinds = [guess_kind(seconds, name).kind for name in names]
    assert kinds == ["date"] * 3 + ["number", "date", "number"]
    days = pd.Series(CHANCE.integers(40_000, 45_000, 60))
    assert guess_kind(days, "order_date").kind == "date"
    assert guess_kind(days, "time").kind == "number"
    mixed = pd.Series([5, *seconds])
    assert guess_kind(mixed, "created_at").kind == "number"


def test_no_numbers_are_no_dates() -> None:
    assert find_epoch(np.array([])) is None
    assert find_epoch(np.array([np.nan, np.inf])) is None
    assert np.isnat(read_epoch(np.array([np.nan]), "epoch s"))[0]


def test_typed_days_in_eight_digits_are_dates() -> None:
    assert guess_kind(pd.Series([20141013, 20160229] * 30), "x").kind == "date"
    assert guess_kind(pd.Series([20141013, 20149999] * 30), "x").kind == "number"


def test_row_numbers_of_a_saved_frame_are_identifiers() -> None:
    numbers = pd.Series(CHANCE.permutation(9_999)[:60].astype(str))
    assert guess_kind(numbers, "Unnamed: 0").kind == "identifier"
    assert guess_kind(numbers, "rownames").kind == "identifier"
    assert guess_kind(numbers, "score").kind == "number"


def test_the_order_of_other_dates_is_not_taken_from_numbers() -> None:
    frame = pd.DataFrame(
        {
            "at": (MOMENTS.astype("int64") // 10**6).astype(str),
            "day": ["1/2/2020", "3/4/2020"] * 30,
            "y": ["yes", "no"] * 30,
        }
    )
    formats = {c.name: c.format for c in infer_schema(frame, case()).columns}
    assert formats == {"at": "epoch s", "day": "dmy", "y": None}
