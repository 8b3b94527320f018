"""Which code a version was made with, and whether that is the code of today."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.code import notebook_digest, own_modules, package_digest
from mlkit.pipeline.keys import settings_read
from mlkit.pipeline.record import PROJECT, code_state
from mlkit.reproduce.recorded import Recorded
from mlkit.reproduce.replay import STEPS
from mlkit.reproduce.wording import Difference

DIRTY = "-dirty"


@dataclass(frozen=True)
class Code:
    """Whether the code is the same (None: nobody can tell), and what is not."""

    same: bool | None
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def code_input(recorded: Recorded, root: Path) -> Code:
    """Compare the code that a version was made with and the code that is there now.

    The keys of the run's steps know it by content; without them it is known by the
    commit alone, and not at all where that had uncommitted changes.

    Parameters
    ----------
    recorded : Recorded
        The version.
    root : Path
        The workspace.
    """
    place = root if code_state(root) is not None else PROJECT
    state = code_state(place)
    now = None if state is None else state["commit"] + DIRTY * state["dirty"]
    then = recorded.manifest.get("code")
    keys = _recorded_keys(recorded)
    if keys:
        found = tuple(_by_content(keys, recorded, root))
        same: bool | None = not found
    else:
        same = _same_commit(then, now)
        found = (Difference("commit", then, now),) if same is False else ()
    notes = [] if same else list(_way_back(then, now, place))
    if "mlkit" in [each.what for each in found] and place != PROJECT:
        version = (recorded.manifest.get("packages") or {}).get("mlkit", "unknown")
        notes.append(
            f"mlkit is not in {place}: it is another one than then ({version})"
        )
    if same and then != now:
        notes.append(
            f"the commit was {_short(then)} and is {_short(now)}; the code that "
            f"{' and '.join(STEPS)} run is the same in both"
        )
    return Code(same, found, tuple(notes))


def _same_commit(then: str | None, now: str | None) -> bool | None:
    """Whether two commits are the same code; None where nobody can tell."""
    if then is None or now is None:
        return None
    if then.removesuffix(DIRTY) != now.removesuffix(DIRTY):
        return False
    return None if DIRTY in then else DIRTY not in now


def _recorded_keys(recorded: Recorded) -> dict[str, Mapping[str, Any]]:
    """Return the parts of the keys of the steps that a replay runs."""
    found = {}
    for entry in (recorded.run or {}).get("steps") or ():
        parts = (entry.get("key") or {}).get("parts")
        if entry.get("name") in STEPS and isinstance(parts, Mapping):
            found[entry["name"]] = parts
    return found


def _by_content(
    keys: Mapping[str, Mapping[str, Any]], recorded: Recorded, root: Path
) -> Iterator[Difference]:
    files: dict[str, Difference] = {}
    for step, parts in keys.items():
        notebook = notebook_path(step, root)
        read = settings_read(step, recorded.params, notebook)
        then = {
            f"notebooks/{step}.ipynb": parts.get("notebook"),
            "mlkit": parts.get("mlkit"),
            **(parts.get("workspace_code") or {}),
        }
        now = {
            f"notebooks/{step}.ipynb": notebook_digest(notebook),
            "mlkit": package_digest(),
            **own_modules(read, notebook, root),
        }
        for name in sorted({*then, *now}):
            if then.get(name) != now.get(name):
                files[name] = Difference(name, then.get(name), now.get(name))
    yield from files.values()


def _way_back(then: str | None, now: str | None, place: Path) -> Iterator[str]:
    """Yield how to replay with the code that the version was made with."""
    if then is None:
        yield "the version does not name a commit: its code is not known"
        return
    commit = then.removesuffix(DIRTY)
    if DIRTY in then:
        yield f"it was made from uncommitted changes to {_short(commit)}: not kept"
    if now is None:
        yield f"it was made with commit {commit}, and {place} is no git repository"
        return
    if commit == now.removesuffix(DIRTY):
        if DIRTY in now:
            yield "there are uncommitted changes now: `git stash` puts them away"
        return
    if not _has(commit, place):
        yield f"it was made with commit {commit}, which {place} does not have: fetch it"
        return
    stash = "commit or stash your changes, " if DIRTY in now else ""
    yield (
        f"it was made with commit {_short(commit)}; to replay it with that code: "
        f"{stash}`git -C {place} switch --detach {_short(commit)}`, run this again, "
        f"then `git -C {place} switch -`"
    )


def _has(commit: str, place: Path) -> bool:
    asked = ["git", "-C", str(place), "cat-file", "-e", f"{commit}^{{commit}}"]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


def _short(commit: str | None) -> str:
    if commit is None:
        return "none"
    return commit[:12] + (" (with uncommitted changes)" if DIRTY in commit else "")
