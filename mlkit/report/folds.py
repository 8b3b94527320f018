"""Folds: what is shown on demand, on a page and in a notebook; print opens them."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Fold:
    """Something shown on demand.

    Attributes
    ----------
    title : str
        What is folded away, to be clicked.
    shown : record
        What opens: a table, a figure or anything else with ``_repr_html_``. A note is
        not folded away.
    """

    title: str
    shown: Any

    def _repr_html_(self) -> str:
        if isinstance(self.shown, Note):
            return self.shown._repr_html_()
        return (
            f"<details><summary>{escape(self.title)}</summary>"
            f"{self.shown._repr_html_()}</details>"
        )


@dataclass(frozen=True)
class Note:
    """A sentence in the place of what there is nothing to show of; it may be empty."""

    text: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the sentence as plain JSON data."""
        return {"note": self.text}

    def _repr_html_(self) -> str:
        return f"<p>{escape(self.text)}</p>"


@dataclass(frozen=True)
class Text:
    """Plain text, shown as it is."""

    text: str

    def _repr_html_(self) -> str:
        return f'<pre tabindex="0"><code>{escape(self.text)}</code></pre>'
