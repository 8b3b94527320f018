"""A retrain: check everything, run the notebooks, decide, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlkit import evaluate, registry, sources, store, train
from mlkit import params as params_room
from mlkit.params import Params, ParamsError, Problem
from mlkit.pipeline import publish, runs
from mlkit.pipeline.decide import (
    ChangedModelError,
    Decision,
    StaleChampionError,
    decide,
)
from mlkit.pipeline.execute import StepError, execute, step_facts
from mlkit.pipeline.record import RunRecord, now
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.signatures import SignatureError, arguments
from mlkit.pipeline.steps import read_result
from mlkit.registry import ConflictError, RegistryError

NOTEBOOKS = ("data", "train", "evaluate")
Say = Callable[[str], None]


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
    _check_what_params_name(params, root)
    _check_version_is_free(params, root)
    for name in NOTEBOOKS:
        arguments(notebook_path(name, root), case, None, params.to_dict())
    return params


def _check_what_params_name(params: Params, root: Path) -> None:
    """Check that the estimator, the metrics and the data of a case exist."""
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
        sources.check_source(params, root)
    except sources.SourceError as error:
        problems.append(Problem((), f"data: {error}"))
    if problems:
        raise ParamsError(f"params/{params.case}.yaml", problems)


def _check_version_is_free(params: Params, root: Path) -> None:
    """Refuse a version's name that another model has taken.

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


def retrain(
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    say: Say = lambda line: None,
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
    with runs.hold(case, root, wait=wait):
        publish.reconcile(case, root)
        folder = runs.create_run(case, root, at=now())
        record = RunRecord.open(folder, params, root)
        publish.write_run_page(folder, record.content, root)
        speak = _logged(folder, say)
        speak(f"run {folder.run} of case {case}")
        _attempt("the index", speak, publish.write_index, root)
        try:
            _run(record, params, root, speak, progress_bar)
            record.end("ok")
            # Pages first: a run whose report could not be written did not end well.
            publish.write_pages(folder, record.content, root)
            record.save()
        except BaseException as error:
            _fail(record, error, root, speak)
            if not isinstance(error, TOLD):
                raise
        finally:
            _attempt("the index", speak, publish.write_index, root)
    return Retrained(folder, record.content)


# What the record and its page tell in full, so that no caller needs the exception.
TOLD = (StepError, StaleChampionError, ChangedModelError, RegistryError, OSError)


def _fail(record: RunRecord, error: BaseException, root: Path, say: Say) -> None:
    """Close the record of a run that did not end well, and write its pages."""
    status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    details = failure(error)
    done = _attempt("the registry", say, publish.committed, record.content, root)
    if done:
        details["message"] += f"; the registry has of this run: {done}"
    _log(record.folder, f"{details['message']}\n{details['advice']}")
    record.end(status, details)
    _attempt("its record", say, record.save)
    pages = (record.folder, record.content, root)
    _attempt("its pages", say, publish.write_pages, *pages)
    _attempt("its page", say, publish.write_run_page, *pages)


def _attempt(what: str, say: Say, action: Callable[..., Any], *given: Any) -> Any:
    """Do what tells of a run; a failure of it must not hide how the run ended."""
    try:
        return action(*given)
    except Exception as error:
        say(f"{what} could not be read or written: {type(error).__name__}: {error}")
        return None


def failure(error: BaseException) -> dict[str, Any]:
    """Return what a run's record says of the error that stopped it."""
    match error:
        case StepError() | StaleChampionError():
            return dict(error.details)
        case KeyboardInterrupt():
            message = "the run was interrupted before it reached its end"
            advice = "Nothing needs to be cleaned up."
        case OSError():
            message = f"{error.filename or 'the disk'}: {error.strerror or error}"
            advice = "Check the disk's free space and the folder's rights."
        case ChangedModelError() | RegistryError():
            message = str(error)
            advice = "Look at the versions with `mlkit registry list`."
        case _:
            message = str(error)
            advice = (
                "This is a fault of mlkit or of a package; add --debug to see where."
            )
    return {
        "step": None,
        "type": type(error).__name__,
        "message": message,
        "advice": advice,
        "exit_code": 4 if isinstance(error, ConflictError) else 3,
    }


def _log(folder: RunFolder, line: str) -> None:
    # A log that can not be written, on a full disk, must not stop the run's end.
    with suppress(OSError), (folder.path / "log.txt").open("a") as log:
        log.write(f"{now():%H:%M:%S} {line}\n")


def _logged(folder: RunFolder, say: Say) -> Say:
    """Return a function that says a line and appends it to the run's log file."""

    def speak(line: str) -> None:
        _log(folder, line)
        say(line)

    return speak


def _run(
    record: RunRecord, params: Params, root: Path, say: Say, progress_bar: bool
) -> None:
    deadline = time.monotonic() + params.pipeline.run_timeout
    runner = _Runner(record, params, root, say, progress_bar, deadline)
    for name in NOTEBOOKS:
        runner.notebook(name)
    record.update(data=_data_facts(record.folder))
    decision = runner.decide()
    record.update(verdict=decision.to_dict())
    say(f"{decision.verdict}: {decision.reason}")


def _data_facts(folder: RunFolder) -> dict[str, Any]:
    result = read_result(folder.path, "data")
    assert result is not None, "the data step reached its end"
    return {"fingerprint": result["fingerprint"], **result["results"]}


@dataclass
class _Runner:
    record: RunRecord
    params: Params
    root: Path
    say: Say
    progress_bar: bool
    deadline: float

    def notebook(self, name: str) -> None:
        """Run one notebook and add what it did to the record."""
        folder = self.record.folder.path
        with self._step(name) as step:
            self._execute(name, folder / f"{name}.ipynb")
            step |= step_facts(folder, name)

    @contextmanager
    def _step(self, name: str) -> Iterator[dict[str, Any]]:
        """Time a step, say how it went, and add it to the record."""
        started = time.monotonic()
        step: dict[str, Any] = {"name": name, "status": "failed", "error": None}
        try:
            yield step
            step["status"] = "ok"
        except BaseException as error:
            step["error"] = failure(error)
            raise
        finally:
            step["seconds"] = round(time.monotonic() - started, 2)
            self.record.content["steps"].append(step)
            self.say(f"{name:<9} {step['status']:<7} {step['seconds']:6.1f} s")
        self.record.save()

    def _execute(self, name: str, output: Path) -> None:
        notebook = notebook_path(name, self.root)
        (output.parent / f"{name}.json").unlink(missing_ok=True)
        execute(
            notebook,
            output,
            arguments(
                notebook,
                self.params.case,
                self.record.folder.run,
                self.params.to_dict(),
            ),
            root=self.root,
            cell_timeout=self.params.pipeline.cell_timeout,
            deadline=self.deadline,
            progress_bar=self.progress_bar,
        )

    def decide(self) -> Decision:
        """Commit the proposal; evaluate once more if the champion changed meanwhile."""
        try:
            return self._decide()
        except StaleChampionError as error:
            self.say(f"{error}; evaluating once more")
        self.notebook("evaluate")
        return self._decide()

    def _decide(self) -> Decision:
        with self._step("decide"):
            return decide(self.record, self.params, self.root)
