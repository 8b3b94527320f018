"""What pages say of steps that were taken from earlier runs, and of many retrains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import bs4
import pytest

from mlkit import store
from mlkit.pipeline import publish
from mlkit.pipeline.runs import RunFolder
from mlkit.report import CaseView, index_page, notebook_page, run_page, step_header
from mlkit.report.steps import sentences, unchanged_since
from mlkit.report.timeline import Timeline
from tests.report_runs import (
    EARLIER,
    HOSTILE,
    RUN,
    changed,
    failed,
    fan_out,
    member,
    partly_taken,
    previous,
    resumed,
    segment_view,
    unchanged,
)


def parsed(html: str) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(html, "html.parser")


def text(html: str) -> str:
    return " ".join(parsed(html).get_text(" ").split())


def test_a_run_in_which_nothing_changed_says_so_first_and_repeats_the_verdict() -> None:
    page = parsed(run_page(unchanged(), previous()))
    calm = page.select_one("#unchanged")
    assert calm is not None
    assert "Nothing has changed since 24 Jul 2026, 08:00 UTC" in calm.get_text()
    assert calm.a is not None
    assert calm.a["href"] == f"../{EARLIER}/index.html"
    after = calm.find_next(id="verdict")
    assert isinstance(after, bs4.Tag)
    assert "Version 1.2.0 is now in production" in after.get_text()
    assert "What changed" not in page.get_text()
    assert "last run" not in page.get_text()


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        partly_taken(),
        unchanged() | {"status": "failed"},
        unchanged() | {"kind": "drift"},
        changed(steps=[]),
        {"case": "x", "run": "y"},
    ],
    ids=["old", "partly", "failed", "drift", "no steps", "no record"],
)
def test_other_runs_are_not_called_unchanged(run: dict[str, object]) -> None:
    assert unchanged_since(run) is None


def test_nothing_has_changed_since_the_youngest_run_that_a_step_ran_in() -> None:
    run = unchanged()
    run["steps"][1]["taken"] = "20260725T080000Z-00000a"
    assert unchanged_since(run) == "20260725T080000Z-00000a"


def test_each_step_says_where_it_was_taken_from_or_why_it_ran() -> None:
    page = parsed(run_page(partly_taken(), previous()))
    heading = page.select_one("#steps")
    assert heading is not None
    told = [li.get_text(" ", strip=True) for li in heading.find_all_next("li")][:3]
    assert told[0] == f"Data taken from run {EARLIER}, where it ran"
    assert told[1] == f"Evaluate ran: params.train.max_iter changed 100 -> {HOSTILE}"
    cells = [badge.get_text() for badge in page.select("td .badge")]
    assert "taken" in cells
    assert "2 of 3 steps ran; data had nothing new to do" in page.get_text()


def test_a_record_of_before_keys_tells_no_reasons() -> None:
    assert "taken" not in text(run_page(RUN, previous()))
    assert sentences(RUN) == []


def test_steps_that_ran_side_by_side_are_told_by_their_times() -> None:
    # 28.5 s and 29 s, of which 18 s are shared.
    told = "Side by side ran evaluate and decide: 58 s of work in 40 s."
    assert told in sentences(partly_taken())
    page = parsed(run_page(partly_taken()))
    bars = [str(bar["style"]) for bar in page.select(".timeline b")]
    assert bars == ["margin-left:0.0%;width:72.2%", "margin-left:26.6%;width:73.4%"]


def test_a_step_may_run_beside_one_after_the_other() -> None:
    spans = {"a": (0, 30), "b": (1, 5), "c": (6, 9), "d": (30, 40)}
    steps = [
        {"name": name, "started_at": f"2026-07-26T10:15:{start:02d}Z",
         "ended_at": f"2026-07-26T10:15:{end:02d}Z"}
        for name, (start, end) in spans.items()
    ]  # fmt: skip
    assert Timeline.of(steps).together == [["a", "b", "c"]]


def test_steps_one_after_another_are_not_said_to_run_side_by_side() -> None:
    run = partly_taken()
    run["steps"][2]["started_at"] = "2026-07-26T10:15:29.9Z"
    assert "Side by side" not in " ".join(sentences(run))


def test_without_times_there_is_no_timeline() -> None:
    assert not parsed(run_page(RUN)).select(".timeline")
    assert Timeline.of(unchanged()["steps"]).bars == ()


def test_the_reason_of_a_run_in_which_nothing_changed_is_told_once() -> None:
    run = unchanged()
    reason = f"nothing has changed since run {EARLIER}; it is better; and safe"
    told = {"verdict": "undecided", "stage": "staging", "new": False, "reason": reason}
    run["verdict"] = {**run["verdict"], **told}
    verdict = parsed(run_page(run)).select_one("#verdict")
    assert verdict is not None
    assert " ".join(verdict.get_text().split()) == (
        "Undecided Version 1.2.0 waits in staging; 1.1.0 stays in production "
        "it is better; and safe"
    )


def test_the_page_of_a_taken_step_says_where_it_ran() -> None:
    page = notebook_page("<h1>Data</h1>", step_header(partly_taken(), "data"))
    assert f"It had nothing new to do, and comes from run {EARLIER}." in text(page)
    other = notebook_page("<h1>E</h1>", step_header(partly_taken(), "evaluate"))
    assert "comes from run" not in text(other)


def test_a_resumed_run_names_the_one_it_goes_on_from() -> None:
    page = text(run_page(resumed(), previous()))
    assert f"Resumed It goes on from run {EARLIER}" in page
    assert f"Goes on from {EARLIER}" in page


def test_a_failed_run_offers_to_go_on_where_a_step_can_be_taken() -> None:
    run = failed()
    assert "--resume" not in run_page(run)
    run["steps"][0]["key"] = {"digest": "0", "parts": {}}
    command = f"mlkit retrain vendor_dispatch --resume {run['run']}"
    assert command in text(run_page(run))


def test_params_of_sensitive_columns_are_masked_on_the_page_of_a_run() -> None:
    secret = "4711-secret"
    params = {"data": {"sensitive": ["id"]}, "explain": {"key": "id", "rows": [secret]}}
    before = changed(params={**params, "explain": {"key": "id", "rows": ["other"]}})
    page = run_page(changed(params=params), before)
    assert secret not in page
    assert "explain.rows was" in page


def test_segments_stand_inside_the_section_of_their_case() -> None:
    parted = fan_out(member("north"), member("south"))
    views = [CaseView("sales", [parted]), *map(segment_view, ("north", "south"))]
    page = parsed(index_page([*views, CaseView("wine", [RUN])]))
    assert [h.get_text() for h in page.select("h2")] == ["sales", "wine"]
    section = page.select("section.case")[0]
    table = section.find("table")
    assert isinstance(table, bs4.Tag)
    rows = [row.get_text(" ", strip=True) for row in table.select("tbody tr")]
    assert [row.split()[:3] for row in rows] == [
        ["north", "Promoted", "1.2.0"], ["south", "Promoted", "1.2.0"],
    ]  # fmt: skip
    links = [str(a["href"]) for a in table.select("a")]
    assert links[0] == "sales.north/20260729T101500Z-5e9000/index.html"
    assert "2 cases, 2 segments, 4 runs." in page.get_text()
    # What is divided has no model of its own.
    facts = section.select_one("dl.facts")
    assert facts is None or "In production" not in facts.get_text()


def test_a_segment_that_waits_is_counted_and_not_named_among_hundreds() -> None:
    names = [f"r{number:03d}" for number in range(100)]
    waits = changed()["verdict"] | {"verdict": "undecided", "stage": "staging"}
    views = [
        replace(view, runs=[{**view.runs[0], "verdict": waits}], production=None,
                waiting="1.2.0")
        if number < 40 else view
        for number, view in enumerate(map(segment_view, names))
    ]  # fmt: skip
    parted = fan_out(*[member(name) for name in names])
    page = parsed(index_page([CaseView("sales", [parted]), *views]))
    assert "Worth a look: sales: 40 of 100 segments." in page.get_text()
    folded = next(d for d in page.select("details") if "100 segments" in d.get_text())
    assert not folded.has_attr("open")


@pytest.mark.parametrize("parent", ["sales", "_all"])
def test_the_page_of_a_member_leads_to_that_of_all(tmp_path: Path, parent: str) -> None:
    run = segment_view("north").runs[0]
    store.write_atomic(
        tmp_path / "reports" / parent / run["fan_out"] / "index.html", "x"
    )
    folder = tmp_path / "reports" / "sales.north" / run["run"]
    store.write_json(folder / "run.json", run)
    publish.write_run_page(RunFolder(run["case"], run["run"], folder), run, tmp_path)
    page = parsed((folder / "index.html").read_text())
    link = page.find("a", string="The report of all retrains at once")
    assert isinstance(link, bs4.Tag)
    assert (folder / str(link["href"])).resolve().read_text() == "x"


def test_a_retrain_of_all_cases_is_a_line_of_its_own() -> None:
    every = fan_out(member(None), case="_all", segments=None)
    views = [CaseView("_all", [every]), CaseView("sales", [changed(case="sales")])]
    page = parsed(index_page(views))
    assert [h.get_text() for h in page.select("h2")] == ["All cases at once", "sales"]
    assert "1 case, 2 runs." in page.get_text()


def test_the_page_of_many_retrains_is_the_league_also_when_interrupted() -> None:
    run = fan_out(member("north"), status="interrupted", ended_at=None)
    page = parsed(run_page(run))
    assert page.h1 is not None
    assert "sales by region" in page.h1.get_text()


def test_at_most_a_few_cases_are_named_as_worth_a_look() -> None:
    views = [CaseView(f"case{number}", [failed()]) for number in range(9)]
    assert "; 3 more." in index_page(views)
