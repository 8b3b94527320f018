"""Traffic over time: how much is asked, what fails, and how long answers take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlkit.prediction_log import Garbage
from mlkit.report import measures, wording
from mlkit.report import monitor_time as over_time
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.monitor_words import label_of, milliseconds
from mlkit.report.palette import Theme
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

LIMIT = 120
HEIGHT = 200
Found = Mapping[str, Any]
PARTS = {
    "labelled": "Outcome known",
    "open": "Outcome not known yet",
    "late_labels": "Outcome late",
    "errors": "Failed",
}
QUANTILES = {"p50": ("Half", "-"), "p95": ("95 %", "--"), "p99": ("99 %", ":")}


def monitor_volumes(check: Check | Found) -> Figure | Note:
    """Show how many requests there were, and of how many the outcome is known.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    windows = found["windows"]
    if not windows:
        return Note()

    def draw(canvas: Any, theme: Theme) -> None:
        panel = over_time.panel_of(
            canvas, (1, 1, 1), windows, theme, title="Requests by window"
        )
        _stack(panel, windows, theme)
        over_time.releases(panel, windows, theme)
        handles, labels = panel.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper left", ncols=4)

    return figure(
        draw,
        alt=_volumes_alt(windows),
        caption="Requests by window: answered and with a known outcome, answered and "
        "without one, due and still without one, and failed.",
        table=_volumes_table(windows),
        height=HEIGHT + 20,
    )


def _parts(window: Found) -> dict[str, int]:
    late = window["late_labels"]
    waiting = max(0, window["missing_labels"] - late)
    return {
        "labelled": window["labelled"],
        "open": waiting,
        "late_labels": late,
        "errors": window["errors"],
    }


def _stack(panel: Any, windows: Sequence[Found], theme: Theme) -> None:
    colours = (theme.blue, theme.grey, theme.caution, theme.bad)
    below = [0.0] * len(windows)
    parts = [_parts(window) for window in windows]
    for (name, label), colour in zip(PARTS.items(), colours, strict=True):
        heights = [part[name] for part in parts]
        # What nowhere occurs needs no place in the legend.
        if not any(heights):
            continue
        tall = {place: height for place, height in enumerate(heights) if height}
        over_time.bars(panel, tall, colour=colour, below=below, label=label)
        below = [low + high for low, high in zip(below, heights, strict=True)]
    panel.set_ylim(0, 1.08 * max(1.0, *below))
    panel.locator_params(axis="y", nbins=4)


def _volumes_alt(windows: Sequence[Found]) -> str:
    total = sum(window["predictions"] for window in windows)
    failed = sum(window["errors"] for window in windows)
    known = sum(window["labelled"] for window in windows)
    newest = windows[-1]
    within = wording.count(len(windows), "window")
    return (
        f"{wording.count(total, 'prediction')} in {within}, {newest['predictions']:,} "
        f"in the newest, {newest['label']}; the outcome of {known:,} is known, and "
        f"{wording.count(failed, 'request')} failed."
    )


def _volumes_table(windows: Sequence[Found]) -> Table:
    rows = [
        {"window": window["label"], "predictions": window["predictions"]}
        | _parts(window)
        for window in windows
    ]
    headings = {"window": "Window", "predictions": "Predictions", **PARTS}
    return table(rows, caption="Requests by window", headings=headings, limit=LIMIT)


