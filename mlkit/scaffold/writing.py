"""One call from a table to a params file that a retrain accepts."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlkit import store
from mlkit.data.inference import infer_columns
from mlkit.data.markup import table
from mlkit.params import Params, load_params, params_from_dict, yaml12
from mlkit.params.load import FOLDER, NAME, SUFFIX
from mlkit.scaffold.case_text import Decided, case_text
from mlkit.scaffold.columns import decide_columns
from mlkit.scaffold.findings import Finding, ScaffoldError
from mlkit.scaffold.gaps import declared, find_gaps
from mlkit.scaffold.moments import decide_moment
from mlkit.scaffold.opening import Opened, open_table, reread
from mlkit.scaffold.rehearsal import rehearse
from mlkit.scaffold.tasks import Target, decide_target

FEWEST_ROWS = 40
FEW_ROWS = 150
TRAINED_SHARE = 0.6


@dataclass(frozen=True)
class Scaffolded:
    """A case that was drawn up from a table.

    Attributes
    ----------
    case : str
        Its name.
    path : Path
        The params file, written or not.
    text : str
        What stands in it.
    params : Params
        The same, checked.
    findings : tuple of Finding
        What was decided and why, in the order of the file.
    """

    case: str
    path: Path
    text: str = field(repr=False)
    params: Params = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the case and the findings as plain JSON data."""
        return {
            "case": self.case,
            "path": str(self.path),
            "text": self.text,
            "params": self.params.to_dict(),
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def _repr_html_(self) -> str:
        rows = [(found.key, found.column, found.why) for found in self.findings]
        return table(
            f"Decided for {html.escape(self.case)}", ["key", "column", "why"], rows
        )


def scaffold(
    case: str,
    data: str,
    target: str,
    *,
    test: str | None = None,
    root: Path | None = None,
) -> Scaffolded:
    """Return the params file of a case for a table that nobody has described yet.

    Nothing is written. The data step is rehearsed on the table, so that what is
    returned is what a retrain accepts.

    Parameters
    ----------
    case : str
        The name that the case will have.
    data : str
        A CSV, TSV or Parquet file (path or URI), or ``sklearn:<name>``.
    target : str
        The column to predict; of a file without names a number from 1, or ``last``.
    test : str, optional
        A file of its own with the test rows.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    ScaffoldError
        The name or the target cannot be used, or no model can be learnt from the table.
    SourceError
        A file cannot be read as a table.
    """
    root = root or store.workspace_root()
    _require_name(case)
    opened, gaps = _with_gaps(open_table(data, target, test=test, root=root), root)
    _require_rows(len(opened.frame), "", data)
    found = decide_target(opened.frame[opened.target], where=data)
    _require_rows(len(opened.frame) - found.missing, " with a target", data)
    decided = _decide(case, opened, found, gaps)
    decided, _ = rehearse(decided, opened.frame, opened.test)
    text = case_text(decided)
    params = params_from_dict(yaml12.parse(text).data)
    if params.to_dict() != params_from_dict(decided.to_params()).to_dict():
        raise AssertionError("the text says something else than was decided")
    path = root / FOLDER / f"{case}{SUFFIX}"
    return Scaffolded(case, path, text, params, tuple(decided.findings()))


def write_case(
    case: str,
    data: str,
    target: str,
    *,
    test: str | None = None,
    root: Path | None = None,
    force: bool = False,
) -> Scaffolded:
    """Write ``params/<case>.yaml`` for a table, and return what was decided.

    Parameters
    ----------
    case, data, target, test, root
        As in :func:`scaffold`.
    force : bool
        Whether a file that is there is replaced.

    Raises
    ------
    ScaffoldError
        There is such a file already, or as :func:`scaffold` says. Nothing is written.
    """
    root = root or store.workspace_root()
    _require_name(case)
    path = root / FOLDER / f"{case}{SUFFIX}"
    if path.exists() and not force:
        raise _taken(case, path)
    made = scaffold(case, data, target, test=test, root=root)
    if force:
        store.write_atomic(path, made.text)
    elif not store.create_if_absent(path, made.text.encode()):
        raise _taken(case, path)
    load_params(case, root)
    return made


def _require_name(case: str) -> None:
    if not NAME.fullmatch(case) or case.endswith(SUFFIX):
        raise ScaffoldError(
            f"a case must have a name of letters, digits, dots, dashes and underscores "
            f"that starts with a letter or a digit, without {SUFFIX}; got {case!r}. "
            "Choose another, such as churn"
        )


def _taken(case: str, path: Path) -> ScaffoldError:
    return ScaffoldError(
        f"{FOLDER}/{path.name} is there already, and a params file is not overwritten "
        f"unasked. Choose another name than {case!r}, or add --force"
    )


def _with_gaps(opened: Opened, root: Path) -> tuple[Opened, tuple[Finding, ...]]:
    gaps = find_gaps(opened.frame)
    if not gaps:
        return opened, ()
    keys = {**opened.keys, "missing": declared(gaps)}
    said = "; ".join(f"{gap.marker!r} in {gap.column!r}: {gap.why}" for gap in gaps)
    found = (Finding("data.missing", None, f"the usual ones and {said}"),)
    return reread(opened, keys, root), found


def _require_rows(rows: int, which: str, data: str) -> None:
    if rows < FEWEST_ROWS:
        there = "is only 1" if rows == 1 else f"are {rows}"
        raise ScaffoldError(
            f"{data}: at least {FEWEST_ROWS} rows{which} are needed to learn and to "
            f"test, and there {there}. Gather more rows"
        )


def _decide(
    case: str, opened: Opened, target: Target, gaps: tuple[Finding, ...]
) -> Decided:
    draft = {
        "case": case,
        "task": target.task,
        "data": {**opened.keys, "target": target.name},
    }
    params = params_from_dict(draft)
    inferred, _ = infer_columns(opened.frame, params)
    features = [column for column in inferred if column.role != "target"]
    columns = decide_columns(opened.frame, features, header=params.data.header)
    decided = columns.ignored | {finding.column for finding, _ in columns.kinds}
    dates = [
        column
        for column in features
        if column.kind == "date" and column.name not in decided
    ]
    labels = None if target.task == "regression" else _kept(target)
    rows = len(opened.frame) - target.missing
    small = opened.test is None and rows < FEW_ROWS
    return Decided(
        case=case,
        about=opened.about,
        keys=opened.keys,
        opened=(*opened.findings, *gaps),
        target=target,
        columns=columns,
        moment=decide_moment(opened.frame, dates, labels),
        min_rows=max(10, int(rows * TRAINED_SHARE)) if small else None,
    )


def _kept(target: Target) -> pd.Series:
    """Return the labels of the target without those that are left out."""
    assert target.labels is not None, "a decided target has labels"
    counts = target.labels.value_counts()
    rare = counts.index[counts < target.min_class_rows]
    return target.labels.mask(target.labels.isin(rare))
