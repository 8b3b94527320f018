"""The answer: reproduced or not, and which inputs differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mlkit import store
from mlkit.pipeline.stopped import StepError
from mlkit.reproduce.comparison import MetricDifference, compare_metrics
from mlkit.reproduce.inputs import Input, find_inputs
from mlkit.reproduce.recorded import Recorded, ReproduceError, find_recorded
from mlkit.reproduce.replay import Replayed, replay, scratch_folder

Verdict = Literal["same", "differs", "failed"]
UNEXPLAINED = (
    "no input that is recorded differs: the training is not deterministic, or it "
    "depends on something else, such as the processor or the number of cores"
)


@dataclass(frozen=True)
class Reproduction:
    """Whether a version came out the same once more.

    Attributes
    ----------
    model, version, stage : str
        Which version.
    run : str or None
        The run that made it.
    digest, digest_now : str or None
        Digests of the model, recorded and replayed.
    metrics : int
        Number of metrics that were compared.
    metric_differences : tuple of MetricDifference
        Numbers that are not exactly the same.
    inputs : tuple of Input
        Data, params, code and packages.
    error : dict or None
        What stopped the replay.
    folder : Path or None
        The scratch folder, where it was kept.
    """

    model: str
    version: str
    stage: str
    run: str | None
    digest: str
    digest_now: str | None
    metrics: int
    metric_differences: tuple[MetricDifference, ...]
    inputs: tuple[Input, ...]
    error: Mapping[str, Any] | None
    folder: Path | None

    @property
    def verdict(self) -> Verdict:
        """``same``, ``differs``, or ``failed`` when the replay reached no end."""
        if self.error is not None:
            return "failed"
        same = self.digest == self.digest_now and not self.metric_differences
        return "same" if same else "differs"

    @property
    def exit_code(self) -> int:
        """What the command line ends with: 0 the same, 1 not, 3 a step failed."""
        return {"same": 0, "differs": 1, "failed": 3}[self.verdict]

    @property
    def changed(self) -> tuple[str, ...]:
        """Names of the inputs that differ."""
        return tuple(each.name for each in self.inputs if each.same is False)

    @property
    def sentence(self) -> str:
        """The answer in words."""
        name = f"{self.model} {self.version}"
        changed = ", ".join(self.changed)
        unknown = ", ".join(each.name for each in self.inputs if each.same is None)
        if self.error is not None:
            which = f"; what differs: {changed}" if changed else ""
            return f"{name} could not be replayed: {self.error['message']}{which}"
        if self.verdict == "same":
            although = f", although this differs: {changed}" if changed else ""
            return (
                f"{name} is reproduced: the model and its {self.metrics} metrics are "
                f"the same{although}"
            )
        what = "the model is another one"
        if self.digest == self.digest_now:
            what = "the model is the same, its metrics are not"
        cause = f"what differs: {changed}" if changed else UNEXPLAINED
        if unknown and not changed:
            cause = f"what may differ, and nobody can tell: {unknown}"
        return f"{name} is not reproduced: {what}; {cause}"

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON data."""
        return {
            "model": self.model,
            "version": self.version,
            "stage": self.stage,
            "run": self.run,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "digest": {"recorded": self.digest, "now": self.digest_now},
            "metrics": {
                "compared": self.metrics,
                "differences": [each.to_dict() for each in self.metric_differences],
            },
            "inputs": {each.name: each.to_dict() for each in self.inputs},
            "changed": list(self.changed),
            "error": None if self.error is None else dict(self.error),
            "folder": None if self.folder is None else str(self.folder),
        }


def reproduce(
    model: str,
    version: str,
    *,
    root: Path | None = None,
    keep_folder: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Reproduction:
    """Replay the run that made a version, and compare.

    Parameters
    ----------
    model : str
        Name of the model in the registry.
    version : str
        A number, a stage or ``latest``.
    root : Path, optional
        The workspace, which is not changed; None finds it.
    keep_folder : bool
        Keep the scratch folder, to look at its notebooks and pages.
    say : callable
        Is given each line of progress.

    Raises
    ------
    RegistryError
        If there is no such model or version.
    DamageError
        If its manifest is missing or altered.
    ReproduceError
        If its data are gone, or its params cannot be read any more.
    """
    root = store.workspace_root() if root is None else root
    recorded = find_recorded(model, version, root)
    say(f"{recorded.name}: replay of run {recorded.manifest.get('run') or 'unknown'}")
    with scratch_folder(keep_folder) as folder:
        error, replayed = None, None
        try:
            replayed = replay(recorded, root, folder, say=say)
        except StepError as stopped:
            error = stopped.details
            if error["type"] == "SourceError":
                raise ReproduceError(
                    f"{recorded.name} was asked for, and its data cannot be read any "
                    f"more: {error['message']}"
                ) from stopped
        inputs = find_inputs(recorded, replayed, root)
    kept = folder if keep_folder else None
    return _compared(recorded, replayed, inputs, error, kept)


def _compared(
    recorded: Recorded,
    replayed: Replayed | None,
    inputs: tuple[Input, ...],
    error: Mapping[str, Any] | None,
    folder: Path | None,
) -> Reproduction:
    manifest = recorded.manifest
    before = manifest.get("metrics") or {}
    now = before if replayed is None else replayed.metrics
    return Reproduction(
        model=recorded.registry.model,
        version=recorded.version,
        stage=recorded.stage,
        run=manifest.get("run"),
        digest=manifest["digest"],
        digest_now=None if replayed is None else replayed.digest,
        metrics=len(before),
        metric_differences=compare_metrics(before, now),
        inputs=inputs,
        error=error,
        folder=folder,
    )
