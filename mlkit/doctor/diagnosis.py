"""All checks of the doctor, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from mlkit import store
from mlkit.doctor import jupyter, machine, packages, workspace
from mlkit.doctor.finding import Finding

ANYWHERE: tuple[Callable[[], Iterable[Finding]], ...] = (
    packages.check_python,
    packages.check_packages,
    packages.check_lock,
    packages.check_boosting,
    packages.check_nbconvert,
    packages.check_scrapbook,
    packages.check_variables,
    jupyter.check_kernel,
    jupyter.check_warm,
    jupyter.check_startup,
    machine.check_memory,
    machine.check_processors,
    machine.check_encoding,
    machine.check_time_zone,
)
IN_WORKSPACE: tuple[Callable[[Path], Iterable[Finding]], ...] = (
    workspace.check_variable,
    workspace.check_folders,
    workspace.check_code,
    workspace.check_writing,
    workspace.check_disk,
    workspace.check_git,
)


def diagnose(root: str | os.PathLike[str] | None = None) -> tuple[Finding, ...]:
    """Look at the environment and the workspace.

    Parameters
    ----------
    root
        The workspace; ``None`` finds it as every command does.
    """
    findings = [found for check in ANYWHERE for found in _run(check)]
    try:
        place = store.workspace_root() if root is None else Path(root)
    except FileNotFoundError as error:
        advice = "change into a folder that holds params/ and notebooks/"
        return (*findings, Finding("workspace", "missing", str(error), advice))
    for check in IN_WORKSPACE:
        findings += _run(check, place)
    return tuple(findings)


def _run(check: Callable[..., Iterable[Finding]], *place: Path) -> Iterator[Finding]:
    # One check that stumbles must not hide what the others find.
    try:
        yield from check(*place)
    except Exception as error:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        found = f"could not be checked: {type(error).__name__}: {error}"
        yield Finding(name, "warning", found, "repair that first, then look again")
