"""What is expected of a metric on rows without labels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from mlkit.metrics import METRICS, number_or_none, show


@dataclass(frozen=True)
class Realised:
    """A metric on the labelled rows, with its interval; NaN where it has no meaning."""

    value: float
    lower: float
    upper: float

    def to_dict(self) -> dict[str, float | None]:
        """Return plain JSON data; None stands for a number that does not exist."""
        return {name: number_or_none(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Expected:
    """A metric as it is to be expected on rows whose outcome is not known yet.

    Attributes
    ----------
    metric : str
        Its name.
    value, lower, upper : float
        The estimate, and the 95 % interval of what the labels will show on these rows
        if the assumption holds; NaN where the estimate is withheld or has no meaning.
    reference : float
        The metric on the labelled rows; NaN where it has no meaning or was measured by
        another threshold.
    dropped : bool
        Whether it is expected to be worse than on the labelled rows, beyond chance.
    reason : str
        The finding in a sentence, with what is to be known of the labelled rows.
    assumption : str
        What must hold.
    rows : int
        Rows without labels.
    effective_rows : float
        How many labelled rows like these carry as much as the labelled rows do: the
        effective sample size of the density ratio.
    withheld : str or None
        Why nothing is said of the metric, neither good nor bad: the labelled rows do
        not support an estimate. None where one is given.
    """

    metric: str
    value: float
    lower: float
    upper: float
    reference: float
    dropped: bool
    reason: str
    assumption: str
    rows: int
    effective_rows: float
    withheld: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as plain JSON data."""
        numbers = ("value", "lower", "upper", "reference", "effective_rows")
        return asdict(self) | {
            name: number_or_none(getattr(self, name)) for name in numbers
        }

    def __str__(self) -> str:
        ends = f"{show(self.lower)} to {show(self.upper)}"
        return f"{METRICS[self.metric].label} {show(self.value)} ({ends})"


def concluded(
    metric: str,
    value: float,
    half: float,
    realised: Realised | None,
    *,
    rows: int,
    effective_rows: float,
    assumption: str,
    notes: tuple[str, ...],
    max_loss: float,
    unknown: tuple[float, float] = (0.0, 0.0),
    withheld: str | None = None,
) -> Expected:
    """Return the estimate with its verdict.

    The loss against the labelled rows is beyond chance when its interval, put together
    from both (Zou and Donner, Statistics in Medicine 27 (2008), 1693-1702), is above 0.

    Parameters
    ----------
    half : float
        Half the width of the interval.
    max_loss : float
        A loss of no more than this is no drop, in the metric's own unit.
    unknown : tuple of float
        By how much more the lower and the upper end may be off, where nothing is known.
    withheld : str, optional
        Why no estimate can be given.
    """
    spec = METRICS[metric]
    value = value if withheld is None else math.nan
    lower, upper = _ends(metric, value, half, unknown)
    found = realised or Realised(math.nan, math.nan, math.nan)
    loss = spec.sign * (found.value - value)
    worst = found.value - found.lower if spec.sign > 0 else found.upper - found.value
    better = unknown[1] if spec.sign > 0 else unknown[0]
    least = loss - better - math.hypot(worst, half)
    dropped = bool(least > 0 and loss > max_loss)
    change = _change(found.value, loss, dropped=dropped, beyond=least > 0)
    said = _said(spec.label, (lower, value, upper), change, withheld)
    return Expected(
        metric=metric,
        value=value,
        lower=lower,
        upper=upper,
        reference=found.value,
        dropped=dropped,
        reason=". ".join((said, *notes)) + ".",
        assumption=assumption,
        rows=rows,
        effective_rows=effective_rows,
        withheld=withheld,
    )


def _said(
    label: str, ends: tuple[float, float, float], change: str, withheld: str | None
) -> str:
    lower, value, upper = map(show, ends)
    if withheld is not None:
        return f"{label} cannot be estimated: {withheld}"
    if math.isnan(ends[1]):
        return f"{label} has no meaning on these rows"
    return f"{label} of {value} is expected ({lower} to {upper}){change}"


def _ends(
    metric: str, value: float, half: float, unknown: tuple[float, float]
) -> tuple[float, float]:
    """Return the interval, inside what the metric can be."""
    if math.isnan(value):
        return math.nan, math.nan
    open_ended = METRICS[metric].needs == "value" or metric == "log_loss"
    most = math.inf if open_ended else 2.0 if metric == "brier" else 1.0
    return max(0.0, value - half - unknown[0]), min(most, value + half + unknown[1])


def _change(was: float, loss: float, *, dropped: bool, beyond: bool) -> str:
    if math.isnan(was):
        return ""
    change = f", it was {show(was)} on the labelled rows"
    if dropped:
        return f"{change}: worse by {show(loss)}, beyond chance"
    if beyond:
        return f"{change}: worse by {show(loss)}, which is allowed"
    return f"{change}: not worse beyond chance"
