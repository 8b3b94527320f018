"""One run, from its lock to its pages, whatever its notebooks do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from mlkit.params import Params
from mlkit.pipeline import publish, runs
from mlkit.pipeline.checking import notebook_path
from mlkit.pipeline.record import RunRecord, now
from mlkit.pipeline.runs import RunFolder
from mlkit.pipeline.signatures import arguments
from mlkit.pipeline.stopped import TOLD, StepStoppedError, failure

Say = Callable[[str], None]


@dataclass(frozen=True)
class Ended:
    """What a run came to.

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
    def drifted(self) -> bool:
        """Whether a drift check found that the data as a whole have drifted."""
        return (self.record["drift"] or {}).get("verdict") == "drift"

    @property
    def unhealthy(self) -> bool:
        """Whether a check of the model in production found issues."""
        found = self.record.get("monitor") or {}
        return found.get("status") in ("degraded", "critical")

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0, 1 where the answer is no, 3 or 4."""
        if self.record["error"] is not None:
            return int(self.record["error"].get("exit_code", 3))
        rejected = (self.record["verdict"] or {}).get("verdict") == "reject"
        return 1 if rejected or self.drifted or self.unhealthy else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the answer and where to read on, as plain JSON data."""
        keys = ("case", "run", "kind", "status", "verdict", "drift", "monitor", "error")
        return {key: self.record[key] for key in keys} | {"report": str(self.page)}


@dataclass
class Runner:
    """A run that is under way.

    Attributes
    ----------
    record : RunRecord
        What is known of it so far.
    params : Params
        The params it works with.
    root : Path
        The workspace.
    say : callable
        Is given each line of progress.
    progress_bar : bool
        Show papermill's progress bar.
    deadline : float
        ``time.monotonic()`` at which its notebooks must have ended.
    bodies : dict of str to str
        Step to what `convert` has made of its notebook.
    """

    record: RunRecord
    params: Params
    root: Path
    say: Say
    progress_bar: bool
    deadline: float
    bodies: dict[str, str] = field(default_factory=dict)

    def notebook(self, name: str) -> None:
        """Run one notebook and add what it did to the record."""
        with self.step(name) as step:
            step |= self.execute(name)

    def convert(self, name: str) -> None:
        """Turn an executed notebook into HTML, if that has not been done."""
        if name not in self.bodies:
            notebook = self.record.folder.path / f"{name}.ipynb"
            self.bodies[name] = publish.notebook_body(notebook)

    @contextmanager
    def step(self, name: str, **fields: Any) -> Iterator[dict[str, Any]]:
        """Time a step, say how it went, and add it to the record."""
        step = self.open_step(name, **fields)
        try:
            yield step
        except BaseException as error:
            self.close_step(step, error)
            raise
        self.close_step(step)

    def open_step(self, name: str, **fields: Any) -> dict[str, Any]:
        """Return the entry of a step that starts now, which the record gets later."""
        return {
            "name": name,
            "status": "running",
            "error": None,
            "key": None,
            "taken": None,
            "why": [],
            "started_at": f"{now():%Y-%m-%dT%H:%M:%S.%fZ}",
            **fields,
        }

    def close_step(
        self,
        step: dict[str, Any],
        error: BaseException | None = None,
        *,
        order: Sequence[str] = (),
    ) -> None:
        """Say how a step went and add it to the record, among its like in order."""
        ended = now()
        started = datetime.fromisoformat(step["started_at"])
        step["ended_at"] = f"{ended:%Y-%m-%dT%H:%M:%S.%fZ}"
        step["seconds"] = round((ended - started).total_seconds(), 2)
        step["status"] = _status(error)
        step["error"] = None if error is None else failure(error)
        steps = self.record.content["steps"]
        steps.append(step)
        if order:
            steps.sort(key=lambda entry: order.index(entry["name"]))
        self.say(_line(step))
        if error is None:
            self.record.save()

    def execute(self, name: str, *, share: int = 1) -> dict[str, Any]:
        """Run a notebook, in any thread, and return what it recorded of itself.

        Parameters
        ----------
        name : str
            The notebook's stem.
        share : int
            How many kernels share the cores of the machine.
        """
        from mlkit.pipeline.execute import execute, step_facts

        notebook = notebook_path(name, self.root)
        folder = self.record.folder
        # A link to a file of an earlier run must not be written to.
        for suffix in (".json", ".ipynb", ".html"):
            (folder.path / f"{name}{suffix}").unlink(missing_ok=True)
        execute(
            notebook,
            folder.path / f"{name}.ipynb",
            arguments(notebook, self.params.case, folder.run, self.params.to_dict()),
            root=self.root,
            cell_timeout=self.params.pipeline.cell_timeout,
            deadline=self.deadline,
            progress_bar=self.progress_bar,
            share=share,
        )
        return step_facts(folder.path, name)


