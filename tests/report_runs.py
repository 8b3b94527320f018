"""Records of runs, as the pipeline writes them, for the tests of pages."""

from __future__ import annotations

import copy
from typing import Any

from mlkit.report import (
    CaseView,
    FigurePair,
    differences_page,
    figure,
    notebook_page,
    run_page,
    step_header,
    table,
)
from mlkit.report import index_page as render_index
from mlkit.report.pictures import Picture

HOSTILE = "<script>alert('x')</script>"


def estimate(value: float | None, width: float = 0.02) -> dict[str, Any]:
    """Return an estimate as an evaluation records it."""
    ends = (None, None) if value is None else (value - width, value + width)
    return {"value": value, "lower": ends[0], "upper": ends[1], "n": 812,
            "method": "DeLong", "reason": None}  # fmt: skip


EVALUATION: dict[str, Any] = {
    "task": "binary",
    "primary": "roc_auc",
    "n_test": 812,
    "confidence": 0.95,
    "labels": {"accuracy": "Accuracy", "roc_auc": "ROC AUC",
               "calibration_error": "Calibration error"},
    "greater_is_better": {"accuracy": True, "roc_auc": True,
                          "calibration_error": False},
    "metrics": {
        model: {
            "own": estimate(0.1),
            "accuracy": estimate(accuracy),
            "roc_auc": estimate(area),
            "calibration_error": estimate(0.03),
        }
        for model, accuracy, area in (
            ("model", 0.846, 0.912), ("linear", 0.8, 0.87), ("dummy", None, 0.5)
        )
    },
    "gates": [
        {"metric": "accuracy", "bound": "at least 0.75", "value": 0.846,
         "passed": True},
        {"metric": "calibration_error", "bound": "at most 0.2", "value": 0.03,
         "passed": True},
    ],
}  # fmt: skip

PAIRED: dict[str, Any] = {
    "metric": "roc_auc", "gain": 0.021, "lower": 0.012, "upper": 0.03, "p_value": 0.001,
    "n": 798, "method": "DeLong", "rows_to_decide": None, "champion": 0.891,
    "challenger": 0.912,
}  # fmt: skip

RUN: dict[str, Any] = {
    "format": 1,
    "case": "vendor_dispatch",
    "run": "20260726T101500Z-a1b2c3",
    "status": "ok",
    "started_at": "2026-07-26T10:15:00Z",
    "ended_at": "2026-07-26T10:15:41Z",
    "who": "ana",
    "params": {"case": "vendor_dispatch", "train": {"options": {"depth": 6}}},
    "git": {"commit": "d4e5f60718293a4b", "dirty": False},
    "python": "3.11.7",
    "packages": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
    "data": {"fingerprint": "9f2c4e11aa77bb55", "rows": 4060,
             "first": "2025-01-03T08:00:00", "last": "2026-06-30T17:45:00"},
    "steps": [
        {"name": "data", "status": "ok", "seconds": 6.4, "peak_memory_mb": 214.2,
         "inputs": {}, "outputs": {"data/a": "0"}, "error": None,
         "scraps": {
             "outcome": {"state": "warning", "headline": "Look at one column",
                         "reason": f"A value is {HOSTILE}."},
             "numbers": [{"label": "Rows", "value": 4060},
                         {"label": "Model", "value": "a_long_name"}],
         }},
        {"name": "evaluate", "status": "ok", "seconds": 11.2, "peak_memory_mb": 402.0,
         "inputs": {}, "outputs": {}, "error": None,
         "scraps": {"evaluation": EVALUATION}},
        {"name": "decide", "status": "ok", "seconds": 0.6, "error": None},
    ],
    "verdict": {
        "verdict": "promote", "stage": "production", "version": "1.2.0", "new": True,
        "champion": "1.1.0", "reason": "It is better by 0.021 & safe.",
        "version_reason": "minor, as the data are new",
        "evidence": {"verdict": "promote", "champion": "1.1.0", "paired": PAIRED,
                     "against_dummy": None},
    },
    "error": None,
}  # fmt: skip


def changed(**fields: Any) -> dict[str, Any]:
    """Return a copy of the run with other values in some fields."""
    return copy.deepcopy(RUN) | fields


