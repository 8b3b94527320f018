"""What a file holds: recognised by its first bytes, unpacked and decoded."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zipfile
import zlib
from typing import IO

from mlkit.sources import memory
from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place, measure, one_line, opened

CHUNK = 1 << 22
GZIP, ZIP, PARQUET = b"\x1f\x8b", b"PK\x03\x04", b"PAR1"
FOREIGN = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file (save the sheet as CSV)"),
    (b"SQLite format 3", "an SQLite database (export the table as CSV or Parquet)"),
    (b"\x89HDF", "an HDF5 file (save the table as Parquet)"),
    (b"ARROW1", "an Arrow file (save the table as Parquet)"),
    (b"BZh91AY", "one packed by bzip2 (unpack it, or pack it by gzip)"),
    (b"\xfd7zXZ", "one packed by xz (unpack it, or pack it by gzip)"),
    (b"\x28\xb5\x2f\xfd", "one packed by zstd (unpack it, or pack it by gzip)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it)"),
)
MARKUP = (
    (
        r"(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body)\b",
        "an HTML page, not a table",
    ),
    (r"<\?xml\b", "an XML file, not a table"),
    (r'(\{\s*"|\[\s*[\[{])', "a JSON file: save the table as CSV or Parquet"),
)
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
HEAD = 4096
DEFLATE_RATIO = 1032  # No deflated byte unpacks to more, whatever a damaged file says.
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def is_parquet(place: Place) -> bool:
    """Return whether a file says that it is Parquet."""
    with opened(place) as stream:
        return stream.read(4) == PARQUET


def read_text(place: Place, encoding: str | None) -> tuple[bytes, str]:
    """Return a file's text as UTF-8 bytes without byte order mark, and its encoding.

    A gzip file and a zip archive of one file are unpacked. Without a declared encoding
    a byte order mark decides; else it is UTF-8 if the bytes are valid UTF-8, else
    cp1252 (Western European, Windows) if it defines every byte, else latin-1.

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
            _refuse_foreign(place, head)
            memory.refuse_too_large(str(place), size, need=memory.need_of_text(head))
            data = stream.read()
    if not data.strip():
        raise SourceError(f"{place}: the file holds no text. Check how it was made")
    _refuse_foreign(place, data[:HEAD])
    text, used = _decode(place, data, encoding)
    _refuse_markup(place, text[:HEAD])
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
    if "[Content_Types].xml" in names:
        raise SourceError(f"{place}: this is an Excel or Word file. Save it as CSV")
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


def _refuse_foreign(place: Place, head: bytes) -> None:
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise SourceError(
                f"{place}: this is not a CSV, TSV or Parquet file but {what}. Check "
                "data.source"
            )


def _refuse_markup(place: Place, head: bytes) -> None:
    text = head.decode("utf-8", "replace").lstrip()
    for pattern, what in MARKUP:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            raise SourceError(f"{place}: this is {what}. Check data.source")


def _decode(place: Place, data: bytes, declared: str | None) -> tuple[bytes, str]:
    if declared is not None:
        return _as_declared(place, data, declared), declared
    for mark, encoding in BOMS:
        if data.startswith(mark):
            return _as_declared(place, data, encoding), encoding.removesuffix("-sig")
    _refuse_binary(place, data)
    for encoding in ("utf-8", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return (data if encoding == "utf-8" else text.encode()), encoding
    return data.decode("latin-1").encode(), "latin-1"


def _as_declared(place: Place, data: bytes, encoding: str) -> bytes:
    try:
        text = data.decode(encoding)
    except LookupError:
        raise SourceError(
            f"{place}: data.encoding {encoding!r} is not an encoding Python knows. "
            "Write utf-8, cp1252, latin-1 or utf-16, or leave it out"
        ) from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = data.count(b"\n", 0, start) + 1
        raise SourceError(
            f"{place}: the file is not {encoding}: the byte 0x{data[start]:02x} in "
            f"line {line:,} cannot be read. Correct data.encoding, or leave it out"
        ) from None
    if "\0" in text:
        raise SourceError(_binary(place, text.index("\0")))
    return text.removeprefix("\ufeff").encode("utf-8", "replace")


def _refuse_binary(place: Place, data: bytes) -> None:
    found = CONTROLS.search(data)
    if found is None:
        return
    if data[:HEAD:2].count(0) * 3 > len(data[:HEAD:2]):
        order = "utf-16-be"
    elif data[1:HEAD:2].count(0) * 3 > len(data[1:HEAD:2]):
        order = "utf-16-le"
    else:
        raise SourceError(_binary(place, found.start()))
    raise SourceError(
        f"{place}: every other byte is 0, as in UTF-16 without a byte order mark. Set "
        f"data.encoding: {order}"
    )


def _binary(place: Place, position: int) -> str:
    return (
        f"{place}: this is not a text file: there is a control character at byte "
        f"{position + 1:,}. Check data.source; tables are read from CSV, TSV or Parquet"
    )
