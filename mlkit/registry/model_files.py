"""Model files: opening one must not run what is in it.

A model is kept in skops' format, which is parsed, audited and only then built. Types
that skops does not trust by itself are built only when they are on the list below,
which is never read from the file. The list covers the estimators that mlkit offers by
name, their preprocessing and most of scikit-learn; anything else needs a pickle, which
runs code when it is opened and is therefore asked for by name, for a file whose hash is
known.
"""

from __future__ import annotations

import pickle
from typing import Any
from zipfile import ZIP_DEFLATED

from mlkit import store
from mlkit.registry.errors import DamageError, RegistryError

SKOPS = "model.skops"
PICKLE = "model.pickle"
ZIP_MAGIC = b"PK\x03\x04"

# skops leaves trees out because indices in a forged file can crash the process that
# predicts with it. The files opened here are known by hash, and some come from forests.
# A partial gives arguments to a function, which must itself be trusted; boosting on
# categories keeps one of check_array.
TRUSTED = frozenset(
    {
        "collections.OrderedDict",
        "functools.partial",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        "mlkit.train.dates.DateParts",
        "mlkit.train.text.TextVectors",
        "numpy.dtype",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._scorer._PassthroughScorer",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "sklearn.utils.validation.check_array",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)


def save_model(
    model: object, *, sample: Any = None, allow_pickle: bool = False
) -> bytes:
    """Return the content of a model's file, after opening it once as a check.

    Parameters
    ----------
    model : object
        A fitted estimator or pipeline.
    sample : array-like of shape (n_samples, n_features), optional
        Rows for which the reopened model must predict exactly what the model does.
    allow_pickle : bool
        Pickle a model that holds types which are not on the list of trusted ones.

    Returns
    -------
    bytes
        A skops file; a pickle only if it was allowed and is needed. The same model
        gives other bytes each time.

    Raises
    ------
    RegistryError
        When the model holds types that are not trusted, cannot be kept, or predicts
        otherwise once it is reopened.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = DummyClassifier().fit([[0], [1]], [1, 1])
    >>> load_model(save_model(model, sample=[[2]])).predict([[3]])
    array([1])
    """
    data = _dump(model)
    if data is None or untrusted_types(data):
        if not allow_pickle:
            _refuse(data, f"a model of type {_type_name(model)}")
        data = pickle.dumps(model, protocol=5)
    reopened = load_model(
        data, sha256=store.sha256_bytes(data), allow_pickle=allow_pickle
    )
    if sample is not None:
        _check_same_answers(model, reopened, sample)
    return data


def load_model(
    data: bytes, *, sha256: str | None = None, allow_pickle: bool = False
) -> Any:
    """Return the model that a file holds.

    Parameters
    ----------
    data : bytes
        Content of the file.
    sha256 : str, optional
        What the SHA-256 of `data` must be; it is checked before anything is parsed.
    allow_pickle : bool
        Open a pickle, which needs `sha256`.

    Raises
    ------
    DamageError
        When the hash differs.
    RegistryError
        When the file is a pickle that was not asked for, holds types that are not
        trusted, or is no model file.
    """
    found = store.sha256_bytes(data)
    if sha256 is not None and found != sha256:
        raise DamageError(
            f"a model file was altered: expected SHA-256 {sha256}, got {found}; it was "
            "not opened: restore it from a backup"
        )
    if data.startswith(ZIP_MAGIC):
        return _load_skops(data)
    if not allow_pickle:
        raise RegistryError(
            f"a model file of {len(data)} bytes is not in skops' format, and opening "
            "another one may run code; if you trust whoever wrote it, set "
            "registry.allow_pickle: true in the params"
        )
    if sha256 is None:
        raise RegistryError(
            "a pickle is opened only when its SHA-256 is known, got None; load it "
            "through the registry, or pass sha256"
        )
    return pickle.loads(data)


def file_name(data: bytes) -> str:
    """Return the artifact name that fits a model file's content."""
    return SKOPS if data.startswith(ZIP_MAGIC) else PICKLE


def untrusted_types(data: bytes) -> tuple[str, ...]:
    """Return the types in a skops file that are on no list of trusted ones, sorted.

    Raises
    ------
    RegistryError
        When it is no skops file.
    """
    return tuple(name for name in _listed(data) if name not in TRUSTED)


def _listed(data: bytes) -> list[str]:
    from skops.io import get_untrusted_types

    try:
        names: list[str] = get_untrusted_types(data=data)
    except Exception as error:  # a forged file can break the parser in any way
        raise _unreadable(data, error) from error
    return names


def _load_skops(data: bytes) -> Any:
    from skops.io import loads

    names = _listed(data)
    if not TRUSTED.issuperset(names):
        _refuse(data, "a model file")
    try:
        return loads(data, trusted=names)
    except Exception as error:  # a forged file can break the builder in any way
        raise _unreadable(data, error) from error


def _dump(model: object) -> bytes | None:
    from skops.io import dumps
    from skops.io.exceptions import UnsupportedTypeException

    try:
        data: bytes = dumps(model, compression=ZIP_DEFLATED)
    except UnsupportedTypeException:
        return None
    return data


def _refuse(data: bytes | None, what: str) -> None:
    types = ", ".join(untrusted_types(data)) if data else "some that skops cannot keep"
    raise RegistryError(
        f"{what} may hold only types that mlkit trusts, got also: {types}; use an "
        "estimator of scikit-learn, lightgbm or xgboost, or, if you trust the code "
        "behind these types, set registry.allow_pickle: true in the params"
    )


def _unreadable(data: bytes, error: Exception) -> RegistryError:
    return RegistryError(
        f"a model file of {len(data)} bytes is not a sound skops file "
        f"({type(error).__name__}: {error}); save the model again, or install the "
        "package versions that its manifest names"
    )


def _check_same_answers(model: Any, reopened: Any, sample: Any) -> None:
    import numpy as np

    ways = [way for way in ("predict", "predict_proba") if hasattr(model, way)]
    for way in ways:
        before = np.asarray(getattr(model, way)(sample))
        after = np.asarray(getattr(reopened, way)(sample))
        equal_nan = before.dtype.kind == "f"
        if not np.array_equal(before, after, equal_nan=equal_nan):
            differ = int(np.sum(before != after))
            raise RegistryError(
                f"a saved model must {way} exactly as before, and {differ} of "
                f"{before.size} values differ for the sample; a model of type "
                f"{_type_name(model)} cannot be kept this way: use another estimator"
            )


def _type_name(model: object) -> str:
    steps = getattr(model, "steps", None)
    kind = type(steps[-1][1] if steps else model)
    return f"{kind.__module__}.{kind.__qualname__}"
