"""Alerts: one for each cause, until it is gone; kept in a file, sent to people.

A *finding* is a condition that holds now; its *cause* is the key under which it raises
one alert. The alert is *told*, which means given out to be sent, when it is raised,
when it gets worse, and again after every *cooldown* for as long as the cause holds and
nobody has *acknowledged* it. It is *resolved* by hand, or by a check that no longer
finds the cause; one that comes back within the cooldown opens the same alert again.
"""

from mlkit.alerts.addressing import Addresses, addresses
from mlkit.alerts.book import AlertBook
from mlkit.alerts.opening import FOLDER, alert_book
from mlkit.alerts.records import ITSELF, SEVERITIES, Alert, Finding, Update
from mlkit.alerts.sending import send
from mlkit.alerts.sent import Sent
from mlkit.alerts.wording import Message, message

__all__ = [
    "FOLDER",
    "ITSELF",
    "SEVERITIES",
    "Addresses",
    "Alert",
    "AlertBook",
    "Finding",
    "Message",
    "Sent",
    "Update",
    "addresses",
    "alert_book",
    "message",
    "send",
]
