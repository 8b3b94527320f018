"""The page of two runs: what differs at a glance, safe, and never too large."""

from __future__ import annotations

import base64
from typing import Any

import bs4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.report import FigurePair, differences_page
from mlkit.report.concealed import conceal
from mlkit.report.differences import LONGEST_DIFF, MOST_IMAGES, value_text
from mlkit.report.pair_chart import pair_chart
from mlkit.report.pictures import Picture, pictures
from tests.report_runs import (
    FOLDERS,
    HOSTILE,
    PNG,
    body,
    compared,
    estimate,
    metric,
    pair,
    side,
)


def parsed(html: str) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(html, "html.parser")


def page(*pairs: FigurePair, **fields: Any) -> bs4.BeautifulSoup:
    return parsed(differences_page(compared(**fields), pairs, folders=FOLDERS))


def words(tag: bs4.Tag | None) -> str:
    assert tag is not None
    return " ".join(tag.get_text(" ").split())


def test_the_first_sentence_says_what_differs_and_which_is_better() -> None:
    shown = page()
    assert words(shown.select_one("#verdict")).startswith("B is better A and B differ")
    places = [str(link["href"]) for link in shown.select(".side a")]
    assert places == [f"{FOLDERS[name]}/index.html" for name in "ab"]


def test_what_anybody_wrote_is_text_and_never_runs() -> None:
    shown = page(pair())
    assert not shown.find_all("script")
    assert HOSTILE in shown.get_text()
    assert all(
        not name.startswith("on") for t in shown.find_all(True) for name in t.attrs
    )
    assert "default-src 'none'" in str(shown.select_one("meta[http-equiv]"))


def test_identical_runs_say_so() -> None:
    shown = page(
        identical=True, params=[], data=[], environment=[], cells=[], missing=[],
        metrics=[metric("same", change=0.0)],
        commits={"a": None, "b": None, "dirty": [False, False], "uncertain": False,
                 "titles": [],
                 "stat": "", "note": ""},
    )  # fmt: skip
    assert words(shown.select_one("#verdict")).startswith("Nothing differs")
    assert "No figure differs." in shown.get_text()
    assert "The code of the notebooks and the commit are the same." in shown.get_text()


def test_what_asks_another_question_is_neither_ranked_nor_drawn() -> None:
    standing = {"better": None, "headline": "", "reason": "", "paired": None}
    shown = page(metrics=[metric("other")], standing=standing)
    assert words(shown.select_one("#verdict")).startswith("Not comparable")
    assert not shown.select("svg.pair-chart")
    assert "another question" in words(shown.select_one("table.metrics tbody"))
    shown = page(standing=standing)
    assert words(shown.select_one("#verdict")).startswith("Neither is better")


def test_every_metric_stands_with_both_intervals_and_a_reading() -> None:
    row = page().select_one("table.metrics tbody tr")
    assert "A 0.800 (0.780 to 0.820) B 0.810 (0.790 to 0.830)" in words(row)
    assert words(row).endswith("+0.010 intervals overlap")


def test_a_chart_puts_both_on_one_scale() -> None:
    drawn = parsed(str(pair_chart(estimate(0.5, 0.1), estimate(0.9, 0.1), "x")))
    ends = {
        group["class"][0]: [float(str(group.line[key])) for key in ("x1", "x2")]
        for group in drawn.select("g")
        if group.line
    }
    assert ends["a"][1] < ends["b"][0]
    # Equal intervals are equally long: 0.4 apart on a scale of 0.6.
    lengths = [right - left for left, right in ends.values()]
    assert lengths[0] == pytest.approx(lengths[1], abs=0.2)
    assert (ends["b"][0] - ends["a"][0]) / lengths[0] == pytest.approx(2, abs=0.02)


def test_without_one_of_the_estimates_there_is_no_chart() -> None:
    assert pair_chart(None, estimate(0.9), "x") == ""
    assert pair_chart(estimate(None), estimate(0.9), "x") == ""


def test_figures_of_both_runs_stand_side_by_side() -> None:
    shown = page(pair(), pair(cell="d", a=None))
    first, second = shown.select("figure.pair")
    assert [img["alt"] for img in first.select("img")] == [HOSTILE, HOSTILE]
    assert len(first.select("source")) == 1
    assert "Run A has no such figure." in words(second)


def test_figures_that_are_the_same_are_named_and_not_shown() -> None:
    one = pair().a
    shown = page(pair(a=one, b=one))
    assert "The same in both: 1 in evaluate." in shown.get_text()
    assert not shown.select("figure")


