"""Which rows are compared with which, when drift is looked for."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlkit import drift, registry, sources, store, train
from mlkit.data import Dataset, Schema
from mlkit.drift import ColumnDrift, Performance, ReferenceProfile
from mlkit.params import Params
from mlkit.pipeline import labelled
from mlkit.pipeline.artifacts import (
    PROFILE,
    Loaded,
    input_shape,
    load_trained,
    load_version,
    unseen_rows,
)
from mlkit.pipeline.newest import newest_rows
from mlkit.pipeline.runs import read_result
from mlkit.pipeline.steps import Step, load_dataset
from mlkit.registry import DamageError, ModelRegistry, Record, RegistryError

RETRAIN = "retrain"
OTHER = "Predictions are not compared: the model in production has other columns"


@dataclass(frozen=True, eq=False)
class Compared:
    """The rows of a drift check.

    Attributes
    ----------
    what : str
        What is compared with what, in a sentence; or why nothing is.
    fingerprint : str
        Fingerprint of the current rows' table.
    reference : ReferenceProfile or None
        None where there is nothing to compare with.
    frame : DataFrame or None
        Current rows, raw or conformed.
    schema : Schema or None
        Columns of the reference.
    predictions : ndarray or None
        Answers of the reference's model for current rows that it was not trained on.
    performance : Performance or None
        Its primary metric on those of them that have labels.
    broken : tuple of ColumnDrift
        The target, where the model knows none of the labels that are there.
    notes : tuple of str
        What the reader must know of the comparison.
    same : bool
        The current rows are known to be those of the reference.
    dataset : Dataset or None
        The case's data, where they were read.
    loaded : Loaded or None
        The model of this run or draft, where there is one.
    inputs : mapping
        Name to SHA-256 of the files that were read.
    older : DataFrame or None
        Rows of the reference, where they are rows of this run.
    learnt : ndarray of shape (n_train,), dtype uint64, or None
        Hashes of the reference's rows, where a version was trained on them and can be
        opened.
    """

    what: str
    fingerprint: str
    reference: ReferenceProfile | None = None
    frame: pd.DataFrame | None = None
    schema: Schema | None = None
    predictions: Any = None
    performance: Performance | None = None
    broken: tuple[ColumnDrift, ...] = ()
    notes: tuple[str, ...] = ()
    same: bool = False
    dataset: Dataset | None = None
    loaded: Loaded | None = None
    inputs: Mapping[str, str] | None = None
    older: pd.DataFrame | None = None
    learnt: Any = None

    @property
    def cutoff(self) -> str | None:
        """The day that divides the case's rows, where they were split by time."""
        return None if self.dataset is None else self.dataset.cutoff

    def __repr__(self) -> str:
        # A record's own would print rows, and a notebook keeps it as the cell's text.
        rows = 0 if self.frame is None else len(self.frame)
        return f"Compared({self.what!r}, {rows:,} current rows)"

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        return f"<p>{html.escape(self.what)}</p>" + (f"<ul>{notes}</ul>" * bool(notes))


def compare_rows(step: Step) -> Compared:
    """Return what is compared with what.

    A file in ``drift.current`` is compared with the profile of the version in
    production. Without one, the newest rows are compared with the older ones where
    there is a time column, else this run's rows with the profile of the version in
    production.

    Raises
    ------
    SourceError
        If the file of current rows cannot be read; inside a retrain this is told
        instead.
    """
    own = step.run is not None and read_result(step.folder, "train") is not None
    current = step.params.drift.current
    dataset = load_dataset(step) if own or current is None else None
    loaded = load_trained(step, dataset) if own and dataset is not None else None
    if current is not None:
        found = _file(step, current)
    elif dataset is not None and step.params.data.time is not None:
        found = _newest(step, dataset, loaded)
    else:
        assert dataset is not None
        found = _champion(step, dataset)
    return replace(
        found,
        dataset=dataset,
        loaded=loaded,
        fingerprint=found.fingerprint if dataset is None else dataset.fingerprint,
        inputs={**(found.inputs or {}), **(loaded.inputs if loaded else {})},
    )