def previous() -> dict[str, Any]:
    """Return the run before, with other data, params, code and packages."""
    run = changed(
        run="20260719T101500Z-0ff1ce",
        started_at="2026-07-19T10:15:00Z",
        ended_at="2026-07-19T10:15:30Z",
        params={
            "case": "vendor_dispatch",
            "seed": 0,
            "train": {"options": {"depth": 4}},
        },
        data={"fingerprint": "00", "rows": 3940},
        git={"commit": "ffeeddccbbaa9988", "dirty": False},
        packages={"numpy": "2.4.6", "scikit-learn": "1.9.0"},
    )
    run["steps"][1]["scraps"]["evaluation"]["metrics"]["model"]["roc_auc"] = estimate(
        0.891
    )
    run["verdict"] |= {"verdict": "undecided", "stage": "staging", "version": "1.1.1"}
    return run


def failed() -> dict[str, Any]:
    """Return a run that a cell of `train` stopped."""
    source = "\n".join(f"line_{i} = {i}  # {HOSTILE}" for i in range(16))
    run = changed(
        run="20260721T101500Z-dead00",
        status="failed",
        verdict=None,
        error={
            "step": "train", "cell": 6, "source": source, "type": "DataError",
            "message": f"column 'km': numbers only, got {HOSTILE}",
            "advice": "Declare the column as a category.",
        },
    )  # fmt: skip
    run["steps"] = [
        run["steps"][0],
        {"name": "train", "status": "failed", "seconds": 4.2, "error": run["error"]},
    ]
    return run


def interrupted() -> dict[str, Any]:
    """Return what is left of a run whose process was killed before its record."""
    return {
        "format": 1, "case": "vendor_dispatch", "run": "20260720T090000Z-beef00",
        "status": "interrupted",
    }  # fmt: skip


EARLIER = "20260724T080000Z-ea51e5"


def known_by(name: str) -> dict[str, Any]:
    """Return the key of a step, as the runner records it."""
    return {"digest": f"{name}-digest", "parts": {"mlkit": "5" * 64, "lock": "1" * 64}}


def partly_taken() -> dict[str, Any]:
    """Return a run of which the first step was taken and the second had to run."""
    run = changed(run="20260727T101500Z-9a47e1")
    reason = f"params.train.max_iter changed 100 -> {HOSTILE}"
    for step in run["steps"]:
        step |= {"key": known_by(step["name"]), "taken": None, "why": [reason]}
    run["steps"][0] |= {"taken": EARLIER, "why": ["the same key"]}
    times = [("00", "00.1"), ("01.5", "30"), ("12", "41")]
    for step, (start, end) in zip(run["steps"], times, strict=True):
        step |= {"started_at": f"2026-07-26T10:15:{start}Z",
                 "ended_at": f"2026-07-26T10:15:{end}Z"}  # fmt: skip
    return run


def unchanged() -> dict[str, Any]:
    """Return a run in which nothing had changed."""
    run = changed(run="20260728T101500Z-ca1300", ended_at="2026-07-26T10:15:01Z")
    for step in run["steps"]:
        step |= {"key": known_by(step["name"]), "taken": EARLIER, "why": [],
                 "seconds": 0.0}  # fmt: skip
    return run


def resumed() -> dict[str, Any]:
    """Return a run that went on from one that had failed."""
    return partly_taken() | {"run": "20260727T111500Z-4e50ed", "resumed": EARLIER}


def member(segment: str | None, **fields: Any) -> dict[str, Any]:
    """Return what became of one of many retrains, as its record has it."""
    case = f"sales.{segment}" if segment else "sales"
    return {
        "case": case, "segment": segment, "status": "ok", "rows": 4060,
        "run": "20260729T101500Z-5e9000", "seconds": 4.0, "model": case, "error": None,
        "verdict": {"verdict": "promote", "stage": "production", "version": "1.2.0"},
        "metric": {"name": "roc_auc", "label": "ROC AUC", "value": 0.9, "lower": 0.88,
                   "upper": 0.92, "greater_is_better": True, "baseline": 0.5},
        **fields,
    }  # fmt: skip


