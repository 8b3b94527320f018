"""A check of the model in production: the monitor notebook alone, with an answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from mlkit import params as params_room
from mlkit import prediction_log, registry, store
from mlkit.params import Params
from mlkit.pipeline import runs
from mlkit.pipeline.alerting import Alerted, say_alerts
from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.committing import commit_check
from mlkit.pipeline.monitoring import CHECK, check_now
from mlkit.pipeline.record import now
from mlkit.pipeline.running import Ended, Runner, conduct
from mlkit.pipeline.signatures import arguments
from mlkit.report.monitor_words import health_outcome
from mlkit.sources.places import find_place, measure

KIND = "monitor"


def watch_case(
    case: str,
    *,
    data: str | None = None,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
    instead_of: str | None = None,
    without_run: bool = True,
) -> Ended:
    """Look at the model in production, raise and close alerts, and tell of them.

    Parameters
    ----------
    case : str
        Name of the case.
    data : str, optional
        A file of outcomes, path or fsspec URI, which starts at the workspace; None
        takes what ``monitor.outcomes`` says, else the log's own.
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
    instead_of : str, optional
        An earlier run of the same kind that this one takes the place of: its folder is
        removed.
    without_run : bool
        Check once more and tell of alerts where the run failed before it did so.

    Returns
    -------
    Ended
        The run's record, whatever was found.

    Raises
    ------
    ParamsError, SourceError, RegistryError, SignatureError
        If the params are wrong, a file is not there or the registry cannot be read,
        before anything is written.
    BusyError
        If a run of the case is under way and `wait` is false.
    OSError
        If not even the folder of the run can be written.
    """
    root = root or store.workspace_root()
    params = check_params(case, root, data=data, overrides=overrides)
    arguments(notebook_path(KIND, root), case, None, params.to_dict())
    committed: list[Alerted] = []
    work = partial(_work, committed=committed, instead_of=instead_of)
    try:
        ended = conduct(
            params,
            root,
            work,
            kind=KIND,
            wait=wait,
            say=say,
            progress_bar=progress_bar,
        )
    except OSError:
        if without_run and not committed:
            _commit_alone(params, root, say)
        raise
    # Ctrl-C is no failure: whoever stops a check does not want another.
    failed = ended.record["status"] == "failed"
    if without_run and failed and not committed:
        _commit_alone(params, root, say)
    return ended


def _commit_alone(params: Params, root: Path, say: Callable[[str], None]) -> None:
    """Check without a run, which failed before it told anybody: a disk may be full."""
    try:
        found = check_now(params, root)
        told = commit_check(found, params, root, now=now())
    # Why the run failed is told already, and this may fail for the same reason.
    except Exception as error:
        say(f"a check without a page failed as well: {type(error).__name__}: {error}")
        return
    say_alerts(told, say)
    if told.failure is not None:
        say(f"the check could not be kept: {told.failure}")


def check_params(
    case: str, root: Path, *, data: str | None = None, overrides: Sequence[str] = ()
) -> Params:
    """Return the checked params of a case that is watched.

    Raises
    ------
    ParamsError, SourceError, RegistryError
        As :func:`watch_case`.
    """
    given = {} if data is None else {"monitor": {"outcomes": data}}
    params = params_room.load_params(case, root, overrides=overrides, sections=given)
    if params.monitor.outcomes is not None:
        measure(find_place(params.monitor.outcomes, root))
    prediction_log.log_folder(params, root)
    registry.open_registry(params.model, root).state()
    return params


def _work(runner: Runner, *, committed: list[Alerted], instead_of: str | None) -> None:
    record, root = runner.record, runner.root
    if instead_of is not None:
        replaced = runs.case_folder(record.folder.case, root) / instead_of
        shutil.rmtree(replaced, ignore_errors=True)
    runner.notebook(KIND)
    found = record.content["steps"][-1]["scraps"]["monitor"]
    record.update(monitor=found)
    told = commit_check(
        store.read_json(record.folder.path / KIND / CHECK),
        runner.params,
        root,
        now=now(),
        where=str((record.folder.path / "index.html").relative_to(root)),
    )
    committed.append(told)
    record.update(monitor=found | told.to_dict())
    outcome = health_outcome(found)
    runner.say(f"{outcome.headline}. {outcome.reason}".strip())
    say_alerts(told, runner.say)
    if told.failure is not None:
        raise told.failure
