"""How an evaluation shows itself in a notebook: three tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlkit.data.markup import table
from mlkit.evaluate.gates import GateResult
from mlkit.evaluate.slices import SliceResult
from mlkit.metrics import Estimate, MetricSpec


def evaluation_html(
    specs: Mapping[str, MetricSpec],
    metrics: Mapping[str, Mapping[str, Estimate]],
    gates: Sequence[GateResult],
    slices: Sequence[SliceResult],
    *,
    primary: str,
) -> str:
    """Return tables of metrics, gates and slices; those without rows are left out."""
    found = [metrics_html(specs, metrics)]
    if gates:
        found.append(gates_html(specs, gates))
    if slices:
        found.append(slices_html(specs[primary], slices))
    return "".join(found)


def metrics_html(
    specs: Mapping[str, MetricSpec], metrics: Mapping[str, Mapping[str, Estimate]]
) -> str:
    """Return a table with a row a metric and a column a model."""
    better = {True: "higher is better", False: "lower is better"}
    rows = [
        [
            f"{spec.label} ({better[spec.greater_is_better]})",
            *(str(found[name]) for found in metrics.values()),
        ]
        for name, spec in specs.items()
    ]
    return table("Metrics with intervals", ["metric", *metrics], rows)


def gates_html(specs: Mapping[str, MetricSpec], gates: Sequence[GateResult]) -> str:
    """Return a table with a row a gate."""
    rows = [
        [specs[gate.metric].label, gate.sentence, "kept" if gate.passed else "broken"]
        for gate in gates
    ]
    return table("Gates", ["metric", "what was found", "gate"], rows)


def slices_html(spec: MetricSpec, slices: Sequence[SliceResult]) -> str:
    """Return a table of the primary metric with a row a slice."""
    rows = [
        [
            f"{part.column} = {part.value}",
            f"{part.n:,}",
            part.note if part.note is not None else str(part.estimate),
        ]
        for part in slices
    ]
    return table(f"{spec.label} by slice", ["slice", "rows", spec.label], rows)
