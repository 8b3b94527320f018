"""Reading what is left of a compressed file."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BLOCK = 64 * 1024
GZIP = 16 + zlib.MAX_WBITS


class Unpacked(io.RawIOBase):
    """What a gzip file of one or more members holds, up to where it is damaged.

    A reader of the standard library raises there, and a block that was unpacked before
    is lost. This one ends there.

    Attributes
    ----------
    problem : str or None
        Why the file cannot be read on, once that is known.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self.problem: str | None = None
        self._source = source
        self._packed = b""
        self._member = zlib.decompressobj(GZIP)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill a buffer; return how many bytes of it, 0 at the end."""
        view = memoryview(buffer)
        found = self._next(len(view))
        view[: len(found)] = found
        return len(found)

    def _next(self, most: int) -> bytes:
        while self.problem is None:
            packed = self._packed or self._source.read(BLOCK)
            if self._member.eof:
                if not packed:
                    break
                # Zeros may fill a file up.
                self._packed = packed.lstrip(b"\0")
                if self._packed:
                    self._member = zlib.decompressobj(GZIP)
                continue
            before = self._member.copy()
            try:
                found = self._member.decompress(packed, most)
            except zlib.error as error:
                self.problem = str(error)
                return _up_to_damage(before, packed)
            self._packed = self._member.unconsumed_tail or self._member.unused_data
            if found:
                return found
            if not packed:
                self.problem = "it was cut short"
        return b""


def _up_to_damage(member: zlib._Decompress, packed: bytes) -> bytes:
    """Return what comes before an error, for an error discards its whole block."""
    found = []
    # The error that ends this is the one that led here, and noted.
    with contextlib.suppress(zlib.error):
        for place in range(len(packed)):
            found.append(member.decompress(packed[place : place + 1]))
    return b"".join(found)
