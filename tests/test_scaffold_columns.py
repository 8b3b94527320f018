"""What is left out, declared, compared or asked about: one rule a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.scaffold import Scaffolded, scaffold
from mlkit.scaffold.gaps import find_gaps

N = 400
CHANCE = np.random.default_rng(8)
SCORE = CHANCE.normal(size=N)
Make = Callable[..., Scaffolded]


@pytest.fixture
def made(tmp_path: Path) -> Make:
    """Return a function that scaffolds a case; keywords are columns beside two."""

    def make(target: str = "y", **columns: Any) -> Scaffolded:
        frame = pd.DataFrame({"a": SCORE.round(3), "b": [*"uvwx"] * (N // 4)})
        frame["y"] = np.where(SCORE + CHANCE.normal(size=N) > 0, "yes", "no")
        frame = frame.assign(**columns)
        frame.to_csv(tmp_path / "t.csv", index=False)
        return scaffold("t", "t.csv", target, root=tmp_path)

    return make


def why(made: Scaffolded, column: str, key: str = "data.ignore") -> str:
    (found,) = [f for f in made.findings if f.column == column and f.key == key]
    return found.why


def days(start: str, spread: int, form: str = "%Y-%m-%d") -> pd.Index:
    moments = pd.Timestamp(start) + pd.to_timedelta(
        CHANCE.integers(0, spread, N), unit="D"
    )
    return pd.DatetimeIndex(moments).strftime(form)


def test_a_plain_table_gives_a_short_file(made: Make) -> None:
    case = made()
    assert (case.params.task, case.params.data.positive) == ("binary", "yes")
    assert case.params.data.ignore == []
    assert case.params.data.split.by == "row"
    assert len(case.text.splitlines()) < 30
    assert "b" not in case.params.data.columns


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("instant", range(1, N + 1), "distinct whole numbers in a row"),
        ("key", [f"k{i}" for i in range(N)], "100.0% of the values are distinct"),
        (
            "client_id",
            CHANCE.permutation(99_999)[:N],
            "distinct and the name says 'id'",
        ),
        ("Unnamed: 0", CHANCE.permutation(9_999)[:N], "the name says 'unnamed'"),
        ("same", [7] * N, "every row has '7'"),
        ("empty", [None] * N, "every value is missing"),
        (
            "js",
            [json.dumps({"k": i % 5, "v": [1, 2]}) for i in range(N)],
            "JSON texts",
        ),
    ],
)
def test_what_says_nothing_is_left_out(
    made: Make, name: str, values: Any, said: str
) -> None:
    case = made(**{name: values})
    assert case.params.data.ignore == [name]
    assert said in why(case, name)
    assert said.split("'")[0] in case.text.replace("\n    # ", " ")


def test_row_numbers_without_a_name_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": SCORE, "y": np.where(CHANCE.normal() < SCORE, 1, 0)})
    frame["y"] = np.where(SCORE + CHANCE.normal(size=N) > 0, 1, 0)
    frame.sample(frac=0.7, random_state=1).to_csv(tmp_path / "t.csv")
    case = scaffold("t", "t.csv", "y", root=tmp_path)
    assert case.params.data.ignore == ["column_1"]


def test_columns_that_vary_but_little_stay(made: Make) -> None:
    case = made(near=[0] * (N - 2) + [1, 2], gaps=[1, None] * (N // 2))
    assert case.params.data.ignore == []


def test_copies_of_the_target_are_left_out_with_a_way_back(made: Make) -> None:
    y = np.where(SCORE > 0, "yes", "no")
    case = made(y=y, a=CHANCE.normal(size=N), flag=np.where(SCORE > 0, 1, 0))
    assert case.params.data.ignore == ["flag"]
    assert "move it to accept_leakage" in why(case, "flag")


def test_parts_of_the_target_are_left_out(made: Make) -> None:
    first, second = CHANCE.poisson(9, N), CHANCE.poisson(4, N)
    case = made("cnt", casual=first, member=second, cnt=first + second)
    assert case.params.data.ignore == ["casual", "member"]
    assert "'casual' + 'member'" in why(case, "casual")
    case = made("total", qty=second, unit=first, total=second * first)
    assert case.params.data.ignore == ["qty", "unit"]
    assert "'qty' x 'unit'" in why(case, "qty")


def test_the_end_of_a_duration_is_left_out_and_its_start_is_the_time(
    made: Make,
) -> None:
    start = pd.to_datetime(days("2022-01-01", 500))
    hours = CHANCE.gamma(3, 20, N).round(2)
    end = start + pd.to_timedelta(hours, unit="h")
    case = made("hours", start=start, end=end, hours=hours)
    assert case.params.data.ignore == ["end"]
    assert (case.params.data.time, case.params.data.learn_time) == ("start", True)


def test_codes_and_coded_traits_become_categories(made: Make) -> None:
    case = made(
        zipcode=CHANCE.integers(98_000, 98_020, N),
        SEX=CHANCE.integers(1, 3, N),
        store_id=CHANCE.integers(1, 12, N),
        weathersit=CHANCE.integers(1, 5, N),
        rooms=CHANCE.integers(1, 6, N),
    )
    assert dict(case.params.data.columns) == dict.fromkeys(
        ["zipcode", "SEX", "store_id", "weathersit"], "category"
    )
    assert "codes by the name" in why(case, "zipcode", "data.columns")


def test_numbers_with_other_texts_become_categories(made: Make) -> None:
    values = [str(i % 40) for i in range(N - 3)] + ["50+"] * 3
    case = made(visits=values)
    assert case.params.data.columns == {"visits": "category"}


def test_traits_of_people_are_compared_and_their_names_masked(made: Make) -> None:
    case = made(
        **{
            "age": CHANCE.integers(18, 80, N),
            "native-country": ["PT", "ES"] * (N // 2),
            "house_age": CHANCE.integers(1, 80, N),
            "e-mail": [f"p{i}@example.org" for i in range(N)],
        }
    )
    assert case.params.data.protected == ["age", "native-country"]
    assert case.params.data.sensitive == ["e-mail"]
    assert "The model is still given" in case.text


def test_keys_that_repeat_are_suggested_as_a_group(made: Make) -> None:
    case = made(customer_id=CHANCE.permutation(150).repeat(3)[:N] * 37)
    assert case.params.data.group is None
    assert "customer_id' (134 values in 400 rows)" in case.text
    assert "split: {by: group}" in case.text


@pytest.mark.parametrize(
    "form",
    ["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y %I:%M %p", "%Y-%m-%dT%H:%M:%S+02:00",
     "%d %b %Y", "%Y%m%dT%H%M%S", "%d.%m.%y"],
)  # fmt: skip
def test_a_date_column_is_the_time_and_splits(made: Make, form: str) -> None:
    case = made(sold=days("2021-03-01", 700, form))
    data = case.params.data
    assert (data.time, data.learn_time, data.split.by) == ("sold", True, "time")
    assert "from 2022-" in case.text


@pytest.mark.parametrize(
    ("name", "unit"), [("created_at", "s"), ("ts", "ms"), ("order_date", "excel")]
)
def test_dates_written_as_numbers_are_the_time(
    made: Make, name: str, unit: str
) -> None:
    moments = pd.to_datetime(days("2021-03-01", 700))
    if unit == "excel":
        numbers = (moments - pd.Timestamp("1899-12-30")).days
    else:
        numbers = moments.as_unit(unit).astype("int64")
    assert made(**{name: numbers}).params.data.time == name


def test_of_several_dates_the_earliest_happened(made: Make) -> None:
    case = made(
        dob=days("1970-01-01", 9000),
        closed_at=days("2021-03-01", 700),
        opened_at=days("2021-01-01", 700),
        sent_at=days("2021-02-15", 700),
    )
    assert case.params.data.time == "opened_at"
    assert "'closed_at', 'sent_at'" in case.text
    assert case.params.data.protected == ["dob"]
    named = made(date=days("2022-01-01", 700), opened_at=days("2021-01-01", 700))
    assert named.params.data.time == "date"


def test_rows_are_not_split_by_a_time_that_divides_the_classes(made: Make) -> None:
    y = np.array(["no"] * 360 + ["yes"] * 40)
    case = made(
        y=y, day=pd.date_range("2020-01-01", periods=N), a=CHANCE.normal(size=N)
    )
    data = case.params.data
    assert (data.time, data.learn_time, data.split.by) == ("day", False, "row")
    assert "It is not learnt from: alone it predicts" in case.text
    assert "Not split by time" in case.text


def test_a_person_is_asked_about_the_strongest_and_the_late(made: Make) -> None:
    case = made(duration=CHANCE.normal(size=N), a=CHANCE.normal(size=N) * 0.1 + SCORE)
    assert "'a' is the strongest alone (AUC 0.8" in case.text.replace("\n  # ", " ")
    assert "'duration' by the name something that comes later" in case.text.replace(
        "\n  # ", " "
    )


def test_texts_that_stand_for_missing_are_found() -> None:
    frame = pd.DataFrame(
        {
            "dash": ["1.5", "2.5", "-"] * 20,
            "odd": [*map(str, range(58)), "pending", "pending"],
            "date": ["2024-01-02"] * 59 + ["0000-00-00"],
            "always": ["red", "n/a", "blue"] * 20,
            "word": ["red", "-", "unknown"] * 20,
            "ratio": ["1.5", "2.5", "-inf"] * 20,
            "top": [*map(str, range(58)), "90+", "90+"],
        },
        dtype="str",
    )
    assert [(gap.marker, gap.column) for gap in find_gaps(frame)] == [
        *(("-", "dash"), ("pending", "odd"), ("0000-00-00", "date"), ("n/a", "always")),
        ("-inf", "ratio"),
    ]


def test_gaps_are_declared_and_read_as_such(made: Make) -> None:
    case = made(a=pd.Series(SCORE.round(3).astype(str)).where(SCORE < 1, "-"))
    assert case.params.data.missing[-1] == "-"
    assert "'-' in 'a': the other values are numbers" in case.text
