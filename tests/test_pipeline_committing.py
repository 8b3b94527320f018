"""What follows from a check: people are told whatever the disk does; the log."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlkit import monitor, pipeline
from mlkit import params as params_room
from mlkit.alerts import Alert, alert_book
from mlkit.params import Params, ParamsError
from mlkit.pipeline import runs
from mlkit.pipeline.alerting import Alerted, say_alerts
from mlkit.pipeline.committing import commit_check
from mlkit.prediction_log import PredictionLogger, open_log
from tests.test_alerts_sending import Hook
from tests.workspace import TOY, make_workspace, run_mlkit

MINUTE = timedelta(minutes=1)
# A folder that cannot be: a file is in its place.
NOWHERE = "data/toy.csv/toy.prom"


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def root(tmp_path: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose model fails at every request."""
    root = make_workspace(tmp_path, rows=40)
    (root / ".env").write_text(f"TEAM_HOOK={hook.url()}\n")
    monkeypatch.setenv("MLKIT_ROOT", str(root))
    log_errors(root)
    return root


def log_errors(root: Path) -> None:
    with PredictionLogger(root / "data" / "predictions") as log:
        for _ in range(40):
            log.log_error("toy", "1.0.0", "it broke")


def loaded(root: Path, **sections: Any) -> Params:
    notify = {"urls": ["TEAM_HOOK"], "retries": 0, "timeout_seconds": 5}
    given: dict[str, Any] = {"notify": notify} | sections
    return params_room.load_params("toy", root, sections=given)


@pytest.fixture
def look(root: Path) -> Callable[..., Alerted]:
    """Return a function that checks once, and lets what is found take effect."""

    def check_at(at: datetime, **sections: Any) -> Alerted:
        params = loaded(root, **sections)
        return commit_check(monitor.check(params, root, now=at), params, root, now=at)

    return check_at


def active(root: Path) -> tuple[Alert, ...]:
    return alert_book(loaded(root), root).active()


def said_of(told: Alerted) -> list[str]:
    lines: list[str] = []
    say_alerts(told, lines.append)
    return lines


def test_people_are_told_of_a_run_that_fails_afterwards(root: Path, hook: Hook) -> None:
    (root / "params" / "toy.yaml").write_text(
        TOY + f"monitor: {{textfile: {NOWHERE}}}\nnotify: {{urls: [TEAM_HOOK]}}\n"
    )
    failed = run_mlkit(root, "monitor", "toy", "--json")
    assert failed.returncode == 3, failed.stderr
    found = json.loads(failed.stdout)
    assert "toy.csv" in found["error"]["message"]
    assert len(hook.taken) == 1
    assert "errors" in hook.taken[0]["title"]
    assert [each["cause"] for each in found["monitor"]["alerts"]] == ["errors"]
    (alert,) = active(root)
    assert alert.sent_at is not None
    # The history is there as well, so that the next check goes on from it.
    assert list((root / "data" / "monitor" / "toy").glob("checks_*.jsonl"))


def test_what_follows_the_alerts_is_done_as_far_as_it_can_be(
    look: Callable[..., Alerted], root: Path, hook: Hook, now: datetime
) -> None:
    lock = root / "data" / "monitor" / "toy" / ".checks.lock"
    lock.mkdir(parents=True)
    ancient = lock.with_name("checks_20200101.jsonl")
    ancient.touch()
    old = now - timedelta(days=9)
    with PredictionLogger(root / "data" / "predictions") as log:
        log.log_error("toy", "1.0.0", "it broke", at=old)
    told = look(now)
    assert isinstance(told.failure, OSError)
    assert [each.delivered for each in told.sent] == [True]
    assert len(hook.taken) == 1
    # What is too old makes room.
    assert not ancient.exists()
    # Of what the history does not have, the log keeps everything.
    written = root / "data" / "predictions" / "toy" / f"predictions_{old:%Y%m%d}.jsonl"
    assert written.exists()
    lock.rmdir()
    again = look(now + MINUTE)
    assert (again.failure, again.sent) == (None, ())
    assert not written.exists()


