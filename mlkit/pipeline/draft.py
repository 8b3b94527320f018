"""One notebook run by hand: its results are a draft, and nothing is registered."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mlkit import store
from mlkit.pipeline import publish, runs
from mlkit.pipeline.checking import check_case, notebook_path
from mlkit.pipeline.execute import execute, step_facts
from mlkit.pipeline.record import code_state, who
from mlkit.pipeline.signatures import arguments


def run_draft(
    name: str,
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Run one notebook headless as a draft and write its HTML.

    Parameters
    ----------
    name : str
        The notebook's stem, such as ``train``.
    case : str
        Name of the case.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    say : callable
        Is given each line of progress.

    Returns
    -------
    Path
        The report, ``reports/<case>/draft/<name>.html``.

    Raises
    ------
    StepError
        If the notebook did not reach its end.
    """
    root = root or store.workspace_root()
    notebook = notebook_path(name, root)
    params = check_case(case, root=root, overrides=overrides)
    folder = runs.case_folder(case, root) / runs.DRAFT
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / f"{name}.ipynb"
    # What an earlier draft left must not be taken for this one's.
    for stale in (folder / f"{name}.json", folder / f"{name}.html"):
        stale.unlink(missing_ok=True)
    started = time.monotonic()
    execute(
        notebook,
        output,
        arguments(notebook, case, None, params.to_dict()),
        root=root,
        cell_timeout=params.pipeline.cell_timeout,
        deadline=started + params.pipeline.run_timeout,
    )
    seconds = time.monotonic() - started
    say(f"{name:<9} ok      {seconds:6.1f} s")
    step = {"name": name, "status": "ok", "seconds": round(seconds, 2)}
    facts = {
        "params": params.to_dict(),
        "git": code_state(root),
        "who": who(),
        "steps": [step | step_facts(folder, name)],
    }
    return publish.notebook_html(output, case, facts)
