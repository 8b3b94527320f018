"""What a file holds: recognised by its first bytes, unpacked and decoded."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import IO

from mlkit.sources import memory
from mlkit.sources.decoding import decode
from mlkit.sources.errors import SourceError
from mlkit.sources.formats import refuse_foreign, refuse_markup, refuse_office
from mlkit.sources.places import Place, measure, one_line, opened

CHUNK = 1 << 22
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
HEAD = 4096
DEFLATE_RATIO = 1032  # No deflated byte unpacks to more, whatever a damaged file says.


def is_parquet(place: Place) -> bool:
    """Return whether a file says that it is Parquet."""
    with opened(place) as stream:
        return stream.read(4) == PARQUET


def read_text(place: Place, encoding: str | None) -> tuple[bytes, str]:
    """Return a file's text as UTF-8 bytes without byte order mark, and its encoding.

    A gzip file and a zip archive of one file are unpacked. How an encoding is found,
    :func:`mlkit.sources.decoding.decode` says.

    Raises
    ------
    SourceError
        The file cannot be found or unpacked, does not fit into memory, is not text or
        is not in the declared encoding.
    """
    size = measure(place)
    with opened(place) as stream:
        head = stream.read(HEAD)
        stream.seek(0)
        if head.startswith(GZIP):
            data = _gunzip(place, stream, size)
        elif head.startswith(ZIP):
            data = _unzip(place, stream)
        else:
            refuse_foreign(place, head)
            memory.refuse_too_large(str(place), size, need=memory.need_of_text(head))
            data = stream.read()
    if not data.strip():
        raise SourceError(f"{place}: the file holds no text. Check how it was made")
    refuse_foreign(place, data[:HEAD])
    text, used = decode(place, data, encoding)
    refuse_markup(place, text[:HEAD])
    return text, used


def _gunzip(place: Place, stream: IO[bytes], size: int) -> bytes:
    stream.seek(-4, io.SEEK_END)
    stated = int.from_bytes(stream.read(4), "little")
    stream.seek(0)
    try:
        with gzip.GzipFile(fileobj=stream) as unpacked:
            need = memory.need_of_text(unpacked.read(HEAD))
            how = f"estimated from {memory.readable(size)} packed"
            estimate = min(max(stated, size), size * DEFLATE_RATIO)
            memory.refuse_too_large(str(place), estimate, need=need, how=how)
            unpacked.seek(0)
            return _read_bounded(place, unpacked, need)
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(
            f"{place}: the gzip file is damaged or cut short: {one_line(error)}. "
            "Copy it again from where it came"
        ) from error


def _unzip(place: Place, stream: IO[bytes]) -> bytes:
    try:
        with zipfile.ZipFile(stream) as archive:
            member = _only_member(place, archive)
            with archive.open(member) as unpacked:
                need = memory.need_of_text(unpacked.read(HEAD))
                how = "stated in the archive"
                memory.refuse_too_large(
                    str(place), member.file_size, need=need, how=how
                )
                unpacked.seek(0)
                return _read_bounded(place, unpacked, need)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise SourceError(
            f"{place}: the zip archive is damaged or cut short: {one_line(error)}. "
            "Copy it again from where it came"
        ) from error
    # What zipfile raises for a password, and for a packing that it does not know.
    except (RuntimeError, NotImplementedError) as error:
        raise SourceError(
            f"{place}: the zip archive cannot be unpacked: {one_line(error)}. "
            "Unpack it and name the file"
        ) from error


def _only_member(place: Place, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [
        member
        for member in archive.infolist()
        if not member.is_dir() and not member.filename.startswith("__MACOSX/")
    ]
    names = [member.filename for member in members]
    refuse_office(place, names)
    if len(members) != 1:
        held = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise SourceError(
            f"{place}: a zip archive must hold one file, this one holds {len(members)}"
            f"{': ' if held else ''}{held}. Unpack it and name one of them"
        )
    return members[0]


def _read_bounded(
    place: Place, stream: IO[bytes] | gzip.GzipFile, need: float
) -> bytes:
    """Read to the end; the size stated in an archive is not to be trusted."""
    limit = memory.available() / need
    parts, total = [], 0
    while part := stream.read(CHUNK):
        parts.append(part)
        total += len(part)
        if total > limit:
            how = "and more: unpacking stopped there"
            memory.refuse_too_large(str(place), total, need=need, how=how)
    return b"".join(parts)
