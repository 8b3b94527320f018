"""The page of many retrains at once: what they came to, as a league table.

A member of a run of kind ``fan_out`` is read as ``case, segment, run, status, rows,
seconds, verdict, metric, error``; see :class:`mlkit.fan_out.units.Member`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from markupsafe import Markup

from mlkit.report import summary, wording
from mlkit.report.folds import Fold, Text
from mlkit.report.layout import render
from mlkit.report.runs import settings
from mlkit.report.summary import Run
from mlkit.report.views import LABELS, KeyNumber, Link, Outcome

Member = Mapping[str, Any]
ALL = "_all"
WIDTH, HEIGHT, PAD = 240, 18, 6
# From the best news to none yet.
STATES = (
    "promote", "promotable", "keep", "ok", "undecided", "reject", "failed",
    "interrupted", "not enough data", "waiting",
)  # fmt: skip
WORDS = {
    "promote": "promoted",
    "promotable": "may be promoted",
    "undecided": "undecided",
    "keep": "kept the current model",
    "reject": "rejected",
    "failed": "failed",
    "interrupted": "interrupted",
    "not enough data": "without enough data",
    "waiting": "not done yet",
    "ok": "done",
}


def league_page(run: Run) -> str:
    """Return the page of a run of kind ``fan_out``, also while it is under way.

    Parameters
    ----------
    run : dict
        Its record (``run.json``).

    Returns
    -------
    str
        One self-contained HTML file: how many members came to what, a league table by
        the primary metric with its interval, and what stopped those that are not in it.
    """
    members = run.get("members") or []
    leagues = list(_leagues(run, members))
    title = title_of(run)
    return render(
        "league.html.j2",
        title=title,
        run=run["run"],
        when=wording.moment(summary.started(run)),
        outcome=league_outcome(run),
        shares=_shares(members),
        numbers=_numbers(run, leagues),
        failed=[_stopped(run, m) for m in members if state_of(m) in STOPPED],
        thin=[_stopped(run, m) for m in members if state_of(m) == "not enough data"],
        waiting=[name_of(run, m) for m in members if state_of(m) == "waiting"],
        leagues=leagues,
        notes=run.get("notes") or [],
        what=_what(run),
        facts=[*summary.facts(run), ("Worked off by", run.get("executor") or "")],
        settings=_settings(run),
        place=[Link("All cases", "../../index.html"), Link(title)],
        footer=f"{title} · {run['run']}",
    )


STOPPED = ("failed", "interrupted")


def title_of(run: Run) -> str:
    """Return what a run of kind ``fan_out`` is called.

    Examples
    --------
    >>> title_of({"case": "sales", "segments": "region"}), title_of({"case": "_all"})
    ('sales by region', 'All cases at once')
    """
    if run["case"] == ALL:
        return "All cases at once"
    column = run.get("segments")
    return f"{run['case']} by {column}" if column else str(run["case"])


def name_of(run: Run, member: Member) -> str:
    """Return what a member is called in the report of its run."""
    segment = member.get("segment")
    if run.get("segments") and segment is not None:
        return str(segment)
    return str(member["case"])


def state_of(member: Member) -> str:
    """Return what a member came to: its verdict, else its status."""
    verdict = member.get("verdict") or {}
    if member.get("status") != "ok" or not verdict:
        return str(member.get("status", "waiting"))
    waits = verdict["verdict"] == "promote" and verdict.get("stage") != "production"
    return "promotable" if waits else str(verdict["verdict"])


def _what(run: Run) -> str:
    return "segment" if run.get("segments") else "case"


def league_outcome(run: Run) -> Outcome:
    """Return what a run of kind ``fan_out`` came to, in a sentence."""
    members = run.get("members") or []
    counts = Counter(state_of(member) for member in members)
    said = [f"{counts[state]} {WORDS[state]}" for state in STATES if counts[state]]
    headline = f"{wording.count(len(members), _what(run))}: {wording.listing(said, 9)}"
    status = str(run.get("status", "interrupted"))
    reason = (run.get("error") or {}).get("message", "")
    if not members:
        headline = (
            "The table is being divided" if status == "running" else "Nothing ran"
        )
    if status == "ok" and (counts["reject"] or counts["undecided"]):
        return Outcome("warning", headline, "Some models wait for a person.")
    return Outcome(status, headline, reason)


@dataclass(frozen=True)
class Share:
    """How many members came to the same: a piece of the bar on the first screen."""

    state: str
    label: str
    count: int

    @property
    def tone(self) -> str:
        """``good``, ``caution``, ``bad`` or ``neutral``."""
        return Outcome(self.state, "").tone


def _shares(members: Sequence[Member]) -> list[Share]:
    counts = Counter(state_of(member) for member in members)
    return [Share(s, _label(s), counts[s]) for s in STATES if counts[s]]


def _label(state: str) -> str:
    return LABELS.get(state, state.capitalize())


@dataclass(frozen=True)
class League:
    """Members that are measured alike, the best first."""

    metric: str
    better: str
    rows: Sequence[Mapping[str, Any]]
    axis: Markup
    values: Sequence[float]
    greater: bool | None


def _leagues(run: Run, members: Sequence[Member]) -> Iterator[League]:
    """Yield one league a metric, the largest first."""
    by_name: dict[str, list[Member]] = {}
    for member in members:
        metric = member.get("metric")
        if metric and member.get("status") == "ok" and _finite(metric["value"]):
            by_name.setdefault(metric["name"], []).append(member)
    for found in sorted(by_name.values(), key=len, reverse=True):
        greater = found[0]["metric"]["greater_is_better"]
        found.sort(key=lambda m: m["metric"]["value"], reverse=greater is not False)
        metrics = [member["metric"] for member in found]
        scale = _Scale.of(metrics)
        yield League(
            metric=metrics[0]["label"],
            better={True: "higher is better", False: "lower is better"}.get(
                greater, ""
            ),
            rows=[_row(run, m, place, scale) for place, m in enumerate(found, 1)],
            axis=scale.axis(),
            values=[metric["value"] for metric in metrics],
            greater=greater,
        )


def _finite(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _row(run: Run, member: Member, place: int, scale: _Scale) -> dict[str, Any]:
    metric, verdict = member["metric"], member.get("verdict") or {}
    state = state_of(member)
    return {
        "place": place,
        "name": name_of(run, member),
        "href": _href(member),
        "label": _label(state),
        "tone": Outcome(state, "").tone,
        "drawn": scale.drawn(metric, name_of(run, member)),
        "value": wording.number(metric["value"], scale.digits),
        "span": scale.span(metric),
        "baseline": wording.number(metric.get("baseline"), scale.digits),
        "rows": wording.number(member.get("rows")),
        "version": verdict.get("version") or wording.ABSENT,
        "reason": verdict.get("reason") or "",
        "took": wording.duration(member.get("seconds")),
    }


def _href(member: Member) -> str:
    if not member.get("run"):
        return ""
    return f"../../{member['case']}/{member['run']}/index.html"


def _stopped(run: Run, member: Member) -> dict[str, Any]:
    error = member.get("error") or {}
    step = error.get("step")
    return {
        "name": name_of(run, member),
        "href": _href(member),
        "label": _label(state_of(member)),
        "tone": Outcome(state_of(member), "").tone,
        "rows": wording.number(member.get("rows")),
        "where": f"in step {step}" if step else "",
        "says": _sentences(error),
    }


def _sentences(error: Mapping[str, Any]) -> str:
    """Return a message and an advice as sentences."""
    message = str(error.get("message") or "it was stopped before its turn")
    said = [message[:1].upper() + message[1:], str(error.get("advice") or "")]
    return " ".join(f"{each.rstrip('. ')}." for each in said if each)


@dataclass(frozen=True)
class _Scale:
    """One axis for all members of a league."""

    low: float
    high: float
    digits: int

    @classmethod
    def of(cls, metrics: Sequence[Mapping[str, Any]]) -> _Scale:
        keys = ("value", "lower", "upper", "baseline")
        found = [m[key] for m in metrics for key in keys if _finite(m.get(key))]
        low, high = min(found), max(found)
        if low == high:
            low, high = low - 0.5, high + 0.5
        return cls(low, high, wording.decimals(found))

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(PAD + share * (WIDTH - 2 * PAD), 1)

    def span(self, metric: Mapping[str, Any]) -> str:
        if not _finite(metric.get("lower")) or not _finite(metric.get("upper")):
            return ""
        return wording.interval(metric["lower"], metric["upper"], self.digits)

    def axis(self) -> Markup:
        ends = [wording.number(end, self.digits) for end in (self.low, self.high)]
        return Markup(
            '<span class="ends"><span>{}</span><span>{}</span></span>'
        ).format(*ends)

    def drawn(self, metric: Mapping[str, Any], name: str) -> Markup:
        """Return an interval as a bar, the value as a dot, guessing as a tick."""
        value, middle = metric["value"], HEIGHT / 2
        words = f"{name}: {wording.number(value, self.digits)}"
        parts = [_line("track", PAD, WIDTH - PAD, middle, middle)]
        if self.span(metric):
            words += f", interval {self.span(metric)}"
            ends = (self.place(metric["lower"]), self.place(metric["upper"]))
            parts.append(_line("whisker", *ends, middle, middle))
        if _finite(metric.get("baseline")):
            words += f", guessing {wording.number(metric['baseline'], self.digits)}"
            at = self.place(metric["baseline"])
            parts.append(_line("guess", at, at, 3, HEIGHT - 3))
        dot = Markup('<circle cx="{}" cy="{}" r="4"/>').format(
            self.place(value), middle
        )
        return Markup(
            '<svg class="strip" viewBox="0 0 {} {}" role="img" aria-label="{}">'
            "{}{}</svg>"
        ).format(WIDTH, HEIGHT, words, Markup("").join(parts), dot)


def _line(kind: str, x1: float, x2: float, y1: float, y2: float) -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        kind, x1, x2, y1, y2
    )


def _numbers(run: Run, leagues: Sequence[League]) -> list[KeyNumber]:
    """Return the best, the middle and the worst where all are measured alike."""
    if len(leagues) != 1 or len(leagues[0].rows) < 2:
        return []
    (league,) = leagues
    digits = wording.decimals(league.values)
    best, worst = league.rows[0], league.rows[-1]
    numbers = [
        (f"Best {league.metric}", league.values[0], best["name"]),
        (f"Median {league.metric}", median(league.values), ""),
        (f"Worst {league.metric}", league.values[-1], worst["name"]),
    ]
    return [KeyNumber(label, v, digits=digits, note=name) for label, v, name in numbers]


def _settings(run: Run) -> list[Fold]:
    if not run.get("params"):
        return []
    return [Fold("The params that all share", Text(settings(run["params"])))]
