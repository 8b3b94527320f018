"""Model files between the steps of a run: made by `train`, read by the later ones."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlkit import registry, store, train
from mlkit.data import Dataset, Schema
from mlkit.pipeline.runs import read_result
from mlkit.pipeline.steps import StaleError, Step, reset
from mlkit.registry import ModelRegistry, Record
from mlkit.train import Trained

SAMPLE_ROWS = 64
MODELS = ("model", "dummy", "linear")
# Rows that explanations compare with, kept with a version.
BACKGROUND = "background.parquet"
# What drift checks compare with, kept with a version.
PROFILE = "reference_profile.json"
# A sample of those rows, for what counts do not show.
REFERENCE_ROWS = "reference_rows.parquet"
# What estimates before labels come rest on, kept with a version.
LABEL_FREE = "label_free.json"
IMPORTANCES = "importances.json"


@dataclass(frozen=True)
class Loaded:
    """A model that an earlier step or the registry provided, with its baselines.

    Attributes
    ----------
    models : dict of str to Pipeline
        ``model``, ``dummy`` and ``linear``.
    origin : str
        Where it comes from: ``this run``, ``the draft`` or ``production``.
    version : str
        Its version in the registry; empty when it is not there yet.
    digest : str
        Digest of the model's fitted state.
    schema : Schema
        The columns it was trained on.
    training : dict
        The record of its training.
    train_hashes : ndarray of shape (n_train,), dtype uint64
        Hashes of the rows it was trained on.
    inputs : dict
        Name to SHA-256 of the files it was read from.
    """

    models: Mapping[str, Any]
    origin: str
    version: str
    digest: str
    schema: Schema
    training: Mapping[str, Any]
    train_hashes: np.ndarray
    inputs: Mapping[str, str]

    def __repr__(self) -> str:
        # A record's own would print hashes of rows and the models' insides.
        name = f"{self.origin} {self.version}".strip()
        return f"Loaded({name!r}, {', '.join(self.models)}, digest {self.digest[:12]})"

    def _repr_html_(self) -> str:
        name = html.escape(f"{self.origin} {self.version}".strip())
        return (
            f"<p>The model of <strong>{name}</strong>: "
            f"{html.escape(self.training['estimator'])}, fitted on "
            f"{self.training['n_train']:,} rows, digest "
            f"<code>{self.digest[:12]}</code>.</p>"
        )


def save_trained(step: Step, trained: Trained, dataset: Dataset) -> None:
    """Write the fitted models, and what later steps need to know of their training.

    A few test rows and the predictions for them go along, so that whoever loads the
    model later can check that it still answers the same. Sensitive columns are blanked
    in these rows.
    """
    reset(step)
    sample = _sample(dataset)
    models = {"model": trained.model, **trained.baselines}
    allowed = step.params.registry.allow_pickle
    for name in MODELS:
        content = registry.save_model(models[name], sample=sample, allow_pickle=allowed)
        suffix = Path(registry.file_name(content)).suffix
        store.write_atomic(step.files / f"{name}{suffix}", content)
    predictions = train.predict(trained.model, sample, step.params.task)
    store.write_atomic(step.files / "train_rows.npy", _npy(_train_hashes(dataset)))
    store.write_atomic(step.files / "sample.parquet", sample.to_parquet())
    store.write_atomic(step.files / "sample_predictions.npy", _npy(predictions))
    store.write_json(
        step.files / "training.json",
        {
            "training": trained.to_dict(),
            "schema": dataset.schema.to_dict(),
            "fingerprint": dataset.fingerprint,
            "cutoff": dataset.cutoff,
        },
    )


def _train_hashes(dataset: Dataset) -> np.ndarray:
    return np.unique(dataset.row_hashes[dataset.train_rows])


def _sample(dataset: Dataset) -> pd.DataFrame:
    sample = dataset.X(dataset.test_rows[:SAMPLE_ROWS]).reset_index(drop=True)
    hidden = {c.name for c in dataset.schema.columns if c.sensitive}
    for name in hidden.intersection(sample.columns):
        sample[name] = sample[name].mask(np.ones(len(sample), dtype=bool))
    return sample


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def read_npy(content: bytes) -> np.ndarray:
    """Return the array in the bytes of an ``.npy`` file; pickles are refused."""
    loaded: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return loaded


def load_trained(step: Step, dataset: Dataset) -> Loaded:
    """Return the model to work on: this run's, else the draft's, else production's.

    Raises
    ------
    StaleError
        If there is none yet, its files were changed, or the data or their division into
        training and test rows changed since.
    """
    result = read_result(step.folder, "train")
    if result is not None:
        return _from_folder(step, dataset, result["outputs"])
    champion = _production(step) if step.run is None else None
    if champion is None:
        raise StaleError(
            f"the {step.name} notebook was asked for case {step.params.case!r}, and "
            f"there is no model yet, neither in {step.folder.relative_to(step.root)} "
            "nor in production; run train first"
        )
    if input_shape(champion.schema) != input_shape(dataset.schema):
        raise StaleError(
            f"production of {step.params.model!r} was trained on other columns than "
            "the data have now; run train first"
        )
    seen = len(dataset.test_rows) - len(unseen_rows(dataset, champion.train_hashes))
    if seen:
        raise StaleError(
            f"production of {step.params.model!r} was trained on {seen} of the "
            f"{len(dataset.test_rows)} rows that are test rows now; run train first"
        )
    return champion


def _from_folder(step: Step, dataset: Dataset, files: Mapping[str, str]) -> Loaded:
    content = {name: _read(step, name, digest) for name, digest in files.items()}
    record = store.read_json(step.folder / "train" / "training.json")
    train_hashes = read_npy(content["train/train_rows.npy"])
    where = step.folder.relative_to(step.root)
    if record["fingerprint"] != dataset.fingerprint:
        raise StaleError(
            f"the model in {where} was trained on other data (fingerprint "
            f"{record['fingerprint'][:12]}, now {dataset.fingerprint[:12]}); "
            "run train again"
        )
    if not np.array_equal(train_hashes, _train_hashes(dataset)):
        raise StaleError(
            f"the model in {where} was trained on other rows of the same data than are "
            "training rows now (data.split or data.time changed); run train again"
        )
    return Loaded(
        models=_open_models(
            {Path(name).name: data for name, data in content.items()},
            allow_pickle=step.params.registry.allow_pickle,
        ),
        origin="this run" if step.run else "the draft",
        version="",
        digest=record["training"]["digest"],
        schema=Schema.from_dict(record["schema"]),
        training=record["training"],
        train_hashes=train_hashes,
        inputs=dict(files),
    )


def _read(step: Step, name: str, digest: str) -> bytes:
    path = step.folder / name
    content = path.read_bytes() if path.exists() else b""
    if store.sha256_bytes(content) != digest:
        raise StaleError(
            f"{step.folder.relative_to(step.root) / name} changed since the train step "
            f"wrote it (SHA-256 should be {digest[:12]}...); run train again"
        )
    return content


def _production(step: Step) -> Loaded | None:
    opened = registry.open_registry(step.params.model, step.root)
    record = opened.production()
    if record is None:
        return None
    return load_version(opened, record, MODELS, step.params.registry.allow_pickle)


def load_version(
    opened: ModelRegistry, record: Record, models: Sequence[str], allow_pickle: bool
) -> Loaded:
    """Return a version of the registry with those of its models that are asked for.

    Raises
    ------
    DamageError
        If a file is missing or altered.
    RegistryError
        If a model can not be opened with the packages of this environment.
    """
    manifest = record.manifest
    content = {
        name: opened.artifact(record.version, name)
        for name in manifest["artifacts"]
        if Path(name).stem in (*models, "train_rows")
    }
    return Loaded(
        models=_open_models(content, allow_pickle=allow_pickle),
        origin=record.stage,
        version=record.version,
        digest=record.digest,
        schema=Schema.from_dict(manifest["schema"]),
        training=manifest["training"],
        train_hashes=read_npy(content["train_rows.npy"]),
        inputs={name: store.sha256_bytes(data) for name, data in content.items()},
    )


def production_importances(step: Step) -> dict[str, float] | None:
    """Return how far each column moves the predictions of the version in production.

    None where nothing is in production, or no importances were kept with it.
    """
    opened = registry.open_registry(step.params.model, step.root)
    champion = opened.production()
    if champion is None or IMPORTANCES not in champion.manifest["artifacts"]:
        return None
    return dict(store.parse_json(opened.artifact(champion.version, IMPORTANCES)))


def production_rows(step: Step) -> pd.DataFrame | None:
    """Return the sample of its reference's rows that the version in production keeps.

    None where nothing is in production, or no rows were kept with it.
    """
    opened = registry.open_registry(step.params.model, step.root)
    champion = opened.production()
    if champion is None or REFERENCE_ROWS not in champion.manifest["artifacts"]:
        return None
    content = opened.artifact(champion.version, REFERENCE_ROWS)
    return pd.read_parquet(io.BytesIO(content))


def _open_models(files: Mapping[str, bytes], *, allow_pickle: bool) -> dict[str, Any]:
    """Return the model and its baselines from bytes whose hashes were checked."""
    return {
        Path(name).stem: registry.load_model(
            content, sha256=store.sha256_bytes(content), allow_pickle=allow_pickle
        )
        for name, content in files.items()
        if Path(name).stem in MODELS
    }


def input_shape(schema: Schema) -> tuple[Any, ...]:
    """Return what must be equal for two models to answer the same question."""
    features = tuple((name, schema.column(name).kind) for name in schema.features)
    return (schema.task, schema.target, schema.classes, features)


def predict_all(loaded: Loaded, dataset: Dataset) -> dict[str, np.ndarray]:
    """Return the predictions of a model and of its baselines for the test rows."""
    rows = dataset.X(dataset.test_rows)
    return {
        name: train.predict(model, rows, dataset.schema.task)
        for name, model in loaded.models.items()
    }


def unseen_rows(dataset: Dataset, train_hashes: np.ndarray) -> np.ndarray:
    """Return those test rows (positions in the data) that a model has not seen."""
    hashes = dataset.row_hashes[dataset.test_rows]
    rows: np.ndarray = dataset.test_rows[~np.isin(hashes, train_hashes)]
    return rows
