"""One alert for each cause: when it is told, how it ends, and what is kept of it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mlkit.alerts import ITSELF, SEVERITIES, Alert, AlertBook, Finding, Sent, Update
from mlkit.monitor import DriftDetector

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
COOLDOWN = 60
CAUSES = ("drift", "quality.age", "quality.income")


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def found(cause: str = "drift", severity: Any = "warning") -> Finding:
    return Finding(cause, severity, f"{cause} is off.", {"share": 0.4}, "1.2.0")


@pytest.fixture
def book(tmp_path: Path) -> AlertBook:
    return AlertBook(tmp_path / "churn", "churn", cooldown_minutes=COOLDOWN)


@contextmanager
def a_book() -> Iterator[AlertBook]:
    with tempfile.TemporaryDirectory() as folder:
        yield AlertBook(folder, "churn", cooldown_minutes=COOLDOWN)


@pytest.fixture
def told(book: AlertBook) -> Callable[..., str]:
    """Return a function that checks once and says what was told: raised, repeated."""

    def check(minutes: float, *findings: Finding) -> str:
        update = book.update(findings, now=at(minutes))
        return " ".join(
            ["raised"] * len(update.raised)
            + ["repeated"] * len(update.repeated)
            + ["resolved"] * len(update.resolved)
        )

    return check


def test_a_cause_is_raised_once_and_told_again_after_the_cooldown(
    told: Callable[..., str], book: AlertBook
) -> None:
    assert told(0, found()) == "raised"
    assert [told(minute, found()) for minute in (5, 30, 59)] == ["", "", ""]
    assert told(60, found()) == "repeated"
    assert told(119, found()) == ""
    (alert,) = book.active()
    assert (alert.times_seen, alert.raised_at) == (6, at(0))
    assert (alert.last_seen_at, alert.told_at) == (at(119), at(60))
    assert (alert.model, alert.version, alert.status) == ("churn", "1.2.0", "active")


def test_each_cause_has_an_alert_of_its_own(book: AlertBook) -> None:
    update = book.update(map(found, CAUSES), now=at(0))
    assert [alert.cause for alert in update.raised] == [*CAUSES]
    assert len({alert.id for alert in update.raised}) == 3


def test_of_two_findings_with_one_cause_the_worse_counts(book: AlertBook) -> None:
    findings = [
        found(severity=severity) for severity in ("info", "critical", "warning")
    ]
    (alert,) = book.update(findings, now=at(0)).raised
    assert alert.severity == "critical"
    assert alert.times_seen == 1


def test_a_severity_that_rises_is_told_at_once_and_one_that_falls_is_not(
    told: Callable[..., str],
) -> None:
    assert told(0, found(severity="info")) == "raised"
    assert told(1, found(severity="warning")) == "repeated"
    assert told(2, found(severity="critical")) == "repeated"
    assert told(3, found(severity="info")) == ""
    # It was told as critical a minute ago.
    assert told(4, found(severity="critical")) == ""
    assert told(62, found(severity="info")) == "repeated"
    assert told(63, found(severity="critical")) == "repeated"


def test_an_acknowledged_alert_is_silent_until_it_gets_worse(
    told: Callable[..., str], book: AlertBook
) -> None:
    told(0, found())
    (alert,) = book.active()
    alert = book.acknowledge(alert.id, by=" ada ", now=at(1))
    assert (alert.acknowledged_at, alert.acknowledged_by) == (at(1), "ada")
    assert alert.status == "acknowledged"
    assert [told(minute, found()) for minute in (60, 600, 6000)] == ["", "", ""]
    assert told(6001, found(severity="critical")) == "repeated"
    assert book.active()[0].acknowledged_at is None
    assert told(6061, found(severity="critical")) == "repeated"


def test_an_acknowledged_alert_that_is_away_for_a_moment_stays_acknowledged(
    told: Callable[..., str], book: AlertBook
) -> None:
    told(0, found())
    id = book.active()[0].id
    book.acknowledge(id, by="ada", now=at(1))
    assert told(300) == "resolved"
    assert told(305, found()) == ""
    assert (book.active()[0].id, book.active()[0].status) == (id, "acknowledged")
    assert told(310) == "resolved"
    assert told(370, found()) == "raised"
    assert book.active()[0].id != id


def test_a_cause_that_comes_back_within_the_cooldown_opens_its_alert_again(
    told: Callable[..., str], book: AlertBook
) -> None:
    told(0, found())
    id = book.active()[0].id
    assert told(10) == "resolved"
    assert book.active() == ()
    assert told(20, found()) == ""
    (alert,) = book.active()
    assert (alert.id, alert.resolved_at, alert.resolved_by) == (id, None, None)
    assert told(60, found()) == "repeated"


def test_a_cause_that_flickers_is_told_once_a_cooldown(
    told: Callable[..., str],
) -> None:
    said = [told(m, *([found()] if m % 10 else [])) for m in range(5, 605, 5)]
    assert sum("r" in word and word != "resolved" for word in said) == 10


def test_what_a_person_resolves_is_told_again_only_if_it_holds_after_the_cooldown(
    told: Callable[..., str], book: AlertBook
) -> None:
    told(0, found())
    id = book.active()[0].id
    book.acknowledge(id, by="ada", now=at(10))
    alert = book.resolve(id, by="ada", now=at(100), note="new data")
    assert (alert.resolved_by, alert.note, alert.status) == (
        "ada",
        "new data",
        "resolved",
    )
    assert told(105, found()) == ""
    (alert,) = book.active()
    assert (alert.id, alert.acknowledged_at, alert.note) == (id, None, "")
    assert told(159, found()) == ""
    assert told(160, found()) == "repeated"


def test_an_alert_that_reached_nobody_is_told_by_the_next_check(
    told: Callable[..., str], book: AlertBook
) -> None:
    told(0, found())
    id = book.active()[0].id
    book.record_sent(
        [Sent("A", (id,), False, 4), Sent("B", (id,), False, 4)], now=at(1)
    )
    assert told(5, found()) == "repeated"
    book.record_sent([Sent("A", (id,), False, 4), Sent("B", (id,), True, 1)], now=at(6))
    assert told(10, found()) == ""
    assert book.active()[0].sent_at == at(6)
    book.record_sent([], now=at(11))
    book.record_sent([Sent("A", ("ffffffff",), True, 1)], now=at(11))
    assert book.garbage == 0


def test_only_causes_that_were_looked_for_are_resolved(book: AlertBook) -> None:
    book.update(map(found, CAUSES), now=at(0))
    assert book.update([], now=at(1), causes_checked=()).resolved == ()
    assert book.update([], now=at(1), causes_checked=("quality",)).resolved == ()
    (alert,) = book.update([], now=at(2), causes_checked=("drift",)).resolved
    assert (alert.cause, alert.resolved_at, alert.resolved_by) == (
        "drift",
        at(2),
        ITSELF,
    )
    update = book.update([], now=at(3), causes_checked=("quality.",))
    assert [alert.cause for alert in update.resolved] == [
        "quality.age",
        "quality.income",
    ]


def test_a_clock_that_was_far_ahead_and_is_set_right_silences_nothing(
    told: Callable[..., str],
) -> None:
    year = 365 * 24 * 60
    assert told(year, found()) == "raised"
    assert told(0, found()) == ""
    assert told(59, found()) == ""
    assert told(60, found()) == "repeated"
    # Nor is a resolved one silent until that year has gone by.
    assert told(year, found()) == "repeated"
    assert told(year + 1) == "resolved"
    assert told(100, found()) == ""
    assert told(160, found()) == "repeated"


def test_without_a_cooldown_every_check_tells(tmp_path: Path) -> None:
    book = AlertBook(tmp_path, "churn", cooldown_minutes=0)
    assert len(book.update([found()], now=at(0)).raised) == 1
    assert len(book.update([found()], now=at(0)).repeated) == 1
    book.update([], now=at(1))
    assert len(book.update([found()], now=at(1)).raised) == 1


def test_the_worst_is_told_and_shown_first(book: AlertBook) -> None:
    book.update([found("volume", "info")], now=at(0))
    findings = [
        found("volume", "warning"),
        found("labels", "warning"),
        found("drift", "critical"),
    ]
    update = book.update(findings, now=at(1))
    assert [alert.cause for alert in update.told] == ["drift", "labels", "volume"]
    assert [alert.cause for alert in book.active()] == ["drift", "volume", "labels"]


def test_history_has_what_is_over_and_pruning_removes_it(book: AlertBook) -> None:
    day = 24 * 60
    book.update([found("drift")], now=at(0))
    book.update([found("latency")], now=at(day))
    book.update([found("latency"), found("errors")], now=at(2 * day))
    book.update([found("latency")], now=at(3 * day))
    causes = [alert.cause for alert in book.history()]
    assert causes == ["errors", "latency", "drift"]
    since = book.history(at(2.5 * day))
    assert [alert.cause for alert in since] == ["errors", "latency"]
    assert book.prune(now=at(3 * day), keep_days=2) == ()
    (gone,) = book.prune(now=at(3 * day + 1), keep_days=2)
    assert gone.cause == "drift"
    assert [alert.cause for alert in book.history()] == ["errors", "latency"]
    assert [alert.cause for alert in book.active()] == ["latency"]


def test_pruning_keeps_what_a_cooldown_needs(tmp_path: Path) -> None:
    book = AlertBook(tmp_path, "churn", cooldown_minutes=3 * 24 * 60)
    book.update([found()], now=at(0))
    book.update([], now=at(1))
    assert book.prune(now=at(2 * 24 * 60), keep_days=1) == ()
    assert book.update([found()], now=at(2 * 24 * 60)).told == ()


def test_pruning_shortens_the_file_and_changes_nothing(book: AlertBook) -> None:
    for minute in range(2):
        book.update([found()], now=at(minute))
    raised, seen = book.path.read_text().splitlines(keepends=True)
    book.path.write_text(raised + 600 * seen)
    before, size = book.history(), book.path.stat().st_size
    assert book.prune(now=at(600), keep_days=30) == ()
    assert book.history() == before
    assert book.path.stat().st_size < size / 50
    assert len(book.update([found()], now=at(60)).repeated) == 1


def test_an_alert_survives_json(book: AlertBook) -> None:
    book.update([found()], now=at(0))
    alert = book.acknowledge(book.active()[0].id, by="ada", now=at(1))
    stored = json.loads(json.dumps(alert.to_dict()))
    assert stored["status"] == "acknowledged"
    assert Alert.from_dict(stored | {"of_a_later_version": 1}) == alert
    update = book.update([], now=at(2))
    assert json.loads(json.dumps(update.to_dict()))["resolved"][0]["id"] == alert.id


def test_evidence_is_kept_as_plain_data(book: AlertBook) -> None:
    evidence: dict[Any, Any] = {
        "p": np.float64(0.25), "n": np.int64(7), "auc": float("nan"), "yes": np.True_,
        "columns": ("a", "b"), "counts": np.array([1, 2]), "when": at(0),
        3: {"x": None}, "what": Path("x"), "half": "\ud800",
    }  # fmt: skip
    book.update([Finding("drift", "info", "half \ud800", evidence)], now=at(0))
    (alert,) = book.active()
    assert alert.evidence == {
        "p": 0.25, "n": 7, "auc": None, "yes": True, "columns": ["a", "b"],
        "counts": [1, 2], "when": "2026-11-20T09:00:00+00:00", "3": {"x": None},
        "what": "x", "half": "?",
    }  # fmt: skip
    assert alert.message == "half ?"


def test_moments_of_any_zone_are_kept_in_utc(book: AlertBook) -> None:
    east = timezone(timedelta(hours=2))
    book.update([found()], now=datetime(2026, 11, 20, 11, tzinfo=east))
    assert book.active()[0].raised_at.isoformat() == "2026-11-20T09:00:00+00:00"


def test_what_is_wrong_is_refused_with_the_rule(
    book: AlertBook, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="one of info, warning, critical, got 'bad'"):
        found(severity="bad")
    with pytest.raises(ValueError, match=r"cause must say what it is about, got ' '"):
        found(" ")
    with pytest.raises(ValueError, match="now must have a time zone"):
        book.update([found()], now=datetime(2026, 11, 20))
    with pytest.raises(ValueError, match="at least 0, got -1"):
        AlertBook(tmp_path, "churn", cooldown_minutes=-1)
    with pytest.raises(ValueError, match="got nan"):
        AlertBook(tmp_path, "churn", cooldown_minutes=float("nan"))
    with pytest.raises(ValueError, match="no alert 'x'; none is active"):
        book.acknowledge("x", by="ada", now=at(0))
    book.update([found()], now=at(0))
    id = book.active()[0].id
    with pytest.raises(ValueError, match=f"no alert 'x'; active are {id}"):
        book.resolve("x", by="ada", now=at(0))
    with pytest.raises(ValueError, match="by must say who it is"):
        book.resolve(id, by=" ", now=at(0))
    book.resolve(id, by="ada", now=at(1))
    with pytest.raises(ValueError, match=f"{id} .drift. was resolved by ada"):
        book.acknowledge(id, by="bob", now=at(2))


def test_doing_it_twice_changes_nothing(book: AlertBook) -> None:
    book.update([found()], now=at(0))
    id = book.active()[0].id
    first = book.acknowledge(id, by="ada", now=at(1))
    assert book.acknowledge(id, by="bob", now=at(2)) == first
    first = book.resolve(id, by="ada", now=at(3))
    assert book.resolve(id, by="bob", now=at(4)) == first


severities = st.sampled_from(SEVERITIES)
# Clocks go on, stand still, jump back and ahead.
steps = st.one_of(st.integers(0, 40), st.sampled_from([-1000, -61, -30, 59, 60, 61]))
sequences = st.lists(st.tuples(steps, st.none() | severities), min_size=1, max_size=25)


@settings(max_examples=50)
@given(sequences)
def test_an_alert_is_told_once_a_cooldown_at_most_unless_it_gets_worse(
    sequence: list[tuple[int, Any]],
) -> None:
    with a_book() as book:
        minutes, gone_by, last = 0, 0, None
        for step, severity in sequence:
            # Time that certainly went by: no clock tells of more when it jumps back.
            minutes, gone_by = minutes + step, gone_by + max(step, 0)
            findings = [] if severity is None else [found(severity=severity)]
            told = book.update(findings, now=at(minutes)).told
            assert len(told) <= len(findings)
            if told:
                if last is not None and gone_by - last[0] < COOLDOWN:
                    assert SEVERITIES.index(severity) > SEVERITIES.index(last[1])
                last = (gone_by, severity)


def drawn(seed: int, n: int, shift: float, columns: int) -> pd.DataFrame:
    """Return rows of which the first columns lie `shift` deviations higher."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"c{i}": rng.normal(size=n) for i in range(6)})
    frame.iloc[:, :columns] += shift
    return frame


