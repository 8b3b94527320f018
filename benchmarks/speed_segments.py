"""A retrain of a table in segments: how long it takes, and what it holds in memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from mlkit import kernels

ROWS = 400
PARAMS = """\
format: 1
case: {case}
task: binary
segments: shop
data: {{source: data/{case}.csv, target: bought, positive: "yes"}}
train: {{estimator: linear}}
evaluate: {{resamples: 200}}
explain: {{global_rows: 30, repeats: 2, lime_seeds: 2, lime_samples: 200}}
"""


@dataclass(frozen=True)
class Fanned:
    """What a retrain of many segments took: wall seconds, and peak megabytes."""

    seconds: float
    peak_mb: float


def segment_rows(root: Path, count: int) -> Fanned:
    """Retrain a made-up case of `count` shops, each with as many rows as any other."""
    case = f"shops{count}"
    rng = np.random.default_rng(count)
    shop = np.repeat([f"shop-{number:03d}" for number in range(count)], ROWS)
    age, visits = rng.normal(40, 12, len(shop)), rng.poisson(3, len(shop))
    chance = 1 / (1 + np.exp(-0.08 * (age - 40) - 0.6 * (visits - 3)))
    bought = np.where(rng.random(len(shop)) < chance, "yes", "no")
    columns = {"shop": shop, "age": age, "visits": visits, "bought": bought}
    (root / "data").mkdir(exist_ok=True)
    pd.DataFrame(columns).to_csv(root / "data" / f"{case}.csv", index=False)
    (root / "params" / f"{case}.yaml").write_text(PARAMS.format(case=case))
    command = [str(Path(sys.executable).with_name("mlkit")), "retrain", case]
    # A parent of its own, so that whatever it forks is known to be of this retrain.
    folder = {"MLKIT_KERNEL_FOLDER": str(root / "kernels")}
    env = {**os.environ, **folder, "MLKIT_ROOT": str(root)}
    quiet = subprocess.DEVNULL
    started = time.perf_counter()
    running = psutil.Popen(command, cwd=root, env=env, stdout=quiet, stderr=quiet)
    peak = 0.0
    while running.poll() is None:
        parents = [psutil.Process(parent.pid) for parent in kernels.status(folder)]
        peak = max(peak, sum(_memory(each) for each in (running, *parents)))
        time.sleep(1)
    took = time.perf_counter() - started
    kernels.stop(folder)
    # A segment may be rejected by its gates (1); nothing may fail.
    if running.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {running.returncode}")
    return Fanned(took, peak)


def _memory(process: psutil.Process) -> float:
    """Return the megabytes that a process and those it started hold."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().pss
    except psutil.Error:
        # It ended while it was looked at.
        return 0.0
    return total / 1e6
