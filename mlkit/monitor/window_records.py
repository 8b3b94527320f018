"""Records of a window: what a model answered in a stretch of time, and how well.

Every record is plain data: ``to_dict`` gives what a page, ``--json`` and the history
show, and ``from_dict`` reads it again. Moments are ISO texts in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from mlkit.metrics import Estimate


@dataclass(frozen=True)
class Latency:
    """How long answers took, in milliseconds.

    Attributes
    ----------
    p50, p95, p99 : float
        Half, 95 % and 99 % of the answers took no longer.
    n : int
        Answers whose latency is known.
    """

    p50: float
    p95: float
    p99: float
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the latency as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class WindowDrift:
    """What drift detection said of the predictions of one window.

    Attributes
    ----------
    verdict : str
        As in :class:`mlkit.drift.DriftReport`.
    score : float or None
        From 0 to 1: how much drifted; None where nothing was judged.
    flagged : tuple of str
        Names of the flagged columns.
    reason : str
        Why, in a sentence.
    rows : int
        Rows that were judged.
    level : float or None
        The false-alarm rate that the verdict was held to.
    effects : mapping of str to float
        Effect of each column that was compared, from 0 to 1.
    """

    verdict: str
    score: float | None
    flagged: tuple[str, ...]
    reason: str
    rows: int
    level: float | None = None
    effects: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the drift as plain JSON data."""
        return asdict(self) | {
            "flagged": list(self.flagged),
            "effects": dict(self.effects),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the drift that `to_dict` wrote."""
        return cls(**{**stored, "flagged": tuple(stored["flagged"])})


@dataclass(frozen=True)
class WindowCalibration:
    """How far probabilities were from what happened.

    Attributes
    ----------
    error : float
        The calibration error.
    floor : float
        What a perfect model with these predictions would show by chance.
    p_value : float
        How often a perfect model would show at least this error.
    n : int
        Predictions with an outcome that were judged: 50,000 of more.
    """

    error: float
    floor: float
    p_value: float
    n: int

    @property
    def excess(self) -> float:
        """The error beyond chance, never below 0."""
        return max(0.0, self.error - self.floor)

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class WindowFigures:
    """What was predicted in a window of time, and how well.

    Attributes
    ----------
    label : str
        What people call the window, such as ``2026-11-20``.
    start, end : str
        Its first moment and the first one after it; of a window by count, the moments
        of its first and last prediction.
    complete : bool
        Whether the window has ended.
    predictions, errors : int
        Requests that were answered, and that failed.
    labelled, missing_labels, late_labels : int
        Predictions whose outcome is known; is not; is not though it is due.
    latency : Latency or None
        None where none was logged.
    metrics : mapping of str to Estimate
        Metric to its value with interval; empty where too few outcomes are known.
    calibration : WindowCalibration or None
        Where probabilities and enough outcomes are known.
    drift : WindowDrift or None
        None without a reference to compare with.
    versions : mapping of str to int
        Predictions of every version that was asked in the window.
    version : str or None
        The version that the figures are of.
    digest : str
        Fingerprint of its answers and outcomes: a window with the same one need not be
        measured again.
    stored : bool
        Whether the figures come from the history, as the log holds the rows no longer.
    """

    label: str
    start: str
    end: str
    complete: bool
    predictions: int
    errors: int = 0
    labelled: int = 0
    missing_labels: int = 0
    late_labels: int = 0
    latency: Latency | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    calibration: WindowCalibration | None = None
    drift: WindowDrift | None = None
    versions: Mapping[str, int] = field(default_factory=dict)
    version: str | None = None
    digest: str = ""
    stored: bool = False

    @property
    def error_rate(self) -> float | None:
        """Share of requests that failed; None where there were none."""
        asked = self.predictions + self.errors
        return self.errors / asked if asked else None

    def to_dict(self) -> dict[str, Any]:
        """Return the window as plain JSON data."""
        return {
            "label": self.label,
            "start": self.start,
            "end": self.end,
            "complete": self.complete,
            "predictions": self.predictions,
            "errors": self.errors,
            "error_rate": self.error_rate,
            "labelled": self.labelled,
            "missing_labels": self.missing_labels,
            "late_labels": self.late_labels,
            "latency": self.latency and self.latency.to_dict(),
            "metrics": {name: each.to_dict() for name, each in self.metrics.items()},
            "calibration": self.calibration and self.calibration.to_dict(),
            "drift": self.drift and self.drift.to_dict(),
            "versions": dict(self.versions),
            "version": self.version,
            "digest": self.digest,
            "stored": self.stored,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the window that `to_dict` wrote."""
        given = {name: value for name, value in stored.items() if name != "error_rate"}
        latency, drift = stored["latency"], stored["drift"]
        calibration = stored["calibration"]
        return cls(
            **{
                **given,
                "latency": latency and Latency(**latency),
                "metrics": {
                    name: _estimate(each) for name, each in stored["metrics"].items()
                },
                "calibration": calibration and WindowCalibration(**calibration),
                "drift": drift and WindowDrift.from_dict(drift),
            }
        )


def _estimate(stored: Mapping[str, Any]) -> Estimate:
    nothing = float("nan")
    numbers = {
        name: nothing if stored[name] is None else stored[name]
        for name in ("value", "lower", "upper")
    }
    return Estimate(**{**stored, **numbers})
