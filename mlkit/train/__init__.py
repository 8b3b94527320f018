"""Train: from a dataset to a fitted model beside its baselines.

A *model* is one pipeline: an encoder that takes the raw frame, then an estimator. An
*estimator* is named in the params, or chosen by cross-validation (``auto``). A
*baseline* is what the model must be worth its trouble against: ``dummy`` knows no
features, ``linear`` is a plain linear model. A *candidate* is a setting that was tried,
with its loss in each *fold*. A *digest* says that two models are the same, whatever the
bytes of their files.
"""

from mlkit.train.check import check_estimator
from mlkit.train.digest import DigestError, model_digest
from mlkit.train.fitting import fit
from mlkit.train.folds import FoldsImpossible
from mlkit.train.pipelines import fitted_estimator, predict
from mlkit.train.trained import Trained
from mlkit.train.validation import Candidate

__all__ = [
    "Candidate",
    "DigestError",
    "FoldsImpossible",
    "Trained",
    "check_estimator",
    "fit",
    "fitted_estimator",
    "model_digest",
    "predict",
]
