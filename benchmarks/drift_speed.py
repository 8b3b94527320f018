"""What a drift check costs, beside scipy's tests and, where it is set up, Evidently.

Current rows are compared with a stored profile: 20 numbers and 5 categories, all
default statistics. Each side is measured three times in turn, and the least time of the
processor counts, so that what else the machine does matters little. Evidently runs when
``make evidently`` has built its environment.

    python benchmarks/drift_speed.py [--rows 500000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from drift_alarms import SCHEMA, SETTINGS, plain, table

from mlkit.drift import ReferenceProfile, count_rows, detect, reference_profile

PROJECT = Path(__file__).resolve().parents[1]
PEER = PROJECT / ".evidently" / "bin" / "python"
SMALL = 1000
MB = 1e6
EVIDENTLY = """
import json, sys, time
from pathlib import Path
import pandas as pd
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset
folder = Path(sys.argv[1])
reference, current = (pd.read_parquet(folder / f"{side}.parquet")
                      for side in ("reference", "current"))
started, wall = time.process_time(), time.perf_counter()
run = Report([DataDriftPreset()]).run(Dataset.from_pandas(current),
                                      Dataset.from_pandas(reference))
run.save_html(str(folder / "report.html"))
run.json()
print(json.dumps([time.process_time() - started, time.perf_counter() - wall,
                  (folder / "report.html").stat().st_size]))
"""


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def seconds(*actions: Callable[[], object], repeats: int = 3) -> list[float]:
    """Return the least processor time of each action; they take turns."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(repeats):
        for action, taken in zip(actions, times, strict=True):
            started = time.process_time()
            action()
            taken.append(time.process_time() - started)
    return [min(taken) for taken in times]


def stored(folder: Path) -> ReferenceProfile:
    """Return the reference, as a registry gives it."""
    text = (folder / "profile.json").read_text()
    return ReferenceProfile.from_dict(json.loads(text))


def child(folder: Path) -> None:
    """Check the current rows, and print what memory the check took beside them."""
    reference = stored(folder)
    current = pd.read_parquet(folder / "current.parquet")
    # Whatever is imported late is no part of the data.
    detect(reference, current.head(SMALL).copy(), SCHEMA, params=SETTINGS)
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    detect(reference, current, SCHEMA, params=SETTINGS)
    size = int(current.memory_usage(deep=True).sum())
    sys.stdout.write(json.dumps([size, memory("VmHWM") - before]))


def memory(what: str) -> int:
    """Return resident (VmRSS) or peak (VmHWM) memory of this process in bytes."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if what in line) * 1024


def large(folder: Path, rows: int) -> float:
    """Compare the times of many rows, and return ours."""
    rng = np.random.default_rng(2)
    reference, current = table(rng, rows), table(rng, rows)
    reference.to_parquet(folder / "reference.parquet")
    current.to_parquet(folder / "current.parquet")
    profile = reference_profile(reference, SCHEMA).to_dict()
    (folder / "profile.json").write_text(json.dumps(profile))
    counted, ours, theirs = seconds(
        lambda: count_rows(stored(folder), current, SCHEMA),
        lambda: detect(stored(folder), current, SCHEMA, params=SETTINGS),
        lambda: plain(reference, current),
    )
    say(f"{rows:,} rows against a stored profile of {rows:,}, 25 columns, processor")
    say(f"  counting          {counted:8.3f} s")
    say(f"  the whole check   {ours:8.3f} s")
    say(f"  scipy's tests     {theirs:8.3f} s   {theirs / ours:.1f} x ours")
    return ours


def small() -> None:
    """Print the time of a check of few rows."""
    rng = np.random.default_rng(3)
    profile = reference_profile(table(rng, 20_000), SCHEMA)
    current = table(rng, SMALL)
    counted, checked = seconds(
        lambda: count_rows(profile, current, SCHEMA),
        lambda: detect(profile, current, SCHEMA, params=SETTINGS),
        repeats=30,
    )
    say(f"{SMALL:,} rows, 25 columns")
    say(f"  counting          {1000 * counted:8.1f} ms")
    say(f"  the whole check   {1000 * checked:8.1f} ms")


def peers(folder: Path, ours: float) -> None:
    """Print what Evidently takes, where it is set up."""
    if not PEER.exists():
        say("Evidently is not set up: make evidently")
        return
    given = [str(PEER), "-W", "ignore", "-c", EVIDENTLY, str(folder)]
    done = subprocess.run(given, check=True, capture_output=True, text=True)
    processor, wall, size = json.loads(done.stdout.splitlines()[-1])
    say(
        f"  Evidently         {processor:8.3f} s   {processor / ours:.0f} x ours "
        f"({wall:.1f} s by the clock, HTML of {size / MB:.1f} MB)"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child)
        return
    with tempfile.TemporaryDirectory(prefix="drift_speed-") as name:
        folder = Path(name)
        ours = large(folder, given.rows)
        peers(folder, ours)
        again = [sys.executable, __file__, "--child", name]
        done = subprocess.run(again, check=True, capture_output=True, text=True)
        size, more = json.loads(done.stdout)
        say(
            f"  memory            {more / MB:8.1f} MB beside {size / MB:.1f} MB of "
            f"current rows: {1 + more / size:.2f} x"
        )
    small()


if __name__ == "__main__":
    main()
