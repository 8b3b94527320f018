"""The page of one notebook: its verdict and numbers first, then its own text."""

from __future__ import annotations

from markupsafe import Markup

from mlkit.report.contents import arrange
from mlkit.report.layout import IDS, render
from mlkit.report.sanitise import sanitise
from mlkit.report.views import Header, Link


def notebook_page(body: str, header: Header) -> str:
    """Return the whole page of an executed notebook.

    Parameters
    ----------
    body : str
        The notebook as an HTML fragment, as nbconvert's template ``mlkit`` makes it.
        It is sanitised here.
    header : Header
        What stands above it.

    Returns
    -------
    str
        One self-contained HTML file.
    """
    arranged = arrange(sanitise(body), taken=IDS)
    title = header.title or arranged.title or "Report"
    return render(
        "notebook.html.j2",
        title=title,
        header=header,
        body=Markup(arranged.html),
        headings=[heading for heading in arranged.headings if heading.level < 4],
        place=[*header.place, Link(title)],
        footer=f"{header.case} · {header.run or 'draft'} · {title}",
    )
