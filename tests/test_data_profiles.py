"""Summaries of columns, and what notebooks show of them."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from mlkit.data import Check, Column, DataError, Profile, Schema, prepare, profile
from mlkit.data.records import MASK, checks_table
from mlkit.params.models import Params
from mlkit.sources.reading import Raw

PARAMS = Params.model_validate(
    {
        "case": "c",
        "task": "binary",
        "data": {
            "source": "rows.csv",
            "target": "y",
            "sensitive": ["income", "name"],
            "protected": ["name"],
        },
    }
)


@pytest.fixture(scope="module")
def summaries() -> Profile:
    chance = np.random.default_rng(0)
    n = 201
    raw = pd.DataFrame(
        {
            "size": np.arange(n) * 0.5,
            "when": pd.Timestamp(2020, 1, 1) + pd.to_timedelta(np.arange(n), unit="D"),
            "town": ["<Bonn>"] * 150 + ["Celle"] * 51,
            "income": chance.normal(size=n),
            "name": chance.choice(["Ada", "Bob"], n),
            "code": [f"k{i}" for i in range(n)],
            "y": chance.choice(["no", "yes"], n),
        }
    )
    raw.loc[150:, "town"] = None
    return profile(prepare(raw.sample(frac=1, random_state=0), PARAMS))


def test_numbers_and_dates_have_quartiles_that_occur(summaries: Profile) -> None:
    size, when, *_ = summaries
    assert size.quantiles == (0.0, 25.0, 50.0, 75.0, 100.0)
    assert size.top == ()
    assert when.quantiles is not None
    assert when.quantiles[0] == "2020-01-01T00:00:00"
    assert when.quantiles[2] == "2020-04-10T00:00:00"
    assert (size.rows, size.missing, size.distinct) == (201, 0.0, 201)


def test_categories_have_their_most_frequent_values(summaries: Profile) -> None:
    town = summaries.columns[2]
    assert town.top == (("<Bonn>", 150 / 201),)
    assert town.missing == pytest.approx(51 / 201)
    assert town.quantiles is None


def test_sensitive_values_are_masked(summaries: Profile) -> None:
    income, name = summaries.columns[3:5]
    assert (income.quantiles, income.top) == (None, ())
    assert [value for value, _ in name.top] == [MASK, MASK]
    assert name.protected
    assert "Ada" not in str(summaries.to_dict())
    assert "Ada" not in summaries._repr_html_()


def test_identifiers_show_no_values(summaries: Profile) -> None:
    code = summaries.columns[5]
    assert (code.kind, code.role, code.top) == ("identifier", "ignored", ())
    assert "k17" not in summaries._repr_html_()


def test_summaries_are_plain_json(summaries: Profile) -> None:
    stored = json.loads(json.dumps(summaries.to_dict(), allow_nan=False))
    assert [column["name"] for column in stored["columns"]][:2] == ["size", "when"]
    assert stored["columns"][0]["quantiles"] == [0.0, 25.0, 50.0, 75.0, 100.0]
    assert stored["columns"][2]["top"] == [["<Bonn>", 150 / 201]]
    assert len(summaries) == 7


class Tags(HTMLParser):
    """Checks that tags are closed in order, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append((tag, dict(attrs).get("scope")))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_tables_are_captioned_scoped_and_escaped(summaries: Profile) -> None:
    html = summaries._repr_html_()
    tags = Tags()
    tags.feed(html)
    assert tags.open == []
    assert tags.seen.count(("table", None)) == tags.seen.count(("caption", None)) == 1
    assert tags.seen.count(("th", "col")) == 7
    assert tags.seen.count(("th", "row")) == 7
    assert {tag for tag, scope in tags.seen if tag == "th" and scope is None} == set()
    assert "&lt;Bonn&gt; 74.6%" in html
    assert "<Bonn>" not in html


def test_a_schema_shows_its_columns() -> None:
    columns = (
        Column("a", "number", why="1 < 2"),
        Column("y", "category", "target", sensitive=True, protected=True),
    )
    html = Schema(columns, "binary", "y")._repr_html_()
    assert "1 &lt; 2" in html
    assert "sensitive, protected" in html


def test_an_unknown_column_is_an_error_that_names_the_known_ones() -> None:
    schema = Schema((Column("a", "number"), Column("b", "number")), "binary", "b")
    assert schema.column("a").kind == "number"
    with pytest.raises(KeyError, match="column 'c' is not one of a, b"):
        schema.column("c")


def test_failed_checks_come_first() -> None:
    checks = [
        Check("one", "ok", None, "rule one", "fine"),
        Check("two", "warning", "a", "rule two", "odd", "look"),
        Check("three", "failed", "b", "rule three", "bad", "mend"),
    ]
    html = checks_table(checks)
    assert html.index("rule three") < html.index("rule two") < html.index("rule one")
    error = DataError(checks)
    assert error.checks == (checks[2],)
    assert str(error) == (
        "the data failed 1 check:\n  - column 'b': rule three; bad. mend"
    )
    assert checks[1].to_dict()["column"] == "a"
    assert checks[1]._repr_html_().count("<tr>") == 2


def test_a_dataset_has_a_summary_without_rows() -> None:
    raw = pd.DataFrame({"a": np.arange(300) * 1.5, "y": ["no", "yes", "yes"] * 100})
    params = Params.model_validate(
        {
            "case": "c",
            "task": "binary",
            "data": {"source": "f", "target": "y", "positive": "yes"},
        }
    )
    dataset = prepare(raw, params)
    stored = json.loads(json.dumps(dataset.to_dict(), allow_nan=False))
    assert stored["rows"] == stored["train_rows"] + stored["test_rows"] == 300
    assert stored["schema"]["classes"] == ["no", "yes"]
    assert {check["status"] for check in stored["checks"]} == {"ok"}


def test_a_sensitive_value_is_in_no_text_of_a_record() -> None:
    marker = "Zyxomma"
    raw = pd.DataFrame(
        {
            "size": [f"{k * 0.37:.2f}" for k in range(300)],
            "name": [marker, "Bob", "Cy"] * 100,
            "y": [f"{marker}-ill", "well"] * 150,
        }
    )
    raw.loc[7, "size"] = "1.5"
    sections = {
        "source": "rows.csv",
        "target": "y",
        "positive": f"{marker}-ill",
        "sensitive": ["name", "y"],
    }
    params = Params.model_validate({"case": "c", "task": "binary", "data": sections})
    dataset = prepare(raw, params)
    summaries = profile(dataset)
    records = [dataset, dataset.schema, summaries, *summaries, *dataset.checks]
    records += [*dataset.schema.columns, Raw(raw, raw, "rows.csv")]
    texts = [text for record in records for text in (repr(record), str(record))]
    texts += [it._repr_html_() for it in (dataset, dataset.schema, summaries)]
    wrong = dict(sections, columns={"name": "number"}, positive=f"{marker}-x")
    for data in (dict(sections, columns={"name": "number"}), wrong):
        bad = Params.model_validate({"case": "c", "task": "binary", "data": data})
        with pytest.raises(DataError) as caught:
            prepare(raw, bad)
        texts += [str(caught.value), repr(caught.value)]
    assert [text for text in texts if marker in text] == []
    assert repr(dataset) == (
        f"Dataset(300 rows, {len(dataset.schema.features)} features, target 'y', "
        f"fingerprint {dataset.fingerprint[:12]})"
    )
