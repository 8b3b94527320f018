"""The record of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlkit.evaluate.gates import GateResult
from mlkit.evaluate.groups import GroupComparison
from mlkit.evaluate.residuals import Residuals
from mlkit.evaluate.slices import SliceResult
from mlkit.evaluate.tables import evaluation_html
from mlkit.metrics import Calibration, Curve, Estimate, MetricSpec, PairedTest


@dataclass(frozen=True)
class Evaluation:
    """How good a model is on the test rows, and what that is worth.

    Attributes
    ----------
    task, primary, n_test, classes, confidence
        The task, the primary metric, the number of test rows, the class names in the
        order of the codes (None for a regression, numbered where the target is
        sensitive) and the level of the intervals.
    specs
        The metrics by name, in the order in which they are shown.
    metrics
        For each model (``model`` and its baselines) the estimate of each metric.
    gates
        The results of the gates.
    slices
        The model's metrics for parts of the test rows.
    against_dummy
        The paired test of the model against the dummy baseline: in the primary metric,
        or in the task's usual one where the dummy has no value in the primary; None
        where no dummy was evaluated.
    calibration
        Of the model; None for a regression.
    confusion : tuple of shape (n_classes, n_classes)
        Rows by true and predicted class, not weighted; None for a regression.
    roc, pr
        Curves of the model; empty for a regression.
    residuals
        Of the model; None for a classification.
    groups
        The groups of each protected column against the rest of the test rows.
    """

    task: str
    primary: str
    n_test: int
    classes: tuple[str, ...] | None
    confidence: float
    specs: Mapping[str, MetricSpec]
    metrics: Mapping[str, Mapping[str, Estimate]]
    gates: tuple[GateResult, ...]
    slices: tuple[SliceResult, ...]
    against_dummy: PairedTest | None
    calibration: Calibration | None
    confusion: tuple[tuple[int, ...], ...] | None
    roc: tuple[Curve, ...]
    pr: tuple[Curve, ...]
    residuals: Residuals | None
    groups: tuple[GroupComparison, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every gate is kept."""
        return all(gate.passed for gate in self.gates)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data; None stands for a number that does not exist."""
        return {
            "task": self.task,
            "primary": self.primary,
            "n_test": self.n_test,
            "classes": None if self.classes is None else list(self.classes),
            "confidence": self.confidence,
            "labels": {name: spec.label for name, spec in self.specs.items()},
            "greater_is_better": {
                name: spec.greater_is_better for name, spec in self.specs.items()
            },
            "metrics": {
                model: {name: each.to_dict() for name, each in found.items()}
                for model, found in self.metrics.items()
            },
            "passed": self.passed,
            "gates": [gate.to_dict() for gate in self.gates],
            "slices": [part.to_dict() for part in self.slices],
            "against_dummy": _plain(self.against_dummy),
            "calibration": _plain(self.calibration),
            "confusion": self.confusion and [list(row) for row in self.confusion],
            "roc": [curve.to_dict() for curve in self.roc],
            "pr": [curve.to_dict() for curve in self.pr],
            "residuals": _plain(self.residuals),
            "groups": [each.to_dict() for each in self.groups],
        }

    def _repr_html_(self) -> str:
        return evaluation_html(
            self.specs,
            self.metrics,
            self.gates,
            self.slices,
            self.groups,
            primary=self.primary,
        )


def _plain(record: Any) -> dict[str, Any] | None:
    return None if record is None else dict(record.to_dict())
