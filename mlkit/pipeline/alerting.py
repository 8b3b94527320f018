"""What follows from a check: alerts, the history, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import alerts
from mlkit.alerts import Alert, AlertBook, Sent, Update
from mlkit.params import Params

FOLDER = Path("data") / "monitor"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Alerted:
    """What a check changed, and who was told.

    Attributes
    ----------
    update : Update
        Alerts that were raised, repeated and resolved.
    sent : tuple of Sent
        What became of each message.
    active : tuple of Alert
        The alerts that hold now.
    problem : str
        Why somebody could not be told; empty where that was not so.
    """

    update: Update
    sent: tuple[Sent, ...]
    active: tuple[Alert, ...]
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what a run's record keeps, plain JSON data."""
        return {
            "alerts": [alert.to_dict() for alert in self.active],
            "raised": [alert.id for alert in self.update.raised],
            "repeated": [alert.id for alert in self.update.repeated],
            "resolved": [alert.id for alert in self.update.resolved],
            "sent": [each.to_dict() for each in self.sent],
            "problem": self.problem,
        }


def alert_book(params: Params, root: Path) -> AlertBook:
    """Return the alerts of a case's model."""
    return AlertBook(
        root / FOLDER / params.model,
        params.model,
        cooldown_minutes=params.monitor.cooldown_minutes,
    )


def tell(
    params: Params, root: Path, update: Update, *, now: datetime, where: str = ""
) -> Alerted:
    """Send what is to be told of alerts; a failure is in the record and raises nothing.

    Parameters
    ----------
    params : Params
        Their section `notify` says who is told.
    root : Path
        The workspace.
    update : Update
        What a check changed in the alerts.
    now : datetime
        With a time zone.
    where : str
        Where to look, for the message.
    """
    book, notify = alert_book(params, root), params.notify
    sent: tuple[Sent, ...] = ()
    problem = ""
    try:
        urls = alerts.addresses(notify, root)
        problem = "\n".join(urls.problems.values())
        sent = alerts.send(
            update.told,
            urls,
            retries=notify.retries,
            timeout_seconds=notify.timeout_seconds,
            minimum=notify.severity,
            where=where,
        )
        book.record_sent(sent, now=now)
    # A file of variables that cannot be read, or a book that cannot be written to.
    except (ValueError, OSError) as error:
        problem = str(error)
    return Alerted(update, sent, book.active(), problem)


def say_alerts(found: Alerted, say: Say) -> None:
    """Say what became of alerts, a line each."""
    update = found.update
    for word, changed in (
        ("raised", update.raised),
        ("repeated", update.repeated),
        ("resolved", update.resolved),
    ):
        for alert in changed:
            say(f"alert {alert.id} {word}: {alert.severity} {alert.cause}")
    for each in found.sent:
        told = f"sent to {each.address}" if each.delivered else each.reason
        say(f"alerts {', '.join(each.alerts)}: {told}")
    if found.problem:
        say(f"not everybody can be told of alerts: {found.problem}")
