"""What a sample of the reference is worth when columns are looked at together.

Ten numbers and two categories. In half of the windows nothing has changed; in the
others the first two numbers, which went together in the reference, are independent of
each other, each distributed as before. Told is how often that was flagged, how often it
made the verdict in a year of daily checks, and the processor time of a look.

    python benchmarks/drift_together.py
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from mlkit.data import Column, Schema
from mlkit.drift import (
    Spending,
    detect,
    multivariate,
    reference_profile,
    reference_sample,
)
from mlkit.params.models import Drift

SAMPLES = (500, 1000, 2000, 5000)
WINDOWS = (100, 200, 500, 1000)
CORRELATIONS = (0.0, 0.7)
REPEATS = 40
REFERENCE = 10_000
NUMBERS = [f"x{place}" for place in range(10)]
KNOWN = Schema(
    (
        *(Column(name, "number") for name in NUMBERS),
        Column("kind", "category"),
        Column("place", "category"),
        Column("y", "number", "target"),
    ),
    "regression",
    "y",
)


def rows(n: int, seed: list[int], correlation: float) -> pd.DataFrame:
    """Return rows whose first two numbers have this correlation."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, len(NUMBERS)))
    drawn[:, 1] *= np.sqrt(1 - correlation**2)
    drawn[:, 1] += correlation * drawn[:, 0]
    table = pd.DataFrame(drawn, columns=NUMBERS)
    kinds = rng.choice(list("abcdef"), n)
    return table.assign(kind=kinds, place=rng.choice(["north", "south"], n))


def turn(most: int, n: int, correlation: float, seed: int) -> tuple[bool, bool, float]:
    """Return whether a window was flagged, made the verdict, and the time it took."""
    params, level = Drift(), Spending(0.05, 365).level(1) / 2
    reference = rows(REFERENCE, [1, seed], correlation)
    sample = reference_sample(reference, KNOWN, most=most, seed=seed)
    assert sample is not None
    current = rows(n, [2, seed], 0.0)
    began = time.process_time()
    found = multivariate(sample, current, KNOWN, params=params, seed=seed)
    took = time.process_time() - began
    profile = reference_profile(reference, KNOWN)
    whole = detect(
        profile, current, KNOWN, params=params, multivariate=found, level=level
    )
    return found.flagged, whole.drifted, took


def main() -> None:
    """Write a line for each size of the sample and of the window."""
    head = "correlation  window  sample  flagged  verdict  ms a look"
    sys.stdout.write(f"{head}\n")
    for correlation in CORRELATIONS:
        for n in WINDOWS:
            for most in SAMPLES:
                turns = [turn(most, n, correlation, seed) for seed in range(REPEATS)]
                flagged, drifted, took = np.mean(turns, axis=0)
                sys.stdout.write(
                    f"{correlation:11.1f} {n:7d} {most:7d} {flagged:8.0%} "
                    f"{drifted:8.0%} {1000 * took:10.0f}\n"
                )
                sys.stdout.flush()


if __name__ == "__main__":
    main()
