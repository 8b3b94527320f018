"""A program that makes one attempt to deliver a message through Apprise.

It is run in a process of its own: what Apprise and the libraries below it log can hold
parts of an address, and not every service can be given up on in time from within. It
reads a JSON object from its standard input and says how it went with a single line,
which is one of :data:`REASONS`, or ``HTTP`` and a status; nothing of what a library
says leaves it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from typing import NoReturn

DELIVERED = "delivered"
REASONS = {
    "missing": "apprise is not installed: pip install 'mlkit[notify]'",
    "address": "what the variable holds is not an Apprise URL",
    "time": "no answer in time",
    "refused": "the connection was refused",
    "host": "its host was not found",
    "certificate": "its certificate is not trusted",
    "sign-in": "the sign-in was refused",
    "other": "the service did not take it",
}
# The first that is found in what the libraries say.
SIGNS = (
    ("certificate", r"certificate"),
    ("sign-in", r"authenticat|\(53[45],"),
    ("host", r"name or service not known|getaddrinfo|name resolution|resolve"),
    ("time", r"timed out|timeout"),
    ("refused", r"refused"),
)
STATUS = re.compile(r"\berror=(\d{3})\b")


class Said(logging.Handler):
    """What Apprise logs, kept from everybody else."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the text of a record."""
        self.lines.append(record.getMessage())

    def reason(self) -> str:
        """Return what went wrong, in a word that holds nothing of the address."""
        text = "\n".join(self.lines)
        if found := STATUS.search(text):
            return f"HTTP {found[1]}"
        for reason, sign in SIGNS:
            if re.search(sign, text, re.IGNORECASE):
                return reason
        return "other"


def listen() -> Said:
    """Take what Apprise logs, and let it go nowhere else."""
    said = Said()
    logger = logging.getLogger("apprise")
    logger.handlers[:] = [said]
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    return said


def deliver(asked: dict[str, str], seconds: float) -> str:
    """Make one attempt; return how it went."""
    try:
        import apprise
    except ImportError:
        return "missing"
    said = listen()
    asset = apprise.AppriseAsset(
        app_id="mlkit", app_desc="mlkit alerts", app_url="", async_mode=False
    )
    service = apprise.Apprise.instantiate(asked["url"], asset=asset)
    if service is None:
        return "address"
    service.socket_connect_timeout = service.socket_read_timeout = seconds
    # Those bound each step of a conversation; this one bounds all of it.
    guard = threading.Timer(seconds, give_up)
    guard.daemon = True
    guard.start()
    everyone = apprise.Apprise(asset=asset)
    everyone.add(service)
    taken = everyone.notify(
        title=asked["title"],
        body=asked["body"],
        notify_type=asked["kind"],
        body_format=apprise.NotifyFormat.TEXT,
    )
    guard.cancel()
    return DELIVERED if taken else said.reason()


def give_up() -> None:
    """Say that time is over, and end whatever is under way."""
    leave("time")


def leave(outcome: str) -> NoReturn:
    """Say how it went, and end at once, whatever threads of a library still do."""
    os.write(1, f"{outcome}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    told = json.loads(sys.stdin.buffer.read())
    leave(deliver(told, float(told["seconds"])))
