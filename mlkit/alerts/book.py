"""A model's alerts: one for each cause, kept in a file of events."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path

from mlkit.alerts import events
from mlkit.alerts.journal import Journal
from mlkit.alerts.records import Alert, Finding, Update, rank, utc
from mlkit.alerts.sent import Sent

FILE = "alerts.jsonl"
SPARE_EVENTS = 500


@dataclass(frozen=True)
class Book:
    """The alerts as the file has them at one moment."""

    alerts: Mapping[str, Alert]
    n_events: int
    garbage: int

    def by_cause(self) -> dict[str, Alert]:
        """Return the newest alert of each cause."""
        return {alert.cause: alert for alert in self.alerts.values()}


class AlertBook:
    """A model's alerts, in ``alerts.jsonl`` of its folder.

    Processes may use one book at once: each change reads the file anew under a lock, so
    that a cause is raised by exactly one of them.

    Parameters
    ----------
    folder : str or path
        The model's own folder, such as ``data/monitor/<model>``; it need not exist.
    model : str
        Name of the model.
    cooldown_minutes : float
        The same cause is told again no sooner than this, unless it gets worse.

    Raises
    ------
    ValueError
        When the cooldown is negative or not a number.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        model: str,
        *,
        cooldown_minutes: float = 60,
    ) -> None:
        if not 0 <= cooldown_minutes < float("inf"):
            raise ValueError(
                "cooldown_minutes must be a number of at least 0, got "
                f"{cooldown_minutes!r}; 60 is the default"
            )
        self.model = model
        self.cooldown = timedelta(minutes=cooldown_minutes)
        self._journal = Journal(Path(folder) / FILE)

    @property
    def path(self) -> Path:
        """The file of events."""
        return self._journal.path

    @property
    def garbage(self) -> int:
        """How many lines of the file are damaged; they are passed over."""
        return self._read().garbage

    def update(
        self,
        findings: Iterable[Finding],
        *,
        now: datetime,
        causes_checked: Collection[str] | None = None,
    ) -> Update:
        """Write down what a check found.

        Parameters
        ----------
        findings : iterable of Finding
            What holds now. Of several with one cause, the worst counts.
        now : datetime
            With a time zone.
        causes_checked : collection of str, optional
            What was looked for: alerts of these causes are resolved where they were not
            found. One that ends in a dot stands for all that begin with it: `quality.`
            for `quality.age`. None stands for all.

        Returns
        -------
        Update
            What is new, what is to be told again, and what is over.

        Raises
        ------
        OSError
            When the file cannot be written or stays locked; what was told before is
            kept.
        """
        now = utc(now)
        with self._journal.locked():
            book = self._read()
            changes = self._changes(book, findings, now, causes_checked)
            self._journal.append(chain.from_iterable(changes))
        return _update(book.alerts, *changes)

    def would_update(
        self,
        findings: Iterable[Finding],
        *,
        now: datetime,
        causes_checked: Collection[str] | None = None,
    ) -> Update:
        """Return what :meth:`update` would, and write nothing.

        It is for those who must tell people although the file cannot be written; one
        that cannot be read either counts as empty. As nothing is kept, the next check
        tells of the same alerts anew.
        """
        now = utc(now)
        try:
            book = self._read()
        except OSError:
            book = Book({}, 0, 0)
        changes = self._changes(book, findings, now, causes_checked)
        return _update(book.alerts, *changes)

    def _changes(
        self,
        book: Book,
        findings: Iterable[Finding],
        now: datetime,
        checked: Collection[str] | None,
    ) -> tuple[list[events.Event], list[events.Event], list[events.Event]]:
        """Return the events of what is new, of what was found again, and of ends."""
        worst, known = _worst(findings), book.by_cause()
        fresh, again = [], []
        for cause, finding in worst.items():
            alert = known.get(cause)
            if alert is None or events.is_new(alert, now, self.cooldown):
                fresh.append(self._raised(finding, book, now))
            else:
                again.append(self._seen(alert, finding, now))
        over = [
            events.resolved(alert, now)
            for alert in known.values()
            if alert.active and _gone(alert.cause, worst, checked)
        ]
        return fresh, again, over

    def acknowledge(self, id: str, *, by: str, now: datetime) -> Alert:
        """Take note of an alert: it is not told again until it gets worse or is over.

        An alert that was acknowledged before stays as it is.

        Raises
        ------
        ValueError
            When there is no such alert, it is resolved, or `by` is empty.
        """
        now, by = utc(now), _person(by)
        with self._journal.locked():
            alert = self._find(id)
            if not alert.active:
                raise ValueError(
                    f"only an active alert can be acknowledged; {id} ({alert.cause}) "
                    f"was resolved by {alert.resolved_by}"
                )
            if alert.acknowledged_at is None:
                self._journal.append([events.acknowledged(alert, now, by=by)])
            return self._find(id)

    def resolve(self, id: str, *, by: str, now: datetime, note: str = "") -> Alert:
        """Declare an alert over by hand.

        Should its cause still hold, it is opened again by the next check, and told
        after the cooldown. An alert that is over stays as it is.

        Raises
        ------
        ValueError
            When there is no such alert, or `by` is empty.
        """
        now, by = utc(now), _person(by)
        with self._journal.locked():
            alert = self._find(id)
            if alert.active:
                self._journal.append([events.resolved(alert, now, by=by, note=note)])
            return self._find(id)

    def record_sent(self, sent: Iterable[Sent], *, now: datetime) -> None:
        """Write down what became of messages.

        An alert that reached none of its addresses is told again by the next update
        that finds its cause; the cooldown is for people who were told.
        """
        now = utc(now)
        reached: dict[str, bool] = {}
        for one in sent:
            for id in one.alerts:
                reached[id] = reached.get(id, False) or one.delivered
        if not reached:
            return
        with self._journal.locked():
            alerts = self._read().alerts
            self._journal.append(
                events.sent(alerts[id], now, reached=any_)
                for id, any_ in reached.items()
                if id in alerts
            )

    def active(self) -> tuple[Alert, ...]:
        """Return the alerts that are not over, the worst first, then the oldest."""
        alerts = [alert for alert in self._read().alerts.values() if alert.active]
        return tuple(sorted(alerts, key=lambda a: (-rank(a.severity), a.raised_at)))

    def unsent(self) -> tuple[Alert, ...]:
        """Return the active alerts that people do not know of, the worst first.

        They were given out to be sent and never were: nobody was named to be told, or
        the one who was to send them did not come to it. Those that somebody has taken
        note of are not among them.
        """
        return tuple(a for a in self.active() if a.unsent and a.acknowledged_at is None)

    def history(self, since: datetime | None = None) -> tuple[Alert, ...]:
        """Return all alerts, the newest first.

        Parameters
        ----------
        since : datetime, optional
            Leaves out those that were over by then.
        """
        start = None if since is None else utc(since, "since")
        alerts = reversed(tuple(self._read().alerts.values()))
        return tuple(
            alert
            for alert in alerts
            if start is None or alert.resolved_at is None or alert.resolved_at >= start
        )

    def prune(self, *, now: datetime, keep_days: float) -> tuple[Alert, ...]:
        """Remove alerts that have been over for long, and shorten the file.

        Parameters
        ----------
        now : datetime
            With a time zone.
        keep_days : float
            How long an alert is kept after its end, at least for the cooldown.

        Returns
        -------
        tuple of Alert
            What was removed.
        """
        now = utc(now)
        age = max(timedelta(days=keep_days), self.cooldown)
        with self._journal.locked():
            book = self._read()
            old = {
                id: alert
                for id, alert in book.alerts.items()
                if alert.resolved_at is not None and now - alert.resolved_at > age
            }
            kept = [alert for id, alert in book.alerts.items() if id not in old]
            if old or book.n_events > len(kept) + SPARE_EVENTS:
                self._journal.rewrite(events.raised(alert) for alert in kept)
        return tuple(old.values())

    def _read(self) -> Book:
        found, garbage = self._journal.read()
        alerts, odd = events.fold(found)
        return Book(alerts, len(found), garbage + odd)

    def _find(self, id: str) -> Alert:
        alerts = self._read().alerts
        if id in alerts:
            return alerts[id]
        there = [alert.id for alert in self.active()]
        active = f"active are {', '.join(there)}" if there else "none is active"
        raise ValueError(f"{self.model} has no alert {id!r}; {active}")

    def _raised(self, finding: Finding, book: Book, now: datetime) -> events.Event:
        id = secrets.token_hex(4)
        while id in book.alerts:
            id = secrets.token_hex(4)
        return events.raised(
            Alert(
                id=id,
                model=self.model,
                **finding.to_dict(),
                raised_at=now,
                last_seen_at=now,
                told_at=now,
                told_severity=finding.severity,
                unsent=True,
            )
        )

    def _seen(self, alert: Alert, finding: Finding, now: datetime) -> events.Event:
        told = events.is_told(alert, finding, now, self.cooldown)
        return events.seen(alert, finding, now, told=told)


def _update(
    before: Mapping[str, Alert],
    fresh: Sequence[events.Event],
    again: Sequence[events.Event],
    over: Sequence[events.Event],
) -> Update:
    after, _ = events.fold([*fresh, *again, *over], before)
    return Update(
        raised=tuple(after[event["alert"]["id"]] for event in fresh),
        repeated=tuple(after[event["id"]] for event in again if event["told"]),
        resolved=tuple(after[event["id"]] for event in over),
        reopened=tuple(
            after[event["id"]] for event in again if not before[event["id"]].active
        ),
    )


def _worst(findings: Iterable[Finding]) -> dict[str, Finding]:
    worst: dict[str, Finding] = {}
    for finding in findings:
        other = worst.get(finding.cause)
        if other is None or rank(finding.severity) > rank(other.severity):
            worst[finding.cause] = finding
    return worst


def _gone(cause: str, found: Collection[str], checked: Collection[str] | None) -> bool:
    if cause in found:
        return False
    if checked is None:
        return True
    return any(
        cause == name or (name.endswith(".") and cause.startswith(name))
        for name in checked
    )


def _person(by: str) -> str:
    if not by.strip():
        raise ValueError(f"by must say who it is, got {by!r}; give a name")
    return by.strip()
