"""Drift of real tables over time, beside random halves of the same tables.

Four tables of some months or years, in the order of time. The later part is held
against the earlier one, cut at several places; of houses also each of the last months
against the first seven, as a model in production would see them. Then, as a table
without drift, one random half against the other, many times. Columns that only say what
day it is are left out: they move by themselves. bank, bikes and incidents are known to
have moved (half of the bikes is one year against the next, of the same seasons, which
differ least); houses are one calm year.

A calm line should flag some column in at most one of twenty repeats, and never the data
as a whole. Last, each table as the monitor watches it: in windows of 200 rows and the
last of them together, at random (of which none should raise an alarm) and in the order
of time.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from quality_tables import TABLES

from mlkit.data import Schema, infer_schema
from mlkit.drift import DriftReport, Spending, count_rows, detect, reference_profile
from mlkit.monitor.pooling import SIZES, judge_pools
from mlkit.monitor.shifts import look_at
from mlkit.params import Params, params_from_dict

Check = Callable[[pd.DataFrame, pd.DataFrame], DriftReport]
CUTS = (0.3, 0.5, 2 / 3, 0.8)
MONTHS = 7
WINDOW, MOST_WINDOWS = 200, 60
HEAD = ("table", "comparison", "rows", "flagged", "verdict")
LINE = "{:<11}{:<28}{:>17}{:>12}  {}\n"


@dataclass(frozen=True)
class Story:
    """A table in the order of time.

    Attributes
    ----------
    order : callable
        Gives each row its place in time.
    left_out : tuple of str
        Columns that only tell the time, and those that are known afterwards.
    months : bool
        Whether later months are held against the first ones, too.
    """

    name: str
    order: Callable[[pd.DataFrame], pd.Series]
    left_out: tuple[str, ...] = ()
    months: bool = False


def in_file_order(frame: pd.DataFrame) -> pd.Series:
    """Return the place of each row in the file."""
    return pd.Series(range(len(frame)), index=frame.index)


def opened(frame: pd.DataFrame) -> pd.Series:
    """Return when an incident was opened."""
    return pd.to_datetime(frame["opened_at"], dayfirst=True)


def sold(frame: pd.DataFrame) -> pd.Series:
    """Return when a house was sold."""
    return pd.to_datetime(frame["date"])


STORIES = (
    Story("bank", in_file_order, ("month", "day_of_week")),
    Story(
        "bike_hour",
        lambda frame: pd.to_datetime(frame["dteday"]),
        ("dteday", "yr", "mnth", "season"),
    ),
    Story(
        "incidents",
        opened,
        (
            *("opened_at", "sys_created_at", "sys_updated_at", "resolved_at"),
            "closed_at",
        ),
    ),
    Story("kc_house", sold, ("date",), months=True),
)


def main() -> None:
    """Print a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--repeats", type=int, default=40)
    asked = parser.parse_args()
    sys.stdout.write(LINE.format(*HEAD))
    for story in STORIES:
        table = TABLES[story.name](asked.data)
        order = np.argsort(story.order(table.frame).to_numpy(), kind="stable")
        left_out = [name for name in story.left_out if name in table.frame]
        frame = table.frame.iloc[order].drop(columns=left_out).reset_index(drop=True)
        check = checker(frame, table.target, table.task)
        for share in CUTS:
            cut = round(len(frame) * share)
            what = f"newest {1 - share:.0%} over time"
            tell(story.name, what, check(frame[:cut], frame[cut:]))
        if story.months:
            months = story.order(table.frame).iloc[order].dt.to_period("M").to_numpy()
            by_month(story.name, check, frame, months)
        halves(story.name, check, frame, asked.repeats)
        schema, params = described(frame, table.target, table.task)
        order = np.random.default_rng(1).permutation(len(frame))
        for what, rows in (("at random", frame.iloc[order]), ("over time", frame)):
            watched(story.name, what, rows, schema, params)


def described(frame: pd.DataFrame, target: str, task: str) -> tuple[Schema, Params]:
    """Return the columns and the params of a table."""
    data = {"source": "x.csv", "target": target}
    if task == "binary":
        data["positive"] = str(sorted(frame[target].astype(str).unique())[-1])
    params = params_from_dict({"case": "real", "task": task, "data": data})
    return infer_schema(frame, params), params


def checker(frame: pd.DataFrame, target: str, task: str) -> Check:
    """Return what holds current rows of a table against others."""
    schema, params = described(frame, target, task)

    def check(reference: pd.DataFrame, current: pd.DataFrame) -> DriftReport:
        profile = reference_profile(reference, schema)
        return detect(profile, current, schema, params=params.drift)

    return check


def watched(
    table: str, what: str, frame: pd.DataFrame, schema: Schema, params: Params
) -> None:
    """Print in how many windows of the second half the monitor tells of drift."""
    half = len(frame) // 2
    profile = reference_profile(frame[:half], schema)
    rows = frame[half : half + MOST_WINDOWS * WINDOW]
    windows = [
        count_rows(profile, rows[start : start + WINDOW], schema)
        for start in range(0, len(rows) - WINDOW + 1, WINDOW)
    ]
    level, least = Spending().level(1), params.drift.min_rows
    alone = together = 0
    for place, counted in enumerate(windows):
        look = look_at(WINDOW, complete=True, least=least, level=level)
        newest = detect(
            *(profile, counted, schema), params=params.drift, level=look.level
        )
        last = windows[max(0, place + 1 - SIZES[-1]) : place + 1]
        pools = judge_pools(
            [str(each) for each in range(len(last))],
            *(last, profile, schema),
            params=params.drift,
            level=level,
            seed=0,
            newest=newest,
        )
        alone += newest.drifted
        together += newest.drifted or any(pool.lasts for pool in pools)
    sys.stdout.write(
        LINE.format(
            table,
            f"watched {what}",
            f"{half:,}+{len(windows):,}x{WINDOW}",
            f"{together} of {len(windows)}",
            f"windows tell of drift, {alone} of them alone",
        )
    )
    sys.stdout.flush()


def tell(table: str, what: str, found: DriftReport) -> None:
    """Print the line of one comparison."""
    sizes = f"{found.rows:,}+{found.current_rows:,}"
    flagged = f"{len(found.flagged)} of {len(found.columns)}"
    verdict = f"{found.verdict}: {found.reason}"
    sys.stdout.write(LINE.format(table, what, sizes, flagged, verdict))
    sys.stdout.flush()


def by_month(table: str, check: Check, frame: pd.DataFrame, months: np.ndarray) -> None:
    """Print a line for each month after the first ones, which stay the reference."""
    names = sorted(set(months))
    reference = frame[months < names[MONTHS]]
    for month in names[MONTHS:]:
        found = check(reference, frame[months == month])
        tell(table, f"{month} after {MONTHS} months", found)


def halves(table: str, check: Check, frame: pd.DataFrame, repeats: int) -> None:
    """Print what random halves say, where nothing can have moved."""
    rng = np.random.default_rng(0)
    any_column = data_verdicts = 0
    half = len(frame) // 2
    for _ in range(repeats):
        order = rng.permutation(len(frame))
        calm = check(frame.iloc[order[:half]], frame.iloc[order[half:]])
        any_column += bool(calm.flagged)
        data_verdicts += calm.drifted
    sys.stdout.write(
        LINE.format(
            table,
            f"{repeats} random halves",
            f"{half:,}+{len(frame) - half:,}",
            f"{any_column} of {repeats}",
            f"data said to have drifted in {data_verdicts} of {repeats}",
        )
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
