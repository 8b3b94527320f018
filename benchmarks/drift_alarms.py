"""How often drift is seen: where there is none, where there is some, and at what cost.

Printed are shares of repeated checks of 25 columns (20 numbers, 5 categories of 3 to 20
levels): any column flagged without drift, and the shifted column flagged with it. A
plain battery of scipy's tests stands beside, with Benjamini-Hochberg and without an
effect. The last line is a ratio of processor times, so that it holds on any machine.

With ``--years N``, calm years of daily checks against one reference are simulated in
place of this: printed are the years with any false alarm of the data, each check judged
on its own, and as the monitor does, which holds all to one rate and takes the last days
together, too. Then, how many days it takes the monitor to tell of a column that moves
for good.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from mlkit.data import Column, Schema
from mlkit.drift import (
    DriftReport,
    ReferenceProfile,
    Spending,
    count_rows,
    detect,
    reference_profile,
)
from mlkit.monitor import pooling
from mlkit.monitor.shifts import look_at
from mlkit.params.models import Drift

LEVELS = (3, 5, 8, 12, 20)
NUMBERS = 20
SETTINGS = Drift()
SCHEMA = Schema(
    (
        *(Column(f"n{i}", "number") for i in range(NUMBERS)),
        *(Column(f"c{k}", "category") for k in LEVELS),
        Column("y", "boolean", "target"),
    ),
    *("binary", "y", ("False", "True"), "True"),
)
SIZES = ((1000, 1000), *((20_000, n) for n in (50, 100, 200, 500, 1000)))
SHIFTED = (
    *((1000, 1000, shift) for shift in (0.1, 0.2, 0.5)),
    (5000, 5000, 0.1),
    *((20_000, 200, shift) for shift in (0.1, 0.2, 0.5)),
)
NO_DRIFT, DRIFT = 200, 100
REFERENCE, DAYS = 20_000, 365
DAILY, LASTING = (50, 200, 1000), (0.3, 0.5, 1.0, 2.0)
CALM_DAYS, MOST_DAYS, DELAYS = 16, 32, 10


def table(rng: np.random.Generator, n: int, *, shift: float = 0.0) -> pd.DataFrame:
    """Return rows of one distribution; the first column may be shifted."""
    numbers = rng.normal(size=(n, NUMBERS))
    numbers[:, 1] = np.exp(numbers[:, 1])
    numbers[:, 2] = rng.poisson(4, n)
    numbers[:, 0] += shift
    frame = pd.DataFrame(numbers, columns=[f"n{i}" for i in range(NUMBERS)])
    for k in LEVELS:
        frame[f"c{k}"] = rng.integers(0, k, n).astype(str)
    return frame


def check(reference: pd.DataFrame, current: pd.DataFrame) -> DriftReport:
    """Return the report of one check."""
    profile = reference_profile(reference, SCHEMA)
    return detect(profile, current, SCHEMA, params=SETTINGS)


def plain(reference: pd.DataFrame, current: pd.DataFrame) -> list[str]:
    """Return the columns that scipy's tests and Benjamini-Hochberg flag."""
    p = []
    names = [str(name) for name in reference]
    for name in names:
        one, other = reference[name], current[name]
        if name.startswith("n"):
            p.append(float(stats.ks_2samp(one, other, method="asymp").pvalue))
            continue
        counts = pd.concat([one.value_counts(), other.value_counts()], axis=1).fillna(0)
        p.append(float(stats.chi2_contingency(counts.T, correction=False).pvalue))
    adjusted = stats.false_discovery_control(p)
    return [name for name, q in zip(names, adjusted, strict=True) if q < 0.05]


def shares(repeats: int, sizes: tuple[int, int], shift: float) -> tuple[float, ...]:
    """Return how often: any column or the first is flagged, the data, and by scipy."""
    rng = np.random.default_rng(1)
    found = np.zeros(4)
    for _ in range(repeats):
        reference, current = table(rng, sizes[0]), table(rng, sizes[1], shift=shift)
        report, others = check(reference, current), plain(reference, current)
        flagged = report.flagged if not shift else "n0" in report.flagged
        others_flagged = others if not shift else "n0" in others
        found += [
            bool(flagged),
            len(report.flagged),
            report.drifted,
            bool(others_flagged),
        ]
    return tuple(found / repeats)


def seconds(action: Callable[[], object]) -> float:
    """Return the least processor time of three calls."""
    times = []
    for _ in range(3):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


def cost(n: int) -> float:
    """Return the processor time of a check over that of scipy's tests."""
    rng = np.random.default_rng(2)
    reference, current = table(rng, n), table(rng, n)
    ours = seconds(lambda: check(reference, current))
    return ours / seconds(lambda: plain(reference, current))


