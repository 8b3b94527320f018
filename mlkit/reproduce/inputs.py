"""Which inputs of a version are not what they were: data, params, code, packages."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mlkit import params as params_room
from mlkit.params import ParamsError
from mlkit.pipeline.artifacts import read_npy
from mlkit.pipeline.record import lock_digest, packages
from mlkit.registry.differences import differences
from mlkit.reproduce.code import code_input
from mlkit.reproduce.recorded import Recorded
from mlkit.reproduce.replay import Replayed, candidates_tried
from mlkit.reproduce.wording import Difference

Name = Literal["data", "params", "code", "packages"]
TRAIN_ROWS = "train_rows.npy"


@dataclass(frozen=True)
class Input:
    """One of the four inputs of a version.

    Attributes
    ----------
    name : str
        ``data``, ``params``, ``code`` or ``packages``.
    same : bool or None
        Whether it is what it was; None where nobody can tell.
    differences : tuple of Difference
        In what it differs.
    notes : tuple of str
        What else there is to know of it.
    """

    name: Name
    same: bool | None
    differences: tuple[Difference, ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the input as plain JSON data."""
        return asdict(self) | {"differences": [d.to_dict() for d in self.differences]}


def find_inputs(
    recorded: Recorded, replayed: Replayed | None, root: Path
) -> tuple[Input, ...]:
    """Return what became of each input of a version.

    Parameters
    ----------
    recorded : Recorded
        The version.
    replayed : Replayed or None
        What its replay came to; None when it did not reach its end.
    root : Path
        The workspace.
    """
    code = code_input(recorded, root)
    return (
        _data(recorded, replayed),
        _params(recorded, root),
        Input("code", code.same, code.differences, code.notes),
        _packages(recorded),
    )


def _data(recorded: Recorded, replayed: Replayed | None) -> Input:
    if replayed is None:
        return Input("data", None, (), ("the replay did not come to read them",))
    old = recorded.manifest
    if old["fingerprint"] == replayed.fingerprint:
        return Input("data", True)
    content = Difference("fingerprint", old["fingerprint"], replayed.fingerprint)
    now = {**old, "schema": replayed.schema}
    columns = [Difference(d.what, d.old, d.new) for d in differences(old, now)]
    return Input("data", False, (content, *columns), tuple(_rows(recorded, replayed)))


def _rows(recorded: Recorded, replayed: Replayed) -> Iterator[str]:
    if TRAIN_ROWS not in recorded.manifest["artifacts"]:
        return
    stored = recorded.registry.artifact(recorded.version, TRAIN_ROWS)
    before, now = read_npy(stored), read_npy(replayed.train_rows)
    gone, new = (len(np.setdiff1d(a, b)) for a, b in ((before, now), (now, before)))
    yield (
        f"of the {len(before):,} different rows it learned from, {gone:,} are no "
        f"longer among the training rows, and {new:,} others are"
    )


def _params(recorded: Recorded, root: Path) -> Input:
    manifest = recorded.manifest
    found = [
        Difference(f"params.{key}", "recorded", f"not accepted by this mlkit: it {why}")
        for key, why in recorded.refused.items()
    ]
    if recorded.run is not None and recorded.run.get("params"):
        of_run = {**manifest, "params": recorded.run["params"]}
        found += [
            Difference(d.what, d.old, d.new, "in the run's record", "in the manifest")
            for d in differences(of_run, manifest)
        ]
    return Input("params", not found, tuple(found), tuple(_about(recorded, root)))


def _about(recorded: Recorded, root: Path) -> Iterator[str]:
    """Yield what the params of the replay have to do with those of today."""
    for key, value in recorded.new.items():
        yield f"params.{key} was not there then; its default is used: {value!r}"
    tried = candidates_tried(recorded.manifest)
    if tried is not None:
        yield f"the search tried {tried:,} settings in its time; so does the replay"
    case, manifest = recorded.params.case, recorded.manifest
    file = f"params/{case}.yaml"
    if not (root / file).exists():
        return
    try:
        today = params_room.load_params(case, root)
    except ParamsError as error:
        yield f"{file} cannot be read by now, and is not needed: {error}"
        return
    now = {**manifest, "params": today.to_dict()}
    then = {**manifest, "params": recorded.params.to_dict()}
    changed = [d.sentence for d in differences(then, now)]
    if changed:
        yield f"{file} has changed since, the recorded params count: " + "; ".join(
            changed
        )


def _packages(recorded: Recorded) -> Input:
    stored = recorded.manifest.get("packages") or {}
    now = {**packages(), "python": platform.python_version()}
    if not stored:
        return Input("packages", None, (), ("the manifest does not name them",))
    found = [
        Difference(name, stored.get(name), now.get(name))
        for name in sorted({*stored, *now})
        if stored.get(name) != now.get(name)
    ]
    locks = (recorded.run or {}).get("lock"), lock_digest()
    if all(locks) and locks[0] != locks[1]:
        found.append(Difference("requirements.lock", *locks))
    return Input("packages", not found, tuple(found), tuple(_machine(recorded)))


def _machine(recorded: Recorded) -> Iterator[str]:
    before = (recorded.run or {}).get("platform")
    if before is not None and before != platform.platform():
        yield f"the machine was {before} and is {platform.platform()}"
