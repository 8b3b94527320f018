"""The page of a run: what it came to and why, or what stopped it and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlkit.report import concealed, groups, measures, steps, summary, wording
from mlkit.report.failures import failure
from mlkit.report.folds import Fold, Text
from mlkit.report.layout import render
from mlkit.report.monitor_alerts import alert_sentences, alerts_table
from mlkit.report.summary import Run
from mlkit.report.tables import Table, table
from mlkit.report.timeline import Timeline
from mlkit.report.views import Aside, Header, KeyNumber, Link, Outcome

PURPOSE = {
    "data": "a profile of the data, its checks and leakage suspects",
    "train": "the model that was fitted, its settings and its convergence",
    "evaluate": "metrics with intervals, baselines, plots, gates and the verdict",
    "explain": "which columns move the predictions, over all rows and for a few",
    "drift": "whether current rows still look like those of the training",
    "monitor": "performance, drift, volume and latency in production, over time",
}


@dataclass(frozen=True)
class Report:
    """A link to a page, with what it shows; without an address, a name."""

    text: str
    href: str = ""
    says: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page, with its heading."""

    id: str
    title: str
    sentences: Sequence[str] = ()
    links: Sequence[Report] = ()
    shown: Sequence[Any] = ()
    folded: Sequence[Fold] = field(default_factory=tuple)