def _file(step: Step, current: str) -> Compared:
    """Compare a file with what the version in production learned from."""
    params = step.params
    try:
        raw = sources.read_table(current, params.data, root=step.root, scoring=True)
    except sources.SourceError as error:
        if not _retrains(step):
            raise
        return Compared(f"The current rows could not be read: {error}", "")
    hashes = pd.util.hash_pandas_object(raw, index=False).to_numpy()
    fingerprint = store.sha256_bytes(hashes.tobytes())
    found = _against_production(step)
    if found.reference is None or found.schema is None:
        return replace(found, fingerprint=fingerprint)
    where = f"The rows of {current} are compared with those that {found.what}."
    found = replace(found, frame=raw, what=where, fingerprint=fingerprint)
    return _with_answers(step, found, raw)


def _retrains(step: Step) -> bool:
    """Return whether the step is part of a retrain, which a check must not stop."""
    if step.run is None:
        return False
    record = store.read_json(step.folder / "run.json")
    return bool(record.get("kind", RETRAIN) == RETRAIN)


def _against_production(step: Step) -> Compared:
    """Return the profile of the version in production, or why there is none."""
    opened = registry.open_registry(step.params.model, step.root)
    champion = opened.production()
    if champion is None:
        return Compared(
            "Nothing is in production yet, so there is nothing to compare with: this "
            "is the first run.",
            "",
        )
    name = f"version {champion.version} in production"
    if PROFILE not in champion.manifest["artifacts"]:
        return Compared(
            f"The {name} was registered without a reference profile; the next version "
            "will have one.",
            "",
        )
    content = opened.artifact(champion.version, PROFILE)
    profile = ReferenceProfile.from_dict(store.parse_json(content))
    return Compared(
        f"{name} was trained on",
        "",
        reference=profile.hiding(step.params.data.sensitive),
        schema=Schema.from_dict(champion.manifest["schema"]),
        inputs={f"{champion.version}/{PROFILE}": store.sha256_bytes(content)},
    )


def _open_champion(step: Step) -> tuple[ModelRegistry, Record, Loaded] | str:
    """Return the model in production, or why it cannot be asked."""
    opened = registry.open_registry(step.params.model, step.root)
    champion = opened.production()
    if champion is None:
        return "There is no model in production whose predictions could be compared."
    allowed = step.params.registry.allow_pickle
    try:
        loaded = load_version(opened, champion, ["model"], allowed)
    except DamageError:
        raise
    except RegistryError as error:
        return f"Predictions are not compared, for the model cannot be opened: {error}"
    return opened, champion, loaded


def _with_answers(step: Step, found: Compared, raw: pd.DataFrame) -> Compared:
    """Add the answers of the version in production for the rows of a file."""
    champion = _open_champion(step)
    if isinstance(champion, str):
        return replace(found, notes=(*found.notes, champion))
    _, record, loaded = champion
    found = replace(found, learnt=loaded.train_hashes)
    rows = labelled.conformed(raw, loaded.schema)
    if isinstance(rows, str):
        return replace(found, notes=(*found.notes, rows))
    features = rows[list(loaded.schema.features)]
    answers = train.predict(loaded.models["model"], features, loaded.schema.task)
    asked = labelled.Asked.of_version(step.params, record)
    schema = loaded.schema
    hide = schema.target in step.params.data.sensitive
    measured = labelled.measure_rows(asked, schema, raw, rows, answers, hide=hide)
    return replace(
        found,
        predictions=answers,
        performance=measured.performance,
        broken=measured.broken,
        notes=(*found.notes, *measured.notes),
    )


