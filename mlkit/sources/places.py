"""Where a file is: found, measured and named in messages without its passwords."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import fsspec

from mlkit import store
from mlkit.data.wording import counted, nearest
from mlkit.sources.errors import SourceError

# What fsspec needs for addresses it knows, and mlkit does without.
PACKAGES = {
    **dict.fromkeys(["http", "https"], "aiohttp requests"),
    **dict.fromkeys(["s3", "s3a"], "s3fs"),
    **dict.fromkeys(["gs", "gcs"], "gcsfs"),
    **dict.fromkeys(["abfs", "abfss", "az"], "adlfs"),
}
_SECRET = re.compile(r"(?<=://)[^/@\s]*@")
_ROW = re.compile(r"(Expected \d+ columns, got \d+):.*")
_SIGNATURE = re.compile(r"\?.*$")


@dataclass(frozen=True)
class Place:
    """A file as it was asked for, and its absolute path or URI."""

    asked: str
    uri: str

    def __str__(self) -> str:
        return _SIGNATURE.sub("?…", _SECRET.sub("…@", self.asked))

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine and not a URI."""
        return "://" not in self.uri


def find_place(asked: str, root: Path | None) -> Place:
    """Return where a path or URI points; a relative path starts at `root`."""
    return Place(asked, store.resolve(asked, root))


def measure(place: Place) -> int:
    """Return the size of a file in bytes.

    Raises
    ------
    SourceError
        There is no such file, it is a folder, it is empty, or its address cannot be
        reached.
    """
    system, path = _filesystem(place)
    try:
        info = system.info(path)
    except FileNotFoundError:
        raise SourceError(_absent(place, system, path)) from None
    except Exception as error:
        raise SourceError(
            f"{place}: the file cannot be reached: {one_line(error)}. "
            "Check the address and your access to it, or use a local copy"
        ) from error
    if info["type"] == "directory":
        raise SourceError(f"{place}: this is a folder. Name one file in it")
    size = info.get("size")
    if size == 0:
        raise SourceError(
            f"{place}: the file is empty (0 bytes). Check how it was made"
        )
    return int(size or 0)


@contextmanager
def opened(place: Place) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes.

    Raises
    ------
    SourceError
        The file cannot be opened or read.
    """
    try:
        with store.open_uri(place.uri, "rb") as stream:
            yield stream
    except SourceError:
        raise
    except PermissionError as error:
        raise SourceError(
            f"{place}: the file may not be read: {one_line(error)}. Give the user who "
            "runs mlkit the right to read it, or use a copy"
        ) from error
    except OSError as error:
        raise SourceError(
            f"{place}: the file cannot be read: {one_line(error)}. Copy it again from "
            "where it came"
        ) from error


def one_line(error: BaseException) -> str:
    """Return the first line of an error's text, without the row that Arrow quotes."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _ROW.sub(r"\1", lines[0]) if lines else type(error).__name__


def _filesystem(place: Place) -> tuple[Any, str]:
    if place.is_local:
        return fsspec.filesystem("file"), place.uri
    try:
        system, path = fsspec.core.url_to_fs(place.uri)
    except ValueError as error:
        scheme = place.uri.split("://", 1)[0]
        near = nearest(scheme, fsspec.available_protocols())
        hint = f" Did you mean {near}://?" if near else ""
        raise SourceError(
            f"{place}: addresses that start with {scheme}:// are not known.{hint} "
            "Use a path, or an address such as file://, https:// or s3://"
        ) from error
    except ImportError as error:
        raise SourceError(
            f"{place}: a package for such addresses is not installed: "
            f"{_advice(place.uri, error)}"
        ) from error
    return system, path


def _advice(uri: str, error: ImportError) -> str:
    packages = PACKAGES.get(uri.split("://", 1)[0])
    if packages is None:
        return one_line(error)
    return (
        f"{packages.replace(' ', ' and ')}. Add what is missing with "
        f".venv/bin/uv pip install {packages}, or use a local copy"
    )


def _absent(place: Place, system: Any, path: str) -> str:
    folder, _, name = path.rstrip("/").rpartition("/")
    message = f"{place}: there is no such file"
    if place.is_local and not os.path.isabs(place.asked):
        message += ", relative to the workspace root"
    try:
        others = [
            os.path.basename(str(other).rstrip("/"))
            for other in system.ls(folder, detail=False)
        ]
    except FileNotFoundError:
        return f"{message}; its folder does not exist either. Check the path"
    # No right to list it, or an address, such as https, whose folders have no list.
    except (OSError, NotImplementedError, ValueError) as error:
        return (
            f"{message}; its folder cannot be listed: {one_line(error)}. Check the path"
        )
    near = nearest(name, sorted(others))
    if near is not None:
        return f"{message}. The nearest name in that folder is {near!r}"
    held = counted(len(others), "other file")
    return f"{message}; its folder holds {held}. Check the path"
