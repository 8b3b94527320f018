"""HTML tables: escaped, captioned and readable by a screen reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return an HTML table; the first cell of each row is the row's heading.

    Parameters
    ----------
    caption : str
        What the table shows.
    head : sequence of str of shape (n_columns,)
        Column headings.
    rows : iterable of sequences of shape (n_columns,)
        Cells; None is shown as an empty cell.

    Examples
    --------
    >>> table("Sizes", ["part", "rows"], [["train", 80]])  # doctest: +ELLIPSIS
    '<table><caption>Sizes</caption><thead><tr><th scope="col">part</th>...
    """
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{_row(cells)}</tr>" for cells in rows)
    return (
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def _row(cells: Sequence[object]) -> str:
    texts = [escape("" if cell is None else str(cell)) for cell in cells]
    first = f'<th scope="row">{texts[0]}</th>'
    return first + "".join(f"<td>{text}</td>" for text in texts[1:])
