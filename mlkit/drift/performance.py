"""Performance: whether a model is worse on current rows than it was, beyond chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from mlkit.metrics import Estimate, number_or_none, show


@dataclass(frozen=True)
class Performance:
    """A metric of a model on some labelled rows.

    Attributes
    ----------
    metric, label : str
        Its name, and how people call it.
    greater_is_better : bool
        Its direction.
    value, lower, upper : float or None
        The value and its interval; None where the metric has no meaning.
    n : int
        Labelled rows.
    reason : str or None
        Why there is no value.
    """

    metric: str
    label: str
    greater_is_better: bool
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    reason: str | None = None

    @classmethod
    def of(
        cls, estimate: Estimate, *, metric: str, label: str, greater_is_better: bool
    ) -> Self:
        """Return what an estimate says, to be stored."""
        return cls(
            metric=metric,
            label=label,
            greater_is_better=greater_is_better,
            value=number_or_none(estimate.value),
            lower=number_or_none(estimate.lower),
            upper=number_or_none(estimate.upper),
            n=estimate.n,
            reason=estimate.reason,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the metric that `to_dict` wrote."""
        return cls(**stored)

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.label} has no value: {self.reason}"
        if self.lower is None or self.upper is None:
            return f"{self.label} {show(self.value)}"
        ends = f"{show(self.lower)} to {show(self.upper)}"
        return f"{self.label} {show(self.value)} ({ends})"


@dataclass(frozen=True)
class PerformanceDrift:
    """How a metric changed from the reference to the current rows.

    Attributes
    ----------
    reference, current : Performance
        Both estimates.
    loss, lower, upper : float or None
        How much worse the current rows are, with its interval; negative is better. None
        where it cannot be told.
    dropped : bool
        Whether it is worse beyond chance, and by more than ``drift.max_loss``.
    reason : str
        The finding in a sentence.
    """

    reference: Performance
    current: Performance
    loss: float | None
    lower: float | None
    upper: float | None
    dropped: bool
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain JSON data."""
        return asdict(self)


def compare_performance(
    reference: Performance, current: Performance, *, max_loss: float, min_rows: int
) -> PerformanceDrift:
    """Compare the metric of two samples of rows.

    Parameters
    ----------
    reference, current : Performance
        The same metric of the same model on rows that do not overlap.
    max_loss : float
        A loss of no more than this is no drift, in the metric's own unit.
    min_rows : int
        With fewer current labels nothing is said.

    Notes
    -----
    The interval of the difference is put together from both intervals (Zou and Donner,
    Statistics in Medicine 27 (2008), 1693-1702): it holds for metrics whose interval is
    lopsided, such as an area near 1.
    """

    def told(reason: str) -> PerformanceDrift:
        return PerformanceDrift(reference, current, None, None, None, False, reason)

    if current.n < min_rows:
        return told(
            f"{current.n:,} current rows have labels, and {min_rows:,} are needed to "
            "compare performance (drift.min_rows)"
        )
    ends = [(each.value, each.lower, each.upper) for each in (reference, current)]
    (was, was_low, was_high), (now, now_low, now_high) = ends
    if was is None or now is None:
        without = reference if was is None else current
        return told(f"performance cannot be compared: {without}")
    if was_low is None or was_high is None or now_low is None or now_high is None:
        return told("performance cannot be compared: an interval is not known")
    loss = was - now if reference.greater_is_better else now - was
    worst_was, best_was = was - was_low, was_high - was
    worst_now, best_now = now_high - now, now - now_low
    if not reference.greater_is_better:
        worst_was, best_was = best_was, worst_was
        worst_now, best_now = best_now, worst_now
    lower = loss - math.hypot(worst_was, worst_now)
    upper = loss + math.hypot(best_was, best_now)
    return PerformanceDrift(
        reference,
        current,
        loss,
        lower,
        upper,
        dropped=lower > 0 and loss > max_loss,
        reason=_sentence(reference, current, loss, lower, max_loss),
    )


def _sentence(
    reference: Performance,
    current: Performance,
    loss: float,
    lower: float,
    max_loss: float,
) -> str:
    change = f"{current} on current rows, was {show(reference.value or 0.0)}"
    bound = "drift.max_loss"
    if loss <= 0:
        return f"{change}: not worse"
    if lower <= 0:
        return f"{change}: worse by {show(loss)}, which may be chance"
    if loss <= max_loss:
        return f"{change}: worse by {show(loss)}, and {max_loss:g} is allowed ({bound})"
    return f"{change}: worse by {show(loss)}, beyond chance and {max_loss:g} ({bound})"
