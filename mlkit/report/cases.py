"""The index page: all cases, what is in production, and every run there was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlkit.report import measures, steps, summary, wording
from mlkit.report.layout import render
from mlkit.report.league import ALL, league_outcome, title_of
from mlkit.report.monitor_alerts import counted
from mlkit.report.sparkline import sparkline
from mlkit.report.summary import Run
from mlkit.report.views import CaseView, Outcome

NEWEST = 10
HISTORY = 40
MOST_TO_LOOK_AT = 6
FAN_OUT = "fan_out"


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
    parts = _segments(cases)
    inside = {part.case for views in parts.values() for part in views}
    shown = [view for view in cases if view.case not in inside]
    return render(
        "index.html.j2",
        lead=_lead(shown, parts),
        cases=[_case(view, parts.get(view.case, ())) for view in shown],
        place=[],
        footer="All cases",
    )


def _segments(cases: Sequence[CaseView]) -> dict[str, list[CaseView]]:
    """Return the cases that are segments of another one, by the name of that one."""
    by_name = {view.case: view for view in cases}
    found: dict[str, dict[str, CaseView]] = {}
    for view in cases:
        for run in view.runs:
            divided = run.get("members") or () if run.get("segments") else ()
            for member in divided:
                name = member.get("case")
                if name in by_name and name != view.case:
                    found.setdefault(view.case, {})[name] = by_name[name]
    return {case: list(views.values()) for case, views in found.items()}


def _lead(cases: Sequence[CaseView], parts: Mapping[str, Sequence[CaseView]]) -> str:
    every = [*cases, *(part for views in parts.values() for part in views)]
    runs = sum(len(view.runs) for view in every)
    counts = [
        wording.count(sum(_name(view) == view.case for view in cases), "case"),
        wording.count(runs, "run"),
    ]
    if parts:
        counts.insert(1, wording.count(len(every) - len(cases), "segment"))
    said = f"{', '.join(counts)}."
    look = [
        f"{_name(view)}: {why}"
        for view in cases
        if (why := _attention(view) or _inside(parts.get(view.case, ())))
    ]
    if look:
        rest = len(look) - MOST_TO_LOOK_AT
        more = [f"{rest} more"] if rest > 0 else []
        return f"{said} Worth a look: {'; '.join(look[:MOST_TO_LOOK_AT] + more)}."
    return f"{said} Nothing waits for a decision." if runs else said


def _name(view: CaseView) -> str:
    return title_of({"case": ALL}) if view.case == ALL else view.case


def _inside(parts: Sequence[CaseView]) -> str:
    """Return how many segments of a case are worth a look; empty for none."""
    look = sum(bool(_attention(part)) for part in parts)
    return f"{look} of {wording.count(len(parts), 'segment')}" if look else ""


def _outcome(run: Run) -> Outcome:
    """Return what came of a run of any kind."""
    return league_outcome(run) if run.get("kind") == FAN_OUT else steps.outcome(run)


def _attention(view: CaseView) -> str:
    """Return why a case is worth a look; empty where it is not."""
    if not view.runs:
        return ""
    newest = view.runs[0]
    if _quiet_check(newest):
        # That the model is healthy does not settle what a retrain has left open.
        newest = next((r for r in view.runs if not _quiet_check(r)), newest)
    if newest.get("kind") == FAN_OUT and newest.get("status") == "failed":
        return _outcome(newest).headline
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
        "degraded": "the model in production needs a look",
        "critical": "the model in production is not to be relied on",
        "undecided": f"{name} waits in staging, undecided",
        "promotable": f"{name} waits in staging to be promoted",
    }
    return reasons.get(state, "")


def _quiet_check(run: Run) -> bool:
    """Return whether a run is a check of the model in production with nothing wrong."""
    if run.get("kind") != "monitor" or run.get("status") != "ok":
        return False
    return summary.outcome(run).state in ("healthy", "unlogged")


def _moved(view: CaseView, version: str | None) -> bool:
    """Return whether a person has moved a version out of staging since its run."""
    if version is None:
        return False
    return version == view.production or (view.versions > 0 and version != view.waiting)


def _case(view: CaseView, parts: Sequence[CaseView] = ()) -> dict[str, Any]:
    newest = view.runs[0] if view.runs else None
    only_parts = all(run.get("kind") == FAN_OUT for run in view.runs) and view.runs
    found = next(filter(None, map(measures.evaluation, view.runs)), {})
    name = found.get("primary")
    metric = measures.label(found, name) if name else "Metric"
    newest_rows, older_rows = _rows(view, name)
    return {
        "id": wording.slug(view.case),
        "name": _name(view),
        "outcome": _outcome(newest) if newest else Outcome("none", "It was never run"),
        "href": f"{view.case}/{newest['run']}/index.html" if newest else "",
        # What is divided has no model of its own; its segments have.
        "production": "" if only_parts and not view.versions else _production(view),
        "version": wording.ABSENT if only_parts else view.production or "nothing yet",
        "last": wording.moment(summary.started(newest)) if newest else "",
        "waiting": view.waiting,
        "versions": view.versions,
        "metric": metric,
        "in_use": _in_use(view, name) if name else None,
        "history": _history(view.runs, name, found) if name else None,
        "health": _health(view),
        "newest": newest_rows,
        "older": older_rows,
        "segments": [_segment(part) for part in parts],
    }


def _health(view: CaseView) -> dict[str, str] | None:
    """Return the newest word on the model in production; None if it is not watched."""
    checks = (
        run
        for run in view.runs
        if run.get("kind") == "monitor" and run.get("status") == "ok"
    )
    newest = next(checks, None)
    if newest is None and not view.alerts:
        return None
    found = Outcome("none", "") if newest is None else summary.outcome(newest)
    return {
        "label": "Not checked" if newest is None else found.label,
        "tone": found.tone,
        "alerts": counted(view.alerts) if view.alerts else "none",
        "href": "" if newest is None else f"{view.case}/{newest['run']}/index.html",
    }


def _rows(
    view: CaseView, metric: str | None
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the newest runs and the older ones, a line each.

    Checks come by the hour: of those with nothing wrong only the newest is new.
    """
    checks = [run for run in view.runs if _quiet_check(run)]
    old_checks = {run["run"] for run in checks[1:]}
    shown = [run for run in view.runs if run["run"] not in old_checks][:NEWEST]
    kept = {run["run"] for run in shown}
    rest = [run for run in view.runs if run["run"] not in kept]
    newest, older = (
        [_row(view.case, run, metric) for run in each] for each in (shown, rest)
    )
    return newest, older


