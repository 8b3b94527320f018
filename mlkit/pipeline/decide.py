"""The decision: what `evaluate` proposed becomes commits in the registry.

Only the runner decides, and only if the champion that the proposal was made against is
still in production.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mlkit import registry, store, train
from mlkit.evaluate import Proposal
from mlkit.params import Params
from mlkit.pipeline.artifacts import (
    BACKGROUND,
    IMPORTANCES,
    LABEL_FREE,
    PROFILE,
    REFERENCE_ROWS,
    read_npy,
)
from mlkit.pipeline.record import RunRecord, now
from mlkit.pipeline.runs import read_result
from mlkit.pipeline.stopped import ChangedModelError, StaleChampionError
from mlkit.registry import Candidate, ModelRegistry, Note, Record, Version

FRAMEWORK = {"lightgbm": "lightgbm", "xgboost": "xgboost"}
TOLERANCE = 1e-9
# The steps whose files are kept with a version, and which of them; none named: all.
KEPT = {
    "train": (),
    "evaluate": (),
    "explain": (BACKGROUND, IMPORTANCES),
    "drift": (PROFILE, REFERENCE_ROWS, LABEL_FREE),
}


@dataclass(frozen=True)
class Decision:
    """What was committed, and why.

    Attributes
    ----------
    verdict : str
        promote, undecided, keep or reject.
    reason : str
        One sentence: the rule, the value, the evidence.
    version : str or None
        The version concerned; None when nothing was registered.
    new : bool
        Whether this run registered it.
    stage : str
        The stage in which it is now.
    champion : str or None
        The version in production before.
    version_reason : str
        Why the version has its number, or why there is no new one.
    evidence : dict
        The proposal with everything it was made of.
    unchanged_since : str or None
        The run that came to this decision, where nothing has changed since.
    """

    verdict: str
    reason: str
    version: str | None
    new: bool
    stage: str
    champion: str | None
    version_reason: str
    evidence: Mapping[str, Any]
    unchanged_since: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as plain JSON data."""
        return asdict(self)


def decide(record: RunRecord, params: Params, root: Path) -> Decision:
    """Register the run's model and move it as the proposal says.

    Parameters
    ----------
    record : RunRecord
        The run, whose `evaluate` step made a proposal.
    params : Params
        The params of the run.
    root : Path
        The workspace.

    Returns
    -------
    Decision
        What was committed.

    Raises
    ------
    StaleChampionError
        If the champion it was judged against is no longer in production.
    """
    folder = record.folder.path
    result = read_result(folder, "evaluate")
    assert result is not None, "the evaluate step reached its end"
    proposal = Proposal.from_dict(result["results"]["proposal"])
    opened = registry.open_registry(params.model, root)
    champion = opened.production()
    _check_champion(proposal, champion, opened.model)
    candidate = _candidate(record, params, result["results"], proposal)
    version = _version(opened, candidate, params, folder, proposal)
    if version is None:
        stage, new, why = "failed", False, _same_failure(params.model)
    else:
        new = version.run == record.content["run"]
        stage = _move(opened, version, proposal, record, params)
        why = version.reason if new else _no_new_version(version)
    return Decision(
        verdict=proposal.verdict,
        reason=proposal.reason,
        version=None if version is None else version.version,
        new=new,
        stage=stage,
        champion=None if champion is None else champion.version,
        version_reason=why,
        evidence=proposal.to_dict(),
    )


def _check_champion(proposal: Proposal, champion: Record | None, model: str) -> None:
    digest = None if champion is None else champion.digest
    if digest != proposal.champion_digest:
        raise StaleChampionError(
            f"the version in production of {model!r} changed while the new model was "
            f"judged: it was {(proposal.champion_digest or 'none')[:12]} and is "
            f"{(digest or 'none')[:12]}"
        )


def _candidate(
    record: RunRecord, params: Params, results: Mapping[str, Any], proposal: Proposal
) -> Candidate:
    content = record.content
    trained = store.read_json(record.folder.path / "train" / "training.json")
    training = trained["training"]
    git = content["git"]
    evaluation = results["evaluation"]
    return Candidate(
        digest=training["digest"],
        schema=trained["schema"],
        params=params.to_dict(),
        fingerprint=trained["fingerprint"],
        estimator=training["estimator"],
        family=training["family"],
        who=content["who"],
        created_at=now(),
        metrics=evaluation["metrics"]["model"],
        gates=evaluation["gates"],
        verdict=proposal.to_dict(),
        training=training,
        split={**params.data.split.model_dump(), "cutoff": trained["cutoff"]},
        packages={**content["packages"], "python": content["python"]},
        framework=FRAMEWORK.get(training["estimator"], "scikit-learn"),
        code=None if git is None else git["commit"] + "-dirty" * git["dirty"],
        run=content["run"],
        notes=params.notes,
    )