def test_a_page_stays_under_two_megabytes_and_says_what_it_left_out() -> None:
    large = [pair(step, size=400_000) for step in ("data", "train", "evaluate") * 3]
    long = [
        {"step": "train", "cell": str(i), "added": 900, "removed": 0,
         "diff": ["+" + "<&>" * 200] * 900}
        for i in range(40)
    ]  # fmt: skip
    html = differences_page(compared(cells=long), large, folders=FOLDERS)
    assert len(html.encode()) < 2_000_000
    shown = parsed(html)
    # What decides is shown before what leads to it.
    assert [h.get_text() for h in shown.select("h3")][:2] == [
        "Evaluate",
        "Left out to keep this page small",
    ]
    assert len(shown.select("figure")) == MOST_IMAGES // pair(size=400_000).size
    assert str(shown.select("a[href$='data.html']")[0]["href"]).startswith(FOLDERS["a"])
    rest = [words(note) for note in shown.select("details .note")]
    assert rest[-1] == "900 more lines not shown."


def test_no_record_makes_a_page_too_large() -> None:
    huge = "<" * 1_000_000
    tiny = [pair(cell=str(number)) for number in range(4000)]
    wordy = [pair(a=Picture(alt=huge, caption=huge, light=PNG), b=None)]
    cells = [{**compared()["cells"][0], "cell": str(i)} for i in range(3000)]
    change = {"what": "query", "a": huge, "b": [huge]}
    html = differences_page(
        compared(
            cells=cells, missing=[huge], params=[change] * 500,
            a=side("a", error={"message": huge}),
        ),
        [*wordy, *tiny],
        folders=FOLDERS,
    )  # fmt: skip
    assert len(html.encode()) < 2_000_000
    assert "more figures left out." in html
    assert "2,900 more cells not shown." in html


def test_a_long_diff_is_cut_and_its_rest_counted() -> None:
    cell = {**compared()["cells"][0], "diff": ["+x"] * (LONGEST_DIFF + 7)}
    shown = page(cells=[cell])
    assert len(shown.select("pre.diff span")) == LONGEST_DIFF
    assert words(shown.select_one("details .note")) == "7 more lines not shown."


def test_values_are_written_as_in_a_params_file_and_digests_are_short() -> None:
    assert value_text({"a": None}) == '{"a": null}'
    assert value_text("f" * 64) == "f" * 12
    assert len(value_text("long " * 100)) < 170


def test_the_images_of_a_notebook_are_read_with_their_words() -> None:
    (drawn, other) = pictures([{"data": {"text/html": body()}}])
    assert (drawn.alt, drawn.caption) == ("It rises and falls", "A line")
    assert drawn.light.startswith("data:image/svg+xml;base64,")
    assert drawn.dark.startswith("data:image/svg+xml;base64,")
    assert drawn.dark != drawn.light
    assert other.light == PNG


def test_an_image_that_is_not_html_is_read_too() -> None:
    svg = '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'
    plain = pictures(
        [
            {"data": {"image/png": "iVBORw0K\nGgo=\n", "text/plain": ["<Fig", "ure>"]}},
            {"data": {"image/svg+xml": svg}},
            {"output_type": "stream", "text": "no image"},
        ]
    )
    assert [(p.alt, p.dark) for p in plain] == [("<Figure>", ""), ("", "")]
    assert plain[0].light == PNG
    assert base64.b64decode(plain[1].light.split(",")[1]).decode() == svg


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://example.org/pixel.png">',
        '<img src="javascript:alert(1)">',
        "<img>",
        '<img src="data:text/html;base64,PHA+">',
        '<img src="data:image/svg+xml;base64,'
        + base64.b64encode(
            b'<svg xmlns="http://www.w3.org/2000/svg"><script>x()</script></svg>'
        ).decode()
        + '">',
    ],
)
def test_an_image_that_could_do_more_than_be_seen_is_left_out(html: str) -> None:
    assert pictures([{"data": {"text/html": html}}]) == ()


@given(st.text())
def test_whatever_an_output_holds_reading_it_does_not_fail(html: str) -> None:
    assert all(p.light for p in pictures([{"data": {"text/html": html}}]))


def test_params_that_hold_values_of_sensitive_columns_are_masked() -> None:
    flat = {
        "data.sensitive": ["id", "sick", "day", "region"], "data.target": "sick",
        "data.positive": "yes", "data.time": "day", "data.split.cutoff": "2026-01-01",
        "data.only.region": "north", "explain.key": "id", "explain.rows": [7],
        "seed": 0,
    }  # fmt: skip
    masked = {key for key, value in conceal(flat).items() if value == "•••"}
    assert masked == {
        "data.positive", "data.split.cutoff", "data.only.region", "explain.rows",
    }  # fmt: skip
    assert conceal({**flat, "data.sensitive": []}) == {**flat, "data.sensitive": []}
