"""A workspace whose notebooks do next to nothing: real kernels, runs and pages.

Each step writes one file that follows from its params and the data, and its result as
:func:`mlkit.pipeline.finish` does, without importing mlkit. There is no decision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from mlkit.params import load_params
from mlkit.pipeline.due import DueSteps, open_outlook
from mlkit.pipeline.graph import NOTEBOOKS
from mlkit.pipeline.jobs import work_through
from mlkit.pipeline.running import Ended, Runner, conduct
from tests.workspace import add_cell, make_workspace

SECTIONS = {
    "data": ("data",),
    "train": ("data", "train"),
    "evaluate": ("data", "evaluate"),
    "explain": ("data", "evaluate", "explain"),
    "drift": ("data", "evaluate", "drift"),
}
WORK = """\
import hashlib, json, os, pathlib, shutil

root = pathlib.Path(os.environ["MLKIT_ROOT"])
folder = root / "reports" / case / run
table = (root / "data" / "toy.csv").read_bytes()
fingerprint = hashlib.sha256(table).hexdigest()
shutil.rmtree(folder / NAME, ignore_errors=True)
(folder / NAME).mkdir()
threads = os.environ.get("OMP_NUM_THREADS")
made = json.dumps({"fingerprint": fingerprint, "given": GIVEN})
(folder / NAME / "made.json").write_text(made)
outputs = {NAME + "/made.json": hashlib.sha256(made.encode()).hexdigest()}
result = {
    "format": 1, "step": NAME, "fingerprint": fingerprint, "cutoff": None,
    "inputs": {"data": fingerprint}, "outputs": outputs,
    "results": {"threads": threads}, "peak_memory_mb": 1.0,
}
(folder / (NAME + ".json")).write_text(json.dumps(result))
"""


def make_light(root: Path) -> Path:
    """Make a workspace with the case ``toy`` and notebooks that do little."""
    make_workspace(root, rows=40)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    for name, sections in SECTIONS.items():
        declared = "".join(f"{section} = None\n" for section in sections)
        given = f"GIVEN = [{', '.join(sections)}]\nNAME = {name!r}\n"
        cells = [
            new_markdown_cell(f"# {name}"),
            new_code_cell(
                'case = "toy"\nrun = None\n' + declared,
                metadata={"tags": ["parameters"]},
            ),
            new_code_cell(given + WORK),
        ]
        document = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(document, root / "notebooks" / f"{name}.ipynb")
    return root


def break_step(root: Path, name: str, source: str = "raise ValueError('bad')") -> str:
    """Let a step fail; return what its notebook was."""
    path = root / "notebooks" / f"{name}.ipynb"
    whole = path.read_text()
    add_cell(root, name, source)
    return whole


def run_steps(
    root: Path,
    *overrides: str,
    jobs: int = 1,
    force: bool = False,
    resume: str | None = None,
    said: list[str] | None = None,
    names: Sequence[str] = NOTEBOOKS,
    then: Callable[[DueSteps], None] = lambda steps: None,
) -> Ended:
    """Do the steps of a retrain, and what comes then, in a run without a decision."""
    params = load_params("toy", root, overrides=overrides)
    lines = [] if said is None else said

    def work(runner: Runner) -> None:
        run = runner.record.folder.run
        outlook = open_outlook(params, root, but=run, force=force, resume=resume)
        steps = DueSteps(runner, outlook)
        work_through(names, steps, after=outlook.after(), jobs=jobs)
        then(steps)

    return conduct(
        params,
        root,
        work,
        kind="retrain",
        wait=False,
        say=lines.append,
        progress_bar=False,
        resumed=resume,
    )


def taken(ended: Ended) -> list[str]:
    """Return the steps that a run took from earlier ones."""
    return [step["name"] for step in ended.record["steps"] if step["taken"]]


def why(ended: Ended, name: str) -> list[str]:
    """Return why a step of a run ran, or could be taken."""
    (step,) = [s for s in ended.record["steps"] if s["name"] == name]
    found: list[str] = step["why"]
    return found


def entries(ended: Ended) -> dict[str, Any]:
    """Return the steps of a run by name."""
    return {step["name"]: step for step in ended.record["steps"]}
