"""Sanitising: of the HTML that notebooks put out, only what is on a list passes.

An output of a notebook may hold anything that the data held: a name with a tag in it, a
link that runs a script. What passes here can structure, style and illustrate a page,
but cannot run, load, submit or cover anything.
"""

from __future__ import annotations

import re
from typing import Any

from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner

from mlkit.report.images import is_still_image

TAGS_TEXT = """
a abbr b blockquote br caption code col colgroup dd del details div dl dt em
figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p picture pre samp
section small source span strong sub summary sup table tbody td tfoot th thead tr ul
var
"""
TAGS = frozenset(TAGS_TEXT.split())
EVERYWHERE = frozenset({"class", "lang", "dir", "style"})
BY_TAG = {
    "details": frozenset({"open"}),
    **{f"h{level}": frozenset({"id"}) for level in range(1, 7)},
    "img": frozenset({"alt", "width", "height"}),
    "li": frozenset({"value"}),
    "ol": frozenset({"start", "reversed", "type"}),
    "source": frozenset({"media"}),
    "td": frozenset({"colspan", "rowspan", "headers"}),
    "th": frozenset({"colspan", "rowspan", "scope", "headers", "abbr"}),
    "col": frozenset({"span"}),
    "colgroup": frozenset({"span"}),
    "div": frozenset({"role", "tabindex", "aria-label"}),
}
VALUES = {
    "role": re.compile(r"region|img|note|group"),
    "tabindex": re.compile(r"0"),
    "id": re.compile(r"[\w.:-]{1,200}"),
    "class": re.compile(r"[\w\s.:/-]{0,300}"),
    "media": re.compile(r"[\w\s():,-]{1,100}"),
    "width": re.compile(r"\d{1,5}"),
    "height": re.compile(r"\d{1,5}"),
    "colspan": re.compile(r"\d{1,4}"),
    "rowspan": re.compile(r"\d{1,4}"),
    "span": re.compile(r"\d{1,4}"),
}
# None of these moves a box out of its place; values with functions are refused too.
PROPERTIES_TEXT = """
background-color border border-bottom border-collapse border-color border-left
border-right border-style border-top border-width color font-style font-weight
font-variant-numeric padding padding-bottom padding-left padding-right padding-top
text-align text-decoration vertical-align white-space width max-width
"""
PROPERTIES = frozenset(PROPERTIES_TEXT.split())
LINK = re.compile(r"(https?://|mailto:)[^\s\"'<>\\]+|#[\w.:%-]+", re.IGNORECASE)
SCRIPTLIKE = re.compile(
    r"<(script|style|template|noscript|iframe|object|svg|math|title|textarea|xmp)\b"
    r".*?</\1\s*>",
    re.IGNORECASE | re.DOTALL,
)


def sanitise(html: str) -> str:
    """Return `html` with everything removed that is not on the lists of this module.

    Parameters
    ----------
    html : str
        A fragment: what stands inside ``<body>``.

    Returns
    -------
    str
        Well-formed HTML. Text stays, also that of removed tags, except what was inside
        of scripts, styles and the like.

    Examples
    --------
    >>> sanitise('<p onclick="x()">Hi <script>alert(1)</script><b>you</b>')
    '<p>Hi <b>you</b></p>'
    """
    # This keeps the text of scripts from view; what is safe is decided by the cleaner.
    html = SCRIPTLIKE.sub("", html)
    cleaner = Cleaner(
        tags=TAGS,
        attributes=_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        css_sanitizer=CSSSanitizer(PROPERTIES, allowed_svg_properties=()),
    )
    cleaned: str = cleaner.clean(html)
    return cleaned


def _allowed(tag: str, name: str, value: Any) -> bool:
    if tag == "a" and name == "href":
        return LINK.fullmatch(value.strip()) is not None
    if (tag, name) in {("img", "src"), ("source", "srcset")}:
        return is_still_image(value.strip())
    if name == "style" and "(" in value:
        return False
    if name not in EVERYWHERE and name not in BY_TAG.get(tag, frozenset()):
        return False
    pattern = VALUES.get(name)
    return pattern is None or pattern.fullmatch(value) is not None
