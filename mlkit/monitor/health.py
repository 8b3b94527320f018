"""Health: what a model's issues come to.

The status is ``critical`` where one issue is critical, ``degraded`` where one is a
warning, else ``healthy``; an ``info`` changes nothing. Which finding is how severe:

================  ======================================================================
cause             severity, and when
================  ======================================================================
``performance.m`` critical: the metric `m` is worse than when the version was
                  registered, by more than ``drift.max_loss`` and beyond chance. Warning
                  where the figures were measured elsewhere, without an interval
``trend.m``       warning: the metric gets worse from window to window, by more than
                  ``drift.max_loss`` over the windows, by both tests at 1 %
``calibration``   warning: probabilities are off by more than
                  ``monitor.max_calibration_error`` beyond chance
``expected.m``    warning: without outcomes, `m` is estimated to have dropped
``drift``         warning: the data of the newest window that could be judged drifted,
                  or rows that were given to ``detect_data_drift`` since it began
``quality.c``     critical: every value of the column `c` is missing. Warning: the log
                  has no such column, or values that cannot be read
``latency``       warning: more than 5 % of the answers took longer than
                  ``monitor.latency_ms``, beyond chance; critical: half of them did
``errors``        warning: more than ``monitor.max_error_rate`` of the requests failed,
                  beyond chance; critical: half of them did
``labels``        warning: more than ``monitor.max_missing_labels`` of the outcomes that
                  are due are not known, or their file cannot be read or has not one
                  id that was logged
``volume``        warning: a window had fewer or more predictions than usual by
                  ``monitor.volume_change``, beyond chance; critical: it had none
``log.lost``      warning: predictions could not be written
``log.garbage``   warning: lines of the log, or the rest of a file, could not be read
``log.clock``     info: the clock of a service went back
``log.odd_…``     warning: predictions or outcomes are of no class that the model knows
``challenger``    info: the version in staging is better, by the paired test
``retrain.…``     ``retrain.done``, info: one ended with a verdict within a day;
                  ``retrain.failed``, warning: the newest failed or was cut short
================  ======================================================================

*Beyond chance* means at a level that keeps all looks of a year together below 5 %, as
the verdict about drift does: 5 % divided by the windows of a year.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlkit.alerts import Finding
from mlkit.monitor.records import Health, Issue, Status
from mlkit.params.monitor_section import Severity

ORDER: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
STATUS: dict[Severity, Status] = {
    "critical": "critical",
    "warning": "degraded",
    "info": "healthy",
}


# What weighs most is told first.
FIRST = ("performance", "quality", "errors", "expected", "drift", "calibration")


def _rank(finding: Finding) -> tuple[int, int, str]:
    area = finding.cause.partition(".")[0]
    place = FIRST.index(area) if area in FIRST else len(FIRST)
    return ORDER[finding.severity], place, finding.cause


def judge_health(findings: Sequence[Finding], *, judged: bool = True) -> Health:
    """Return the health that findings come to.

    Parameters
    ----------
    findings : sequence of Finding
        What was found.
    judged : bool
        Whether there was anything to be judged.
    """
    ranked = sorted(findings, key=_rank)
    issues = tuple(
        Issue(each.cause, each.severity, each.message, each.evidence) for each in ranked
    )
    worst = ranked[0].severity if ranked else "info"
    return Health(STATUS[worst], issues, _reason(issues, judged=judged))


def _reason(issues: Sequence[Issue], *, judged: bool) -> str:
    grave = [issue for issue in issues if issue.severity != "info"]
    if not grave:
        return "Nothing that was judged is wrong." if judged else "Nothing was logged."
    first = grave[0].what.rstrip(".")
    rest = len(grave) - 1
    more = f", and {rest} more issue{'' if rest == 1 else 's'}" if rest else ""
    return f"{first[:1].upper()}{first[1:]}{more}."
