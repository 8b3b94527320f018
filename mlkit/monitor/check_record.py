"""The record of one check of a model in production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlkit.data.markup import table
from mlkit.drift import DriftReport, PerformanceDrift
from mlkit.evaluate import SliceResult
from mlkit.monitor.pooling import Pool
from mlkit.monitor.records import (
    Challenger,
    Health,
    LogState,
    Quality,
    Recorded,
    Resources,
    Trend,
    shown,
)
from mlkit.monitor.window_records import WindowFigures

if TYPE_CHECKING:
    from mlkit.alerts import Finding
    from mlkit.label_free import Expected


@dataclass(frozen=True)
class Check:
    """Everything that one look at a model in production found.

    Attributes
    ----------
    model : str
        Name of the model.
    version : str or None
        The version that is judged; None where nothing was logged and nothing is in
        production.
    at : str
        When the check was made.
    task : str or None
        Kind of the predictions; None where nothing tells.
    primary : str
        Name of the metric that stands for performance.
    window : str
        What a window is, in words.
    windows : tuple of WindowFigures
        The oldest first.
    overall : WindowFigures or None
        The figures of all logged rows of the version together; None where there are
        none.
    performance : PerformanceDrift or None
        The primary metric of the newest windows with enough outcomes, against that of
        the version when it was registered.
    trends : tuple of Trend
        Of the primary metric first.
    slices : tuple of SliceResult
        The metrics by ``evaluate.slices``, over all labelled rows.
    drift : DriftReport or None
        Of the newest window that could be judged, in full; `windows` has the others.
    drifted_window : str or None
        Label of that window.
    pools : tuple of Pool
        The drift of the last windows that have ended, taken together.
    drift_began : mapping or None
        Where a change of the features began: ``column``, ``window``, ``start``, ``p``
        and ``said``.
    expected : tuple of Expected
        Performance estimated without outcomes.
    challenger : Challenger or None
        The version in staging, where the log has its answers, too.
    quality : tuple of Quality
        Columns of the logged features that are not what the model was trained on.
    recorded : tuple of Recorded
        Figures that were measured elsewhere, the newest first.
    health : Health
        The status and the issues.
    findings : tuple of Finding
        What alerts are made of: the issues, and what is only worth knowing.
    causes_checked : tuple of str
        Causes that could be judged: an alert of one of these whose finding is not there
        is resolved. ``quality`` stands for ``quality.age``, too.
    log : LogState
        The state of the prediction log.
    totals : mapping
        All that was ever counted, as :class:`mlkit.exposition.Totals` has it.
    resources : Resources or None
        What the check took.
    notes : tuple of str
        What the reader must know: what was not judged, and why.
    """

    model: str
    version: str | None
    at: str
    task: str | None
    primary: str
    window: str
    windows: tuple[WindowFigures, ...]
    health: Health
    overall: WindowFigures | None = None
    performance: PerformanceDrift | None = None
    trends: tuple[Trend, ...] = ()
    slices: tuple[SliceResult, ...] = ()
    drift: DriftReport | None = None
    drifted_window: str | None = None
    pools: tuple[Pool, ...] = ()
    drift_began: Mapping[str, Any] | None = None
    expected: tuple[Expected, ...] = ()
    challenger: Challenger | None = None
    quality: tuple[Quality, ...] = ()
    recorded: tuple[Recorded, ...] = ()
    findings: tuple[Finding, ...] = ()
    causes_checked: tuple[str, ...] = ()
    log: LogState = field(default_factory=LogState)
    totals: Mapping[str, Any] = field(default_factory=dict)
    resources: Resources | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Check({self.model!r}, {self.version!r}, {self.health.status!r})"

    @property
    def status(self) -> str:
        """The status of the model's health."""
        return self.health.status

    @property
    def drift_verdict(self) -> str | None:
        """The verdict on the newest window, or ``drift`` where a pool's drift lasts."""
        if any(pool.lasts for pool in self.pools):
            return "drift"
        return None if self.drift is None else self.drift.verdict

    def summary(self) -> dict[str, Any]:
        """Return the health and what it rests on, in short, as plain JSON data."""
        return {
            "model": self.model,
            "version": self.version,
            "at": self.at,
            "status": self.health.status,
            "reason": self.health.reason,
            "issues": [issue.to_dict() for issue in self.health.issues],
            "predictions": 0 if self.overall is None else self.overall.predictions,
            "labelled": 0 if self.overall is None else self.overall.labelled,
            "drift": self.drift_verdict,
            "notes": list(self.notes),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the check as plain JSON data."""
        return self.summary() | {
            "task": self.task,
            "primary": self.primary,
            "window": self.window,
            "windows": _dicts(self.windows),
            "health": self.health.to_dict(),
            "overall": self.overall and self.overall.to_dict(),
            "performance": self.performance and self.performance.to_dict(),
            "trends": _dicts(self.trends),
            "slices": _dicts(self.slices),
            "drift": self.drift and self.drift.to_dict(),
            "drifted_window": self.drifted_window,
            "pools": _dicts(self.pools),
            "drift_began": None if self.drift_began is None else dict(self.drift_began),
            "expected": _dicts(self.expected),
            "challenger": self.challenger and self.challenger.to_dict(),
            "quality": _dicts(self.quality),
            "recorded": _dicts(self.recorded),
            "findings": _dicts(self.findings),
            "causes_checked": list(self.causes_checked),
            "log": self.log.to_dict(),
            "totals": dict(self.totals),
            "resources": self.resources and self.resources.to_dict(),
        }

    def _repr_html_(self) -> str:
        rows = [
            (
                each.label,
                each.predictions,
                each.errors,
                each.labelled,
                shown(each.metrics.get(self.primary)),
                "" if each.drift is None else each.drift.verdict,
            )
            for each in self.windows
        ]
        head = ["window", "predictions", "errors", "outcomes", self.primary, "drift"]
        return self.health._repr_html_() + table(f"By {self.window}", head, rows)


def _dicts(records: Sequence[Any]) -> list[dict[str, Any]]:
    return [record.to_dict() for record in records]
