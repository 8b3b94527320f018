"""Changed code: notebooks, own modules and mlkit, by the keys of two runs' steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlkit.report import wording

Run = Mapping[str, Any]
MOST = 5


def changed_code(run: Run, previous: Run) -> tuple[str, ...]:
    """Return which code changed between two runs, as one sentence or none.

    What git knows is not asked: notebooks, modules and mlkit are known by their hashes
    in the key of each step that both runs have.

    Parameters
    ----------
    run, previous : dict
        The records.
    """
    now, before = _key_parts(run), _key_parts(previous)
    found: dict[str, None] = {}
    for name in now:
        new, old = now[name], before.get(name, {})
        if _differ(new.get("notebook"), old.get("notebook")):
            found[f"notebooks/{name}.ipynb"] = None
        modules = new.get("workspace_code"), old.get("workspace_code")
        if None not in modules:
            found |= dict.fromkeys(_files(*modules))
        if _differ(new.get("mlkit"), old.get("mlkit")):
            found["mlkit"] = None
    if not found:
        return ()
    # What a person has edited comes before the package.
    names = sorted(found, key=lambda name: (name == "mlkit", list(found).index(name)))
    return (f"Code: {wording.listing(names, MOST)} changed",)


def _key_parts(run: Run) -> dict[str, Mapping[str, Any]]:
    steps = run.get("steps") or ()
    parts = {s.get("name"): (s.get("key") or {}).get("parts") for s in steps}
    return {str(name): each for name, each in parts.items() if each}


def _differ(new: Any, old: Any) -> bool:
    """Return whether both are known and not the same."""
    return None not in (new, old) and new != old


def _files(new: Any, old: Any) -> list[str]:
    return [n for n in sorted({*new, *old}) if new.get(n) != old.get(n)]
