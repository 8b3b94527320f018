"""The verdict about the data as a whole, the reasons that decided it, and its risk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import special

from mlkit.drift import importance, wording
from mlkit.drift.bearing import FALSE_ALARMS, bearing
from mlkit.drift.bounds import least_effect
from mlkit.drift.records import ColumnDrift, DriftReport, DriftTest, ErrorRate
from mlkit.params.models import Drift

# One column of a small table is no large share of it: its own effect has to say so.
FEWEST = 2
# Of the 95 % interval of a loss, the chance that its lower end is above 0 for nothing.
ONE_SIDE = 0.025
# Tests of a column that have a bound: of its values and of what is missing.
BOUNDED = 2


@dataclass(frozen=True, eq=False)
class _Bar:
    """What the findings are held against.

    Attributes
    ----------
    level : float or None
        What each way to the verdict may spend, where the check is one of a series.
    """

    params: Drift
    level: float | None

    def sure(self, tests: Sequence[DriftTest], of: int, effect: float) -> bool:
        """Return whether a flagged test of one of `of` columns has at least an effect.

        That is the lower end of its interval. In a series there must also be an effect
        by a bound that holds for any number of rows, at the level of one test.
        """
        material = [test for test in tests if test.flagged and test.lower >= effect]
        if self.level is None:
            return bool(material)
        return self._some_change(material, of)

    def lacks(self, column: ColumnDrift, of: int) -> bool:
        """Return whether a column broke the schema, in a series beyond chance.

        A column that is not there is; of one that is rarely filled, chance leaves
        windows without a value, or with none but a slip.
        """
        if self.level is None or column.state == "absent":
            return column.broken
        missing = [test for test in column.tests if test.subject == "missing"]
        return column.broken and self._some_change(missing, of)

    def _some_change(self, tests: Sequence[DriftTest], of: int) -> bool:
        assert self.level is not None
        each = self.level / max(of, 1) / BOUNDED
        return any(least_effect(test, each) > 0 for test in tests)


def judge(report: DriftReport, params: Drift) -> DriftReport:
    """Return the report with its verdict, its error rate and its score.

    The data have drifted when the table broke its schema; when a flagged column has an
    effect whose lower end is at least ``large_effect``, or the predictions one of at
    least ``prediction_effect``; when at least ``drift_share`` of the columns, and two,
    are flagged with an effect of at least ``share_effect``; when all columns together
    have changed by as much as one column must; or when the performance dropped.

    Parameters
    ----------
    report : DriftReport
        Its columns, predictions and performance judged; with a `level`, the verdict is
        held to it.
    params : Drift
        The section ``drift`` of the case.

    Notes
    -----
    Without drift anywhere, Benjamini and Hochberg's correction flags some column in no
    more than ``false_discovery_rate`` of the checks (tests that are independent or move
    together), and so does what is tested of the predictions.

    In a series, a verdict of drift asks for all that it asks for elsewhere, and to be
    sure of some change at the series' level. That is divided among the ways to the
    verdict, and each of them keeps its part whatever the tests have to do with one
    another. One column: a bound on its effect at the part divided by all tests
    (Bonferroni). A share of k of J columns: each of the k has an effect above 0 at
    k / J of the part, which by Markov's inequality k columns have together in no more
    than the part of all checks. Performance, and all columns together: the interval,
    drawn out to the part by the normal distribution.
    """
    ways = _ways(report)
    part = None if report.level is None else report.level / len(ways)
    reasons = list(_reasons(report, _Bar(params, part)))
    report = replace(
        report,
        error_rate=_error_rate(report, ways, params),
        score=importance.score(report.columns),
    )
    if reasons:
        return replace(report, verdict="drift", reason=". ".join(reasons) + ".")
    if report.flagged or any(each.flagged for each in report.predictions):
        count = len(_material(report.columns, params))
        reason = wording.some_columns(report, count, params)
        return replace(report, verdict="columns", reason=reason)
    if report.multivariate is not None and report.multivariate.flagged:
        return replace(report, verdict="columns", reason=report.multivariate.reason)
    return replace(report, verdict="none", reason=wording.no_drift(report))


def _ways(report: DriftReport) -> tuple[str, ...]:
    """Return the ways in which chance alone could lead to the verdict."""
    ways = ["one column", "many columns"]
    if report.predictions:
        ways.append("predictions")
    if report.performance is not None and report.performance.loss is not None:
        ways.append("performance")
    if report.multivariate is not None and report.multivariate.ran:
        ways.append("together")
    return tuple(ways)


def _reasons(report: DriftReport, bar: _Bar) -> list[str]:
    params = bar.params
    counted = [each for each in report.columns if importance.counts(each)]
    flagged = [each for each in counted if each.flagged]
    broken = [each for each in flagged if bar.lacks(each, len(counted))]
    found = [wording.broken(broken)] if broken else []
    if _dropped(report, bar):
        assert report.performance is not None
        found.append(wording.sentence_start(report.performance.reason))
    answers = report.predictions
    shifted = [
        each
        for each in answers
        if bar.sure(each.tests, len(answers), params.prediction_effect)
    ]
    if shifted:
        found.append(wording.predictions(shifted, params))
    large = [
        each
        for each in flagged
        if not each.broken and bar.sure(each.tests, len(counted), params.large_effect)
    ]
    if large:
        found.append(wording.large(large, params, importance.hardly_used(counted)))
    material = _material(flagged, params)
    if _many(material, len(counted), bar):
        found.append(wording.many(len(material), len(counted), params))
    together = bearing(report.multivariate, params, bar.level)
    return [*found, *(wording.sentence_start(each) for each in together)]


def _material(columns: Sequence[ColumnDrift], params: Drift) -> list[ColumnDrift]:
    """Return the flagged columns whose change is no tiny one.

    A statistic of the user's own has a threshold of its own, and needs no effect.
    """
    own = {each.name: each.threshold for each in params.statistics}
    return [
        each
        for each in columns
        if each.broken
        or any(
            test.flagged and test.effect >= params.share_effect for test in each.tests
        )
        or any(value > own[name] for name, value in each.own.items())
    ]


def _many(material: Sequence[ColumnDrift], counted: int, bar: _Bar) -> bool:
    least = max(FEWEST, math.ceil(bar.params.drift_share * counted - 1e-9))
    if len(material) < least:
        return False
    if bar.level is None:
        return True
    each = bar.level * least / counted
    surely = [
        column.broken
        or any(least_effect(test, each / BOUNDED) > 0 for test in column.tests)
        for column in material
    ]
    return sum(surely) >= least


def _dropped(report: DriftReport, bar: _Bar) -> bool:
    drop = report.performance
    if drop is None or not drop.dropped or drop.loss is None or drop.lower is None:
        return False
    if bar.level is None:
        return True
    wider = float(special.ndtri(bar.level) / special.ndtri(ONE_SIDE))
    return drop.loss - (drop.loss - drop.lower) * wider > 0


def _error_rate(report: DriftReport, ways: Sequence[str], params: Drift) -> ErrorRate:
    if report.level is not None:
        return ErrorRate(report.level, wording.error_rate_of_series(report.level))
    rates = {"a column": params.false_discovery_rate}
    if "predictions" in ways:
        rates["the predictions"] = params.false_discovery_rate
    if "performance" in ways:
        rates["the performance"] = ONE_SIDE
    if "together" in ways:
        rates["all columns together"] = FALSE_ALARMS
    return ErrorRate(min(1.0, sum(rates.values())), wording.error_rate(rates))
