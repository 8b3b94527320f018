"""The recorded run once more, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlkit
from mlkit import pipeline, registry, sources, store
from mlkit.params import Params
from mlkit.params.edit import merge
from mlkit.pipeline import runs
from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.code import own_modules
from mlkit.registry import Candidate
from mlkit.reproduce.recorded import Recorded, ReproduceError

STEPS = ("train", "evaluate")
OWN = ("reports", "registry", "params", "notebooks")
PACKAGE = Path(mlkit.__file__).parent
# A slower machine must not turn a replay into one that ran out of time.
PATIENCE = 10
ENDLESS = 1e9


@dataclass(frozen=True)
class Replayed:
    """What a replay came to.

    Attributes
    ----------
    digest : str
        Digest of the model's fitted state.
    metrics : mapping
        Metric to its estimate.
    fingerprint : str
        Fingerprint of the data.
    schema : mapping
        The columns.
    train_rows : bytes
        Hashes of the rows it was trained on, an ``.npy`` file.
    """

    digest: str
    metrics: Mapping[str, Any]
    fingerprint: str
    schema: Mapping[str, Any]
    train_rows: bytes


@contextmanager
def scratch_folder(keep: bool) -> Iterator[Path]:
    """Yield an empty folder, which is removed afterwards unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="mlkit-reproduce-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def replay(
    recorded: Recorded, root: Path, folder: Path, *, say: Callable[[str], None]
) -> Replayed:
    """Train and evaluate as recorded, in a workspace made in an empty folder.

    Parameters
    ----------
    recorded : Recorded
        The version.
    root : Path
        The workspace; it is only read.
    folder : Path
        The empty folder.
    say : callable
        Is given each line of progress.

    Raises
    ------
    ReproduceError
        If the data are not there any more.
    StepError
        If a notebook does not reach its end.
    """
    params = adapted(recorded, root)
    try:
        sources.check_source(params, root)
    except sources.SourceError as error:
        raise ReproduceError(
            f"{recorded.name} was asked for, and the data it learned from are gone: "
            f"{error}"
        ) from error
    _furnish(recorded, params, root, folder)
    for step in STEPS:
        pipeline.run_draft(step, params.case, root=folder, say=say)
    return read_replay(folder, params.case)


def read_replay(folder: Path, case: str) -> Replayed:
    """Return what a replay in a folder came to."""
    draft = runs.case_folder(case, folder) / runs.DRAFT
    trained = store.read_json(draft / "train" / "training.json")
    evaluated = store.read_json(draft / "evaluate.json")
    return Replayed(
        digest=trained["training"]["digest"],
        metrics=evaluated["results"]["evaluation"]["metrics"]["model"],
        fingerprint=trained["fingerprint"],
        schema=trained["schema"],
        train_rows=(draft / "train" / "train_rows.npy").read_bytes(),
    )


def adapted(recorded: Recorded, root: Path) -> Params:
    """Return the recorded params as the scratch folder needs them.

    Paths no longer start at the workspace, a search tries as many settings as it came
    to try and takes its time, and a slower machine is given more of it.
    """
    params = recorded.params.to_dict()
    data = params["data"]
    places: dict[str, Any] = {
        "source": _absolute(data["source"], root),
        "test": _absolute(data["test"], root),
        "files": {name: _absolute(path, root) for name, path in data["files"].items()},
    }
    drift = {"current": _absolute(params["drift"]["current"], root)}
    limits = {key: value * PATIENCE for key, value in params["pipeline"].items()}
    changed: dict[str, Any] = {
        "data": places,
        "drift": drift,
        "pipeline": limits,
        "registry": {"version": None},
    }
    tried = candidates_tried(recorded.manifest)
    if tried is not None and params["train"]["search"] is not None:
        changed["train"] = {"search": {"candidates": tried, "seconds": ENDLESS}}
    adapted: Params = type(recorded.params).model_validate(merge(params, changed))
    return adapted


def candidates_tried(manifest: Mapping[str, Any]) -> int | None:
    """Return how many settings the recorded search tried; None without a search."""
    search = manifest.get("training", {}).get("search")
    return None if search is None else int(search["candidates"])


def _absolute(source: str | None, root: Path) -> str | None:
    """Return where a relative path points, seen from the workspace."""
    if source is None or source.startswith(("sklearn:", "synthetic:")):
        return source
    return store.resolve(source, root)


def _furnish(recorded: Recorded, params: Params, root: Path, folder: Path) -> None:
    """Make the folder a workspace: notebooks, params, and the user's own modules."""
    shutil.copytree(root / "notebooks", folder / "notebooks")
    store.write_json(folder / "params" / f"{params.case}.yaml", params.to_dict())
    modules = {
        Path(file).parts[0]
        for step in STEPS
        for file in own_modules(params.to_dict(), notebook_path(step, root), root)
    }
    for path in sorted(root.iterdir()):
        hidden = path.name.startswith((".", "__")) and path.name != ".env"
        # mlkit is the installed one; a second one beside it would hide it.
        if hidden or path.name in OWN or path.resolve() == PACKAGE:
            continue
        # Python writes beside a module what it has compiled.
        if path.name in modules and path.is_dir():
            shutil.copytree(path, folder / path.name)
        elif path.name in modules:
            shutil.copy2(path, folder / path.name)
        else:
            os.symlink(path, folder / path.name)
    if recorded.manifest.get("split", {}).get("by") == "time":
        _register(recorded, params, folder)


def _register(recorded: Recorded, params: Params, folder: Path) -> None:
    """Let the scratch registry know the version's cutoff.

    A split by time only moves forward, and at its time the version may have been moved
    by an earlier one.
    """
    manifest = recorded.manifest
    candidate = Candidate(
        digest=manifest["digest"],
        schema=manifest["schema"],
        params=params.to_dict(),
        fingerprint=manifest["fingerprint"],
        estimator=manifest.get("estimator", ""),
        family=manifest.get("family", ""),
        who=pipeline.who(),
        created_at=pipeline.now(),
        split=manifest["split"],
    )
    stored = {"manifest.json": store.canonical_json(dict(manifest))}
    registry.open_registry(params.model, folder).register(candidate, stored)
