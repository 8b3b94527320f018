"""Opening a model file checks it first and never runs what is in it."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import io
import os
import pickle
import pkgutil
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import mlkit.data
import mlkit.train
from mlkit import store
from mlkit.params import params_from_dict
from mlkit.params.models import ESTIMATORS
from mlkit.registry import (
    Candidate,
    DamageError,
    RegistryError,
    load_model,
    open_registry,
    save_model,
)
from mlkit.registry.model_files import PICKLE, SKOPS, TRUSTED, file_name

ROWS = 60
RANDOM = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "size": np.where(np.arange(ROWS) % 9, RANDOM.normal(size=ROWS), np.nan),
        "city": RANDOM.choice(["Oslo", "Rome", "Bonn"], ROWS),
        "note": RANDOM.choice(["red fox", "blue dog", "red dog"], ROWS),
    }
)
CLASSES = RANDOM.integers(0, 3, ROWS)
VALUES = RANDOM.normal(size=ROWS)


class Outsider(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that no list knows."""

    def fit(self, X: Any, y: Any) -> Outsider:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[0])


class Forgetful(Outsider):
    """An estimator that answers otherwise once it was kept."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "classes_": self.classes_[::-1]}


def pipeline(estimator: Any) -> Pipeline:
    numbers = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    columns = ColumnTransformer(
        [
            ("number", numbers, ["size"]),
            ("one", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("order", OrdinalEncoder(), ["city"]),
            ("text", TfidfVectorizer(), "note"),
        ],
        sparse_threshold=0,
    )
    return Pipeline([("prepare", columns), ("model", estimator)])


def classifiers() -> list[Any]:
    few = {"n_estimators": 5, "random_state": 0}
    return [
        HistGradientBoostingClassifier(max_iter=5),
        RandomForestClassifier(**few),
        ExtraTreesClassifier(**few),
        LogisticRegression(),
        SGDClassifier(loss="log_loss", random_state=0),
        DummyClassifier(),
        CalibratedClassifierCV(LogisticRegression(), method="sigmoid", cv=2),
        CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2),
        CalibratedClassifierCV(RandomForestClassifier(**few), cv=2),
    ]


def regressors() -> list[Any]:
    few = {"n_estimators": 5, "random_state": 0}
    return [
        HistGradientBoostingRegressor(max_iter=5),
        HistGradientBoostingRegressor(max_iter=5, loss="absolute_error"),
        RandomForestRegressor(**few),
        ExtraTreesRegressor(**few),
        Ridge(),
        SGDRegressor(random_state=0),
        DummyRegressor(),
    ]


CASES = [
    *[pytest.param(e, CLASSES, id=repr(e)[:40]) for e in classifiers()],
    *[pytest.param(e, VALUES, id=repr(e)[:40]) for e in regressors()],
]


@pytest.mark.parametrize(("estimator", "target"), CASES)
def test_the_offered_estimators_answer_the_same_once_reopened(
    estimator: Any, target: Any
) -> None:
    model = pipeline(estimator).fit(FRAME, target)
    data = save_model(model, sample=FRAME)
    reopened = load_model(data, sha256=store.sha256_bytes(data))
    np.testing.assert_array_equal(reopened.predict(FRAME), model.predict(FRAME))
    assert file_name(data) == SKOPS


@pytest.mark.parametrize("package", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("task", ["Classifier", "Regressor"])
def test_boosting_packages_answer_the_same_once_reopened(
    package: str, task: str
) -> None:
    module = pytest.importorskip(package)
    prefix, options = {
        "lightgbm": ("LGBM", {"verbose": -1, "min_child_samples": 5}),
        "xgboost": ("XGB", {}),
    }[package]
    estimator = getattr(module, prefix + task)(n_estimators=5, n_jobs=1, **options)
    numbers = FRAME[["size"]].to_numpy()
    model = estimator.fit(numbers, CLASSES if task == "Classifier" else VALUES)
    reopened = load_model(save_model(model, sample=numbers))
    np.testing.assert_array_equal(reopened.predict(numbers), model.predict(numbers))


@pytest.mark.parametrize("calibration", [None, "sigmoid"])
@pytest.mark.parametrize("estimator", [e for e in ESTIMATORS if e != "auto"])
def test_what_train_fits_answers_the_same_once_reopened(
    estimator: str, calibration: str | None
) -> None:
    if estimator in ("lightgbm", "xgboost"):
        pytest.importorskip(estimator)
    frame = pd.concat([FRAME] * 3, ignore_index=True).assign(
        day=pd.date_range("2026-01-01", periods=3 * ROWS),
        late=RANDOM.choice(["no", "yes"], 3 * ROWS),
    )
    params = params_from_dict(
        {
            "case": "demo",
            "task": "binary",
            "data": {
                "source": "demo.csv",
                "target": "late",
                "positive": "yes",
                "columns": {"note": "text", "city": "category", "day": "date"},
            },
            "train": {"estimator": estimator, "calibration": calibration, "folds": 2},
        }
    )
    dataset = mlkit.data.prepare(frame, params)
    trained = mlkit.train.fit(dataset, params)
    for model in (trained.model, *trained.baselines.values()):
        data = save_model(model, sample=dataset.X(dataset.test_rows))
        again = mlkit.train.model_digest(load_model(data))
        assert again == mlkit.train.model_digest(model)


def own_estimators() -> set[str]:
    found = set()
    for module in pkgutil.iter_modules(mlkit.train.__path__, "mlkit.train."):
        for name, kind in inspect.getmembers(importlib.import_module(module.name)):
            own = inspect.isclass(kind) and kind.__module__ == module.name
            if own and issubclass(kind, BaseEstimator):
                found.add(f"{module.name}.{name}")
    return found


def test_the_list_of_trusted_types_holds_our_own_transformers_and_no_others() -> None:
    assert {t for t in TRUSTED if t.startswith("mlkit.")} == own_estimators()


def test_no_trusted_type_is_one_that_runs_what_it_is_given() -> None:
    callables = set()
    for name in TRUSTED:
        module, _, attribute = name.rpartition(".")
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            continue
        if not inspect.isclass(getattr(importlib.import_module(module), attribute)):
            callables.add(name)
    assert callables == {"sklearn.utils.validation.check_array"}
    packages = {name.partition(".")[0] for name in TRUSTED - {"functools.partial"}}
    known = {"collections", "lightgbm", "mlkit", "numpy", "sklearn", "xgboost"}
    assert packages == known


def forged(marker: Path) -> bytes:
    """Return a skops file that would make `marker` if it were built unchecked."""
    return skops.io.dumps(functools.partial(os.mkdir, str(marker)))


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = str(marker)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.marker,)


def test_a_forged_skops_file_is_refused_and_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"only types that mlkit trusts.*mkdir"):
        load_model(forged(tmp_path / "marker"))
    with pytest.raises(RegistryError, match=r"only types that mlkit trusts.*mkdir"):
        load_model(forged(tmp_path / "marker"), allow_pickle=True)
    assert not (tmp_path / "marker").exists()


def test_a_file_cannot_name_what_is_trusted(tmp_path: Path) -> None:
    known = io.BytesIO(forged(tmp_path / "marker"))
    with zipfile.ZipFile(known, "a") as file:
        file.writestr("trusted.json", '["posix.mkdir", "functools.partial"]')
    with pytest.raises(RegistryError, match="only types that mlkit trusts"):
        load_model(known.getvalue())
    assert not (tmp_path / "marker").exists()


def test_a_pickle_is_refused_unless_it_is_asked_for(tmp_path: Path) -> None:
    trap = pickle.dumps(Trap(tmp_path / "marker"))
    with pytest.raises(RegistryError, match=r"may run code; .* registry.allow_pickle"):
        load_model(trap)
    with pytest.raises(RegistryError, match=r"only when its SHA-256 is known"):
        load_model(trap, allow_pickle=True)
    with pytest.raises(DamageError, match="it was not opened"):
        load_model(trap, allow_pickle=True, sha256="0" * 64)
    assert not (tmp_path / "marker").exists()


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04", b"PK\x03\x04" + b"x" * 99, b"text"]
)
def test_bytes_that_are_no_model_file_are_refused(data: bytes) -> None:
    with pytest.raises(RegistryError, match=r"not (a sound|in) skops"):
        load_model(data)


def test_a_zip_without_a_schema_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("schema.json", "{}")
    with pytest.raises(RegistryError, match="is not a sound skops file"):
        load_model(buffer.getvalue())


def test_an_unknown_type_is_named_with_the_way_out() -> None:
    model = Outsider().fit(FRAME, CLASSES)
    with pytest.raises(RegistryError, match=r"got also: .*Outsider; .*allow_pi"):
        save_model(model)


def test_a_pickle_is_kept_when_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, candidate: Callable[..., Candidate]
) -> None:
    # pickle finds a class by its module's name, which test modules do not have here.
    monkeypatch.setitem(sys.modules, __name__, _this_module())
    model = Outsider().fit(FRAME, CLASSES)
    data = save_model(model, sample=FRAME, allow_pickle=True)
    assert file_name(data) == PICKLE
    demo = open_registry("demo", tmp_path)
    demo.register(candidate(), {file_name(data): data})
    with pytest.raises(RegistryError, match=r"registry\.allow_pickle"):
        demo.load("latest")
    assert demo.load("latest", allow_pickle=True).model.classes_.tolist() == [0, 1, 2]


def _this_module() -> Any:
    return type("Module", (), dict(globals()))


def test_a_model_that_answers_otherwise_once_reopened_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, __name__, _this_module())
    model = Forgetful().fit(FRAME, CLASSES)
    with pytest.raises(RegistryError, match=r"must predict exactly as before, and 60"):
        save_model(model, sample=FRAME, allow_pickle=True)


@pytest.mark.parametrize("which", ["1.0.0", "v1.0.0", "development", "latest"])
def test_a_model_is_loaded_by_any_of_its_names(
    tmp_path: Path, candidate: Callable[..., Candidate], which: str
) -> None:
    model = pipeline(Ridge()).fit(FRAME, VALUES)
    demo = open_registry("demo", tmp_path)
    demo.register(candidate(), {SKOPS: save_model(model)})
    loaded = demo.load(which)
    np.testing.assert_array_equal(loaded.model.predict(FRAME), model.predict(FRAME))
    assert (loaded.version, loaded.stage) == ("1.0.0", "development")
    assert loaded.digest == candidate().digest
    assert "model" not in loaded.to_dict()


def test_a_tampered_model_is_refused_before_it_is_opened(
    tmp_path: Path,
    candidate: Callable[..., Candidate],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = save_model(DummyClassifier().fit(FRAME, CLASSES))
    demo = open_registry("demo", tmp_path)
    demo.register(candidate(), {SKOPS: good})
    blob = demo.folder / "blobs" / store.sha256_bytes(good)
    for evil in (forged(tmp_path / "marker"), pickle.dumps(Trap(tmp_path / "marker"))):
        blob.write_bytes(evil)
        for opener in ("loads", "get_untrusted_types"):
            monkeypatch.setattr(skops.io, opener, pytest.fail)
        with pytest.raises(DamageError, match=r"was altered: .*it was not opened"):
            demo.load("latest", allow_pickle=True)
    assert not (tmp_path / "marker").exists()
