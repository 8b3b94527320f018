"""A workspace whose case is divided: two regions to learn from, and two that are not.

Of the regions, `north` and `south` have rows enough, `east` has few and in `west` all
outcomes are the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from tests.workspace import TOY, make_workspace, toy_table

DIVIDED = TOY.replace("target: bought", "target: bought\n  min_rows: 40").replace(
    "resamples: 200", "resamples: 100"
)
DIVIDED += "segments: region\n"


def make_divided(root: Path) -> Path:
    """Make a workspace with the case `toy` in segments."""
    make_workspace(root, params=DIVIDED)
    table = toy_table(300)
    table["region"] = table["region"].replace("east", "south")
    table.loc[:4, "region"] = None
    few = toy_table(20, seed=1).assign(region="east")
    alike = toy_table(60, seed=2).assign(region="west", bought="yes")
    pd.concat([table, few, alike]).to_csv(root / "data" / "toy.csv", index=False)
    return root


def records(root: Path, case: str) -> list[dict[str, Any]]:
    """Return the records of a case's runs, oldest first."""
    found = []
    for path in sorted((root / "reports" / case).glob("*/run.json")):
        found.append(json.loads(path.read_text()))
    return found


def wait_until(is_so: Callable[[], Any], what: str, seconds: float = 120) -> Any:
    """Return the first true answer."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := is_so():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {seconds:g} s")


def in_the_middle(root: Path, case: str) -> dict[str, Any] | None:
    """Return the record of a run that has made two steps and not all of them."""
    for record in records(root, case):
        if record["status"] == "running" and len(record["steps"]) >= 2:
            return record
    return None


def by_segment(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the members of a run of kind `fan_out` by their segment."""
    return {member["segment"]: member for member in answer["members"]}
