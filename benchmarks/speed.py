"""How long things take, each beside what it is held against, in one run.

Every row is measured several times, its sides in turn, so that whatever else the
machine does falls on all of them; the median of each is shown. Peers have their own
environment in ``benchmarks/.stock``.

- ``retrain``: `mlkit retrain` of a fresh workspace with warm kernels, beside stock
  papermill running the same notebooks one after another, and beside the same cells as
  one plain script. The *work* is what the script takes after its imports, the
  *overhead* what each side takes beyond it.
- ``first``: the same with no preloaded process running, its start included.
- ``unchanged``: a retrain in which nothing has changed.
- ``kernel``: from starting a kernel to its first result, the whole stack imported.
- ``eight``: eight notebooks that import, fit and draw, all at once.
- ``nbval``: all notebooks under nbval.
- ``memory``: own memory (unique set size) of a warm kernel with the stack imported.
- ``light``: `import mlkit` and `mlkit --help` beside a bare interpreter.
- ``segments``: a retrain of a few and of many segments: time for each, peak memory.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from speed_kernels import KERNELS, stage_for_nbval
from speed_peers import NOTEBOOKS, PROJECT, papermill_command, script_command
from speed_segments import segment_rows

CASE = "breast_cancer"
MLKIT = str(Path(sys.executable).with_name("mlkit"))


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    name : str
        What was measured.
    value : str
        The figure.
    target : str
        What it is held to; empty for a figure that only explains another.
    kept : bool or None
        Whether it is kept; None where there is no target.
    """

    name: str
    value: str
    target: str = ""
    kept: bool | None = None


def held(name: str, figure: float, bound: float, shown: str, *, least: bool) -> Row:
    """Return a row whose figure must be at least, or at most, a bound."""
    kept = figure >= bound if least else figure <= bound
    sign = "at least" if least else "at most"
    return Row(name, shown.format(figure), f"{sign} {shown.format(bound)}", kept)


@contextmanager
def workspace() -> Iterator[Path]:
    """Make a workspace with the project's notebooks and params, and nothing run."""
    with tempfile.TemporaryDirectory(prefix="mlkit-bench-") as folder:
        for name in ("notebooks", "params"):
            shutil.copytree(PROJECT / name, Path(folder) / name)
        yield Path(folder)


def seconds(command: list[str], root: Path, **environment: str) -> float:
    """Return the wall time of a command that must end well."""
    return told(command, root, **environment)[0]


def told(command: list[str], root: Path, **environment: str) -> tuple[float, str]:
    """Return the wall time of a command that must end well, and what it printed."""
    env = {**os.environ, "MLKIT_ROOT": str(root), **environment}
    started = time.perf_counter()
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True)
    took = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stderr}")
    return took, done.stdout


