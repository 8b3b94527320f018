"""What follows from a check: alerts, the history, and who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import alerts
from mlkit.alerts import Alert, AlertBook, Sent, Update, alert_book
from mlkit.params import Params

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
        Why somebody cannot be told, beyond what `sent` says; empty where that is not
        so.
    failure : OSError or None
        What could not be kept of the check.
    notes : tuple of str
        What else did not go as it should, and is no failure.
    """

    update: Update
    sent: tuple[Sent, ...]
    active: tuple[Alert, ...]
    problem: str = ""
    failure: OSError | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what a run's record keeps, plain JSON data."""
        return {
            "alerts": [alert.to_dict() for alert in self.active],
            "raised": [alert.id for alert in self.update.raised],
            "repeated": [alert.id for alert in self.update.repeated],
            "resolved": [alert.id for alert in self.update.resolved],
            "reopened": [alert.id for alert in self.update.reopened],
            "sent": [each.to_dict() for each in self.sent],
            "problem": self.problem,
        }


def tell(
    params: Params, root: Path, update: Update, *, now: datetime, where: str = ""
) -> Alerted:
    """Send what is to be told of alerts; a failure is in the record and raises nothing.

    Alerts that were to be sent earlier and never were go along: those of a check that
    was cut short, and those from a time when nobody was named in ``notify.urls``.

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
    problems: list[str] = []
    try:
        urls = alerts.addresses(notify, root)
        sent = alerts.send(
            (*update.told, *_left(book, update)),
            urls,
            retries=notify.retries,
            timeout_seconds=notify.timeout_seconds,
            minimum=notify.severity,
            where=where or f"mlkit health {params.case}; mlkit alerts {params.case}",
        )
        # Of an address that is not there a message tells as well, where there is one.
        told_of = {each.address for each in sent}
        problems += [why for name, why in urls.problems.items() if name not in told_of]
        book.record_sent(sent, now=now)
    # A file of variables that cannot be read, or a book that cannot be written to.
    except (ValueError, OSError) as error:
        problems.append(str(error))
    try:
        active = book.active()
    except OSError:
        active = update.told
    return Alerted(update, sent, active, "\n".join(problems))


def _left(book: AlertBook, update: Update) -> tuple[Alert, ...]:
    """Return the alerts of earlier checks of which nobody was told."""
    new = {alert.id for alert in update.told}
    try:
        return tuple(alert for alert in book.unsent() if alert.id not in new)
    except OSError:
        return ()


def say_alerts(found: Alerted, say: Say) -> None:
    """Say what became of alerts, a line each."""
    update = found.update
    again = {alert.id for alert in update.reopened}
    for word, changed in (
        ("raised", update.raised),
        ("opened again", update.reopened),
        ("repeated", [each for each in update.repeated if each.id not in again]),
        ("resolved", update.resolved),
    ):
        for alert in changed:
            say(f"alert {alert.id} {word}: {alert.severity} {alert.cause}")
    for each in found.sent:
        what = f"sent to {each.address}" if each.delivered else each.reason
        say(f"alerts {', '.join(each.alerts)}: {what}")
    if found.problem:
        say(f"not everybody can be told of alerts: {found.problem}")
    for note in found.notes:
        say(note)
