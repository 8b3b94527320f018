"""Data: what the rows and columns behind two runs do not share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlkit import store
from mlkit.differences.choice import Chosen
from mlkit.differences.code import Change
from mlkit.report.concealed import conceal, sensitive_columns

FACTS = {
    "fingerprint": "fingerprint",
    "rows": "rows",
    "train_rows": "training rows",
    "test_rows": "test rows",
    "features": "columns learnt from",
    "cutoff": "cutoff between training and test",
    "first": "first row",
    "last": "last row",
    "leakage": "suspects of leakage",
}
MOMENTS = ("cutoff", "first", "last")


def data_changes(a: Chosen, b: Chosen) -> tuple[Change, ...]:
    """Return what differs in the data of two runs: facts first, then columns."""
    facts = [chosen.record.get("data") or {} for chosen in (a, b)]
    if not all(facts):
        return ()
    sensitive = sensitive_columns(a.record.get("params"), b.record.get("params"))
    shown = [_concealed(chosen.record, sensitive) for chosen in (a, b)]
    changes = [
        Change(words, shown[0].get(key), shown[1].get(key))
        for key, words in FACTS.items()
        if facts[0].get(key) != facts[1].get(key)
    ]
    return (*changes, *_columns(_kinds(a), _kinds(b)))


def _concealed(run: Mapping[str, Any], sensitive: frozenset[str]) -> dict[str, Any]:
    """Return the facts, moments of a sensitive column of time masked."""
    facts = dict(run["data"])
    time = ((run.get("params") or {}).get("data") or {}).get("time")
    for key in MOMENTS:
        held = {"data.time": time, "data.split.cutoff": facts.get(key)}
        facts[key] = conceal(held, sensitive)["data.split.cutoff"]
    return facts


def _kinds(chosen: Chosen) -> dict[str, str]:
    """Return the kind of each column that was learnt from, nothing if unknown."""
    try:
        stored = store.read_json(chosen.folder.path / "train" / "training.json")
        return {
            str(column["name"]): str(column["kind"])
            for column in stored["schema"]["columns"]
            if column.get("role", "feature") == "feature" or column.get("learnt")
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _columns(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Change]:
    if not a or not b:
        return
    for name in sorted({*a, *b}):
        if a.get(name) != b.get(name):
            yield Change(f"column {name!r}", a.get(name), b.get(name))
