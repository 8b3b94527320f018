"""The words in which people are told of alerts: plain text, one message for all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlkit.alerts.records import Alert, rank

MOST_EVIDENCE = 12
LONGEST = 200


@dataclass(frozen=True)
class Message:
    """A title and a body, both plain text."""

    title: str
    body: str


def message(alerts: Sequence[Alert], where: str = "") -> Message:
    """Return what people read of some alerts, the worst first.

    Parameters
    ----------
    alerts : sequence of Alert
        At least one.
    where : str
        Where to look: the address of a page, a command. Without it, the commands that
        show a model's health and its alerts.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> nine = datetime(2026, 11, 20, 9, tzinfo=UTC)
    >>> alert = Alert(
    ...     "0a1b2c3d", "churn", "1.2.0", "drift", "warning", "4 columns drifted.",
    ...     {"share": 0.3333}, raised_at=nine, last_seen_at=nine)
    >>> told = message([alert], "reports/churn/index.html")
    >>> print(told.title)
    [WARNING] churn 1.2.0: drift
    >>> print(told.body)
    4 columns drifted.
    <BLANKLINE>
      share     0.3333
      severity  warning
      since     2026-11-20 09:00 UTC
      alert     0a1b2c3d
    <BLANKLINE>
    Where to look: reports/churn/index.html
    """
    ordered = sorted(alerts, key=lambda alert: -rank(alert.severity))
    first = ordered[0]
    causes = ", ".join(alert.cause for alert in ordered[:3])
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    # One line, whatever a cause holds: a line break would end the subject of a mail.
    title = f"[{first.severity.upper()}] {_named(first)}: {causes}{more}"
    if len(ordered) == 1:
        parts = ["\n".join(_lines(first))]
    else:
        parts = ["\n".join([_headline(alert), *_lines(alert)]) for alert in ordered]
    parts.append(f"Where to look: {where or _commands(first)}")
    return Message(" ".join(title.split()), "\n\n".join(parts))


def _named(alert: Alert) -> str:
    return f"{alert.model} {alert.version}" if alert.version else alert.model


def _headline(alert: Alert) -> str:
    return f"[{alert.severity.upper()}] {_named(alert)}: {alert.cause}"


def _commands(alert: Alert) -> str:
    return f"mlkit health {alert.model}; mlkit alerts {alert.model} --ack {alert.id}"


def _lines(alert: Alert) -> Iterator[str]:
    yield alert.message
    yield ""
    rows = [(name, _shown(value)) for name, value in _flat(alert.evidence)]
    kept = rows[:MOST_EVIDENCE]
    if len(rows) > len(kept):
        kept.append(("…", f"and {len(rows) - len(kept)} more"))
    kept += [("severity", alert.severity), ("since", _since(alert))]
    kept.append(("alert", alert.id))
    width = max(len(name) for name, _ in kept)
    yield from (f"  {name:<{width}}  {value}" for name, value in kept)


def _since(alert: Alert) -> str:
    since = _minute(alert.raised_at)
    if alert.times_seen == 1:
        return since
    return (
        f"{since}, found {alert.times_seen} times, last {_minute(alert.last_seen_at)}"
    )


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _flat(evidence: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in evidence.items():
        full = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{full}.")
        else:
            yield full, value


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if value is None:
        return "unknown"
    if isinstance(value, list | tuple):
        text = ", ".join(_shown(item) for item in value)
    else:
        text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
