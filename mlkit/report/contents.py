"""Contents: the headings of a notebook's body, made fit for a page of their own.

A page has one ``<h1>``, its title; below it no level is skipped, and every heading has
an id that follows from its words, so that links survive the next run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from html import escape, unescape

from mlkit.report import wording

HEADING = re.compile(r"<h([1-6])((?:\s[^>]*)?)>(.*?)</h\1>", re.DOTALL)
ANCHOR = re.compile(r'<a[^>]*class="anchor-link"[^>]*>.*?</a>', re.DOTALL)
TAG = re.compile(r"<[^>]+>")
ID = re.compile(r'\sid="([^"]*)"')
INNER_LINK = re.compile(r'\shref="#([^"]*)"')
NO_WORDS = "A chart without a description"
# The first comes from our template, the second from nbconvert.
UNDESCRIBED = re.compile(
    rf'(?<=<img )alt="({NO_WORDS}|No description has been provided for this image)"'
    r"|(?<=<img )(?![^>]*\balt=)"
)
LOOSE_TABLE = re.compile(
    r'(<div class="scroll"[^>]*>)?(<table\b.*?</table>)', re.DOTALL
)
PREFORMATTED = re.compile(r"<pre(?=[\s>])")
HEAD_CELLS = re.compile(r"<thead\b.*?</thead>", re.DOTALL)


@dataclass(frozen=True)
class Heading:
    """A heading below the title: its level (2 to 6), its id and its words."""

    level: int
    id: str
    text: str


@dataclass(frozen=True)
class Body:
    """A notebook's body: its title, the rest of it as HTML, and the rest's headings."""

    title: str
    html: str
    headings: tuple[Heading, ...]


def arrange(html: str, *, taken: Collection[str] = ()) -> Body:
    """Return sanitised HTML with its headings, tables and images put in order.

    Parameters
    ----------
    html : str
        What :func:`mlkit.report.sanitise.sanitise` returned.
    taken : collection of str
        Ids that the page around it uses.

    Returns
    -------
    Body
        The first heading, if it is an ``<h1>``, is the title and no longer in the HTML.
        Tables scroll in a box of their own, what can scroll is reached by the keyboard,
        and images without words say so.

    Examples
    --------
    >>> arrange("<h1>Train</h1><h4>Fit</h4>")
    Body(title='Train', html='<h2 id="fit">Fit</h2>', headings=(Heading(level=2, id='fit', text='Fit'),))
    """  # noqa: E501
    html = ANCHOR.sub("", html)
    title = ""
    first = HEADING.search(html)
    if first is not None and first[1] == "1":
        title = _words(first[3])
        html = html[: first.start()] + html[first.end() :]
    headings: list[Heading] = []
    renamed: dict[str, str] = {}
    pieces = list(_pieces(html, set(taken), headings, renamed))
    places = renamed | {name: name for name in [h.id for h in headings] + list(taken)}
    joined = INNER_LINK.sub(
        lambda link: f' href="#{places[link[1]]}"' if link[1] in places else "",
        "".join(pieces),
    )
    shown = PREFORMATTED.sub('<pre tabindex="0"', _tables(joined))
    return Body(title, shown, tuple(headings))


def _pieces(
    html: str, taken: set[str], headings: list[Heading], renamed: dict[str, str]
) -> Iterator[str]:
    """Yield the HTML piece by piece; fill in the headings and what their ids became."""
    section, level, end = "", 1, 0
    for match in HEADING.finditer(html):
        yield _described(html[end : match.start()], section)
        end = match.end()
        section = _words(match[3])
        level = max(2, min(int(match[1]), level + 1))
        name = _free(wording.slug(section), taken)
        old = ID.search(match[2])
        if old is not None:
            renamed.setdefault(old[1], name)
        headings.append(Heading(level, name, section))
        yield f'<h{level} id="{name}">{match[3].strip()}</h{level}>'
    yield _described(html[end:], section)


def _words(html: str) -> str:
    return " ".join(unescape(TAG.sub("", html)).split())


def _free(name: str, taken: set[str]) -> str:
    free, again = name, 1
    while free in taken:
        again += 1
        free = f"{name}-{again}"
    taken.add(free)
    return free


def _described(html: str, section: str) -> str:
    place = f" in the section “{escape(section)}”" if section else ""
    return UNDESCRIBED.sub(lambda _: f'alt="{NO_WORDS}{place}" ', html)


def _tables(html: str) -> str:
    return LOOSE_TABLE.sub(_boxed, html)


def _boxed(match: re.Match[str]) -> str:
    if match[1] is not None:
        return match[0]
    scoped = HEAD_CELLS.sub(
        lambda head: head[0].replace("<th>", '<th scope="col">'), match[2]
    ).replace("<th>", '<th scope="row">')
    box = '<div class="scroll" role="region" tabindex="0" aria-label="Table">'
    return f'<div class="table">{box}{scoped}</div></div>'
