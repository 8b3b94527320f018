"""Watching without end: a check every few minutes, and a page when there is news."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit import store
from mlkit.pipeline.alerting import say_alerts
from mlkit.pipeline.committing import commit_check
from mlkit.pipeline.monitor_check import check_params, watch_case
from mlkit.pipeline.monitoring import check_now
from mlkit.pipeline.record import now, stamp
from mlkit.pipeline.runs import BusyError
from mlkit.report.monitor_words import health_outcome

if TYPE_CHECKING:
    from mlkit.exposition import CheckMetrics
    from mlkit.monitor import Check

# A page takes a kernel: it is written when the health changed, else once an hour.
PAGE_SECONDS = 3600.0
Say = Callable[[str], None]


@dataclass
class Watch:
    """What is known from one check to the next.

    Attributes
    ----------
    case : str
        Name of the case.
    asked : dict
        The file of outcomes and the overrides of the params.
    root : Path
        The workspace.
    say : callable
        Is given each line of progress.
    metrics : CheckMetrics or None
        What Prometheus is answered with.
    page_of : str or None
        The health that the newest page shows.
    page_at : float
        When it was written, by ``time.monotonic()``.
    quiet_run : str or None
        The run of that page, where a page of the same health may take its place.
    pause : float
        Seconds from the beginning of a look to that of the next.
    """

    case: str
    asked: dict[str, Any]
    root: Path
    say: Say
    metrics: CheckMetrics | None = None
    page_of: str | None = None
    page_at: float = field(default=0.0)
    quiet_run: str | None = None
    pause: float = 300.0

    def look(self) -> None:
        """Check once; alerts and history are written, and a page if it is time."""
        # Anew each time: the params may be changed while this goes on.
        params = check_params(self.case, self.root, **self.asked)
        self.pause = 60 * params.monitor.every_minutes
        found = check_now(params, self.root)
        outcome = health_outcome(found.summary())
        self.say(f"{stamp(now())}  {outcome.headline}. {outcome.reason}".rstrip())
        if not (self._page_is_due(found) and self._write_page(found)):
            told = commit_check(found, params, self.root, now=now())
            say_alerts(told, self.say)
            if told.failure is not None:
                self.say(f"the check could not be kept: {told.failure}")
        if self.metrics is not None:
            from mlkit import monitor
            from mlkit.monitor.counting import read_totals

            monitor.expose(found, self.metrics)
            # With the drift that was counted when the check was committed.
            folder = monitor.monitor_folder(found.model, self.root)
            self.metrics.set_totals(read_totals(folder, found.model))

    def _page_is_due(self, found: Check) -> bool:
        late = time.monotonic() - self.page_at >= PAGE_SECONDS
        return found.status != self.page_of or late

    def _write_page(self, found: Check) -> bool:
        """Write a page by a run; return whether the run committed what it found."""
        same = self.quiet_run if found.status == self.page_of else None
        try:
            ended = watch_case(
                self.case,
                **self.asked,
                root=self.root,
                instead_of=same,
                without_run=False,
            )
        except BusyError:
            self.say("a run of the case is under way: the page comes later")
            return False
        except OSError as refused:
            self.say(f"the page could not be written: {refused}")
            return False
        # Also where it failed: a run each time, that fails alike, helps nobody.
        self.page_of, self.page_at = found.status, time.monotonic()
        error = ended.record["error"]
        if error is not None:
            self.say(f"the run of the page failed: {error['message']}")
            return "alerts" in (ended.record["monitor"] or {})
        self.quiet_run = ended.folder.run
        self.say(f"report: {ended.page}")
        return True


def keep_watching(
    case: str,
    *,
    data: str | None = None,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    say: Say = lambda line: None,
    stop: threading.Event | None = None,
) -> None:
    """Check the model in production every ``monitor.every_minutes``, until stopped.

    A check that fails is told, and the next one is made all the same. Params that
    change meanwhile hold from the next check on, but for ``monitor.port``, which is
    read once.

    Parameters
    ----------
    case : str
        Name of the case.
    data : str, optional
        A file of outcomes; None takes what ``monitor.outcomes`` says.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    say : callable
        Is given each line of progress.
    stop : Event, optional
        Ends the watch when it is set; Ctrl-C does so, too.

    Raises
    ------
    ParamsError, SourceError, RegistryError
        If what is asked for is wrong from the beginning.
    OSError
        If ``monitor.port`` cannot be had.
    """
    root = root or store.workspace_root()
    stop = stop or threading.Event()
    asked: dict[str, Any] = {"data": data, "overrides": overrides}
    params = check_params(case, root, **asked)
    with ExitStack() as stack:
        pause = 60 * params.monitor.every_minutes
        watch = Watch(case, asked, root, say, pause=pause)
        if params.monitor.port is not None:
            watch.metrics = _serve(params.monitor.port, stack, say)
        while not stop.is_set():
            began = time.monotonic()
            try:
                watch.look()
            # Whatever it is, the next check may not have it: a disk that was full, a
            # file that was being written.
            except Exception as error:
                say(
                    f"{stamp(now())}  the check failed: {type(error).__name__}: {error}"
                )
            stop.wait(max(0.0, began + watch.pause - time.monotonic()))


def _serve(port: int, stack: ExitStack, say: Say) -> CheckMetrics:
    from mlkit import exposition

    metrics = exposition.of_totals()
    server = exposition.serve(metrics, port)
    stack.callback(server.close)
    say(f"Prometheus is answered at {server.url}")
    return metrics
