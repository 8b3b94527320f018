"""Choice: the one run that is meant by a name, the head of one, or words for one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.pipeline import runs
from mlkit.pipeline.runs import RunFolder

LATEST, PREVIOUS, PRODUCTION = "latest", "previous", "production"
WORDS = (LATEST, PREVIOUS, PRODUCTION)
SHOWN = 3
# One digit or two would fit some run by accident.
SHORTEST = 3


class RunChoiceError(LookupError):
    """What was asked for is not one run."""


@dataclass(frozen=True)
class Chosen:
    """A run that was asked for.

    Attributes
    ----------
    folder : RunFolder
        Where it was written.
    record : dict
        Its record as it truly is: one that says ``running`` without a process is
        ``interrupted``.
    """

    folder: RunFolder
    record: Mapping[str, Any]


def choose(asked: str, root: Path | None = None) -> Chosen:
    """Find the run that is meant.

    Parameters
    ----------
    asked : str
        The name of a run of any case, the head of its name or of the six digits at its
        end, as long as it fits one run; ``CASE:`` and one of these, ``latest``,
        ``previous`` (the one before) or ``production`` (the run whose model is in
        production). ``latest`` and the like may stand alone where one case was run.
        The path of a run's folder, or of a file in it, names the run, too.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    RunChoiceError
        If no run fits, or more than one does. The message names the nearest.
    """
    root = root or store.workspace_root()
    known = {case: runs.names(case, root) for case in runs.cases_with_runs(root)}
    if not known:
        raise RunChoiceError(
            f"run {asked!r} was asked for, and no case of this workspace was run yet; "
            "start a run with `mlkit retrain CASE`"
        )
    case, wanted = _taken_apart(asked, known)
    if wanted in WORDS:
        case = case or _only_case(asked, known)
        name = _by_word(wanted, case, root)
    else:
        case, name = _by_name(asked, wanted, {case: known[case]} if case else known)
    record = next(r for r in runs.records(case, root) if r["run"] == name)
    return Chosen(runs.open_run(case, name, root), record)


def _taken_apart(
    asked: str, known: Mapping[str, Sequence[str]]
) -> tuple[str | None, str]:
    """Return the case that is named, if any, and what is asked of it."""
    parts = Path(asked).parts
    for case, name in pairwise(parts):
        if name in known.get(case, ()):
            return case, name
    case, colon, wanted = asked.rpartition(":")
    if not colon:
        return None, asked
    if case not in known:
        raise RunChoiceError(
            f"{asked!r} asks for a run of case {case!r}, which was never run; "
            f"{_nearest(case, list(known), 'cases with runs')}"
        )
    return case, wanted


def _only_case(asked: str, known: Mapping[str, Sequence[str]]) -> str:
    if len(known) == 1:
        return next(iter(known))
    ways = ", ".join(f"{case}:{asked}" for case in [*known][:SHOWN])
    raise RunChoiceError(
        f"{asked!r} was asked for, and {len(known)} cases have runs; say of which "
        f"case: {ways}"
    )


def _by_word(word: str, case: str, root: Path) -> str:
    records = [r for r in runs.records(case, root) if _may_be_meant(r)]
    if word == PRODUCTION:
        return _in_production(case, records, root)
    position = (LATEST, PREVIOUS).index(word)
    if len(records) <= position:
        raise RunChoiceError(
            f"{case}:{word} was asked for, and case {case!r} has "
            f"{len(records)} finished run{'' if len(records) == 1 else 's'} to choose "
            "from; name a run, or start one with "
            f"`mlkit retrain {case}`"
        )
    return str(records[position]["run"])


def _may_be_meant(record: Mapping[str, Any]) -> bool:
    return record["status"] != "running" and record.get("kind") != "fan_out"


def _in_production(case: str, records: Sequence[Mapping[str, Any]], root: Path) -> str:
    from mlkit import registry

    params: Mapping[str, Any] = next(
        (r["params"] for r in records if r.get("params")), {}
    )
    model = (params.get("registry") or {}).get("model") or case
    champion = registry.open_registry(model, root).production()
    if champion is None:
        raise RunChoiceError(
            f"{case}:{PRODUCTION} was asked for, and no version of model {model!r} is "
            f"in production; take {case}:{LATEST} or name a run"
        )
    name = champion.manifest.get("run")
    if name not in {record["run"] for record in records}:
        raise RunChoiceError(
            f"{case}:{PRODUCTION} was asked for, and the run of version "
            f"{champion.version}, {name}, is not in {runs.case_folder(case, root)}; "
            f"take {case}:{LATEST} or name a run"
        )
    return str(name)


def _by_name(
    asked: str, wanted: str, known: Mapping[str, Sequence[str]]
) -> tuple[str, str]:
    every = [(case, name) for case, names in known.items() for name in names]
    found = [pair for pair in every if pair[1] == wanted]
    found = found or [pair for pair in every if _fits(wanted.casefold(), pair[1])]
    if len(found) == 1:
        return found[0]
    if found:
        some = ", ".join(f"{case}:{name}" for case, name in found[:SHOWN])
        more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise RunChoiceError(
            f"{asked!r} fits {len(found)} runs, and one must be meant; give more of "
            f"its name: {some}{more}"
        )
    raise RunChoiceError(
        f"run {asked!r} was asked for, and no run has that name; "
        f"{_nearest(wanted, [name for _, name in every], 'newest runs')}; "
        f"CASE:{LATEST}, CASE:{PREVIOUS} and CASE:{PRODUCTION} name runs, too"
    )


def _fits(head: str, name: str) -> bool:
    whole = name.casefold()
    if len(head) < SHORTEST:
        return False
    return whole.startswith(head) or whole.rpartition("-")[2].startswith(head)


def _nearest(wanted: str, known: list[str], others: str) -> str:
    close = difflib.get_close_matches(wanted, known, n=SHOWN, cutoff=0.6)
    if close:
        return f"the nearest: {', '.join(close)}"
    newest = sorted(known, reverse=others == "newest runs")
    return f"{others}: {', '.join(newest[:SHOWN])}"
