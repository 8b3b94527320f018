"""A retrain: check everything, run the notebooks, decide, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mlkit import params as params_room
from mlkit import store
from mlkit.params import Params
from mlkit.pipeline.checking import NOTEBOOKS, check_params
from mlkit.pipeline.decide import Decision, StaleChampionError, decide
from mlkit.pipeline.execute import StepError
from mlkit.pipeline.running import Ended, Runner, conduct
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.steps import read_result

# Kernels at the same time: a fourth of them would wait for the third on most machines.
JOBS = 2


def retrain(
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    force: bool = False,
    jobs: int = JOBS,
    resume: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Train, evaluate and decide about a new version of a case's model.

    A step whose key (its notebook, params, data, earlier steps, champion and code) is
    that of a good earlier result is not run: the result is taken from there.

    Parameters
    ----------
    case : str
        Name of the case.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    wait : bool
        Queue behind a run of the same case instead of ending at once.
    force : bool
        Run all steps, whatever earlier results there are.
    jobs : int
        How many steps may run at the same time, at most as many as there are cores.
    resume : str, optional
        A run that did not end well: its params are used, and its good steps are taken
        even though code or packages have changed since.
    say : callable
        Is given each line of progress.
    progress_bar : bool
        Show papermill's progress bar.

    Returns
    -------
    Ended
        The run's record, whatever the verdict was.

    Raises
    ------
    ParamsError, RegistryError, SignatureError
        As `check_case` does, before anything is written. What stops a run later is told
        by its record.
    BusyError
        If a run of the case is under way and `wait` is false.
    """
    root = root or store.workspace_root()
    params = params_room.load_params(case, root, overrides=overrides)
    return retrain_params(
        params,
        root=root,
        wait=wait,
        force=force,
        jobs=jobs,
        resume=resume,
        say=say,
        progress_bar=progress_bar,
    )


def retrain_params(
    params: Params,
    *,
    root: Path,
    wait: bool = False,
    force: bool = False,
    jobs: int = JOBS,
    resume: str | None = None,
    fan_out: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Retrain what params describe that need not stand in a file, such as a segment.

    Parameters
    ----------
    params : Params
        The params; the run is filed under ``params.case``.
    root : Path
        The workspace.
    wait, force, jobs, resume, say, progress_bar
        As in `retrain`.
    fan_out : str, optional
        The run of kind ``fan_out`` that this one is a member of.

    Returns
    -------
    Ended
        The run's record, whatever the verdict was.

    Raises
    ------
    ParamsError, RegistryError, SignatureError, BusyError
        As `retrain` does.
    """
    check_params(params, root)
    return conduct(
        params,
        root,
        partial(_work, force=force, jobs=jobs, resume=resume),
        kind="retrain",
        wait=wait,
        say=say,
        progress_bar=progress_bar,
        resumed=resume,
        fan_out=fan_out,
    )


def _work(runner: Runner, *, force: bool, jobs: int, resume: str | None) -> None:
    for name in NOTEBOOKS:
        # A drift check informs; whether it can be made decides nothing about a model.
        try:
            runner.notebook(name)
        except StepError as error:
            if name != "drift":
                raise
            runner.say(f"{error}; the run goes on without it")
    runner.record.update(data=_data_facts(runner.record.folder))
    decision = _decide(runner)
    runner.record.update(verdict=decision.to_dict())
    runner.say(f"{decision.verdict}: {decision.reason}")


def _data_facts(folder: RunFolder) -> dict[str, Any]:
    result = read_result(folder.path, "data")
    assert result is not None, "the data step reached its end"
    return {"fingerprint": result["fingerprint"], **result["results"]}


def _decide(runner: Runner) -> Decision:
    """Commit the proposal; evaluate once more if the champion changed meanwhile."""
    try:
        return _decide_once(runner)
    except StaleChampionError as error:
        runner.say(f"{error}; evaluating once more")
    runner.notebook("evaluate")
    return _decide_once(runner)


def _decide_once(runner: Runner) -> Decision:
    with runner.step("decide"):
        return decide(runner.record, runner.params, runner.root)
