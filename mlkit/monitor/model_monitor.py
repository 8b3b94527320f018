"""A monitor of one model, for who has no case: the few calls that people expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd
from numpy.typing import ArrayLike

from mlkit import store
from mlkit.alerts import Alert
from mlkit.monitor.baselines import FILE
from mlkit.monitor.check_record import Check
from mlkit.monitor.checking import check
from mlkit.monitor.committing import alert_book, commit
from mlkit.monitor.detected import Detected
from mlkit.monitor.detector import DriftDetector, utc_now
from mlkit.monitor.journal import Journal
from mlkit.monitor.recorded import NAME, checked_figures
from mlkit.monitor.records import Health, Recorded
from mlkit.monitor.watched import monitor_folder
from mlkit.params import Params, params_from_dict


class ModelMonitor:
    """A model in production: its drift, its performance, its health and its alerts.

    What it keeps is in ``data/monitor/<model>`` of the workspace; what the model was
    asked it reads from the prediction log. `check_model_health` and
    `generate_monitoring_report` judge the log, the figures that were recorded and the
    newest detection, and raise or resolve alerts by it. Nobody is told of them by this
    class: ``mlkit monitor`` sends them, or :func:`mlkit.alerts.send`.

    Parameters
    ----------
    model : str
        Name of the model, as in the registry and in the log; neither need know it.
    root : Path, optional
        The workspace; None finds it.
    params : Params, optional
        A case, whose bounds are taken; None takes the defaults.
    clock : callable
        Returns the present, with a time zone.

    Raises
    ------
    RegistryError
        When the name cannot name a folder everywhere.

    Examples
    --------
    >>> import tempfile
    >>> monitor = ModelMonitor("churn", root=Path(tempfile.mkdtemp()))
    >>> kept = monitor.record_performance({"accuracy": 0.91}, n=800)
    >>> kept = monitor.record_performance({"accuracy": 0.78}, n=800)
    >>> health = monitor.check_model_health()
    >>> health.status, [alert.cause for alert in monitor.active_alerts()]
    ('degraded', ['performance.accuracy'])
    """

    def __init__(
        self,
        model: str,
        *,
        root: Path | None = None,
        params: Params | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.model = model
        self.root = store.workspace_root() if root is None else Path(root)
        self.folder = monitor_folder(model, self.root)
        given = _without_case(model) if params is None else params
        if given.model != model:
            filed = given.registry.model_copy(update={"model": model})
            given = given.model_copy(update={"registry": filed})
        self.params = given
        self._clock = clock

    def set_reference_data(
        self, frame: pd.DataFrame, *, predictions: ArrayLike | None = None
    ) -> None:
        """Keep what later rows are compared with, in place of what was there.

        Checks of the log compare with the profile that the registry has of a version,
        and with this where it has none. Kept are counts and, for looking at columns
        together, ``drift.sample`` rows without those of ``data.sensitive``.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            The features that the model learned from.
        predictions : array-like of shape (n_rows,), optional
            The model's answers for rows that it was not trained on.

        Raises
        ------
        TypeError, ValueError
            When it is no frame, has no rows or no column to compare, or predictions
            are not a number for each row.
        """
        self._detector().set_baseline(frame, predictions=predictions)

    def detect_data_drift(
        self,
        frame: pd.DataFrame,
        *,
        version: str = "",
        predictions: ArrayLike | None = None,
        together: bool = False,
    ) -> Detected:
        """Say whether rows still look like the reference, and keep the answer.

        The health heeds the newest answer, of this version or of none, until the log
        has a judged window that began later. With `together`, columns are looked at
        together as well: see :meth:`DriftDetector.detect_drift`.

        Raises
        ------
        FileNotFoundError
            When no reference was set.
        TypeError, ValueError
            When it is no frame, or predictions are not a number for each row.
        """
        if not (self.folder / FILE).exists():
            raise FileNotFoundError(
                f"rows are compared with a reference, and {self.model!r} has none; "
                "call set_reference_data(frame) with the rows that it learned from"
            )
        return self._detector().detect_drift(
            frame, self.model, version, predictions=predictions, together=together
        )

    def record_performance(
        self,
        figures: Mapping[str, float],
        *,
        version: str | None = None,
        n: int | None = None,
    ) -> Recorded:
        """Keep figures that were measured elsewhere; the health heeds them.

        Parameters
        ----------
        figures : mapping of str to float
            Metric to its value, under the names of :data:`mlkit.metrics.METRICS`;
            others are kept and not judged.
        version : str, optional
            The version they are of.
        n : int, optional
            Rows they were measured on.

        Raises
        ------
        ValueError
            When there is none, one is no finite number, or none that its metric could
            have.
        """
        now = self._clock()
        kept = Recorded(now.isoformat(), version, n, checked_figures(figures, n))
        Journal(self.folder, NAME).append([kept.to_dict()], now=now)
        return kept

    def check_model_health(self) -> Health:
        """Check the model, keep what was found, and return its health."""
        return self.generate_monitoring_report().health

    def active_alerts(self) -> tuple[Alert, ...]:
        """Return the alerts that hold by the last check, the worst first."""
        return alert_book(self.params, self.root).active()

    def generate_monitoring_report(self) -> Check:
        """Check the model, keep what was found, and return all of it."""
        found = check(self.params, self.root, now=self._clock())
        commit(found, self.params, self.root, now=self._clock())
        return found

    def _detector(self) -> DriftDetector:
        return DriftDetector(
            self.folder,
            params=self.params.drift,
            sensitive=self.params.data.sensitive,
            keep_history_days=self.params.monitor.keep_history_days,
            clock=self._clock,
        )


def _without_case(model: str) -> Params:
    """Return the defaults; what the model is asked for, its log will tell."""
    return params_from_dict(
        {
            "case": "monitor",
            "task": "binary",
            "data": {"source": "none.csv", "target": "actual", "positive": "1"},
            "registry": {"model": model},
        }
    )