def in_turn(sides: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Return the median of each side, measured in turn."""
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, measure in sides.items():
            found[name].append(measure())
    return {name: statistics.median(values) for name, values in found.items()}


def warm_up() -> None:
    """Have the preloaded process running."""
    next(KERNELS["kernel"](1, "warm"))


def retrain(repeats: int) -> Iterator[Row]:
    """Compare a warm retrain with stock papermill and with a plain script."""
    work: list[float] = []

    def warm(*more: str) -> float:
        with workspace() as root:
            return seconds([MLKIT, "retrain", CASE, *more], root)

    def stock() -> float:
        with workspace() as root:
            return seconds(papermill_command(CASE), root)

    def script() -> float:
        with workspace() as root:
            took, said = told(script_command(CASE, root), root)
        work.append(float(said.split()[-1]))
        return took

    def one_by_one() -> float:
        return warm("--jobs", "1")

    papermill_command(CASE)
    warm_up()
    sides = {"warm": warm, "one": one_by_one, "stock": stock, "script": script}
    took = in_turn(sides, repeats)
    cells = statistics.median(work)
    yield Row("work in the cells", f"{cells:.1f} s")
    yield Row("plain script", f"{took['script']:.1f} s")
    yield Row("stock papermill", f"{took['stock']:.1f} s")
    yield Row("mlkit retrain, warm", f"{took['warm']:.1f} s")
    yield Row("mlkit retrain, warm, --jobs 1", f"{took['one']:.1f} s")
    ratio = took["stock"] / took["warm"]
    yield held("warm retrain, times as fast as stock", ratio, 3, "{:.1f} x", least=True)
    extra = {name: took[name] - cells for name in took}
    name = "overhead beyond the work, stock : warm"
    if extra["warm"] <= 0:
        yield Row(name, "warm takes less than the work", "at least 6.0 x", True)
    else:
        times = extra["stock"] / extra["warm"]
        yield held(name, times, 6, "{:.1f} x", least=True)
    times = extra["stock"] / max(extra["one"], 1e-9)
    yield Row("the same with --jobs 1", f"{times:.1f} x")
    ratio = took["warm"] / took["script"]
    yield held("warm retrain : plain script", ratio, 1, "{:.2f}", least=False)


def first(repeats: int) -> Iterator[Row]:
    """Compare a first run, without a preloaded process, with a plain script."""

    def cold() -> float:
        seconds([MLKIT, "kernel", "stop"], PROJECT)
        with workspace() as root:
            return seconds([MLKIT, "retrain", CASE], root)

    def script() -> float:
        with workspace() as root:
            return seconds(script_command(CASE, root), root)

    took = in_turn({"first": cold, "script": script}, repeats)
    yield Row("first retrain", f"{took['first']:.1f} s")
    ratio = took["first"] / took["script"]
    yield held("first retrain : plain script", ratio, 1.5, "{:.2f}", least=False)


def unchanged(repeats: int) -> Iterator[Row]:
    """Time a retrain in which nothing has changed."""
    with workspace() as root:
        command = [MLKIT, "retrain", CASE]
        # The first promotes, so that the second has another champion to judge against.
        seconds(command, root)
        seconds(command, root)
        took = in_turn({"same": lambda: seconds(command, root)}, repeats)["same"]
    yield held("retrain, nothing changed", took, 2, "{:.2f} s", least=False)


def kernels(name: str, repeats: int) -> dict[str, float]:
    """Return a measure of kernels, cold and warm in turn."""
    measure = KERNELS[name]

    def side(kind: str) -> Callable[[], float]:
        return lambda: next(measure(1, kind))

    return in_turn({kind: side(kind) for kind in ("cold", "warm")}, repeats)


def kernel(repeats: int) -> Iterator[Row]:
    """Time a kernel from its start to its first result, cold and warm."""
    warm_up()
    took = kernels("kernel", repeats)
    yield Row("cold kernel to first result", f"{took['cold']:.2f} s")
    name = "warm kernel to first result, stack imported"
    yield held(name, took["warm"], 0.6, "{:.2f} s", least=False)


def eight(repeats: int) -> Iterator[Row]:
    """Time eight notebooks at once, cold and warm."""
    warm_up()
    took = kernels("eight", repeats)
    yield Row("8 notebooks at once, cold", f"{took['cold']:.1f} s")
    yield Row("8 notebooks at once, warm", f"{took['warm']:.1f} s")
    yield Row(
        "8 notebooks at once, cold : warm", f"{took['cold'] / took['warm']:.1f} x"
    )


def memory(repeats: int) -> Iterator[Row]:
    """Measure the own memory of a warm kernel."""
    warm_up()
    own = statistics.median(KERNELS["memory"](repeats, "warm"))
    yield held("own memory of a warm kernel", own, 60, "{:.0f} MB", least=False)


def nbval(repeats: int) -> Iterator[Row]:
    """Time all notebooks under nbval, cold and warm."""
    warm_up()
    with workspace() as root:
        staged = stage_for_nbval(root, CASE, NOTEBOOKS)
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-c", os.devnull, "--nbval-lax", "--nbval-current-env", *staged),
        ]
        # As `make test` sets it: nbval looks at no kernelspec with --nbval-current-env.
        warm = {"JUPYTER_DEFAULT_PROVISIONER_NAME": "mlkit-warm"}
        sides = {
            "cold": lambda: seconds(command, root, **warm, MLKIT_COLD="1"),
            "warm": lambda: seconds(command, root, **warm),
        }
        took = in_turn(sides, repeats)
    yield Row("nbval on all notebooks, cold", f"{took['cold']:.1f} s")
    yield Row("nbval on all notebooks, warm", f"{took['warm']:.1f} s")
    ratio = took["cold"] / took["warm"]
    yield held("nbval, cold : warm", ratio, 4, "{:.1f} x", least=True)


def light(repeats: int) -> Iterator[Row]:
    """Time what must cost nearly nothing, beyond a bare interpreter."""
    sides = {
        "bare": [sys.executable, "-c", "pass"],
        "import": [sys.executable, "-c", "import mlkit"],
        "help": [MLKIT, "--help"],
    }
    took = in_turn(
        {name: lambda c=c: seconds(c, PROJECT) for name, c in sides.items()},
        4 * repeats,
    )
    extra = {name: took[name] - took["bare"] for name in took}
    yield held("import mlkit", extra["import"], 0.1, "{:.3f} s", least=False)
    yield held("mlkit --help", extra["help"], 0.4, "{:.3f} s", least=False)


def segments(_repeats: int) -> Iterator[Row]:
    """Compare a retrain of few segments with one of many."""
    with workspace() as root:
        few, many = (segment_rows(root, count) for count in (10, 100))
    yield Row("10 segments, each", f"{few.seconds / 10:.1f} s")
    yield Row("100 segments, each", f"{many.seconds / 100:.1f} s")
    ratio = (many.seconds / 100) / (few.seconds / 10)
    yield held("time for each of 100 : of 10", ratio, 1.2, "{:.2f}", least=False)
    yield Row("peak memory, 10 segments", f"{few.peak_mb:.0f} MB")
    yield Row("peak memory, 100 segments", f"{many.peak_mb:.0f} MB")
    ratio = many.peak_mb / few.peak_mb
    yield held("peak memory, 100 : 10", ratio, 1.2, "{:.2f}", least=False)


PARTS = (
    retrain,
    first,
    unchanged,
    kernel,
    eight,
    memory,
    nbval,
    light,
    segments,
)


def main() -> None:
    """Measure, and write the table line by line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = [part.__name__ for part in PARTS]
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path, help="a Markdown file for the table")
    asked = parser.parse_args()
    lines = ["| measured | figure | target | kept |", "|---|---|---|---|"]
    say(*lines)
    for part in PARTS:
        for row in part(asked.repeats) if part.__name__ in asked.only else ():
            kept = {None: "", True: "yes", False: "**no**"}[row.kept]
            lines.append(f"| {row.name} | {row.value} | {row.target} | {kept} |")
            say(lines[-1])
    if asked.out:
        asked.out.write_text("\n".join(lines) + "\n")


def say(*lines: str) -> None:
    """Write lines at once: a measurement takes long."""
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
