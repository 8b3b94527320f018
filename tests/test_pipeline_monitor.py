"""Watching a model in production, from the log to the page, the alerts and the code."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlkit import params as params_room
from mlkit import pipeline, registry, store, train
from mlkit.data import Schema, conform
from mlkit.pipeline import runs
from mlkit.pipeline.retrained import retrain_finding
from mlkit.prediction_log import PredictionLogger, read_predictions
from tests.test_drift_pipeline import retrain
from tests.workspace import (
    CTRL_C,
    TOY,
    make_workspace,
    mlkit_command,
    run_mlkit,
    toy_table,
)

DAYS, EACH, SHIFTED = 12, 150, 4
TEXTFILE = "data/toy.prom"
MONITOR = f"""\
monitor: {{textfile: {TEXTFILE}, latency_ms: 50}}
notify: {{urls: [TEAM_HOOK], retries: 0, timeout_seconds: 2}}
"""
# Nobody listens there, so that whatever is sent fails.
HOOK = "json://127.0.0.1:1/secret-path"


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """Return twins: a model whose rows have moved, and one that saw no change."""
    folder = tmp_path_factory.mktemp("monitor")
    root = make_workspace(folder / "moved", rows=900, params=TOY + MONITOR)
    (root / ".env").write_text(f"TEAM_HOOK={HOOK}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLKIT_ROOT", str(root))
        retrain(root)
        calm = Path(shutil.copytree(root, folder / "calm"))
        log_days(root, shifted=SHIFTED)
        log_days(calm, shifted=0)
        yield root, calm


@pytest.fixture(scope="module")
def root(roots: tuple[Path, Path]) -> Path:
    return roots[0]


@pytest.fixture(scope="module")
def calm(roots: tuple[Path, Path]) -> Path:
    return roots[1]


def log_days(root: Path, *, shifted: int) -> None:
    """Log some days of answers and outcomes; on the last ones the rows are others.

    The rows of a day are in its first second and the last day is today, so that the
    days are the same ones whenever this runs, even should midnight come meanwhile.
    """
    loaded = registry.open_registry("toy", root).load("production")
    schema = Schema.from_dict(loaded.manifest["schema"])
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS - 1)
    with PredictionLogger(root / "data" / "predictions") as log:
        for day in range(DAYS):
            rows = toy_table(EACH, seed=100 + day)
            if day >= DAYS - shifted:
                rows["age"] += 14
                coin = np.random.default_rng(day).random(EACH) < 0.5
                rows["bought"] = np.where(coin, "yes", "no")
            features = rows.drop(columns="bought")
            read = conform(features.astype(str), schema, need_target=False)
            answers = train.predict(
                loaded.model, read[list(schema.features)], schema.task
            )[:, 1]
            given = zip(
                features.to_dict("records"), answers, rows["bought"], strict=True
            )
            for number, (row, share, truth) in enumerate(given):
                id = log.log_prediction(
                    "toy",
                    "1.0.0",
                    row,
                    "yes" if share >= 0.5 else "no",
                    float(share),
                    latency_ms=5 + number % 7,
                    at=first + timedelta(days=day, milliseconds=number),
                )
                log.log_actual(id, truth, model_name="toy")


@pytest.fixture(scope="module")
def first(root: Path) -> subprocess.CompletedProcess[str]:
    """Return the first look at the model whose rows moved."""
    return run_mlkit(root, "monitor", "toy", "--json")


@pytest.fixture(scope="module")
def found(first: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(first.stdout)
    return record


def alerts_of(root: Path) -> list[Any]:
    params = params_room.load_params("toy", root)
    return list(pipeline.alert_book(params, root).active())


def run_folder(found: dict[str, Any]) -> Path:
    return Path(found["report"]).parent


class TestAModelThatMoved:
    def test_the_answer_is_no_and_says_why(
        self, first: subprocess.CompletedProcess[str], found: dict[str, Any]
    ) -> None:
        assert first.returncode == 1, first.stderr
        assert found["status"] == "ok"
        assert found["monitor"]["status"] == "critical"
        causes = {issue["cause"] for issue in found["monitor"]["issues"]}
        assert {"performance.roc_auc", "drift"} <= causes
        assert "worse by" in found["monitor"]["reason"]

    def test_the_page_shows_what_moved_and_is_small(
        self, found: dict[str, Any]
    ) -> None:
        page = (run_folder(found) / "monitor.html").read_text()
        text = re.sub(r"<[^>]+>", " ", page)
        assert "Version 1.0.0 in production is not to be relied on" in text
        assert "Flagged columns: age" in page
        assert "ROC AUC now" in text
        assert len(page) < 500_000
        own = Path(found["report"]).read_text()
        assert "Alerts that are active" in own
        index = (run_folder(found).parents[1] / "index.html").read_text()
        assert "Health in production" in index

    def test_each_cause_has_one_alert(self, root: Path, found: dict[str, Any]) -> None:
        active = alerts_of(root)
        assert {each.cause for each in active} >= {"performance.roc_auc", "drift"}
        assert [each.id for each in active] == [
            each["id"] for each in found["monitor"]["alerts"]
        ]
        assert {each.version for each in active} == {"1.0.0"}
        listed = run_mlkit(root, "alerts", "toy", "--json")
        assert len(json.loads(listed.stdout)["alerts"]) == len(active)

    def test_a_message_that_fails_is_told_and_stops_nothing(
        self, first: subprocess.CompletedProcess[str], found: dict[str, Any]
    ) -> None:
        (sent,) = found["monitor"]["sent"]
        assert not sent["delivered"]
        assert sorted(sent["alerts"]) == sorted(found["monitor"]["raised"])
        assert sent["reason"].startswith("TEAM_HOOK: ")
        page = Path(found["report"]).read_text()
        assert "A message was not delivered: TEAM_HOOK" in page
        told = first.stdout + first.stderr + page
        assert "secret-path" not in told

    def test_prometheus_finds_the_figures(
        self, root: Path, found: dict[str, Any]
    ) -> None:
        text = (root / TEXTFILE).read_text()
        labels = '{model="toy",version="1.0.0"}'
        assert f"ml_predictions_total{labels} {DAYS * EACH:.1f}" in text
        assert f"ml_model_health{labels} 0.0" in text
        assert f"ml_drift_detections_total{labels} 1.0" in text
        assert "ml_prediction_latency_seconds_bucket" in text

    def test_the_check_is_kept_as_the_run_found_it(
        self, root: Path, found: dict[str, Any]
    ) -> None:
        kept = store.read_json(run_folder(found) / "monitor" / "check.json")
        (day,) = (root / "data" / "monitor" / "toy").glob("checks_*.jsonl")
        (line,) = day.read_text().splitlines()
        assert json.loads(line)["windows"] == kept["windows"]

    def test_a_killed_check_leaves_nothing_that_a_good_one_must_fear(
        self, root: Path, found: dict[str, Any]
    ) -> None:
        before = alerts_of(root)
        process = mlkit_command(root, "monitor", "toy")
        wait_for_run(root, "toy")
        # It gets no further, however long the second takes to come up.
        process.send_signal(signal.SIGSTOP)
        # One run of a case at a time: the second ends at once, naming the first.
        second = run_mlkit(root, "monitor", "toy")
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert second.returncode == 4, second.stderr
        assert "is under way since" in second.stderr
        done = run_mlkit(root, "monitor", "toy", "--wait")
        assert done.returncode == 1, done.stderr
        records = runs.records("toy", root)
        assert [each["status"] for each in records[:2]] == ["ok", "interrupted"]
        after = alerts_of(root)
        assert [each.id for each in after] == [each.id for each in before]
        assert {each.times_seen for each in after} == {2}
        counted = (root / TEXTFILE).read_text()
        assert f'version="1.0.0"}} {DAYS * EACH:.1f}' in counted


def wait_for_run(root: Path, case: str) -> None:
    """Wait until a run of a case is under way."""
    end = time.monotonic() + 60
    while not any(each["status"] == "running" for each in runs.records(case, root)):
        assert time.monotonic() < end, "no run has begun"
        time.sleep(0.05)


def an_outcome(root: Path) -> str:
    """Return the id and the outcome of a logged prediction."""
    logged = read_predictions(root / "data" / "predictions", "toy")
    known = logged.frame.dropna(subset="actual").iloc[-1]
    return f"{known['id']},{known['actual']}"


class TestACalmTwin:
    def test_a_model_that_saw_no_change_is_healthy(self, calm: Path) -> None:
        (calm / "late.csv").write_text(f"id,bought\ngone,no\n{an_outcome(calm)}\n")
        done = run_mlkit(calm, "monitor", "toy", "--data", "late.csv")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Version 1.0.0 in production is healthy" in done.stdout
        said = "note: 1 outcome of late.csv belongs to no prediction"
        assert said in done.stdout
        assert all(each.severity == "info" for each in alerts_of(calm))
        record = runs.records("toy", calm)[0]
        assert record["kind"] == "monitor"
        health = run_mlkit(calm, "health", "toy", "--json")
        assert health.returncode == 0
        assert json.loads(health.stdout)["status"] == "healthy"


class TestWithoutALog:
    def test_the_reader_is_told_what_to_do(self, root: Path) -> None:
        given = {"log": "data/elsewhere"}
        step = pipeline.open_step("monitor", "toy", None, monitor=given)
        check = pipeline.watch(step)
        outcome = pipeline.monitor_outcome(check)
        assert (outcome.label, outcome.tone) == ("Nothing logged", "neutral")
        assert "PredictionLogger" in outcome.reason
        assert pipeline.monitor_numbers(check) == []
        kept = pipeline.save_check(step, check)
        pipeline.finish(step, kept, results=kept.summary)
        draft = runs.case_folder("toy", root) / runs.DRAFT
        assert (draft / "monitor" / "check.json").exists()
        # A draft raises nothing: there are the alerts of the runs and no other.
        assert not (root / "data" / "monitor" / "elsewhere").exists()
        done = run_mlkit(root, "health", "toy", "--set", "monitor.log=data/elsewhere")
        assert done.returncode == 0
        assert "Nothing is logged yet" in done.stdout


class TestWrongInput:
    def test_a_file_of_outcomes_that_is_not_there_stops_before_a_run(
        self, root: Path
    ) -> None:
        before = runs.names("toy", root)
        done = run_mlkit(root, "monitor", "toy", "--data", "data/nothing.csv")
        assert done.returncode == 2
        assert "data/nothing.csv" in done.stderr
        assert runs.names("toy", root) == before

    def test_an_unknown_case_is_wrong_usage(self, root: Path) -> None:
        assert run_mlkit(root, "health", "nobody").returncode == 2


class TestRetrains:
    def test_a_failed_retrain_is_told_until_the_next_one(self, root: Path) -> None:
        now = datetime.now(UTC)
        done = retrain_finding("toy", root, now=now)
        assert done is None or done.cause == "retrain.done"
        record = runs.create_run("toy", root, at=now + timedelta(seconds=5))
        failed = {
            "format": 1, "case": "toy", "run": record.run, "status": "failed",
            "kind": "retrain", "steps": [],
            "error": {"step": "train", "message": "no memory"},
        }  # fmt: skip
        store.write_json(record.record, failed)
        told = retrain_finding("toy", root, now=now)
        assert told is not None
        assert (told.cause, told.severity) == ("retrain.failed", "warning")
        assert "no memory" in told.message
        assert told.evidence["step"] == "train"
        # However many checks there were since.
        later = [
            runs.create_run("toy", root, at=now + timedelta(seconds=6 + n))
            for n in range(210)
        ]
        for check in later:
            ended = {"kind": "monitor", "status": "ok", "run": check.run}
            store.write_json(check.record, ended)
        # A folder without a record may be that of a check that was killed.
        later.append(runs.create_run("toy", root, at=now + timedelta(seconds=300)))
        assert retrain_finding("toy", root, now=now) == told
        for each in [record, *later]:
            shutil.rmtree(each.path)

    def test_a_killed_retrain_is_told_like_one_that_failed(self, root: Path) -> None:
        now = datetime.now(UTC)
        record = runs.create_run("toy", root, at=now + timedelta(seconds=5))
        # As it stands when its process is gone.
        killed = {
            "format": 1, "case": "toy", "run": record.run, "status": "running",
            "kind": "retrain", "steps": [],
        }  # fmt: skip
        store.write_json(record.record, killed)
        told = retrain_finding("toy", root, now=now)
        assert told is not None
        assert (told.cause, told.severity) == ("retrain.failed", "warning")
        assert "interrupted" in told.message
        shutil.rmtree(record.path)

    def test_that_a_retrain_was_done_is_news_for_a_day(self, root: Path) -> None:
        now = datetime.now(UTC)
        verdict = {"verdict": "promote", "stage": "production", "version": "2.0.0"}
        record = runs.create_run("toy", root, at=now + timedelta(seconds=5))
        ended = {
            "format": 1, "case": "toy", "run": record.run, "status": "ok",
            "kind": "retrain", "steps": [], "verdict": verdict,
            "ended_at": now.isoformat(),
        }  # fmt: skip
        store.write_json(record.record, ended)
        told = retrain_finding("toy", root, now=now + timedelta(hours=3))
        assert told is not None
        assert (told.cause, told.severity) == ("retrain.done", "info")
        assert "Version 2.0.0 is now in production" in told.message
        assert retrain_finding("toy", root, now=now + timedelta(days=2)) is None
        shutil.rmtree(record.path)


class TestWatching:
    @pytest.mark.parametrize("number", [CTRL_C])
    def test_it_goes_on_until_it_is_stopped(self, calm: Path, number: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        asked = [f"monitor.port={port}", "monitor.every_minutes=0.001"]
        process = mlkit_command(
            calm, "monitor", "toy", "--watch",
            *(word for each in asked for word in ("--set", each)),
        )  # fmt: skip
        assert process.stdout is not None
        said: list[str] = []
        failed = False
        params = calm / "params" / "toy.yaml"
        whole = params.read_text()
        for line in process.stdout:
            said.append(line)
            checks = sum("is healthy" in each for each in said)
            if checks == 3 and params.read_text() == whole and not failed:
                text = urllib.request.urlopen(
                    f"http://127.0.0.1:{port}/metrics", timeout=20
                ).read()
                assert b'ml_model_health{model="toy",version="1.0.0"} 2.0' in text
                # A check that fails is told, and the watch goes on.
                store.write_atomic(params, whole.replace("min: 0.5", "min: five"))
            if "the check failed" in line and not failed:
                store.write_atomic(params, whole)
                failed = True
            if checks >= 4 and failed:
                process.send_signal(number)
                break
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert out.endswith("stopped\n")
        assert failed
        # One page for a health that stays as it is, however many checks there are.
        assert sum(line.startswith("report: ") for line in said) == 1
