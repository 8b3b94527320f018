"""What alerts are made of: a finding that holds now, and the alert that it raises."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Literal, Self, get_args

from mlkit.params.monitor_section import Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
ITSELF = "itself"
TIMES = (
    "raised_at",
    "last_seen_at",
    "acknowledged_at",
    "resolved_at",
    "sent_at",
    "told_at",
)


def rank(severity: Severity) -> int:
    """Return how bad a severity is, 0 for the mildest.

    Raises
    ------
    ValueError
        When it is none of :data:`SEVERITIES`.
    """
    if severity not in SEVERITIES:
        raise ValueError(
            f"a severity must be one of {', '.join(SEVERITIES)}, got {severity!r}"
        )
    return SEVERITIES.index(severity)


def utc(moment: datetime, name: str = "now") -> datetime:
    """Return a moment in UTC.

    Raises
    ------
    ValueError
        When it has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(
            f"{name} must have a time zone, got {moment.isoformat()}; use "
            "datetime.now(UTC)"
        )
    return moment.astimezone(UTC)


@dataclass(frozen=True)
class Finding:
    """A condition that holds now.

    Attributes
    ----------
    cause : str
        What it is about, the key under which it raises one alert: `drift`,
        `performance.roc_auc`, `quality.age`, ...
    severity : {"info", "warning", "critical"}
        How bad it is.
    message : str
        The condition in a sentence.
    evidence : mapping
        Figures by name. What JSON cannot hold is kept as its text, and a number that
        is not finite as None.
    version : str or None
        The model's version that it is about.
    """

    cause: str
    severity: Severity
    message: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None

    def __post_init__(self) -> None:
        rank(self.severity)
        if not self.cause.strip():
            raise ValueError(
                f"a finding's cause must say what it is about, got {self.cause!r}; "
                "name it, such as 'drift' or 'performance.roc_auc'"
            )
        object.__setattr__(self, "cause", _plain(self.cause))
        object.__setattr__(self, "message", _plain(self.message))
        object.__setattr__(self, "evidence", _plain(dict(self.evidence)))

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it; numpy's scalars and arrays become Python's."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return _plain(str(value))


@dataclass(frozen=True)
class Alert:
    """A cause that was told of, and what has become of it.

    Attributes
    ----------
    id : str
        Eight hexadecimal digits.
    severity, message, evidence, version
        Those of the newest finding.
    raised_at, last_seen_at : datetime
        When the cause was first and last found (UTC).
    times_seen : int
        How many checks found it.
    acknowledged_at, acknowledged_by
        When and by whom it was taken note of; None while nobody has.
    acknowledged_severity : str or None
        How bad it was then.
    resolved_at, resolved_by
        When it ended, and who said so: a person, or `itself` where a check no longer
        found the cause.
    note : str
        What was said when it was resolved.
    told_at, told_severity
        When it was last given out to be sent, and how bad it was then. After a clock
        was set back, `told_at` is the earliest moment known to be later.
    undelivered : bool
        Whether it then reached none of its addresses.
    sent_at : datetime or None
        When it last reached at least one address.
    unsent : bool
        Whether it was given out to be sent, and no message of it is known: there was no
        address, or whoever was to send it was cut short.
    """

    id: str
    model: str
    version: str | None
    cause: str
    severity: Severity
    message: str
    evidence: Mapping[str, Any]
    raised_at: datetime
    last_seen_at: datetime
    times_seen: int = 1
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    sent_at: datetime | None = None
    acknowledged_severity: Severity | None = None
    note: str = ""
    told_at: datetime | None = None
    told_severity: Severity | None = None
    undelivered: bool = False
    unsent: bool = False

    @property
    def active(self) -> bool:
        """Whether the cause still holds, as far as is known."""
        return self.resolved_at is None

    @property
    def status(self) -> Literal["active", "acknowledged", "resolved"]:
        """Where it stands, in a word."""
        if not self.active:
            return "resolved"
        return "active" if self.acknowledged_at is None else "acknowledged"

    def to_dict(self) -> dict[str, Any]:
        """Return the alert as plain JSON data, moments in ISO 8601."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in TIMES:
            plain[name] = None if plain[name] is None else plain[name].isoformat()
        return plain | {"evidence": dict(self.evidence), "status": self.status}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the alert that :meth:`to_dict` gave; keys it does not know are left.

        Raises
        ------
        TypeError, ValueError
            When a field is missing or of another kind.
        """
        known = {f.name for f in fields(cls)}
        given = {key: value for key, value in stored.items() if key in known}
        for name in TIMES:
            if given.get(name) is not None:
                given[name] = utc(datetime.fromisoformat(given[name]), name)
        return cls(**given)


@dataclass(frozen=True)
class Update:
    """What one check changed.

    Attributes
    ----------
    raised : tuple of Alert
        Causes that are new, or came back after the cooldown: to be told.
    repeated : tuple of Alert
        To be told again: they got worse, still hold after the cooldown, or reached
        nobody last time.
    resolved : tuple of Alert
        Causes that were looked for and no longer hold.
    reopened : tuple of Alert
        Causes that came back within the cooldown; those to be told are in `repeated`.
    """

    raised: tuple[Alert, ...] = ()
    repeated: tuple[Alert, ...] = ()
    resolved: tuple[Alert, ...] = ()
    reopened: tuple[Alert, ...] = ()

    @property
    def told(self) -> tuple[Alert, ...]:
        """What is to be sent: the raised and the repeated, the worst first."""
        return tuple(
            sorted((*self.raised, *self.repeated), key=lambda a: -rank(a.severity))
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the alerts as plain JSON data."""
        return {
            f.name: [alert.to_dict() for alert in getattr(self, f.name)]
            for f in fields(self)
        }
