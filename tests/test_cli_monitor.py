"""The commands about a model in production: alerts, predictions, health."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlkit import params as params_room
from mlkit import pipeline
from mlkit.alerts import AlertBook, Finding
from mlkit.cli.app import app
from mlkit.cli.entry import LASTING, WARM
from mlkit.prediction_log import PredictionLogger
from tests.workspace import make_workspace

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace with a case and nothing logged, the one of all commands."""
    make_workspace(tmp_path, rows=40)
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def run_json(*arguments: str) -> dict[str, Any]:
    code, output = run(*arguments, "--json")
    assert code == 0, output
    found: dict[str, Any] = json.loads(output)
    return found


class TestAlerts:
    @pytest.fixture
    def book(self, root: Path) -> AlertBook:
        book = pipeline.alert_book(params_room.load_params("toy", root), root)
        findings = [
            Finding("drift", "warning", "4 columns drifted.", {"score": 0.4}, "1.0.0"),
            Finding("errors", "critical", "Every request fails."),
        ]
        book.update(findings, now=NOON)
        return book

    def test_the_active_ones_are_listed_the_worst_first(self, book: AlertBook) -> None:
        code, output = run("alerts", "toy")
        assert code == 0
        assert output.index("critical  errors") < output.index("warning   drift")
        assert "since 2026-11-20 12:00 UTC, seen once, not sent" in output
        found = run_json("alerts", "toy")
        assert [each["cause"] for each in found["alerts"]] == ["errors", "drift"]
        assert found["model"] == "toy"

    def test_one_is_noted_and_another_closed(self, book: AlertBook) -> None:
        errors, drift = book.active()
        noted = run_json("alerts", "toy", "--ack", errors.id)
        assert noted["changed"][0]["status"] == "acknowledged"
        code, output = run(
            "alerts", "toy", "--resolve", drift.id, "--note", "a holiday"
        )
        assert (code, output) == (
            0,
            f"{drift.id} is resolved now: 4 columns drifted.\n",
        )
        assert [each.id for each in book.active()] == [errors.id]
        _, history = run("alerts", "toy", "--history")
        assert "a holiday" in history
        assert f"noted by {pipeline.who()}" in history

    def test_an_unknown_one_is_wrong_usage(self, book: AlertBook) -> None:
        code, output = run("alerts", "toy", "--ack", "ffffffff")
        assert code == 2
        assert "no alert 'ffffffff'" in output
        assert all(each.id in output for each in book.active())

    def test_a_note_without_an_alert_is_wrong_usage(self, root: Path) -> None:
        assert run("alerts", "toy", "--note", "why")[0] == 2

    def test_none_is_said(self, root: Path) -> None:
        assert run("alerts", "toy") == (0, "no alert of toy is active\n")
        assert run_json("alerts", "toy", "--history")["alerts"] == []

    def test_damaged_lines_are_told(self, book: AlertBook) -> None:
        assert run_json("alerts", "toy")["garbage"] == 0
        assert "could not be read" not in run("alerts", "toy")[1]
        with book.path.open("a") as file:
            file.write("{broken\n")
        assert "1 line of " in run("alerts", "toy")[1]
        with book.path.open("a") as file:
            file.write('{"event": "seen", "id": "nobody"}\n')
        code, output = run("alerts", "toy")
        assert code == 0
        assert f"2 lines of {book.path} could not be read" in output
        assert "warning   drift" in output
        assert run_json("alerts", "toy")["garbage"] == 2

    def test_the_model_is_that_of_the_params(self, root: Path) -> None:
        found = run_json("alerts", "toy", "--set", "registry.model=other")
        assert found["model"] == "other"


