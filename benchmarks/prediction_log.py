"""What it costs to log a prediction and to read it back.

Each way of logging one prediction of 26 features stands beside the plainest there is in
the same process: ``json.dumps`` and a write to a file that is flushed line by line.
Rounds are taken in turn and the median counts, so that the ratios hold on any machine.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from mlkit.prediction_log import (
    PredictionLogger,
    compact,
    read_batches,
    tidy,
)

ROUNDS = 7
LINES = 5000
LINES_SYNCED = 200
DAY_LINES = 100_000
RNG = random.Random(0)
PLAIN = {f"feature_{i}": RNG.random() for i in range(20)} | {
    f"category_{i}": RNG.choice(("low", "middle", "high")) for i in range(6)
}
NUMPY = {k: np.float64(v) if isinstance(v, float) else v for k, v in PLAIN.items()}


def plainest(folder: Path) -> Callable[[int], None]:
    """Return what logs by json and append."""
    file = open(folder / "plain.jsonl", "a")  # noqa: SIM115

    def log(lines: int) -> None:
        for _ in range(lines):
            now = datetime.now(UTC).isoformat()
            row = {"id": os.urandom(8).hex(), "at": now, "model": "m", "version": "1"}
            row |= {"features": PLAIN, "prediction": 1, "probability": 0.3}
            file.write(json.dumps(row) + "\n")
            file.flush()

    return log


def one_by_one(folder: Path, features: Any, **options: Any) -> Callable[[int], None]:
    """Return what logs with a call each."""
    logger = PredictionLogger(folder, **options)

    def log(lines: int) -> None:
        for _ in range(lines):
            logger.log_prediction("m", "1.0.0", features, 1, 0.3, latency_ms=2.5)

    return log


def many(folder: Path) -> Callable[[int], None]:
    """Return what logs with one call."""
    logger = PredictionLogger(folder)

    def log(lines: int) -> None:
        logger.log_predictions("m", "1.0.0", [PLAIN] * lines, [1] * lines)

    return log


def writing(folder: Path) -> None:
    """Print microseconds a prediction, and how many times the plainest that is."""
    hidden = {"sensitive": ["feature_0", "category_0"]}
    ways = {
        "json and append": (plainest(folder), LINES),
        "system": (one_by_one(folder / "system", PLAIN), LINES),
        "system, NumPy numbers": (one_by_one(folder / "numpy", NUMPY), LINES),
        "system, two hashed": (one_by_one(folder / "h", PLAIN, **hidden), LINES),
        "system, in one call": (many(folder / "many"), LINES),
        "group": (one_by_one(folder / "group", PLAIN, sync="group"), LINES),
        "each": (one_by_one(folder / "each", PLAIN, sync="each"), LINES_SYNCED),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (log, lines) in ways.items():
            started = time.perf_counter()
            log(lines)
            seconds[name].append((time.perf_counter() - started) / lines)
    least = statistics.median(seconds["json and append"])
    for name, measured in seconds.items():
        median = statistics.median(measured)
        sys.stdout.write(f"{name:<24}{median * 1e6:>9.1f} us{median / least:>9.2f} x\n")


def reading(folder: Path) -> None:
    """Print what a row costs to read, from each form of a day, and the newest 100."""
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    logger = PredictionLogger(folder)
    rows = [{k: RNG.random() for k in PLAIN} for _ in range(DAY_LINES)]
    ids = logger.log_predictions("m", "1", rows, [1] * DAY_LINES, at=at)
    for id in ids:
        logger.log_actual(id, 1, model_name="m", at=at)
    del rows, ids
    later = at + timedelta(days=2)
    steps: dict[str, Callable[[], object]] = {
        "open": lambda: None,
        "gzip": lambda: tidy(folder, "m", now=later),
        "Parquet": lambda: compact(folder, "m", now=later),
    }
    for name, step in steps.items():
        started = time.perf_counter()
        step()
        made = time.perf_counter() - started
        whole, peak = (float(part) for part in _apart(folder).split())
        started = time.perf_counter()
        sum(len(piece) for piece in read_batches(folder, "m"))
        pieces = time.perf_counter() - started
        started = time.perf_counter()
        logger.get_recent_predictions(100)
        recent = time.perf_counter() - started
        size = sum(path.stat().st_size for path in (folder / "m").glob("pred*"))
        sys.stdout.write(
            f"{name:<10}{size / DAY_LINES:>6.0f} bytes a row, made in{made:>6.1f} s;"
            f"{1e6 * whole / DAY_LINES:>6.1f} us a row and outcome to read"
            f"{peak / DAY_LINES:>7.0f} bytes of memory;"
            f"{1e6 * pieces / DAY_LINES:>6.1f} us in pieces;"
            f"{recent * 1e3:>7.1f} ms the newest 100\n"
        )


def _apart(folder: Path) -> str:
    """Return processor time and memory of reading, in a process of its own.

    Not by getrusage, for which a process begins with the memory of its parent.
    """
    code = """
import re, sys, time
import pandas, pyarrow.compute, pyarrow.parquet
from mlkit.prediction_log import read_predictions
def peak():
    status = open("/proc/self/status").read()
    return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
read_predictions(sys.argv[1], "none")
before, started = peak(), time.process_time()
logged = read_predictions(sys.argv[1], "m")
assert logged.frame["actual"].notna().all()
print(time.process_time() - started, 1024 * (peak() - before))
"""
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writing(folder)
        reading(folder / "reading")


if __name__ == "__main__":
    main()
