"""What pages say of a run: its verdict, its changes and its numbers in words."""

from __future__ import annotations

from typing import Any

import bs4
import pytest

from mlkit.metrics import METRICS
from mlkit.report import Fold, KeyNumber, notebook_page, run_page, step_header, table
from mlkit.report.measures import MEANINGS
from mlkit.report.sparkline import sparkline
from mlkit.report.summary import changes, headline, outcome
from tests.report_runs import PAIRED, RUN, changed, previous


def parsed(html: str) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(html, "html.parser")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (("promote", "production", "1.0.0", None, True),
         "Version 1.0.0 is now in production"),
        (("promote", "staging", "1.1.0", "1.0.0", True),
         "Version 1.1.0 may go to production and waits in staging for a person"),
        (("undecided", "staging", "1.1.0", "1.0.0", True),
         "Version 1.1.0 waits in staging; 1.0.0 stays in production"),
        (("keep", "development", "1.1.0", "1.0.0", True),
         "Version 1.1.0 is not better; 1.0.0 stays in production"),
        (("keep", "production", "1.0.0", "1.0.0", False),
         "The new model is identical to 1.0.0, which is in production"),
        (("keep", "production", "1.0.0", "1.0.0", None),
         "The new model is identical to 1.0.0, which is in production"),
        (("reject", "failed", "0.1.0", None, True),
         "Version 0.1.0 is not good enough; nothing is in production"),
        (("reject", "failed", None, "1.0.0", False),
         "The new model is not good enough; 1.0.0 stays in production"),
    ],
)  # fmt: skip
def test_a_verdict_says_what_is_in_production_now(
    verdict: tuple[Any, ...], said: str
) -> None:
    names = ("verdict", "stage", "version", "champion", "new")
    assert headline(dict(zip(names, verdict, strict=True))) == said


def test_what_waits_for_a_person_is_not_called_promoted() -> None:
    run = changed()
    run["verdict"] |= {"stage": "staging"}
    assert outcome(run).label == "May be promoted"
    assert outcome(run).tone == "good"
    assert outcome(RUN).label == "Promoted"


def test_without_a_champion_the_model_stands_beside_the_dummy() -> None:
    run = changed()
    run["verdict"]["evidence"] = {
        "paired": None,
        "champion": None,
        "against_dummy": PAIRED,
    }
    assert "Dummy baseline 0.891" in " ".join(
        parsed(run_page(run)).get_text(" ").split()
    )


def test_the_test_has_a_short_name_and_the_full_one_on_demand() -> None:
    full = "paired t, with and without Hall's correction for skewness"
    run = changed()
    run["verdict"]["evidence"]["paired"] = PAIRED | {"method": full}
    page = parsed(run_page(run))
    cells = [cell.get_text() for cell in page.select("td")]
    assert "paired t-test" in cells
    assert full not in cells
    folded = next(d for d in page.select("details") if full in d.get_text())
    assert folded.summary is not None
    assert folded.summary.get_text() == "The test in full"
    assert "The test in full" not in run_page(RUN)


def test_a_fold_survives_the_page_of_a_notebook() -> None:
    fold = Fold("Files <b>", table([{"file": "a", "sha256": "0"}], caption="Files"))
    html = notebook_page(fold._repr_html_(), step_header(RUN, "data"))
    folded = parsed(html).select_one("article details")
    assert folded is not None
    assert folded.summary is not None
    assert folded.summary.get_text() == "Files <b>"
    assert folded.table is not None


def keyed(**parts: Any) -> dict[str, Any]:
    """Return a run whose step ``train`` has a key of such parts."""
    known = {"notebook": "1", "mlkit": "1", "workspace_code": {"costs.py": "1"}}
    key = {"digest": "0", "parts": known | parts}
    return changed(steps=[{"name": "train", "status": "ok", "key": key}])


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"notebook": "2"}, "Code: notebooks/train.ipynb changed"),
        ({"mlkit": "2"}, "Code: mlkit changed"),
        ({"workspace_code": {"costs.py": "2"}}, "Code: costs.py changed"),
        ({"workspace_code": {}}, "Code: costs.py changed"),
        (
            {"notebook": "2", "mlkit": "2"},
            "Code: notebooks/train.ipynb and mlkit changed",
        ),
    ],
)
def test_code_that_git_does_not_know_of_is_told(parts: dict[str, Any], said: str):
    assert changes(keyed(**parts), keyed()) == (said,)
    assert changes(keyed(), keyed())[0].startswith("Nothing: the same data")
    # A record of an older mlkit has no keys, and nothing is made up of that.
    assert changes(keyed(**parts), changed())[0].startswith("Nothing: the same data")


