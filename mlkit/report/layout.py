"""Layout: what every page shares, filled in from the templates beside this module.

Pages are one file each: styles inside, no script, no font, no request. A content
security policy in the page says so to the browser.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mlkit.report import wording
from mlkit.report.palette import DARK, LIGHT
from mlkit.report.tables import TONES

FOLDER = Path(__file__).parent / "template"
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'"
)
# Ids of the parts of a page; headings of a notebook get others.
IDS = frozenset({"main", "contents", "verdict", "numbers", "changes", "facts"})


def render(template: str, **values: Any) -> str:
    """Return a page: the template `template` with `values`, escaped, filled in."""
    return _environment().get_template(template).render(**values)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(policy=POLICY, style=style)
    environment.filters.update(
        count=wording.count,
        duration=wording.duration,
        memory=wording.memory,
        moment=wording.moment,
        number=wording.number,
        short=wording.short,
        tone=lambda state: TONES.get(state, "neutral"),
        html=lambda record: Markup(record._repr_html_()),
    )
    return environment


def style(footer: str) -> Markup:
    """Return the style sheet of a page, `footer` at the foot of each printed sheet."""
    sheet = (FOLDER / "page.css").read_text(encoding="utf-8")
    foot = f"@page{{@bottom-left{{content:{css_string(footer)}}}}}"
    return Markup(
        f":root{{{LIGHT.css()}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK.css()}}}}}\n"
        f"{sheet}{foot}\n"
    )


def css_string(text: str) -> str:
    r"""Return `text` as a CSS string that cannot end the string or the style sheet.

    Examples
    --------
    >>> css_string('a"</style>')
    '"a\\22 \\3c \\2f style\\3e "'
    """
    return '"' + re.sub(r"[^\w .,:·-]", lambda c: f"\\{ord(c[0]):x} ", text) + '"'
