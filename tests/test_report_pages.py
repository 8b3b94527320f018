"""Pages: one file, safe, in order for readers and for screen readers."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import bs4
import pytest

from mlkit import report
from mlkit.report import (
    CaseView,
    Header,
    Link,
    Outcome,
    index_page,
    notebook_page,
    run_page,
    step_header,
)
from mlkit.report.layout import FOLDER, css_string
from mlkit.report.palette import DARK, LIGHT, contrast
from tests.report_runs import (
    HOSTILE,
    RUN,
    changed,
    failed,
    interrupted,
    pages,
    previous,
)

PAGES = pages()
TEMPLATES = Path(report.__file__).parent / "nbconvert"


def parsed(html: str) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(html, "html.parser")


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> bs4.BeautifulSoup:
    return parsed(PAGES[request.param])


def test_a_page_needs_nothing_else(page: bs4.BeautifulSoup) -> None:
    assert not page.find_all(["script", "iframe", "object", "embed", "base", "form"])
    for tag in page.find_all(True):
        for name, value in tag.attrs.items():
            assert not name.startswith("on"), tag
            if name in ("src", "srcset") or (tag.name == "link" and name == "href"):
                assert str(value).startswith("data:"), tag
    sheets = " ".join(style.get_text() for style in page.find_all("style"))
    assert "url(" not in sheets
    assert "@import" not in sheets


def test_a_page_forbids_what_it_does_not_need(page: bs4.BeautifulSoup) -> None:
    policy = page.select_one('meta[http-equiv="Content-Security-Policy"]')
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in str(policy["content"]).split("; "))
    assert rules == {
        "default-src": "'none'", "img-src": "data:", "style-src": "'unsafe-inline'",
        "base-uri": "'none'", "form-action": "'none'",
    }  # fmt: skip
    # The policy holds only for what follows it.
    assert page.head is not None
    names = [tag.name for tag in page.head.find_all(True)]
    assert names[:2] == ["meta", "meta"]


def test_a_page_can_be_walked_by_ear(page: bs4.BeautifulSoup) -> None:
    assert page.html is not None
    assert page.html["lang"] == "en"
    assert page.title is not None
    assert page.title.get_text().strip()
    assert len(page.find_all("main")) == 1
    skip = page.select_one("a.skip")
    assert skip is not None
    assert page.select_one(f"main{skip['href']}") is not None
    assert all(image.get("alt") for image in page.find_all("img"))
    assert all(drawing.get("aria-label") or drawing.get("aria-hidden")
               for drawing in page.find_all("svg"))  # fmt: skip
    assert all(table.caption or table.find_parent(attrs={"aria-label": True})
               for table in page.find_all("table"))  # fmt: skip
    assert all(cell.get("scope") for cell in page.find_all("th"))


def test_headings_skip_no_level(page: bs4.BeautifulSoup) -> None:
    levels = [int(h.name[1]) for h in page.find_all(re.compile(r"^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_ids_are_unique_and_links_inside_lead_somewhere(
    page: bs4.BeautifulSoup,
) -> None:
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    for link in page.select('a[href^="#"]'):
        assert str(link["href"])[1:] in ids, link


def test_what_the_data_wrote_never_runs(page: bs4.BeautifulSoup) -> None:
    assert not page.find_all("script")


@pytest.mark.parametrize(
    "name", ["step", "failed", "index", "partly taken", "compared", "watched"]
)
def test_what_the_data_wrote_is_shown_as_text(name: str) -> None:
    assert HOSTILE in parsed(PAGES[name]).get_text()


def test_the_style_sheet_is_small() -> None:
    assert len((FOLDER / "page.css").read_bytes()) < 20_000
    assert len(PAGES["empty"]) < 25_000


def test_the_same_records_give_the_same_page() -> None:
    assert pages() == PAGES


def colours(html: str) -> list[dict[str, str]]:
    blocks = re.findall(r":root\{([^}]*)\}", html)
    return [dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", block)) for block in blocks]


def test_the_colours_of_the_page_can_be_read_on_both_grounds() -> None:
    light, dark = colours(PAGES["run"])
    assert light["surface"] == LIGHT.surface
    assert dark["surface"] == DARK.surface
    for theme in (light, dark):
        for ink in ("text", "muted", "link", "good", "caution", "bad", "neutral"):
            assert contrast(theme[ink], theme["surface"]) >= 4.5, ink
        for ink in ("text", "muted"):
            assert contrast(theme[ink], theme["raised"]) >= 4.5, ink
        for tone in ("good", "caution", "bad", "neutral"):
            assert contrast(theme[tone], theme[f"{tone}-ground"]) >= 4.5, tone


def test_every_colour_that_the_style_sheet_names_is_defined() -> None:
    sheet = (FOLDER / "page.css").read_text()
    assert set(re.findall(r"var\(--([\w-]+)\)", sheet)) <= set(colours(PAGES["run"])[0])


def test_the_foot_of_a_printed_sheet_cannot_end_the_style() -> None:
    assert css_string('a </style> "b" \\ }') == (
        '"a \\3c \\2f style\\3e  \\22 b\\22  \\5c  \\7d "'
    )
    assert 'content:"vendor_dispatch · 20260726T101500Z-a1b2c3"' in PAGES["run"]


def text(name: str) -> str:
    return " ".join(parsed(PAGES[name]).get_text(" ").split())


def test_the_verdict_and_its_reason_come_first() -> None:
    said = text("run")
    order = [
        "Promoted", "Version 1.2.0 is now in production and replaces 1.1.0",
        "It is better by 0.021 & safe.", "ROC AUC 0.912",
        "95 % interval 0.892 to 0.932", "+0.021, better than last run",
        "What changed since run 20260719T101500Z-0ff1ce", "Data: 4,060 rows (+120)",
        "Params: train.options.depth was 4, is 6",
        "Code: commit d4e5f607 (was ffeeddcc)",
        "Packages: scikit-learn 1.9.0 → 1.9.1", "Took 41 s",
        "Data from 2025-01-03 to 2026-06-30", "Reports of this run", "Why this verdict",
        "minor, as the data are new", "passed", "New model 0.912",
        "+0.012",
    ]  # fmt: skip
    places = [said.index(part) for part in order]
    assert places == sorted(places)


def test_metrics_stand_in_their_usual_order() -> None:
    names = [row.th.get_text() for row in parsed(PAGES["run"]).select(
        "section:has(> #metrics) tbody tr") if row.th]  # fmt: skip
    assert names == ["Accuracy", "ROC AUC", "Calibration error", "own"]


def test_a_first_run_says_that_there_is_nothing_to_compare_with() -> None:
    assert "This is the first run of this case." in text("first")


def test_a_first_run_is_told_from_one_after_failures_only() -> None:
    for html in (
        run_page(RUN, first=False),
        notebook_page("<p>x</p>", step_header(RUN, "data", first=False)),
    ):
        assert "first run" not in html
        assert "No earlier run of this case ended well" in html
    draft = step_header(changed(run=None, status="draft"), "data")
    assert draft.changes == ()


def test_a_failed_run_shows_the_cell_and_what_to_do() -> None:
    said = text("failed")
    assert "Failed The step “train” failed" in said
    assert "DataError: column 'km': numbers only" in said
    assert "cell of the notebook train , number 7 from the top" in said
    source = parsed(PAGES["failed"]).select_one("pre.source")
    assert source is not None
    lines = source.get_text().splitlines()
    assert lines[0].startswith("line_0 = 0")
    assert lines[5] == "… 6 lines left out …"
    assert lines[-1].startswith("line_15 = 15")
    assert len(lines) == 11
    assert "Declare the column as a category." in said
    assert "mlkit retrain vendor_dispatch" in said
    assert "ROC AUC" not in said


def test_what_is_left_of_an_interrupted_run_still_makes_a_page() -> None:
    said = text("interrupted")
    assert "Interrupted The run was interrupted" in said
    assert "20 Jul 2026, 09:00 UTC" in said


def test_an_error_without_a_cell_makes_a_page() -> None:
    run = failed()
    run["error"] = {"step": None, "type": "OSError", "message": "no space left"}
    said = parsed(run_page(run)).get_text(" ")
    assert "The run failed" in said
    assert "OSError: no space left" in said
    assert "raised by this cell" not in said


def test_a_step_shows_what_its_notebook_glued() -> None:
    page = parsed(PAGES["step"])
    assert page.select_one(".headline .badge.caution") is not None
    assert "Look at one column" in page.get_text()
    values = [value.get_text() for value in page.select(".numbers .value")]
    assert values == ["4,060", "a_long_name"]


def test_a_draft_says_that_it_is_one() -> None:
    assert "Draft A draft, made by hand and never registered" in text("draft")


def test_the_title_is_the_notebooks_first_heading() -> None:
    page = parsed(PAGES["notebook"])
    assert page.h1 is not None
    assert page.h1.get_text() == "Evaluate"
    listed = [link["href"] for link in page.select(".contents a")]
    assert listed == ["#the-facts", "#contents-2", "#the-facts-2", "#deep"]


def test_the_index_lists_every_run_newest_first() -> None:
    page = parsed(PAGES["index"])
    case = page.select_one("section.case")
    assert case is not None
    runs = [span.get_text() for span in case.select("tbody th .id")]
    assert runs[:4] == [
        "20260726T101500Z-a1b2c3", "20260721T101500Z-dead00", "20260720T090000Z-beef00",
        "20260719T101500Z-0ff1ce",
    ]  # fmt: skip
    assert len(runs) == 31
    badges = [badge.get_text() for badge in case.select("tbody .badge")][:4]
    assert badges == ["Promoted", "Failed", "Interrupted", "Undecided"]
    assert "in step train" in case.get_text()
    assert "21 older runs" in case.get_text()
    assert "1.2.0 since 26 Jul 2026, 10:15 UTC" in case.get_text(" ")
    first = case.select_one("tbody a")
    assert first is not None
    assert first["href"] == "vendor_dispatch/20260726T101500Z-a1b2c3/index.html"
    drawing = case.select_one("svg.spark")
    assert drawing is not None
    assert str(drawing["aria-label"]).startswith("ROC AUC over 29 runs: from 0.912 to")
    two = parsed(index_page([CaseView("a", [RUN, previous()])])).select_one("svg.spark")
    assert two is not None
    assert "from 0.891 to 0.912" in two["aria-label"]


def test_the_index_shows_the_value_of_what_is_in_production() -> None:
    older = previous()
    older["verdict"] |= {"verdict": "promote", "stage": "production"}
    newest = changed()
    newest["verdict"] |= {"verdict": "reject", "stage": "failed", "version": "1.3.0"}
    view = CaseView("a", [newest, failed(), older], production="1.1.1")
    facts = parsed(index_page([view])).select_one("dl.facts")
    assert facts is not None
    said = " ".join(facts.get_text(" ").split())
    assert "ROC AUC in production 0.891" in said
    assert "0.912" not in said
    assert "ROC AUC by run, oldest to newest (higher is better)" in said
    drawing = facts.select_one("svg.spark")
    assert drawing is not None
    assert not drawing.select("polyline")
    unknown = index_page([CaseView("a", [newest], production="0.9.0")])
    assert "ROC AUC in production" not in unknown


def test_the_index_names_the_cases_that_need_a_look() -> None:
    views = [CaseView("a", [RUN]), CaseView("b", [failed()]), CaseView("c", [])]
    said = parsed(index_page(views)).get_text()
    assert (
        "3 cases, 2 runs. Worth a look: b: the newest run failed in step train." in said
    )
    assert "There are no runs yet" in text("empty")


def test_the_index_says_why_a_case_needs_a_look() -> None:
    waits, undecided, rejected = changed(), previous(), changed()
    waits["verdict"] |= {"stage": "staging"}
    rejected["verdict"] |= {"verdict": "reject", "version": None}
    views = [
        CaseView("a", [waits]),
        CaseView("b", [undecided]),
        CaseView("c", [rejected]),
        CaseView("d", [interrupted()]),
        CaseView("e", [waits], production="1.2.0"),
        CaseView("f", [undecided], versions=2),
    ]
    said = parsed(index_page(views)).get_text()
    assert (
        "Worth a look: a: version 1.2.0 waits in staging to be promoted; b: version "
        "1.1.1 waits in staging, undecided; c: the newest model was rejected; d: the "
        "newest run was interrupted." in said
    )


def test_the_index_begins_with_a_line_for_each_case() -> None:
    views = [CaseView("a", [RUN], production="1.2.0"), CaseView("b", [])]
    page = parsed(index_page(views))
    glance = page.select_one("#contents table")
    assert glance is not None
    lines = [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in glance.select("tbody tr")
    ]
    assert lines == [
        ["a", "Promoted", "1.2.0", "ROC AUC 0.912", "26 Jul 2026, 10:15 UTC"],
        ["b", "No runs", "nothing yet", "–", "–"],
    ]
    assert [link["href"] for link in glance.select("a")] == ["#a", "#b"]


def test_a_header_made_by_hand_is_shown() -> None:
    header = Header(
        "toy", None, Outcome("ok", "All is well"), title="By <hand>",
        place=[Link("All cases", "../index.html")], links=[Link("next", "next.html")],
    )  # fmt: skip
    page = parsed(notebook_page("<h1>Other</h1><p>x</p>", header))
    assert page.h1 is not None
    assert page.h1.get_text() == "By <hand>"
    assert page.select_one('nav.place a[href="../index.html"]') is not None
    assert page.select_one('footer a[href="next.html"]') is not None


def test_a_header_comes_from_the_run_where_nothing_was_glued() -> None:
    header = step_header(RUN, "evaluate", previous())
    assert header.outcome.state == "promote"
    assert [number.label for number in header.numbers] == [
        "ROC AUC", "Accuracy", "Calibration error", "own"
    ]  # fmt: skip
    assert header.numbers[1].bound == "at least 0.75"
    assert step_header(failed(), "train").outcome.state == "failed"
    assert step_header(interrupted(), "train").outcome.state == "interrupted"
