"""What is known of a version, and its params as this mlkit can read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import params as params_room
from mlkit import registry, store
from mlkit.params import Params, ParamsError
from mlkit.params.edit import without
from mlkit.pipeline import runs
from mlkit.registry import ModelRegistry


class ReproduceError(ValueError):
    """A version that cannot be replayed: its data or its params are gone."""


@dataclass(frozen=True)
class Recorded:
    """A version as it was recorded.

    Attributes
    ----------
    registry : ModelRegistry
        Where it is filed.
    version, stage : str
        Its number, and where it stands.
    manifest : mapping
        What was stored when it was registered.
    run : mapping or None
        The record of its run; None where that is not there any more.
    params : Params
        The recorded params.
    refused : mapping of str to str
        Recorded key that this mlkit does not accept, and why.
    new : mapping of str to object
        Key that was not there when the version was made, and the default it has now.
    """

    registry: ModelRegistry
    version: str
    stage: str
    manifest: Mapping[str, Any]
    run: Mapping[str, Any] | None
    params: Params
    refused: Mapping[str, str]
    new: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Model and version, as people say it."""
        return f"{self.registry.model} {self.version}"


def find_recorded(model: str, which: str, root: Path) -> Recorded:
    """Return a version by number, by stage or as ``latest``.

    Raises
    ------
    RegistryError
        When there is none.
    DamageError
        When its manifest is missing or altered.
    ReproduceError
        When its params cannot be read by this mlkit.
    """
    opened = registry.open_registry(model, root)
    found = opened.show(which)
    stored = found.manifest["params"]
    name = f"{model} {found.version}"
    params, refused = _readable(stored, name)
    new = dict(_new(params.to_dict(), stored, ()))
    run = _run_record(found.manifest.get("run"), params.case, root)
    return Recorded(
        opened, found.version, found.stage, found.manifest, run, params, refused, new
    )


def _readable(stored: Mapping[str, Any], name: str) -> tuple[Params, dict[str, str]]:
    """Return recorded params without the keys that are not accepted any more."""
    try:
        return params_room.params_from_dict(stored), {}
    except ParamsError as error:
        problems = error.problems
    kept: Any = stored
    for problem in problems:
        if problem.path:
            kept = without(kept, problem.path)
    try:
        params = params_room.params_from_dict(kept)
    except ParamsError as error:
        raise ReproduceError(
            f"{name} was asked for, and its recorded params cannot be read by this "
            f"mlkit: {error}; replay it with the version of mlkit that made it"
        ) from error
    return params, {problem.key: problem.rule for problem in problems}


def _new(
    now: Mapping[str, Any], stored: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[str, Any]]:
    """Yield the keys of sections that the recorded params do not have."""
    for key, value in now.items():
        place = (*path, key)
        if key not in stored:
            yield ".".join(place), value
        elif isinstance(value, Mapping) and isinstance(stored[key], Mapping):
            yield from _new(value, stored[key], place)


def _run_record(run: Any, case: str, root: Path) -> Mapping[str, Any] | None:
    if not isinstance(run, str):
        return None
    path = runs.case_folder(case, root) / run / "run.json"
    try:
        record = store.read_json(path)
    except (FileNotFoundError, ValueError):
        return None
    return record if isinstance(record, dict) else None
