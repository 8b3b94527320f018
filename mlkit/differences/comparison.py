"""Comparison: everything that two runs do not share, in one record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.differences import code, data, figures, measured, notebooks
from mlkit.differences.choice import Chosen
from mlkit.differences.code import CellChange, Change, Commits
from mlkit.differences.measured import MetricPair, Standing
from mlkit.differences.notebooks import Cell
from mlkit.report import FigurePair, differences_page, summary, wording
from mlkit.report.concealed import conceal, sensitive_columns

NAMED = 2
MOST_NAMED = 9
PROJECT = Path(store.__file__).parents[1]


@dataclass(frozen=True)
class Comparison:
    """Two runs, A and B, and what differs between them.

    Attributes
    ----------
    a, b : dict
        Who they are: ``case``, ``run``, ``kind``, ``status``, ``started``, ``seconds``,
        ``who``, ``verdict`` (its word), ``headline``, ``reason``, ``version`` and
        ``error``.
    params, data, environment, decision : tuple of Change
        What has another value. `data` also tells of columns, `decision` of the
        champion, the verdict, the version and its stage.
    metrics : tuple of MetricPair
        Every metric of either.
    standing : Standing
        Which is better.
    cells : tuple of CellChange
        Code cells that differ.
    commits : Commits
        What git knows.
    figures : tuple of FigurePair
        Figures of the executed notebooks.
    missing : tuple of str
        What cannot be compared, a sentence each.
    """

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    params: tuple[Change, ...]
    data: tuple[Change, ...]
    environment: tuple[Change, ...]
    decision: tuple[Change, ...]
    metrics: tuple[MetricPair, ...]
    standing: Standing
    cells: tuple[CellChange, ...]
    commits: Commits
    figures: tuple[FigurePair, ...] = field(repr=False)
    missing: tuple[str, ...]

    @property
    def differs_in(self) -> tuple[str, ...]:
        """What differs, in words, from what people look for first."""
        steps = wording.listing([*dict.fromkeys(cell.step for cell in self.cells)])
        named = {
            "the case": self.a["case"] != self.b["case"],
            "the kind of run": self.a["kind"] != self.b["kind"],
            "the data": bool(self.data),
            **dict.fromkeys(_named(self.params, "param"), True),
            f"the code of {steps}": bool(self.cells),
            "the commit": self.commits.differ,
            **dict.fromkeys(_named(self.environment, "version"), True),
            **{f"the {change.what}": True for change in self.decision},
            "perhaps what is not committed": self.commits.uncertain,
        }
        return tuple(words for words, differs in named.items() if differs)

    @property
    def identical(self) -> bool:
        """Whether nothing differs that the records tell of."""
        measured_alike = all(pair.reading == "same" for pair in self.metrics)
        ended_alike = self.a["status"] == self.b["status"]
        shown_alike = all(pair.same for pair in self.figures)
        return not self.differs_in and measured_alike and ended_alike and shown_alike

    @property
    def headline(self) -> str:
        """One sentence: what differs and which is better."""
        if self.a["run"] == self.b["run"] and self.a["case"] == self.b["case"]:
            return "A and B are the same run"
        if self.identical:
            return "Nothing differs between A and B but when they ran"
        differs = wording.listing(list(self.differs_in), MOST_NAMED)
        start = f"A and B differ in {differs}" if differs else "Only the results differ"
        return f"{start}; {self.standing.headline}"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON data, without the images."""
        return {
            "a": dict(self.a),
            "b": dict(self.b),
            "identical": self.identical,
            "headline": self.headline,
            "differs_in": list(self.differs_in),
            "standing": self.standing.to_dict(),
            "params": [change.to_dict() for change in self.params],
            "data": [change.to_dict() for change in self.data],
            "metrics": [pair.to_dict() for pair in self.metrics],
            "cells": [cell.to_dict() for cell in self.cells],
            "commits": self.commits.to_dict(),
            "environment": [change.to_dict() for change in self.environment],
            "decision": [change.to_dict() for change in self.decision],
            "figures": [pair.to_dict() for pair in self.figures],
            "missing": list(self.missing),
        }


def _named(changes: Sequence[Change], noun: str) -> list[str]:
    """Return the names of a few changes, or how many there are."""
    if len(changes) <= NAMED:
        return [change.what for change in changes]
    return [wording.count(len(changes), noun)]


