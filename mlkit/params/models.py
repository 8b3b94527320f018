"""Every key of a case: its type, its range, its default and its meaning, once.

The command line, the notebooks' ``parameters`` cells, the JSON Schema in ``params/``
and ``docs/params.md`` all follow from these models.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Scalar = str | int | float | bool
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
DottedPath = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
# The expression that semver.org recommends, with an optional leading v.
SemanticVersion = Annotated[
    str,
    Field(
        pattern=r"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
        r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
        r"(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
        r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
    ),
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
MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
PRIMARY_METRIC = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "r2"}


class Section(BaseModel):
    """A group of keys: unknown keys are refused, values are strict and read-only."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )


class Split(Section):
    """How rows are divided into training and test rows."""

    by: Literal["row", "group", "time"] = Field(
        "row",
        description="`row`: by a hash of the row's content; `group`: by a hash of "
        "`data.group`, so that a group is never on both sides; `time`: the newest rows "
        "by `data.time` are the test rows. A row once in test stays in test.",
    )
    test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the rows that is kept for testing."
    )
    cutoff: Text | None = Field(
        None,
        description="`by: time` only: rows at or after this ISO date are test rows; "
        "null takes the date that leaves `test_share` of the rows.",
    )


class Data(Section):
    """Where the rows come from and what the columns mean."""

    source: Text | None = Field(
        None,
        description="A CSV, TSV or Parquet file (path or fsspec URI; .gz and .zip "
        "too), `sklearn:<name>` (breast_cancer, diabetes, digits, wine) or "
        "`synthetic:<domain>`. Relative paths start at the workspace root. Either this "
        "or `query`.",
    )
    query: Text | None = Field(
        None,
        description="A DuckDB SQL query over `files` that returns one row an example.",
    )
    files: dict[str, Text] = Field(
        default_factory=dict,
        description="Tables for `query`: the name used in SQL and the file it stands "
        "for.",
    )
    options: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Arguments of a `synthetic:` generator, such as `rows` or `drift`.",
    )
    test: Text | None = Field(
        None,
        description="A file of its own with the test rows; null splits the source.",
    )
    separator: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="Column separator of a text file; null finds it."
    )
    encoding: Text | None = Field(
        None,
        description="Encoding of a text file; null tries UTF-8 (with or without BOM).",
    )
    header: bool = Field(
        True, description="Whether the first line of a text file names the columns."
    )
    names: list[Text] | None = Field(
        None, description="Column names of a headerless text file, in order."
    )
    missing: list[str] = Field(
        default_factory=lambda: list(MISSING),
        description="Cell texts that mean missing; blanks around a cell are ignored.",
    )
    target: Text = Field(description="The column to predict.")
    positive: Scalar | None = Field(
        None,
        description="Binary tasks: the value of the target that counts as positive.",
    )
    time: Text | None = Field(
        None, description="The column that says when a row happened."
    )
    group: Text | None = Field(
        None, description="The column whose rows belong together in a split."
    )
    weight: Text | None = Field(
        None, description="A column of sample weights (numbers of at least 0)."
    )
    columns: dict[str, Kind] = Field(
        default_factory=dict,
        description="Kinds declared by hand: number, category, boolean, date, text or "
        "identifier. Kinds not declared are inferred from the values.",
    )
    ignore: list[Text] = Field(
        default_factory=list, description="Columns the model must not see."
    )
    sensitive: list[Text] = Field(
        default_factory=list,
        description="Columns whose values are masked in reports and errors.",
    )
    protected: list[Text] = Field(
        default_factory=list,
        description="Columns by which the results are compared between groups.",
    )
    split: Split = Field(default_factory=Split)
    min_rows: int = Field(
        100, ge=10, description="Fewer training rows than this are refused."
    )
    accept_leakage: list[Text] = Field(
        default_factory=list,
        description="Columns known to predict the target almost perfectly and still "
        "available when a prediction is made; they no longer stop a promotion.",
    )


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
        description="Keeps a model of types that mlkit does not know as a pickle, which "
        "runs code when it is opened. Only for estimators whose code you trust.",
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
