"""Adding to the log: decide, publish, and decide anew when another was first."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.registry import log
from mlkit.registry.commits import Action, Change, Commit, stamp, to_bytes
from mlkit.registry.errors import ConflictError
from mlkit.registry.state import State, fold

PATIENCE = 200
PAUSE = 0.02


@dataclass(frozen=True)
class Note:
    """Who makes a commit, when, why, for which run and on what evidence."""

    by: str
    at: datetime
    why: str = ""
    run: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def checked(self) -> Note:
        """Return the note when it can be stored, before anything is written."""
        stamp(self.at)
        store.canonical_json([self.by, self.why, self.run, dict(self.evidence)])
        return self


@dataclass(frozen=True)
class Decision:
    """What a commit changes, and the manifests (by version) that it makes known."""

    changes: tuple[Change, ...]
    manifests: Mapping[str, bytes] = field(default_factory=dict)


def prepare(folder: Path) -> None:
    """Make a model's folders, durably even when several processes make them at once."""
    for part in ("blobs", "log", "versions"):
        store.make_folder(folder / part)
    if log.last_entry(folder) == 0:
        # Whoever made a folder may not have flushed its name yet.
        for place in (folder, folder.parent, folder.parent.parent):
            store.sync_folder(place)


def add_commit(
    folder: Path,
    model: str,
    action: Action,
    note: Note,
    decide: Callable[[State], Decision],
) -> tuple[Commit, State]:
    """Publish the commit that `decide` makes of the present state.

    Parameters
    ----------
    folder : Path
        The model's folder.
    model : str
        Its name.
    action : str
        What the commit is called.
    note : Note
        Who, when and why.
    decide : callable
        From a state to what is to change. It is asked again, with the new state, when
        another writer was first; an error it raises ends the attempt.

    Returns
    -------
    tuple of Commit and State
        The commit as published, and the state after it.

    Raises
    ------
    ConflictError
        When the log does not show the entries that keep this one from being written.
    """
    name = secrets.token_hex(16)
    for attempt in range(PATIENCE):
        before = log.read_snapshot(folder, model)
        log.check_not_shortened(folder, before)
        decision = decide(before.state)
        commit = Commit(
            number=before.state.as_of + 1,
            id=name,
            previous=before.head,
            model=model,
            action=action,
            at=stamp(note.at),
            by=note.by,
            why=note.why,
            changes=decision.changes,
            run=note.run,
            evidence=note.evidence,
        )
        if log.publish(folder, commit):
            head = store.sha256_bytes(to_bytes(commit))
            after = log.Snapshot(fold([commit], before.state), head)
            log.write_caches(folder, after, decision.manifests)
            return commit, after.state
        # A network file system may list a rival's entry a little later.
        time.sleep(PAUSE if attempt > PATIENCE // 2 else 0)
    raise ConflictError(
        f"the log of {model!r} was written by others {PATIENCE} times in a row while "
        f"this commit ({action}) was made; nothing was changed: try again"
    )
