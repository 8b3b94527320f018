"""Gates: bounds that a model must keep before it may be promoted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mlkit.metrics import Estimate, MetricSpec, number_or_none, show
from mlkit.params.models import Gate

Scores = Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True)
class GateResult:
    """What a gate asked for and what was found.

    Attributes
    ----------
    key
        The gate's path in the params, such as ``evaluate.gates[0]``.
    metric
        The metric's name, also where the gate says ``primary``.
    min, max, better_than, by
        The bounds as the params give them.
    bound
        The bounds in words.
    value
        The model's value; None where it is undefined.
    baseline
        The value of the baseline in ``better_than``; None without one.
    passed
        Whether every bound is kept.
    sentence
        The result in one sentence.
    """

    key: str
    metric: str
    min: float | None
    max: float | None
    better_than: str | None
    by: float
    bound: str
    value: float | None
    baseline: float | None
    passed: bool
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def gate_results(
    gates: Sequence[Gate],
    scores: Scores,
    specs: Mapping[str, MetricSpec],
    *,
    primary: str,
) -> tuple[GateResult, ...]:
    """Hold the model's metrics against the gates.

    Parameters
    ----------
    gates
        The gates of the params.
    scores
        For each of ``model`` and the baselines, the estimate of each metric by name.
        The values decide, not the ends of their intervals.
    specs
        The metrics by name.
    primary
        The metric that ``primary`` stands for.

    Raises
    ------
    ValueError
        When a gate is about a baseline that was not evaluated.
    """
    found = []
    for position, gate in enumerate(gates):
        key = f"evaluate.gates[{position}]"
        if gate.better_than is not None and gate.better_than not in scores:
            raise ValueError(
                f"{key}.better_than must name a model that was evaluated "
                f"({', '.join(scores)}), got {gate.better_than!r}. Evaluate it, too."
            )
        spec = specs[primary if gate.metric == "primary" else gate.metric]
        found.append(_result(key, gate, spec, scores))
    return tuple(found)


def _result(key: str, gate: Gate, spec: MetricSpec, scores: Scores) -> GateResult:
    estimate = scores["model"][spec.name]
    base = scores[gate.better_than][spec.name] if gate.better_than else None
    words, kept = _bounds(gate, spec, estimate.value, base)
    bound = " and ".join(words)
    passed = estimate.defined and all(kept)
    if estimate.defined:
        limits = [limit for limit in (gate.min, gate.max) if limit is not None]
        value = show(estimate.value, apart_from=limits[0] if limits else None)
        sentence = (
            f"{spec.label} is {value} and must be {bound}: "
            f"{'kept' if passed else 'broken'}."
        )
    else:
        sentence = (
            f"{spec.label} must be {bound} and has no value, as {estimate.reason}: "
            "broken."
        )
    return GateResult(
        key=key,
        metric=spec.name,
        min=gate.min,
        max=gate.max,
        better_than=gate.better_than,
        by=gate.by,
        bound=bound,
        value=number_or_none(estimate.value),
        baseline=None if base is None else number_or_none(base.value),
        passed=passed,
        sentence=sentence,
    )


def _bounds(
    gate: Gate, spec: MetricSpec, value: float, base: Estimate | None
) -> tuple[list[str], list[bool]]:
    words, kept = [], []
    if gate.min is not None:
        words.append(f"at least {gate.min:g}")
        kept.append(value >= gate.min)
    if gate.max is not None:
        words.append(f"at most {gate.max:g}")
        kept.append(value <= gate.max)
    if base is not None:
        who = f"the {gate.better_than} baseline"
        if not base.defined:
            # The baseline has nothing to show, so that any value is better.
            words.append(f"better than {who}, which has no value ({base.reason})")
            kept.append(True)
        else:
            gain = spec.sign * (value - base.value)
            by = f" by at least {gate.by:g}" if gate.by else ""
            words.append(f"better than {who} ({show(base.value)}){by}")
            kept.append(gain > 0 and gain >= gate.by)
    return words, kept