class Watch:
    """Days that are judged as the monitor does when each is over."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.profile = reference_profile(table(self.rng, REFERENCE), SCHEMA)
        self.days: list[ReferenceProfile] = []

    def next_day(self, n: int, shift: float = 0.0) -> ReferenceProfile:
        """Return the counts of a new day."""
        rows = table(self.rng, n, shift=shift)
        self.days = [
            *self.days[1 - pooling.SIZES[-1] :],
            count_rows(self.profile, rows, SCHEMA),
        ]
        return self.days[-1]

    def alarm(self) -> bool:
        """Return whether the newest day, or days together, have drifted."""
        level = Spending().level(1)
        newest = detect(
            *(self.profile, self.days[-1], SCHEMA),
            params=SETTINGS,
            level=look_at(
                self.days[-1].rows, complete=True, least=SETTINGS.min_rows, level=level
            ).level,
        )
        pools = pooling.judge_pools(
            [str(place) for place in range(len(self.days))],
            *(self.days, self.profile, SCHEMA),
            params=SETTINGS,
            level=level,
            seed=0,
            newest=newest,
        )
        return newest.drifted or any(pool.lasts for pool in pools)


def year(seed: int, n: int, *, days: int = DAYS) -> tuple[int, int, int]:
    """Return the calm days of a year on which there was a false alarm.

    Of checks on their own: days with a column flagged, and with drift of the data. Of
    the monitor: days with drift of the data.
    """
    watch = Watch(seed)
    flagged = alone = shared = 0
    for _ in range(days):
        current = watch.next_day(n)
        found = detect(watch.profile, current, SCHEMA, params=SETTINGS)
        flagged += bool(found.flagged)
        alone += found.drifted
        shared += watch.alarm()
    return flagged, alone, shared


def days_until_told(n: int, shift: float, seed: int) -> float:
    """Return on which day of a lasting shift the monitor tells of it; inf if never."""
    watch = Watch(1000 + seed)
    for _ in range(CALM_DAYS):
        watch.next_day(n)
    for day in range(1, MOST_DAYS + 1):
        watch.next_day(n, shift)
        if watch.alarm():
            return day
    return float("inf")


def years(count: int) -> None:
    """Print a line a size of the daily window, twice."""
    head = ("rows", "years", "flagged", "alone", "monitor")
    sys.stdout.write("".join(f"{name:>10}" for name in head) + "\n")
    for n in DAILY:
        days = np.array([year(seed, n) for seed in range(count)])
        any_day = (days > 0).mean(axis=0)
        sys.stdout.write(
            f"{n:>10,}{count:>10,}"
            + "".join(f"{share:>10.1%}" for share in any_day)
            + f"   days flagged: {days[:, 0].mean() / DAYS:.2%}\n"
        )
    sys.stdout.write(f"\ndays until told: median, most of {DELAYS} repeats\n")
    sys.stdout.write(f"{'rows':>10}" + "".join(f"{s:>9} sd" for s in LASTING) + "\n")
    for n in DAILY:
        told = [
            [days_until_told(n, shift, seed) for seed in range(DELAYS)]
            for shift in LASTING
        ]
        cells = [f"{np.median(each):.0f}, {max(each):.0f}" for each in told]
        sys.stdout.write(f"{n:>10,}" + "".join(f"{cell:>12}" for cell in cells) + "\n")


def alarms() -> None:
    """Print a table, a line a setting."""
    head = ("reference", "current", "shift", "flagged", "columns", "verdict", "scipy")
    sys.stdout.write("".join(f"{name:>10}" for name in head) + "\n")
    settings = [(NO_DRIFT, sizes, 0.0) for sizes in SIZES]
    settings += [(DRIFT, (n, m), shift) for n, m, shift in SHIFTED]
    for repeats, sizes, shift in settings:
        flagged, columns, verdict, others = shares(repeats, sizes, shift)
        sys.stdout.write(
            f"{sizes[0]:>10,}{sizes[1]:>10,}{shift:>7.1f} sd{flagged:>10.1%}"
            f"{columns:>10.2f}{verdict:>10.1%}{others:>10.1%}\n"
        )
    sys.stdout.write(f"processor time, 50,000 rows, scipy's is 1: {cost(50_000):.2f}\n")


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--years", type=int, default=0, help="calm years to simulate")
    asked = parser.parse_args()
    if asked.years:
        years(asked.years)
    else:
        alarms()


if __name__ == "__main__":
    main()