class TestPredictions:
    @pytest.fixture
    def ids(self, root: Path) -> list[str]:
        """Log three predictions and a failure on three days; return the ids."""
        with PredictionLogger(root / "data" / "predictions") as log:
            ids = [
                log.log_prediction(
                    "toy", version, {"age": 30.5 + day, "region": None}, "yes", 0.75,
                    latency_ms=4.2, at=NOON + timedelta(days=day),
                )
                for day, version in enumerate(("1.0.0", "1.0.0", "1.1.0"))
            ]  # fmt: skip
            log.log_actual(ids[1], "no", model_name="toy")
            log.log_error("toy", "1.1.0", "no such column")
        return ids

    def test_the_newest_come_first_with_their_outcomes(self, ids: list[str]) -> None:
        code, output = run("predictions", "toy", "--limit", "10")
        assert code == 0
        assert "yes (0.750), was no  4.2 ms" in output
        assert "failed: no such column" in output
        rows = run_json("predictions", "toy")["predictions"]
        answered = [row["id"] for row in rows if row["error"] is None]
        assert answered == ids[::-1]
        by_id = {row["id"]: row for row in rows}
        assert by_id[ids[1]]["actual"] == "no"
        assert by_id[ids[0]]["actual"] is None
        assert by_id[ids[0]]["features"] == {"age": 30.5, "region": None}
        assert by_id[ids[0]]["at"].startswith("2026-11-20T12:00:00")

    def test_they_are_chosen_by_version_time_and_number(self, ids: list[str]) -> None:
        def shown(*asked: str) -> list[str]:
            rows = run_json("predictions", "toy", *asked)["predictions"]
            return [row["id"] for row in rows if row["error"] is None]

        assert shown("--version", "1.0.0") == ids[1::-1]
        assert shown("--since", "2026-11-21", "--version", "1.0.0") == [ids[1]]
        assert shown("--since", "2026-11-22T11:00+00:00") == [ids[2]]
        assert len(run_json("predictions", "toy", "--limit", "1")["predictions"]) == 1

    def test_a_moment_that_is_none_is_wrong_usage(self, root: Path) -> None:
        code, output = run("predictions", "toy", "--since", "yesterday")
        assert code == 2
        assert "2026-11-20" in output

    def test_sensitive_columns_are_masked(self, ids: list[str]) -> None:
        asked = ("--set", "data.sensitive=[age, bought]")
        rows = run_json("predictions", "toy", *asked)["predictions"]
        assert {row["features"].get("age") for row in rows} == {"•••"}
        assert {row["prediction"] for row in rows} == {"•••"}
        _, output = run("predictions", "toy", *asked)
        assert "30.5" not in output
        assert "yes" not in output

    def test_garbage_is_counted(self, ids: list[str], root: Path) -> None:
        (day,) = (root / "data" / "predictions" / "toy").glob("predictions_20261120*")
        with day.open("a") as file:
            file.write("{broken\n")
        assert run_json("predictions", "toy")["garbage"] == 1
        assert "1 line could not be read" in run("predictions", "toy")[1]

    def test_a_damaged_file_is_named(self, root: Path, old: Path) -> None:
        run("predictions", "toy", "--tidy", "--set", "monitor.keep_days=9999")
        day = next(old.glob("predictions_20200301*.gz"))
        day.write_bytes(day.read_bytes()[:-9])
        code, output = run("predictions", "toy", "--limit", "9")
        assert code == 0
        assert (
            "the rest of 1 damaged file could not be read\n"
            f"  {day.name}: damaged behind line " in output
        )
        _, output = run("predictions", "toy", "--compact")
        assert (
            "the rest of 1 damaged file could not be read; what held it is kept in "
            f"files named *.damaged\n  {day.name}: damaged behind line " in output
        )

    def test_leftovers_are_told_when_days_become_parquet(self, old: Path) -> None:
        left = old / ".mlkit-0123456789abcdef.tmp"
        left.write_bytes(b"half")
        os.utime(left, (0, 0))
        _, output = run("predictions", "toy", "--compact")
        assert "removed: 1 file that was left behind\n" in output
        assert not left.exists()

    def test_an_empty_log_is_said(self, root: Path) -> None:
        code, output = run("predictions", "toy")
        assert code == 0
        assert "holds no such prediction of toy" in output

    @pytest.fixture
    def old(self, root: Path) -> Path:
        """Log two days that were over long ago, the second with one row; its folder."""
        with PredictionLogger(root / "data" / "predictions") as log:
            for hours in (0, 1, 24):
                at = datetime(2020, 3, 1, 9, tzinfo=UTC) + timedelta(hours=hours)
                log.log_prediction("toy", "1.0.0", {"age": 30}, "yes", 0.75, at=at)
        return root / "data" / "predictions" / "toy"

    def test_days_that_are_over_become_parquet(self, old: Path) -> None:
        assert run("predictions", "toy", "--compact") == (
            0,
            "turned into Parquet: 2 days, 3 rows (2020-03-01 to 2020-03-02)\n",
        )
        names = sorted(path.name for path in old.glob("predictions_*"))
        assert names == ["predictions_20200301.parquet", "predictions_20200302.parquet"]
        assert len(run_json("predictions", "toy")["predictions"]) == 3
        again = run("predictions", "toy", "--compact")[1]
        assert again == (
            "turned into Parquet: nothing, for no day that is over was left to turn\n"
        )
        assert run_json("predictions", "toy", "--compact")["compacted"]["days"] == []

    def test_lines_that_are_none_are_told_when_days_become_parquet(
        self, old: Path
    ) -> None:
        with next(old.glob("predictions_20200302*")).open("a") as file:
            file.write("{broken\n")
        done = run_json("predictions", "toy", "--compact")["compacted"]
        assert (done["days"], done["garbage"]["count"]) == (
            ["2020-03-01", "2020-03-02"],
            1,
        )
        assert list(old.glob("*.damaged"))

    def test_unreadable_lines_and_files_are_said(self, old: Path) -> None:
        with next(old.glob("predictions_20200301*")).open("a") as file:
            file.write("{broken\n")
        (old / "predictions_20200302.parquet").write_bytes(b"none")
        code, output = run("predictions", "toy", "--compact")
        assert code == 0
        assert output == (
            "turned into Parquet: 1 day, 2 rows (2020-03-01)\n"
            "1 line could not be read; what held it is kept in files named *.damaged\n"
            "1 file could not be read and was left alone, with all of the same day: "
            "predictions_20200302.parquet\n"
        )

    def test_old_days_are_compressed_and_older_ones_removed(self, old: Path) -> None:
        with PredictionLogger(old.parent) as log:
            log.log_prediction(
                "toy", "1.0.0", {}, "no", at=datetime(2020, 3, 10, tzinfo=UTC)
            )
        # The bound is days from any, should midnight come before the command.
        days = (datetime.now(UTC) - datetime(2020, 3, 6, tzinfo=UTC)).days
        asked = ("--set", f"monitor.keep_days={days}")
        code, output = run("predictions", "toy", "--tidy", *asked)
        assert code == 0
        (kept,) = (path.name for path in old.glob("predictions_*"))
        assert kept.startswith("predictions_20200310")
        assert kept.endswith(".jsonl.gz")
        compressed, removed, left = output.splitlines()
        assert compressed == f"compressed: 1 file ({kept})"
        assert removed.startswith("removed: 2 files (predictions_20200301")
        assert left == "kept: 1 day (2020-03-10)"
        again = run("predictions", "toy", "--tidy", *asked)[1]
        assert again == (
            "compressed: nothing\nremoved: nothing\nkept: 1 day (2020-03-10)\n"
        )

    @pytest.mark.parametrize("order", ["--compact", "--tidy"])
    @pytest.mark.parametrize(
        "choice", [("--limit", "5"), ("--since", "2020-03-01"), ("--version", "1.0.0")]
    )
    def test_a_whole_log_is_put_in_order_or_rows_are_chosen(
        self, old: Path, order: str, choice: tuple[str, str]
    ) -> None:
        before = sorted(old.iterdir())
        code, output = run("predictions", "toy", order, *choice)
        assert code == 2
        assert order in output
        assert choice[0] in output
        assert sorted(old.iterdir()) == before

    def test_both_orders_can_be_given_at_once(self, old: Path) -> None:
        done = run_json("predictions", "toy", "--compact", "--tidy")
        assert done["compacted"]["rows"] == 3
        assert done["tidied"]["kept_days"] == []


