"""A retrain: check everything, run the notebooks, decide, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.pipeline.checking import NOTEBOOKS, check_case
from mlkit.pipeline.decide import Decision, StaleChampionError, decide
from mlkit.pipeline.execute import StepError
from mlkit.pipeline.running import Ended, Runner, conduct
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.steps import read_result


def retrain(
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Train, evaluate and decide about a new version of a case's model.

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
    params = check_case(case, root=root, overrides=overrides)
    return conduct(
        params,
        root,
        _work,
        kind="retrain",
        wait=wait,
        say=say,
        progress_bar=progress_bar,
    )


def _work(runner: Runner) -> None:
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
