"""What is watched: the version in charge, and what the registry knows of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from mlkit import registry, store
from mlkit.alerts import FOLDER
from mlkit.data import Schema
from mlkit.drift import ReferenceProfile
from mlkit.label_free import LabelledAnswers
from mlkit.monitor.answers import Asked, find_asked
from mlkit.monitor.baseline_rows import read_sample
from mlkit.monitor.baselines import FILE, Baseline, read_baseline
from mlkit.monitor.shifts import without_values
from mlkit.params import Params
from mlkit.params.models import PRIMARY_METRIC
from mlkit.registry import ModelRegistry, Record
from mlkit.registry.names import check_name

# As the pipeline calls what it keeps with a version.
PROFILE = "reference_profile.json"
ROWS = "reference_rows.parquet"
LABELLED = "label_free.json"
IMPORTANCES = "importances.json"


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of the reference that are kept.

    Attributes
    ----------
    digest : str
        Of their file.
    read : callable
        Returns them; a check that needs none reads none.
    """

    digest: str
    read: Callable[[], pd.DataFrame] = field(repr=False)


@dataclass(frozen=True)
class Watched:
    """A version, and what current predictions are compared with.

    Attributes
    ----------
    version : str or None
        None where nothing was logged and nothing is in production.
    asked : Asked or None
        What it is asked for; None where nothing tells.
    primary : str
        Name of the metric that stands for performance.
    reference : ReferenceProfile or None
        What it learned from; sensitive columns without their values.
    schema : Schema or None
        Of the reference.
    sample : Sample or str
        Some of its rows, without sensitive columns; or why there are none.
    hidden : tuple of str
        Columns of the reference whose values the log does not keep.
    labelled : LabelledAnswers or None
        Its answers on labelled rows that it did not learn from.
    importances : mapping of str to float or None
        How far each column moves its predictions.
    challenger : str or None
        The version in staging.
    notes : tuple of str
        What is missing, and what follows.
    """

    version: str | None
    asked: Asked | None
    primary: str
    reference: ReferenceProfile | None = None
    schema: Schema | None = None
    sample: Sample | str = "there is no reference"
    hidden: tuple[str, ...] = ()
    labelled: LabelledAnswers | None = None
    importances: Mapping[str, float] | None = None
    challenger: str | None = None
    notes: tuple[str, ...] = ()


def find_watched(
    params: Params, root: Path, frame: pd.DataFrame, *, version: str | None
) -> Watched:
    """Return the version that is to be judged.

    Parameters
    ----------
    params : Params
        The case.
    root : Path
        The workspace.
    frame : DataFrame of shape (n, n_columns)
        What was logged, in order of time.
    version : str, optional
        None takes the one in production; where nothing is, the one that was logged
        last.

    Raises
    ------
    DamageError
        When a file of the registry is missing or altered.
    """
    opened = registry.open_registry(params.model, root)
    production = opened.production()
    chosen = version or (production.version if production else _newest(frame))
    record = _record(opened, chosen)
    if record is None:
        return _unregistered(params, root, frame, chosen)
    staging = next(
        (each.version for each in opened.versions() if each.stage == "staging"), None
    )
    challenger = None if staging == record.version else staging
    return _registered(opened, record, params, root, challenger)


def _newest(frame: pd.DataFrame) -> str | None:
    named = frame["version"].dropna()
    return str(named.iloc[-1]) if len(named) else None


def _record(opened: ModelRegistry, version: str | None) -> Record | None:
    known = {each.version for each in opened.versions()}
    return opened.show(version) if version in known and version else None


def _registered(
    opened: ModelRegistry,
    record: Record,
    params: Params,
    root: Path,
    challenger: str | None,
) -> Watched:
    manifest = record.manifest
    schema = Schema.from_dict(manifest["schema"])
    then: Mapping[str, Any] = manifest["params"].get("evaluate", {})
    asked = Asked(
        schema.task,
        schema.classes,
        threshold=then.get("threshold", params.evaluate.threshold),
        average=then.get("average", params.evaluate.average),
    )
    watched = Watched(
        record.version,
        asked,
        then.get("primary") or params.primary,
        sample=_sample(opened, record),
        labelled=_labelled(opened, record),
        importances=_importances(opened, record),
        challenger=challenger,
    )
    if PROFILE not in manifest["artifacts"]:
        said = (
            f"Version {record.version} was registered without a reference profile: "
            "performance has nothing to be compared with. The next version will have "
            "one."
        )
        return _by_baseline(_with(watched, said), params, root)
    content = opened.artifact(record.version, PROFILE)
    reference = ReferenceProfile.from_dict(store.parse_json(content))
    return _compared(watched, reference, schema, params)


