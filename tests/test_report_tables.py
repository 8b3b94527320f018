"""Tables: rounded, aligned, escaped, masked and short."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import bs4
import numpy as np
import pandas as pd
import pytest

from mlkit.report import Table, table
from mlkit.report.tables import MASK, badge

FRAME = pd.DataFrame(
    {
        "name": ["a", "b", None],
        "rows": pd.array([1200, None, 3], dtype="Int64"),
        "share": [0.25, np.nan, 0.5],
        "big": [12345.678, 1.0, -2.0],
    }
)


def parsed(shown: Table) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(shown._repr_html_(), "html.parser")


def cells(shown: Table) -> list[list[str]]:
    rows = parsed(shown).select("tbody tr")
    return [[cell.get_text() for cell in row.find_all(["th", "td"])] for row in rows]


def test_numbers_share_their_digits_down_a_column() -> None:
    assert cells(table(FRAME, caption="All")) == [
        ["a", "1,200", "0.250", "12,346"],
        ["b", "–", "–", "1"],
        ["–", "3", "0.500", "−2"],
    ]


def test_digits_can_be_given() -> None:
    shown = table(FRAME, caption="x", headings={"big": "Big"}, digits={"big": 1})
    assert cells(shown) == [["12,345.7"], ["1.0"], ["−2.0"]]


def test_a_small_number_never_reads_as_zero() -> None:
    shown = table([{"p": 0.00004}, {"p": 0.5}, {"p": 0.0}], caption="x")
    assert cells(shown) == [["0.00004"], ["0.500"], ["0.000"]]


def test_it_has_a_caption_and_scopes_and_sets_numbers_right() -> None:
    page = parsed(table(FRAME, caption="Rows & more"))
    assert page.caption is not None
    assert page.caption.get_text() == "Rows & more"
    assert [th.get("scope") for th in page.select("thead th")] == ["col"] * 4
    assert [th.get("scope") for th in page.select("tbody th")] == ["row"] * 3
    assert [th.get("class") for th in page.select("thead th")] == [
        None, ["num"], ["num"], ["num"]
    ]  # fmt: skip
    assert page.select_one("div.scroll[tabindex='0'][aria-label='Rows & more'] > table")


def test_text_of_the_data_is_escaped_everywhere() -> None:
    vector = "<script>alert('x')</script>\""
    html = table([{vector: vector}], caption=vector)._repr_html_()
    assert "<script" not in html
    assert bs4.BeautifulSoup(html, "html.parser").td is None
    assert cells(table([{"a": 1, "b": vector}], caption="x")) == [["1", vector]]


def test_a_long_table_is_cut_and_says_how_many_rows_more() -> None:
    shown = table(({"i": i} for i in range(1025)), caption="x")
    assert len(shown.rows) == 20
    assert shown.total == 1025
    assert "1,005 more rows not shown." in parsed(shown).get_text()


def test_an_empty_table_says_so() -> None:
    assert "There are no rows." in table(FRAME.iloc[:0], caption="x")._repr_html_()
    assert "There are no rows." in table([], caption="x")._repr_html_()
    named = table([], caption="x", headings={"metric": "Metric"})
    assert (named.columns, named.rows) == (("Metric",), ())
    assert "There are no rows." in named._repr_html_()


def test_masked_columns_never_reach_the_record() -> None:
    frame = pd.DataFrame({"mail": ["ann@example.org", None], "age": [41, 42]})
    shown = table(frame, caption="x", headings={"mail": "E-mail", "age": "Age"},
                  masked=["mail", "age"])  # fmt: skip
    assert shown.rows == ((MASK, MASK), (MASK, MASK))
    assert "Masked as sensitive: E-mail and Age." in shown._repr_html_()
    assert "example.org" not in repr(shown)


def test_an_index_with_a_meaning_is_shown() -> None:
    grouped = FRAME.set_index("name")[["rows"]]
    assert table(grouped, caption="x").columns == ("name", "rows")
    assert table(FRAME, caption="x").columns == tuple(FRAME.columns)


def test_columns_of_the_same_name_are_both_kept() -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a"])
    shown = table(frame, caption="x")
    assert shown.columns == ("a", "a (2)", "a (3)")
    assert shown.rows == (("1", "2", "3"),)


@dataclass(frozen=True)
class Fold:
    fold: int
    score: float

    def to_dict(self) -> dict[str, Any]:
        return {"fold": self.fold, "score": self.score}


def test_records_are_rows() -> None:
    shown = table([Fold(1, 0.5), Fold(2, 0.75)], caption="x")
    assert cells(shown) == [["1", "0.500"], ["2", "0.750"]]


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        KeyError, match=r"'rwos' is not in the data; it has name, rows,"
    ):
        table(FRAME, caption="x", headings={"rwos": "Rows"})


def test_other_values_read_well() -> None:
    row = {
        "when": pd.Timestamp("2026-07-01 10:30"),
        "day": dt.date(2026, 7, 1),
        "yes": np.bool_(True),
        "list": ["a", "b"],
        "long": "x" * 500,
    }
    texts = cells(table([row], caption="x"))[0]
    assert texts[:4] == ["2026-07-01 10:30:00", "2026-07-01", "yes", "a and b"]
    assert len(texts[4]) == 120
    assert texts[4].endswith("…")


def test_a_state_is_a_badge_with_its_word() -> None:
    shown = table([{"check": "x", "status": "failed"}], caption="x", states=["status"])
    assert parsed(shown).select_one("td span.badge.bad").get_text() == "failed"  # type: ignore[union-attr]
    assert badge("<b>") == '<span class="badge neutral">&lt;b&gt;</span>'


def test_it_becomes_plain_data() -> None:
    assert table([{"a": 1}], caption="x").to_dict() == {
        "caption": "x", "columns": ["a"], "rows": [["1"]], "total": 1, "note": ""
    }  # fmt: skip


def test_columns_of_whole_numbers_have_no_decimals() -> None:
    frame = pd.DataFrame({"age": [39.0, None, 50.0], "share": [1.0, 0.5, 0.0]})
    found = table(frame, caption="First rows")
    assert found.rows == (("39", "1.000"), ("–", "0.500"), ("50", "0.000"))
    assert table(frame[["age"]], caption="x", digits={"age": 1}).rows[0] == ("39.0",)
