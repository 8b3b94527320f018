"""Kinds, dates and numbers, found by looking at values."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import label_text
from mlkit.data.dates import possible_orders, read_dates
from mlkit.data.distinct import find_distinct
from mlkit.data.kinds import guess_declared, guess_kind
from mlkit.data.numerals import find_style, read_numbers


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


def kind(values: object, name: str = "x") -> str:
    return guess_kind(pd.Series(values), name).kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "2.5", "-3e5", ".5", "+7", "5."], "number"),
        (["0", "1"] * 30, "number"),
        (["1", "2", "3", "4"] * 30, "number"),
        (["1,234.50", "5", "-2,000"], "number"),
        (["12,5", "1.234,5", "3"], "number"),
        (["$1,234", "$5.10"], "number"),
        (["12 %", "3.5 %"], "number"),
        (["007", "042"], "category"),
        (["0012", "0013"] * 30, "category"),
        (["1e5", "a3f"] * 30, "category"),
        (["true", "FALSE", None], "boolean"),
        (["yes", "no"], "category"),
        (["a", "b"] * 30, "category"),
        (["2016-02-29", "2016-03-01"], "date"),
        (["29/2/2016 01:16", "5/3/2016 12:00"], "date"),
        (["20141013T000000", "20141209T000000"], "date"),
        (["20141013", "20141209"], "date"),
        (["20141013", "20149999"], "number"),
        (["08/2023", "08/2021"], "date"),
        (["29-Feb-16", "1-Mar-16"], "date"),
        ([f"A{i}" for i in range(40)], "identifier"),
        ([f"{i:05d}" for i in range(40)], "identifier"),
        ([str(i) for i in range(40)], "identifier"),
        ([f"{i}.5" for i in range(40)], "number"),
        ([f"{i}.0" for i in range(40)], "number"),
        ([f"A{i}" for i in range(19)], "category"),
        ([f"the thing broke on day {i}" for i in range(40)], "text"),
        (["the thing broke again"] * 40, "category"),
        (["abc", "1", "2"] * 30, "category"),
        ([None, None], "number"),
        (["", " "], "number"),
        ([True, False], "boolean"),
        ([True, None], "boolean"),
        ([1.5, 2.5], "number"),
        (list(range(40)), "identifier"),
        ([float(i) for i in range(40)], "number"),
        (pd.date_range("2020", periods=40), "date"),
        (pd.Series([1, None, 3], dtype="Int64"), "number"),
        (pd.Categorical(["a", "b", "a"]), "category"),
        ([1, "a", 2.5, None] * 10, "category"),
    ],
)
def test_the_kind_follows_from_all_values(values: object, expected: str) -> None:
    assert kind(values) == expected


def test_names_help_to_know_numbers_that_name_rows() -> None:
    codes = [str(7919 * i) for i in range(100)]
    assert [kind(codes, name) for name in ("customer_id", "caseID", "Row Number")] == [
        "identifier"
    ] * 3
    assert kind(codes, "price") == kind(codes, "humid") == "number"
    repeated = codes[:90] + codes[:10]
    assert kind(repeated, "customer_id") == "number"
    seldom_repeated = codes[:96] + codes[:4]
    assert kind(seldom_repeated, "customer_id") == "identifier"


def test_whole_numbers_with_gaps_are_not_names_of_rows() -> None:
    assert kind([str(i) for i in range(0, 80, 2)]) == "number"


def test_a_few_texts_among_many_numbers_are_mistakes_not_categories() -> None:
    numbers = [f"{i}.5" for i in range(96)]
    guess = guess_kind(pd.Series([*numbers, "abc", "unknown"]))
    assert (guess.kind, guess.why) == (
        "number",
        "98.0% of the values are numbers, the rest are not",
    )
    assert kind([*numbers[:90], *(f"word {i}" for i in range(10))]) == "identifier"
    few_sizes = ["0", "1", "2"] * 40 + ["3+"]
    assert kind(few_sizes) == "category"


def test_a_few_texts_among_many_dates_are_mistakes() -> None:
    dates = [f"2020-01-{day:02d}" for day in range(1, 31)] * 2
    assert kind([*dates, "soon"]) == "date"


def test_eight_digits_are_dates_only_where_all_are() -> None:
    days = [f"201410{day:02d}" for day in range(1, 32)] * 2
    assert kind(days) == "date"
    assert kind([*days, "20149999"]) == "number"
    assert kind([*days, "soon"]) == "number"


def test_a_whole_column_decides_the_order_of_day_and_month() -> None:
    day_first = guess_kind(pd.Series(["1/2/2020", "13/2/2020"]))
    month_first = guess_kind(pd.Series(["1/2/2020", "2/13/2020"]))
    open_ = guess_kind(pd.Series(["1/2/2020", "3/4/2020"]))
    assert (day_first.format, month_first.format, open_.format) == ("dmy", "mdy", "dmy")
    assert (day_first.undecided, open_.undecided) == (False, True)
    assert "month before day" in month_first.why
    assert "nothing tells day from month" in open_.why
    assert kind(["13/1/2020", "1/13/2020"]) == "category"


def test_declared_kinds_keep_the_best_format() -> None:
    assert guess_declared(pd.Series(["12,5", "1.200,75"]), "number").format == "1.234,5"
    assert guess_declared(pd.Series(["2/13/2020", "x"]), "date").format == "mdy"
    assert guess_declared(pd.Series(["1", "2"]), "category").format is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2016-02-29", "2016-02-29"),
        ("2016/2/9", "2016-02-09"),
        ("2016-02", "2016-02-01"),
        ("20160229", "2016-02-29"),
        ("20160229T011605", "2016-02-29T01:16:05"),
        ("29/2/2016 01:16", "2016-02-29T01:16"),
        ("29.2.16", "2016-02-29"),
        ("29.2.69", None),
        ("28.2.69", "1969-02-28"),
        ("02/2016", "2016-02-01"),
        ("29 Feb 2016", "2016-02-29"),
        ("February 29, 2016 1:16:05.25 PM", "2016-02-29T13:16:05.250"),
        ("29-Feb-16", "2016-02-29"),
        ("3 Sept 2020", "2020-09-03"),
        ("Feb 2016", "2016-02-01"),
        ("Mon, 29 Feb 2016 10:00:00 GMT", "2016-02-29T10:00"),
        ("2016-02-29T01:16Z", "2016-02-29T01:16"),
        ("2016-02-29T01:16+02:00", "2016-02-28T23:16"),
        ("2016-02-29 01:16:05-0530", "2016-02-29T06:46:05"),
        ("2016-02-29 12:00 AM", "2016-02-29T00:00"),
        ("9999-12-31", "9999-12-31"),
        ("2015-02-29", None),
        ("2016-13-01", None),
        ("2016-02-29 25:00", None),
        ("2016-02-29 13:00 PM", None),
        ("0000-01-01", None),
        ("29 Foo 2016", None),
        ("12:30", None),
        ("1/2/3/4", None),
        ("soon", None),
    ],
)
def test_the_usual_forms_of_dates_are_read(text: str, moment: str | None) -> None:
    found = read_dates(texts(text))[0]
    if moment is None:
        assert np.isnat(found)
    else:
        assert found == np.datetime64(moment, "us")


MOMENTS = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9998, 12, 31))


@given(MOMENTS)
def test_every_iso_date_is_read_back(moment: datetime) -> None:
    forms = [moment.isoformat(), moment.isoformat(" "), moment.isoformat() + "Z"]
    assert list(read_dates(texts(*forms))) == [np.datetime64(moment, "us")] * 3


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2068, 12, 31)))
def test_every_date_is_read_back_in_either_order(moment: datetime) -> None:
    minute = moment.replace(second=0, microsecond=0)
    day = f"{minute.day}/{minute.month}/{minute.year} {minute:%H:%M}"
    month = f"{minute.month}/{minute.day}/{minute.year} {minute:%I:%M %p}"
    expected = np.datetime64(minute, "us")
    assert read_dates(texts(day), "dmy")[0] == expected
    assert read_dates(texts(month), "mdy")[0] == expected


@given(MOMENTS, st.integers(-14 * 60, 14 * 60))
def test_zones_are_turned_to_utc(moment: datetime, minutes: int) -> None:
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    found = read_dates(texts(moment.isoformat() + zone))[0]
    assert found == np.datetime64(moment - timedelta(minutes=minutes), "us")


def test_orders_are_counted_over_a_column() -> None:
    assert possible_orders(texts("13/1/2020", "1/2/2020", "1/13/2020", "x")) == {
        "dmy": 2,
        "mdy": 2,
    }


@given(st.floats(allow_nan=False))
def test_plain_numbers_are_read_as_python_reads_them(number: float) -> None:
    forms = [repr(number), f"{number:.3e}", f"{number:+g}"]
    expected = [float(form) for form in forms]
    assert read_numbers(texts(*forms), None).tolist() == expected


@given(st.decimals(-(10**9), 10**9, places=2, allow_nan=False))
def test_numbers_with_separators_are_read_back(number: object) -> None:
    english = f"{number:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert read_numbers(texts(english), "1,234.5").tolist() == [float(str(number))]
    assert read_numbers(texts(german), "1.234,5").tolist() == [float(str(number))]


def test_the_style_is_the_one_that_reads_most() -> None:
    assert find_style(texts("1", "2.5")) is None
    assert find_style(texts("1,234", "5")) == "1,234.5"
    assert find_style(texts("1,23", "5")) == "1.234,5"
    assert find_style(texts("1 234,5", "5")) == "1.234,5"
    assert find_style(texts("abc")) is None


def test_what_is_not_a_number_is_missing() -> None:
    odd = texts("abc", "1_000", "nan", "0x10", "1,2", "--1", "1e")
    assert np.isnan(read_numbers(odd, None)).all()
    assert np.isinf(read_numbers(texts("inf", "-Infinity"), None)).all()
    assert np.isnan(read_numbers(texts(",", "12,34"), "1,234.5")).all()


def test_label_texts() -> None:
    values = [True, 1, 1.0, np.float32(2.5), "yes", " no ", None, float("nan"), pd.NaT]
    assert [label_text(value) for value in values] == [
        *("True", "1", "1", "2.5", "yes", "no"),
        *(None, None, None),
    ]
    assert label_text(np.datetime64("2020-01-02")) == "2020-01-02T00:00:00"
    assert label_text(2.0**60) == repr(2.0**60)
    assert label_text(np.True_) == "True"


@given(st.lists(st.one_of(st.none(), st.text(alphabet="ab \t", max_size=3))))
def test_distinct_texts_spread_back_to_the_column(values: list[str | None]) -> None:
    distinct = find_distinct(pd.Series(values, dtype="str"))
    spread = [None if c < 0 else distinct.texts[int(c)].as_py() for c in distinct.codes]
    assert spread == [(value or "").strip() or None for value in values]
    assert len(set(distinct.texts.to_pylist())) == len(distinct.texts)
    assert distinct.counts.sum() == sum(text is not None for text in spread)


def test_equal_values_of_different_types_stay_apart_as_texts() -> None:
    mixed = find_distinct(pd.Series([1, True, "1", 1.0], dtype=object))
    assert mixed.texts.to_pylist() == ["1", "True"]
    assert mixed.codes.tolist() == [0, 1, 0, 0]
