"""How often an equally good model would be promoted: by its score, and by the rule.

Two models are made from the same signal with noise of their own, so that neither is
better. Printed is how often the challenger's score is higher, and how often the rule of
``mlkit.evaluate.propose`` (the paired test's bound above 0 and a gain of at least
``min_gain``) would promote it; the target is at most 5 %.
"""

from __future__ import annotations

import sys

import numpy as np

from mlkit.metrics import Scored, paired_test

METRICS = ("roc_auc", "log_loss", "accuracy")
ROWS = (100, 500, 2000)
RUNS = 1000
MIN_GAIN = 0.01


def equally_good(rng: np.random.Generator, n: int) -> tuple[Scored, Scored]:
    """Return two models' predictions of the same n rows, neither better."""
    y = rng.random(n) < 0.4
    signal = rng.normal(size=n) + 1.2 * y
    noise = rng.normal(scale=0.8, size=(2, n))
    probability = 1 / (1 + np.exp(0.9 - signal - noise))
    one, other = (
        Scored("binary", y.astype(int), np.column_stack([1 - p, p]))
        for p in probability
    )
    return one, other


def main() -> None:
    """Print a table, a line a metric and number of rows."""
    rng = np.random.default_rng(1)
    sys.stdout.write(f"{'metric':<10}{'rows':>6}{'higher score':>14}{'promoted':>10}\n")
    for metric in METRICS:
        for n in ROWS:
            pairs = (equally_good(rng, n) for _ in range(RUNS))
            tests = [paired_test(metric, *pair, min_gain=MIN_GAIN) for pair in pairs]
            higher = sum(test.gain > 0 for test in tests) / RUNS
            promoted = sum(test.better for test in tests) / RUNS
            sys.stdout.write(f"{metric:<10}{n:>6}{higher:>14.1%}{promoted:>10.1%}\n")


if __name__ == "__main__":
    main()
