"""Alerts are sent to people: a failure is tried again, told, and stops nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlkit.alerts import delivery
from mlkit.alerts.addressing import Addresses
from mlkit.alerts.records import Alert, rank
from mlkit.alerts.sent import Sent
from mlkit.alerts.wording import Message, message
from mlkit.params.monitor_section import Severity

KINDS: Mapping[Severity, str] = {
    "info": "info",
    "warning": "warning",
    "critical": "failure",
}
PROGRAM = Path(delivery.__file__)
STARTING_SECONDS = 60.0
LONGEST_PAUSE = 30.0
# The same request will not do better: what is asked or who asks is wrong.
IN_VAIN = {"missing", "address", "sign-in"}
PASSING = {408, 425, 429}


def send(
    alerts: Iterable[Alert],
    urls: Mapping[str, str],
    *,
    retries: int = 3,
    timeout_seconds: float = 10,
    minimum: Severity = "warning",
    where: str = "",
    pause_seconds: float = 1,
) -> tuple[Sent, ...]:
    """Send alerts, all in one message, to every address.

    Addresses are served at the same time. A failed attempt is repeated after a pause
    that doubles each time, but where another would fail alike (a refused sign-in, an
    HTTP status from 400 on that does not ask to try again). Nothing is raised, and
    neither an address nor what a library says of it is in any record.

    Parameters
    ----------
    alerts : iterable of Alert
        Such as :attr:`Update.told`. Those below `minimum` are left out.
    urls : mapping of str to str
        Apprise URLs by name, best from :func:`addresses`: what it could not find is
        among the failures.
    retries : int
        How often a failed attempt is repeated.
    timeout_seconds : float
        How long one attempt may take.
    where : str
        Where to look, for the message: the address of a page, a command.
    pause_seconds : float
        The pause before the first repetition; none is longer than 30 seconds.

    Returns
    -------
    tuple of Sent
        One for each address, for :meth:`AlertBook.record_sent`; none where there was
        nothing to send.
    """
    told = [alert for alert in alerts if rank(alert.severity) >= rank(minimum)]
    problems = urls.problems if isinstance(urls, Addresses) else {}
    if not told or not (urls or problems):
        return ()
    worst = max(told, key=lambda alert: rank(alert.severity)).severity
    text = message(told, where)
    ids = tuple(alert.id for alert in told)

    def serve(name: str) -> Sent:
        pauses = [pause_seconds * 2**i for i in range(retries)]
        asked = _request(text, KINDS[worst], urls[name], timeout_seconds)
        return _attempts(name, ids, asked, timeout_seconds, pauses)

    absent = (Sent(name, ids, False, 0, why) for name, why in problems.items())
    with ThreadPoolExecutor(max(len(urls), 1)) as threads:
        return (*threads.map(serve, urls), *absent)


def _request(text: Message, kind: str, url: str, seconds: float) -> bytes:
    return json.dumps(
        {
            "url": url,
            "title": text.title,
            "body": text.body,
            "kind": kind,
            "seconds": seconds,
        }
    ).encode()


def _attempts(
    name: str,
    ids: tuple[str, ...],
    asked: bytes,
    seconds: float,
    pauses: list[float],
) -> Sent:
    for attempt in range(1, len(pauses) + 2):
        outcome = _attempt(asked, seconds)
        if outcome == delivery.DELIVERED:
            return Sent(name, ids, True, attempt)
        if _in_vain(outcome) or attempt > len(pauses):
            break
        time.sleep(min(pauses[attempt - 1], LONGEST_PAUSE))
    return Sent(name, ids, False, attempt, f"{name}: {_in_words(outcome, seconds)}")


def _attempt(asked: bytes, seconds: float) -> str:
    # The address goes through a pipe: arguments and variables can be seen by others.
    command = [sys.executable, "-P", str(PROGRAM)]
    try:
        done = subprocess.run(
            command,
            input=asked,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds + STARTING_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "time"
    except OSError as error:
        return f"no process could be started ({error.strerror})"
    return done.stdout.decode(errors="replace").strip() or "other"


def _status(outcome: str) -> int | None:
    return int(outcome.removeprefix("HTTP ")) if outcome.startswith("HTTP ") else None


def _in_vain(outcome: str) -> bool:
    status = _status(outcome)
    if status is not None:
        return 400 <= status < 500 and status not in PASSING
    return outcome in IN_VAIN


def _in_words(outcome: str, seconds: float) -> str:
    status = _status(outcome)
    if status is not None:
        return f"the service answered with HTTP status {status}"
    if outcome == "time":
        return f"no answer within {seconds:g} s"
    return delivery.REASONS.get(outcome, outcome)
