"""Explain: which columns moved a prediction, and by how much.

A *contribution* is the part of one prediction that one raw column of the user's table
accounts for (its Shapley value: a date taken apart, a category turned into many
columns, a text turned into words count as one). It is measured against *background*
rows: what the prediction would be on average, were the column's value not known. A
prediction is its *base* value and its contributions, added up; every sum is held to
what the fitted model says. An *importance* is the mean size of a column's
contributions. LIME is another *method*: a linear model of the predictions around a row.
"""

from mlkit.explain.contributed import AdditivityError, Contributions, ExplainError
from mlkit.explain.explainers import Explainer, contributions, explainer
from mlkit.explain.explanation import Explanation
from mlkit.explain.importances import Importances, Measure, global_importance
from mlkit.explain.neighbours import LimeExplanation
from mlkit.explain.rows import ChosenRow, background_rows, named_row, telling_rows

__all__ = [
    "AdditivityError",
    "ChosenRow",
    "Contributions",
    "ExplainError",
    "Explainer",
    "Explanation",
    "Importances",
    "LimeExplanation",
    "Measure",
    "background_rows",
    "contributions",
    "explainer",
    "global_importance",
    "named_row",
    "telling_rows",
]
