"""What was seen in a table, what was decided for it, and what cannot be used at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

QUESTION = "question"


class ScaffoldError(ValueError):
    """No case can be written: the message names the value, the rule and a next step."""


@dataclass(frozen=True)
class Finding:
    """One decision, or one question that only a person can answer.

    Attributes
    ----------
    key : str
        The key of the params file beside which it stands, such as ``data.ignore``, or
        ``question``.
    column : str or None
        The column it is about.
    why : str
        What was seen, in the words that stand in the file.
    """

    key: str
    column: str | None
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        about = "" if self.column is None else f" {self.column!r}"
        return f"{self.key}{about}: {self.why}"
