"""What differs between a record and today, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

LONGEST = 60


@dataclass(frozen=True)
class Difference:
    """One thing that is not what it was.

    Attributes
    ----------
    what : str
        Its name, such as ``numpy`` or ``params.train.estimator``.
    recorded, now : object
        Both values; None where there is none.
    then_where, now_where : str
        Where the two were found, where that is not the record and the present.
    """

    what: str
    recorded: Any
    now: Any
    then_where: str = ""
    now_where: str = ""

    @property
    def sentence(self) -> str:
        """The difference in words: what, before -> now."""
        before = f"{_short(self.recorded)} {self.then_where}".strip()
        return f"{self.what} {before} -> {_short(self.now)} {self.now_where}".strip()

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain JSON data."""
        return asdict(self)


def _short(value: Any) -> str:
    text = "none" if value is None else value if isinstance(value, str) else repr(value)
    if len(text) >= 32 and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
