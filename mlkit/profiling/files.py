"""Files of a table: which there are in a folder, and what their folders' names say."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import fsspec

from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place, find_place, measure

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def find_files(paths: Paths, root: Path | None, suffix: str) -> list[Place]:
    """Return the files of a table, in the order of their names within a folder.

    Parameters
    ----------
    paths : path, URI or sequence of them
        Files, or folders, of which all files that end in `suffix` are meant, however
        deep. Names that begin with a dot or an underscore are left out.
    root : Path or None
        Where relative paths start; None takes the workspace root.
    suffix : str
        Such as ``.parquet``.

    Raises
    ------
    SourceError
        A file is not there or empty, or a folder holds none.
    """
    asked = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    files = []
    for each in asked:
        place = find_place(os.fspath(each), root)
        found = _within(place, suffix)
        files += [place] if found is None else found
    if not files:
        raise SourceError("a profile needs at least one file, got no path; name them")
    for place in files:
        measure(place)
    return files


def _within(folder: Place, suffix: str) -> list[Place] | None:
    """Return the files of a folder; None where it is none."""
    if folder.is_local:
        if not os.path.isdir(folder.uri):
            return None
        within = [
            path.relative_to(folder.uri).as_posix()
            for path in Path(folder.uri).rglob(f"*{suffix}")
            if path.is_file()
        ]
    else:
        system, path = fsspec.core.url_to_fs(folder.uri)
        if not system.isdir(path):
            return None
        names = [str(name) for name in system.find(path) if name.endswith(suffix)]
        within = [os.path.relpath(name, path) for name in names]
    kept = sorted(name for name in within if not _is_hidden(name))
    if not kept:
        raise SourceError(
            f"{folder}: the folder holds no file that ends in {suffix}. Check the path"
        )
    return [
        Place(f"{folder.asked.rstrip('/')}/{name}", f"{folder.uri.rstrip('/')}/{name}")
        for name in kept
    ]


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(name).parts)


def said(place: Place) -> dict[str, str]:
    """Return the columns that folders are named after, such as ``day=2024-01-01``.

    Hive's way: each is one text for all rows of the file.
    """
    folders = PurePosixPath(place.uri).parts[:-1]
    pairs = (folder.split("=", 1) for folder in folders if "=" in folder)
    return {unquote(name): unquote(value) for name, value in pairs if name}
