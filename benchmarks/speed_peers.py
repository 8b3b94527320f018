"""The peers that speed is measured against: stock papermill, and one plain script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ("data", "train", "evaluate", "explain", "drift")
STOCK = Path(__file__).parent / ".stock"

PAPERMILL = """\
import sys
import papermill
case, *notebooks = sys.argv[1:]
for name in notebooks:
    papermill.execute_notebook(
        f"notebooks/{name}.ipynb",
        f"{name}-executed.ipynb",
        parameters={"case": case},
        kernel_name="python3",
        progress_bar=False,
    )
"""
# What a notebook hands to its runner, a script has nobody to hand to.
SCRIPT_HEAD = """\
import time
started = time.perf_counter()
import lime.lime_tabular, matplotlib.figure, matplotlib.backends.backend_svg, pandas
import duckdb, pyarrow.parquet, scipy.stats, shap, sklearn.ensemble, skops.io
import mlkit.report
mlkit.report.glue = lambda name, value: None
imported = time.perf_counter()
"""
SCRIPT_TAIL = 'print(imported - started, time.perf_counter() - imported, sep="\\n")\n'


def stock_python() -> Path:
    """Return the Python of an environment in which kernels are Jupyter's own.

    It has the packages of the lock file, mlkit among them; only the kernelspec that
    chooses warm kernels is missing. It is built at the first use.
    """
    python = STOCK / "bin" / "python"
    if not python.exists():
        uv = [sys.executable, "-m", "uv"]
        lock = str(PROJECT / "requirements.lock")
        into = ["--quiet", "--python", str(python)]
        project = ["--no-deps", "--no-build-isolation", "--editable", str(PROJECT)]
        _run([*uv, "venv", "--quiet", "--python", sys.executable, str(STOCK)])
        _run([*uv, "pip", "sync", *into, "--compile-bytecode", lock])
        _run([*uv, "pip", "install", *into, *project])
    return python


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)


def papermill_command(case: str) -> list[str]:
    """Return what runs the notebooks one after another with papermill alone."""
    return [str(stock_python()), "-c", PAPERMILL, case, *NOTEBOOKS]


def script_command(case: str, folder: Path) -> list[str]:
    """Write the cells of all notebooks as one script and return what runs it.

    The script prints two numbers: the seconds its imports took, and all the rest.
    """
    lines = [SCRIPT_HEAD]
    for name in NOTEBOOKS:
        notebook = json.loads((PROJECT / "notebooks" / f"{name}.ipynb").read_text())
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                lines.append("".join(cell["source"]))
                if "parameters" in cell["metadata"].get("tags", []):
                    lines.append(f"case = {case!r}")
    path = folder / "script.py"
    path.write_text("\n".join([*lines, SCRIPT_TAIL]))
    return [sys.executable, str(path)]
