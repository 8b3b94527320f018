"""Whatever the history: what is named stays, the newest stay, and nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlkit import clean, registry
from mlkit.pipeline import runs
from mlkit.registry import Candidate
from tests.histories import add_run, taken

CASES = ("toy", "games")


@dataclass(frozen=True)
class Told:
    """A run of a made-up history.

    Attributes
    ----------
    case : int
        Whose it is.
    damaged : bool
        Whether its record is lost.
    named : bool
        Whether a commit of the registry names it.
    link : int or None
        How many runs before it, over all cases, the one is that it took a step from.
    """

    case: int
    damaged: bool
    named: bool
    link: int | None


HISTORIES = st.lists(
    st.builds(
        Told,
        case=st.integers(0, 1),
        damaged=st.sampled_from([False, False, False, True]),
        named=st.sampled_from([False, False, False, True]),
        link=st.none() | st.integers(1, 6),
    ),
    max_size=14,
)


def write(
    root: Path, told: list[Told], candidate: Callable[..., Candidate]
) -> list[str]:
    """Write a history and return the names of its runs, the oldest first."""
    names: list[str] = []
    for day, run in enumerate(told):
        there = run.link is not None and run.link <= day
        steps = taken(names[day - (run.link or 0)]) if there else []
        names.append(add_run(root, day, CASES[run.case], steps=steps))
        if run.named:
            opened = registry.open_registry("shared", root)
            opened.register(candidate(day, run=names[day]), {"model.skops": b"model"})
        if run.damaged:
            (root / "reports" / CASES[run.case] / names[day] / "run.json").unlink()
    return names


def expected(told: list[Told], keep: int) -> set[int]:
    """Return which runs stay: the rule read off its sentence, one run after another."""
    stay = {day for day, run in enumerate(told) if run.named}
    for case in range(2):
        sound = [d for d, r in enumerate(told) if r.case == case and not r.damaged]
        stay |= set(sound[-keep:])
    # Links lead back in time, so one pass from the newest run follows all of them.
    for day in reversed(range(len(told))):
        link = told[day].link
        if day in stay and not told[day].damaged and link is not None and link <= day:
            stay.add(day - link)
    return stay


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=HISTORIES, keep=st.integers(1, 4))
def test_named_linked_and_newest_runs_stay_and_nothing_else(
    candidate: Callable[..., Candidate], told: list[Told], keep: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        names = write(root, told, candidate)
        stays = {names[day] for day in expected(told, keep)}
        plan = clean.find_old(root, keep=keep)
        assert {item.path.name for item in plan.items} == set(names) - stays
        clean.remove(plan)
        assert {n for case in CASES for n in runs.names(case, root)} == stays
        for case in CASES:
            for name in runs.names(case, root):
                path = runs.case_folder(case, root) / name
                assert (path / "train" / "model.skops").stat().st_size == 1000
        assert clean.find_old(root, keep=keep).items == ()


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=HISTORIES, keep=st.integers(1, 3), more=st.integers(0, 3))
def test_a_larger_number_never_removes_more(
    candidate: Callable[..., Candidate], told: list[Told], keep: int, more: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, told, candidate)
        fewer = {item.path for item in clean.find_old(root, keep=keep).items}
        larger = {item.path for item in clean.find_old(root, keep=keep + more).items}
        assert larger <= fewer
