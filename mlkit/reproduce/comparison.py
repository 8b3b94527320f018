"""Metrics of a record and of its replay: exactly the same, or by how much not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

VALUES = ("value", "lower", "upper", "n")


@dataclass(frozen=True)
class MetricDifference:
    """A number that came out otherwise.

    Attributes
    ----------
    metric : str
        Name of the metric.
    part : str
        ``value``, ``lower`` or ``upper`` bound, or ``n``, the number of rows.
    recorded, now : float or None
        Both numbers; None where there is none.
    """

    metric: str
    part: str
    recorded: float | None
    now: float | None

    @property
    def by(self) -> float | None:
        """How much more it is now; None where one of the two is missing."""
        if self.recorded is None or self.now is None:
            return None
        return self.now - self.recorded

    @property
    def sentence(self) -> str:
        """The difference in words."""
        what = self.metric if self.part == "value" else f"{self.metric} {self.part}"
        before, after = (
            "none" if number is None else f"{number:.6g}"
            for number in (self.recorded, self.now)
        )
        by = "" if self.by is None else f" ({self.by:+.3g})"
        return f"{what} {before} -> {after}{by}"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as plain JSON data."""
        return asdict(self) | {"by": self.by}


def compare_metrics(
    recorded: Mapping[str, Any], now: Mapping[str, Any]
) -> tuple[MetricDifference, ...]:
    """Return every number of the estimates that is not exactly the same.

    Parameters
    ----------
    recorded, now : mapping
        Metric to its estimate, as a manifest has them.

    Examples
    --------
    >>> compare_metrics({"auc": {"value": 0.5}}, {"auc": {"value": 0.5}})
    ()
    >>> compare_metrics({"auc": {"value": 0.5}}, {"auc": {"value": 0.75}})[0].sentence
    'auc 0.5 -> 0.75 (+0.25)'
    """
    return tuple(_differing(recorded, now))


def _differing(
    recorded: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[MetricDifference]:
    for metric in dict.fromkeys([*recorded, *now]):
        before, after = recorded.get(metric) or {}, now.get(metric) or {}
        for part in VALUES:
            if before.get(part) != after.get(part):
                yield MetricDifference(metric, part, before.get(part), after.get(part))
