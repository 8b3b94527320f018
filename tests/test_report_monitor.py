"""The page of a check: what it says at a glance, what it draws, how large it is."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from mlkit import report
from mlkit.report import (
    CaseView,
    Header,
    index_page,
    notebook_page,
    run_page,
    step_header,
)
from mlkit.report.folds import Note
from mlkit.report.monitor_words import (
    AREAS,
    cause_in_words,
    evidence_in_words,
    health_outcome,
)
from mlkit.report.palette import LIGHT
from tests.monitored import CAUSES, check, estimate, finding, nothing
from tests.report_runs import HOSTILE, RUN, alert, changed, watched, watched_alerts

pytestmark = pytest.mark.usefixtures("dark_as_drawn")

FIGURES = (
    report.monitor_performance,
    report.monitor_slices,
    report.monitor_drift,
    report.monitor_volumes,
    report.monitor_latency,
)
TABLES = (
    report.monitor_health,
    report.monitor_evidence,
    report.monitor_expected,
    report.monitor_challenger,
    report.monitor_windows,
    report.monitor_log,
    report.monitor_pools,
)


@pytest.fixture(scope="module")
def bad() -> dict[str, Any]:
    return check(shifted_from=21)


@pytest.fixture(scope="module")
def calm() -> dict[str, Any]:
    return check()


def marks(drawing: bytes) -> tuple[int, int]:
    """Return how many grey bars that can be seen and how many crosses are drawn."""
    svg = "{http://www.w3.org/2000/svg}"
    bars = crosses = 0
    for group in ElementTree.fromstring(drawing).iter(f"{svg}g"):
        for path in group.findall(f"{svg}path"):
            if f"fill: {LIGHT.grey}" in path.get("style", ""):
                for piece in path.get("d", "").split("z")[:-1]:
                    heights = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", piece)]
                    bars += max(heights) - min(heights) > 1
        used = group.findall(f"{svg}use")
        crosses += len(used) * all(LIGHT.muted in use.get("style", "") for use in used)
    return bars, crosses


def rows_of(shown: Any) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in shown.rows}


class TestHealth:
    def test_what_is_wrong_comes_first_with_what_was_seen(self, bad: Any) -> None:
        shown = report.monitor_health(bad)
        states = [row[1] for row in shown.rows]
        assert states == ["critical", "warning", *["ok"] * 6, "not judged"]
        assert shown.rows[0][0] == "Performance: ROC AUC"
        assert "0.78 (0.74 to 0.82)" in shown.rows[0][2]

    def test_all_that_was_judged_and_is_right_is_said_with_its_figures(
        self, calm: Any
    ) -> None:
        rows = rows_of(report.monitor_health(calm))
        assert rows["Performance"][0] == "ok"
        assert "which may be chance" in rows["Performance"][1]
        assert rows["Errors"] == ("ok", "0 of 5,980 requests failed")
        assert rows["Calibration"][0] == "ok"
        # No bound was asked for, so that it cannot have been kept.
        assert rows["Latency"][0] == "not judged"
        assert "took no longer than" in rows["Latency"][1]

    def test_few_outcomes_are_told_from_none(self) -> None:
        causes = [cause for cause in CAUSES if "performance" not in cause]
        few = check(performance=None, causes_checked=causes)
        few["overall"]["metrics"] = {}
        assert rows_of(report.monitor_health(few))["Performance"] == (
            "not judged", "5,700 outcomes known, too few to judge",
        )  # fmt: skip
        few["overall"]["labelled"] = 0
        said = rows_of(report.monitor_health(few))["Performance"][1]
        assert said == "No outcome is known yet"

    def test_every_finding_has_its_numbers(self, bad: Any) -> None:
        rows = rows_of(report.monitor_evidence(bad))
        assert rows["Performance: ROC AUC"] == (
            "critical", "value 0.780, reference 0.900, max loss 0.020, n 812",
        )  # fmt: skip
        assert "age and region" in rows["Drift"][1]

    @pytest.mark.parametrize(
        ("status", "tone"),
        [("healthy", "good"), ("degraded", "caution"), ("critical", "bad")],
    )
    def test_the_verdict_has_a_colour_and_names_the_version(
        self, status: str, tone: str
    ) -> None:
        said = {"status": status, "reason": "why", "predictions": 5, "version": "1.1.0"}
        outcome = health_outcome(said)
        assert (outcome.tone, outcome.reason) == (tone, "Why")
        assert outcome.headline.startswith("Version 1.1.0 in production")

    def test_without_a_log_the_reader_is_told_what_to_do(self) -> None:
        empty = nothing()
        outcome = health_outcome(empty)
        assert (outcome.label, outcome.tone) == ("Nothing logged", "neutral")
        assert "PredictionLogger" in outcome.reason
        assert "log_prediction" in report.monitor_health(empty)._repr_html_()
        # A model that has fallen silent is another thing.
        silent = empty | {"issues": [finding("volume", "critical", "no prediction")]}
        assert health_outcome(silent).label != "Nothing logged"


class TestOverTime:
    def test_windows_that_are_worse_beyond_chance_stand_out(self, bad: Any) -> None:
        shown = report.monitor_performance(bad)
        worse = [
            window["label"]
            for window in bad["windows"]
            if (each := window["metrics"].get("roc_auc")) and each["upper"] < 0.9
        ]
        assert worse
        assert shown.alt.count("2026-11-1") >= len(worse)
        assert all(label in shown.alt for label in worse)
        assert "#b04a00" in shown.light.decode()
        calm = report.monitor_performance(check())
        assert "No window is worse beyond its interval." in calm.alt
        assert "#b04a00" not in calm.light.decode()

    def test_an_error_is_worse_where_it_is_higher(self) -> None:
        low = check(primary="rmse")
        for day, window in enumerate(low["windows"]):
            value = 2.0 if day == 5 else 1.0
            window["metrics"] = {"rmse": estimate(value, 0.2, 90)}
        low["performance"]["reference"] |= {"metric": "rmse", "value": 1.0}
        alt = report.monitor_performance(low).alt
        assert f"Worse beyond the interval: {low['windows'][5]['label']}." in alt

    def test_another_version_is_marked_where_it_began(self, calm: Any) -> None:
        drawn = report.monitor_performance(calm).light.decode()
        assert "1.1.0" in drawn
        one = copy.deepcopy(calm)
        for window in one["windows"]:
            window["versions"] = {"1.1.0": 9}
        assert "1.1.0" not in report.monitor_performance(one).light.decode()

    def test_drift_names_the_windows_and_their_columns(self, bad: Any) -> None:
        shown = report.monitor_drift(bad)
        assert shown.alt.startswith("9 of 30 judged windows drifted: ")
        assert "Flagged columns: age and region." in shown.alt
        assert (
            "The change of age began in 2026-11-12, surely between 2026-11-12 and "
            "2026-11-20." in shown.caption
        )
        assert shown.table is not None
        assert shown.table.total == 30

    def test_a_window_that_could_not_be_judged_is_no_calm_one(self, calm: Any) -> None:
        gaps = copy.deepcopy(calm)
        for window in gaps["windows"][:29]:
            window["drift"] = None
        shown = report.monitor_drift(gaps)
        assert shown.alt.startswith("0 of 1 judged window drifted")
        assert "could not be judged" in shown.caption
        gaps["windows"][29]["drift"]["score"] = None
        assert isinstance(report.monitor_drift(gaps), Note)

    def test_a_score_of_zero_is_told_from_a_window_not_judged(self, calm: Any) -> None:
        assert marks(report.monitor_drift(calm).light) == (30, 0)
        assert "cross" not in report.monitor_drift(calm).caption
        gaps = copy.deepcopy(calm)
        for window in gaps["windows"][:4]:
            window["drift"]["score"] = 0.0
        for window in gaps["windows"][4:9]:
            window["drift"] = None
        gaps["windows"][9]["drift"]["score"] = None
        shown = report.monitor_drift(gaps)
        # Each window has a mark: 24 bars, four of them flat, and six crosses.
        assert marks(shown.light) == (24, 6)
        assert "A cross marks a window that could not be judged." in shown.caption
        assert "A flat bar is a score at or near 0." in shown.caption

    def test_requests_add_up(self, bad: Any) -> None:
        table = report.monitor_volumes(bad).table
        assert table is not None
        for row, window in zip(table.rows, bad["windows"], strict=True):
            _, predictions, known, waiting, late, failed = row
            assert int(predictions) == window["predictions"]
            assert int(known) + int(waiting) + int(late) == window["predictions"]
            assert int(failed) == window["errors"]

    def test_the_bound_of_latency_is_drawn_when_there_is_one(self, calm: Any) -> None:
        assert (
            "95 % within 30 ms" in report.monitor_latency(calm, bound=30).light.decode()
        )
        assert "within 30" not in report.monitor_latency(calm).light.decode()

    @pytest.mark.parametrize("days", [1, 2, 200])
    def test_one_window_and_many_can_be_drawn(self, days: int) -> None:
        found = check(days=days, shifted_from=days - 1)
        for window in found["windows"]:
            window["metrics"] = {"roc_auc": estimate(0.9, 0.02, 60)}
        for draw in FIGURES:
            assert draw(found)._repr_html_()


def pool(windows: int, **fields: Any) -> dict[str, Any]:
    """Return windows taken together as a check has them."""
    return {
        "windows": windows, "first": f"2026-11-{21 - windows:02d}",
        "last": "2026-11-20", "verdict": "none", "score": 0.02, "flagged": [],
        "reason": "No column differs.", "rows": 200 * windows, "level": 0.0001,
        "effects": {"age": 0.02, "visits": None, "region": 0.01}, "over": False,
    } | fields  # fmt: skip


class TestWindowsTogether:
    def test_each_pool_has_a_line_with_its_largest_effect(self, calm: Any) -> None:
        seen = {"verdict": "drift", "flagged": ["age", "region"],
                "effects": {"region": 0.08, "age": 0.123, "visits": None}}  # fmt: skip
        shown = report.monitor_pools(calm | {"pools": [pool(2), pool(8, **seen)]})
        assert shown.rows == (
            ("2", "2026-11-19 to 2026-11-20", "400", "none", "–", "0.02, age"),
            ("8", "2026-11-13 to 2026-11-20", "1,600", "drift", "age and region",
             "0.12, age"),
        )  # fmt: skip
        assert 'badge bad">drift' in shown._repr_html_()
        assert not shown.note

    def test_a_change_that_is_over_is_told_from_one_that_lasts(self, calm: Any) -> None:
        past = pool(4, verdict="drift", flagged=["age"], over=True)
        shown = report.monitor_pools(calm | {"pools": [past]})
        assert shown.rows[0][4] == "age (over)"
        assert "surely smaller by now" in shown.note

    @pytest.mark.parametrize("without", [{}, {"pools": []}])
    def test_records_without_pools_show_nothing(
        self, calm: Any, without: dict[str, Any]
    ) -> None:
        earlier = {k: v for k, v in calm.items() if k != "pools"} | without
        assert report.monitor_pools(earlier) == Note()

    def test_a_pool_without_effects_or_marks_can_be_shown(self, calm: Any) -> None:
        bare = {k: v for k, v in pool(2, effects={}).items() if k != "over"}
        shown = report.monitor_pools(calm | {"pools": [bare]})
        assert shown.rows[0][-1] == "–"


class TestSinceWhenAndWhatToDo:
    def test_the_gravest_issue_is_told_since_when(self, bad: Any) -> None:
        since, todo = report.monitor_next(bad, case="toy")
        worse = 30
        while worse > 0 and (
            (area := bad["windows"][worse - 1]["metrics"].get("roc_auc")) is None
            or area["value"] < 0.9
        ):
            worse -= 1
        while bad["windows"][worse]["metrics"].get("roc_auc") is None:
            worse += 1
        assert since.text.endswith(f"since {bad['windows'][worse]['label']}.")
        assert since.tone == "bad"
        assert todo.text.startswith("Performance: ")
        assert "mlkit retrain toy" in todo.text

    def test_drift_says_where_it_began_and_how_sure_that_is(self, bad: Any) -> None:
        alone = bad | {"issues": bad["issues"][1:]}
        since, todo = report.monitor_next(alone, case="toy")
        assert since.text == (
            "The change of age began in 2026-11-12 (surely between 2026-11-12 and "
            "2026-11-20)."
        )
        assert since.tone == "caution"
        assert todo.text.startswith("Ask where the flagged columns come from")
        since, _ = report.monitor_next(alone | {"drift_began": None}, case="toy")
        first = bad["windows"][21]["label"]
        assert since.text == f"Every window that was judged since {first} has drifted."

    def test_an_issue_that_is_only_worth_knowing_asks_for_nothing(
        self, calm: Any
    ) -> None:
        assert report.monitor_next(calm, case="toy") == []
        known = calm | {"issues": [finding("challenger", "info", "1.2.0 is better")]}
        assert report.monitor_next(known, case="toy") == []

    def test_a_metric_that_is_as_good_again_is_worse_since_nothing(
        self, bad: Any
    ) -> None:
        again = copy.deepcopy(bad)
        known = [w for w in again["windows"] if "roc_auc" in w["metrics"]]
        known[-1]["metrics"]["roc_auc"]["value"] = 0.95
        (todo,) = report.monitor_next(again, case="toy")
        assert todo.label == "What to do"

    @pytest.mark.parametrize("area", sorted(set(AREAS) - {"challenger"} | {"retrain"}))
    def test_every_area_that_can_be_wrong_has_advice(
        self, calm: Any, area: str
    ) -> None:
        one = calm | {"issues": [finding(f"{area}.x", "warning", "wrong")]}
        said = report.monitor_next(one, case="toy")
        assert [each.label for each in said] == ["What to do"]
        assert "{" not in said[0].text
        assert said[0].text[0].isupper()

    def test_it_stands_on_the_first_screen(self, bad: Any) -> None:
        asides = [each.to_dict() for each in report.monitor_next(bad, case="toy")]
        step = {"name": "monitor", "status": "ok", "scraps": {"asides": asides}}
        header = step_header(RUN | {"steps": [step]}, "monitor")
        html = notebook_page("<h1>Monitor</h1>", header)
        top = html.split('class="columns"')[0]
        assert "Since when" in top
        assert "mlkit retrain toy" in top


class TestNothing:
    @pytest.mark.parametrize("draw", [*FIGURES, *TABLES])
    def test_nothing_to_show_is_no_error(self, draw: Callable[[Any], Any]) -> None:
        assert "<svg" not in draw(nothing())._repr_html_()

    def test_where_no_window_was_judged_drift_is_not_drawn(self) -> None:
        assert report.drift_effects(None) == Note()
        assert report.drift_distributions(None) == Note()
        assert report.drift_together(None) == Note()

    def test_what_is_missing_is_named(self) -> None:
        bare = check(expected=[], challenger=None, slices=[])
        for window in bare["windows"]:
            window |= {"metrics": {}, "calibration": None, "latency": None}
        assert "log_actual" in report.monitor_performance(bare)._repr_html_()
        assert "No latency" in report.monitor_latency(bare)._repr_html_()
        assert "No other version" in report.monitor_challenger(bare)._repr_html_()
        assert "evaluate.slices" in report.monitor_slices(bare)._repr_html_()


def test_estimates_without_outcomes_state_what_they_assume(bad: Any) -> None:
    shown = report.monitor_expected(bad)
    assert shown.rows[0][3] == "warning"
    assert "same inputs still lead to the same outcomes" in shown.note
    assert "Probabilities were corrected." in shown.note
    assert shown.rows[0][4] == "The inputs are harder"
    calm = report.monitor_expected(check())
    assert "Why" not in calm.columns


def test_another_version_is_compared_with_its_interval(bad: Any) -> None:
    rows = rows_of(report.monitor_challenger(bad))
    assert rows["Version 1.2.0"] == ("0.901",)
    assert rows["Gain of the other"] == ("0.021 (0.004 to 0.040)",)


def test_what_came_from_the_history_is_said(calm: Any) -> None:
    assert (
        "Of 22 windows the log holds no rows any more"
        in report.monitor_windows(calm).note
    )


def test_names_of_the_data_are_shown_as_text() -> None:
    odd = check(findings=[finding(f"quality.{HOSTILE}", "warning", HOSTILE)])
    odd["windows"][-1]["drift"] |= {"flagged": [HOSTILE], "verdict": "columns"}
    for draw in (*FIGURES, *TABLES):
        assert "<script" not in draw(odd)._repr_html_()


def page_of(found: Any) -> str:
    parts = [draw(found)._repr_html_() for draw in (*TABLES, *FIGURES)]
    return notebook_page("".join(parts), Header("toy", "r", health_outcome(found)))


def test_a_page_of_two_months_is_small() -> None:
    assert len(page_of(check(days=60, shifted_from=40))) < 500_000


def test_words_of_causes_and_numbers() -> None:
    assert cause_in_words("trend.rmse") == "Trend: Root mean squared error"
    assert cause_in_words("log.lost") == "Prediction log: lost"
    assert cause_in_words("something") == "Something"
    said = evidence_in_words({"share": [0.1, 0.2], "late": None, "of": {"a": 1}})
    assert said == "share 0.100 to 0.200"


class TestRunsAndIndex:
    def test_the_page_of_a_check_lists_its_alerts(self) -> None:
        html = run_page(watched(), pages={"monitor": "monitor.html"})
        text = re.sub(r"<[^>]+>", " ", html)
        assert "2 alerts active: 1 critical, 1 warning" in text
        assert "not delivered: TEAM: no answer within 10 s" in text
        assert "ROC AUC now" in text
        assert "0a1b2c3d" in text
        assert "not to be relied on" in text

    def test_a_check_that_failed_says_which_command_to_run_again(self) -> None:
        failed = watched() | {
            "status": "failed", "monitor": None,
            "error": {"step": "monitor", "message": "no disk"},
        }  # fmt: skip
        assert "mlkit monitor vendor_dispatch" in run_page(failed)

    def test_the_index_shows_health_and_active_alerts(self) -> None:
        view = CaseView("toy", [watched(), RUN], "1.2.0", alerts=watched_alerts())
        text = re.sub(r"<[^>]+>", " ", index_page([view, CaseView("wine", [RUN])]))
        assert "Health in production" in text
        assert "1 critical, 1 warning" in text
        assert "toy: the model in production is not to be relied on" in text
        assert "Health" not in index_page([CaseView("wine", [RUN])])

    def test_alerts_are_shown_before_the_first_check(self) -> None:
        view = CaseView("toy", [RUN], "1.2.0", alerts=[alert("retrain.failed", "info")])
        assert "Not checked" in index_page([view])

    def test_a_healthy_check_does_not_hide_what_a_retrain_left_open(self) -> None:
        waits = changed(
            verdict={**RUN["verdict"], "verdict": "undecided", "stage": "staging"}
        )
        view = CaseView("toy", [watched("healthy"), waits], "1.1.0", waiting="1.2.0")
        assert "waits in staging, undecided" in index_page([view])

    def test_checks_by_the_hour_do_not_push_retrains_off_the_list(self) -> None:
        checks = [
            watched("healthy") | {"run": f"20260728T{hour:02d}1500Z-0b5e4e"}
            for hour in range(23, 3, -1)
        ]
        html = index_page([CaseView("toy", [*checks, RUN], "1.2.0")])
        newest = html.split("Newest runs</caption>")[1].split("</table>")[0]
        assert RUN["run"] in newest
        assert newest.count("0b5e4e</span>") == 1
        assert "19 older runs" in html
