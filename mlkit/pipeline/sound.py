"""Sound: what of a run's record is as a run writes it; the rest is left out.

A file on a disk can be damaged and be JSON all the same. Every record enters by way of
`mended`, so that whoever reads it finds the kinds of values that belong there, or none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

from mlkit import store

Fits = Callable[[Any], bool]


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _mapping(value: Any) -> bool:
    return value is None or isinstance(value, Mapping)


def _texts(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(each, str) for each in value)
    )


def _names(value: Any) -> bool:
    return value is None or (
        isinstance(value, Mapping) and all(map(_text, value.values()))
    )


def _moment(value: Any) -> bool:
    try:
        return value is None or datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _files(value: Any) -> bool:
    """Return whether it holds files within a run's folder, each with its SHA-256."""
    return value is None or (
        isinstance(value, Mapping)
        and all(isinstance(digest, str) for digest in value.values())
        and all(_within(name) for name in value)
    )


def _within(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name


def _mappings(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and all(isinstance(each, Mapping) for each in value)
    )


def _with(**fields: Fits) -> Fits:
    """Return what tells whether a value is a mapping whose fields fit."""

    def fits(value: Any) -> bool:
        return value is None or (isinstance(value, Mapping) and not _odd(value, fields))

    return fits


def _odd(value: Mapping[str, Any], fields: Mapping[str, Fits]) -> list[str]:
    """Return the names of the fields that do not fit."""
    return [name for name, fits in fields.items() if not fits(value.get(name))]


ERROR = _with(step=_text, type=_text, message=_text, source=_text, advice=_text)
NUMBERS = ("gain", "lower", "upper", "champion", "challenger", "rows_to_decide")
TEST: dict[str, Fits] = {
    **dict.fromkeys(("n", "p_value", *NUMBERS), _number),
    **dict.fromkeys(("metric", "method"), _text),
}
# What a test tells that came to a gain.
MEASURED = ("n", "metric", "method", "champion", "challenger")


def _test(value: Any) -> bool:
    if not value:
        return value is None
    if not _with(**TEST)(value) or not TEST.keys() <= value.keys():
        return False
    return value["gain"] is None or all(value[name] is not None for name in MEASURED)


VERDICT: dict[str, Fits] = {
    "verdict": lambda value: isinstance(value, str),
    **dict.fromkeys(("reason", "version_reason", "stage"), _text),
    **dict.fromkeys(("version", "champion", "unchanged_since"), _text),
    "new": lambda value: value is None or isinstance(value, bool),
    "evidence": _with(paired=_test, against_dummy=_test),
}
RUN: dict[str, Fits] = {
    **dict.fromkeys(("kind", "who", "resumed", "fan_out"), _text),
    **dict.fromkeys(("python", "platform", "lock"), _text),
    **dict.fromkeys(("started_at", "ended_at"), _moment),
    "params": _with(
        registry=_with(model=_text), data=_with(sensitive=_texts, time=_text)
    ),
    "data": _with(fingerprint=_text, rows=_number),
    "git": _with(commit=_text),
    "packages": _names,
    "verdict": _with(**VERDICT),
    "drift": _with(verdict=_text, reason=_text),
    "monitor": _with(status=_text, reason=_text, issues=_mappings, alerts=_mappings),
    "error": ERROR,
    "members": _mappings,
}
EVALUATION = _with(
    **dict.fromkeys(("greater_is_better", "labels", "metrics"), _mapping),
    primary=_text,
    gates=_mappings,
)
STEP: dict[str, Fits] = {
    **dict.fromkeys(("name", "status"), lambda value: isinstance(value, str)),
    **dict.fromkeys(("taken", "page", "cutoff"), _text),
    **dict.fromkeys(("started_at", "ended_at"), _moment),
    **dict.fromkeys(("seconds", "peak_memory_mb"), _number),
    "why": _texts,
    "error": ERROR,
    "key": _with(digest=_text, parts=_with(workspace_code=_mapping)),
    "inputs": _files,
    "outputs": _files,
    "scraps": _with(evaluation=EVALUATION, outcome=_mapping, numbers=_mappings),
}
# What a decision that is repeated must tell.
DECIDED = ("verdict", "reason", "stage", "version_reason", "evidence", "new")


def mended(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a run without what no run writes.

    Parameters
    ----------
    record : mapping
        What its ``run.json`` holds.

    Returns
    -------
    dict
        What is left; where something was left out, with the words for it in a list
        ``unfit``.
    """
    odd = _odd(record, RUN)
    kept = {name: value for name, value in record.items() if name not in odd}
    steps = kept.pop("steps", None)
    if steps is not None and not isinstance(steps, list):
        odd.append("steps")
    elif steps is not None:
        words = [_unfit_step(step, at) for at, step in enumerate(steps, 1)]
        kept["steps"] = [s for s, odd_ in zip(steps, words, strict=True) if not odd_]
        odd += filter(None, words)
    return kept | ({"unfit": odd} if odd else {})


def _unfit_step(step: Any, at: int) -> str:
    """Return the words for an entry that no run writes; nothing for one that fits."""
    if not isinstance(step, Mapping):
        return f"step {at}"
    name = step.get("name")
    said = f"step {name}" if isinstance(name, str) else f"step {at}"
    odd = _odd(step, STEP)
    return f"{said}: {', '.join(odd)}" if odd else ""


def reusable(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mended record without the results that cannot be taken from it.

    Parameters
    ----------
    record : mapping
        What `mended` returned.

    Returns
    -------
    dict
        As of `mended`: without good steps whose key is not that of its parts or of
        which the files are not told, and without a verdict that lacks something.
    """
    odd, kept = list(record.get("unfit", ())), []
    for step in record.get("steps") or ():
        lacking = _lacking(step)
        if lacking:
            odd.append(f"step {step['name']}: {', '.join(lacking)}")
        else:
            kept.append(step)
    verdict = record.get("verdict")
    if verdict is not None and any(verdict.get(name) is None for name in DECIDED):
        verdict = None
        odd.append("verdict")
    return {**record, "steps": kept, "verdict": verdict, "unfit": odd}


def _lacking(step: Mapping[str, Any]) -> list[str]:
    key = step.get("key")
    if key is None or step["status"] != "ok":
        return [] if key is None or _key_fits(key) else ["key"]
    lacking = [] if _key_fits(key) else ["key"]
    if step["name"] != "decide":
        if not (step.get("inputs") or {}).get("data"):
            lacking.append("inputs")
        if f"{step['name']}.json" not in (step.get("outputs") or {}):
            lacking.append("outputs")
    return lacking


def _key_fits(key: Any) -> bool:
    parts = key.get("parts") if isinstance(key, Mapping) else None
    if not isinstance(parts, Mapping):
        return False
    return bool(key.get("digest") == store.sha256_bytes(store.canonical_json(parts)))
