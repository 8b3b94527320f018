"""Real tables get the right task, target, columns and time from nothing but a path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mlkit.scaffold import Scaffolded, scaffold

Find = Callable[[str], Path]


@pytest.fixture
def made(shared_data: Find, tmp_path: Path) -> Callable[..., Scaffolded]:
    def make(file: str, target: str, test: str | None = None) -> Scaffolded:
        own = None if test is None else str(shared_data(test))
        path = str(shared_data(file))
        return scaffold("real", path, target, test=own, root=tmp_path)

    return make


Made = Callable[..., Scaffolded]


def said(case: Scaffolded) -> str:
    return case.text.replace("\n  # ", " ")


def test_adult_has_no_names_and_a_test_file(made: Made) -> None:
    case = made("adult/adult-train.csv", "last", "adult/adult-test.csv")
    data = case.params.data
    assert (case.params.task, data.target, data.positive) == (
        *("binary", "column_15", ">50K"),
    )
    assert data.names == [f"column_{k}" for k in range(1, 16)]
    assert (data.ignore, data.time) == ([], None)
    assert "25 rows of the source also in the test file" in case.text


@pytest.mark.parametrize("file", ["bank-additional-full", "bank-full"])
def test_bank_marketing_asks_about_duration(made: Made, file: str) -> None:
    case = made(f"bank_marketing/{file}.csv.gz", "y")
    data = case.params.data
    assert (case.params.task, data.positive) == ("binary", "yes")
    assert (data.ignore, data.time) == ([], None)
    assert data.protected == ["age", "marital"]
    assert "'duration' is the strongest alone (AUC 0.8" in said(case)


def test_credit_default_has_coded_traits(made: Made) -> None:
    case = made("credit_default/credit-card-clients.csv", "default payment")
    data = case.params.data
    assert (case.params.task, data.positive) == ("binary", 1)
    assert data.columns == dict.fromkeys(["SEX", "EDUCATION", "MARRIAGE"], "category")
    assert data.protected == ["SEX", "MARRIAGE", "AGE"]
    assert data.ignore == []


def test_kc_house_has_codes_names_of_houses_and_days_of_sale(made: Made) -> None:
    case = made("kc_house/kc_house_data.csv", "price")
    data = case.params.data
    assert case.params.task == "regression"
    assert data.columns == {"zipcode": "category"}
    assert data.ignore == ["id"]
    assert (data.time, data.learn_time, data.split.by) == ("date", True, "time")
    assert "'id' (21,436 values in 21,613 rows)" in said(case)


@pytest.mark.parametrize("file", ["day", "hour"])
def test_bike_sharing_leaves_the_parts_of_its_target_out(made: Made, file: str) -> None:
    case = made(f"bike_sharing/{file}.csv", "cnt")
    data = case.params.data
    assert case.params.task == "regression"
    assert data.ignore == ["instant", "casual", "registered"]
    assert (data.time, data.split.by) == ("dteday", "time")
    assert "parts that add up to the target: 'casual' + 'registered'" in case.text


@pytest.mark.parametrize(("file", "target"), [("red", "last"), ("white", "12")])
def test_wine_quality_is_a_score(made: Made, file: str, target: str) -> None:
    case = made(f"wine_quality/winequality-{file}.csv", target)
    assert (case.params.task, case.params.data.target) == ("regression", "column_12")
    assert "rare ends, as scores and counts have" in case.text.replace("\n# ", " ")
    assert case.params.data.ignore == []


def test_job_zones_are_classes(made: Made) -> None:
    case = made("onet_skills/Job_Zones.txt", "Job Zone")
    assert case.params.task == "multiclass"
    assert case.params.data.ignore == ["O*NET-SOC Code", "Title"]
    assert (case.params.data.time, case.params.data.split.by) == ("Date", "row")
