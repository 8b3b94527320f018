"""Units to workers, a few at a time; what is lost with a worker is handed out again."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from typing import Any

from mlkit.fan_out.crews import Crew
from mlkit.fan_out.units import FAILED, Unit, stopped

# How often a unit is handed out again after its worker died.
AGAIN = 2
Result = dict[str, Any]
Say = Callable[[str], None]


def work_off(
    units: Iterable[Unit], crew: Crew, work: Callable[[Unit], Result], say: Say
) -> Iterator[Result]:
    """Yield what became of each unit, in the order in which they end.

    Parameters
    ----------
    units : iterable of Unit
        Taken as workers get free.
    crew : Crew
        The workers.
    work : callable
        Given a unit, on a worker; must be picklable.
    say : callable
        Is given a line when a worker died.
    """
    desk = _Desk(iter(units), crew, work, say)
    while desk.busy():
        yield from desk.ended()


class _Desk:
    """Which unit is where.

    When a process dies, a pool fails with all that it was working on, and does not say
    whose process it was. These units are then handed out one at a time, so that one
    that kills its process does not use up the attempts of its neighbours.
    """

    def __init__(
        self,
        waiting: Iterator[Unit],
        crew: Crew,
        work: Callable[[Unit], Result],
        say: Say,
    ) -> None:
        self.waiting = waiting
        self.crew, self.work, self.say = crew, work, say
        self.suspects: deque[Unit] = deque()
        self.lost: Counter[str] = Counter()
        self.flying: dict[Future[Result], tuple[Unit, float]] = {}
        self.executor: Executor = crew.start()

    def busy(self) -> bool:
        """Hand out what can be; return whether anything is under way."""
        if self.suspects:
            if not self.flying:
                self._submit(self.suspects.popleft())
        else:
            while len(self.flying) < self.crew.slots:
                unit = next(self.waiting, None)
                if unit is None:
                    break
                self._submit(unit)
        return bool(self.flying)

    def _submit(self, unit: Unit) -> None:
        try:
            future = self.executor.submit(self.work, unit)
        except BrokenExecutor:
            # A process died between two units.
            self.executor = self.crew.start()
            future = self.executor.submit(self.work, unit)
        self.flying[future] = (unit, time.monotonic())

    def ended(self) -> Iterator[Result]:
        done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
        broken: list[tuple[Unit, float]] = []
        for future in done:
            unit, since = self.flying.pop(future)
            try:
                yield future.result()
            except BrokenExecutor:
                broken.append((unit, since))
            except (Exception, CancelledError) as error:
                yield _failed(unit, since, error)
        if broken:
            yield from self._again(broken)

    def _again(self, broken: list[tuple[Unit, float]]) -> Iterator[Result]:
        wait(self.flying)
        broken += self.flying.values()
        self.flying.clear()
        self.executor = self.crew.start()
        for unit, since in broken:
            self.lost[unit.case] += 1
            if self.lost[unit.case] > AGAIN:
                yield _dead(unit, since)
            else:
                self.say(f"{unit.name}: its process died; it is handed out again")
                self.suspects.append(unit)


def _failed(unit: Unit, since: float, error: BaseException) -> Result:
    seconds = time.monotonic() - since
    if type(error).__name__ == "KilledWorker":
        return _dead(unit, since)
    if isinstance(error, CancelledError):
        return stopped(
            unit,
            FAILED,
            seconds=seconds,
            type="Cancelled",
            message="the scheduler gave the work up before it ended",
            advice="Look at the scheduler's log, then run it again.",
        )
    return stopped(
        unit,
        FAILED,
        seconds=seconds,
        type=type(error).__name__,
        message=str(error) or type(error).__name__,
        advice="The worker could not begin or end this; run it again with "
        "--executor processes to see whether it is the cluster.",
    )


def _dead(unit: Unit, since: float) -> Result:
    return stopped(
        unit,
        FAILED,
        seconds=time.monotonic() - since,
        type="DeadWorker",
        message="the worker died each time that it was given this; most often the "
        "machine was out of memory, or somebody ended the process",
        advice="Run it with a smaller --jobs, or on machines with more memory; what "
        "was done is kept.",
    )
