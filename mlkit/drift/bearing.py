"""Which findings about many columns at once bear on the verdict.

What is flagged is more than chance and more than a trifle. The verdict asks for more: a
change that is surely as large as ``drift.large_effect`` would be in one column.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from scipy import special

from mlkit.drift.multivariate import Multivariate
from mlkit.drift.reconstruction import LEVEL as RECONSTRUCTION_LEVEL
from mlkit.params.models import Drift

# The intervals' own chance of an end on the wrong side.
ONE_SIDE = 0.025
# Without drift, areas of rows held out of five folds spread 1.2 to 1.4 times as far as
# their intervals say, for the folds' models share rows (60 to 400 rows of a window).
FOLDS_SPREAD = 1.4
# No more than this share of checks without drift had a finding, whatever the number of
# rows: benchmarks/label_free.py.
FALSE_ALARMS = 0.02


def bearing(
    found: Multivariate | None, params: Drift, level: float | None
) -> tuple[str, ...]:
    """Return the findings that bear on the verdict, one sentence each.

    Parameters
    ----------
    found : Multivariate or None
        The findings, if columns were looked at together.
    params : Drift
        The section ``drift`` of the case.
    level : float or None
        Chance that any of them may bear for nothing, divided among what can bear;
        None where the check is not one of a series.

    Notes
    -----
    No p-value of 499 permutations is below 1/500, far above the level of a look in a
    series. So there, groups of ``drift.embeddings`` are told and do not decide; they
    have no part of the level either.

    Scores of several folds are not independent, and no estimate of their spread is
    unbiased (Bengio and Grandvalet, Journal of Machine Learning Research 5 (2004),
    1089-1105). Far in the tail that counts, so a series takes areas of such scores to
    spread 1.4 times as far.
    """
    if found is None or not found.flagged:
        return ()
    each_level = None
    if level is not None:
        parts = [found.domain, found.reconstruction, *found.texts]
        each_level = level / max(sum(each is not None for each in parts), 1)
    sure = set(_sure(found, params, each_level))
    return tuple(each for each in found.findings if each in sure)


def _sure(found: Multivariate, params: Drift, level: float | None) -> Iterator[str]:
    least = area_of(params.large_effect)
    domain = found.domain if found.separable else None
    if domain and _above(
        least, domain.auc, domain.lower, ONE_SIDE, level, FOLDS_SPREAD
    ):
        yield found.told
    left = found.reconstruction
    if left is not None and left.flagged:
        up = left.area > 0.5
        value, end = (left.area, left.lower) if up else (1 - left.area, 1 - left.upper)
        if _above(least, value, end, RECONSTRUCTION_LEVEL / 2, level):
            yield found.left_over
    for point in found.embeddings:
        large = point.effect >= params.large_effect
        if level is None and point.flagged and large:
            yield point.reason
    for text in found.texts:
        new = text.unknown - text.expected >= params.large_effect
        many = new and (level is None or text.p <= level)
        told = _above(least, text.auc, text.lower, ONE_SIDE, level, FOLDS_SPREAD)
        if text.flagged and (many or told):
            yield text.reason


def area_of(effect: float) -> float:
    """Return the area under the ROC curve of an effect in one column.

    That is, of the shift of a normal distribution by which this share of rows crosses
    a value.

    Examples
    --------
    >>> round(area_of(0.15), 3)
    0.605
    """
    shift = 2 * float(special.ndtri((1 + effect) / 2))
    return float(special.ndtr(shift / math.sqrt(2)))


def _above(
    least: float,
    value: float,
    end: float,
    chance: float,
    level: float | None,
    spread: float = 1.0,
) -> bool:
    """Return whether an area is surely large, and more than chance in a series."""
    return end > least and _drawn_out(value, end, chance, level, spread) > 0.5


def _drawn_out(
    value: float, end: float, chance: float, level: float | None, spread: float
) -> float:
    """Return the lower end of an area at another level, on the scale of its logit."""
    if level is None or level >= chance:
        return end
    centre, low = (float(special.logit(each)) for each in (value, end))
    if not math.isfinite(centre) or not math.isfinite(low):
        return end
    wider = spread * float(special.ndtri(level) / special.ndtri(chance))
    return float(special.expit(centre - (centre - low) * wider))
