"""Every key of a case: its type, its range, its default and its meaning, once.

The command line, the notebooks' ``parameters`` cells, the JSON Schema in ``params/``
and ``docs/params.md`` all follow from these models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from mlkit.params.data_section import Data, Split
from mlkit.params.drift_section import Drift, Statistic
from mlkit.params.explain_section import Explain
from mlkit.params.values import (
    DottedPath,
    Kind,
    Name,
    Scalar,
    Section,
    SemanticVersion,
    Task,
    Text,
)

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

ESTIMATORS = (
    "auto",
    "hist_gradient_boosting",
    "linear",
    "sgd",
    "random_forest",
    "extra_trees",
    "lightgbm",
    "xgboost",
)
PRIMARY_METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}


class Search(Section):
    """A random search for hyper-parameters."""

    seconds: float = Field(
        60, gt=0, description="Time budget of the search, in seconds."
    )
    candidates: int = Field(
        20, ge=1, description="At most this many settings are tried."
    )
    folds: int = Field(5, ge=2, description="Folds of the cross-validation.")
    space: dict[str, Annotated[list[Scalar | None], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Values to try for each option of the estimator; empty takes the "
        "estimator's usual ones.",
    )


class Train(Section):
    """Which model is fitted, and how."""

    estimator: Text = Field(
        "hist_gradient_boosting",
        description=f"One of {', '.join(f'`{name}`' for name in ESTIMATORS)}; or the "
        "dotted path `package.module:Class` of a scikit-learn estimator. `linear` is a "
        "logistic regression or a ridge regression; `auto` takes `linear` or "
        "`hist_gradient_boosting` by cross-validated log-loss or RMSE.",
    )
    options: dict[str, Scalar | None] = Field(
        default_factory=dict, description="Hyper-parameters given to the estimator."
    )
    class_weight: Literal["balanced"] | dict[str, float] | None = Field(
        None,
        description="Weights of the classes: `balanced`, or a number for each class.",
    )
    calibration: Literal["sigmoid", "isotonic"] | None = Field(
        None, description="Recalibrates the probabilities by cross-validation."
    )
    folds: int = Field(
        5, ge=2, description="Folds used by `auto` and by `calibration`."
    )
    search: Search | None = Field(
        None, description="Searches for hyper-parameters; null does not search."
    )


class Metric(Section):
    """A metric of the user's own."""

    name: Name = Field(description="How reports and gates call it.")
    path: DottedPath = Field(
        description="`package.module:function` with the signature "
        "`f(y_true, y_pred) -> float`."
    )
    needs: Literal["label", "probability", "value"] = Field(
        description="What `y_pred` is: predicted classes, probabilities (of the "
        "positive class when binary, one column a class when multiclass) or predicted "
        "values."
    )
    greater_is_better: bool = Field(description="The direction of goodness.")


class Gate(Section):
    """A bound that a model must keep before it may be promoted."""

    metric: Text = Field(description="A metric's name, or `primary`.")
    min: float | None = Field(None, description="The metric must be at least this.")
    max: float | None = Field(None, description="The metric must be at most this.")
    better_than: Literal["dummy", "linear"] | None = Field(
        None, description="The metric must be better than this baseline's."
    )
    by: float = Field(
        0.0, ge=0, description="With `better_than`: by at least this much."
    )

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if self.min is None and self.max is None and self.better_than is None:
            raise ValueError("needs one of min, max and better_than")
        if self.by and self.better_than is None:
            raise ValueError("may have `by` only beside `better_than`")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("must have a min that is not above its max")
        return self


class Evaluate(Section):
    """How a model is measured and what it must reach."""

    primary: Text | None = Field(
        None,
        description="The metric that decides between champion and challenger; null "
        "takes `roc_auc` (binary), `log_loss` (multiclass) or `r2` (regression).",
    )
    metrics: list[Metric] = Field(
        default_factory=list, description="Metrics of your own, by dotted path."
    )
    threshold: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="Binary tasks: probabilities of at least this are called positive.",
    )
    average: Literal["binary", "macro", "weighted"] = Field(
        "binary",
        description="Averaging of precision, recall and F1 over classes: `binary` is "
        "that of the positive class. A multiclass task takes `macro` unless told "
        "`weighted`.",
    )
    gates: list[Gate] = Field(
        default_factory=lambda: [Gate(metric="primary", better_than="dummy")],
        description="Bounds that must hold before a promotion.",
    )
    min_gain: float = Field(
        0.01,
        ge=0,
        description="Smallest gain in the primary metric for which the champion is "
        "replaced, in the metric's own unit.",
    )
    slices: list[Text] = Field(
        default_factory=list,
        description="Columns by whose values the metrics are repeated; `protected` "
        "columns are added.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of the intervals.")
    resamples: int = Field(
        1000, ge=100, description="Bootstrap resamples behind the intervals."
    )


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
    data: Data
    train: Train = Field(default_factory=Train)
    evaluate: Evaluate = Field(default_factory=Evaluate)
    explain: Explain = Field(default_factory=Explain)
    drift: Drift = Field(default_factory=Drift)
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
