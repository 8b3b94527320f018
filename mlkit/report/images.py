"""Images in pages: which inline images are safe to keep."""

from __future__ import annotations

import base64
import binascii
import re
from xml.etree import ElementTree

INLINE = re.compile(r"data:image/(png|jpeg|svg\+xml);base64,([A-Za-z0-9+/]+={0,2})")
SVG = "{http://www.w3.org/2000/svg}"
STILL_TEXT = """
circle clipPath defs desc ellipse g image line linearGradient marker mask metadata
path pattern polygon polyline radialGradient rect stop style svg symbol text
textPath title tspan use
"""
STILL = frozenset(STILL_TEXT.split())
# matplotlib describes its images with these; no browser acts on them.
DESCRIPTIONS = (
    "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}",
    "{http://creativecommons.org/ns#}",
    "{http://purl.org/dc/elements/1.1/}",
)
FORBIDDEN = re.compile(
    r"<!ENTITY|<\?xml-stylesheet|<\?xml[^>]*encoding\s*=\s*[\"'](?!utf-8)",
    re.IGNORECASE,
)
INNER = re.compile(r"#[^\s]+|data:image/png;base64,[A-Za-z0-9+/=\s]+")
REACHES_OUT = re.compile(r"url\(\s*[\"']?\s*(?!#)|@import|javascript:", re.IGNORECASE)


def is_still_image(address: str) -> bool:
    """Tell whether an address is a PNG, JPEG or inert SVG, all of it inline.

    Browsers run no script of an image; the check keeps one from running when a reader
    saves the image and opens it by itself.

    Examples
    --------
    >>> is_still_image("data:image/png;base64,iVBORw0KGgo=")
    True
    >>> is_still_image("https://example.org/pixel.png")
    False
    """
    match = INLINE.fullmatch(address)
    if match is None:
        return False
    try:
        content = base64.b64decode(match[2], validate=True)
    except binascii.Error:
        return False
    return match[1] != "svg+xml" or _is_inert(content)


def _is_inert(svg: bytes) -> bool:
    # Entities can hide markup and grow without bound, another encoding can hide both.
    try:
        text = svg.decode()
        if FORBIDDEN.search(text):
            return False
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return False
    return root.tag == f"{SVG}svg" and all(map(_is_inert_element, root.iter()))


def _is_inert_element(element: ElementTree.Element) -> bool:
    if element.tag.startswith(DESCRIPTIONS):
        return True
    if element.tag.removeprefix(SVG) not in STILL or not element.tag.startswith(SVG):
        return False
    if element.text and REACHES_OUT.search(element.text):
        return False
    return all(_is_inert_attribute(n, v) for n, v in element.attrib.items())


def _is_inert_attribute(name: str, value: str) -> bool:
    local = name.rpartition("}")[2].lower()
    if local.startswith("on"):
        return False
    if local in {"href", "src"}:
        return INNER.fullmatch(value.strip()) is not None
    return REACHES_OUT.search(value) is None
