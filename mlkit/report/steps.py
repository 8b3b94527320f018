"""Steps: which of a run's steps ran and why, and which were taken from earlier runs.

A step that has nothing new to do is taken from the run in which it ran. Its entry in
the record then says ``taken`` (the name of that run), and ``why`` (texts) says why a
step ran. Records of an older mlkit say neither: there every step ran.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlkit.report import summary, wording
from mlkit.report.summary import Run
from mlkit.report.tables import Table, table
from mlkit.report.timeline import Timeline
from mlkit.report.views import Aside, Outcome

Step = Mapping[str, Any]


def unchanged_since(run: Run) -> str | None:
    """Return the run since which nothing has changed; None where something did.

    Nothing has changed when a retrain ended well and every step of it was taken; the
    youngest run that a step was taken from is the one that is as this one.
    """
    steps = run.get("steps") or ()
    taken = [step.get("taken") for step in steps]
    if run.get("status") != "ok" or run.get("kind", "retrain") != "retrain":
        return None
    return max(map(str, taken)) if taken and all(taken) else None


def unchanged(run: Run) -> dict[str, str] | None:
    """Return what a page says of a run in which nothing has changed, else None."""
    since = unchanged_since(run)
    if since is None:
        return None
    when = summary.started({"run": since})
    return {
        "run": since,
        "when": wording.moment(when) if when else since,
        "href": f"../{since}/index.html",
    }


def outcome(run: Run) -> Outcome:
    """Return what came of a run; where nothing has changed, what came of it then."""
    verdict = run.get("verdict")
    if unchanged_since(run) is None or not verdict:
        return summary.outcome(run)
    # That it is the same version as before is no news.
    found = summary.outcome({**run, "verdict": {**verdict, "new": None}})
    head, _, rest = found.reason.partition("; ")
    told = rest and head.startswith("nothing has changed since")
    return replace(found, reason=rest) if told else found


def sentences(run: Run) -> list[str]:
    """Return how many steps ran, and whether some of them did side by side."""
    steps = run.get("steps") or ()
    taken = [step for step in steps if step.get("taken")]
    said = []
    if taken and len(taken) == len(steps):
        said.append("No step had anything new to do: all were taken from earlier runs.")
    elif taken:
        ran = [step["name"] for step in steps if not step.get("taken")]
        names = wording.listing([str(step["name"]) for step in taken])
        said.append(
            f"{len(ran)} of {wording.count(len(steps), 'step')} ran; {names} had "
            "nothing new to do and came from an earlier run."
        )
    timeline = Timeline.of(steps)
    if timeline.together:
        groups = "; ".join(wording.listing(group) for group in timeline.together)
        work = sum(bar.end - bar.start for bar in timeline.bars)
        said.append(
            f"Side by side ran {groups}: {wording.duration(work)} of work in "
            f"{wording.duration(timeline.length)}."
        )
    return said


def reasons(step: Step) -> str:
    """Return why a step ran, or where it was taken from; nothing if unknown."""
    if step.get("taken"):
        return f"taken from run {step['taken']}, where it ran"
    why = [str(reason) for reason in step.get("why") or ()]
    return f"ran: {'; '.join(why)}" if why else ""


def steps_table(steps: Sequence[Step]) -> Table:
    """Return the steps of a run: status, time, memory and files made."""
    rows = [
        {
            "step": step["name"],
            "status": "taken" if step.get("taken") else step["status"],
            "seconds": wording.duration(step.get("seconds")),
            "memory": wording.memory(step.get("peak_memory_mb")),
            "files": len(step.get("outputs") or ()),
        }
        for step in steps
    ]
    headings = {
        "step": "Step", "status": "Status", "seconds": "Took",
        "memory": "Peak memory", "files": "Files made",
    }  # fmt: skip
    return table(
        rows,
        caption="What each step did and took",
        headings=headings,
        states=["status"],
        numbers=["seconds", "memory"],
    )


def aside(run: Run, name: str) -> tuple[Aside, ...]:
    """Return what the page of a step says of a step that was taken."""
    for step in reversed(run.get("steps") or ()):
        if step.get("name") == name and step.get("taken"):
            text = f"It had nothing new to do, and comes from run {step['taken']}."
            return (Aside("Taken", text),)
    return ()


def resumed(run: Run) -> tuple[Aside, ...]:
    """Return what the page of a run says of one that goes on from another."""
    if not run.get("resumed"):
        return ()
    text = (
        f"It goes on from run {run['resumed']}, with its params; the steps that ended "
        "well there were taken."
    )
    return (Aside("Resumed", text),)
