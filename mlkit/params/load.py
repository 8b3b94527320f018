"""From a file, a notebook's sections and ``--set`` to checked params."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlkit.params import yaml12
from mlkit.params.check import check
from mlkit.params.edit import leaves, merge, parse_override, plain, put
from mlkit.params.models import Params
from mlkit.params.problems import (
    MASK,
    NAMES_OF_SECRETS,
    ParamsError,
    Problem,
    dotted,
    nearest,
    shown,
)
from mlkit.params.yaml12 import KeyPath

FOLDER = "params"
SUFFIX = ".yaml"
SHOWN = 5
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def load_params(
    case: str,
    root: str | os.PathLike[str] | None = None,
    *,
    overrides: Sequence[str] = (),
    sections: Mapping[str, Any] = MappingProxyType({}),
) -> Params:
    """Read and check ``params/<case>.yaml``.

    Parameters
    ----------
    case
        The name of the case: the file's name without ``.yaml``.
    root
        The workspace; ``None`` finds it from ``MLKIT_ROOT`` or the working directory.
    overrides
        ``key=value`` each, the key as a dotted path, the value as YAML 1.2. They come
        last.
    sections
        Sections merged over the file's, groups key by key; ``None`` leaves the file's.

    Raises
    ------
    ParamsError
        When there is no such case, or with everything that is wrong with it.
    """
    draft = _from_file(case, _workspace(root) / FOLDER)
    for name, section in sections.items():
        if section is not None:
            draft.merge({name: plain(section)})
    for override in overrides:
        draft.override(override)
    params, problems = check(draft.data)
    named = draft.data.get("case") if isinstance(draft.data, Mapping) else None
    if isinstance(named, str) and named != case:
        rule = f"must be {case}, the name of the file"
        advice = "rename one of the two"
        problems.append(Problem(("case",), rule, shown(named), advice))
    located = [*draft.problems, *(draft.located(problem) for problem in problems)]
    if located or params is None:
        raise ParamsError(draft.origin, sorted(located, key=_line))
    return params


def cases(root: str | os.PathLike[str] | None = None) -> tuple[str, ...]:
    """Return the names of the cases of a workspace, sorted."""
    return _cases(_workspace(root) / FOLDER)


@dataclasses.dataclass
class _Draft:
    """Data on its way to params, with the place from which each key came."""

    origin: str
    data: Any
    where: dict[KeyPath, str]
    problems: list[Problem]

    def merge(self, sections: Mapping[str, Any]) -> None:
        self.data = merge(self.data, sections)
        for path in leaves(sections, ()):
            self.where[path] = "notebook parameters"

    def override(self, override: str) -> None:
        where = f"--set {override}"
        try:
            path, value = parse_override(override)
            if path in NAMES_OF_SECRETS:
                where = f"--set {dotted(path)}={MASK}"
            self.data = put(self.data, path, value)
        except (ValueError, IndexError) as error:
            self.problems.append(Problem((), str(error), where=where))
        else:
            below = [key for key in self.where if key[: len(path)] == path]
            self.where |= dict.fromkeys([path, *below], where)

    def located(self, problem: Problem) -> Problem:
        path = problem.path
        above = [path[:size] for size in range(len(path), 0, -1)]
        below = [key for key in self.where if path and key[: len(path)] == path]
        places = (self.where[key] for key in (*above, *below) if key in self.where)
        return dataclasses.replace(problem, where=next(places, ""))


def _from_file(case: str, folder: Path) -> _Draft:
    origin = f"{FOLDER}/{case}{SUFFIX}"
    document = _read(_file(case, folder), origin)
    where = {path: f"line {line}" for path, line in document.lines.items()}
    problems = [
        Problem(fault.path, fault.message, where=f"line {fault.line}")
        for fault in document.faults
    ]
    return _Draft(origin, document.data, where, problems)


def _line(problem: Problem) -> float:
    found = re.fullmatch(r"line (\d+)", problem.where)
    return int(found[1]) if found else float("inf")


def _workspace(root: str | os.PathLike[str] | None) -> Path:
    if root is not None:
        return Path(root)
    from mlkit.store import workspace_root

    return workspace_root()


def _cases(folder: Path) -> tuple[str, ...]:
    files = folder.glob(f"*{SUFFIX}") if folder.is_dir() else ()
    return tuple(sorted(file.name.removesuffix(SUFFIX) for file in files))


def _file(case: str, folder: Path) -> Path:
    known = _cases(folder)
    if case in known:
        return folder / f"{case}{SUFFIX}"
    stem = re.sub(r"\.ya?ml$", "", re.split(r"[\\/]", case)[-1])
    if not NAME.fullmatch(case) or stem != case:
        step = f"write {stem}" if stem in known else _known(stem, known)
        rule = f"is a name, not a path: {step}"
        raise ParamsError(f"case {case!r}", [Problem((), rule)])
    if (folder / f"{case}.yml").exists():
        rule = f"is in {case}.yml; rename that file {case}{SUFFIX}"
        raise ParamsError(f"case {case!r}", [Problem((), rule)])
    rule = (
        f"there is no {FOLDER}/{case}{SUFFIX} in {folder.parent}; {_known(case, known)}"
    )
    raise ParamsError(f"case {case!r}", [Problem((), rule)])


def _known(case: str, known: Sequence[str]) -> str:
    if not known:
        file = f"{FOLDER}/{case}{SUFFIX}"
        return f"there are no cases there: write {file}, or set MLKIT_ROOT"
    near = nearest(case, known)
    meant = f"did you mean {near}? " if near else ""
    named = ", ".join(known[:SHOWN])
    more = f" and {len(known) - SHOWN:,} more" if len(known) > SHOWN else ""
    return f"{meant}the cases there: {named}{more}"


def _read(file: Path, origin: str) -> yaml12.Document:
    try:
        text = file.read_bytes().decode("utf-8-sig")
        document = yaml12.parse(text)
    except OSError as error:
        problem = Problem((), f"cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = Problem(
            (), "is not UTF-8 text; save it as UTF-8", where=f"line {line}"
        )
    except yaml12.NotYaml as error:
        problem = Problem((), str(error), where=f"line {error.line}")
    else:
        if document.data is not None:
            return document
        rule = "is empty; it needs at least case, task, data.source and data.target"
        problem = Problem((), rule)
    raise ParamsError(origin, [problem])
