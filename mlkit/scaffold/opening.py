"""From a path to a table: read as a case reads it, with the keys that say how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from mlkit import sources
from mlkit.data.wording import counted, nearest
from mlkit.params import params_from_dict
from mlkit.scaffold.findings import Finding, ScaffoldError

MADE = ("sklearn:", "synthetic:")
WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
VIEW = "rows"
LAST = "last"
MOST_ROWS = 1_000_000
LISTED = 40


@dataclass(frozen=True, eq=False)
class Opened:
    """A table, and what a params file must say so that it is read like this.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        All rows, or 1,000,000 of them, evenly spread, of a larger table.
    test : DataFrame or None
        Rows of the test file.
    keys : mapping
        Keys of ``data`` that name and describe the source.
    rows : int
        How many rows the table has.
    about : str
        One sentence about the file.
    """

    frame: pd.DataFrame = field(repr=False)
    test: pd.DataFrame | None = field(repr=False)
    keys: Mapping[str, Any]
    target: str
    rows: int
    about: str
    findings: tuple[Finding, ...] = ()


def open_table(data: str, target: str, *, test: str | None, root: Path) -> Opened:
    """Return the table of a file, with its target found.

    Raises
    ------
    ScaffoldError
        The target is not a column, or the file's address holds a password.
    SourceError
        The file cannot be read as a table.
    """
    source = portable(data, root)
    if source.startswith(MADE):
        keys: dict[str, Any] = {"source": source}
        names: list[str] | None = None
        findings: list[Finding] = []
        about, header = source, True
    else:
        # A number or `last` may as well be a value of the first line.
        name = None if target.isdecimal() or target == LAST else target
        look = sources.look(source, root, target=name)
        keys, findings = _keys(source, look)
        about, names, header = _about(source, look), list(look.names), look.header
    if test is not None:
        if "query" in keys:
            raise ScaffoldError(
                f"{data}: a table with a test file must use each column name once, and "
                f"it uses {_listed(look.repeated)} more than once. Rename them in both "
                "files"
            )
        keys["test"] = portable(test, root)
    if names is None:
        names = [str(name) for name in _read(keys, target, root).frame.columns]
    found = find_target(target, names, where=data, header=header)
    return reread(
        Opened(pd.DataFrame(), None, keys, found, 0, about, tuple(findings)), keys, root
    )


def reread(opened: Opened, keys: Mapping[str, Any], root: Path) -> Opened:
    """Return the table read anew with other keys."""
    raw = _read(keys, opened.target, root)
    frame, rows = raw.frame, len(raw.frame)
    findings = list(opened.findings)
    if rows > MOST_ROWS:
        frame = frame.iloc[np.linspace(0, rows - 1, MOST_ROWS).astype(np.int64)]
        why = f"decided by {MOST_ROWS:,} of its {rows:,} rows, evenly spread"
        findings.append(Finding("data", None, why))
    return replace(
        opened,
        frame=frame.reset_index(drop=True),
        test=raw.test,
        keys=keys,
        rows=rows,
        findings=tuple(dict.fromkeys(findings)),
    )


def _read(keys: Mapping[str, Any], target: str, root: Path) -> sources.Raw:
    case = {"case": "new", "task": "regression", "data": {**keys, "target": target}}
    return sources.read(params_from_dict(case), root=root)


def _keys(source: str, look: sources.FileLook) -> tuple[dict[str, Any], list[Finding]]:
    if look.repeated:
        why = (
            f"the file uses {_listed(look.repeated)} more than once, and a query tells "
            "such columns apart by a number behind the name"
        )
        keys: dict[str, Any] = {"query": f"SELECT * FROM {VIEW}"}
        return keys | {"files": {VIEW: source}}, [Finding("data.query", None, why)]
    findings = []
    if not look.header:
        why = (
            "the first line holds values, so the file names no columns; give them "
            "names of your own"
        )
        findings = [Finding("data.header", None, why)]
    return {"source": source, **look.settings}, findings


def _about(source: str, look: sources.FileLook) -> str:
    shape = f"{counted(look.rows, 'row')}, {counted(len(look.names), 'column')}"
    if look.separator is None:
        return f"{source} (Parquet, {shape})"
    return f"{source} ({look.encoding}, {WORDS[look.separator]} between cells, {shape})"


def portable(data: str, root: Path) -> str:
    """Return a path as the params file says it: from the workspace where it lies there.

    A relative path that leads nowhere from the workspace but somewhere from the working
    directory becomes absolute.
    """
    if data.startswith(MADE):
        return data
    if "://" in data:
        if "@" in urlsplit(data).netloc:
            bare = re.sub(r"(?<=://)[^/@\s]*@", "…@", data)
            raise ScaffoldError(
                f"{bare}: an address with a password must not stand in a params file. "
                "Give the address without it, and the password to fsspec's own settings"
            )
        return data
    path = Path(data).expanduser()
    if not path.is_absolute():
        if (root / path).exists() or not path.exists():
            return data if path == Path(data) else str(path)
        path = path.absolute()
    inside = path.is_relative_to(root)
    return path.relative_to(root).as_posix() if inside else str(path)


def find_target(target: str, names: list[str], *, where: str, header: bool) -> str:
    """Return the column that is meant by a name, a number or ``last``.

    Raises
    ------
    ScaffoldError
        There is none: the nearest name and the names there are stand in the message.
    """
    if target in names:
        return target
    if not header:
        if target == LAST:
            return names[-1]
        if target.isdecimal() and 1 <= int(target) <= len(names):
            return names[int(target) - 1]
    near = nearest(target, names)
    meant = f" Did you mean {near!r}?" if near else ""
    forms = ""
    if not header:
        forms = (
            f" The file names no columns: give a number from 1 to {len(names)}, or "
            "last, or one of these names."
        )
    raise ScaffoldError(
        f"the target must be a column of {where}, and {target!r} is none.{meant}"
        f"{forms} The columns are: {_listed(names)}"
    )


def _listed(names: Iterable[str]) -> str:
    every = [repr(name) for name in names]
    more = f" and {len(every) - LISTED:,} more" if len(every) > LISTED else ""
    return ", ".join(every[:LISTED]) + more