def monitor_latency(
    check: Check | Found, *, bound: float | None = None
) -> Figure | Note:
    """Show how long answers took, by window.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    bound : float, optional
        ``monitor.latency_ms``: what 95 % of answers should keep.
    """
    found = plain(check)
    windows = found["windows"]
    timed = [window for window in windows if window["latency"] is not None]
    if not timed:
        return Note("No latency was logged." * bool(windows))

    def draw(canvas: Any, theme: Theme) -> None:
        panel = over_time.panel_of(
            canvas, (1, 1, 1), windows, theme, title="Milliseconds to an answer"
        )
        colours = (theme.blue, theme.orange, theme.grey)
        for (name, (label, style)), colour in zip(
            QUANTILES.items(), colours, strict=True
        ):
            values = [(window["latency"] or {}).get(name) for window in windows]
            over_time.line(panel, values, colour=colour, label=label, style=style)
        if bound is not None:
            text = f"95 % within {milliseconds(bound)}"
            over_time.bound(panel, bound, text, theme)
        panel.set_ylim(bottom=0)
        panel.margins(y=0.15)
        panel.locator_params(axis="y", nbins=4)
        handles, labels = panel.get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside upper left", ncols=3)

    newest = timed[-1]
    p95 = milliseconds(newest["latency"]["p95"])
    return figure(
        draw,
        alt=f"Latency by window; in {newest['label']} 95 % of answers took no longer "
        f"than {p95}.",
        caption="Half, 95 % and 99 % of the answers of a window took no longer.",
        table=_latency_table(timed),
        height=HEIGHT,
    )


def _latency_table(windows: Sequence[Found]) -> Table:
    rows = [{"window": window["label"], **window["latency"]} for window in windows]
    headings = {"window": "Window", "p50": "Half (ms)", "p95": "95 % (ms)",
                "p99": "99 % (ms)", "n": "Answers"}  # fmt: skip
    return table(rows, caption="Latency by window", headings=headings, limit=LIMIT)


def monitor_windows(check: Check | Found) -> Table | Note:
    """Show every window in one line each.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    if not found["windows"]:
        return Note()
    primary = found["primary"]
    rows = [
        {
            "window": window["label"],
            "predictions": window["predictions"],
            "errors": window["errors"],
            "labelled": window["labelled"],
            "metric": measures.estimate_text(window["metrics"].get(primary)),
            "p95": (window["latency"] or {}).get("p95"),
            "drift": (window["drift"] or {}).get("verdict", wording.ABSENT),
            "versions": wording.listing(list(window["versions"])),
        }
        for window in reversed(found["windows"])
    ]
    headings = {
        "window": "Window", "predictions": "Predictions", "errors": "Failed",
        "labelled": "Outcomes", "metric": label_of(primary), "p95": "95 % (ms)",
        "drift": "Drift", "versions": "Version",
    }  # fmt: skip
    made = table(
        rows,
        caption=f"Every {found['window']}, the newest first",
        headings=headings,
        states=["drift"],
        numbers=["metric"],
        limit=LIMIT,
    )
    stored = sum(bool(window["stored"]) for window in found["windows"])
    if not stored:
        return made
    note = (
        f"Of {wording.count(stored, 'window')} the log holds no rows any more: the "
        "figures are those of the checks made then."
    )
    return replace(made, note=f"{made.note} {note}".strip())


def monitor_log(check: Check | Found) -> Table | Note:
    """Show the state of the prediction log and what the check took.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``.
    """
    found = plain(check)
    log, took = found["log"], found["resources"]
    facts = {
        "Could not be read": _garbage(log),
        "Predictions known to be lost": f"{log['lost']:,}",
        "Times the clock went back": f"{log['clock_jumps']:,}",
    }
    if took is not None:
        facts |= {
            "Time of this check": wording.duration(took["seconds"]),
            "Processor time": wording.duration(took["cpu_seconds"]),
            "Peak memory of the process": wording.memory(took["peak_memory_mb"]),
        }
    facts |= {f"Note {n}": note for n, note in enumerate(found["notes"], 1)}
    rows = [{"name": name, "value": value} for name, value in facts.items()]
    headings = {"name": "What", "value": "Seen"}
    caption = "The prediction log, and what this check took"
    # What was not judged, and why, must not end in dots.
    longest = max(map(len, facts.values()))
    return table(rows, caption=caption, headings=headings, longest=longest)


def _garbage(log: Found) -> str:
    if not log["garbage"]:
        return "nothing"
    garbage = Garbage(log["garbage"], files=log["files"])
    return f"{garbage.what} ({wording.listing(log['where'])})"
