"""Steps that do not depend on one another, at the same time: a thread for each.

A step that fails keeps those that wait from starting. Those that run and come later in
the order are ended with their kernels; an earlier one goes on to its end, since it may
fail for the same reason and say it better (bad data fail `data` as well as `train`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mlkit.pipeline.ending import Ending

Work = Callable[[], None]


class Steps(Protocol):
    """What is to be done, as `work_through` asks for it, always in its own thread."""

    def take(self, name: str) -> bool:
        """Do without running a step where that is possible."""

    def begin(self, name: str, share: int) -> Work:
        """Return the work of a step, which shares the cores with `share` - 1 others."""

    def end(self, name: str, error: BaseException | None) -> bool:
        """Hear how a step ended, and say whether the others may go on."""

    def meanwhile(self) -> None:
        """Do what is left of steps that have ended, while others run."""


@dataclass
class _Jobs:
    """What is under way."""

    steps: Steps
    order: Sequence[str]
    pool: ThreadPoolExecutor
    running: dict[Future[None], tuple[str, Ending]] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)
    failed: dict[str, BaseException] = field(default_factory=dict)

    def start(self, name: str, share: int) -> None:
        # What runs notebooks takes long to import, and often there is none to run. It
        # is imported here, since two threads that do it at once hinder each other.
        from mlkit.pipeline.ending import Ending

        work, ending = self.steps.begin(name, share), Ending()
        # Before there is a thread, so that an interrupt finds it in any case.
        self.endings.append(ending)

        def within() -> None:
            with ending.heeded(name):
                work()

        self.running[self.pool.submit(within)] = (name, ending)

    def settle(self) -> list[str]:
        """Wait until a step has ended; return those after which others may start."""
        finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
        done = []
        for future in sorted(finished, key=lambda f: self.place(self.running[f][0])):
            name, _ = self.running.pop(future)
            error = future.exception()
            if self.steps.end(name, error):
                done.append(name)
            elif error is not None:
                self.failed[name] = error
                self.end_those_after(name)
        return done

    def place(self, name: str) -> int:
        return self.order.index(name)

    def end_those_after(self, name: str) -> None:
        for other, ending in self.running.values():
            if self.place(other) > self.place(name):
                ending.ask()

    def end_all(self) -> None:
        """End every kernel, wait until that is done and record it."""
        for ending in self.endings:
            ending.ask()
        while self.running:
            self.settle()


def work_through(
    names: Sequence[str],
    steps: Steps,
    *,
    after: Mapping[str, Sequence[str]],
    jobs: int,
) -> None:
    """Do steps, each after those that it depends on.

    Parameters
    ----------
    names : sequence of str
        The steps, in the order in which they are done when only one runs at a time.
    steps : Steps
        What is done for each.
    after : mapping of str to sequence of str
        The steps that must be done before.
    jobs : int
        How many may run at the same time.

    Raises
    ------
    BaseException
        What the first step in order that failed raised, when no step is running any
        more; KeyboardInterrupt likewise.
    """
    waiting, queue, done = list(names), list[str](), set[str]()
    with ThreadPoolExecutor(jobs, thread_name_prefix="mlkit-step") as pool:
        under_way = _Jobs(steps, names, pool)
        try:
            while True:
                if under_way.failed:
                    waiting, queue = [], []
                queue += _find_ready(waiting, done, steps, after)
                while queue and len(under_way.running) < jobs:
                    share = min(jobs, len(under_way.running) + len(queue))
                    under_way.start(queue.pop(0), share)
                if not under_way.running:
                    break
                steps.meanwhile()
                done.update(under_way.settle())
        except BaseException:
            under_way.end_all()
            raise
    for name in names:
        if name in under_way.failed:
            raise under_way.failed[name]


def _find_ready(
    waiting: list[str],
    done: set[str],
    steps: Steps,
    after: Mapping[str, Sequence[str]],
) -> list[str]:
    """Take what can be taken, and return the steps that can start now."""
    ready = []
    # In order, so that a step that is taken may let a later one be taken, too.
    for name in list(waiting):
        if done.issuperset(after[name]):
            waiting.remove(name)
            if steps.take(name):
                done.add(name)
            else:
                ready.append(name)
    return ready
