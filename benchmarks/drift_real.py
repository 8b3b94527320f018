"""Drift of real tables over time, beside random halves of the same tables.

Four tables of some months or years, in the order of time. The later part is held
against the earlier one; then, as a table without drift, one random half against the
other, many times. Columns that only say what day it is are left out: they move by
themselves. bank, bikes and incidents are known to have moved; houses are one calm year.

A calm line should flag some column in at most one of twenty repeats, and never the data
as a whole.
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

from mlkit.data import infer_schema
from mlkit.drift import DriftReport, detect, reference_profile
from mlkit.params import params_from_dict

HEAD = ("table", "comparison", "rows", "flagged", "verdict")
LINE = "{:<11}{:<28}{:>17}{:>12}  {}\n"


@dataclass(frozen=True)
class Story:
    """A table in the order of time.

    Attributes
    ----------
    later : float
        Share of the rows, the newest, that is held against the others.
    order : callable
        Gives each row its place in time.
    left_out : tuple of str
        Columns that only tell the time, and those that are known afterwards.
    """

    name: str
    later: float
    order: Callable[[pd.DataFrame], pd.Series]
    left_out: tuple[str, ...] = ()


def in_file_order(frame: pd.DataFrame) -> pd.Series:
    """Return the place of each row in the file."""
    return pd.Series(range(len(frame)), index=frame.index)


def opened(frame: pd.DataFrame) -> pd.Series:
    """Return when an incident was opened."""
    return pd.to_datetime(frame["opened_at"], dayfirst=True)


STORIES = (
    Story("bank", 1 / 3, in_file_order, ("month", "day_of_week")),
    Story(
        "bike_hour",
        1 / 3,
        lambda frame: pd.to_datetime(frame["dteday"]),
        ("dteday", "yr", "mnth", "season"),
    ),
    Story(
        "incidents",
        1 / 3,
        opened,
        (
            *("opened_at", "sys_created_at", "sys_updated_at", "resolved_at"),
            "closed_at",
        ),
    ),
    Story("kc_house", 1 / 3, lambda frame: frame["date"], ("date",)),
    Story("kc_house", 1 / 5, lambda frame: frame["date"], ("date",)),
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
        compare(story, frame, table.target, table.task, asked.repeats)


def compare(
    story: Story, frame: pd.DataFrame, target: str, task: str, repeats: int
) -> None:
    """Print the drift over time, and what random halves say."""
    data = {"source": "x.csv", "target": target}
    if task == "binary":
        data["positive"] = str(sorted(frame[target].astype(str).unique())[-1])
    params = params_from_dict({"case": "real", "task": task, "data": data})
    schema = infer_schema(frame, params)

    def check(reference: pd.DataFrame, current: pd.DataFrame) -> DriftReport:
        profile = reference_profile(reference, schema)
        return detect(profile, current, schema, params=params.drift)

    cut = round(len(frame) * (1 - story.later))
    found = check(frame[:cut], frame[cut:])
    sizes = f"{cut:,}+{len(frame) - cut:,}"
    flagged = f"{len(found.flagged)} of {len(found.columns)}"
    what = f"newest {story.later:.0%} over time"
    sys.stdout.write(
        LINE.format(
            story.name, what, sizes, flagged, f"{found.verdict}: {found.reason}"
        )
    )
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
            story.name,
            f"{repeats} random halves",
            f"{half:,}+{len(frame) - half:,}",
            f"{any_column} of {repeats}",
            f"data said to have drifted in {data_verdicts} of {repeats}",
        )
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
