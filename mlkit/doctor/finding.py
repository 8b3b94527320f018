"""What the doctor reports."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    name
        What was looked at.
    status
        `ok`, `warning` or `missing`.
    found
        What is there.
    advice
        The next step; empty when all is well.
    """

    name: str
    status: Status
    found: str
    advice: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as plain JSON data."""
        return asdict(self)
