"""Everything about a case that can be checked without a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlkit import params as params_room
from mlkit import registry, store
from mlkit.params import Params, ParamsError, Problem
from mlkit.pipeline.graph import NOTEBOOKS
from mlkit.pipeline.signatures import SignatureError, arguments


def check_case(
    case: str, *, root: Path | None = None, overrides: Sequence[str] = ()
) -> Params:
    """Check everything about a case that can be checked without a kernel.

    Parameters
    ----------
    case : str
        Name of the case.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.

    Raises
    ------
    ParamsError
        If a key or a value is wrong, or the data, the estimator or a metric that it
        names is not there; every problem is listed.
    RegistryError
        If the registry can not have a model of that name.
    SignatureError
        If a notebook's ``parameters`` cell is not a signature.
    """
    root = root or store.workspace_root()
    params = params_room.load_params(case, root, overrides=overrides)
    check_params(params, root)
    return params


def check_params(params: Params, root: Path) -> None:
    """Check everything that params name, as `check_case` does."""
    _check_what_params_name(params, root)
    check_version(params, root)
    for name in NOTEBOOKS:
        arguments(notebook_path(name, root), params.case, None, params.to_dict())


def _check_what_params_name(params: Params, root: Path) -> None:
    """Check that estimator, metrics, statistics and data of a case exist."""
    # They import what takes longer than a run in which nothing has changed.
    from mlkit import drift, evaluate, sources, train

    problems: list[Problem] = []
    try:
        train.check_estimator(params)
    except ParamsError as error:
        problems += error.problems
    try:
        evaluate.check_metric_names(params)
    except ValueError as error:
        problems.append(Problem((), str(error)))
    try:
        drift.check_statistics(params)
    except ValueError as error:
        problems.append(Problem((), str(error)))
    try:
        sources.check_source(params, root)
    except sources.SourceError as error:
        problems.append(Problem((), f"data: {error}"))
    if problems:
        raise ParamsError(f"params/{params.case}.yaml", problems)


def check_version(params: Params, root: Path) -> None:
    """Raise ParamsError for a version's name that another model has taken.

    The same params may be run again: the model may be identical to that version.
    """
    versions = registry.open_registry(params.model, root)
    name = params.registry.version
    if name is None or name.removeprefix("v") not in versions.state().versions:
        return
    taken = versions.show(name)
    if any(
        taken.manifest["params"][section] != params.to_dict()[section]
        for section in ("data", "train", "evaluate", "seed")
    ):
        raise ParamsError(
            f"params/{params.case}.yaml",
            [
                Problem(
                    ("registry", "version"),
                    f"must be a number that is free, and {taken.version} is in "
                    f"{taken.stage} since run {taken.manifest['run']}",
                    name,
                    "name another, or leave it out to number by rule",
                )
            ],
        )


def notebook_path(name: str, root: Path) -> Path:
    """Return the path of a notebook, which must be there."""
    path = root / "notebooks" / f"{name}.ipynb"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.ipynb"))) or "none"
        raise SignatureError(
            f"the notebook {name!r} was asked for, and {path} is not there; notebooks "
            f"in this workspace: {known}"
        )
    return path
