"""A check of a model in production: what it says of calm, of trouble, of odd logs."""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score

from mlkit import store
from mlkit.alerts import Finding
from mlkit.exposition import of_totals
from mlkit.label_free import labelled_answers
from mlkit.monitor import Check, alert_book, check, commit, expose
from mlkit.monitor.gathering import gather
from mlkit.monitor.shifts import look_at
from mlkit.params import Params
from mlkit.prediction_log import PredictionLogger
from mlkit.registry import DamageError, open_registry
from mlkit.report import monitor_log
from tests.logged_models import (
    CLASSES,
    NOW,
    Day,
    candidate,
    chances,
    log_days,
    make_params,
    outcomes,
    register,
    rows_of,
)

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with a version of ``toy`` in production."""
    root = tmp_path_factory.mktemp("watched")
    register(root, make_params(), candidate)
    return root


@pytest.fixture
def root(workspace: Path, tmp_path: Path) -> Path:
    """Return a copy of it that a test may write to."""
    shutil.copytree(workspace / "registry", tmp_path / "registry")
    return tmp_path


def causes(found: Check) -> dict[str, str]:
    """Return the causes that were found, with their severity."""
    return {each.cause: each.severity for each in found.findings}


def looked(root: Path, params: Params | None = None, **options: Any) -> Check:
    """Check, and see that the record is plain data."""
    found = check(params or make_params(), root, now=NOW, **options)
    json.dumps(found.to_dict())
    assert found.health._repr_html_() in found._repr_html_()
    return found


def test_a_calm_model_is_healthy_and_its_windows_say_so(root: Path) -> None:
    log_days(root, [Day(150)] * 5)
    found = looked(root, make_params(monitor={"latency_ms": 100}))
    assert (found.status, found.findings) == ("healthy", ())
    assert (found.version, found.task, found.primary) == ("1.0.0", "binary", "roc_auc")
    assert [each.label for each in found.windows] == [
        f"2026-11-{day}" for day in range(16, 21)
    ]
    assert [each.complete for each in found.windows] == [True] * 4 + [False]
    for window in found.windows:
        assert (window.predictions, window.labelled, window.errors) == (150, 150, 0)
        assert window.drift is not None
        assert window.drift.verdict in ("none", "columns")
        assert window.versions == {"1.0.0": 150}
        area = window.metrics["roc_auc"]
        assert area.lower < area.value < area.upper
    assert found.overall is not None
    assert found.overall.predictions == 750
    assert {"drift", "performance.roc_auc", "errors", "latency"} <= {
        *found.causes_checked
    }
    assert found.performance is not None
    assert not found.performance.dropped
    assert found.resources is not None
    assert found.resources.peak_memory_mb > 10


def test_accuracy_of_a_logged_window_is_that_of_sklearn(root: Path) -> None:
    log_days(root, [Day(80, labelled=0.7, noise=0.1), Day(80)])
    found = looked(root)
    rows = gather(make_params(), root, now=NOW).frame
    for window in found.windows:
        of_day = rows[rows["at"].dt.strftime("%Y-%m-%d") == window.label]
        known = of_day[of_day["actual"].notna()]
        expected = accuracy_score(known["actual"], known["prediction"])
        assert window.metrics["accuracy"].value == pytest.approx(expected)
        assert window.labelled == len(known)
        assert window.missing_labels == len(of_day) - len(known)


def test_trouble_is_found_with_its_evidence_and_raises_one_alert_a_cause(
    root: Path,
) -> None:
    params = make_params(monitor={"latency_ms": 40})
    bad = Day(300, shift=1.2, noise=0.4, errors=30, latency=100)
    log_days(root, [Day(150)] * 4 + [bad])
    found = looked(root, params)
    assert found.status == "critical"
    assert causes(found) == {
        "performance.roc_auc": "critical",
        "latency": "critical",
        "errors": "warning",
        "drift": "warning",
    }
    assert found.drift is not None
    assert "age" in found.drift.flagged
    assert found.drifted_window == "2026-11-20"
    assert found.windows[-1].drift is not None
    assert found.windows[-1].drift.verdict == "drift"
    assert all(w.drift and w.drift.verdict != "drift" for w in found.windows[:-1])
    assert found.drift_began is not None
    assert found.drift_began["window"] == "2026-11-20"
    assert found.drift_began["column"] == "age"
    errors = next(each for each in found.health.issues if each.cause == "errors")
    assert errors.evidence["errors"] == 30
    assert found.health.reason.startswith("ROC AUC")
    # Told once, however often it is looked at; over when it is over.
    update = commit(found, params, root, now=NOW)
    assert {alert.cause for alert in update.raised} == {*causes(found)}
    again = commit(looked(root, params).to_dict(), params, root, now=NOW + HOUR / 2)
    assert (again.raised, again.repeated, again.resolved) == ((), (), ())
    calm = NOW + timedelta(days=1)
    log_days(root, [Day(400)], last=calm, seed=50)
    after = check(params, root, now=calm)
    assert "drift" not in causes(after)
    over = {each.cause for each in commit(after, params, root, now=calm).resolved}
    assert {"drift", "errors", "latency"} <= over


@pytest.mark.parametrize("shift", [0.0, 1.3])
@pytest.mark.parametrize("seed", [3, 4])
def test_drift_raises_an_alert_and_no_drift_raises_none(
    root: Path, shift: float, seed: int
) -> None:
    log_days(root, [Day(120, shift=shift, labelled=0)], seed=seed)
    params = make_params()
    commit(looked(root, params), params, root, now=NOW)
    told = [alert.cause for alert in alert_book(params, root).active()]
    assert told == (["drift"] if shift else [])


def test_an_empty_log_and_no_registry_are_no_trouble(tmp_path: Path) -> None:
    found = looked(tmp_path)
    assert (found.status, found.version, found.windows) == ("healthy", None, ())
    assert found.health.reason == "Nothing was logged."
    assert "The log holds no prediction" in found.notes[0]
    assert commit(found, make_params(), tmp_path, now=NOW).raised == ()


def test_one_prediction_is_too_few_to_judge_and_told_so(root: Path) -> None:
    log_days(root, [Day(1)])
    found = looked(root)
    assert found.status == "healthy"
    assert found.windows[-1].predictions == 1
    assert found.windows[-1].metrics == {}
    said = " ".join(found.notes)
    assert "1 outcome is known, and 30 are needed" in said
    assert "No window has the 50 answers" in said


def test_only_errors_are_critical_with_and_without_a_registry(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bare = tmp_path_factory.mktemp("bare")
    for place in (root, bare):
        log_days(place, [Day(0, errors=20)])
        found = looked(place)
        assert causes(found) == {"errors": "critical"}
        assert "every one failed" in " ".join(found.notes)
        assert found.windows[-1].error_rate == 1.0


def test_outcomes_that_never_come_are_told_once_they_are_due(root: Path) -> None:
    log_days(root, [Day(60, labelled=0)] * 3)
    found = looked(root)
    assert "labels" not in found.causes_checked
    assert "No outcome is known yet" in " ".join(found.notes)
    late = looked(root, make_params(monitor={"label_days": 1}))
    assert causes(late) == {"labels": "warning"}
    assert "not one outcome has come" in late.findings[0].message
    assert late.windows[0].late_labels == 60
    assert late.windows[-1].late_labels == 0


def test_several_versions_in_a_window_are_kept_apart(root: Path) -> None:
    log_days(root, [Day(100), Day(100)], version="0.9.0", seed=1)
    log_days(root, [Day(60)], seed=2)
    found = looked(root)
    newest, before = found.windows[-1], found.windows[-2]
    assert newest.versions == {"0.9.0": 100, "1.0.0": 60}
    assert (newest.version, newest.predictions) == ("1.0.0", 60)
    # Before the version was there, the figures are those of the one that was.
    assert (before.version, before.predictions) == ("0.9.0", 100)
    assert before.drift is None
    assert "rows of other versions: 0.9.0 (200)" in " ".join(found.notes)
    other = looked(root, version="0.9.0")
    assert (other.version, other.windows[-1].predictions) == ("0.9.0", 100)


def test_a_version_without_a_profile_is_watched_all_the_same(tmp_path: Path) -> None:
    params = make_params()
    register(tmp_path, params, candidate, profiled=False)
    log_days(tmp_path, [Day(80)] * 2)
    found = looked(tmp_path)
    assert found.drift is None
    assert found.windows[-1].metrics["accuracy"].value > 0.5
    assert "registered without a reference profile" in found.notes[0]
    assert "drift" not in found.causes_checked


def test_garbage_in_the_log_is_counted_and_told(root: Path) -> None:
    log_days(root, [Day(80)])
    (file,) = (root / "data" / "predictions" / "toy").glob("predictions_*.jsonl")
    lines = file.read_bytes().splitlines(keepends=True)
    lines[10:10] = [b"\x00\xffgarbage\n", b'{"kind": "predi\n']
    file.write_bytes(b"".join(lines))
    found = looked(root)
    assert causes(found) == {"log.garbage": "warning"}
    assert found.log.garbage == 2
    assert "line 11" in found.log.where[0]
    assert found.windows[-1].predictions == 80


def test_a_damaged_day_of_the_log_is_named(root: Path) -> None:
    log_days(root, [Day(80)])
    (file,) = (root / "data" / "predictions" / "toy").glob("predictions_*.jsonl")
    name = f"{file.name}.gz"
    packed = gzip.compress(file.read_bytes().replace(b"\n", b"\n{broken\n", 1))
    file.with_name(name).write_bytes(packed[: len(packed) * 2 // 3])
    file.unlink()
    found = looked(root)
    read = found.windows[-1].predictions
    assert 0 < read < 80
    assert (found.log.garbage, found.log.files) == (2, 1)
    (told,) = [each for each in found.findings if each.cause == "log.garbage"]
    assert told.message.startswith(
        "the rest of 1 damaged file and 1 line of the log could not be read and were "
        f"left out, first in {name}: damaged behind line {read + 1}: "
    )
    shown = monitor_log(found)._repr_html_()
    assert f"the rest of 1 damaged file and 1 line ({name}: damaged behind" in shown


def test_outcomes_of_unknown_classes_are_left_out_and_told(root: Path) -> None:
    log_days(root, [Day(80)])
    with PredictionLogger(root / "data" / "predictions") as log:
        for place in range(5):
            log.log_actual(f"0-{place}", "perhaps", model_name="toy")
    found = looked(root)
    assert causes(found) == {"log.odd_outcomes": "warning"}
    message = found.findings[0].message
    assert "5 outcomes are none that the version knows" in message
    assert "'perhaps'" in message
    assert found.windows[-1].labelled == 75


def test_columns_that_are_not_what_they_were_are_data_quality(root: Path) -> None:
    rows = rows_of(80).astype(object)
    rows["spent"] = None
    rows.loc[:19, "visits"] = "many"
    with PredictionLogger(root / "data" / "predictions") as log:
        for features in rows.drop(columns="region").to_dict("records"):
            log.log_prediction("toy", "1.0.0", features, "yes", 0.6, at=NOW - HOUR)
    found = looked(root)
    assert {k: v for k, v in causes(found).items() if k.startswith("quality")} == {
        "quality.spent": "critical",
        "quality.region": "warning",
        "quality.visits": "warning",
    }
    assert {each.column: each.what for each in found.quality} == {
        "spent": "all missing",
        "region": "absent",
        "visits": "unreadable",
    }


@pytest.mark.parametrize("hide", ["hash", "drop"])
def test_of_sensitive_columns_only_missing_values_are_compared(
    tmp_path: Path, hide: Any
) -> None:
    params = make_params(data={"sensitive": ["region", "age"]}, monitor={"hide": hide})
    register(tmp_path, params, candidate)
    options = {"sensitive": ["region", "age"], "hide": hide}
    log_days(tmp_path, [Day(80, shift=2.0)], **options)
    found = looked(tmp_path, params)
    assert found.drift is not None
    # The answers moved, which is told; the column behind it is not looked into.
    assert "The predictions have drifted" in found.drift.reason
    assert not found.drift.flagged
    assert not found.quality
    names = {each.name for each in found.drift.columns}
    assert ("age" in names) == (hide == "hash")
    assert "'age', 'region' (sensitive)" in " ".join(found.notes)


def test_missing_values_of_a_hashed_column_are_found(tmp_path: Path) -> None:
    params = make_params(data={"sensitive": ["region"]})
    register(tmp_path, params, candidate)
    rows = rows_of(80).assign(region=None)
    folder = tmp_path / "data" / "predictions"
    with PredictionLogger(folder, sensitive=["region"]) as log:
        for features in rows.to_dict("records"):
            log.log_prediction("toy", "1.0.0", features, "no", 0.4, at=NOW - HOUR)
    found = looked(tmp_path, params)
    assert causes(found)["quality.region"] == "critical"
    assert found.drift is not None
    assert "region" in found.drift.flagged


def test_a_challenger_is_compared_on_the_same_requests(root: Path) -> None:
    params = make_params()
    register(root, params, candidate, stage="staging", number=1)
    challenger = open_registry("toy", root).versions()[-1].version
    rows = rows_of(300, seed=5)
    truth, right = outcomes(rows, seed=6), chances(rows)
    rng = np.random.default_rng(0)
    worse = np.clip(0.5 + 0.4 * (right - 0.5) + rng.normal(0, 0.25, 300), 0.01, 0.99)
    with PredictionLogger(root / "data" / "predictions") as log:
        for place, features in enumerate(rows.to_dict("records")):
            for version, p in (("1.0.0", worse[place]), (challenger, right[place])):
                said, known = CLASSES[int(p >= 0.5)], str(truth[place])
                log.log_prediction(
                    "toy", version, features, said, float(p), known,
                    id=f"r{place}", at=NOW - HOUR,
                )  # fmt: skip
        # A request that one of them did not get is none of both.
        log.log_prediction("toy", "1.0.0", {}, "no", 0.1, "yes", id="alone", at=NOW)
    found = looked(root)
    assert found.challenger is not None
    assert (found.challenger.version, found.challenger.n) == (challenger, 300)
    assert found.challenger.verdict == "better"
    assert causes(found)["challenger"] == "info"
    assert found.challenger.test is not None
    assert found.challenger.test["gain"] > 0.05


def test_windows_outlive_their_rows(root: Path) -> None:
    params = make_params(monitor={"label_days": 2})
    log_days(root, [Day(70, labelled=0)] * 4)
    before = check(params, root, now=NOW)
    commit(before, params, root, now=NOW)
    for file in (root / "data" / "predictions" / "toy").glob("*_20261117*"):
        file.unlink()
    after = check(params, root, now=NOW)
    assert [each.label for each in after.windows] == [w.label for w in before.windows]
    oldest = after.windows[0]
    assert oldest.stored
    assert oldest.predictions == 70
    # Its outcomes did not come, and now never will.
    assert oldest.late_labels == 70
    # What did not change is not computed again, and comes out the same.
    fresh = [w for w in after.windows if not w.stored]
    assert fresh == list(before.windows[1:])


def test_an_outcome_that_is_corrected_is_measured_again(root: Path) -> None:
    params = make_params()
    log_days(root, [Day(60), Day(60)])
    before = check(params, root, now=NOW)
    commit(before, params, root, now=NOW)
    rows = gather(params, root, now=NOW).frame
    right = rows[
        (rows["prediction"] == rows["actual"]) & rows["id"].str.startswith("1-")
    ]
    with PredictionLogger(root / "data" / "predictions") as log:
        for name, said in zip(right["id"][:20], right["prediction"][:20], strict=True):
            other = "no" if said == "yes" else "yes"
            log.log_actual(name, other, model_name="toy")
    after = check(params, root, now=NOW)
    accuracy = [w.metrics["accuracy"].value for w in (*before.windows, *after.windows)]
    assert accuracy[2] == pytest.approx(accuracy[0] - 20 / 60)
    assert accuracy[3] == accuracy[1]


def test_windows_by_count_stay_where_they_are(root: Path) -> None:
    params = make_params(monitor={"window": 60, "windows": 10})
    log_days(root, [Day(100)] * 3)
    found = check(params, root, now=NOW)
    assert [each.predictions for each in found.windows] == [60] * 5
    assert found.window == "60 predictions"
    assert found.windows[0].label == "rows 1 to 60"
    commit(found, params, root, now=NOW)
    for file in (root / "data" / "predictions" / "toy").glob("*_20261118*"):
        file.unlink()
    after = check(params, root, now=NOW)
    assert [(w.label, w.stored) for w in after.windows] == [
        ("rows 1 to 60", True),
        ("rows 61 to 120", True),
        ("rows 121 to 180", False),
        ("rows 181 to 240", False),
        ("rows 241 to 300", False),
    ]


def test_outcomes_may_come_in_a_file(root: Path) -> None:
    log_days(root, [Day(80, labelled=0)])
    ids = [f"0-{place}" for place in range(60)]
    labels = outcomes(rows_of(80, seed=1000), seed=2000)[:60]
    table = pd.DataFrame({"key": [*ids, "gone"], "bought": [*labels, "yes"]})
    table.to_csv(root / "known.csv", index=False)
    asked = {"outcomes": "known.csv", "outcome_key": "key"}
    found = looked(root, make_params(monitor=asked))
    assert found.windows[-1].labelled == 60
    assert (
        "1 outcome of known.csv belongs to no prediction that was looked at."
        in found.notes
    )
    missing = looked(root, make_params(monitor=asked | {"outcomes": "no.csv"}))
    assert causes(missing) == {"labels": "warning"}
    assert "no.csv could not be read" in missing.findings[0].message


@pytest.mark.parametrize("n", [1, 3])
def test_outcomes_of_other_ids_are_no_outcomes(root: Path, n: int) -> None:
    log_days(root, [Day(80, labelled=0)])
    ids = [f"other-{place}" for place in range(n)]
    table = pd.DataFrame({"key": ids, "bought": ["yes"] * n})
    table.to_csv(root / "known.csv", index=False)
    asked = {"outcomes": "known.csv", "outcome_key": "key"}
    found = looked(root, make_params(monitor=asked))
    assert causes(found) == {"labels": "warning"}
    told = "the 1 outcome" if n == 1 else "not one of 3 outcomes"
    assert found.findings[0].message.startswith(f"{told} of known.csv is")
    assert "monitor.outcome_key" in found.findings[0].message
    assert not any("known.csv" in each for each in found.notes)
    # Ids without an outcome say nothing, right or wrong.
    table.assign(bought=None).to_csv(root / "known.csv", index=False)
    assert causes(looked(root, make_params(monitor=asked))) == {}


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (1, "1 row of known.csv was replaced by a later one of the same id."),
        (2, "2 rows of known.csv were replaced by later ones of the same id."),
    ],
)
def test_outcomes_that_came_twice_are_told(root: Path, again: int, said: str) -> None:
    log_days(root, [Day(80, labelled=0)])
    ids = ["0-1", *(f"0-{place}" for place in range(60)), *(["0-2"] * (again - 1))]
    table = pd.DataFrame({"key": ids, "bought": ["yes"] * len(ids)})
    table.to_csv(root / "known.csv", index=False)
    asked = {"outcomes": "known.csv", "outcome_key": "key"}
    assert said in looked(root, make_params(monitor=asked)).notes


def test_without_outcomes_performance_is_estimated(root: Path) -> None:
    rows = rows_of(600, seed=8)
    truth = (outcomes(rows, seed=9) == "yes").astype(float)
    p = chances(rows)
    known = labelled_answers("binary", truth, np.column_stack([1 - p, p]))
    assert known.rows == 600
    log_days(root, [Day(200), Day(150, labelled=0)])
    found = looked(root)
    area = next(each for each in found.expected if each.metric == "roc_auc")
    assert area.rows == 150
    assert area.lower < 0.85 < area.upper
    assert "expected.roc_auc" in found.causes_checked
    assert "estimated from 200 answers of the log" in " ".join(found.notes)


def test_slices_are_those_that_the_params_name(root: Path) -> None:
    log_days(root, [Day(200)])
    found = looked(root, make_params(evaluate={"slices": ["region"]}))
    assert {each.value for each in found.slices} == {"north", "south", "east"}
    assert sum(each.n for each in found.slices) == 200
    assert all(each.estimate.value > 0.5 for each in found.slices)


def test_counters_count_each_answer_once_and_gauges_are_set(root: Path) -> None:
    params = make_params(monitor={"textfile": "metrics/toy.prom"})
    log_days(root, [Day(120, shift=1.5, errors=3)])
    for turn in range(3):
        found = check(params, root, now=NOW)
        commit(found, params, root, now=NOW + turn * HOUR)
    text = (root / "metrics" / "toy.prom").read_text()
    labels = '{model="toy",version="1.0.0"}'
    assert f"ml_predictions_total{labels} 120" in text
    assert f"ml_prediction_errors_total{labels} 3" in text
    # The drift of a window is one detection, however often it is looked at.
    assert f"ml_drift_detections_total{labels} 1" in text
    metrics = of_totals()
    expose(found, metrics)
    health = metrics.registry.get_sample_value(
        "ml_model_health", {"model": "toy", "version": "1.0.0"}
    )
    assert health == {"critical": 0, "degraded": 1}[found.status]


def test_a_wrong_clock_is_told(root: Path) -> None:
    log_days(root, [Day(60)])
    with PredictionLogger(root / "data" / "predictions") as log:
        features = rows_of(1).iloc[0].to_dict()
        log.log_prediction("toy", "1.0.0", features, "yes", 0.7, at=NOW + 9 * HOUR)
    found = looked(root)
    assert "later than now and left out" in " ".join(found.notes)
    assert found.overall is not None
    assert found.overall.predictions == 60
    assert len(gather(make_params(), root, now=NOW).frame) == 60


def test_what_became_of_a_retrain_is_told_by_the_caller(root: Path) -> None:
    told = Finding("retrain.failed", "warning", "the newest retrain failed")
    found = looked(root, retrained=lambda: told)
    assert causes(found) == {"retrain.failed": "warning"}
    assert found.status == "degraded"
    assert "retrain.done" in looked(root, retrained=lambda: None).causes_checked


def test_a_profile_that_was_altered_is_refused(root: Path) -> None:
    log_days(root, [Day(60)])
    opened = open_registry("toy", root)
    record = opened.show("production")
    digest = record.manifest["artifacts"]["reference_profile.json"]["sha256"]
    (blob,) = (root / "registry" / "toy" / "blobs").glob(f"**/{digest}")
    blob.chmod(0o644)
    blob.write_bytes(store.canonical_json({"format": 2}))
    with pytest.raises(DamageError, match="was altered"):
        looked(root)


@pytest.mark.parametrize(
    ("asked", "a_year"),
    [
        ({"window": "hour", "windows": 400}, 24 * 365.25),
        ({"window": "day"}, 365),
        ({"window": "week"}, 52),
        ({"window": 60}, 365),
        ({"window": 60, "windows_a_year": 5000}, 5000),
        ({"window": "hour", "windows": 400, "windows_a_year": 365}, 365),
    ],
)
def test_the_year_is_divided_among_its_windows(
    root: Path, asked: dict[str, Any], a_year: float
) -> None:
    log_days(root, [Day(500)], last=NOW - 7 * timedelta(days=1))
    found = check(make_params(monitor=asked), root, now=NOW)
    levels = {w.drift.level for w in found.windows if w.drift and w.complete}
    assert len(levels) == 1
    assert levels.pop() == pytest.approx(0.05 / a_year / 2)


def test_a_look_never_spends_more_than_its_window_may() -> None:
    share = 0.001
    spent = {
        look_at(n, complete=False, least=50, level=share) for n in range(50, 60_000, 7)
    }
    closed = look_at(9_000, complete=True, least=50, level=share)
    assert sum(look.level for look in spent) + closed.level <= share
    assert {look.rows for look in spent} == {50 * 2**k for k in range(len(spent))}