def test_alerts_that_cannot_be_written_are_told_all_the_same(
    look: Callable[..., Alerted], root: Path, hook: Hook, now: datetime
) -> None:
    book = root / "data" / "monitor" / "toy" / "alerts.jsonl"
    book.mkdir(parents=True)
    told = look(now)
    assert isinstance(told.failure, OSError)
    assert [alert.cause for alert in told.active] == ["errors"]
    assert len(hook.taken) == 1
    book.rmdir()
    kept = look(now + MINUTE)
    assert kept.failure is None
    assert [alert.cause for alert in kept.update.raised] == ["errors"]
    assert active(root)[0].sent_at == now + MINUTE


def test_a_run_that_cannot_even_begin_tells_people(root: Path, hook: Hook) -> None:
    (root / "params" / "toy.yaml").write_text(TOY + "notify: {urls: [TEAM_HOOK]}\n")
    (root / "reports").write_text("a file in place of the folder")
    said: list[str] = []
    with pytest.raises(OSError, match="reports"):
        pipeline.watch_case("toy", root=root, say=said.append)
    assert len(hook.taken) == 1
    assert any("raised: critical errors" in line for line in said)


def test_an_alert_of_a_check_that_was_cut_short_is_sent_by_the_next(
    look: Callable[..., Alerted], root: Path, hook: Hook, now: datetime
) -> None:
    params = loaded(root)
    # As if the process had been killed before it came to telling.
    monitor.commit(monitor.check(params, root, now=now), params, root, now=now)
    told = look(now + MINUTE)
    assert told.update.told == ()
    assert [each.alerts for each in told.sent] == [(active(root)[0].id,)]
    assert look(now + 2 * MINUTE).sent == ()
    assert len(hook.taken) == 1


def test_an_alert_from_before_anybody_was_named_is_sent_once_somebody_is(
    look: Callable[..., Alerted], root: Path, hook: Hook, now: datetime
) -> None:
    nobody = look(now, notify={"urls": []})
    assert (nobody.sent, nobody.problem) == ((), "")
    # What somebody has taken note of is known.
    book = alert_book(loaded(root), root)
    book.acknowledge(book.active()[0].id, by="ada", now=now)
    assert look(now + MINUTE).sent == ()
    book.resolve(book.active()[0].id, by="ada", now=now + MINUTE)
    assert look(now + 2 * MINUTE).sent == ()
    assert hook.taken == []


def test_the_first_check_after_an_address_is_set_sends(
    look: Callable[..., Alerted], root: Path, hook: Hook, now: datetime
) -> None:
    assert look(now, notify={"urls": []}).sent == ()
    assert look(now + MINUTE, notify={"urls": []}).update.repeated == ()
    assert [each.delivered for each in look(now + 2 * MINUTE).sent] == [True]
    assert look(now + 3 * MINUTE).sent == ()
    assert len(hook.taken) == 1


def test_an_address_that_is_not_there_is_told_once(
    look: Callable[..., Alerted], root: Path, now: datetime
) -> None:
    (root / ".env").write_text("")
    told = look(now)
    assert (len(told.sent), told.problem) == (1, "")
    assert sum("TEAM_HOOK" in line for line in said_of(told)) == 1
    # Without an alert to send, it is told as well: the next one would reach nobody.
    book = alert_book(loaded(root), root)
    book.acknowledge(book.active()[0].id, by="ada", now=now)
    quiet = look(now + MINUTE)
    assert quiet.sent == ()
    assert sum("TEAM_HOOK" in line for line in said_of(quiet)) == 1


def test_an_alert_that_is_opened_again_is_said_and_kept_so(
    look: Callable[..., Alerted], root: Path, now: datetime
) -> None:
    (alert,) = look(now).update.raised
    book = alert_book(loaded(root), root)
    book.resolve(alert.id, by="ada", now=now + MINUTE)
    told = look(now + 2 * MINUTE)
    assert told.to_dict()["reopened"] == [alert.id]
    assert said_of(told) == [f"alert {alert.id} opened again: critical errors"]