def run_page(
    run: Run,
    previous: Run | None = None,
    *,
    first: bool = True,
    pages: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> str:
    """Return the page of a run, whatever its status.

    Parameters
    ----------
    run : dict
        Its record (``run.json``); see :mod:`mlkit.report.summary` for what is read.
    previous : dict, optional
        The record of the last run that ended well before it; None when there is none.
    first : bool
        Without `previous`: whether there is no earlier run at all, or else none that
        ended well.
    pages : mapping of str to str, optional
        Step to the address of its page, relative to this one: those that exist.
    files : mapping of str to str, optional
        Words to the address of a file beside the page, such as
        ``{"The log": "log.txt"}``.

    Returns
    -------
    str
        One self-contained HTML file. A failed run says where it stopped, shows the cell
        and says what to do.
    """
    if run.get("kind") == "fan_out":
        # Its page shows params as this one does, so that it imports this module.
        from mlkit.report.league import league_page

        return league_page(run)
    case = run["case"]
    name = run.get("run") or "draft"
    unchanged = steps.unchanged(run)
    if unchanged:
        # It is told as a whole, and not once more for each number.
        previous = None
    before = (previous or {}).get("run")
    sections = _sections(run, pages or {}, files or {})
    ended_well = run.get("status") == "ok"
    return render(
        "run.html.j2",
        outcome=steps.outcome(run),
        unchanged=unchanged,
        case=case,
        run=name,
        when=wording.moment(summary.started(run)),
        failure=failure(run),
        numbers=_numbers(run, previous) if ended_well else (),
        asides=(*steps.resumed(run), *(_asides(run) if ended_well else ())),
        changes=() if unchanged else _changes(run, previous, first),
        previous=before,
        previous_href=f"../{before}/index.html" if before else "",
        facts=summary.facts(run),
        sections=list(filter(_holds_something, sections)),
        place=[*_above(case), Link(name)],
        footer=f"{case} · {name}",
    )


def _numbers(run: Run, previous: Run | None) -> tuple[KeyNumber, ...]:
    """Return the numbers of a run: those of its only notebook, or its metrics."""
    kind = run.get("kind")
    if kind not in summary.KINDS:
        return measures.key_numbers(run, previous)
    glued = summary.scraps(run, str(kind)).get("numbers") or ()
    return tuple(map(KeyNumber.from_dict, glued))


def _above(case: str) -> list[Link]:
    """Return the way down to the pages of a case's runs."""
    index = "../../index.html"
    return [Link("All cases", index), Link(case, f"{index}#{wording.slug(case)}")]


def _holds_something(section: Section) -> bool:
    return any((section.sentences, section.links, section.shown, section.folded))


def _sections(
    run: Run, pages: Mapping[str, str], files: Mapping[str, str]
) -> Iterator[Section]:
    found = measures.evaluation(run)
    verdict = run.get("verdict") or {}
    evidence = verdict.get("evidence") or {}
    links = [
        Report(name.capitalize(), href, PURPOSE.get(name, ""))
        for name, href in pages.items()
    ]
    yield Section("reports", "Reports of this run", links=links)
    yield _alerts(run.get("monitor") or {})
    if run.get("kind") not in summary.KINDS:
        yield Section("seen", "What else was seen", sentences=_also_seen(run))
    tested = evidence.get("paired") or evidence.get("against_dummy")
    shown = [measures.gates_table(found)] if found.get("gates") else []
    if tested and tested["gain"] is not None:
        shown.append(measures.comparison_table(evidence, found))
    number = verdict.get("version_reason")
    said = [f"About the version number: {number}"] if number else []
    full = (tested or {}).get("method") or ""
    folded = []
    if full != measures.short_method(full):
        folded.append(Fold("The test in full", Text(full)))
    yield Section(
        "decision", "Why this verdict", sentences=said, shown=shown, folded=folded
    )
    if found.get("metrics"):
        yield Section("metrics", "Metrics", shown=[measures.metrics_table(found)])
    if run.get("steps"):
        yield _steps_section(run["steps"], steps.sentences(run))
    listed = [Report(text, href) for text, href in files.items()]
    yield Section("record", "Record", links=listed, folded=_recorded(run, evidence))


def _alerts(found: Mapping[str, Any]) -> Section:
    """Return the part of a check's page that says which alerts are active."""
    if found.get("alerts") is None:
        return Section("alerts", "Alerts")
    shown = [alerts_table(found)] if found["alerts"] else []
    return Section("alerts", "Alerts", sentences=alert_sentences(found), shown=shown)


def _recorded(run: Run, evidence: Mapping[str, Any]) -> list[Fold]:
    folded = []
    if run.get("params"):
        folded.append(Fold("The params of this run", Text(settings(run["params"]))))
    if run.get("packages"):
        folded.append(Fold("Versions of Python and packages", packages_table(run)))
    if evidence:
        text = json.dumps(evidence, indent=2, ensure_ascii=False)
        folded.append(Fold("The evidence as recorded", Text(text)))
    return folded


def _steps_section(
    done: Sequence[Mapping[str, Any]], sentences: Sequence[str]
) -> Section:
    links = [
        Report(
            step["name"].capitalize(),
            f"../{step['taken']}/index.html" if step.get("taken") else "",
            steps.reasons(step),
        )
        for step in done
        if steps.reasons(step)
    ]
    timeline = Timeline.of(done)
    drawn = [timeline] if len(timeline.bars) > 1 and timeline.length else []
    shown = [*drawn, steps.steps_table(done)]
    return Section("steps", "Steps", sentences=sentences, links=links, shown=shown)


def _also_seen(run: Run) -> list[str]:
    """Return what the notebooks came to that a reader of the verdict should know."""
    done = run.get("steps") or ()
    glued = {step["name"]: summary.scraps(run, step["name"]) for step in done}
    outcomes = {
        name: Outcome.from_dict(scraps["outcome"])
        for name, scraps in glued.items()
        if "outcome" in scraps
    }
    said = [
        f"{name.capitalize()}: {each.headline}."
        for name, each in outcomes.items()
        if name in ("explain", "drift") or each.tone in ("caution", "bad")
    ]
    # Such a step decides nothing, so the run went on.
    failed = [step for step in done if step["status"] == "failed"]
    return said + [
        f"{step['name'].capitalize()}: the step failed. {step['error']['message']}"
        for step in failed
        if run.get("status") == "ok" and step.get("error")
    ]


def _asides(run: Run) -> tuple[Aside, ...]:
    found = groups.bias_aside(measures.evaluation(run))
    return () if found is None else (found,)


def _changes(run: Run, previous: Run | None, first: bool) -> tuple[str, ...]:
    if not run.get("params") or not run.get("run"):
        return ()
    return summary.changes(run, previous, first=first)


def settings(params: Mapping[str, Any]) -> str:
    """Return params as lines of text, leaving out what is not set.

    Examples
    --------
    >>> print(settings({"seed": 0, "train": {"estimator": "sgd", "search": None}}))
    seed: 0
    train.estimator: "sgd"
    """
    return "\n".join(
        f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in concealed.conceal(summary.flat(params)).items()
        if value not in (None, [], "")
    )


def packages_table(run: Run) -> Table:
    """Return the versions of Python and of the packages a run used."""
    versions = {"Python": run.get("python")} | dict(run.get("packages") or {})
    rows = [{"name": name, "version": v or "unknown"} for name, v in versions.items()]
    return table(
        rows,
        caption="Installed when the run started",
        headings={"name": "Package", "version": "Version"},
        limit=100,
    )


def step_header(
    run: Run, step: str, previous: Run | None = None, *, first: bool = True
) -> Header:
    """Return the first screen of a notebook's page, from the record of its run.

    What the notebook glued as ``outcome``, ``numbers`` and ``asides`` comes first; the
    page of the step ``evaluate`` shows the run's verdict and its metrics.

    Parameters
    ----------
    run : dict
        The record of the run. A draft has ``run: None`` and ``status: "draft"``.
    step : str
        The notebook's stem.
    previous, first : dict, bool
        As in :func:`run_page`. A draft is compared with nothing.
    """
    glued = summary.scraps(run, step)
    case, name = run["case"], run.get("run")
    before = (previous or {}).get("run")
    if step == "evaluate" and run.get("verdict"):
        outcome = summary.outcome(run)
    elif "outcome" in glued:
        outcome = Outcome.from_dict(glued["outcome"])
    elif name is None:
        outcome = Outcome("draft", "A draft, made by hand and never registered")
    else:
        outcome = summary.outcome(run)
    numbers = tuple(KeyNumber.from_dict(item) for item in glued.get("numbers") or ())
    if not numbers and step == "evaluate":
        numbers = measures.key_numbers(run, previous)
    return Header(
        case=case,
        run=name,
        outcome=outcome,
        numbers=numbers,
        asides=(
            *steps.aside(run, step),
            *(_asides(run) if step == "evaluate" else ()),
            *(Aside.from_dict(item) for item in glued.get("asides") or ()),
        ),
        changes=_changes(run, previous, first),
        previous=before,
        previous_href=f"../{before}/index.html" if before else "",
        facts=summary.facts(run),
        place=[*_above(case), Link(name or "draft", "index.html" if name else "")],
    )
