"""The page of many retrains at once: what came of each, and who leads."""

from __future__ import annotations

from typing import Any

import bs4
import pytest

from mlkit.report import league_page
from tests.report_runs import HOSTILE, fan_out, member


def measured(segment: str, value: float, **fields: Any) -> dict[str, Any]:
    metric = dict(member(segment)["metric"])
    metric |= {"value": value, "lower": value - 0.02, "upper": value + 0.02}
    return member(segment, metric=metric, **fields)


def stopped(segment: str, status: str, message: str) -> dict[str, Any]:
    error = {"step": None, "type": "X", "message": message, "advice": "Do this."}
    return member(
        segment, status=status, run=None, verdict=None, metric=None, error=error
    )


def parsed(run: dict[str, Any]) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(league_page(run), "html.parser")


def texts(page: bs4.BeautifulSoup, selector: str) -> list[str]:
    return [" ".join(tag.get_text(" ").split()) for tag in page.select(selector)]


MIXED = [
    measured("north", 0.8),
    measured("south", 0.9),
    stopped("east", "not enough data", "only 20 rows"),
    stopped("west", "failed", "the kernel died"),
]


def test_the_first_screen_says_how_many_came_to_what() -> None:
    page = parsed(fan_out(*MIXED, status="failed", error={"message": "1 failed"}))
    assert texts(page, "h1")[0].startswith("sales by region ")
    (headline,) = texts(page, ".verdict .headline")
    assert headline.endswith(
        "4 segments: 2 promoted, 1 failed and 1 without enough data"
    )
    assert texts(page, "#shares li") == ["2 Promoted", "1 Failed", "1 Not enough data"]


@pytest.mark.parametrize(
    ("greater", "order"), [(True, ["south", "north"]), (False, ["north", "south"])]
)
def test_the_best_comes_first(greater: bool, order: list[str]) -> None:
    members = [measured("north", 0.8), measured("south", 0.9)]
    for each in members:
        each["metric"]["greater_is_better"] = greater
    page = parsed(fan_out(*members))
    assert texts(page, ".league tbody th") == order
    assert texts(page, ".league tbody .place-no") == ["1", "2"]
    assert texts(page, "#numbers .value")[0] == {True: "0.900", False: "0.800"}[greater]


def test_what_is_drawn_is_told_in_words_and_to_scale() -> None:
    page = parsed(fan_out(measured("north", 0.8), measured("south", 0.9)))
    south, north = page.select("svg.strip")
    assert south["aria-label"] == (
        "south: 0.900, interval 0.880 to 0.920, guessing 0.500"
    )
    # The axis goes from 0.5 (guessing) to 0.92: 0.8 stands at 30/42 of it.
    circle = north.find("circle")
    assert isinstance(circle, bs4.Tag)
    assert float(str(circle["cx"])) == pytest.approx(6 + 228 * 30 / 42, abs=0.1)


def test_members_lead_to_their_own_pages() -> None:
    page = parsed(fan_out(*MIXED))
    links = [str(tag["href"]) for tag in page.select(".league a")]
    assert "../../sales.south/20260729T101500Z-5e9000/index.html" in links


def test_who_was_not_trained_is_listed_with_the_reason() -> None:
    page = parsed(fan_out(*MIXED))
    said = texts(page, ".league .says")
    assert "The kernel died. Do this." in said
    assert "Only 20 rows. Do this." in said


def test_cases_measured_differently_are_in_leagues_of_their_own() -> None:
    error = member(None)["metric"] | {"name": "mae", "label": "MAE", "value": 3.0}
    error |= {"lower": None, "upper": None, "greater_is_better": False}
    members = [member(None), member(None, case="houses", metric=error)]
    page = parsed(fan_out(*members, case="_all", segments=None))
    assert texts(page, "h1")[0].startswith("All cases at once")
    assert texts(page, "h2") == ["League table by ROC AUC", "League table by MAE"]
    assert not page.select("#numbers")


def test_a_page_of_what_is_under_way_says_who_is_still_to_come() -> None:
    waiting = stopped("west", "waiting", "") | {"error": None}
    page = parsed(fan_out(measured("north", 0.8), waiting, status="running"))
    assert "1 promoted and 1 not done yet" in texts(page, ".headline")[0]
    assert "west" in page.get_text()


def test_what_the_data_say_can_not_become_markup() -> None:
    run = fan_out(measured(HOSTILE, 0.8), stopped(HOSTILE, "failed", HOSTILE))
    page = parsed(run | {"notes": [HOSTILE]})
    assert not page.find_all(["script", "img"])
    assert HOSTILE in page.get_text()
