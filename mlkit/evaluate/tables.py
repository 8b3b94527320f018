"""How an evaluation shows itself in a notebook: a table for each part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlkit.data.markup import table
from mlkit.evaluate.gates import GateResult
from mlkit.evaluate.groups import GroupComparison
from mlkit.evaluate.slices import SliceResult
from mlkit.metrics import Estimate, MetricSpec


def evaluation_html(
    specs: Mapping[str, MetricSpec],
    metrics: Mapping[str, Mapping[str, Estimate]],
    gates: Sequence[GateResult],
    slices: Sequence[SliceResult],
    groups: Sequence[GroupComparison],
    *,
    primary: str,
) -> str:
    """Return tables of metrics, gates, slices and groups; empty ones are left out."""
    found = [metrics_html(specs, metrics)]
    if gates:
        found.append(gates_html(specs, gates))
    if slices:
        found.append(slices_html(specs[primary], slices))
    if groups:
        found.append(groups_html(groups))
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


def groups_html(groups: Sequence[GroupComparison]) -> str:
    """Return a table of what was found, with a row a protected column."""
    rows = [[found.column, f"{found.sentence} {found.detail}"] for found in groups]
    return table("Groups, a first look at bias", ["column", "finding"], rows)
