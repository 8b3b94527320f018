"""The key of a step: everything that its result follows from.

Two steps with the same key come to the same result, so that the earlier one can be
taken. Where the keys differ, their parts say why the step has to run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import registry, sources, store
from mlkit.params import Params
from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.code import notebook_digest, own_modules, package_digest
from mlkit.pipeline.cutoff import cutoff_floor
from mlkit.pipeline.graph import EVERY, GRAPH
from mlkit.pipeline.record import lock_digest, packages
from mlkit.pipeline.signatures import signature
from mlkit.report import summary
from mlkit.report.concealed import conceal

# What must be the same even for a run that goes on from another one.
ESSENTIAL = ("params", "data", "cutoff", "before", "champion")
UNTOLD = "the content of the data cannot be told without reading it"
LONGEST = 60
SENSITIVE = "data.sensitive"


@dataclass(frozen=True)
class Key:
    """The key of a step, in parts.

    Attributes
    ----------
    parts : dict
        ``notebook``, ``params``, ``data``, ``cutoff``, ``before``, ``champion``,
        ``mlkit``, ``workspace_code``, ``lock``, ``python`` and ``packages``.
    """

    parts: Mapping[str, Any]

    @property
    def told(self) -> bool:
        """Whether the content of the data is known; else no result can be taken."""
        return self.parts["data"] is not None

    @property
    def digest(self) -> str:
        """The SHA-256 that equal keys share."""
        return store.sha256_bytes(store.canonical_json(dict(self.parts)))

    def essence(self) -> Key:
        """Return the parts that hold although code and packages may change."""
        return Key({name: self.parts.get(name) for name in ESSENTIAL})

    def to_dict(self) -> dict[str, Any]:
        """Return the key as plain JSON data."""
        return {"digest": self.digest, "parts": dict(self.parts)}


def code_parts() -> dict[str, Any]:
    """Return the parts of a key that are the same for all steps."""
    return {
        "mlkit": package_digest(),
        "lock": lock_digest(),
        "python": platform.python_version(),
        "packages": packages(),
    }


def step_key(
    name: str,
    params: Params,
    root: Path,
    *,
    code: Mapping[str, Any],
    before: Mapping[str, str],
    fingerprint: str | None = None,
) -> Key:
    """Return the key of a step as things stand now.

    Parameters
    ----------
    name : str
        The step.
    params : Params
        The params of the run.
    root : Path
        The workspace.
    code : mapping
        What `code_parts` returned.
    before : mapping of str to str
        Earlier step to the SHA-256 of its outputs.
    fingerprint : str, optional
        What the data step found, for data whose content cannot be told otherwise.
    """
    node = GRAPH[name]
    notebook = notebook_path(name, root)
    read = settings_read(name, params, notebook)
    return Key(
        {
            "notebook": notebook_digest(notebook),
            "params": read,
            "data": _data(params, root, current=node.current, fingerprint=fingerprint),
            "cutoff": cutoff_floor(params, root),
            "before": {step: before[step] for step in node.after},
            "champion": _champion(params, root) if node.champion else None,
            "workspace_code": own_modules(read, notebook, root),
            **code,
        }
    )


def settings_read(name: str, params: Params, notebook: Path) -> dict[str, Any]:
    """Return the params that a step reads, as one level of dotted names."""
    given = params.to_dict()
    flat = summary.flat(given)
    keys = [*EVERY, *GRAPH[name].settings]
    found = {key: flat[key] for key in keys}
    for section in signature(notebook):
        if isinstance(given.get(section), dict):
            found[section] = given[section]
    return found


def _data(
    params: Params, root: Path, *, current: bool, fingerprint: str | None
) -> dict[str, str] | None:
    told = sources.content_digests(params, root)
    if told is None and fingerprint is not None:
        told = {"fingerprint": fingerprint}
    more = sources.current_digests(params, root) if current else {}
    return None if told is None or more is None else told | more


def _champion(params: Params, root: Path) -> dict[str, str] | None:
    found = registry.open_registry(params.model, root).state().production
    return None if found is None else {"version": found.version, "digest": found.digest}


def outputs_digest(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a step hands on: the files in its folder."""
    made = {name: digest for name, digest in entry["outputs"].items() if "/" in name}
    return store.sha256_bytes(store.canonical_json(made))


def entry_digest(entry: Mapping[str, Any]) -> str:
    """Return the SHA-256 of everything that a step made."""
    return store.sha256_bytes(store.canonical_json(dict(entry["outputs"])))


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], *, step: str
) -> list[str]:
    """Return in what the parts of two keys of a step differ, a sentence each.

    Parameters
    ----------
    old, new : mapping
        The parts of the earlier and of the present key.
    step : str
        The step's name.

    Examples
    --------
    >>> differences({"python": "3.11.1"}, {"python": "3.12.0"}, step="train")
    ['python changed 3.11.1 -> 3.12.0']
    """
    said: list[str] = []
    for part, tell in TOLD.items():
        before, now = old.get(part), new.get(part)
        if _differ(before, now):
            said += tell(before, now)
    if _differ(old.get("notebook"), new.get("notebook")):
        said.append(f"notebooks/{step}.ipynb changed")
    # Such as an empty group that is new, of which there is nothing to name.
    return said or ["what its key is made of changed"] * _differ(dict(old), dict(new))


def _differ(old: Any, new: Any) -> bool:
    """Return whether two values are written differently: ``true`` is not ``1``."""
    return store.canonical_json(old) != store.canonical_json(new)


def _changed(
    prefix: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[str]:
    before, now = summary.flat(old or {}), summary.flat(new or {})
    columns = [name for each in (before, now) for name in each.get(SENSITIVE) or ()]
    shown = [conceal(each, columns) for each in (before, now)]
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            values = " -> ".join(_shown(each.get(name)) for each in shown)
            yield f"{prefix}{name} changed {values}"


def _data_changed(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> Iterator[str]:
    if new is None:
        yield UNTOLD
        return
    before = old or {}
    names = [n for n in sorted({*before, *new}) if before.get(n) != new.get(n)]
    yield f"the data changed: {', '.join(names)}"


def _champion_changed(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> Iterator[str]:
    before, now = (
        champion["version"] if champion else "none" for champion in (old, new)
    )
    yield f"the champion changed: {before} -> {now}"


def _files_changed(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> Iterator[str]:
    before, now = old or {}, new or {}
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name} changed"


def _before_changed(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> Iterator[str]:
    before, now = old or {}, new or {}
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"the result of {name} changed"


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


# Part of a key to what is said when it changes, in the order of what people look for.
TOLD: dict[str, Callable[[Any, Any], Iterator[str] | list[str]]] = {
    "params": lambda old, new: _changed("params.", old, new),
    "data": _data_changed,
    "cutoff": lambda old, new: [
        f"the day of the split changed: {old or 'none'} -> {new or 'none'}"
    ],
    "before": _before_changed,
    "champion": _champion_changed,
    "workspace_code": _files_changed,
    "mlkit": lambda old, new: ["mlkit changed"],
    "lock": lambda old, new: ["requirements.lock changed"],
    "python": lambda old, new: [f"python changed {old} -> {new}"],
    "packages": lambda old, new: _changed("", old, new),
}
