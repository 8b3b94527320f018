"""Real tables, read and prepared from nothing but params."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.data import Dataset, conform, prepare, profile, unseen_levels
from mlkit.params import params_from_dict
from mlkit.params.models import Params
from mlkit.params.yaml12 import parse
from mlkit.sources import Raw, SourceError, read, read_table

Find = Callable[[str], Path]
ADULT = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status"),
    *("occupation", "relationship", "race", "sex", "capital-gain", "capital-loss"),
    *("hours-per-week", "native-country", "income"),
)
DOCS = (Path(__file__).resolve().parents[1] / "docs" / "sources.md").read_text()


def case(task: str, **data: Any) -> Params:
    return Params.model_validate({"case": "c", "task": task, "data": data})


def documented(name: str, **files: Path) -> Params:
    """Return a params file of the docs, with its files where they are here."""
    (text,) = [
        block
        for block in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
        if f"case: {name}\n" in block
    ]
    keys = parse(text).data
    assert keys["data"]["files"].keys() == files.keys()
    for table, path in files.items():
        assert Path(keys["data"]["files"][table]).name == path.name
    keys["data"]["files"] = {table: str(path) for table, path in files.items()}
    return params_from_dict(keys)


def prepared(params: Params) -> tuple[Raw, Dataset]:
    raw = read(params)
    return raw, prepare(raw.frame, params, test=raw.test)


def kinds(dataset: Dataset) -> dict[str, str]:
    return {column.name: column.kind for column in dataset.schema.columns}


def warned(dataset: Dataset) -> set[tuple[str, str | None]]:
    return {(check.name, check.column) for check in dataset.warnings}


def test_adult_has_no_names_and_a_test_file_with_other_labels(
    shared_data: Find,
) -> None:
    params = case(
        "binary",
        source=str(shared_data("adult/adult-train.csv")),
        test=str(shared_data("adult/adult-test.csv")),
        header=False,
        names=list(ADULT),
        target="income",
        positive=">50K",
        protected=["sex", "race"],
    )
    raw, dataset = prepared(params)
    assert len(raw.frame) == 32_561
    assert int(raw.frame.isna().sum().sum()) == 4_262
    assert raw.test is not None
    assert int(raw.test.isna().sum().sum()) == 2_203
    assert dataset.schema.classes == ("<=50K", ">50K")
    assert len(dataset.test_rows) == 16_281
    tests = dataset.y[dataset.test_rows]
    assert (tests == ">50K").sum() == 3_846
    numbers = {name for name, kind in kinds(dataset).items() if kind == "number"}
    assert numbers == {
        *("age", "fnlwgt", "education-num", "capital-gain", "capital-loss"),
        "hours-per-week",
    }
    assert ("labels", "income") in warned(dataset)
    assert dataset.leakage == ()
    both = pd.concat([raw.frame, raw.test.assign(income=raw.test["income"].str[:-1])])
    copies = both.merge(both.iloc[32_561:].drop_duplicates(), how="inner")
    assert len(both) - len(dataset.frame) == len(copies) - len(
        both.iloc[32_561:].merge(both.iloc[32_561:].drop_duplicates(), how="inner")
    )


def test_adult_read_with_a_header_is_refused(shared_data: Find) -> None:
    source = str(shared_data("adult/adult-train.csv"))
    with pytest.raises(
        SourceError, match=r"such as '39', '77516', '13'.*and 15 data.names"
    ):
        read(case("binary", source=source, target="income"))


def test_bank_marketing_is_packed_and_quoted(shared_data: Find) -> None:
    source = str(shared_data("bank_marketing/bank-full.csv.gz"))
    raw, dataset = prepared(case("binary", source=source, target="y"))
    assert raw.origin.endswith("(utf-8, separator semicolon, 45,211 rows)")
    assert (dataset.y == "yes").sum() == 5_289
    assert dataset.schema.positive == "yes"
    assert kinds(dataset)["job"] == "category"
    assert len(dataset.schema.features) == 16
    share = len(dataset.test_rows) / len(dataset.frame)
    assert share == pytest.approx(0.2, abs=0.01)


def test_credit_default_keeps_its_codes_as_numbers(shared_data: Find) -> None:
    source = str(shared_data("credit_default/credit-card-clients.csv"))
    target = "default payment"
    params = case("binary", source=source, target=target, sensitive=["AGE"])
    _, dataset = prepared(params)
    assert set(kinds(dataset).values()) == {"number"}
    assert dataset.schema.classes == ("0", "1")
    assert (dataset.y == "1").sum() == 6_636
    assert dataset.frame["LIMIT_BAL"].mean() == pytest.approx(167_484.32, abs=0.005)
    assert dataset.leakage == ()
    summary = {column.name: column for column in profile(dataset)}
    assert summary["AGE"].quantiles is None
    assert summary["SEX"].distinct == 2


def test_kc_house_has_compact_dates_and_repeated_ids(shared_data: Find) -> None:
    source = str(shared_data("kc_house/kc_house_data.csv"))
    params = case(
        "regression",
        source=source,
        target="price",
        time="date",
        split={"by": "time"},
        columns={"zipcode": "category"},
    )
    _, dataset = prepared(params)
    assert dataset.y.mean() == pytest.approx(540_088.14, abs=0.005)
    assert kinds(dataset)["id"] == "identifier"
    assert ("identifier", "id") in warned(dataset)
    dates = dataset.frame["date"]
    assert (dates.min(), dates.max()) == (
        pd.Timestamp(2014, 5, 2),
        pd.Timestamp(2015, 5, 27),
    )
    assert dataset.cutoff is not None
    assert dates.iloc[dataset.train_rows].max() < pd.Timestamp(dataset.cutoff)
    assert len(dataset.schema.column("zipcode").levels or ()) == 70
    assert dataset.leakage == ()


def test_wine_quality_has_no_names_and_rare_classes(shared_data: Find) -> None:
    source = str(shared_data("wine_quality/winequality-white.csv"))
    names = [f"x{i}" for i in range(11)] + ["quality"]
    data = {"source": source, "header": False, "names": names, "target": "quality"}
    _, numbers = prepared(case("regression", **data))
    assert numbers.y.value_counts().to_dict() == {
        **{3.0: 20, 4.0: 163, 5.0: 1457, 6.0: 2198, 7.0: 880, 8.0: 175, 9.0: 5},
    }
    _, classes = prepared(case("multiclass", **data))
    assert classes.schema.classes == tuple("3456789")
    (copies,) = [c for c in classes.checks if c.name == "duplicate rows"]
    assert copies.found == "937 rows are copies"
    learnt = classes.row_hashes[classes.train_rows]
    assert not np.isin(learnt, classes.row_hashes[classes.test_rows]).any()


def test_red_wine_is_scored_by_the_schema_of_white_wine(shared_data: Find) -> None:
    names = [f"x{i}" for i in range(11)] + ["quality"]
    white = str(shared_data("wine_quality/winequality-white.csv"))
    data = {"source": white, "header": False, "names": names, "target": "quality"}
    params = case("regression", **data)
    schema = prepared(params)[1].schema
    red = str(shared_data("wine_quality/winequality-red.csv"))
    rows = conform(read_table(red, params.data), schema, need_target=False)
    assert rows.shape == (1_599, 11)
    assert unseen_levels(rows, schema) == ()


def test_incident_log_needs_a_query_for_its_last_events(shared_data: Find) -> None:
    log = str(shared_data("incident_log/incident_event_log.csv.gz"))
    with pytest.raises(SourceError, match=r"'category' \(columns 17 and 18\).*'categ"):
        read(case("binary", source=log, target="made_sla"))
    params = documented("incidents", events=Path(log))
    raw, dataset = prepared(params)
    assert raw.origin.endswith("incident_event_log.csv.gz (24,918 rows)")
    assert set(raw.frame["ident_state"]) == {"Closed"}
    assert {"category", "category_1"} < set(raw.frame.columns)
    assert dataset.schema.classes == ("True", "False")
    assert dataset.schema.positive == "False"
    opened = dataset.frame["opened_at"]
    missed = (dataset.y == "False").groupby(opened.dt.to_period("M")).mean()
    months = missed.loc["2016-03":"2016-05"].tolist()
    assert months == pytest.approx([0.60, 0.23, 0.23], abs=0.01)
    assert kinds(dataset)["sys_created_at"] == "date"


def test_onet_skills_are_pivoted_and_joined(shared_data: Find) -> None:
    params = documented(
        "job_zones",
        skills=shared_data("onet_skills/Skills.tsv.gz"),
        zones=shared_data("onet_skills/Job_Zones.txt"),
    )
    raw, dataset = prepared(params)
    assert raw.frame.shape == (879, 37)
    assert dataset.schema.classes == ("1", "2", "3", "4", "5")
    assert len(dataset.schema.features) == 35
    assert kinds(dataset)["code"] == "identifier"
    assert dataset.frame["Active Listening"].between(0, 7).all()


def test_half_a_million_rows_are_read_in_seconds(shared_data: Find) -> None:
    source = str(shared_data("online_retail/online_retail.csv.gz"))
    frame = read_table(
        source, case("regression", source=source, target="Quantity").data
    )
    assert frame.shape == (541_909, 8)
    assert int(frame["CustomerID"].isna().sum()) == 135_080
    plain = pd.read_csv(source, dtype=str, keep_default_na=False)["Description"]
    assert (
        frame["Description"].isna().tolist()
        == plain.str.strip().isin(["", "?"]).tolist()
    )
    assert set(
        frame.loc[frame["InvoiceNo"].str.startswith("C"), "Quantity"].str[0]
    ) == {"-"}


def test_bundled_tables_become_datasets() -> None:
    tables = {
        "breast_cancer": ("binary", "diagnosis", "malignant", 30),
        "wine": ("multiclass", "cultivar", None, 13),
        "digits": ("multiclass", "digit", None, 64),
        "diabetes": ("regression", "progression", None, 10),
    }
    for name, (task, target, positive, features) in tables.items():
        params = case(task, source=f"sklearn:{name}", target=target, positive=positive)
        _, dataset = prepared(params)
        assert dataset.schema.positive == positive
        assert dataset.leakage == ()
        assert len(dataset.schema.features) == features
