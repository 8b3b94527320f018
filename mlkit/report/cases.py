"""The index page: all cases, what is in production, and every run there was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlkit.report import measures, summary, wording
from mlkit.report.layout import render
from mlkit.report.sparkline import sparkline
from mlkit.report.summary import Run
from mlkit.report.views import CaseView, Outcome

NEWEST = 10
HISTORY = 40


def index_page(cases: Sequence[CaseView]) -> str:
    """Return the page of all cases: a function of the runs' records and the log.

    Parameters
    ----------
    cases : sequence of CaseView
        In the order in which they are shown. Links lead to
        ``<case>/<run>/index.html``, relative to the page.

    Returns
    -------
    str
        One self-contained HTML file.
    """
    return render(
        "index.html.j2",
        lead=_lead(cases),
        cases=[_case(view) for view in cases],
        place=[],
        footer="All cases",
    )


def _lead(cases: Sequence[CaseView]) -> str:
    runs = sum(len(view.runs) for view in cases)
    said = f"{wording.count(len(cases), 'case')}, {wording.count(runs, 'run')}."
    look = [f"{view.case}: {why}" for view in cases if (why := _attention(view))]
    if look:
        return f"{said} Worth a look: {'; '.join(look)}."
    return f"{said} Nothing waits for a decision." if runs else said


def _attention(view: CaseView) -> str:
    """Return why a case is worth a look; empty where it is not."""
    if not view.runs:
        return ""
    newest = view.runs[0]
    version = (newest.get("verdict") or {}).get("version")
    name = f"version {version}" if version else "the newest model"
    step = (newest.get("error") or {}).get("step")
    state = summary.outcome(newest).state
    if state in ("undecided", "promotable") and _moved(view, version):
        return ""
    reasons = {
        "failed": f"the newest run failed{f' in step {step}' if step else ''}",
        "interrupted": "the newest run was interrupted",
        "reject": f"{name} was rejected",
        "drift": "the newest check found drift",
        "undecided": f"{name} waits in staging, undecided",
        "promotable": f"{name} waits in staging to be promoted",
    }
    return reasons.get(state, "")


def _moved(view: CaseView, version: str | None) -> bool:
    """Return whether a person has moved a version out of staging since its run."""
    if version is None:
        return False
    return version == view.production or (view.versions > 0 and version != view.waiting)


def _case(view: CaseView) -> dict[str, Any]:
    newest = view.runs[0] if view.runs else None
    found = next(filter(None, map(measures.evaluation, view.runs)), {})
    name = found.get("primary")
    metric = measures.label(found, name) if name else "Metric"
    rows = [_row(view.case, run, name) for run in view.runs]
    return {
        "id": wording.slug(view.case),
        "name": view.case,
        "outcome": summary.outcome(newest)
        if newest
        else Outcome("none", "It was never run"),
        "href": f"{view.case}/{newest['run']}/index.html" if newest else "",
        "production": _production(view),
        "version": view.production or "nothing yet",
        "last": wording.moment(summary.started(newest)) if newest else "",
        "waiting": view.waiting,
        "versions": view.versions,
        "metric": metric,
        "in_use": _in_use(view, name) if name else None,
        "history": _history(view.runs, name, found) if name else None,
        "newest": rows[:NEWEST],
        "older": rows[NEWEST:],
    }


def _production(view: CaseView) -> str:
    if view.production is None:
        return "nothing yet"
    since = f" since {wording.moment(view.since)}" if view.since else ""
    return f"{view.production}{since}"


def _in_use(view: CaseView, name: str) -> str | None:
    """Return the metric of the version in production; None without such a version."""
    versions = {(run.get("verdict") or {}).get("version") for run in view.runs}
    if view.production is None or view.production not in versions:
        return None
    measured = (
        _value(run, name)
        for run in view.runs
        if (run.get("verdict") or {}).get("version") == view.production
    )
    return wording.number(next((v for v in measured if v is not None), None))


def _history(
    runs: Sequence[Run], name: str, found: Mapping[str, Any]
) -> dict[str, Any] | None:
    oldest_first = [_value(run, name) for run in reversed(runs[:HISTORY])]
    drawn = sparkline(oldest_first, measures.label(found, name))
    if not drawn:
        return None
    greater = measures.direction(found, name)
    better = {True: "higher is better", False: "lower is better", None: ""}[greater]
    return {"better": better, "spark": drawn}


def _value(run: Run, name: str) -> float | None:
    value = (measures.scores(measures.evaluation(run)).get(name) or {}).get("value")
    return None if value is None else float(value)


def _row(case: str, run: Run, metric: str | None) -> Mapping[str, Any]:
    outcome = summary.outcome(run)
    error = run.get("error") or {}
    verdict = run.get("verdict") or {}
    value = _value(run, metric) if metric else None
    return {
        "id": run["run"],
        "href": f"{case}/{run['run']}/index.html",
        "when": wording.moment(summary.started(run)),
        "label": outcome.label,
        "tone": outcome.tone,
        "where": f"in step {error['step']}" if error.get("step") else "",
        "version": verdict.get("version") or wording.ABSENT,
        "metric": wording.number(value),
        "took": wording.duration(summary.seconds(run)),
        "who": run.get("who") or wording.ABSENT,
    }
