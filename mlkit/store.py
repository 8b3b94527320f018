"""Where state lives on disk, and the only way in which it is written.

The **workspace** is the folder that holds ``params/`` and ``notebooks/``; relative
paths start there. A write is **atomic** (readers see the old file or the new one, never
a part) and **durable** (when the function returns, a power cut cannot undo it): the
bytes go to a temporary file in the same folder, are flushed to the disk, and are then
published under their name, whose folder is flushed too. :func:`write_atomic` publishes
by renaming, so the last writer wins; :func:`create_if_absent` publishes by linking, so
the first one does. The second is the one guarantee that many writers can build on.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import math
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

if sys.platform == "darwin":
    import fcntl

TEMPORARY = ".mlkit-{}.tmp"
WITHOUT_LINKS = {
    errno.EPERM,
    errno.ENOSYS,
    errno.EMLINK,
    errno.EOPNOTSUPP,
    errno.ENOTSUP,
}
NEXT_STEP = {
    errno.ENOSPC: "free some disk space and try again",
    errno.EDQUOT: "free some of your disk quota and try again",
    errno.EROFS: "the file system is read-only: use a root that can be written",
    errno.EACCES: "ask for the right to write there, or use another root",
    errno.EPERM: "ask for the right to write there, or use another root",
}


def workspace_root() -> Path:
    """Return the folder against which relative paths are resolved.

    It is ``MLKIT_ROOT`` when that is set, else the nearest ancestor of the working
    directory (itself included) that holds ``params/`` and ``notebooks/``, else the
    parent of the package's folder when that holds both.

    Raises
    ------
    FileNotFoundError
        When none of the three is there.
    """
    named = os.environ.get("MLKIT_ROOT")
    if named:
        root = Path(named).expanduser().absolute()
        if not root.is_dir():
            raise FileNotFoundError(
                f"MLKIT_ROOT must name an existing folder, got {named!r}; create it or "
                "unset the variable"
            )
        return root
    here = Path.cwd()
    package = Path(__file__).absolute().parent
    for folder in (here, *here.parents, package.parent):
        if (folder / "params").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise FileNotFoundError(
        f"no workspace found: neither {here} nor a folder above it holds params/ and "
        "notebooks/; change into your workspace or set MLKIT_ROOT to it"
    )


def resolve(path: str | os.PathLike[str], root: Path | None = None) -> str:
    """Return `path` as a text that no longer depends on the working directory.

    Parameters
    ----------
    path : str or path
        A URI (anything with ``://``) and an absolute path stay as they are; ``~`` is
        the home folder; a relative path starts at `root`.
    root : path, optional
        None takes :func:`workspace_root`.
    """
    text = os.fspath(path)
    if "://" in text:
        return text
    plain = Path(text).expanduser()
    if plain.is_absolute():
        return str(plain)
    return str((root if root is not None else workspace_root()) / plain)


def canonical_json(obj: object) -> bytes:
    r"""Return `obj` as the one JSON text that equal objects share.

    Keys are sorted, the encoding is UTF-8, tuples become lists, and the text ends in a
    line break.

    Raises
    ------
    TypeError, ValueError
        When JSON cannot hold a value (a date, an array, NaN, a key that is not text);
        the message names where it stands.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [True, None]})
    b'{\n "a": [\n  true,\n  null\n ],\n "b": 1\n}\n'
    """
    _refuse_odd(obj, "$")
    text = json.dumps(
        obj, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1
    )
    return f"{text}\n".encode()


def _refuse_odd(value: object, where: str) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(
                    f"{where}: a JSON object's keys must be text, got {key!r} "
                    f"({type(key).__name__}); use str({key!r})"
                )
            _refuse_surrogates(key, where)
            _refuse_odd(item, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _refuse_odd(item, f"{where}[{position}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{where}: JSON has no {value}; use None for a missing number")
    elif isinstance(value, str):
        _refuse_surrogates(value, where)
    elif value is not None and not isinstance(value, bool | int | float):
        raise TypeError(
            f"{where}: JSON cannot hold a {type(value).__name__}, got {value!r}; turn "
            "it into text, numbers, lists or dicts first"
        )


def _refuse_surrogates(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{where}: {text!r} is not valid Unicode text") from error


def sha256_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file, read in pieces, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file so that it is there whole or not at all; the last writer wins.

    Parameters
    ----------
    path : str or path
        Missing parent folders are made. An existing file is replaced.
    data : bytes or str
        Text is written as UTF-8.

    Raises
    ------
    OSError
        When the disk refuses; a file that was there before is intact.
    """
    final = Path(path)
    with _explained(final), _temporary(final, data) as temporary:
        os.replace(temporary, final)
        sync_folder(final.parent)


def write_json(path: str | os.PathLike[str], obj: object) -> None:
    """Write `obj` as canonical JSON, atomically; see :func:`write_atomic`."""
    write_atomic(path, canonical_json(obj))


