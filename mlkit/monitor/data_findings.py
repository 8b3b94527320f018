"""Findings about what the model was given: drift, data quality, the log itself."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from mlkit.alerts import Finding
from mlkit.data.wording import counted, listed
from mlkit.drift import DriftReport, ReferenceProfile
from mlkit.drift.wording import percent
from mlkit.metrics import compare_shares
from mlkit.monitor.answers import Answers
from mlkit.monitor.found import Found
from mlkit.monitor.pooling import Pool
from mlkit.monitor.records import LogState, Quality
from mlkit.monitor.window_records import WindowDrift
from mlkit.prediction_log import Garbage

# An unreadable value may be a slip; so large a share of them is not.
UNREADABLE_SHARE = 0.01


def judge_drift(
    report: DriftReport | None,
    short: WindowDrift | None,
    window: str | None,
    pools: Sequence[Pool] = (),
) -> Found:
    """Return whether the data have drifted, as a finding.

    The newest window that could be judged says it, or else the shortest pool whose
    drift lasts: a small change is beyond doubt only in several windows.
    """
    judged = [(window, short)] if report is not None and short is not None else []
    judged = [each for each in judged if each[1].verdict != "too_few"]
    drifted = [each for each in judged if each[1].verdict == "drift"]
    drifted += [(pool.label, pool.drift) for pool in pools if pool.lasts]
    if not judged and not pools:
        return Found()
    if not drifted:
        return Found(checked=("drift",))
    label, found = drifted[0]
    evidence = {
        "window": label,
        "score": found.score,
        "columns": list(found.flagged),
        "rows": found.rows,
        "level": found.level,
    }
    said = f"the data of {label} have drifted: {found.reason}"
    return Found((Finding("drift", "warning", said, evidence),), ("drift",))


def find_quality(
    reference: ReferenceProfile, now: ReferenceProfile, *, level: float
) -> tuple[Quality, ...]:
    """Return the columns that are not what the version was trained on.

    Parameters
    ----------
    reference : ReferenceProfile
        What it was trained on.
    now : ReferenceProfile
        What was logged, counted on its bins; at least one row.
    level : float
        Chance of a false alarm of each column.
    """
    found = []
    for before, after in zip(reference.columns, now.columns, strict=True):
        rows, lost = after.counts.rows, after.counts.unreadable
        empty = not after.counts.present and not lost
        if after.counts.absent == rows:
            said = f"the log has no column {before.name!r}, which the version learned"
            found.append(Quality(before.name, "absent", rows, 1.0, said))
        elif empty and before.counts.present:
            said = f"every value of {before.name!r} is missing"
            found.append(Quality(before.name, "all missing", rows, 1.0, said))
        elif lost >= max(1, UNREADABLE_SHARE * rows):
            was = before.counts
            test = compare_shares(
                lost, rows, was.unreadable, max(was.rows, 1), confidence=0.95
            )
            if test.value > 0 and test.p_value < level:
                said = (
                    f"{percent(lost / rows)} of {before.name!r} cannot be read as a "
                    f"{before.kind}"
                )
                what = Quality(before.name, "unreadable", lost, lost / rows, said)
                found.append(what)
    return tuple(found)


def judge_quality(quality: Sequence[Quality], *, judged: bool) -> Found:
    """Return the columns that are not what they were, as findings."""
    if not judged:
        return Found()
    findings = tuple(
        Finding(
            f"quality.{each.column}",
            "critical" if each.what == "all missing" else "warning",
            each.said,
            {"what": each.what, "rows": each.rows, "share": each.share},
        )
        for each in quality
    )
    return Found(findings, ("quality",))


def judge_log(state: LogState, answers: Answers | None, *, sensitive: bool) -> Found:
    """Return what is wrong with the log, as findings."""
    findings = []
    if state.lost:
        said = f"{counted(state.lost, 'prediction')} could not be written to the log"
        findings.append(Finding("log.lost", "warning", said, {"lost": state.lost}))
    if state.garbage:
        first = state.where[0] if state.where else "an unknown place"
        garbage = Garbage(state.garbage, files=state.files)
        said = (
            f"{garbage.what} of the log could not be read and {garbage.was} left out, "
            f"first in {first}"
        )
        evidence = {
            "garbage": state.garbage,
            "files": state.files,
            "where": list(state.where[:5]),
        }
        findings.append(Finding("log.garbage", "warning", said, evidence))
    if state.clock_jumps:
        times = "once" if state.clock_jumps == 1 else f"{state.clock_jumps:,} times"
        said = f"the clock of a service that logs went back {times}"
        jumps = {"clock_jumps": state.clock_jumps}
        findings.append(Finding("log.clock", "info", said, jumps))
    if answers is not None:
        findings += _odd(answers, sensitive=sensitive)
    return Found(tuple(findings), ("log",))


def _odd(answers: Answers, *, sensitive: bool) -> list[Finding]:
    classes = answers.asked.classes
    known = "numbers" if classes is None else listed(classes, sensitive=sensitive)
    sides: Sequence[tuple[str, int, Collection[str]]] = (
        ("prediction", answers.n_odd_predictions, answers.odd_predictions),
        ("outcome", answers.n_odd_outcomes, answers.odd_outcomes),
    )
    found = []
    for what, count, values in sides:
        if count:
            named = listed(list(values), sensitive=sensitive)
            said = (
                f"{counted(count, what)} {'is' if count == 1 else 'are'} none that the "
                f"version knows and left out: {named}, where it knows {known}"
            )
            cause = f"log.odd_{what}s"
            found.append(Finding(cause, "warning", said, {"rows": count}))
    return found
