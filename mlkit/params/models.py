"""Every key of a case: its type, its range, its default and its meaning, once.

The command line, the notebooks' ``parameters`` cells, the JSON Schema in ``params/``
and ``docs/params.md`` all follow from these models.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from mlkit.params.data_section import Data, Split
from mlkit.params.drift_section import Drift, Statistic
from mlkit.params.evaluate_section import PRIMARY_METRIC, Evaluate, Gate, Metric
from mlkit.params.explain_section import Explain
from mlkit.params.monitor_section import Monitor, Notify
from mlkit.params.train_section import ESTIMATORS, Search, Train
from mlkit.params.values import Kind, Name, Section, SemanticVersion, Task, Text

__all__ = [
    "ESTIMATORS",
    "PRIMARY_METRIC",
    "Data",
    "Drift",
    "Evaluate",
    "Explain",
    "Gate",
    "Kind",
    "Metric",
    "Monitor",
    "Notify",
    "Params",
    "Pipeline",
    "Registry",
    "Search",
    "Section",
    "Split",
    "Statistic",
    "Task",
    "Train",
]


class Registry(Section):
    """How a model is filed and promoted."""

    model: Name | None = Field(
        None, description="Name of the model; null takes the case's name."
    )
    version: SemanticVersion | None = Field(
        None,
        description="A semantic version to use, such as `1.2.0`; null numbers by rule.",
    )
    allow_pickle: bool = Field(
        False,
        description="Keeps a model of types that mlkit does not know as a pickle, "
        "which runs code when it is opened. Only for estimators whose code you trust.",
    )
    auto_promote: bool = Field(
        True, description="false stops at staging; a person promotes from there."
    )


class Pipeline(Section):
    """Limits of a run."""

    cell_timeout: float = Field(
        1800, gt=0, description="Seconds one notebook cell may take."
    )
    run_timeout: float = Field(
        7200, gt=0, description="Seconds all notebooks of a run may take together."
    )


class Params(Section):
    """One case: one model's life."""

    format: int = Field(1, ge=1, le=1, description="Version of this file's format.")
    case: Name = Field(description="Name of the case: the file's name without `.yaml`.")
    task: Task = Field(description="What kind of prediction is made.")
    seed: int = Field(0, ge=0, lt=2**32, description="Seed of everything random.")
    notes: str = Field("", description="Free text that is kept with the version.")
    segments: Text | None = Field(
        None,
        description="A column by whose values the case is divided: a retrain makes one "
        "model a value, each filed as the model `<model>.<value>`, and one report "
        "of all.",
    )
    data: Data
    train: Train = Field(default_factory=Train)
    evaluate: Evaluate = Field(default_factory=Evaluate)
    explain: Explain = Field(default_factory=Explain)
    drift: Drift = Field(default_factory=Drift)
    monitor: Monitor = Field(default_factory=Monitor)
    notify: Notify = Field(default_factory=Notify)
    registry: Registry = Field(default_factory=Registry)
    pipeline: Pipeline = Field(default_factory=Pipeline)

    @model_validator(mode="before")
    @classmethod
    def _average_of_classes(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("task") != "multiclass":
            return given
        evaluate = given.get("evaluate", {})
        if not isinstance(evaluate, dict):
            return given
        return given | {"evaluate": {"average": "macro"} | evaluate}

    @property
    def primary(self) -> str:
        """Name of the primary metric."""
        return self.evaluate.primary or PRIMARY_METRIC[self.task]

    @property
    def model(self) -> str:
        """Name of the model in the registry."""
        return self.registry.model or self.case

    def to_dict(self) -> dict[str, Any]:
        """Return the params as plain JSON data, every default filled in."""
        return self.model_dump(mode="json")
