"""The folder in which clients and parents meet, private to the user."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

# What the system allows for the path of a socket, less what ZMQ and names add.
LONGEST = 70


class ColdError(RuntimeError):
    """No warm kernel can be had; the text says why."""


def folder(env: Mapping[str, str]) -> Path:
    """Return the user's folder for sockets, made and checked.

    Parameters
    ----------
    env : mapping
        The environment of the kernel. ``MLKIT_KERNEL_FOLDER`` names the folder, else it
        is in ``XDG_RUNTIME_DIR``, else in the folder for temporary files.

    Raises
    ------
    ColdError
        If the folder is not the user's own or others may look into it.
    """
    path = _named(env)
    if len(os.fsencode(path)) > LONGEST:
        raise ColdError(
            f"a socket's folder may have a path of {LONGEST} bytes, and {path} is "
            "longer; set MLKIT_KERNEL_FOLDER to a shorter one"
        )
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise ColdError(
            f"the folder for sockets cannot be made: {path}: {error.strerror}; set "
            "MLKIT_KERNEL_FOLDER to one that can"
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ColdError(
            f"the folder for sockets must be the user's own, and {path} is not; remove "
            "it, or set MLKIT_KERNEL_FOLDER to another"
        )
    if found.st_mode & 0o077:
        raise ColdError(
            f"the folder for sockets must be closed to others, and {path} has mode "
            f"{stat.S_IMODE(found.st_mode):o}; run `chmod 700 {path}`"
        )
    return path


def _named(env: Mapping[str, str]) -> Path:
    named = env.get("MLKIT_KERNEL_FOLDER")
    if named:
        return Path(named).absolute()
    runtime = env.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir() and Path(runtime).is_absolute():
        return Path(runtime) / "mlkit"
    temporary = env.get("TMPDIR") or tempfile.gettempdir()
    return Path(temporary).absolute() / f"mlkit-{os.geteuid()}"
