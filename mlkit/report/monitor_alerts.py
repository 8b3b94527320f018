"""Alerts as a page shows them: those that hold now, and who was told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlkit.report import wording
from mlkit.report.monitor_words import LONGEST_SENTENCE, cause_in_words
from mlkit.report.tables import Table, table

LIMIT = 60
GRAVITY = ("critical", "warning", "info")
Found = Mapping[str, Any]


def alerts_table(found: Found) -> Table:
    """Return the alerts that are active after a check, the gravest first.

    Parameters
    ----------
    found : mapping
        What the record of a run says of a check: ``alerts`` is a list of
        ``Alert.to_dict()``.
    """
    rows = [
        {
            "what": cause_in_words(str(each["cause"])),
            "severity": each["severity"],
            "message": wording.capital(str(each["message"])),
            "since": wording.moment(each["raised_at"]),
            "told": _told(each),
            "id": each["id"],
        }
        for each in found.get("alerts") or ()
    ]
    headings = {
        "what": "Alert", "severity": "Severity", "message": "What was seen",
        "since": "Since", "told": "Told", "id": "ID",
    }  # fmt: skip
    return table(
        rows,
        caption="Alerts that are active",
        headings=headings,
        states=["severity"],
        limit=LIMIT,
        longest=LONGEST_SENTENCE,
    )


def _told(alert: Found) -> str:
    if alert.get("acknowledged_by"):
        return f"noted by {alert['acknowledged_by']}"
    sent = alert.get("sent_at")
    return f"sent {wording.moment(sent)}" if sent else "not sent"


def alert_sentences(found: Found) -> list[str]:
    """Return what a check changed in the alerts, and what kept anybody from knowing."""
    active = found.get("alerts") or ()
    if not active:
        said = ["No alert is active."]
    else:
        said = [
            f"{wording.count(len(active), 'alert')} active: {counted(active)}. "
            "The command mlkit alerts takes note of one (--ack) or closes it."
        ]
    changes = [
        f"{len(found[name])} {word}"
        for name, word in (("raised", "raised"), ("resolved", "over"))
        if found.get(name)
    ]
    if changes:
        said.append(f"By this check: {', '.join(changes)}.")
    failed = [each for each in found.get("sent") or () if not each["delivered"]]
    said += [f"A message was not delivered: {each['reason']}." for each in failed]
    if found.get("problem"):
        said.append(f"Nobody could be told: {found['problem']}")
    return said


def counted(alerts: Any) -> str:
    """Return how many alerts there are of each severity.

    Examples
    --------
    >>> counted([{"severity": "warning"}, {"severity": "critical"}])
    '1 critical, 1 warning'
    """
    severities = [str(each["severity"]) for each in alerts]
    known = [name for name in GRAVITY if name in severities]
    return ", ".join(f"{severities.count(name)} {name}" for name in known)