def fan_out(*members: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the record of many retrains at once."""
    run = changed(
        case="sales", run="20260729T101400Z-fa0000", kind="fan_out", steps=[],
        verdict=None, data=None, segments="region", executor="2 processes", notes=[],
        members=list(members),
    )  # fmt: skip
    return run | fields


def segment_view(segment: str) -> CaseView:
    """Return the case of a segment, as the index is given it."""
    params = {"data": {"only": {"region": segment}}}
    run = changed(case=f"sales.{segment}", run="20260729T101500Z-5e9000",
                  params=params, fan_out="20260729T101400Z-fa0000")  # fmt: skip
    return CaseView(f"sales.{segment}", [run], "1.2.0", "2026-07-29T10:15:41Z", 1)


PNG = "data:image/png;base64,iVBORw0KGgo="
FOLDERS = {"a": "../../wine/20260101T000000Z-aaaaaa", "b": "../../wine/b"}


def side(name: str, **fields: Any) -> dict[str, Any]:
    """Return one of two runs, as their comparison gives it."""
    return {
        "case": "wine", "run": f"20260101T000000Z-{name * 6}", "kind": "retrain",
        "status": "ok", "started": "2026-01-01T00:00:00Z", "seconds": 12.0,
        "who": HOSTILE, "verdict": "Promoted", "tone": "good", "version": "1.0.0",
        "headline": f"Version 1.0.0 {HOSTILE}", "reason": "It is better", "error": None,
        **fields,
    }  # fmt: skip


def metric(reading: str = "overlap", **fields: Any) -> dict[str, Any]:
    """Return one metric of two runs."""
    return {
        "name": "own", "label": HOSTILE, "a": estimate(0.8), "b": estimate(0.81),
        "greater_is_better": True, "reading": reading, "change": 0.01, **fields,
    }  # fmt: skip


def compared(**fields: Any) -> dict[str, Any]:
    """Return what differs between two runs, as the comparison gives it."""
    change = {"what": HOSTILE, "a": HOSTILE, "b": None}
    cell = {"step": "train", "cell": HOSTILE, "added": 1, "removed": 0,
            "diff": ["@@ -1 +1 @@", f"+{HOSTILE}"]}  # fmt: skip
    commits = {
        "a": "a" * 40,
        "b": "b" * 40,
        "dirty": [False, True],
        "uncertain": False,
        "titles": [f"abc {HOSTILE}"],
        "stat": f" {HOSTILE} | 2 +-",
        "note": "",
    }
    standing = {"better": "b", "headline": "", "reason": HOSTILE, "paired": None}
    return {
        "a": side("a"), "b": side("b"), "identical": False,
        "headline": f"A and B differ in {HOSTILE}; B is better", "differs_in": [],
        "standing": standing, "params": [change], "data": [change],
        "environment": [change], "metrics": [metric(), metric("b_better")],
        "cells": [cell], "commits": commits, "figures": [],
        "missing": [f"A has no {HOSTILE}."], **fields,
    }  # fmt: skip


def pair(step: str = "evaluate", size: int = 0, **fields: Any) -> FigurePair:
    """Return a figure of two runs; `size` makes it larger."""
    old, new = (
        Picture(alt=HOSTILE, caption=f"Look {HOSTILE}", light=PNG, dark=dark, width=660)
        for dark in ("", PNG + "A" * size)
    )
    return FigurePair(**{"step": step, "cell": "c", "a": old, "b": new, **fields})


def body() -> str:
    """Return a notebook's body as nbconvert makes it, with a figure and tables."""
    drawn = figure(
        lambda canvas, theme: canvas.add_subplot().plot([1, 3, 2], color=theme.blue),
        alt="It rises and falls",
        caption="A line",
        table=table([{"x": 1, "y": 2.5}], caption="Points"),
    )
    wide = table([{f"column {i}": 123456.0 + i for i in range(25)}], caption="Wide")
    return (
        '<h1 id="Evaluate">Evaluate<a class="anchor-link" href="#Evaluate">¶</a></h1>'
        '<p>See <a href="#The-facts">the facts</a>, <a href="https://example.org">more</a>'
        f'</p><h3 id="The-facts">The facts</h3>{drawn._repr_html_()}'
        "<h2>Contents</h2><h2>The facts</h2>"
        f"{wide._repr_html_()}<h6>Deep</h6><pre>{'long ' * 80}</pre>"
        '<img alt="No description has been provided for this image" '
        'src="data:image/png;base64,iVBORw0KGgo=">'
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>1</th></tr></tbody>"
        f"</table>{HOSTILE}<p onclick=x()>end</p>"
    )


def alert(cause: str, severity: str, **fields: Any) -> dict[str, Any]:
    """Return an active alert as the record of a check has it."""
    return {
        "id": "0a1b2c3d", "model": "vendor_dispatch", "version": "1.2.0",
        "cause": cause, "severity": severity, "message": f"It moved: {HOSTILE}.",
        "evidence": {}, "raised_at": "2026-07-26T10:15:30+00:00", "sent_at": None,
        "acknowledged_by": None, "status": "active",
    } | fields  # fmt: skip


def watched(status: str = "critical") -> dict[str, Any]:
    """Return a run that looked at the model in production."""
    alerts = [
        alert("drift", "warning"),
        alert("performance.roc_auc", "critical", sent_at="2026-07-26T10:15:35+00:00"),
    ]
    found = {
        "status": status, "reason": f"ROC AUC is worse by 0.12 {HOSTILE}.",
        "version": "1.2.0", "predictions": 812, "labelled": 700, "issues": [],
        "alerts": alerts if status == "critical" else [], "raised": ["0a1b2c3d"],
        "repeated": [], "resolved": [], "problem": "",
        "sent": [{"address": "TEAM", "alerts": ["0a1b2c3d"], "delivered": False,
                  "attempts": 4, "reason": "TEAM: no answer within 10 s"}],
    }  # fmt: skip
    numbers = [{"label": "ROC AUC now", "value": 0.78, "lower": 0.74, "upper": 0.82}]
    step = {"name": "monitor", "status": "ok", "seconds": 3.2, "error": None,
            "scraps": {"monitor": found, "numbers": numbers}}  # fmt: skip
    return changed(
        run="20260728T101500Z-0b5e4e", kind="monitor", monitor=found, verdict=None,
        steps=[step],
    )  # fmt: skip


def watched_alerts() -> list[dict[str, Any]]:
    """Return the alerts that a check left active."""
    alerts: list[dict[str, Any]] = watched()["monitor"]["alerts"]
    return alerts


def pages() -> dict[str, str]:
    """Return a page of each sort, as HTML."""
    links = {"data": "data.html", "evaluate": "evaluate.html"}
    files = {"The log": "log.txt"}
    runs = [RUN, failed(), interrupted(), previous()]
    many = [changed(run=f"202605{day:02d}T101500Z-000000") for day in range(28, 1, -1)]
    view = CaseView(
        "vendor_dispatch", [*runs, *many], "1.2.0", "2026-07-26T10:15:41Z", 9
    )
    parted = fan_out(member("north"), member("south"), member(None, case="gone"))
    every = fan_out(member(None), case="_all", segments=None)
    divided = [
        CaseView("_all", [every]),
        CaseView("sales", [parted, changed(case="sales")], "1.2.0"),
        *map(segment_view, ("north", "south")),
    ]
    return {
        "notebook": notebook_page(body(), step_header(RUN, "evaluate", previous())),
        "step": notebook_page("<h1>Data</h1>", step_header(RUN, "data")),
        "draft": notebook_page(
            "<p>No heading</p>",
            step_header({"case": "toy", "run": None, "status": "draft"}, "train"),
        ),
        "run": run_page(RUN, previous(), pages=links, files=files),
        "first": run_page(RUN),
        "failed": run_page(failed(), previous(), pages=links, files=files),
        "interrupted": run_page(interrupted(), previous()),
        "running": run_page(changed(status="running", verdict=None, ended_at=None)),
        "partly taken": run_page(partly_taken(), RUN, pages=links),
        "taken": notebook_page("<h1>Data</h1>", step_header(partly_taken(), "data")),
        "unchanged": run_page(unchanged(), RUN, pages=links, files=files),
        "resumed": run_page(resumed(), RUN, pages=links),
        "watched": run_page(watched(), pages={"monitor": "monitor.html"}),
        "watched index": render_index(
            [
                CaseView("houses", [watched("healthy"), RUN], "1.2.0"),
                CaseView("toy", [watched(), RUN], "1.2.0", alerts=watched_alerts()),
                CaseView("wine", [RUN]),
            ]
        ),
        "divided": render_index(divided),
        "compared": differences_page(compared(), [pair()], folders=FOLDERS),
        "index": render_index([view, CaseView("wine", []), CaseView(HOSTILE, [RUN])]),
        "empty": render_index([]),
    }