def _sample(opened: ModelRegistry, record: Record) -> Sample | str:
    kept = record.manifest["artifacts"].get(ROWS)
    if kept is not None:
        return Sample(
            kept["sha256"],
            lambda: pd.read_parquet(io.BytesIO(opened.artifact(record.version, ROWS))),
        )
    if record.manifest["params"].get("drift", {}).get("sample") == 0:
        return f"version {record.version} keeps no rows of its reference (drift.sample)"
    return (
        f"version {record.version} was registered without rows of its reference; the "
        "next version will have some"
    )


def _labelled(opened: ModelRegistry, record: Record) -> LabelledAnswers | None:
    if LABELLED not in record.manifest["artifacts"]:
        return None
    content = opened.artifact(record.version, LABELLED)
    return LabelledAnswers.from_dict(store.parse_json(content))


def _importances(opened: ModelRegistry, record: Record) -> dict[str, float] | None:
    if IMPORTANCES not in record.manifest["artifacts"]:
        return None
    return dict(store.parse_json(opened.artifact(record.version, IMPORTANCES)))


def _unregistered(
    params: Params, root: Path, frame: pd.DataFrame, version: str | None
) -> Watched:
    """Return what can be known of a version that the registry does not have."""
    asked = find_asked(frame)
    task = params.task if asked is None else asked.task
    watched = Watched(version, asked, params.evaluate.primary or PRIMARY_METRIC[task])
    if version is None:
        return watched
    watched = _with(
        watched,
        f"Version {version} is not in the registry: what it is asked for is taken from "
        "what was logged.",
    )
    return _by_baseline(watched, params, root)


def _by_baseline(watched: Watched, params: Params, root: Path) -> Watched:
    """Return what is watched with the baseline that somebody set, if anybody did."""
    folder = monitor_folder(params.model, root)
    if not (folder / FILE).exists():
        said = "There is no reference to compare with: drift is not looked for."
        return _with(watched, said)
    baseline = read_baseline(folder)
    watched = replace(watched, sample=_of_baseline(folder, baseline))
    return _compared(watched, baseline.profile, baseline.schema, params)


def _of_baseline(folder: Path, baseline: Baseline) -> Sample | str:
    rows = read_sample(folder, baseline)
    if isinstance(rows, str):
        return rows
    assert baseline.sample_digest is not None
    return Sample(baseline.sample_digest, lambda: rows)


def _compared(
    watched: Watched, reference: ReferenceProfile, schema: Schema, params: Params
) -> Watched:
    hidden = _hidden(schema, reference, params)
    notes: tuple[str, ...] = ()
    if hidden:
        names = ", ".join(map(repr, sorted(hidden)))
        if params.monitor.hide == "drop":
            kept = tuple(c for c in reference.columns if c.name not in hidden)
            reference = replace(reference, columns=kept)
            notes = (f"The log does not keep {names} (sensitive): not compared.",)
        else:
            reference, schema = without_values(reference, schema, hidden)
            notes = (
                f"The log keeps hashes of {names} (sensitive): of these only missing "
                "values are compared.",
            )
    known = replace(
        watched, reference=reference, schema=schema, hidden=tuple(sorted(hidden))
    )
    return _with(known, *notes)


def _hidden(
    schema: Schema, reference: ReferenceProfile, params: Params
) -> Collection[str]:
    sensitive = {column.name for column in schema.columns if column.sensitive}
    compared = {column.name for column in reference.columns}
    return (sensitive | set(params.data.sensitive)) & compared


def _with(watched: Watched, *notes: str) -> Watched:
    return replace(watched, notes=(*watched.notes, *notes))


def monitor_folder(model: str, root: Path) -> Path:
    """Return where the history, the alerts and the baseline of a model are."""
    return root / FOLDER / check_name(model, "a model")
