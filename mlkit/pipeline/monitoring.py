"""Watching the model in production: a check as the notebook makes it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlkit import store
from mlkit.params import Params
from mlkit.pipeline.record import now
from mlkit.pipeline.retrained import retrain_finding
from mlkit.pipeline.steps import Step, reset
from mlkit.report import Outcome, wording
from mlkit.report.monitor_words import health_outcome, label_of, milliseconds

if TYPE_CHECKING:
    from mlkit.monitor import Check

CHECK = "check.json"
# What differs between two checks of one state.
OF_THE_MOMENT = ("at", "resources")
Number = dict[str, Any]


@dataclass(frozen=True)
class KeptCheck:
    """What is kept of a check.

    Attributes
    ----------
    summary : dict
        What the run's record keeps, plain JSON data.
    fingerprint : str
        SHA-256 of all that was found; two checks of one state share it but for time.
    cutoff : None
        Logged predictions are not split.
    """

    summary: dict[str, Any]
    fingerprint: str
    cutoff: str | None = None


def watch(step: Step) -> Check:
    """Look at what the model in production was asked, and how it did.

    Parameters
    ----------
    step : Step
        The step.

    Returns
    -------
    Check
        Nothing is written: alerts and history are the runner's.
    """
    return check_now(step.params, step.root)


def check_now(params: Params, root: Path) -> Check:
    """Look at the model of a case in production, and write nothing.

    Parameters
    ----------
    params : Params
        The checked params.
    root : Path
        The workspace.
    """
    from mlkit import monitor

    at = now()
    told = partial(retrain_finding, params.case, root, now=at)
    return monitor.check(params, root, now=at, retrained=told)


def save_check(step: Step, check: Check) -> KeptCheck:
    """Write what was found into the folder of the step."""
    reset(step)
    found = check.to_dict()
    store.write_json(step.files / CHECK, found)
    same = {name: value for name, value in found.items() if name not in OF_THE_MOMENT}
    return KeptCheck(check.summary(), store.sha256_bytes(store.canonical_json(same)))


def monitor_outcome(check: Check) -> Outcome:
    """Say what a check came to, for the head of its page."""
    return health_outcome(check.summary())


def monitor_numbers(check: Check) -> list[Number]:
    """Return the few numbers that matter, for :class:`mlkit.report.KeyNumber`."""
    return [
        *_performance(check),
        *_drift(check),
        *_traffic(check),
    ]


def _performance(check: Check) -> Iterator[Number]:
    compared = check.performance
    if compared is not None and compared.current.value is not None:
        current, reference = compared.current, compared.reference
        was = wording.number(reference.value)
        yield {
            "label": f"{current.label} now",
            "value": current.value,
            "lower": current.lower,
            "upper": current.upper,
            "greater_is_better": current.greater_is_better,
            "meaning": f"on {wording.count(current.n, 'outcome')}"
            f"{_known_in(check, current.n)}; {was} when registered",
        }
        return
    for expected in check.expected[:1]:
        if not math.isnan(expected.value):
            yield {
                "label": f"{label_of(expected.metric)} expected",
                "value": expected.value,
                "lower": expected.lower,
                "upper": expected.upper,
                "meaning": f"without outcomes; {wording.number(expected.reference)} "
                "when registered",
            }


def _known_in(check: Check, outcomes: int) -> str:
    """Return which windows the newest outcomes are of, as far as their number tells."""
    known = [each for each in check.windows if each.labelled and not each.stored]
    sums = list(accumulate(each.labelled for each in reversed(known)))
    if not known:
        return ""
    if outcomes not in sums:
        return f", the newest of {known[-1].label}"
    first, last = known[-1 - sums.index(outcomes)].label, known[-1].label
    return f" of {last}" if first == last else f" of {first} to {last}"


def _drift(check: Check) -> Iterator[Number]:
    report, where = check.drift, f"in the window {check.drifted_window}"
    lasting = next((pool for pool in check.pools if pool.lasts), None)
    if lasting is not None and (report is None or not report.drifted):
        report, where = lasting.report, f"in {lasting.label}"
    if report is None:
        return
    if any(each.flagged for each in report.predictions):
        where = f"{where}; the predictions are flagged"
    together = report.multivariate
    if together is not None and together.flagged and not report.flagged:
        yield {"label": "Columns together", "value": "changed", "meaning": where}
    elif report.columns:
        yield {
            "label": "Columns flagged",
            "value": f"{len(report.flagged)} of {len(report.columns)}",
            "meaning": where,
        }


def _traffic(check: Check) -> Iterator[Number]:
    overall = check.overall
    if overall is None or not check.windows:
        return
    newest = check.windows[-1]
    yield {
        "label": "Predictions",
        "value": overall.predictions,
        "meaning": f"in {wording.count(len(check.windows), 'window')}; "
        f"{newest.predictions:,} in the newest, {newest.label}",
        "note": wording.count(overall.errors, "request") + " failed"
        if overall.errors
        else "",
    }
    if overall.predictions:
        late = f"; {overall.late_labels:,} late" if overall.late_labels else ""
        yield {
            "label": "Outcomes known",
            "value": wording.percent(overall.labelled / overall.predictions),
            "meaning": f"{overall.labelled:,} of {overall.predictions:,}{late}",
        }
    if overall.latency is not None:
        yield {
            "label": "95 % of answers within",
            "value": milliseconds(overall.latency.p95),
            "meaning": f"half within {milliseconds(overall.latency.p50)}",
        }
