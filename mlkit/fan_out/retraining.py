"""Many retrains at once: divided, worked off, recorded, and shown in one report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from mlkit import params as params_room
from mlkit import pipeline, store
from mlkit.data.wording import counted
from mlkit.fan_out.away import fetch, retrain_away, send, send_shared
from mlkit.fan_out.cluster import check_workers
from mlkit.fan_out.crews import PROCESSES, Crew, check_executor, open_crew
from mlkit.fan_out.errors import SegmentsError
from mlkit.fan_out.exchange import Exchange
from mlkit.fan_out.league import Book
from mlkit.fan_out.parts import remove_gone
from mlkit.fan_out.segments import divide, names_taken
from mlkit.fan_out.submitting import work_off
from mlkit.fan_out.units import FAILED, NOT_ENOUGH, OK, Unit, stopped
from mlkit.fan_out.work import retrain_one
from mlkit.params import Params, ParamsError
from mlkit.pipeline import runs
from mlkit.pipeline.checking import check_params
from mlkit.pipeline.signatures import SignatureError
from mlkit.pipeline.stopped import failure
from mlkit.registry import RegistryError
from mlkit.sources import SourceError

# Under which the runs of all cases at once are filed: no case can be called so.
ALL = "_all"
# What is wrong with one case, and does not keep the others from going on.
WRONG = (ParamsError, SourceError, SegmentsError, SignatureError, RegistryError)
Say = Callable[[str], None]


@dataclass(frozen=True)
class FannedOut:
    """What many retrains came to.

    Attributes
    ----------
    page : Path
        The report of all.
    record : dict
        The content of the ``run.json`` beside it.
    """

    page: Path
    record: dict[str, Any]

    @property
    def exit_code(self) -> int:
        """3 or 4 where a member failed, else 1 where one was rejected, else 0."""
        error = self.record["error"]
        if error is not None:
            return int(error["exit_code"])
        verdicts = [(m["verdict"] or {}).get("verdict") for m in self.record["members"]]
        return 1 if "reject" in verdicts else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the answer and where to read on, as plain JSON data."""
        keys = ("case", "run", "kind", "status", "members", "error")
        return {key: self.record[key] for key in keys} | {"report": str(self.page)}


@dataclass
class _Plan:
    """The units there are, and what has to be said of how they came to be."""

    units: list[Unit] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def retrain_many(
    case: str | None = None,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    executor: str = PROCESSES,
    jobs: int | None = None,
    workspace: str | None = None,
    force: bool = False,
    wait: bool = False,
    say: Say = lambda line: None,
) -> FannedOut:
    """Retrain all cases, or each segment of one, side by side.

    Parameters
    ----------
    case : str, optional
        A case, whose params may name a column as ``segments``; None takes all cases of
        the workspace, segments of cases included.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override each params file.
    executor : str
        ``processes`` of this machine, or ``dask://HOST:PORT``.
    jobs : int, optional
        How many at the same time; None takes one a core, or one a thread of the
        cluster.
    workspace : str, optional
        An fsspec URI by which workers reach the workspace that do not share its folder.
    force : bool
        Run all steps, whatever earlier results there are.
    wait : bool
        Queue behind a run of the same name instead of ending at once.
    say : callable
        Is given each line of progress.

    Raises
    ------
    ExecutorError
        If there is no such executor, or it can not be reached.
    ParamsError, SourceError, SegmentsError
        If the one case that was asked for can not be divided. With all cases, the
        others go on.
    BusyError
        If such a run is under way and `wait` is false.
    """
    check_executor(executor)
    root = root or store.workspace_root()
    found = _params(case, root, overrides)
    params = _alone(case, found)
    name = case or ALL
    with open_crew(executor, jobs) as crew, runs.hold(name, root, wait=wait):
        works = _employ(crew, root, workspace)
        plan = _plan(found, root, alone=case is not None)
        book = Book.open(name, params, root, crew.words)
        say(f"run {book.run} of {case or 'all cases'}: {crew.words}")
        try:
            book.begin(plan.units, plan.notes)
            for note in plan.notes:
                say(note)
            _work(plan.units, works, book, say, force=force, wait=wait)
            book.end(*_ended(book.members))
        except BaseException as error:
            book.fail(error)
            raise
        finally:
            with suppress(OSError):
                pipeline.write_index(root)
    return FannedOut(book.page, book.content)


@dataclass(frozen=True)
class _Works:
    """A crew and the way to its workers: a folder that all see, or an exchange."""

    crew: Crew
    root: Path
    exchange: Exchange | None

    def call(self, **asked: Any) -> Callable[[Unit], dict[str, Any]]:
        if self.exchange is None:
            return partial(retrain_one, root=str(self.root), **asked)
        return partial(retrain_away, uri=self.exchange.uri, **asked)

    def sent(
        self, units: Sequence[Unit], lose: Callable[[dict[str, Any]], None]
    ) -> Iterator[Unit]:
        """Yield units when it is their turn, what they read first.

        One that can not be sent is given to `lose`, as the member that it makes.
        """
        for unit in units:
            try:
                if self.exchange is not None:
                    send(unit, self.root, self.exchange)
            # Each kind of place has errors of its own.
            except Exception as error:
                lose(stopped(unit, FAILED, **failure(error)))
            else:
                yield unit

    def fetched(self, member: dict[str, Any]) -> dict[str, Any]:
        if self.exchange is None:
            return member
        return fetch(member, self.root, self.exchange)


