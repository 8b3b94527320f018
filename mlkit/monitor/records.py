"""Records of a check: what follows from all its windows, the log and the health.

Every record is plain data: ``to_dict`` gives what a page, ``--json`` and the history
show. Moments are ISO texts in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from mlkit.data.markup import table
from mlkit.metrics import Estimate, number_or_none, show
from mlkit.params.monitor_section import Severity

Status = Literal["healthy", "degraded", "critical"]
Direction = Literal["better", "worse", "steady", "unknown"]


@dataclass(frozen=True)
class Trend:
    """Where a metric is going.

    Attributes
    ----------
    metric, label : str
        Its name, and how people call it.
    slope, lower, upper : float or None
        Change from one window to the next, with its 95 % interval; None with too few
        windows.
    p_value : float or None
        Of the regression: how often a steady metric would show such a slope.
    rank_p : float or None
        Of the Mann-Kendall test, which asks for no straight line.
    windows : int
        Windows in which the metric is known.
    direction : str
        ``better`` or ``worse`` where both tests say so, else ``steady``; ``unknown``
        with too few windows.
    reason : str
        The finding in a sentence.
    """

    metric: str
    label: str
    slope: float | None
    lower: float | None
    upper: float | None
    p_value: float | None
    rank_p: float | None
    windows: int
    direction: Direction
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the trend as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Quality:
    """What is wrong with a column of the logged features.

    Attributes
    ----------
    column : str
        Its name.
    what : str
        ``absent``, ``all missing`` or ``unreadable``.
    rows : int
        Rows that it is true of.
    share : float
        The share of the rows that were looked at.
    said : str
        The finding in a sentence.
    """

    column: str
    what: Literal["absent", "all missing", "unreadable"]
    rows: int
    share: float
    said: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Challenger:
    """Another version that was asked about the same requests.

    Attributes
    ----------
    version : str
        Its number.
    n : int
        Requests that both versions answered and whose outcome is known.
    test : mapping or None
        The paired test of its gain in the primary metric, as
        :meth:`mlkit.metrics.PairedTest.to_dict` gives it; None where there is none.
    verdict : str
        ``better``, ``not better`` or ``undecided``.
    reason : str
        The finding in a sentence.
    """

    version: str
    n: int
    test: Mapping[str, Any] | None
    verdict: Literal["better", "not better", "undecided"]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON data."""
        return asdict(self) | {"test": None if self.test is None else dict(self.test)}


@dataclass(frozen=True)
class Recorded:
    """Figures of the model that were measured elsewhere.

    Attributes
    ----------
    at : str
        When they were recorded.
    version : str or None
        The version they are of.
    n : int or None
        Rows they were measured on.
    figures : mapping of str to float
        Metric to its value.
    """

    at: str
    version: str | None
    n: int | None
    figures: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON data."""
        return asdict(self) | {"figures": dict(self.figures)}


@dataclass(frozen=True)
class LogState:
    """The state of the prediction log.

    Attributes
    ----------
    garbage : int
        Lines, and files from where they are damaged, that could not be read and were
        left out.
    lost : int
        Predictions that could not be written.
    clock_jumps : int
        How often the clock of the service went back.
    where : tuple of str
        Where the garbage is, the damaged files before the lines.
    files : int
        How many of the garbage are files.
    """

    garbage: int = 0
    lost: int = 0
    clock_jumps: int = 0
    where: tuple[str, ...] = ()
    files: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON data."""
        return asdict(self) | {"where": list(self.where)}


@dataclass(frozen=True)
class Resources:
    """What a check took.

    Attributes
    ----------
    cpu_seconds : float
        Processor time of the check.
    peak_memory_mb : float
        Largest resident memory that its process ever had, in megabytes.
    seconds : float
        Time it took.
    """

    cpu_seconds: float
    peak_memory_mb: float
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the resources as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Issue:
    """One thing that is wrong, or worth knowing, with its evidence.

    Attributes
    ----------
    cause : str
        Its key, such as ``drift`` or ``performance.roc_auc``.
    severity : str
        ``info``, ``warning`` or ``critical``.
    what : str
        A sentence.
    evidence : mapping
        The numbers behind it, plain JSON data.
    """

    cause: str
    severity: Severity
    what: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the issue as plain JSON data."""
        return asdict(self) | {"evidence": dict(self.evidence)}


@dataclass(frozen=True)
class Health:
    """Whether a model is healthy, and why not.

    Attributes
    ----------
    status : str
        ``critical`` where an issue is, ``degraded`` where one is a warning, else
        ``healthy``.
    issues : tuple of Issue
        The gravest first.
    reason : str
        The status in a sentence.
    """

    status: Status
    issues: tuple[Issue, ...]
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the health as plain JSON data."""
        return {
            "status": self.status,
            "reason": self.reason,
            "issues": [issue.to_dict() for issue in self.issues],
        }

    def _repr_html_(self) -> str:
        rows = [(each.cause, each.severity, each.what) for each in self.issues]
        caption = f"Health: {self.status}. {self.reason}"
        return table(caption, ["cause", "severity", "what"], rows)


def shown(estimate: Estimate | None) -> str:
    """Return a metric with its interval as people read it; empty where there is none.

    Examples
    --------
    >>> shown(Estimate(0.9, 0.85, 0.94, 100, "Wilson score interval"))
    '0.900 (0.850 to 0.940)'
    """
    if estimate is None or number_or_none(estimate.value) is None:
        return ""
    ends = number_or_none(estimate.lower), number_or_none(estimate.upper)
    if ends[0] is None or ends[1] is None:
        return show(estimate.value)
    return f"{show(estimate.value)} ({show(ends[0])} to {show(ends[1])})"
