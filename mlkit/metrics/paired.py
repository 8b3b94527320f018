"""Champion against challenger on the same rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from mlkit.metrics.catalog import MetricSpec
from mlkit.metrics.digits import number_or_none
from mlkit.metrics.estimates import spec_of
from mlkit.metrics.gains import (
    Contest,
    Gain,
    gain_of_area,
    gain_of_matches,
    gain_of_mean,
    gain_of_squares,
)
from mlkit.metrics.resampled_gain import gain_by_resampling
from mlkit.metrics.scored import Scored, Undefined

# One-sided level of the decision, and the power for which rows are counted.
LEVEL = 0.95
POWER = 0.80


@dataclass(frozen=True)
class PairedTest:
    """The gain of a challenger over a champion in one metric, and how sure it is.

    A gain above 0 means that the challenger is better, whatever the metric's direction.
    ``lower`` and ``upper`` are one-sided 95 % bounds, each for itself, and carry the
    decision; ``interval`` is two-sided, at ``confidence``, and is shown.
    ``p_value`` is one-sided: how often models that are equally good would show such a
    gain. Where the metric has no meaning on these rows the numbers are NaN and
    ``reason`` says why.
    """

    metric: str
    gain: float
    lower: float
    upper: float
    interval: tuple[float, float]
    p_value: float
    n: int
    method: str
    rows_to_decide: int | None
    champion: float
    challenger: float
    min_gain: float
    confidence: float
    reason: str | None = None

    @property
    def defined(self) -> bool:
        """Whether the metric has a meaning on these rows."""
        return not math.isnan(self.gain)

    @property
    def better(self) -> bool:
        """Whether the challenger is better for sure, and by at least ``min_gain``."""
        return self.lower > 0 and self.gain >= self.min_gain

    @property
    def not_better(self) -> bool:
        """Whether it is sure that the gain is not above 0 or not worth ``min_gain``."""
        return self.upper <= 0 or self.upper < self.min_gain

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; None stands for a number that does not exist."""
        plain = {
            name: number_or_none(value) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return {**plain, "interval": [number_or_none(end) for end in self.interval]}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> PairedTest:
        """Return the record that `to_dict` wrote."""
        missing = dict.fromkeys(_NUMBERS, math.nan)
        given = {name: value for name, value in record.items() if value is not None}
        low, high = (math.nan if end is None else end for end in record["interval"])
        return cls(
            **{"rows_to_decide": None, **missing, **given, "interval": (low, high)}
        )


_NUMBERS = ("gain", "lower", "upper", "p_value", "champion", "challenger")


def paired_test(
    metric: str | MetricSpec,
    champion: Scored,
    challenger: Scored,
    *,
    min_gain: float = 0.0,
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> PairedTest:
    """Test whether a challenger is better than a champion on the same rows.

    Parameters
    ----------
    metric
        A name in `METRICS`, or the record of a metric of your own.
    champion, challenger
        Two models' predictions of the same rows, which neither was trained on.
    min_gain
        The smallest gain that matters, in the metric's unit; ``rows_to_decide`` uses
        it.
    confidence
        Level of the two-sided interval; the one-sided bounds are always at 95 %.
    resamples, seed
        Of the bootstrap, where one is needed.

    Returns
    -------
    PairedTest
        To promote only where ``lower`` is above 0 promotes at most 5 % of
        challengers that are as good as their champion.

    Raises
    ------
    ValueError
        When the two do not hold the same rows, or the metric is not one of the task.

    Notes
    -----
    ROC AUC: DeLong. Accuracy: Tango's score interval with the exact McNemar test. Means
    of losses, RMSE and R2: paired t with Hall's correction. The others: paired
    bootstrap with a row-swap randomisation test. The functions in `mlkit.metrics.gains`
    and `mlkit.metrics.resampled_gain` name the sources.

    ``rows_to_decide`` is ``n * ((z95 + z80) * error / distance) ** 2``, the sample size
    of a one-sided 5 % test with 80 % power, where ``error`` is the standard error here,
    which shrinks with the root of the rows. ``distance`` is the gain where it reaches
    ``min_gain``: so many rows lift the lower bound above 0. It is ``min_gain`` where
    the gain is smaller: so many rows tell a true gain of ``min_gain`` from none. Where
    this is 0 or so many rows are at hand, it is ``min_gain`` minus the gain: so many
    rows push the upper bound below ``min_gain``. None where it is decided already,
    and where no number of rows would do.
    """
    spec = spec_of(metric, champion)
    _check_same_rows(champion, challenger)
    try:
        values = spec.function(champion), spec.function(challenger)
        contest = Contest(spec, champion, challenger, *values)
        gain = _gain(contest, resamples=resamples, seed=seed)
    except Undefined as error:
        return _undefined(spec, champion, str(error), min_gain, confidence)
    low, high = gain.quantile(1 - LEVEL), gain.quantile(LEVEL)
    return PairedTest(
        metric=spec.name,
        gain=gain.value,
        lower=low,
        upper=high,
        interval=(
            gain.quantile((1 - confidence) / 2),
            gain.quantile((1 + confidence) / 2),
        ),
        p_value=gain.p_value,
        n=champion.n,
        method=gain.method,
        rows_to_decide=_rows_to_decide(gain.value, low, high, champion.n, min_gain),
        champion=contest.before,
        challenger=contest.after,
        min_gain=min_gain,
        confidence=confidence,
    )


def _check_same_rows(champion: Scored, challenger: Scored) -> None:
    same = (
        champion.task == challenger.task
        and champion.prediction.shape == challenger.prediction.shape
        and np.array_equal(champion.y, challenger.y)
        and np.array_equal(champion.weights, challenger.weights)
        and champion.average == challenger.average
    )
    if not same:
        raise ValueError(
            "champion and challenger must hold the same rows in the same order, with "
            "the same truth, weights and classes; got "
            f"{champion.n} and {challenger.n} rows of {champion.task} and "
            f"{challenger.task} tasks. Predict the same rows with both."
        )


CLOSED = {
    "area": gain_of_area,
    "matches": gain_of_matches,
    "mean": gain_of_mean,
    "squares": gain_of_squares,
}


def _gain(contest: Contest, *, resamples: int, seed: int) -> Gain:
    if contest.spec.compare == "resampling":
        return gain_by_resampling(contest, resamples=resamples, seed=seed)
    return CLOSED[contest.spec.compare](contest)


def _undefined(
    spec: MetricSpec, scored: Scored, reason: str, min_gain: float, confidence: float
) -> PairedTest:
    return PairedTest(
        metric=spec.name,
        **dict.fromkeys(_NUMBERS, math.nan),
        interval=(math.nan, math.nan),
        n=scored.n,
        method="none",
        rows_to_decide=None,
        min_gain=min_gain,
        confidence=confidence,
        reason=reason,
    )


def _rows_to_decide(
    gain: float, low: float, high: float, n: int, min_gain: float
) -> int | None:
    z = float(stats.norm.ppf(LEVEL))
    error = (high - low) / (2 * z)
    reach = (z + float(stats.norm.ppf(POWER))) * error

    def rows(distance: float) -> int | None:
        return math.ceil(n * (reach / distance) ** 2) if distance > 0 else None

    decided = (low > 0 and gain >= min_gain) or high <= 0 or high < min_gain
    if decided or not math.isfinite(reach):
        return None
    if gain >= min_gain:
        return rows(gain)
    needed = rows(min_gain)
    if needed is not None and needed > n:
        return needed
    return rows(min_gain - gain)
