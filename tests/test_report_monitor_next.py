"""What the page of a check says of drift at a glance: it must not contradict itself."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import mlkit
from mlkit import report
from mlkit.drift import (
    Performance,
    PerformanceDrift,
    count_rows,
    detect,
    reference_profile,
)
from mlkit.monitor import Check
from mlkit.monitor import check as check_model
from mlkit.monitor.overall import one_by_one
from mlkit.params.models import Drift
from mlkit.pipeline.monitoring import monitor_numbers
from mlkit.prediction_log import PredictionLogger
from tests.logged_models import (
    NOW,
    Day,
    candidate,
    log_days,
    make_params,
    register,
    rows_of,
    schema_of,
    tied,
)
from tests.monitored import check, finding

LAST = "2026-11-20"
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def tied_check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    """Return a check whose newest day has drifted only in how columns go together."""
    root = tmp_path_factory.mktemp("tied")
    register(root, make_params(), candidate, sample=600)
    days = [rows_of(80, seed=5), tied(300, seed=1)]
    with PredictionLogger(root / "data" / "predictions") as logger:
        for back, rows in zip((1, 0), days, strict=True):
            for place, features in enumerate(rows.to_dict("records")):
                logger.log_prediction(
                    "toy", "1.0.0", features, "yes" if place % 2 else "no",
                    id=f"{back}-{place}",
                    at=NOW - HOUR - timedelta(days=back, seconds=300 - place),
                )  # fmt: skip
    return check_model(make_params(), root, now=NOW)


def together(*causes: str, **fields: Any) -> dict[str, Any]:
    """Return what a check has of columns that have changed together."""
    ranked = [{"column": name, "importance": 0.3} for name in causes]
    domain = {"auc": 0.8, "lower": 0.7, "upper": 0.9, "separable": bool(causes),
              "causes": ranked, "rows": 900, "current_rows": 200}  # fmt: skip
    return {
        "flagged": True, "reason": "They have.", "findings": ["they have"],
        "domain": domain, "reconstruction": None, "embeddings": [], "texts": [],
    } | fields  # fmt: skip


def alone(
    flagged: tuple[str, ...] = (), verdict: str = "drift", **drift: Any
) -> dict[str, Any]:
    """Return a check in which nothing but drift is wrong, from the 18th day on."""
    found = check(shifted_from=28)
    issue = finding("drift", "warning", "drifted", columns=list(flagged))
    found["drift"] |= {"verdict": verdict, "flagged": list(flagged)} | drift
    return found | {"issues": [issue], "drift_began": None}


def pool(**fields: Any) -> dict[str, Any]:
    return {
        "windows": 4, "first": "2026-11-17", "last": LAST, "verdict": "drift",
        "score": 0.3, "flagged": ["age"], "reason": "", "rows": 800, "level": 0.001,
        "effects": {}, "over": False,
    } | fields  # fmt: skip


def said_of(found: Any) -> dict[str, str]:
    return {a.label: a.text for a in report.monitor_next(found, case="toy")}


class TestColumnsTogether:
    def test_a_real_check_says_one_thing(self, tied_check: Check) -> None:
        assert tied_check.drift is not None
        assert tied_check.drift.flagged == ()
        said = said_of(tied_check)
        assert said["What to do"].startswith(
            "No column is flagged by itself, but together they have changed, above all "
            "by "
        )
        assert re.search(r"by (age and region|region and age)", said["What to do"])
        assert "flagged columns" not in said["What to do"]
        assert said["What to do"].endswith("(mlkit retrain toy).")
        assert said["Since when"] == (
            f"Every window that was judged since {LAST} has drifted."
        )
        (tile,) = (n for n in monitor_numbers(tied_check) if "Columns" in n["label"])
        assert tile == {
            "label": "Columns together", "value": "changed",
            "meaning": f"in the window {LAST}",
        }  # fmt: skip

    def test_no_more_columns_are_named_than_the_verdict_names(self) -> None:
        found = alone(multivariate=together("d", "b", "c", "a"))
        assert "above all by d, b and c: ask" in said_of(found)["What to do"]

    def test_where_no_column_is_known_none_is_named(self) -> None:
        said = said_of(alone(multivariate=together()))["What to do"]
        assert said.startswith("No column is flagged by itself, but together they have "
                               "changed: ask where")  # fmt: skip

    def test_groups_and_texts_that_have_changed_are_named(self) -> None:
        groups = [{"name": "image", "flagged": True}, {"name": "x", "flagged": False}]
        texts = [{"column": "note", "flagged": True}]
        found = alone(multivariate=together(embeddings=groups, texts=texts))
        assert "above all by image and note: ask" in said_of(found)["What to do"]

    def test_flagged_columns_come_with_those_that_changed_together(self) -> None:
        found = alone(("age",), multivariate=together("age", "{b}"))
        assert said_of(found)["What to do"].startswith(
            "Ask where the flagged columns and {b} come from whether something"
        )

    def test_predictions_alone_flag_no_column(self) -> None:
        for multivariate in (None, together("b") | {"flagged": False}):
            said = said_of(alone(multivariate=multivariate))["What to do"]
            assert said.startswith("No column is flagged by itself: ask where those ")

    def test_flagged_predictions_stand_beside_the_number_of_flagged_columns(
        self, tied_check: Check
    ) -> None:
        rows, params = rows_of(400, seed=2), make_params()
        answers = rows["spent"].to_numpy()
        schema = schema_of(rows, params)
        before = reference_profile(rows, schema, predictions=answers)
        now = count_rows(before, rows, schema, predictions=answers + 3)
        drifted = detect(before, now, schema, params=Drift())
        assert drifted.drifted
        found = replace(tied_check, drift=drifted)
        (tile,) = (n for n in monitor_numbers(found) if "Columns" in n["label"])
        assert tile["value"] == f"0 of {len(drifted.columns)}"
        assert tile["meaning"].endswith("; the predictions are flagged")


class TestSinceWhen:
    def test_the_run_ends_at_a_calm_window_and_passes_what_was_not_judged(self) -> None:
        found = alone(multivariate=together("age"))
        labels = [window["label"] for window in found["windows"]]
        for place, verdict in {-5: "drift", -4: "none", -3: "drift"}.items():
            found["windows"][place]["drift"]["verdict"] = verdict
        found["windows"][-2]["drift"] = None
        said = said_of(found)["Since when"]
        assert said == f"Every window that was judged since {labels[-3]} has drifted."
        found["windows"][-4]["drift"]["verdict"] = "too_few"
        said = said_of(found)["Since when"]
        assert said == f"Every window that was judged since {labels[-5]} has drifted."

    @pytest.mark.parametrize(
        ("newest", "drift", "last"),
        [
            ("none", [], "The newest window alone does not show it."),
            ("columns", ["region"], "The newest window alone does not show it."),
            ("columns", ["age"],
             "The newest window alone shows too little of it to be sure."),
        ],
    )  # fmt: skip
    def test_drift_of_several_windows_says_what_the_newest_one_shows(
        self, newest: str, drift: list[str], last: str
    ) -> None:
        found = alone(("age",), verdict=newest) | {"pools": [pool()]}
        found["drift"]["flagged"] = drift
        found["windows"][-1]["drift"]["verdict"] = newest
        seen = f"Seen from 2026-11-17 to {LAST}, taken together."
        assert said_of(found)["Since when"] == f"{seen} {last}"
        found["drift_began"] = {"column": "age", "window": "w", "first": 1, "last": 1}
        began = "The change of age began in w."
        assert said_of(found)["Since when"] == f"{began} {last}"

    def test_predictions_that_the_newest_window_flags_are_shown_by_it(self) -> None:
        found = alone(verdict="columns", predictions_drifted=True)
        found["windows"][-1]["drift"]["verdict"] = "columns"
        found["pools"] = [pool(flagged=[])]
        assert said_of(found)["Since when"].endswith("too little of it to be sure.")

    @pytest.mark.parametrize("over", [True, False])
    def test_nothing_is_said_of_the_newest_where_it_has_drifted_or_none_is_judged(
        self, *, over: bool
    ) -> None:
        drifted = alone(("age",)) | {"pools": [pool(over=over)]}
        assert "newest window" not in said_of(drifted)["Since when"]
        unjudged = drifted | {"drift": None}
        for window in unjudged["windows"]:
            window["drift"] = None
        seen = f"Seen from 2026-11-17 to {LAST}, taken together."
        assert said_of(unjudged).get("Since when") == (None if over else seen)


@pytest.mark.parametrize(
    ("now", "words"), [(0, "call it less"), (40, "call it less"), (300, "so often")]
)
def test_advice_on_volume_goes_with_its_direction(now: int, words: str) -> None:
    issue = finding("volume", "warning", "odd", predictions=now, usual=100.0)
    said = said_of(check(issues=[issue]))["What to do"]
    assert words in said
    assert ("so often" in said) != ("less" in said)


class TestColumnsOneByOne:
    WHY = one_by_one(f"version 1.0.0 was registered {'without rows ' * 60}of it")

    def test_notes_are_shown_whole(self) -> None:
        shown = report.monitor_log(check(notes=["short", self.WHY]))
        assert shown.rows[-1] == ("Note 2", self.WHY)

    def test_it_is_said_where_drift_is_shown_and_not_folded_away(self) -> None:
        nothing = {"domain": None, "reconstruction": None, "embeddings": [],
                   "texts": [], "findings": [], "flagged": False}  # fmt: skip
        drift = {"multivariate": nothing | {"reason": self.WHY}}
        assert self.WHY in report.drift_together(drift)._repr_html_()
        notebooks = Path(mlkit.__file__).parents[1] / "notebooks"
        cells = json.loads((notebooks / "monitor.ipynb").read_text())["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        pools = code.index("mlkit.report.monitor_pools(check)")
        assert code[pools + 1] == "mlkit.report.drift_together(check.drift)"


def test_a_window_of_which_only_the_predictions_are_flagged_is_explained() -> None:
    found = check()
    found["windows"][3]["drift"]["verdict"] = "columns"
    shown = report.monitor_drift(found)
    assert "No column was flagged." in shown.alt
    assert "darker yellow columns (alone or together) or the predictions are" in (
        shown.caption
    )


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("outcomes")
    register(root, make_params(), candidate, n=400)
    return root


class TestPerformanceNow:
    def meaning(self, root: Path, *days: Day) -> str:
        log_days(root, days)
        params = make_params(monitor={"min_labels": 50}, drift={"multivariate": False})
        made = check_model(params, root, now=NOW)
        (tile,) = (n for n in monitor_numbers(made) if n["label"] == "ROC AUC now")
        return str(tile["meaning"])

    @pytest.mark.parametrize(
        ("days", "said"),
        [
            ([60, 60, 0], "on 60 outcomes of 2026-11-19; "),
            ([60, 30, 40, 0, 0], "on 70 outcomes of 2026-11-17 to 2026-11-18; "),
        ],
    )
    def test_it_names_the_windows_its_outcomes_are_of(
        self, registered: Path, tmp_path: Path, days: list[int], said: str
    ) -> None:
        (tmp_path / "registry").symlink_to(registered / "registry")
        logged = [Day(n or 60, labelled=float(n > 0)) for n in days]
        assert self.meaning(tmp_path, *logged).startswith(said)

    def test_where_the_numbers_do_not_tell_only_the_newest_is_named(
        self, tied_check: Check
    ) -> None:
        metric = Performance("roc_auc", "ROC AUC", True, 0.9, 0.8, 0.95, 70)
        compared = PerformanceDrift(metric, metric, 0.0, -0.1, 0.1, False, "")
        windows = [
            replace(window, labelled=known)
            for window, known in zip(tied_check.windows, (50, 90), strict=True)
        ]
        found = replace(tied_check, performance=compared, windows=tuple(windows))
        (tile,) = (n for n in monitor_numbers(found) if n["label"] == "ROC AUC now")
        assert tile["meaning"].startswith(f"on 70 outcomes, the newest of {LAST}; ")
