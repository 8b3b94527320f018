"""Bounds: how large an effect is at least, however small the chance of being wrong.

The p-values of the tests are those of limits, for many rows; in their far tails, where
a series of checks is held (:mod:`mlkit.drift.sequential`), limits fail. Of ten rows
expected in a bin, 26 come in one of 60,000 samples, where the normal distribution says
one of 3,000,000. The bounds here hold for any number of rows and at any level, and are
a little wider for it.
"""

from __future__ import annotations

import math

from mlkit.drift.records import DriftTest

# What the chance that two distribution functions lie far apart is multiplied by.
CONSTANT = math.e


def least_effect(test: DriftTest, level: float) -> float:
    """Return what the effect is at least, but for a chance of `level`.

    Parameters
    ----------
    test : DriftTest
        A test of values or of the missing; of all others the answer is 0: what they are
        about is in the values, too.
    level : float
        Chance that the bound is above the effect without drift.

    Returns
    -------
    float
        The bound, 0 where nothing is sure.

    Notes
    -----
    All have the form ``effect - chance - sqrt(log(C / level) / 2 (1/n + 1/m))``. Of the
    Kolmogorov-Smirnov distance it is the inequality of Dvoretzky, Kiefer and Wolfowitz
    for two samples, in which C = e will do: Wei and Dudley, Statistics and Probability
    Letters 82 (2012), 636-644. Of a difference of shares it is Hoeffding's (Journal of
    the American Statistical Association 58 (1963), 13-30, equation 2.7; C = 2). Of the
    total variation it is that of El-Yaniv and Pechyony, Journal of Artificial
    Intelligence Research 35 (2009), 193-234, for rows that are dealt to two samples
    (C = 1), after what chance shows on average is taken off.
    """
    n, m = test.rows
    if test.subject not in ("values", "missing") or not n or not m:
        return 0.0
    # The effect of levels has its chance taken off by squares: here it is put back.
    size = math.hypot(test.effect, test.chance)
    width = math.sqrt(math.log(CONSTANT / level) / 2 * (1 / n + 1 / m))
    return max(0.0, size - test.chance - width)
