"""Commits: what one entry of the log says, and how it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from mlkit import store
from mlkit.registry.errors import DamageError, RegistryError

FORMAT = 1
Stage = Literal["development", "staging", "production", "archived", "failed"]
Action = Literal["register", "move", "promote", "rollback", "archive"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Change:
    """One version entering the registry, or moving from one stage to another.

    Attributes
    ----------
    version : str
        Its number.
    source : str or None
        The stage it leaves; None when it enters the registry.
    target : str
        The stage it is in afterwards.
    manifest : str or None
        On entry: the SHA-256 of its manifest.
    digest : str or None
        On entry: the digest of the model's fitted state.
    reason : str or None
        On entry: why it has this number.
    """

    version: str
    source: Stage | None
    target: Stage
    manifest: str | None = None
    digest: str | None = None
    reason: str | None = None

    @property
    def summary(self) -> str:
        """The change in words."""
        if self.source is None:
            return f"registered {self.version} in {self.target}"
        return f"{self.version} {self.source} -> {self.target}"


@dataclass(frozen=True)
class Commit:
    """One entry of the log: who changed what, when, why and on what evidence.

    Attributes
    ----------
    number : int
        Position in the log, from 1.
    id : str
        A random name by which a writer knows its own entry.
    previous : str or None
        SHA-256 of the entry before; None for the first.
    at : str
        When, in UTC. For people: the order of the log is that of the numbers.
    run : str or None
        The run on whose behalf it was made.
    evidence : dict
        What the decision rests on.
    """

    number: int
    id: str
    previous: str | None
    model: str
    action: Action
    at: str
    by: str
    why: str
    changes: tuple[Change, ...]
    run: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The changes in words."""
        return f"{self.action}: " + "; ".join(c.summary for c in self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the commit as it is stored."""
        changes = [
            {key: value for key, value in asdict(c).items() if key in BOTH or value}
            for c in self.changes
        ]
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {
            "format": FORMAT,
            **plain,
            "changes": changes,
            "evidence": dict(self.evidence),
        }


BOTH = ("version", "source", "target")
TEXTS = ("id", "model", "at", "by", "why")


def parse_commit(data: bytes, where: str) -> Commit:
    """Return the commit that an entry of the log holds.

    Parameters
    ----------
    data : bytes
        Content of the entry.
    where : str
        Name of the entry, for messages.

    Raises
    ------
    DamageError
        When it is not what :meth:`Commit.to_dict` writes.
    RegistryError
        When it was written by a newer mlkit.
    """
    stored = parse_object(data, where)
    check_format(stored, FORMAT, where)
    number, previous, run = (stored.get(k) for k in ("number", "previous", "run"))
    evidence, changes = stored.get("evidence"), stored.get("changes", [])
    sound = (
        all(isinstance(stored.get(key), str) for key in TEXTS)
        and type(number) is int
        and all(isinstance(text, str | None) for text in (previous, run))
        and stored.get("action") in get_args(Action)
        and isinstance(evidence, dict)
        and isinstance(changes, list)
        and all(map(_is_change, changes))
    )
    if not sound:
        raise damage(where, "is not an entry of the log: a key is missing or odd")
    known = {key: stored[key] for key in Commit.__dataclass_fields__ if key in stored}
    parts = ({k: c[k] for k in Change.__dataclass_fields__ if k in c} for c in changes)
    return Commit(**{**known, "changes": tuple(Change(**part) for part in parts)})


def _is_change(change: object) -> bool:
    if not isinstance(change, dict) or not isinstance(change.get("version"), str):
        return False
    if change.get("target") not in STAGES or "source" not in change:
        return False
    if change["source"] is None:
        return all(isinstance(change.get(key), str) for key in ("manifest", "digest"))
    return change["source"] in STAGES


def parse_object(data: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object that a stored file holds.

    Raises
    ------
    DamageError
        When it holds anything else.
    """
    try:
        stored = store.parse_json(data)
    except (ValueError, RecursionError) as error:
        raise damage(where, f"does not hold valid JSON ({error})") from error
    if not isinstance(stored, dict):
        raise damage(where, f"must hold a JSON object, not a {type(stored).__name__}")
    return stored


def check_format(stored: Mapping[str, Any], known: int, where: str) -> None:
    """Refuse a stored object whose format is newer than `known`, or missing.

    Raises
    ------
    RegistryError
        When it was written by a newer mlkit.
    DamageError
        When it has no format number.
    """
    found = stored.get("format")
    if type(found) is not int or found < 1:
        raise damage(where, f"has no format number (got {found!r})")
    if found > known:
        raise RegistryError(
            f"{where} has format {found}, and this mlkit reads formats up to {known}; "
            "upgrade mlkit"
        )


def damage(where: str, found: str) -> DamageError:
    """Return the error for a stored file that is not as it was written."""
    return DamageError(
        f"{where} {found}; run `mlkit registry verify` to see all damage, and restore "
        "the file from a backup"
    )


def stamp(at: datetime) -> str:
    """Return a moment as text: UTC, to the millisecond.

    Raises
    ------
    RegistryError
        When `at` has no time zone.

    Examples
    --------
    >>> stamp(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    '2026-11-20T09:30:00.000Z'
    """
    if at.tzinfo is None:
        raise RegistryError(
            f"a commit's time must have a time zone, got {at!r}; use datetime.now(UTC)"
        )
    utc = at.astimezone(UTC).replace(tzinfo=None)
    return utc.isoformat(timespec="milliseconds") + "Z"


def to_bytes(commit: Commit) -> bytes:
    """Return the bytes under which a commit is stored."""
    return store.canonical_json(commit.to_dict())
