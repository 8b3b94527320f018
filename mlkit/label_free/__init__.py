"""Label-free performance: what a model's metrics are likely to be before labels come.

*Labelled answers* are what is kept of a model's answers on rows whose outcome was
known: how often each probability came true, or how large errors were. What is
*expected* of rows without labels follows from them, for what is like it was: the
estimates see other rows (covariate shift) and are blind to other rules (concept drift).
"""

from mlkit.label_free.answers import (
    FEWEST_ROWS,
    LabelledAnswers,
    from_dict,
    labelled_answers,
)
from mlkit.label_free.classification import ESTIMABLE, estimate_classification
from mlkit.label_free.records import Expected
from mlkit.label_free.regression import estimate_regression

__all__ = [
    "ESTIMABLE",
    "FEWEST_ROWS",
    "Expected",
    "LabelledAnswers",
    "estimate_classification",
    "estimate_regression",
    "from_dict",
    "labelled_answers",
]
