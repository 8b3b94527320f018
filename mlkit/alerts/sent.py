"""What became of a message to one address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Sent:
    """A message that was sent, or not.

    Attributes
    ----------
    address : str
        Name of the variable that holds the address; never the address.
    alerts : tuple of str
        Ids of the alerts that it told of.
    delivered : bool
        Whether the service took it.
    attempts : int
        How often it was tried; 0 where there was no address.
    reason : str
        Why the last attempt failed; empty when none did.
    """

    address: str
    alerts: tuple[str, ...]
    delivered: bool
    attempts: int
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return asdict(self) | {"alerts": list(self.alerts)}
