"""Counting Parquet files out of core: time and memory by rows, one worker and two.

A table of five columns (three numbers, a category, a date) is written in partitions to
a folder that is removed afterwards. Printed are seconds and peak memory of a process
that counts a tenth, a third and all of it against a stored reference; seconds of two
processes; and of making the reference itself, from sketches.

    python benchmarks/profile_parquet.py [--rows 10000000] [--folder /tmp]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlkit.data import Column, Schema
from mlkit.drift import ReferenceProfile, reference_profile
from mlkit.profiling import profile_parquet, reference_from_parquet

SCHEMA = Schema(
    (
        Column("amount", "number"),
        Column("age", "number"),
        Column("visits", "number"),
        Column("region", "category"),
        Column("since", "date"),
        Column("y", "boolean", "target"),
    ),
    *("binary", "y", ("False", "True"), "True"),
)
PARTITION = 2_000_000
REGIONS = np.array(["north", "south", "east", "west", "far away"])
MB = 1e6


def rows(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return rows of one distribution."""
    days = rng.integers(0, 3000, n).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "amount": rng.lognormal(3, 1, n),
            "age": np.where(rng.random(n) < 0.02, np.nan, rng.normal(40, 12, n)),
            "visits": rng.poisson(4, n),
            "region": REGIONS[rng.integers(0, len(REGIONS), n)],
            "since": np.datetime64("2015-01-01", "us") + days,
        }
    )


def write(folder: Path, n: int) -> None:
    """Write the partitions of a table; the first ones are a smaller table."""
    for part in range(-(-n // PARTITION)):
        size = min(PARTITION, n - part * PARTITION)
        frame = rows(np.random.default_rng(part), size)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        pq.write_table(table, folder / f"part-{part:04d}.parquet")


def child(folder: Path, parts: int, workers: int, what: str) -> None:
    """Do one thing and print its seconds and its peak memory as JSON."""
    paths = sorted(folder.glob("*.parquet"))[:parts]
    stored = json.loads((folder / "reference.json").read_text())
    reference = ReferenceProfile.from_dict(stored)
    imported, started = time.process_time(), time.perf_counter()
    if what == "reference":
        found = reference_from_parquet(paths, SCHEMA)
    elif workers == 1:
        found = profile_parquet(reference, paths, SCHEMA)
    else:
        # Fork would copy what the parent holds; both start from nothing.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            found = profile_parquet(reference, paths, SCHEMA, executor=pool)
    seconds = time.perf_counter() - started
    workers_used = resource.getrusage(resource.RUSAGE_CHILDREN)
    theirs = workers_used.ru_utime + workers_used.ru_stime
    processor = time.process_time() - imported + theirs
    peak = max(own_peak(), workers_used.ru_maxrss * 1024)
    sys.stdout.write(json.dumps([found.rows, seconds, processor, peak]))


def own_peak() -> int:
    """Return the peak memory of this process in bytes; getrusage adds the parent's."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if "VmHWM" in line) * 1024


def measured(folder: Path, parts: int, workers: int, what: str) -> list[Any]:
    """Return what a process of its own prints."""
    given = ["--child", str(folder), str(parts), str(workers), what]
    done = subprocess.run(
        [sys.executable, __file__, *given], check=True, capture_output=True, text=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def say(line: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def report(what: str, n: int, seconds: float, processor: float, peak: float) -> float:
    """Write what was measured, and return the seconds."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    say(
        f"{what:<20} {n:>12,} rows {seconds:>7.1f} s, processor {processor:>7.1f} s "
        f"({processor / n * 1e6:.2f} s per million), peak {peak / MB:>4,.0f} MB, "
        f"load per core {load:.1f}"
    )
    return seconds


def table(n: int, parent: str | None) -> None:
    """Write the files, measure, and remove them."""
    folder = Path(tempfile.mkdtemp(prefix="profile_parquet-", dir=parent))
    try:
        write(folder, n)
        size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
        profile = reference_profile(rows(np.random.default_rng(10**6), 500_000), SCHEMA)
        (folder / "reference.json").write_text(json.dumps(profile.to_dict()))
        parts = -(-n // PARTITION)
        say(f"{n:,} rows, {parts} files, {size / MB:,.0f} MB")
        one = [
            report("one worker", *measured(folder, max(parts // share, 1), 1, "count"))
            for share in (10, 3, 1)
        ]
        two = report("two workers", *measured(folder, parts, 2, "count"))
        say(f"two workers over one: {one[-1] / two:.2f} x")
        report("reference, sketched", *measured(folder, parts, 1, "reference"))
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", help="where the files are written for a while")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        folder, parts, workers, what = given.child
        child(Path(folder), int(parts), int(workers), what)
    else:
        table(given.rows, given.folder)


if __name__ == "__main__":
    main()
