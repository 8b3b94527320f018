"""What one part of a check found, and what it could judge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scipy import stats

from mlkit.alerts import Finding


@dataclass(frozen=True)
class Found:
    """Findings, and the causes that were looked for.

    Attributes
    ----------
    findings : tuple of Finding
        What holds.
    checked : tuple of str
        Causes that could be judged, whether they hold or not.
    notes : tuple of str
        What could not be judged, and why.
    """

    findings: tuple[Finding, ...] = ()
    checked: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            self.findings + other.findings,
            self.checked + other.checked,
            self.notes + other.notes,
        )


def together(parts: Iterable[Found]) -> Found:
    """Return what several parts found."""
    return sum(parts, start=Found())


def more_than(hits: int, n: int, share: float, *, level: float) -> bool:
    """Return whether hits are more than a share of n explains.

    Notes
    -----
    The exact binomial test, one-sided: Clopper and Pearson, Biometrika 26 (1934),
    404-413.

    Examples
    --------
    >>> more_than(5, 5, 0.01, level=1e-4), more_than(2, 100, 0.01, level=1e-4)
    (True, False)
    """
    return bool(n) and float(stats.binom.sf(hits - 1, n, share)) < level
