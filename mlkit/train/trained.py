"""The record of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sklearn.pipeline import Pipeline

from mlkit.data.markup import table
from mlkit.train.estimators import Family
from mlkit.train.validation import Candidate

STOPPED = {
    "candidates": "as many as allowed",
    "seconds": "until the time was up",
    "space": "all there are",
}


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model, its baselines and how they came about.

    Attributes
    ----------
    model : Pipeline
        Takes the raw, conformed features; classes are indices into the schema's.
    baselines : mapping
        ``dummy`` knows the target's mean or the classes' shares; ``linear`` is a plain
        linear model with its usual options.
    estimator : str
        Name or dotted path of what was fitted; never ``auto``.
    options : dict
        Hyper-parameters that differ from the class's own defaults.
    candidates : tuple of Candidate
        What was cross-validated before the search, such as the contenders of ``auto``.
    reason : str
        Why this estimator.
    convergence : dict or None
        How a fit in passes ended; see `mlkit.train.convergence`.
    search : dict or None
        What a search for hyper-parameters tried.
    class_weights : mapping of str to float, or None
        How much a row of each class counted; None weighed no class.
    notes : tuple of str
        What was done otherwise than asked, and why.
    digest : str
        Identity of the fitted model; see `model_digest`.
    """

    model: Pipeline
    baselines: Mapping[str, Pipeline]
    estimator: str
    family: Family
    options: dict[str, Any]
    candidates: tuple[Candidate, ...]
    convergence: dict[str, Any] | None
    search: dict[str, Any] | None
    digest: str
    n_train: int
    reason: str = ""
    calibration: str | None = None
    notes: tuple[str, ...] = field(default=())
    class_weights: Mapping[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the models as plain JSON data."""
        return {
            "estimator": self.estimator,
            "family": self.family,
            "options": self.options,
            "calibration": self.calibration,
            "class_weights": _plain(self.class_weights),
            "reason": self.reason,
            "notes": list(self.notes),
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "convergence": self.convergence,
            "search": self.search,
            "baselines": sorted(self.baselines),
            "digest": self.digest,
            "n_train": self.n_train,
        }

    def _repr_html_(self) -> str:
        options = ", ".join(f"{name} = {show(v)}" for name, v in self.options.items())
        facts = [
            ("estimator", self.estimator),
            ("why", self.reason),
            ("options", options or "the usual ones"),
            ("class weights", weighing(self.class_weights)),
            ("search", searching(self.search)),
            ("probabilities calibrated by", self.calibration),
            ("training rows", f"{self.n_train:,}"),
            ("ended", ending(self.convergence)),
            ("baselines", ", ".join(self.baselines)),
            ("notes", "; ".join(self.notes) or None),
            ("digest", self.digest[:12]),
        ]
        shown = [(name, value) for name, value in facts if value]
        return table("Model", ["fact", "value"], shown) + tries(self)


def show(value: Any) -> str:
    """Return a number in few digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(weights: Mapping[str, float] | None) -> dict[str, float] | None:
    return None if weights is None else dict(weights)


def weighing(weights: Mapping[str, float] | None) -> str | None:
    """Return in words how much a row of each class counts."""
    if weights is None:
        return None
    return ", ".join(f"{label} = {show(weight)}" for label, weight in weights.items())


def searching(search: Mapping[str, Any] | None) -> str | None:
    """Return in words how many settings a search tried and what ended it."""
    if search is None:
        return None
    n = search["candidates"]
    tried = f"{n:,} candidate{'' if n == 1 else 's'} tried"
    return f"{tried}, {STOPPED.get(search['stopped_by'], search['stopped_by'])}"


def ending(convergence: Mapping[str, Any] | None) -> str | None:
    """Return in words how a fit in passes ended."""
    if convergence is None:
        return None
    passes, limit = convergence["passes"], convergence["limit"]
    words = (
        f"converged after {passes} of at most {limit} passes"
        if convergence["converged"]
        else f"not converged: stopped at its limit of {limit} passes"
    )
    if "loss" in convergence:
        loss, length = convergence["loss"], convergence["gradient_norm"]
        words += f", loss {loss:.4g}, gradient {length:.2g}"
    return words


def tries(trained: Trained) -> str:
    """Return the cross-validated settings as a table, best first; empty for none."""
    rows = [candidate.to_dict() for candidate in trained.candidates]
    if trained.search is not None:
        rows = trained.search["tried"]
    if not rows:
        return ""
    cells = [
        (
            row["estimator"],
            ", ".join(f"{name} = {show(v)}" for name, v in row["options"].items()),
            f"{row['mean']:.4g} ± {row['spread']:.2g}",
        )
        for row in sorted(rows, key=lambda row: row["mean"])[:10]
    ]
    head = ["estimator", "options", "loss, mean ± sd over folds"]
    return table("Settings compared by cross-validation", head, cells)