def read_json(path: str | os.PathLike[str]) -> Any:
    """Return what a JSON file holds.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it does not hold JSON; the message names the file, line and column.
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        return parse_json(data)
    except ValueError as error:
        raise ValueError(
            f"{os.fspath(path)} ({len(data)} bytes) does not hold valid JSON: {error}"
        ) from error


def parse_json(data: bytes) -> Any:
    """Return what a UTF-8 JSON text holds.

    Raises
    ------
    ValueError
        When it is something else; NaN and Infinity are not JSON.
    """
    return json.loads(data.decode(), parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def create_if_absent(path: str | os.PathLike[str], data: bytes) -> bool:
    """Write a file only if its name is free; of many writers exactly one succeeds.

    Whatever the answer, the file under that name is complete and durable on return.
    Publishing is ``link``, which fails when the name is taken. NFS may report that
    failure to the very writer that won, so the temporary file's link count decides.
    Where links are not supported (exFAT, some network mounts), a file lock and a rename
    stand in: that excludes only the writers that see one another's locks, on such
    mounts often those of one machine.

    Parameters
    ----------
    path : str or path
        Missing parent folders are made.
    data : bytes
        The whole content.

    Returns
    -------
    bool
        True when this call created the file, False when it was there already.

    Raises
    ------
    OSError
        When the disk refuses; a file that was there before is intact.
    """
    final = Path(path)
    with _explained(final):
        if os.path.lexists(final):
            sync_folder(final.parent)
            return False
        with _temporary(final, data) as temporary:
            created = _publish(temporary, final)
        sync_folder(final.parent)
        return created


def _publish(temporary: Path, final: Path) -> bool:
    try:
        os.link(temporary, final)
    except OSError as error:
        if os.stat(temporary).st_nlink == 2:
            return True
        if error.errno == errno.EEXIST:
            return False
        if error.errno in WITHOUT_LINKS:
            return _publish_locked(temporary, final)
        raise
    return True


def _publish_locked(temporary: Path, final: Path) -> bool:
    from filelock import FileLock

    with FileLock(final.parent / ".lock"):
        if os.path.lexists(final):
            return False
        os.rename(temporary, final)
        return True


@contextlib.contextmanager
def _temporary(final: Path, data: bytes | str) -> Iterator[Path]:
    """Yield a durable file beside `final` that holds `data`; remove it afterwards."""
    make_folder(final.parent)
    path = final.with_name(TEMPORARY.format(secrets.token_hex(8)))
    try:
        # The umask of the process decides who may read: no wider than the final file.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            rest = memoryview(data.encode() if isinstance(data, str) else data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            _sync(descriptor)
        finally:
            os.close(descriptor)
        yield path
    finally:
        # A leftover is invisible to readers and swept later; it must not hide an error.
        with contextlib.suppress(OSError):
            os.unlink(path)


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder and its missing parents, each durable before the next."""
    missing = []
    place = Path(folder).absolute()
    while not place.is_dir():
        missing.append(place)
        place = place.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):
            os.mkdir(new)
        sync_folder(new.parent)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        # There, fsync stops at the drive's cache.
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    if os.name == "nt":  # Windows cannot open a folder; NTFS journals names itself.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _sync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        step = NEXT_STEP.get(error.errno, "check the disk and try again")
        reason = error.strerror or os.strerror(error.errno)
        raise OSError(
            error.errno,
            f"could not be written ({reason}); what was there before is intact; {step}",
            str(path),
        ) from error


def sweep(
    folder: str | os.PathLike[str], *, now: float, older_than: float = 3600.0
) -> tuple[Path, ...]:
    """Remove temporary files that writers left behind when they were killed.

    Parameters
    ----------
    folder : str or path
        Only this folder, not those below it. A missing one holds nothing to sweep.
    now : float
        Seconds since the epoch by the clock that stamps the files there: best the
        modification time of a file just written to it, as a server's clock may differ.
    older_than : float
        Age in seconds from which a temporary file counts as abandoned.

    Returns
    -------
    tuple of path
        What was removed.
    """
    removed = []
    for path in sorted(Path(folder).glob(TEMPORARY.format("*"))):
        # Another process may sweep the same folder.
        with contextlib.suppress(FileNotFoundError):
            if now - path.lstat().st_mtime > older_than:
                os.unlink(path)
                removed.append(path)
    return tuple(removed)


def open_uri(
    path_or_uri: str | os.PathLike[str], mode: str = "rb", **options: Any
) -> AbstractContextManager[IO[Any]]:
    """Open a local path or any URI that fsspec knows, for use in a ``with`` statement.

    Parameters
    ----------
    path_or_uri : str or path
        Such as ``table.csv``, ``https://...`` or ``s3://bucket/key``.
    mode : str
        As in :func:`open`.
    **options
        Passed to :func:`open` or to :func:`fsspec.open`.

    Raises
    ------
    ValueError
        When the URI's protocol is unknown, or its package is not installed.
    """
    text = os.fspath(path_or_uri)
    if "://" not in text:
        return open(text, mode, **options)
    import fsspec

    try:
        opened: AbstractContextManager[IO[Any]] = fsspec.open(text, mode, **options)
    except (ImportError, ValueError) as error:
        protocol = text.split("://", 1)[0]
        raise ValueError(
            f"{text}: cannot open {protocol!r} addresses: {error}; install the package "
            "that fsspec names for it, or use a local copy of the file"
        ) from error
    return opened
