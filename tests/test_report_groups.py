"""Groups on a page: the sentence first, a chart in words, the numbers folded."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.evaluate import group_comparisons
from mlkit.metrics import Scored
from mlkit.report import (
    Findings,
    axes,
    group_rates,
    notebook_page,
    run_page,
    step_header,
)
from mlkit.report.groups import bias_aside
from tests.report_runs import EVALUATION, HOSTILE, RUN, changed

pytestmark = pytest.mark.usefixtures("dark_as_drawn")


def evaluation(*columns: dict[str, int], task: str = "binary") -> dict[str, Any]:
    """Return an evaluation whose groups have 120 rows a piece, and a rate each."""
    groups: list[Any] = []
    for place, shares in enumerate(columns):
        y = np.concatenate(
            [np.arange(120 if share >= 0 else 12) < share for share in shares.values()]
        ).astype(float)
        names = np.concatenate(
            [
                np.repeat(name, 120 if share >= 0 else 12)
                for name, share in shares.items()
            ]
        )
        called = np.roll(y, 1)
        prediction: Any = np.column_stack([1 - called, called])
        classes: tuple[str, ...] | None = ("no", "yes")
        if task == "multiclass":
            classes, y = tuple(f"k{i}" for i in range(8)), np.arange(len(y)) % 8
            prediction = np.eye(8)[(np.arange(len(y)) % 8).astype(int)]
        if task == "regression":
            classes, prediction, y = None, y * 1e5, y * 1.1e5 + np.arange(len(y))
        scored = Scored(
            task,  # type: ignore[arg-type]
            y,
            prediction,
            average="macro" if task == "multiclass" else "binary",
        )
        groups += group_comparisons(
            pd.DataFrame({f"col{place}": names}), scored, target="paid", classes=classes
        )
    return {"confidence": 0.95, "groups": [each.to_dict() for each in groups]}


def text_of(html: bytes | str) -> str:
    known = html.decode() if isinstance(html, bytes) else html
    return re.sub(r"<[^>]+>", " ", known)


def test_the_finding_comes_first_then_the_figure_then_the_numbers() -> None:
    shown = group_rates(evaluation({"a": 30, "b": 90, "few": -1}))
    html = shown._repr_html_()
    places = [
        html.index(part)
        for part in (
            "<h3>col0</h3>", '<span class="badge caution">Differs</span>',
            "<strong>col0 = ", "There is not enough data for few",
            "<figure>", "<figcaption>", "<details>", "<table>",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert "<details open" not in html


def test_small_groups_stand_in_the_chart_as_not_enough_data() -> None:
    (finding,) = group_rates(evaluation({"a": 30, "b": 90, "few": -1})).findings
    drawn = text_of(finding.shown.light)
    assert "few (12)" in drawn
    assert drawn.count("not enough data (12 rows)") >= 2
    assert finding.shown.light != finding.shown.dark
    assert finding.shown.table is not None
    few = [row for row in finding.shown.table.rows if row[0] == "few"]
    assert len(few) == 4
    assert all("not enough data" in row[5] for row in few)
    assert all(row[6] == "–" for row in few)


def test_the_chart_says_in_words_what_it_shows() -> None:
    (finding,) = group_rates(evaluation({"a": 30, "b": 90, "c": 60})).findings
    assert finding.shown.alt.startswith(finding.sentence)
    assert "Actual rate: lowest in a (25.0 % (18.1 to 33.4))" in finding.shown.alt
    assert "highest in b (75.0 % (66.6 to 81.9))" in finding.shown.alt
    assert "the actual one is what the data say" in finding.shown.caption
    assert "Actual rate (%)" in text_of(finding.shown.light)


def test_a_rate_of_0_is_the_lowest() -> None:
    (finding,) = group_rates(evaluation({"a": 0, "b": 90})).findings
    assert "lowest in a (0.0 % (0.0 to 3.1))" in finding.shown.alt


def test_called_differences_have_a_mark_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marks: list[tuple[str, str]] = []
    kept = axes.whiskers

    def whiskers(panel: Any, height: float, estimate: Any, **style: Any) -> None:
        marks.append((panel.get_title(loc="left"), style["marker"]))
        kept(panel, height, estimate, **style)

    monkeypatch.setattr(axes, "whiskers", whiskers)
    found = evaluation({"a": 30, "b": 90})
    group_rates(found)
    assert set(marks) >= {("Actual rate (%)", "D"), ("True positive rate (%)", "o")}
    rates = found["groups"][0]["groups"][0]["rates"]
    assert [mark for _, mark in marks[:8:2]] == [
        "D" if each["differs"] else "o" for each in rates if each["group"]["value"]
    ]


def test_where_nothing_differs_the_badge_is_quiet() -> None:
    (finding,) = group_rates(evaluation({"a": 60, "b": 60})).findings
    assert (finding.label, finding.tone) == ("No difference seen", "neutral")
    (finding,) = group_rates(evaluation({"a": 60, "few": -1})).findings
    assert (finding.label, finding.tone) == ("Not enough data", "neutral")


def test_where_no_group_is_large_enough_there_is_no_empty_chart() -> None:
    (finding,) = group_rates(evaluation({"few": -1, "fewer": -1})).findings
    assert "No group has enough rows to be shown." in text_of(finding.shown.light)
    assert finding.shown.table is not None
    assert [row[0] for row in finding.shown.table.rows] == ["few"] * 4 + ["fewer"] * 4


def test_without_protected_columns_it_says_how_to_declare_them() -> None:
    html = group_rates({"confidence": 0.95, "groups": []})._repr_html_()
    assert "data.protected" in html
    assert "protected: [sex]" in html
    assert group_rates({"confidence": 0.95}).findings == []


def test_several_classes_show_the_first_measures_and_list_all() -> None:
    (finding,) = group_rates(
        evaluation({"a": 60, "b": 60, "c": 60}, task="multiclass")
    ).findings
    assert "1 more measure in the table." in finding.shown.caption
    drawn = text_of(finding.shown.light)
    assert "Recall of k6 (%)" in drawn
    assert "Recall of k7" not in drawn
    assert finding.shown.table is not None
    assert len(finding.shown.table.rows) == 3 * 9


def test_a_regression_is_shown_in_units_of_the_target() -> None:
    (finding,) = group_rates(evaluation({"a": 30, "b": 90}, task="regression")).findings
    drawn = text_of(finding.shown.light)
    assert "Mean error" in drawn
    assert "(%)" not in drawn
    assert "points" not in finding.sentence + finding.detail
    assert finding.shown.table is not None
    assert all("%" not in row[3] for row in finding.shown.table.rows)


def test_the_record_is_plain_and_text_is_escaped() -> None:
    found = evaluation({HOSTILE: 30, "b": 90})
    shown = group_rates(found)
    json.dumps(shown.to_dict(), allow_nan=False)
    assert "<script>" not in shown._repr_html_()
    assert isinstance(shown, Findings)
    assert replace(shown) == shown


# --- on the first screen -----------------------------------------------------


def judged(found: dict[str, Any]) -> dict[str, Any]:
    run = changed()
    run["steps"][1]["scraps"]["evaluation"] = EVALUATION | found
    return run


def test_a_difference_is_a_line_of_the_first_screen_and_no_verdict() -> None:
    run = judged(evaluation({"a": 30, "b": 90}, {"x": 60, "y": 60}))
    header = step_header(run, "evaluate")
    (aside,) = header.asides
    assert (aside.label, aside.tone) == ("Bias", "caution")
    assert "groups of col0 fare differently, beyond chance" in aside.text
    assert "col1" not in aside.text
    assert "no part in the verdict" in aside.text
    assert header.outcome == step_header(RUN, "evaluate").outcome
    for page in (run_page(run), notebook_page("<h1>Evaluate</h1>", header)):
        assert page.count('class="aside"') == 1
        assert "groups of col0 fare differently" in page
    assert step_header(run, "data").asides == ()


def test_what_is_alike_or_unknown_is_said_quietly() -> None:
    found = evaluation({"x": 60, "y": 60}, {"a": 60, "few": -1})
    aside = bias_aside(found)
    assert aside is not None
    assert aside.tone == "neutral"
    assert aside.text == (
        "A first look finds no difference beyond chance between groups of col0. There "
        "is not enough data to compare groups of col1."
    )


def test_without_protected_columns_there_is_no_line() -> None:
    assert bias_aside(EVALUATION) is None
    assert step_header(RUN, "evaluate").asides == ()
    assert 'class="aside"' not in run_page(RUN)
