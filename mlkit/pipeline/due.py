"""Which steps of a retrain are due, and why; all others are taken from earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlkit import sources
from mlkit.params import Params
from mlkit.pipeline import reuse, runs, sound
from mlkit.pipeline.graph import GRAPH, NOTEBOOKS
from mlkit.pipeline.keys import Key, code_parts, differences, outputs_digest, step_key
from mlkit.pipeline.reuse import Earlier
from mlkit.pipeline.running import Runner
from mlkit.pipeline.stopped import StepError

Record = Mapping[str, Any]
Entry = dict[str, Any]


@dataclass
class Outlook:
    """What is known of the steps of a run: their keys, and what earlier runs made.

    Attributes
    ----------
    params : Params
        The params of the run.
    root : Path
        The workspace.
    earlier_runs : iterator of dict
        The records of earlier runs of the case, the newest first; see `records`.
    force : bool
        Whether all steps are due.
    resumed : dict or None
        The record of the run that this one goes on from.
    code : dict
        What `code_parts` returned.
    entries : dict
        Step to its entry in the record of this run, for those that are done.
    say : callable
        Is told what is ignored of an earlier run.
    """

    params: Params
    root: Path
    earlier_runs: Iterator[Record]
    force: bool
    resumed: Record | None
    code: Mapping[str, Any]
    entries: dict[str, Entry] = field(default_factory=dict)
    say: Callable[[str], None] = lambda line: None
    _read: list[Record] = field(default_factory=list)

    def records(self) -> Iterator[Record]:
        """Yield the records of earlier runs, each read from the disk once, if at all.

        Most often the newest ones hold what is looked for.
        """
        at = 0
        while at < len(self._read) or self._read_one():
            yield self._read[at]
            at += 1

    def _read_one(self) -> bool:
        record = next(self.earlier_runs, None)
        if record is None:
            return False
        self._read.append(self._sound(record))
        return True

    def _sound(self, record: Record) -> Record:
        """Return a record without what is no result, and say what that is."""
        found = sound.reusable(record)
        if found["unfit"]:
            self.say(
                f"of run {found['run']} this is damaged in run.json and ignored: "
                f"{'; '.join(found['unfit'])}"
            )
        return found

    @property
    def told(self) -> bool:
        """Whether the content of the data can be told without reading it."""
        return sources.content_digests(self.params, self.root) is not None

    def after(self) -> dict[str, tuple[str, ...]]:
        """Return the steps that each must wait for."""
        # What the data are is known from the data step when nothing else tells it.
        first = () if self.told else ("data",)
        return {
            name: node.after or (first if name != "data" else ())
            for name, node in GRAPH.items()
        }

    def key(self, name: str) -> Key:
        """Return the key of a step as things stand now."""
        data = self.entries.get("data")
        return step_key(
            name,
            self.params,
            self.root,
            code=self.code,
            before={n: outputs_digest(self.entries[n]) for n in GRAPH[name].after},
            fingerprint=None if data is None else data["inputs"]["data"],
        )

    def earlier(self, name: str) -> Iterator[Earlier]:
        """Yield a step as it is in earlier runs, the newest first."""
        return reuse.earlier_steps(name, self.records(), self.root)

    def candidates(self, name: str, key: Key) -> Iterator[tuple[Earlier, str, Key]]:
        """Yield the earlier results that may be taken, why, and the key they have."""
        if self.force:
            return
        for each in self.earlier(name):
            if reuse.same(each, key):
                why = f"nothing it depends on has changed since run {each.ran_in}"
                yield each, why, key
        if self.resumed is None:
            return
        # Read above as well, where what is ignored is said.
        resumed = sound.reusable(self.resumed)
        for each in reuse.earlier_steps(name, [resumed], self.root):
            if reuse.same(each, key, whatever_the_code=True):
                although = reuse.changes(each, key, step=name)
                why = f"from run {each.ran_in} although {'; '.join(although)}"
                # Such a result keeps its own key: this code did not make it.
                yield each, why, each.key


def open_outlook(
    params: Params,
    root: Path,
    *,
    but: str | None = None,
    force: bool = False,
    resume: str | None = None,
) -> Outlook:
    """Return the outlook of a run on what earlier ones made.

    Parameters
    ----------
    params : Params
        The params of the run.
    root : Path
        The workspace.
    but : str, optional
        The run itself.
    force : bool
        Whether all steps are due.
    resume : str, optional
        The run that this one goes on from.
    """
    found = runs.newest_first(params.case, root)
    resumed = None
    if resume is not None:
        known = runs.newest_first(params.case, root)
        resumed = next((r for r in known if r["run"] == resume), None)
    earlier = (r for r in found if r["run"] != but)
    return Outlook(params, root, earlier, force, resumed, code_parts())


def nothing_due(outlook: Outlook) -> bool:
    """Return whether each step has an earlier result with its key.

    Whether its files are whole is not looked at.
    """
    for name in NOTEBOOKS:
        found = next(outlook.candidates(name, outlook.key(name)), None)
        if found is None:
            return False
        outlook.entries[name] = dict(found[0].entry)
    return True


@dataclass
class DueSteps:
    """The steps of a run under way, for :func:`mlkit.pipeline.jobs.work_through`.

    Attributes
    ----------
    runner : Runner
        The run.
    outlook : Outlook
        What earlier runs made.
    """

    runner: Runner
    outlook: Outlook
    _open: dict[str, Entry] = field(default_factory=dict)
    _keys: dict[str, Key] = field(default_factory=dict)
    _why: dict[str, list[str]] = field(default_factory=dict)
    _facts: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.outlook.say = self.runner.say

    def take(self, name: str) -> bool:
        """Take a good earlier result of a step, if there is one."""
        key = self._keys[name] = self.outlook.key(name)
        damaged, told = [], set()
        for found, why, kept in self.outlook.candidates(name, key):
            damage = reuse.damage(found)
            if not damage:
                self._take(name, kept, found, why)
                return True
            # Most often the same files, which several runs share.
            if (found.ran_in, damage) in told:
                continue
            told.add((found.ran_in, damage))
            run = found.folder.run
            damaged.append(f"of the result in run {run}, {damage}")
            self.runner.say(f"{name:<9} is not taken from run {run}: {damage}")
        self._why[name] = damaged or self._reasons(name, key)
        return False

    def _take(self, name: str, key: Key, found: Earlier, why: str) -> None:
        entry = self.runner.open_step(name)
        reuse.put_in_place(found, self.runner.record.folder)
        kept = ("peak_memory_mb", "inputs", "outputs", "cutoff", "scraps")
        entry |= {field: found.entry.get(field) for field in kept}
        entry |= {"key": key.to_dict(), "taken": found.ran_in, "why": [why]}
        self._done(name, entry)

    def _reasons(self, name: str, key: Key) -> list[str]:
        if self.outlook.force:
            return ["--force was given"]
        return reuse.reasons(key, self.outlook.earlier(name), step=name)

    def begin(self, name: str, share: int) -> Callable[[], None]:
        """Return what runs a step in a thread."""
        why = self._why[name]
        self._open[name] = self.runner.open_step(name, why=why)
        self.runner.say(f"{name:<9} runs    {'; '.join(why)}")

        def work() -> None:
            self._facts[name] = self.runner.execute(name, share=share)

        return work

    def end(self, name: str, error: BaseException | None) -> bool:
        """Record how a step ended, and say whether the others may go on."""
        entry = self._open.pop(name) | self._facts.pop(name, {})
        entry["key"] = self._kept_key(name)
        if error is not None:
            self.runner.close_step(entry, error, order=NOTEBOOKS)
            # A drift check informs; whether it can be made decides nothing.
            goes_on = name == "drift" and isinstance(error, StepError)
            if goes_on:
                self.runner.say(f"{error}; the run goes on without it")
            return goes_on
        self._done(name, entry)
        return True

    def meanwhile(self) -> None:
        """Turn into HTML what has been executed so far."""
        for name in self._keys:
            entry = self.outlook.entries.get(name)
            if entry is not None and not entry["taken"]:
                self.runner.convert(name)

    def again(self, name: str, why: str) -> None:
        """Run a step once more, in this thread; what it made before is lost."""
        self.runner.bodies.pop(name, None)
        for entry in self.runner.record.content["steps"]:
            if entry["name"] == name:
                entry["key"] = None
        key = self.outlook.key(name).to_dict()
        with self.runner.step(name, key=key, why=[why]) as entry:
            entry |= self.runner.execute(name)

    def _done(self, name: str, entry: Entry) -> None:
        self.outlook.entries[name] = entry
        self.runner.close_step(entry, order=NOTEBOOKS)
        self._check_data(name, entry)

    def _kept_key(self, name: str) -> Entry | None:
        """Return a step's key, unless it is another one by the end of the step."""
        key = self._keys[name]
        self.outlook.code = code_parts()
        changed = differences(key.parts, self.outlook.key(name).parts, step=name)
        # Known only now, from the data step itself.
        if not key.told or not changed:
            return key.to_dict()
        self.runner.say(
            f"{name}: while it ran, {'; '.join(changed)}; no later run takes its result"
        )
        return None

    def _check_data(self, name: str, entry: Entry) -> None:
        """Refuse to go on when two steps have read different data."""
        now = entry["inputs"]["data"]
        for other, done in self.outlook.entries.items():
            before = done["inputs"]["data"]
            if before != now:
                first, second = sorted((other, name), key=NOTEBOOKS.index)
                raise StepError(_stale(self.runner, first, second))


def _stale(runner: Runner, first: str, second: str) -> Entry:
    return {
        "step": second,
        "cell": None,
        "source": "",
        "type": "StaleError",
        "message": f"the data of case {runner.params.case!r} changed during run "
        f"{runner.record.folder.run}: the step {second} read other rows than the step "
        f"{first}; start the run again when the data stand",
        "advice": "The next run takes what has not changed since.",
    }