def compare(a: Chosen, b: Chosen, root: Path | None = None) -> Comparison:
    """Compare two runs, of whatever case, age and end.

    Parameters
    ----------
    a, b : Chosen
        The runs; what B has more counts as added.
    root : Path, optional
        The workspace; None finds it.
    """
    old, new = a.record, b.record
    missing: list[str] = []
    read = [_read(name, each, missing) for name, each in (("A", a), ("B", b))]
    changes: list[CellChange] = []
    pairs: list[FigurePair] = []
    for step in dict.fromkeys([*read[1], *read[0]]):
        cells = [each.get(step) for each in read]
        if cells[0] is None or cells[1] is None:
            lacks = "A" if cells[0] is None else "B"
            missing.append(f"{lacks} has no executed notebook of the step “{step}”.")
            continue
        changes += code.cell_changes(step, cells[0], cells[1])
        pairs += figures.figure_pairs(step, cells[0], cells[1])
        if code.reordered(cells[0], cells[1]):
            missing.append(f"The cells of “{step}” stand in another order.")
    metrics = measured.metric_pairs(old, new)
    return Comparison(
        a=_facts(old),
        b=_facts(new),
        params=param_changes(old, new),
        data=data.data_changes(a, b),
        environment=code.environment(old, new),
        decision=decision_changes(old, new),
        metrics=metrics,
        standing=measured.standing(old, new, metrics),
        cells=tuple(changes),
        commits=code.commits(old, new, [root or store.workspace_root(), PROJECT]),
        figures=tuple(_shown(pairs, old, new, missing)),
        missing=(*_missing(old, new), *missing),
    )


def _read(name: str, chosen: Chosen, missing: list[str]) -> dict[str, tuple[Cell, ...]]:
    """Return the code cells of each step; say of which a notebook cannot be read."""
    found = {}
    for step, path in notebooks.executed(chosen.folder.path, chosen.record).items():
        try:
            found[step] = notebooks.cells(path)
        except (OSError, ValueError) as error:
            missing.append(f"{name}'s notebook of “{step}” cannot be read: {error}")
    return found


def param_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the params that differ, the values of sensitive columns masked."""
    if not a.get("params") or not b.get("params"):
        return ()
    sensitive = sensitive_columns(a["params"], b["params"])
    flat = [summary.flat(run["params"]) for run in (a, b)]
    shown = [conceal(each, sensitive) for each in flat]
    return tuple(
        Change(key, shown[0].get(key), shown[1].get(key))
        for key in sorted({*flat[0], *flat[1]} - {"case"})
        # As they are written: to Python, true is 1.
        if json.dumps(flat[0].get(key)) != json.dumps(flat[1].get(key))
    )


def decision_changes(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what two runs were judged against and came to, where it is not the same.

    Of a run that came to no decision, only its champion is known.
    """
    champions = _champion(a), _champion(b)
    told = [("champion", *champions)] if None not in champions else []
    old, new = (run.get("verdict") for run in (a, b))
    if old and new:
        for name in ("verdict", "version", "stage"):
            told.append((name, old.get(name), new.get(name)))
    return tuple(Change(*each) for each in told if each[1] != each[2])


def _champion(run: Mapping[str, Any]) -> str | None:
    """Return the version that a run was judged against; None where that is unknown."""
    for step in run.get("steps") or ():
        parts = (step.get("key") or {}).get("parts") or {}
        if step.get("name") == "evaluate" and "champion" in parts:
            return str((parts["champion"] or {}).get("version") or "none")
    verdict = run.get("verdict") or {}
    return str(verdict["champion"] or "none") if "champion" in verdict else None


def _facts(run: Mapping[str, Any]) -> dict[str, Any]:
    outcome = summary.outcome(run)
    verdict = run.get("verdict") or {}
    return {
        "case": run["case"],
        "run": run["run"],
        "kind": run.get("kind") or "retrain",
        "status": run.get("status"),
        "started": summary.started(run),
        "seconds": summary.seconds(run),
        "who": run.get("who"),
        "verdict": outcome.label,
        "tone": outcome.tone,
        "headline": outcome.headline,
        "reason": outcome.reason,
        "version": verdict.get("version"),
        "error": run.get("error"),
    }


def _missing(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name, run in (("A", a), ("B", b)):
        lacking = [key for key in ("params", "data", "packages") if not run.get(key)]
        if run.get("status") != "ok":
            yield f"{name} did not end well: {summary.outcome(run).headline}."
        if lacking:
            yield f"The record of {name} tells nothing of {wording.listing(lacking)}."


def _shown(
    pairs: list[FigurePair],
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    missing: list[str],
) -> list[FigurePair]:
    """Return figures without those that show what the other run calls sensitive."""
    masked = [sensitive_columns(run.get("params")) for run in (a, b)]
    said = (
        "The figures of {} are not shown: the other run calls columns sensitive that "
        "were not masked in them."
    )
    if masked[1] - masked[0] and any(pair.a for pair in pairs):
        pairs = [replace(pair, a=None) for pair in pairs]
        missing.append(said.format("A"))
    if masked[0] - masked[1] and any(pair.b for pair in pairs):
        pairs = [replace(pair, b=None) for pair in pairs]
        missing.append(said.format("B"))
    return [pair for pair in pairs if pair.a or pair.b]


def write_page(found: Comparison, a: Chosen, b: Chosen) -> Path:
    """Write the page of a comparison into the folder of run B and return its path.

    Its links to the pages of both runs are relative, so that ``reports/`` can be moved.
    """
    pages = {
        name: f"../../{each.folder.case}/{each.folder.run}"
        for name, each in (("a", a), ("b", b))
    }
    path = b.folder.path / f"differences-{a.folder.run}.html"
    page = differences_page(found.to_dict(), found.figures, folders=pages)
    store.write_atomic(path, page)
    return path
