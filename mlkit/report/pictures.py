"""Pictures: the images that an executed notebook shows, with their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from mlkit.report.images import is_still_image

MARKUP = 400
IMAGES = ("image/svg+xml", "image/png", "image/jpeg")


@dataclass(frozen=True)
class Picture:
    """An image in the output of a cell.

    Attributes
    ----------
    alt, caption : str
        What it shows, and what to look at.
    light, dark : str
        ``data:`` addresses for a light and for a dark ground; `dark` is empty where
        there is one image for both.
    width : int or None
        In CSS pixels.
    """

    alt: str = ""
    caption: str = ""
    light: str = field(default="", repr=False)
    dark: str = field(default="", repr=False)
    width: int | None = None

    @property
    def size(self) -> int:
        """Characters that it takes on a page at most, markup and all."""
        words = len(self.alt) + len(self.caption)
        # A character such as < is written as up to five.
        return len(self.light) + len(self.dark) + 5 * words + MARKUP


def pictures(outputs: Sequence[Mapping[str, Any]]) -> tuple[Picture, ...]:
    """Return the images that the outputs of a cell hold, in their order.

    Parameters
    ----------
    outputs : sequence of mapping
        As a notebook's file has them. Images that are not inline, or could do more than
        be looked at, are left out.
    """
    found: list[Picture] = []
    for output in outputs:
        data = output.get("data") or {}
        reader = _Reader()
        reader.feed(_text(data.get("text/html")))
        found += reader.found or _plain(data)
    return tuple(picture for picture in found if is_still_image(picture.light))


def _plain(data: Mapping[str, Any]) -> list[Picture]:
    """Return the image of an output that is nothing else, as plotting makes it."""
    for mime in IMAGES:
        if mime in data:
            text = _text(data[mime])
            if mime == "image/svg+xml":
                text = _encoded(text)
            address = f"data:{mime};base64,{''.join(text.split())}"
            return [Picture(alt=_text(data.get("text/plain")), light=address)]
    return []


def _encoded(svg: str) -> str:
    from base64 import b64encode

    return b64encode(svg.encode()).decode()


def _text(value: Any) -> str:
    return "".join(value) if isinstance(value, list) else str(value or "")


class _Reader(HTMLParser):
    """Reads the images of one output, as :mod:`mlkit.report.figures` writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Picture] = []
        self._dark = ""
        self._caption: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "source" and "dark" in (given.get("media") or ""):
            self._dark = given.get("srcset") or ""
        elif tag == "img":
            width = given.get("width") or ""
            self.found.append(
                Picture(
                    alt=given.get("alt") or "",
                    light=(given.get("src") or "").strip(),
                    dark=self._dark if is_still_image(self._dark) else "",
                    width=int(width) if width.isdecimal() and len(width) < 6 else None,
                )
            )
            self._dark = ""
        elif tag == "figcaption":
            self._caption = []

    def handle_endtag(self, tag: str) -> None:
        if tag == "figcaption" and self._caption is not None:
            if self.found:
                last = self.found[-1]
                said = " ".join("".join(self._caption).split())
                self.found[-1] = Picture(
                    last.alt, said, last.light, last.dark, last.width
                )
            self._caption = None

    def handle_data(self, data: str) -> None:
        if self._caption is not None:
            self._caption.append(data)