class Waits(threading.Event):
    """Does not wait: it notes for how long it was asked to, and ends a watch."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.looks = looks
        self.asked: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.asked.append(timeout or 0.0)
        if len(self.asked) == self.looks:
            self.set()
        return self.is_set()


def test_a_watch_keeps_to_a_pause_that_changes_meanwhile(root: Path) -> None:
    params = root / "params" / "toy.yaml"
    params.write_text(TOY + "monitor: {every_minutes: 100}\n")
    stop = Waits(looks=2)

    def say(line: str) -> None:
        params.write_text(TOY + "monitor: {every_minutes: 7}\n")

    # A run that is under way keeps a page from being written.
    with runs.hold("toy", root):
        pipeline.keep_watching("toy", root=root, say=say, stop=stop)
    first, second = stop.asked
    assert 5000 < first <= 6000
    assert 300 < second <= 420


def test_a_watch_whose_page_cannot_be_written_tells_people_once(
    root: Path, hook: Hook
) -> None:
    (root / "params" / "toy.yaml").write_text(TOY + "notify: {urls: [TEAM_HOOK]}\n")
    (root / "reports").write_text("a file in place of the folder")
    said: list[str] = []
    pipeline.keep_watching("toy", root=root, say=said.append, stop=Waits(looks=2))
    assert any(line.startswith("the page could not be written") for line in said)
    assert sum("raised: critical errors" in line for line in said) == 1
    assert len(hook.taken) == 1
    assert active(root)[0].times_seen == 2


@pytest.mark.parametrize("name", ["data/toy.txt", "data/.prom", "toy.prom.gz", ""])
def test_a_textfile_that_prometheus_would_not_read_is_refused(
    root: Path, name: str
) -> None:
    with pytest.raises(ParamsError, match=r"monitor\.textfile must be text that ends"):
        loaded(root, monitor={"textfile": name})
    assert loaded(root, monitor={"textfile": "data/toy.prom"}).monitor.textfile


class TestTheLog:
    def test_old_days_are_put_away_by_a_check(
        self, look: Callable[..., Alerted], root: Path, now: datetime
    ) -> None:
        folder = root / "data" / "predictions" / "toy"
        with PredictionLogger(root / "data" / "predictions") as log:
            for days in (3, 9):
                at = now - timedelta(days=days)
                log.log_error("toy", "1.0.0", "it broke", at=at)
        assert look(now).notes == ()
        names = {path.name for path in folder.glob("predictions_*")}
        assert names == {
            f"predictions_{now:%Y%m%d}.jsonl",
            f"predictions_{now - timedelta(days=3):%Y%m%d}.jsonl.gz",
        }

    def test_a_log_that_cannot_be_put_in_order_is_told_and_no_failure(
        self, look: Callable[..., Alerted], root: Path, now: datetime
    ) -> None:
        with PredictionLogger(root / "data" / "predictions") as log:
            log.log_error("toy", "1.0.0", "it broke", at=now - timedelta(days=3))
        (root / "data" / "predictions" / "toy" / ".tidy.lock").mkdir()
        told = look(now)
        assert told.failure is None
        assert [each.delivered for each in told.sent] == [True]
        assert sum("could not be compressed" in line for line in said_of(told)) == 1

    def test_a_log_that_is_a_file_is_refused_before_a_run(self, root: Path) -> None:
        done = run_mlkit(root, "monitor", "toy", "--set", "monitor.log=data/toy.csv")
        assert done.returncode == 2
        assert "monitor.log must be a folder" in done.stderr
        assert runs.names("toy", root) == []
        with pytest.raises(ParamsError, match=r"monitor\.log must be a folder"):
            open_log(loaded(root, monitor={"log": "data/toy.csv"}), root)

    @pytest.mark.parametrize(("hide", "kept"), [("hash", True), ("drop", False)])
    def test_a_logger_of_a_case_heeds_its_params(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, hide: str, kept: bool
    ) -> None:
        synced: list[int] = []
        real = os.fsync

        def sync(descriptor: int) -> None:
            synced.append(descriptor)
            real(descriptor)

        monkeypatch.setattr(os, "fsync", sync)
        written = TOY.replace("  target:", "  sensitive: [region]\n  target:")
        written += f"monitor: {{log: data/kept, sync: each, hide: {hide}}}\n"
        (root / "params" / "toy.yaml").write_text(written)
        with pipeline.open_log("toy") as log:
            # The first one makes files, which are synced in any case.
            log.log_prediction("toy", "1.0.0", {"age": 40}, "no", id="first")
            synced.clear()
            log.log_prediction("toy", "1.0.0", {"age": 41, "region": "north"}, "yes")
            assert synced
            found, _ = log.get_recent_predictions()
        assert found["features"]["age"] == 41
        assert ("region" in found["features"]) is kept
        assert found["features"].get("region") != "north"
        (file,) = (root / "data" / "kept" / "toy").glob("predictions_*.jsonl")
        assert "north" not in file.read_text()