def _segment(view: CaseView) -> dict[str, Any]:
    """Return one segment as a line in the section of its case."""
    line = _case(view)
    newest = view.runs[0]
    only = ((newest.get("params") or {}).get("data") or {}).get("only") or {}
    values = [str(value) for value in only.values()]
    return line | {"segment": wording.listing(values) or view.case}


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
    outcome = _outcome(run)
    same = steps.unchanged_since(run)
    verdict = run.get("verdict") or {}
    value = _value(run, metric) if metric else None
    return {
        "id": run["run"],
        "href": f"{case}/{run['run']}/index.html",
        "when": wording.moment(summary.started(run)),
        "label": "Nothing new" if same else outcome.label,
        "tone": "neutral" if same else outcome.tone,
        "where": f"still: {outcome.label.lower()}" if same else _where(run),
        "version": verdict.get("version") or wording.ABSENT,
        "metric": wording.number(value),
        "took": wording.duration(summary.seconds(run)),
        "who": run.get("who") or wording.ABSENT,
    }


def _where(run: Run) -> str:
    """Return what a line adds to what a run came to; it may be empty."""
    if run.get("kind") == FAN_OUT:
        members = run.get("members") or ()
        return wording.count(len(members), "segment" if run.get("segments") else "case")
    if run.get("kind") in summary.KINDS:
        return summary.KINDS[run["kind"]]
    step = (run.get("error") or {}).get("step")
    return f"in step {step}" if step else ""
