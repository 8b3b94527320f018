"""The figures that suit a task: curves and mistakes of a classifier, or residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlkit.report import curves, intervals, mistakes
from mlkit.report.figures import Figure

if TYPE_CHECKING:
    from mlkit.data import Schema
    from mlkit.evaluate import Evaluation
    from mlkit.metrics import Scored


@dataclass(frozen=True)
class Gallery:
    """Figures that are shown one below the other."""

    figures: Sequence[Figure]

    def to_dict(self) -> dict[str, Any]:
        """Return what the figures say as plain JSON data."""
        return {"figures": [figure.to_dict() for figure in self.figures]}

    def _repr_html_(self) -> str:
        return "".join(figure._repr_html_() for figure in self.figures)


def performance(
    scored: Mapping[str, Scored], schema: Schema, *, seed: int = 0
) -> Gallery:
    """Return the figures that show where a model is right and where it errs.

    Parameters
    ----------
    scored : mapping of str to Scored
        Predictions of ``model``, ``linear`` and ``dummy`` for the test rows.
    schema : Schema
        The columns, the target and its classes.
    seed : int
        Seed of the simulation behind the floor of the calibration error.

    Returns
    -------
    Gallery
        ROC, precision-recall, calibration and confusion for a classification;
        residuals for a regression.
    """
    model, classes = scored["model"], schema.classes
    if classes is None:
        points = not schema.column(schema.target).sensitive
        figure = mistakes.residuals(model, target=schema.target, points=points)
        return Gallery([figure])
    return Gallery(
        [
            curves.roc(scored, classes),
            curves.precision_recall(scored, classes),
            curves.calibration(model, classes, seed=seed),
            mistakes.confusion(model, classes),
        ]
    )


def slice_performance(evaluation: Evaluation) -> Gallery:
    """Return the primary metric by slice, or a sentence where no slices were asked for.

    Parameters
    ----------
    evaluation : Evaluation
        What ``mlkit.evaluate.evaluate`` returned.
    """
    return Gallery([intervals.slices(evaluation)])
