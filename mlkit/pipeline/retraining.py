"""A retrain: check everything, run the notebooks, decide, report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.pipeline.checking import NOTEBOOKS, check_case
from mlkit.pipeline.decide import Decision, StaleChampionError, decide
from mlkit.pipeline.execute import StepError
from mlkit.pipeline.running import Runner, conduct
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.steps import read_result


@dataclass(frozen=True)
class Retrained:
    """What a retrain came to.

    Attributes
    ----------
    folder : RunFolder
        Where the run was written.
    record : dict
        The content of its ``run.json``.
    """

    folder: RunFolder
    record: dict[str, Any]

    @property
    def page(self) -> Path:
        """The run's report."""
        return self.folder.path / "index.html"

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, 1, 3 or 4."""
        if self.record["error"] is not None:
            return int(self.record["error"].get("exit_code", 3))
        return 1 if self.record["verdict"]["verdict"] == "reject" else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict and where to read on, as plain JSON data."""
        keys = ("case", "run", "status", "verdict", "error")
        return {key: self.record[key] for key in keys} | {"report": str(self.page)}


def retrain(
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Retrained:
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
    Retrained
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
    record = conduct(
        params,
        root,
        _work,
        kind="retrain",
        wait=wait,
        say=say,
        progress_bar=progress_bar,
    )
    return Retrained(record.folder, record.content)


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
