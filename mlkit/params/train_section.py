"""The section `train`: which model is fitted, and how."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mlkit.params.values import Scalar, Section, Text

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
        "`hist_gradient_boosting` by cross-validated log-loss or RMSE, and tries "
        "several strengths of them where rows are few or there is text.",
    )
    options: dict[str, Scalar | None] = Field(
        default_factory=dict, description="Hyper-parameters given to the estimator."
    )
    class_weight: Literal["balanced"] | dict[str, float] | None = Field(
        None,
        description="Weights of the classes: `balanced`, or a number for each class.",
    )
    calibration: Literal["sigmoid", "isotonic"] | None = Field(
        None,
        description="Recalibrates the probabilities by cross-validation; null leaves "
        "them as they are, which is best as a rule for `linear` and "
        "`hist_gradient_boosting`. It helps forests, and undoes what class weights do "
        "to probabilities.",
    )
    folds: int = Field(
        5, ge=2, description="Folds used by `auto` and by `calibration`."
    )
    search: Search | None = Field(
        None, description="Searches for hyper-parameters; null does not search."
    )
