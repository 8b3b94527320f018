"""What happened to alerts, and how alerts stand once all of it has happened.

An event is a plain dict: its kind, its moment, and what it is about. Whether a finding
is told is decided once, when it is written down, and stands in the event; so the state
follows from the events alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from mlkit.alerts.records import ITSELF, Alert, Finding, rank, utc

Event = Mapping[str, Any]
EMPTY: Final[Mapping[str, Alert]] = MappingProxyType({})


def raised(alert: Alert) -> Event:
    """Return the event of a new alert, or of one that is kept as it stands."""
    return {"event": "alert", "alert": alert.to_dict()}


def seen(alert: Alert, finding: Finding, now: datetime, *, told: bool) -> Event:
    """Return the event of a cause that was found again; only what changed is said."""
    new = finding.to_dict()
    del new["cause"]
    changed = {key: value for key, value in new.items() if value != getattr(alert, key)}
    return _of("seen", alert, now) | changed | {"told": told}


def resolved(alert: Alert, now: datetime, *, by: str = ITSELF, note: str = "") -> Event:
    """Return the event of an alert that ended."""
    return _of("resolved", alert, now) | {"by": by, "note": note}


def acknowledged(alert: Alert, now: datetime, *, by: str) -> Event:
    """Return the event of an alert that a person took note of."""
    return _of("acknowledged", alert, now) | {"by": by}


def sent(alert: Alert, now: datetime, *, reached: bool) -> Event:
    """Return the event of an alert that was sent, and whether it reached anybody."""
    return _of("sent", alert, now) | {"reached": reached}


def _of(kind: str, alert: Alert, now: datetime) -> dict[str, Any]:
    return {"event": kind, "at": now.isoformat(), "id": alert.id}


def is_new(alert: Alert | None, now: datetime, cooldown: timedelta) -> bool:
    """Return whether a cause that is found raises an alert of its own.

    Within the cooldown after its end an alert is opened again instead. A clock that was
    set back counts as no time gone by.
    """
    if alert is None:
        return True
    return alert.resolved_at is not None and now - alert.resolved_at >= cooldown


def is_told(alert: Alert, finding: Finding, now: datetime, cooldown: timedelta) -> bool:
    """Return whether a known alert is given out to be sent again.

    It is when it got worse than it was told. Else nobody must have acknowledged it as
    bad as it is, and either the cooldown is over or the last message reached nobody.
    """
    severity = rank(finding.severity)
    if alert.told_at is None or alert.told_severity is None:
        return True
    if severity > rank(alert.told_severity):
        return True
    if _standing(alert, finding.severity)["acknowledged_at"] is not None:
        return False
    return alert.undelivered or now - alert.told_at >= cooldown


def fold(
    events: Iterable[Event], start: Mapping[str, Alert] = EMPTY
) -> tuple[dict[str, Alert], int]:
    """Return the alerts by id, oldest first, and how many events made no sense.

    Events of alerts that are not there (the line that raised one is damaged) are among
    the latter. `start` holds the alerts as they were before.
    """
    alerts = dict(start)
    odd = 0
    for event in events:
        try:
            alert = _checked(_after(alerts, event))
        except (KeyError, TypeError, ValueError, AttributeError):
            odd += 1
        else:
            alerts[alert.id] = alert
    return alerts, odd


def _checked(alert: Alert) -> Alert:
    """Return an alert whose fields are of their kinds; a file may hold anything."""
    rank(alert.severity)
    texts = (alert.id, alert.model, alert.cause, alert.message, alert.version or "")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is none")
    if not isinstance(alert.evidence, Mapping) or not isinstance(alert.times_seen, int):
        raise TypeError("evidence or times_seen is of another kind")
    return alert


def _after(alerts: Mapping[str, Alert], event: Event) -> Alert:
    if event["event"] == "alert":
        return Alert.from_dict(event["alert"])
    alert, at = alerts[event["id"]], utc(datetime.fromisoformat(event["at"]), "at")
    if alert.told_at is not None and at < alert.told_at:
        # The clock was set back: from here on, time counts anew.
        alert = replace(alert, told_at=at)
    return APPLY[event["event"]](alert, event, at)


def _after_seen(alert: Alert, event: Event, at: datetime) -> Alert:
    new = {
        key: event.get(key, getattr(alert, key))
        for key in ("severity", "message", "evidence", "version")
    }
    new |= _standing(alert, new["severity"])
    if event["told"]:
        new |= {"told_at": at, "told_severity": new["severity"], "undelivered": False}
        new["unsent"] = True
    return replace(
        alert,
        **new,
        last_seen_at=at,
        times_seen=alert.times_seen + 1,
        resolved_at=None,
        resolved_by=None,
        note="",
    )


def _standing(alert: Alert, severity: Any) -> dict[str, Any]:
    """Return the acknowledgement that still holds for a cause that is found again.

    It ends when the cause gets worse, and when a person declared it solved.
    """
    names = ("acknowledged_at", "acknowledged_by", "acknowledged_severity")
    by_hand = alert.resolved_at is not None and alert.resolved_by != ITSELF
    worse = alert.acknowledged_severity is not None and rank(severity) > rank(
        alert.acknowledged_severity
    )
    if by_hand or worse:
        return dict.fromkeys(names)
    return {name: getattr(alert, name) for name in names}


def _after_resolved(alert: Alert, event: Event, at: datetime) -> Alert:
    by = str(event["by"])
    ended = replace(
        alert, resolved_at=at, resolved_by=by, note=str(event.get("note", ""))
    )
    if by == ITSELF:
        return ended
    # The person who resolves it knows of it: that is as good as a message.
    return replace(ended, told_at=at, undelivered=False, unsent=False)


def _after_acknowledged(alert: Alert, event: Event, at: datetime) -> Alert:
    return replace(
        alert,
        acknowledged_at=at,
        acknowledged_by=str(event["by"]),
        acknowledged_severity=alert.severity,
    )


def _after_sent(alert: Alert, event: Event, at: datetime) -> Alert:
    if event["reached"]:
        return replace(alert, sent_at=at, undelivered=False, unsent=False)
    return replace(alert, undelivered=True, unsent=False)


APPLY: Final[Mapping[str, Callable[[Alert, Event, datetime], Alert]]] = {
    "seen": _after_seen,
    "resolved": _after_resolved,
    "acknowledged": _after_acknowledged,
    "sent": _after_sent,
}
