"""Figures of explanations: what they say, what they hide, that they are finished."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlkit.report import column_importances, explained_rows, lime_rows, waterfall

IMPORTANCES: dict[str, Any] = {
    "columns": ["speed", "colour", "noise"],
    "moves": [0.8, 0.3, 0.0],
    "lower": [0.7, 0.2, 0.0],
    "upper": [0.9, 0.4, 0.0],
    "direction": ["down", "", ""],
    "needs": [0.01, 0.2, -0.001],
    "spread": [0.005, 0.02, 0.002],
    "space": "log-odds",
    "metric": "ROC AUC",
    "greater_is_better": True,
    "rows": 300,
    "shuffled_rows": 1200,
    "repeats": 5,
    "confidence": 0.95,
    "notes": [],
}
EXPLANATION: dict[str, Any] = {
    "name": "order K17",
    "reason": "most confident, wrong",
    "outcome": "yes",
    "space": "log-odds",
    "game": "interventional",
    "method": "exact",
    "base": 0.5,
    "output": 1.6,
    "columns": ["speed", "colour", "noise"],
    "values": ["12", "•••", "missing"],
    "contributions": [1.5, -0.4, 0.0],
    "prediction": {"yes": 1 / (1 + math.exp(-1.6))},
    "truth": "no",
    "max_error": 0.0,
    "notes": ["Something to know."],
}
LIME: dict[str, Any] = {
    "outcome": "yes",
    "space": "log-odds",
    "columns": ["speed", "colour"],
    "values": ["12", "•••"],
    "meaning": ["3 more (a standard deviation)", "being •••, against any other value"],
    "weights": [0.5, -0.2],
    "spread": [0.01, 0.3],
    "fit": 0.1,
    "agreement": 0.4,
    "top": 1,
    "seeds": 10,
    "samples": 2000,
    "usable": False,
    "sentence": "LIME is too unstable to use here: so and so.",
    "name": "order K17",
    "reason": "",
    "notes": [],
}

pytestmark = pytest.mark.usefixtures("dark_as_drawn")


def test_importances_show_both_questions() -> None:
    figure = column_importances(IMPORTANCES)
    assert "moved most by speed and colour" in figure.alt
    assert "needs most colour and speed" in figure.alt
    assert "ROC AUC falls on 1,200 test rows" in figure.caption
    text = figure.light.decode()
    assert "speed ↓" in text
    assert figure.table is not None
    assert figure.table.rows[0][:2] == ("speed", "0.800")
    assert figure.light == column_importances(IMPORTANCES).light


def test_a_loss_grows_and_a_metric_without_meaning_leaves_one_panel() -> None:
    grows = column_importances(
        {**IMPORTANCES, "metric": "Log loss", "greater_is_better": False}
    )
    assert "Log loss grows" in grows.caption
    nothing = {**IMPORTANCES, "needs": [None] * 3, "spread": [None] * 3}
    figure = column_importances(nothing)
    assert "Shuffled" not in figure.light.decode()
    assert "shuffled" not in figure.caption
    assert "cannot be explained" in column_importances(None).alt


def test_a_walk_goes_from_the_base_value_to_the_prediction() -> None:
    figure = waterfall(EXPLANATION, target="bought")
    text = figure.light.decode()
    for shown in ("speed = 12", "+1.50", "−0.40", "1.60  (83.2 %)", "0.50  (62.2 %)"):
        assert shown in text, shown
    assert "noise" not in text, "a column that moves nothing has no bar"
    assert "log-odds of bought = yes" in text
    assert figure.alt.startswith("Order K17, most confident, wrong. bought = yes is")
    assert "predicted at 83.2 %; really no" in figure.alt
    assert "up most by speed = 12, and down most by colour = •••" in figure.alt
    assert "Something to know." in figure.caption
    assert figure.table is not None
    assert [row[0] for row in figure.table.rows] == [
        "average of the background",
        "speed",
        "colour",
        "noise",
        "this prediction",
    ]


def test_small_steps_are_taken_together() -> None:
    many = {
        **EXPLANATION,
        "columns": [f"c{at:02}" for at in range(30)],
        "values": ["1"] * 30,
        "contributions": [1.0 / (at + 1) for at in range(30)],
    }
    text = waterfall({**many, "output": 0.5 + sum(many["contributions"])}, target="y")
    shown = text.light.decode()
    assert "c08 = 1" in shown
    assert "c09 = 1" not in shown
    assert "21 other columns" in shown


@pytest.mark.parametrize(
    ("space", "prediction", "said"),
    [
        ("value", {"price": 1234.5}, "price is predicted as 1,234"),
        ("probability", {"yes": 0.25}, "price = yes is predicted at 25 %"),
        ("score", {"yes": 0.25}, "price = yes is predicted at 25 %"),
    ],
)
def test_every_unit_is_said(
    space: str, prediction: dict[str, float], said: str
) -> None:
    outcome = next(iter(prediction))
    found = {
        **EXPLANATION,
        "space": space,
        "prediction": prediction,
        "outcome": outcome,
    }
    (walk,) = explained_rows([found], target="price").rows
    assert walk.sentence.startswith(said)
    if space == "score":
        assert "(25 %)" in walk.shown.light.decode()


def test_nothing_to_explain_is_said() -> None:
    assert "no row whose prediction" in explained_rows([], target="y")._repr_html_()


def test_lime_begins_with_what_it_is_worth() -> None:
    html = lime_rows([LIME], target="bought")._repr_html_()
    assert html.index("too unstable") < html.index("<figure")
    assert "<details><summary>" in html
    usable = lime_rows([{**LIME, "usable": True}], target="bought")._repr_html_()
    assert "<details open><summary>" in usable


def test_markup_in_names_and_values_is_only_text() -> None:
    odd = {**EXPLANATION, "columns": ["<b>x</b>", "y", "z"], "name": "<i>k</i>"}
    html = explained_rows([odd], target="<u>t</u>")._repr_html_()
    html += lime_rows([{**LIME, "name": "<i>k</i>"}], target="<u>t</u>")._repr_html_()
    assert not any(tag in html for tag in ("<b>", "<i>", "<u>"))
