"""Which names of models, files and versions are safe on every file system."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from semver import Version as SemVer

from mlkit.registry.errors import RegistryError

ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
DEVICES = {"con", "prn", "aux", "nul"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in range(10)
}
LONGEST_VERSION = 64


def check_name(name: str, what: str) -> str:
    """Return `name` when it can name a file everywhere.

    Parameters
    ----------
    name : str
        The name to check.
    what : str
        What it names, for the message: ``a model's name``.

    Raises
    ------
    RegistryError
        When a rule is broken; the message says which.
    """
    broken = None
    if not isinstance(name, str) or not ALLOWED.fullmatch(name):
        broken = (
            "1 to 128 letters, digits, dots, underscores and hyphens (A-Z a-z 0-9 . _ "
            "-), beginning with a letter or a digit"
        )
    elif ".." in name or name.endswith("."):
        broken = "no two dots in a row and no dot at the end"
    elif name.split(".", 1)[0].lower() in DEVICES:
        broken = "not one of the device names of Windows (CON, NUL, COM1, ...)"
    if broken:
        raise RegistryError(f"{what} must be: {broken}; got {name!r}; choose another")
    return name


def model_folder(model: str, root: Path) -> Path:
    """Return the folder of a model, which need not exist yet.

    Raises
    ------
    RegistryError
        When the name is not allowed, differs from an existing model only in upper and
        lower case, or its folder is a symbolic link.
    """
    check_name(model, "a model's name")
    for other in models(root):
        if other != model and other.lower() == model.lower():
            raise RegistryError(
                f"model {model!r} differs from the existing model {other!r} only in "
                "upper and lower case, which some file systems cannot tell apart; use "
                "the existing name or another one"
            )
    folder = root / "registry" / model
    for path in (folder, *(folder / part for part in ("blobs", "log", "versions"))):
        if path.is_symlink():
            raise RegistryError(
                f"{path} is a symbolic link, and a model's folder must be a real one; "
                "link the whole registry/ folder instead, or move the files"
            )
    return folder


def models(root: Path) -> tuple[str, ...]:
    """Return the names of the models that have a folder in the registry, sorted."""
    try:
        with os.scandir(root / "registry") as entries:
            found = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return ()
    return tuple(sorted(name for name in found if ALLOWED.fullmatch(name)))


def parse_version(text: str) -> SemVer:
    """Return a semantic version; a leading ``v`` is dropped.

    Raises
    ------
    RegistryError
        When it is not one, is very long, or carries build metadata, which does not
        count when versions are compared.

    Examples
    --------
    >>> str(parse_version("v1.2.0"))
    '1.2.0'
    """
    try:
        version = SemVer.parse(text.removeprefix("v"))
    except (ValueError, TypeError, AttributeError) as error:
        raise RegistryError(
            f"a version must be semantic, three numbers such as 1.2.0 (or v1.2.0, "
            f"1.2.0-rc.1), got {text!r}; see semver.org"
        ) from error
    if version.build is not None or len(text) > LONGEST_VERSION:
        raise RegistryError(
            f"a version must carry no build metadata (+...) and have at most "
            f"{LONGEST_VERSION} characters, got {text!r}; shorten it"
        )
    return version


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message: the known names closest to `word`, or a few."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=3, cutoff=0.5)
    if close:
        return "; nearest: " + ", ".join(close)
    if not names:
        return ""
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return "; there are: " + ", ".join(names[-8:]) + more