def _status(error: BaseException | None) -> str:
    match error:
        case None:
            return "ok"
        case KeyboardInterrupt() | StepStoppedError():
            return "interrupted"
        case _:
            return "failed"


def _line(step: Mapping[str, Any]) -> str:
    if step["taken"]:
        return f"{step['name']:<9} taken   {'; '.join(step['why'])}"
    return f"{step['name']:<9} {step['status']:<7} {step['seconds']:6.1f} s"


def conduct(
    params: Params,
    root: Path,
    work: Callable[[Runner], None],
    *,
    kind: str,
    wait: bool,
    say: Say,
    progress_bar: bool,
    resumed: str | None = None,
    fan_out: str | None = None,
) -> Ended:
    """Do the work of a run inside its lock, its record, its log and its pages.

    Parameters
    ----------
    params : Params
        The checked params.
    root : Path
        The workspace.
    work : callable
        Is given the `Runner`.
    kind : str
        ``retrain``, ``drift`` or ``monitor``.
    wait : bool
        Queue behind a run of the same case instead of ending at once.
    say : callable
        Is given each line of progress.
    progress_bar : bool
        Show papermill's progress bar.
    resumed : str, optional
        The run that it goes on from.
    fan_out : str, optional
        The run of kind ``fan_out`` that it is a member of.

    Returns
    -------
    Ended
        Its record also tells what stopped the run.

    Raises
    ------
    BusyError
        If a run of the case is under way and `wait` is false.
    """
    case = params.case
    with runs.hold(case, root, wait=wait):
        publish.reconcile(case, root)
        folder = runs.create_run(case, root, at=now())
        record = RunRecord.open(
            folder, params, root, kind=kind, resumed=resumed, fan_out=fan_out
        )
        publish.write_run_page(folder, record.content, root)
        speak = _logged(folder, say)
        speak(f"run {folder.run} of case {case}")
        # Of many retrains at once, the head writes the index, once for all.
        if fan_out is None:
            _attempt("the index", speak, publish.write_index, root)
        deadline = time.monotonic() + params.pipeline.run_timeout
        try:
            runner = Runner(record, params, root, speak, progress_bar, deadline)
            work(runner)
            record.end("ok")
            # Pages first: a run whose report could not be written did not end well.
            _write_pages(record, root, runner.bodies)
            record.save()
        except BaseException as error:
            fail(record, error, root, speak)
            if not isinstance(error, TOLD):
                raise
        finally:
            if fan_out is None:
                _attempt("the index", speak, publish.write_index, root)
    return Ended(folder, record.content)


def fail(record: RunRecord, error: BaseException, root: Path, say: Say) -> None:
    """Close the record of a run that did not end well, and write its pages."""
    status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    details = failure(error)
    done = _attempt("the registry", say, publish.committed, record.content, root)
    if done:
        details["message"] += f"; the registry has of this run: {done}"
    _log(record.folder, f"{details['message']}\n{details['advice']}")
    record.end(status, details)
    _attempt("its record", say, record.save)
    _attempt("its pages", say, _write_pages, record, root)
    _attempt("its record", say, record.save)
    _attempt(
        "its page", say, publish.write_run_page, record.folder, record.content, root
    )


def _write_pages(
    record: RunRecord, root: Path, bodies: Mapping[str, str] | None = None
) -> None:
    """Write the pages of a run, and note of each step's what it holds."""
    pages = publish.write_pages(record.folder, record.content, root, bodies=bodies)
    for step in record.content["steps"]:
        if step["name"] in pages:
            step["page"] = pages[step["name"]]


def _attempt(what: str, say: Say, action: Callable[..., Any], *given: Any) -> Any:
    """Do what tells of a run; a failure of it must not hide how the run ended."""
    try:
        return action(*given)
    except Exception as error:
        say(f"{what} could not be read or written: {type(error).__name__}: {error}")
        return None


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
