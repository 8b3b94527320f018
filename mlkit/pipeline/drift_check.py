"""A drift check: the drift notebook alone, in a run of its own, with an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mlkit import params as params_room
from mlkit import registry, sources, store
from mlkit.params import Params
from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.running import Ended, Runner, conduct
from mlkit.pipeline.signatures import arguments
from mlkit.registry import RegistryError
from mlkit.report import summary
from mlkit.sources.places import find_place, measure


def check_drift(
    case: str,
    *,
    data: str | None = None,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Compare current rows with those that the version in production learned from.

    Parameters
    ----------
    case : str
        Name of the case.
    data : str, optional
        A file of current rows, path or fsspec URI, which starts at the workspace; None
        takes what ``drift.current`` says, else the rows of the case's own source.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    wait : bool
        Queue behind a run of the same case instead of ending at once.
    say : callable
        Is given each line of progress.
    progress_bar : bool
        Show papermill's progress bar.

    Returns
    -------
    Ended
        The run's record, whatever was found.

    Raises
    ------
    ParamsError, SourceError, RegistryError, SignatureError
        If the params are wrong, the file is not there or nothing is in production,
        before anything is written.
    BusyError
        If a run of the case is under way and `wait` is false.
    """
    root = root or store.workspace_root()
    params = _checked(case, data, root, overrides)
    return conduct(
        params,
        root,
        _work,
        kind="drift",
        wait=wait,
        say=say,
        progress_bar=progress_bar,
    )


def _checked(
    case: str, data: str | None, root: Path, overrides: Sequence[str]
) -> Params:
    given = {} if data is None else {"drift": {"current": data}}
    params = params_room.load_params(case, root, overrides=overrides, sections=given)
    if params.drift.current is None:
        sources.check_source(params, root)
    else:
        measure(find_place(params.drift.current, root))
        _check_production(params, root)
    arguments(notebook_path("drift", root), case, None, params.to_dict())
    return params


def _check_production(params: Params, root: Path) -> None:
    if registry.open_registry(params.model, root).production() is None:
        raise RegistryError(
            f"drift of {params.drift.current} was asked for, which is compared with "
            f"what the version in production learned from, and nothing of "
            f"{params.model!r} is in production; run `mlkit retrain {params.case}` "
            "first, or promote a version"
        )


def _work(runner: Runner) -> None:
    runner.notebook("drift")
    found = runner.record.content["steps"][-1]["scraps"]["drift"]
    runner.record.update(drift=found)
    runner.say(f"{summary.drift_outcome(found).headline}. {found['reason']}")