checks = st.lists(
    st.tuples(st.integers(0, 59), st.booleans(), st.integers(0, 2**32 - 1)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15)
@given(
    checks=checks,
    method=st.sampled_from(["auto", "ks", "psi", "hellinger"]),
    n=st.integers(100, 300),
    shift=st.floats(1.5, 5),
    columns=st.integers(2, 6),
)
def test_drift_beyond_the_threshold_raises_one_alert_and_no_drift_raises_none(
    checks: list[tuple[int, bool, int]],
    method: str,
    n: int,
    shift: float,
    columns: int,
) -> None:
    """Two of six columns are a third, and 0.30 make drift of the data."""
    with a_book() as book, tempfile.TemporaryDirectory() as folder:
        detector = DriftDetector(folder, method=method)
        detector.set_baseline(drawn(0, 500, 0, 0))
        minutes, raised, drifted = 0, 0, False
        for step, moved, seed in checks:
            minutes += step
            rows = drawn(seed, n, shift, columns if moved else 0)
            detected = detector.detect_drift(rows, "churn", "1.2.0")
            assert detected.drifted == moved, detected.reason
            if moved and method != "auto":
                assert detected.score >= detector.params.drift_share
            evidence = {"score": detected.score}
            finding = Finding("drift", "warning", detected.reason, evidence)
            findings = [finding] if detected.drifted else []
            update = book.update(findings, now=at(minutes))
            assert bool(book.active()) == moved
            if moved and not drifted:
                assert len(update.raised) == 1
            drifted = drifted or moved
            raised += len(update.raised)
        # Within an hour after its end, the same alert is opened again.
        assert (raised > 0) == drifted
        assert len(book.history()) == raised


@settings(max_examples=12)
@given(st.integers(1, 600))
def test_a_cause_that_holds_is_told_every_cooldown(minutes: int) -> None:
    with a_book() as book:
        told = [book.update([found()], now=at(m)).told for m in range(0, minutes, 20)]
    assert sum(map(len, told)) == 1 + (len(told) - 1) // 3


@dataclass
class Known:
    """All that the rules need of one cause."""

    severity: int
    told: int
    told_at: float
    told_severity: int
    over_at: float | None = None
    by_hand: bool = False
    acknowledged: int | None = None
    reached: bool = True


class Alerts(RuleBasedStateMachine):
    """Any order of checks, hands and accidents, against the rules in plain words."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.minute = 0.0
        self.known: dict[str, Known] = {}
        self.ids: dict[str, str] = {}

    def teardown(self) -> None:
        self.folder.cleanup()

    @property
    def book(self) -> AlertBook:
        return AlertBook(self.folder.name, "churn", cooldown_minutes=COOLDOWN)

    def touch(self, cause: str) -> Known:
        known = self.known[cause]
        known.told_at = min(known.told_at, self.minute)
        return known

    @rule(step=steps)
    def wait(self, step: int) -> None:
        self.minute += step

    @rule(
        found_=st.dictionaries(st.sampled_from(CAUSES), severities),
        checked=st.none() | st.sets(st.sampled_from([*CAUSES, "quality."])),
    )
    def check(self, found_: dict[str, Any], checked: set[str] | None) -> None:
        findings = [found(cause, severity) for cause, severity in found_.items()]
        update = self.book.update(findings, now=at(self.minute), causes_checked=checked)
        expected: dict[str, set[str]] = {"raised": set(), "repeated": set()}
        for finding in findings:
            if word := self.see(finding.cause, SEVERITIES.index(finding.severity)):
                expected[word].add(finding.cause)
        over = {cause for cause in self.known if self.ends(cause, found_, checked)}
        self.compare(update, {**expected, "resolved": over})

    def see(self, cause: str, severity: int) -> str:
        known = self.known.get(cause)
        over_at = known.over_at if known else None
        if known is None or (over_at is not None and self.minute - over_at >= COOLDOWN):
            self.known[cause] = Known(severity, 1, self.minute, severity)
            return "raised"
        if known.by_hand and over_at is not None:
            known.acknowledged = None
        if known.acknowledged is not None and severity > known.acknowledged:
            known.acknowledged = None
        known.over_at, known.by_hand, known.severity = None, False, severity
        due = self.minute - known.told_at >= COOLDOWN or not known.reached
        if severity > known.told_severity or (known.acknowledged is None and due):
            known.told_at, known.told_severity = self.minute, severity
            known.reached = True
            return "repeated"
        self.touch(cause)
        return ""

    def ends(self, cause: str, found_: Any, checked: set[str] | None) -> bool:
        looked = checked is None or cause in checked
        looked = looked or ("quality." in (checked or ()) and cause[0] == "q")
        if cause in found_ or not looked or self.known[cause].over_at is not None:
            return False
        self.touch(cause).over_at = self.minute
        return True

    def compare(self, update: Update, expected: dict[str, set[str]]) -> None:
        for name, causes in expected.items():
            alerts = getattr(update, name)
            assert {alert.cause for alert in alerts} == causes, name
            assert len(alerts) == len(causes)
        for alert in update.raised:
            assert self.ids.get(alert.cause) != alert.id
            self.ids[alert.cause] = alert.id

    def open(self) -> list[str]:
        return [cause for cause, known in self.known.items() if known.over_at is None]

    @precondition(lambda self: self.open())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        cause = data.draw(st.sampled_from(self.open()))
        known = self.known[cause]
        self.book.acknowledge(self.ids[cause], by="ada", now=at(self.minute))
        if known.acknowledged is None:
            self.touch(cause).acknowledged = known.severity

    @precondition(lambda self: self.open())
    @rule(data=st.data())
    def resolve(self, data: st.DataObject) -> None:
        cause = data.draw(st.sampled_from(self.open()))
        self.book.resolve(self.ids[cause], by="ada", now=at(self.minute))
        known = self.known[cause]
        known.over_at, known.by_hand = self.minute, True
        known.told_at, known.reached = self.minute, True

    @precondition(lambda self: self.known)
    @rule(data=st.data(), reached=st.booleans())
    def send(self, data: st.DataObject, reached: bool) -> None:
        cause = data.draw(st.sampled_from([*self.known]))
        sent = [Sent("A", (self.ids[cause],), reached, 1)]
        self.book.record_sent(sent, now=at(self.minute))
        self.touch(cause).reached = reached

    @rule()
    def tear(self) -> None:
        with open(self.book.path, "ab") as file:
            file.write(b'{"event":"resolved","at":"2026-11-20T09:0')

    @rule()
    def prune(self) -> None:
        gone = self.book.prune(now=at(self.minute), keep_days=0)
        causes = {
            cause
            for cause, known in self.known.items()
            if known.over_at is not None and self.minute - known.over_at > COOLDOWN
        }
        assert causes <= {alert.cause for alert in gone}
        for cause in causes:
            del self.known[cause]

    @invariant()
    def agrees(self) -> None:
        alerts = {alert.cause: alert for alert in self.book.active()}
        assert sorted(alerts) == sorted(self.open())
        for cause, alert in alerts.items():
            known = self.known[cause]
            assert alert.id == self.ids[cause]
            assert SEVERITIES.index(alert.severity) == known.severity
            assert (alert.acknowledged_at is None) == (known.acknowledged is None)


TestAlerts = Alerts.TestCase
TestAlerts.settings = settings(max_examples=40, stateful_step_count=25)