def _employ(crew: Crew, root: Path, workspace: str | None) -> _Works:
    """Check that the workers can do the work, and how they reach the workspace."""
    exchange = None if workspace is None else Exchange(workspace)
    if exchange is not None:
        exchange.check()
        send_shared(root, exchange)
    if crew.ask is not None:
        check_workers(crew.ask, root, shared=exchange is None)
    return _Works(crew, root, exchange)


def _alone(case: str | None, found: dict[str, Params | ParamsError]) -> Params | None:
    """Return the params of the one case that was asked for, which has segments."""
    params = None if case is None else found[case]
    if not isinstance(params, Params):
        return None
    if params.segments is None:
        raise SegmentsError(
            f"many retrains of {case!r} were asked for, and its params must name a "
            "column as `segments`; write one, or retrain it alone"
        )
    return params


def _params(
    case: str | None, root: Path, overrides: Sequence[str]
) -> dict[str, Params | ParamsError]:
    """Return the params of each case; of a case that is wrong, what is wrong."""
    if case is not None:
        return {case: params_room.load_params(case, root, overrides=overrides)}
    found: dict[str, Params | ParamsError] = {}
    for name in params_room.cases(root):
        try:
            found[name] = params_room.load_params(name, root, overrides=overrides)
        except ParamsError as error:
            found[name] = error
    if not found:
        raise ParamsError("mlkit retrain --all", [_no_cases(root)])
    return found


def _no_cases(root: Path) -> params_room.Problem:
    return params_room.Problem(
        (), f"there is no case in {root / 'params'}; write one with `mlkit new`"
    )


def _plan(found: dict[str, Params | ParamsError], root: Path, *, alone: bool) -> _Plan:
    plan = _Plan()
    for name, params in found.items():
        try:
            if isinstance(params, ParamsError):
                raise params
            _add(plan, params, root, beside=ALL if alone else name)
        except WRONG as error:
            if alone:
                raise
            plan.units.append(Unit(name, stop=_wrong(error)))
    return plan


def _add(plan: _Plan, params: Params, root: Path, *, beside: str) -> None:
    if params.segments is None:
        plan.units.append(Unit(params.case, params.to_dict()))
        return
    check_params(params, root)
    divided = divide(params, root)
    for taken in names_taken(divided.units, params_room.cases(root)):
        raise SegmentsError(
            f"segments: a segment of {params.case!r} is filed as {taken!r}, and there "
            f"is a case of that name, params/{taken}.yaml; rename the case"
        )
    remove_gone(params.case, divided.units, root, beside=beside)
    plan.units += divided.units
    if divided.note:
        plan.notes.append(f"{params.case}: {divided.note}")


def _wrong(error: Exception) -> dict[str, Any]:
    return {
        "status": FAILED,
        "type": type(error).__name__,
        "message": str(error),
        "advice": "Put the params file right; `mlkit check CASE` checks it.",
        "exit_code": 2,
    }


def _work(
    units: Sequence[Unit], works: _Works, book: Book, say: Say, **asked: bool
) -> None:
    def add(member: dict[str, Any]) -> None:
        _tell(book.add(member), book, say)

    for unit in units:
        if unit.stop is not None:
            add(stopped(unit, **unit.stop))
    ready = works.sent([unit for unit in units if unit.stop is None], add)
    call = works.call(fan_out=book.run, **asked)
    for result in work_off(ready, works.crew, call, say):
        add(works.fetched(result))


def _tell(member: dict[str, Any], book: Book, say: Say) -> None:
    verdict = (member["verdict"] or {}).get("verdict")
    came = verdict if member["status"] == OK else member["status"]
    line = f"{book.done:>4} of {len(book.members)}  {book.name(member):<24} {came}"
    if member["error"] is not None:
        line += f": {member['error']['message'].splitlines()[0]}"
    say(f"{line}  {member['seconds']:.1f} s")


def _ended(members: Sequence[dict[str, Any]]) -> tuple[str, dict[str, Any] | None]:
    """Return how the whole ended, and what is to be said of members that failed."""
    bad = [m for m in members if m["error"] and m["status"] != NOT_ENOUGH]
    if not bad:
        return OK, None
    kinds = Counter(str(member["error"]["type"]) for member in bad)
    what = ", ".join(f"{kind} {number}" for kind, number in kinds.most_common())
    conflicts = all(member["error"].get("exit_code") == 4 for member in bad)
    first = bad[0]["error"]
    return FAILED, {
        "step": None,
        "type": "MembersFailed",
        "message": f"{counted(len(bad), 'retrain')} of {len(members):,} did not end "
        f"well ({what}); the first: {bad[0]['segment'] or bad[0]['case']}: "
        f"{first['message']}",
        "advice": first["advice"] or "Their pages say why.",
        "exit_code": 4 if conflicts else 3,
    }
