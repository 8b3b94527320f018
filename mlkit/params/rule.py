"""What a rule between keys of a case is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mlkit.params.models import Params
from mlkit.params.yaml12 import KeyPath


@dataclass(frozen=True)
class Rule:
    """A rule about ``key`` that also reads the keys in ``beside``."""

    key: str
    beside: tuple[str, ...]
    broken: Callable[[Params], bool]
    says: str
    step: str = ""

    def reads(self) -> tuple[KeyPath, ...]:
        """Return the paths of every key that the rule looks at."""
        return tuple(tuple(key.split(".")) for key in (self.key, *self.beside))


def repeats(names: Sequence[str]) -> bool:
    """Return whether a name is there twice."""
    return len(set(names)) < len(names)
