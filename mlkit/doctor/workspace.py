"""The workspace: its folders, whether they can be written, its code and its history."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mlkit import store
from mlkit.doctor.finding import Finding
from mlkit.doctor.packages import PROJECT

NOTEBOOKS = ("data", "train", "evaluate", "explain", "drift")
WRITTEN = ("reports", "registry")
LITTLE_DISK = 2 * 2**30
NO_DISK = 200 * 2**20


def check_variable(root: Path) -> Iterator[Finding]:
    """Look whether MLKIT_ROOT leads somewhere else than the working directory."""
    named = os.getenv("MLKIT_ROOT")
    if not named:
        yield Finding("MLKIT_ROOT", "ok", "not set")
        return
    here = Path.cwd()
    nearest = next((p for p in (here, *here.parents) if _is_workspace(p)), None)
    if not Path(named).expanduser().is_absolute():
        found = f"{named} is relative: another working directory, another workspace"
        advice = f"set it to {root}"
        yield Finding("MLKIT_ROOT", "warning", found, advice)
    elif nearest is not None and nearest.resolve() != root.resolve():
        found = f"{named}, although the working directory is in {nearest}"
        advice = "unset it to use the workspace you are in"
        yield Finding("MLKIT_ROOT", "warning", found, advice)
    else:
        yield Finding("MLKIT_ROOT", "ok", named)


def check_folders(root: Path) -> Iterator[Finding]:
    """Look for params and notebooks."""
    cases = sorted(file.stem for file in root.glob("params/*.yaml"))
    absent = [
        f"notebooks/{name}.ipynb"
        for name in NOTEBOOKS
        if not (root / "notebooks" / f"{name}.ipynb").is_file()
    ]
    if cases:
        yield Finding("params", "ok", f"{root / 'params'}: {', '.join(cases)}")
    else:
        advice = "write params/<case>.yaml, or set MLKIT_ROOT to another workspace"
        found = f"no case in {root / 'params'}"
        yield Finding("params", "missing", found, advice)
    if absent:
        advice = "bring them back: git checkout -- notebooks"
        found = f"no {', '.join(absent)} in {root}"
        yield Finding("notebooks", "missing", found, advice)
    else:
        yield Finding("notebooks", "ok", ", ".join(NOTEBOOKS))


def check_code(root: Path) -> Iterator[Finding]:
    """Look whether the workspace's own mlkit is the one that is imported."""
    own = root / "mlkit"
    if own.is_dir() and own.resolve() != PROJECT / "mlkit":
        found = f"imported from {PROJECT}, although {root} has its own"
        advice = "use that one's environment: make setup, then .venv/bin/mlkit"
        yield Finding("mlkit", "warning", found, advice)
    else:
        yield Finding("mlkit", "ok", f"imported from {PROJECT}")


def check_writing(root: Path) -> Iterator[Finding]:
    """Write, link and remove a small file where runs and versions go."""
    for name in WRITTEN:
        folder = root / name
        place = folder if os.path.lexists(folder) else root
        probe = place / f".mlkit-doctor-{secrets.token_hex(8)}"
        try:
            first = store.create_if_absent(probe, b"")
            again = store.create_if_absent(probe, b"")
            linked = _can_link(probe)
        except OSError as error:
            advice = f"make {place} a folder that you may write"
            yield Finding(name, "missing", f"cannot be written: {error}", advice)
            continue
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()
        if not first or again:
            found = f"{place}: a file that was there could be created once more"
            advice = "move the workspace to another file system: versions would be lost"
            yield Finding(name, "missing", found, advice)
        elif not linked:
            found = f"{place} can be written, but has no hard links"
            advice = "write from one machine at a time, or use another file system"
            yield Finding(name, "warning", found, advice)
        else:
            yield Finding(name, "ok", f"{folder} can be written")


def check_disk(root: Path) -> Iterator[Finding]:
    """Compare the free disk space with what some runs take."""
    free = shutil.disk_usage(root).free
    found = f"{free / 2**30:.1f} GB free"
    advice = (
        "free some, or move reports/ elsewhere; a run keeps its notebooks and models"
    )
    if free < NO_DISK:
        yield Finding("disk", "missing", found, advice)
    elif free < LITTLE_DISK:
        yield Finding("disk", "warning", found, advice)
    else:
        yield Finding("disk", "ok", found)


def check_git(root: Path) -> Iterator[Finding]:
    """Look whether runs can record the commit of the code."""
    name, advice = "git", "without it, runs do not say which commit they ran"
    if shutil.which("git") is None:
        yield Finding(name, "warning", "not installed", f"install git; {advice}")
        return
    done = subprocess.run(
        ["git", "-C", str(root), "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        found = " ".join(done.stderr.split()) or "no commit"
        yield Finding(name, "warning", found, f"git init, then commit; {advice}")
    else:
        yield Finding(name, "ok", f"commit {done.stdout.strip()}")


def _is_workspace(folder: Path) -> bool:
    return (folder / "params").is_dir() and (folder / "notebooks").is_dir()


def _can_link(file: Path) -> bool:
    twin = file.with_name(f"{file.name}.link")
    try:
        os.link(file, twin)
    except OSError:
        return False
    twin.unlink()
    return True
