"""Blobs: files known by the SHA-256 of their bytes, in a model's ``blobs/`` folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from mlkit import store
from mlkit.registry.commits import damage


def blob_path(folder: Path, sha256: str) -> Path:
    """Return where a blob is kept."""
    return folder / "blobs" / sha256


def put_blob(folder: Path, data: bytes) -> str:
    """Keep `data`, durably, and return its SHA-256.

    A damaged file that stands under that name is replaced by the right bytes.
    """
    sha256 = store.sha256_bytes(data)
    path = blob_path(folder, sha256)
    if not store.create_if_absent(path, data) and _content(path) != data:
        store.write_atomic(path, data)
    return sha256


def get_blob(folder: Path, sha256: str, *, size: int | None = None) -> bytes:
    """Return the bytes of a blob, which are checked before anything else sees them.

    Parameters
    ----------
    folder : Path
        The model's folder.
    sha256 : str
        The blob's name.
    size : int, optional
        Its size in bytes, when the caller knows it.

    Raises
    ------
    DamageError
        When it is missing, no regular file, or not the bytes that were kept.
    """
    path = blob_path(folder, sha256)
    data = read_regular(path)
    found = store.sha256_bytes(data)
    if found != sha256 or (size is not None and len(data) != size):
        wanted = "" if size is None else f"{size} bytes, "
        raise damage(
            str(path),
            f"was altered: expected {wanted}SHA-256 {sha256}, got {len(data)} bytes, "
            f"{found}; it was not opened",
        )
    return data


def read_regular(path: Path) -> bytes:
    """Return the bytes of a file that is neither a link, a folder nor a device.

    Raises
    ------
    DamageError
        When it is not there, or is something else.
    """
    # Without O_NONBLOCK, opening a named pipe would wait for a writer.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise damage(str(path), "is missing") from error
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise damage(str(path), "is a symbolic link") from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise damage(str(path), "is not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _content(path: Path) -> bytes | None:
    try:
        return read_regular(path)
    except ValueError:
        return None
