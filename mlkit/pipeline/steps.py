"""What a notebook is given when it starts, and what it leaves behind when it ends."""

from __future__ import annotations

import html
import resource
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlkit import data as data_room
from mlkit import params as params_room
from mlkit import report, sources, store
from mlkit.data import Dataset
from mlkit.params import Params
from mlkit.params.edit import merge
from mlkit.pipeline import runs
from mlkit.pipeline.cutoff import cutoff_floor
from mlkit.report import Fold

RESULT_FORMAT = 1


class StaleError(RuntimeError):
    """What an earlier step left does not fit what this step reads."""


@dataclass(frozen=True)
class Step:
    """One notebook at work for a case.

    Attributes
    ----------
    name : str
        The notebook's stem, such as ``train``.
    params : Params
        The params it works with, checked as a whole.
    run : str or None
        Name of the run; None is a draft, made by hand in JupyterLab.
    folder : Path
        Folder of the run, or the case's draft folder.
    root : Path
        The workspace.
    """

    name: str
    params: Params
    run: str | None
    folder: Path
    root: Path

    @property
    def files(self) -> Path:
        """Folder for the files that this step makes."""
        return self.folder / self.name

    def __repr__(self) -> str:
        # A record's own would print every param and where the workspace lies.
        return f"Step({self.name!r}, {self.params.case!r}, {self.run or 'draft'})"

    def _repr_html_(self) -> str:
        where = self.folder.relative_to(self.root)
        current = self.params.drift.current if self.name == "drift" else None
        rows = {
            "Case": self.params.case,
            "Task": f"{self.params.task}: predict {self.params.data.target}",
            "Data": self.params.data.source or "a query",
            **({"Current rows": current} if current is not None else {}),
            "Run": self.run or "draft (made by hand, never registered)",
            "Writes to": str(where),
        }
        cells = "".join(
            f'<tr><th scope="row">{name}</th><td>{html.escape(value)}</td></tr>'
            for name, value in rows.items()
        )
        return f'<table class="facts"><tbody>{cells}</tbody></table>'


def open_step(
    name: str,
    case: str,
    run: str | None = None,
    **sections: Mapping[str, Any] | None,
) -> Step:
    """Check a notebook's parameters and say where its results go.

    Parameters
    ----------
    name : str
        The notebook's stem, such as ``train``.
    case : str
        Name of the case, a file ``params/<case>.yaml``.
    run : str, optional
        Name of the run, given by the runner. None is a draft.
    **sections : mapping or None
        Sections of the params; None takes that of the params file, and the keys of a
        mapping replace those of the params file.

    Returns
    -------
    Step
        The checked params and the folder to write to.

    Raises
    ------
    ParamsError
        If a key or a value is wrong.
    FileNotFoundError
        If the run is not there.
    StaleError
        If the run has ended.
    """
    root = store.workspace_root()
    if run is None:
        folder = runs.case_folder(case, root) / runs.DRAFT
        params = params_room.load_params(case, root, sections=sections)
    else:
        opened = runs.open_run(case, run, root)
        folder = opened.path
        # The run's own record: the params file may change while the run is under way.
        record = store.read_json(opened.record)
        if record["status"] != "running":
            raise StaleError(
                f"run {run} of case {case!r} has ended ({record['status']}), and a run "
                "that has ended is not changed; set `run = None` to make a draft"
            )
        given = {key: value for key, value in sections.items() if value is not None}
        params = params_room.params_from_dict(merge(record["params"], given))
    return Step(name, params, run, folder, root)


def load_dataset(step: Step) -> Dataset:
    """Read, check and split the case's data.

    Raises
    ------
    SourceError
        If the source can not be read.
    DataError
        If the data can not be trained on; all reasons are listed.
    StaleError
        If the data changed since the run's `data` step.
    """
    raw = sources.read(step.params, root=step.root)
    floor = cutoff_floor(step.params, step.root)
    dataset = data_room.prepare(
        raw.frame, step.params, test=raw.test, cutoff_floor=floor
    )
    seen = step.folder / "data.json"
    if step.run is not None and step.name != "data" and seen.exists():
        before = store.read_json(seen)["fingerprint"]
        if before != dataset.fingerprint:
            raise StaleError(
                f"the data of case {step.params.case!r} changed during run {step.run}: "
                f"the fingerprint was {before[:12]} in the data step and is "
                f"{dataset.fingerprint[:12]} now; start the run again when the data "
                "stand"
            )
    return dataset


def reset(step: Step) -> None:
    """Forget what the step made before: its record first, then its files."""
    (step.folder / f"{step.name}.json").unlink(missing_ok=True)
    shutil.rmtree(step.files, ignore_errors=True)


class Fingerprinted(Protocol):
    """Data that are known by a fingerprint of their content."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint."""

    @property
    def cutoff(self) -> str | None:
        """The day from which on rows are test rows, where they are split by time."""


def finish(
    step: Step,
    dataset: Fingerprinted,
    *,
    inputs: Mapping[str, str] | None = None,
    results: Mapping[str, Any] | None = None,
) -> Fold | None:
    """Record that a step reached its end, with the hash of every file it made.

    Parameters
    ----------
    step : Step
        The step.
    dataset : Dataset, or another record with a fingerprint and a cutoff
        The data it worked on.
    inputs : mapping, optional
        Files it read from earlier steps: name to SHA-256.
    results : mapping, optional
        Its return value beyond the scraps, plain JSON data.

    Returns
    -------
    Fold or None
        The files it made and their hashes, to be shown; None where it made none.
    """
    outputs = {
        f"{step.name}/{path.name}": store.sha256_file(path)
        for path in sorted(step.files.glob("*"))
        if not path.name.startswith(".")
    }
    store.write_json(
        step.folder / f"{step.name}.json",
        {
            "format": RESULT_FORMAT,
            "step": step.name,
            "fingerprint": dataset.fingerprint,
            "cutoff": dataset.cutoff,
            "inputs": {"data": dataset.fingerprint, **(inputs or {})},
            "outputs": outputs,
            "results": dict(results or {}),
            "peak_memory_mb": _peak_memory_mb(),
        },
    )
    rows = [{"file": name, "sha256": digest} for name, digest in outputs.items()]
    if not rows:
        return None
    return Fold("Files of this step", report.table(rows, caption="Files of this step"))


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kilobytes, macOS bytes.
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)