def test_equal_runs_have_no_changes() -> None:
    assert changes(RUN, changed()) == (
        "Nothing: the same data, params, code and package versions.",
    )


def test_many_changed_params_are_counted() -> None:
    run = changed(params={f"key_{i}": i for i in range(9)})
    found = [line for line in changes(run, previous()) if line.startswith("Params")]
    assert len(found) == 6
    assert found[-1] == "Params: 7 other keys changed, too"


def test_uncommitted_code_is_told() -> None:
    run = changed(git={"commit": "d4e5f60718293a4b", "dirty": True})
    assert "Code: with changes that are not committed" in changes(run, RUN)
    assert "d4e5f607 + changes" in parsed(run_page(run)).get_text()


@pytest.mark.parametrize(
    ("now", "before", "better", "change", "tone"),
    [
        (0.9, 0.88, True, "+0.020, better than last run", "good"),
        (0.9, 0.88, False, "+0.020, worse than last run", "bad"),
        (0.88, 0.9, False, "−0.020, better than last run", "good"),
        (0.9, 0.90001, True, "as in the last run", "bad"),
        (4060, 3940, None, "+120, against the last run", "neutral"),
        (0.9, None, True, "", "neutral"),
        ("text", 0.9, True, "", "neutral"),
        (None, 0.9, True, "", "neutral"),
    ],
)
def test_a_key_number_says_its_change(
    now: Any, before: Any, better: bool | None, change: str, tone: str
) -> None:
    number = KeyNumber("x", now, previous=before, greater_is_better=better)
    assert number.change == change
    assert change == "as in the last run" or number.change_tone == tone


def test_the_calibration_error_stands_beside_what_chance_alone_shows() -> None:
    run = changed()
    run["steps"][1]["scraps"]["evaluation"]["calibration_floor"] = 0.0221
    page = parsed(run_page(run))
    card = next(
        div for div in page.select(".numbers div") if "Calibration" in div.get_text()
    )
    said = " ".join(card.get_text(" ").split())
    assert "Calibration error 0.030 by chance alone 0.022 would be seen" in said
    row = next(
        row for row in page.select("tbody tr") if "by chance alone" in row.get_text()
    )
    cells = [cell.get_text() for cell in row.find_all(["th", "td"])]
    assert cells == ["Calibration error by chance alone", "0.022", "–", "–"]
    assert "by chance alone" not in run_page(RUN)


def test_a_metric_of_the_shelf_says_how_to_read_it() -> None:
    assert set(METRICS) == set(MEANINGS)
    assert "how well it ranks: 0.5 is guessing, 1 is perfect" in run_page(RUN)


def test_a_key_number_says_its_bound() -> None:
    assert KeyNumber("x", 0.7, bound="at least 0.75", kept=False).bound_text == (
        "✗ must be at least 0.75"
    )
    assert KeyNumber("x", 0.7, bound="at least 0.75").bound_text == "at least 0.75"


def test_a_sparkline_leaves_gaps_out_and_needs_two_points() -> None:
    assert sparkline([0.5], "x") == ""
    assert sparkline([None, None], "x") == ""
    drawn = sparkline([0.5, None, float("nan"), 0.7], '"<x>')
    assert "polyline" not in drawn
    assert drawn.count('<circle cx="') == 3
    assert "from 0.500 to 0.700" in drawn
    assert "<x>" not in drawn
    assert sparkline([0.5, 0.5], "flat")
    pieces = sparkline([0.5, 0.6, None, 0.7, 0.8], "x")
    assert pieces.count("<polyline") == 2