def _version(
    opened: ModelRegistry,
    candidate: Candidate,
    params: Params,
    folder: Path,
    proposal: Proposal,
) -> Version | None:
    """Return the version of this model, which is registered unless it is there.

    None when an equal model failed before and this one fails again.
    """
    same = opened.find_identical(candidate)
    if same is not None:
        return same
    failed = any(
        version.stage == "failed" and version.digest == candidate.digest
        for version in opened.versions()
    )
    if failed and proposal.verdict == "reject":
        return None
    return opened.register(
        candidate,
        _artifacts(folder),
        version=params.registry.version,
        why=params.notes,
        evidence={"verdict": proposal.verdict, "reason": proposal.reason},
    )


def _artifacts(folder: Path) -> dict[str, bytes | Path]:
    """Return the files that are kept with a version, as the steps recorded them."""
    found: dict[str, bytes | Path] = {}
    for step, kept in KEPT.items():
        result = read_result(folder, step)
        # A drift check that failed does not keep a model from being registered.
        if result is None and step == "drift":
            continue
        assert result is not None, f"the {step} step reached its end"
        for name, digest in result["outputs"].items():
            path = folder / name
            if kept and path.name not in kept:
                continue
            content = path.read_bytes() if path.exists() else b""
            if store.sha256_bytes(content) != digest:
                raise ChangedModelError(
                    f"{folder.name}/{name} changed after the {step} step wrote it "
                    f"(SHA-256 should be {digest[:12]}...); nothing was registered: "
                    "run it again"
                )
            found[Path(name).name] = content
    return found


def _same_failure(model: str) -> str:
    return f"no new version: an equal model of {model!r} failed its gates before"


def _no_new_version(version: Version) -> str:
    return (
        f"no new version: the model is identical to {version.version}, "
        f"which is in {version.stage}"
    )


def _move(
    opened: ModelRegistry,
    version: Version,
    proposal: Proposal,
    record: RunRecord,
    params: Params,
) -> str:
    """Move the version to the stage that was proposed; return its stage.

    A run that only found an equal model neither takes the champion out of production
    nor brings back a version that was archived: a person may have rolled it back.
    """
    stage, target = version.stage, proposal.stage
    note = Note(
        record.content["who"],
        now(),
        proposal.reason,
        record.content["run"],
        proposal.to_dict(),
    )
    if stage in ("production", "archived") or stage == target:
        return stage
    if target != "production":
        opened.move(version.version, target, note=note, expected=stage)
        return target
    if stage == "development":
        opened.move(version.version, "staging", note=note, expected=stage)
    check_answers(opened, version.version, allow_pickle=params.registry.allow_pickle)
    _promote(opened, version.version, proposal, note)
    return target


def _promote(
    opened: ModelRegistry, version: str, proposal: Proposal, note: Note
) -> None:
    try:
        opened.promote(version, note=note, expected_champion=proposal.champion_digest)
    except registry.ConflictError as error:
        raise StaleChampionError(str(error)) from error


def check_answers(
    opened: ModelRegistry, version: str, *, allow_pickle: bool = False
) -> None:
    """Check that a model from the registry predicts what it did in training.

    Parameters
    ----------
    opened : ModelRegistry
        The model's registry.
    version : str
        A version or a stage.
    allow_pickle : bool
        Open a model that is kept as a pickle, which runs what is in it.

    Raises
    ------
    ChangedModelError
        If an answer to the rows that were kept with it differs.
    """
    loaded = opened.load(version, allow_pickle=allow_pickle)
    sample = pd.read_parquet(io.BytesIO(opened.artifact(version, "sample.parquet")))
    expected = read_npy(opened.artifact(version, "sample_predictions.npy"))
    answers = train.predict(loaded.model, sample, loaded.manifest["schema"]["task"])
    if not np.allclose(answers, expected, rtol=TOLERANCE, atol=TOLERANCE):
        worst = float(np.max(np.abs(answers - expected)))
        raise ChangedModelError(
            f"version {version} of {opened.model!r}, read back from the registry, must "
            f"predict what it did in training, and differs by up to {worst:.3g}; it "
            "stays in staging: check the package versions"
        )
