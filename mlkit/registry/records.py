"""What the registry answers: a version with its manifest, a history, a comparison."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mlkit.registry.commits import Commit, Stage
from mlkit.registry.differences import ABSENT, Difference, differences
from mlkit.registry.errors import RegistryError

SHOWN = ("estimator", "family", "fingerprint", "run", "parent", "notes", "digest")


@dataclass(frozen=True)
class History:
    """Commits in the order of the log."""

    model: str
    commits: tuple[Commit, ...]

    def __iter__(self) -> Iterator[Commit]:
        return iter(self.commits)

    def __len__(self) -> int:
        return len(self.commits)

    @property
    def summary(self) -> str:
        """What the commits did, in words; empty when there is none."""
        return "; ".join(commit.summary for commit in self.commits)

    def to_dict(self) -> dict[str, Any]:
        """Return the commits as plain JSON data."""
        return {"model": self.model, "commits": [c.to_dict() for c in self.commits]}

    def _repr_html_(self) -> str:
        from mlkit.data.markup import table

        head = ("entry", "when", "who", "what", "why", "run")
        rows = (
            (c.number, c.at, c.by, c.summary, c.why, c.run)
            for c in reversed(self.commits)
        )
        return table(f"History of {self.model}", head, rows)


@dataclass(frozen=True)
class Record:
    """A version: where it stands, what is known of it, and what happened to it.

    Attributes
    ----------
    version : str
        Its number.
    stage : str
        development, staging, production, archived or failed.
    manifest : mapping
        What was stored when it was registered.
    history : History
        The commits that concern it.
    """

    version: str
    stage: Stage
    manifest: Mapping[str, Any]
    history: History

    @property
    def digest(self) -> str:
        """Digest of the model's fitted state."""
        return str(self.manifest["digest"])

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return {
            "version": self.version,
            "stage": self.stage,
            "manifest": dict(self.manifest),
            "history": self.history.to_dict()["commits"],
        }

    def _repr_html_(self) -> str:
        from mlkit.data.markup import table

        stored = self.manifest
        rows = [("stage", self.stage), ("why this number", stored["reason"])]
        rows += [(key, stored.get(key)) for key in SHOWN]
        rows += [(name, in_words(x)) for name, x in stored.get("metrics", {}).items()]
        what = f"Version {self.version} of {stored['model']}"
        return table(what, ("field", "value"), rows) + self.history._repr_html_()


@dataclass(frozen=True)
class LoadedVersion(Record):
    """A version with its model, whose file was checked before it was opened."""

    model: Any


@dataclass(frozen=True)
class Reign:
    """A time in which a version was in production.

    Attributes
    ----------
    since, until : datetime
        In UTC; `until` is None while it lasts.
    """

    version: str
    since: datetime
    until: datetime | None

    def to_dict(self) -> dict[str, Any]:
        """Return the reign as plain JSON data."""
        until = self.until.isoformat() if self.until else None
        return {
            "version": self.version,
            "since": self.since.isoformat(),
            "until": until,
        }


def reigns(history: History) -> tuple[Reign, ...]:
    """Return which version was in production when, in the order of the log.

    A commit whose clock was behind counts as made at the time of the one before it.
    """
    found: list[Reign] = []
    now = datetime.min.replace(tzinfo=UTC)
    for commit in history:
        now = max(now, datetime.fromisoformat(commit.at))
        for change in commit.changes:
            if change.source == "production":
                found[-1] = Reign(found[-1].version, found[-1].since, now)
            if change.target == "production":
                found.append(Reign(change.version, now, None))
    return tuple(found)


def reigns_on(history: History, when: str | date | datetime) -> tuple[Reign, ...]:
    """Return which versions were in production on a day, or at a moment.

    Parameters
    ----------
    history : History
        All commits of a model.
    when : str, date or datetime
        A day (UTC), such as ``2026-11-20``: all versions that were in production at
        some time of it. A moment with a time zone: the version at that moment.

    Raises
    ------
    RegistryError
        When `when` is no date, or a moment without a time zone.
    """
    start, end = _period(when)
    return tuple(
        reign
        for reign in reigns(history)
        if reign.since < end and (reign.until is None or reign.until > start)
    )


def _period(when: str | date | datetime) -> tuple[datetime, datetime]:
    moment = _parse_moment(when) if isinstance(when, str) else when
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise RegistryError(
                f"a moment needs a time zone, got {when!r}; write "
                f"{moment.isoformat()}Z for UTC"
            )
        return moment, moment + timedelta(microseconds=1)
    start = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def _parse_moment(text: str) -> date:
    day = len(text) == len("2026-11-20")
    try:
        return date.fromisoformat(text) if day else datetime.fromisoformat(text)
    except ValueError as error:
        raise RegistryError(
            "a day such as 2026-11-20 or a moment such as 2026-11-20T09:30:00Z is "
            f"needed, got {text!r}"
        ) from error


@dataclass(frozen=True)
class Comparison:
    """What two versions have in common and what not.

    Attributes
    ----------
    old, new : str
        The versions.
    differences : tuple of Difference
        In schema, data, params, estimator, code and packages, the weightiest first.
    metrics : mapping
        Metric to its estimate in the old and in the new version, None where missing.
    same_model : bool
        Whether the fitted states are equal.
    """

    model: str
    old: str
    new: str
    differences: tuple[Difference, ...]
    metrics: Mapping[str, tuple[Any, Any]]
    same_model: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON data, differences by group."""
        grouped: dict[str, list[dict[str, Any]]] = {}
        for difference in self.differences:
            grouped.setdefault(difference.group, []).append(difference.to_dict())
        plain = {k: v for k, v in asdict(self).items() if k != "differences"}
        metrics = {k: {"old": a, "new": b} for k, (a, b) in self.metrics.items()}
        return plain | {"differences": grouped, "metrics": metrics}

    def _repr_html_(self) -> str:
        from mlkit.data.markup import table

        head = ("what", self.old, self.new)
        scores = [(k, in_words(a), in_words(b)) for k, (a, b) in self.metrics.items()]
        rows = [(d.what, d.old, d.new) for d in self.differences]
        models = "the same model" if self.same_model else "different models"
        what = f"{self.model} {self.old} and {self.new}: {models}"
        return table(what, head, scores) + table("What differs", head, rows)


def compare_manifests(old: Mapping[str, Any], new: Mapping[str, Any]) -> Comparison:
    """Return what differs between two versions, from their manifests."""
    before, after = old.get("metrics", {}), new.get("metrics", {})
    names = dict.fromkeys([*before, *after])
    return Comparison(
        model=old["model"],
        old=old["version"],
        new=new["version"],
        differences=tuple(differences(old, new)),
        metrics={name: (before.get(name), after.get(name)) for name in names},
        same_model=old["digest"] == new["digest"],
    )


def in_words(estimate: Any) -> str:
    """Return a stored estimate as text: value and interval.

    Examples
    --------
    >>> in_words({"value": 0.91234, "lower": 0.9, "upper": 0.92})
    '0.9123 [0.9, 0.92]'
    """
    if estimate is None:
        return ABSENT
    if not isinstance(estimate, Mapping) or "value" not in estimate:
        return str(estimate)
    numbers = [estimate.get(key) for key in ("value", "lower", "upper")]
    value, lower, upper = ("?" if x is None else f"{x:.4g}" for x in numbers)
    return value if numbers[1] is None else f"{value} [{lower}, {upper}]"
