"""What differs between two manifests, and how much that matters to callers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["major", "minor", "patch"]

# Settings that say who, where and when, and nothing about the model.
IGNORED = ("format", "case", "notes", "registry", "pipeline")
# Settings of how a model is fed and judged, which leave the model itself as it is; new
# content of the data shows in the fingerprint.
AROUND = (
    "data.source",
    "data.files",
    "data.connection",
    "data.test",
    "data.sensitive",
    "data.protected",
    "data.min_rows",
    "data.accept_leakage",
    "evaluate.primary",
    "evaluate.metrics",
    "evaluate.average",
    "evaluate.gates",
    "evaluate.min_gain",
    "evaluate.slices",
    "evaluate.confidence",
    "evaluate.resamples",
)
PLAIN: tuple[tuple[str, str, Level], ...] = (
    ("family", "estimator", "major"),
    ("estimator", "estimator", "minor"),
    ("fingerprint", "data", "minor"),
    ("framework", "packages", "patch"),
    ("code", "code", "patch"),
)
ABSENT = "none"


@dataclass(frozen=True)
class Difference:
    """One thing that two manifests say differently.

    Attributes
    ----------
    group : str
        schema, data, params, estimator, code or packages.
    level : str
        ``major`` when callers or the architecture are concerned, ``minor`` for new
        columns, data or settings, ``patch`` for code, libraries and surroundings.
    what : str
        Its name, such as ``params.train.options.max_iter``.
    old, new : object
        Both values; ``none`` stands for absence.
    """

    group: str
    level: Level
    what: str
    old: Any
    new: Any

    @property
    def sentence(self) -> str:
        """The difference in words: what, old -> new."""
        return f"{self.what} {_short(self.old)} -> {_short(self.new)}"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain JSON data."""
        return asdict(self)


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two manifests, the weightiest first.

    Parameters
    ----------
    old, new : mapping
        Manifests, or what :meth:`Candidate.to_dict` gives.
    """
    found = [
        *_simple(old, new),
        *_columns(old["schema"], new["schema"]),
        *_params(old["params"], new["params"]),
        *_packages(old.get("packages", {}), new.get("packages", {})),
    ]
    order = ("major", "minor", "patch")
    return sorted(found, key=lambda difference: order.index(difference.level))


def _simple(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for key in ("task", "target", "classes", "positive"):
        before, after = old["schema"].get(key), new["schema"].get(key)
        if before != after:
            yield Difference("schema", "major", key, before, after)
    for key, group, level in PLAIN:
        if old.get(key) != new.get(key):
            what = "data fingerprint" if key == "fingerprint" else key
            yield Difference(group, level, what, old.get(key), new.get(key))


def _columns(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = _features(old), _features(new)
    for name in sorted(before.keys() | after.keys()):
        kinds = before.get(name, ABSENT), after.get(name, ABSENT)
        if kinds[0] != kinds[1]:
            level: Level = "minor" if kinds[0] == ABSENT else "major"
            yield Difference("schema", level, f"column {name!r}", *kinds)


def _features(schema: Mapping[str, Any]) -> dict[str, str]:
    return {
        column["name"]: column["kind"]
        for column in schema.get("columns", ())
        if column.get("role", "feature") == "feature" or column.get("learnt")
    }


def _params(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    before, after = dict(_flat(old)), dict(_flat(new))
    for key in sorted(before.keys() | after.keys()):
        values = before.get(key, ABSENT), after.get(key, ABSENT)
        if values[0] != values[1]:
            level: Level = "patch" if _under(key, AROUND) else "minor"
            yield Difference("params", level, f"params.{key}", *values)


def _flat(params: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in params.items():
        key = f"{prefix}{name}"
        if _under(key, IGNORED):
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _under(key: str, places: tuple[str, ...]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)


def _packages(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        versions = old.get(name, ABSENT), new.get(name, ABSENT)
        if versions[0] != versions[1]:
            yield Difference("packages", "patch", name, *versions)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    if len(text) >= 32 and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return text if len(text) <= 40 else f"{text[:37]}..."
