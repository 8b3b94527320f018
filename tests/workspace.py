"""A workspace of the tests' own: a small case on a small table, and the notebooks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parents[1]
MLKIT = str(Path(sys.executable).with_name("mlkit"))
# One of the signals that end a run; a shell has what it starts aside ignore it.
CTRL_C = pytest.param(
    signal.SIGINT,
    marks=pytest.mark.skipif(
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
        reason="the shell that started the tests has them ignore Ctrl-C",
    ),
)
TOY = """\
format: 1
case: toy
task: binary
data:
  source: data/toy.csv
  target: bought
  positive: "yes"
train:
  estimator: linear
evaluate:
  resamples: 200
  gates:
    - {metric: accuracy, min: 0.5}
explain: {global_rows: 30, repeats: 2, lime_seeds: 2, lime_samples: 200}
"""


def make_workspace(root: Path, *, params: str = TOY, rows: int = 500) -> Path:
    """Make a workspace with the project's notebooks and the case ``toy``."""
    shutil.copytree(PROJECT / "notebooks", root / "notebooks")
    (root / "params").mkdir()
    (root / "data").mkdir()
    (root / "params" / "toy.yaml").write_text(params)
    toy_table(rows).to_csv(root / "data" / "toy.csv", index=False)
    return root


def retrained_workspace(factory: pytest.TempPathFactory, name: str) -> Path:
    """Make a workspace whose case ``toy`` was retrained once, with the command.

    The retrain is made once for all processes of the tests; what they get are copies.
    """
    base = factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "retrained"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            root = make_workspace(factory.mktemp("retrain"))
            done = run_mlkit(root, "retrain", "toy")
            assert done.returncode == 0, done.stdout + done.stderr
            root.rename(made)
    return Path(shutil.copytree(made, factory.mktemp(name), dirs_exist_ok=True))


def toy_table(rows: int, *, seed: int = 0) -> pd.DataFrame:
    """Return rows whose target follows two numbers and a category, with noise."""
    rng = np.random.default_rng(seed)
    age = rng.normal(40, 12, rows).round(1)
    visits = rng.poisson(3, rows)
    region = rng.choice(["north", "south", "east"], rows)
    score = 0.08 * (age - 40) + 0.6 * (visits - 3) + 0.8 * (region == "north")
    bought = rng.random(rows) < 1 / (1 + np.exp(-score))
    return pd.DataFrame(
        {
            "age": age,
            "visits": visits,
            "region": region,
            "bought": np.where(bought, "yes", "no"),
        }
    )


NOTE_KERNEL = """\
import os, pathlib
noted = pathlib.Path(os.environ["MLKIT_ROOT"], "kernels")
noted.mkdir(exist_ok=True)
(noted / str(os.getpid())).touch()
"""


def add_cell(root: Path, notebook: str, source: str) -> None:
    """Add a code cell to a notebook of a workspace, after its parameters."""
    path = root / "notebooks" / f"{notebook}.ipynb"
    document = json.loads(path.read_text())
    cells = document["cells"]
    (at,) = [n for n, cell in enumerate(cells) if cell["metadata"].get("tags")]
    cell = {**cells[at], "source": source, "metadata": {}, "id": f"added-{len(cells)}"}
    cells.insert(at + 1, cell)
    path.write_text(json.dumps(document))


def note_kernels(root: Path) -> None:
    """Let the kernels of a workspace say which processes they are.

    A forked kernel is no child of the process that asked for it.
    """
    for notebook in (root / "notebooks").glob("*.ipynb"):
        add_cell(root, notebook.stem, NOTE_KERNEL)


def live_kernels(root: Path) -> list[psutil.Process]:
    """Return the processes of kernels that have been noted and still live."""
    found = []
    for noted in (root / "kernels").glob("*"):
        try:
            process = psutil.Process(int(noted.name))
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def mlkit_command(root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command line in a workspace."""
    return subprocess.Popen(
        [MLKIT, *arguments],
        cwd=root,
        env={**os.environ, "MLKIT_ROOT": str(root), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_mlkit(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a workspace and return what it printed."""
    process = mlkit_command(root, *arguments)
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)