def _champion(step: Step, dataset: Dataset) -> Compared:
    """Compare this run's rows with what the version in production learned from."""
    found = _against_production(step)
    if found.reference is None:
        return found
    what = f"The rows of this run are compared with those that {found.what}."
    found = replace(found, what=what, frame=dataset.frame)
    champion = _open_champion(step)
    if isinstance(champion, str):
        return replace(found, notes=(champion,))
    _, record, loaded = champion
    found = replace(found, learnt=loaded.train_hashes)
    if record.manifest["fingerprint"] == dataset.fingerprint:
        what = f"The data are those that version {record.version} learned from."
        return replace(found, same=True, what=what)
    if input_shape(loaded.schema) != input_shape(dataset.schema):
        return replace(found, notes=(f"{OTHER} than the data have now.",))
    rows = unseen_rows(dataset, loaded.train_hashes)
    if not len(rows):
        note = "Predictions are not compared: the model learned from every test row."
        return replace(found, notes=(note,))
    task = dataset.schema.task
    answers = train.predict(loaded.models["model"], dataset.X(rows), task)
    asked = labelled.Asked.of_version(step.params, record)
    return replace(
        found,
        predictions=answers,
        performance=labelled.measure(asked, dataset, rows, answers),
        notes=("Predictions and performance are those of test rows.",),
    )


def _newest(step: Step, dataset: Dataset, loaded: Loaded | None) -> Compared:
    """Compare the newest rows with the older ones."""
    params, name = step.params, str(step.params.data.time)
    chosen = newest_rows(dataset, params)
    if not len(chosen.older) or not len(chosen.newest):
        return Compared(f"No rows can be told apart by {name!r}.", "")
    older = dataset.frame.iloc[chosen.older]
    found = Compared(
        f"The newest rows by {name!r} ({chosen.which}) are compared with the older "
        "ones.",
        "",
        reference=drift.reference_profile(older, dataset.schema),
        frame=dataset.frame.iloc[chosen.newest],
        older=older,
        schema=dataset.schema,
    )
    model = loaded or _fallback(step, dataset)
    if isinstance(model, str):
        return replace(found, notes=(model,))
    tests = unseen_rows(dataset, model.train_hashes)
    before, after, halves = chosen.parted(tests)
    least = params.drift.min_rows
    if min(len(before), len(after)) < least:
        note = f"Predictions are not compared: it takes {2 * least:,} test rows."
        return replace(found, notes=(note,))
    return _with_halves(params, found, dataset, model, before, after, halves)


def _with_halves(
    params: Params,
    found: Compared,
    dataset: Dataset,
    model: Loaded,
    before: np.ndarray,
    after: np.ndarray,
    halves: str,
) -> Compared:
    """Add answers for two sets of rows, neither of which the model learned from."""
    asked = labelled.Asked.of_params(params)
    answers = [
        train.predict(model.models["model"], dataset.X(rows), dataset.schema.task)
        for rows in (before, after)
    ]
    performances = [
        labelled.measure(asked, dataset, rows, each)
        for rows, each in zip((before, after), answers, strict=True)
    ]
    assert found.reference is not None
    profile = found.reference.answered(
        answers[0], dataset.schema, performance=performances[0]
    )
    name = f"{model.origin} {model.version}".strip()
    note = (
        f"Predictions and performance are those of the model of {name}, which has "
        f"learned from the older rows and is surer of them: {halves}."
    )
    return replace(
        found,
        reference=profile,
        predictions=answers[1],
        performance=performances[1],
        notes=(note,),
    )


def _fallback(step: Step, dataset: Dataset) -> Loaded | str:
    """Return the draft's model, else production's, or why neither can be asked."""
    if step.run is None and read_result(step.folder, "train") is not None:
        return load_trained(step, dataset)
    champion = _open_champion(step)
    if isinstance(champion, str):
        return champion
    loaded = champion[2]
    if input_shape(loaded.schema) != input_shape(dataset.schema):
        return f"{OTHER}."
    return loaded
