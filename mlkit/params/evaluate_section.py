"""The section `evaluate`: how a model is measured and what it must reach."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlkit.params.values import DottedPath, Name, Section, Text

PRIMARY_METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}


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
