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
from mlkit.pipeline.artifacts import read_npy
from mlkit.pipeline.record import RunRecord
from mlkit.pipeline.steps import read_result
from mlkit.registry import Candidate, ModelRegistry, Note, Version

STAGE = {
    "promote": "production",
    "undecided": "staging",
    "keep": "development",
    "reject": "failed",
}
FRAMEWORK = {"lightgbm": "lightgbm", "xgboost": "xgboost"}
TOLERANCE = 1e-9


class StaleChampionError(RuntimeError):
    """Another version came into production while this one was judged.

    Attributes
    ----------
    details : dict
        ``step``, ``type``, ``message`` and ``advice``.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.details = {
            "step": "decide",
            "type": "Conflict",
            "message": message,
            "advice": "Somebody else moves versions of this model; run it again.",
        }


class ChangedModelError(RuntimeError):
    """A model from the registry does not answer as it did when it was trained."""


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
    """

    verdict: str
    reason: str
    version: str | None
    new: bool
    stage: str
    champion: str | None
    version_reason: str
    evidence: Mapping[str, Any]

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
    before = None if champion is None else champion.version
    _check_champion(proposal, opened)
    candidate = _candidate(record, params, result["results"], proposal)
    version, new = _version(opened, candidate, params, folder, proposal)
    if version is None:
        stage, why = STAGE["reject"], _same_failure(params.model)
    else:
        stage = _move(opened, version, proposal, record, folder)
        why = version.reason if new else _no_new_version(version)
    return Decision(
        verdict=proposal.verdict,
        reason=proposal.reason,
        version=None if version is None else version.version,
        new=new,
        stage=stage,
        champion=before,
        version_reason=why,
        evidence=proposal.to_dict(),
    )


def _check_champion(proposal: Proposal, opened: ModelRegistry) -> None:
    champion = opened.production()
    digest = None if champion is None else champion.digest
    if digest != proposal.champion_digest:
        raise StaleChampionError(
            f"the version in production of {opened.model!r} changed while the new "
            f"model was judged: it was {(proposal.champion_digest or 'none')[:12]} and "
            f"is {(digest or 'none')[:12]}"
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
        created_at=record.clock(),
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
) -> tuple[Version | None, bool]:
    """Return the version of this model, and whether it had to be registered.

    A model that is there already is not registered twice; one that failed before and
    fails again is not registered at all.
    """
    same = opened.find_identical(candidate)
    if same is not None:
        return same, False
    failed = any(
        version.stage == "failed" and version.digest == candidate.digest
        for version in opened.versions()
    )
    if failed and proposal.verdict == "reject":
        return None, False
    return (
        opened.register(
            candidate,
            _artifacts(folder),
            version=params.registry.version,
            why=params.notes,
            evidence={"verdict": proposal.verdict, "reason": proposal.reason},
        ),
        True,
    )


def _artifacts(folder: Path) -> dict[str, bytes | Path]:
    files: dict[str, bytes | Path] = {
        path.name: path for path in sorted((folder / "train").iterdir())
    }
    return files | {"evaluation.json": folder / "evaluate" / "evaluation.json"}


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
    folder: Path,
) -> str:
    """Move the version towards the stage that the proposal names; return its stage."""
    note = Note(
        record.content["who"],
        record.clock(),
        proposal.reason,
        record.content["run"],
        proposal.to_dict(),
    )
    target = _target(version.stage, proposal)
    if target in ("staging", "production") and version.stage == "development":
        opened.move(version.version, "staging", note=note, expected="development")
    if target == "production" and version.stage != "production":
        _check_answers(opened, version.version, folder)
        _promote(opened, version.version, proposal, note)
    elif target == "failed" and version.stage != "failed":
        opened.move(version.version, "failed", note=note, expected=version.stage)
    return opened.show(version.version).stage


def _target(stage: str, proposal: Proposal) -> str:
    """Return where a version in `stage` is to go.

    A run that only found an equal model neither takes the champion out of production
    nor brings back a version that was archived: a person may have rolled it back.
    """
    if stage in ("production", "archived"):
        return stage
    wanted = STAGE[proposal.verdict]
    if wanted == "production" and not proposal.auto_promote:
        return "staging"
    return wanted


def _promote(
    opened: ModelRegistry, version: str, proposal: Proposal, note: Note
) -> None:
    try:
        opened.promote(version, note=note, expected_champion=proposal.champion_digest)
    except registry.ConflictError as error:
        raise StaleChampionError(str(error)) from error


def _check_answers(opened: ModelRegistry, version: str, folder: Path) -> None:
    """Check that the model from the registry predicts what it did in training."""
    allowed = bool(opened.show(version).manifest["params"]["registry"]["allow_pickle"])
    loaded = opened.load(version, allow_pickle=allowed)
    sample = pd.read_parquet(io.BytesIO(opened.artifact(version, "sample.parquet")))
    expected = read_npy(opened.artifact(version, "sample_predictions.npy"))
    task = loaded.manifest["schema"]["task"]
    answers = train.predict(loaded.model, sample, task)
    if not np.allclose(answers, expected, rtol=TOLERANCE, atol=TOLERANCE):
        worst = float(np.max(np.abs(answers - expected)))
        raise ChangedModelError(
            f"version {version} of {opened.model!r}, read back from the registry, must "
            f"predict what it did in training (run {folder.name}), and differs by up "
            f"to {worst:.3g}; it stays in staging: check the package versions"
        )