def test_the_health_tells_what_was_not_judged(root: Path) -> None:
    with PredictionLogger(root / "data" / "predictions") as log:
        log.log_prediction("toy", "1.0.0", {"age": 30}, "yes", 0.75, id="a")
        log.log_prediction("toy", "1.0.0", {"age": 31}, "no", 0.25, id="b")
    known = root / "known.csv"
    asked = ("--set", "monitor.outcomes=known.csv", "--set", "monitor.outcome_key=id")
    known.write_text("id,bought\na,yes\ngone,no\n")
    code, output = run("health", "toy", *asked)
    assert code == 0
    notes = [line for line in output.splitlines() if line.startswith("note: ")]
    assert (
        "note: 1 outcome of known.csv belongs to no prediction that was looked at."
        in notes
    )
    found = run_json("health", "toy", *asked)
    assert notes == [f"note: {each}" for each in found["notes"]]
    known.write_text("id,bought\nx,yes\ngone,no\n")
    code, output = run("health", "toy", *asked)
    assert code == 1
    assert "labels                    not one of 2 outcomes of known.csv is" in output


def test_wrong_params_are_told_before_anything_is_read(root: Path) -> None:
    for command in ("monitor", "health", "alerts", "predictions"):
        with pytest.raises(Exception, match="monitor\\.windws"):
            CliRunner().invoke(
                app,
                [command, "toy", "--set", "monitor.windws=3"],
                catch_exceptions=False,
            )


@pytest.mark.parametrize("command", ["health", "predictions"])
def test_a_log_that_is_a_file_is_told_by_its_key(root: Path, command: str) -> None:
    (root / "data" / "log").write_text("a file")
    with pytest.raises(
        params_room.ParamsError, match=r"monitor\.log.* must be a folder"
    ):
        CliRunner().invoke(
            app,
            [command, "toy", "--set", "monitor.log=data/log"],
            catch_exceptions=False,
        )


def test_a_watch_that_lasts_is_no_forked_command() -> None:
    assert {"monitor", "health", "predictions"} <= WARM
    assert {"--watch"} == LASTING


def test_a_watch_has_no_one_answer(root: Path) -> None:
    code, output = run("monitor", "toy", "--watch", "--json")
    assert code == 2
    assert "--json" in output
