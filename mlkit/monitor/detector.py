"""A drift detector: a baseline in a folder, and detections beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from mlkit import store
from mlkit.data import Schema
from mlkit.drift import DriftReport, detect
from mlkit.drift.records import BROKEN
from mlkit.drift.wording import percent
from mlkit.monitor.baselines import (
    Baseline,
    make_baseline,
    plain_frame,
    read_baseline,
    write_baseline,
)
from mlkit.monitor.detected import ColumnVerdict, Detected, Engine
from mlkit.monitor.evidently_engine import EngineError, ask_evidently
from mlkit.monitor.journal import Journal
from mlkit.monitor.methods import AUTO, METHODS, by_method, by_tests, check_method
from mlkit.params.models import Drift

HISTORY = "detections"
ROWS = "baseline.parquet"


def utc_now() -> datetime:
    """Return the present, in UTC."""
    return datetime.now(UTC)


class DriftDetector:
    """Whether rows still look like a baseline.

    Parameters
    ----------
    storage_path : path
        Folder of the baseline and of the detections; made when it is needed. Another
        process that is given the same folder finds both.
    method : str
        ``auto`` takes, for each column, the test that fits it, corrects for how many
        were tested and asks for an effect that matters; see :func:`mlkit.drift.detect`.
        The others (``ks``, ``psi``, ``kl``, ``js``, ``hellinger``, ``wasserstein``,
        ``energy``, ``mmd``, ``total_variation``, ``chi_square``, ``g``,
        ``anderson_darling``, ``cramer_von_mises``) hold one statistic against
        `threshold` whatever the number of rows; missing values and new levels are
        tested as with ``auto``, for these statistics do not see them.
    threshold : float, optional
        With ``auto``, the share of columns whose drift makes drift of the data; None
        takes ``drift.drift_share`` (0.30). Else the bound of the statistic; None takes
        the usual one: 0.2 of ``psi``, 0.3 of ``kl``, 0.05 of the p-value of the last
        four, and 0.1 of the others. The data as a whole have drifted when
        ``drift.drift_share`` of the columns have, or one is absent, of another kind or
        without values.
    engine : str
        ``mlkit``, or ``evidently``, which runs in the environment that ``make
        evidently`` builds and needs the rows of the baseline: they are kept beside it.
        Where it cannot be asked, mlkit's own statistics run, and the note says so.
    params : Drift, optional
        The bounds; None takes the defaults.
    clock : callable
        Returns the present, with a time zone.

    Raises
    ------
    ValueError
        When method, threshold or engine is not one of these.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> detector = DriftDetector(storage_path=tempfile.mkdtemp())
    >>> detector.set_baseline(pd.DataFrame({"age": rng.normal(40, 9, 500)}))
    >>> rows = pd.DataFrame({"age": rng.normal(50, 9, 500)})
    >>> found = detector.detect_drift(rows, "churn", "1.0.0")
    >>> found.drifted, found.drifted_columns
    (True, ('age',))
    """

    def __init__(
        self,
        storage_path: str | Path,
        *,
        method: str = AUTO,
        threshold: float | None = None,
        engine: Engine = "mlkit",
        params: Drift | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        check_method(method, threshold)
        if engine not in ("mlkit", "evidently"):
            raise ValueError(f"engine must be mlkit or evidently, got {engine!r}")
        self.folder = Path(storage_path)
        self.method = method
        self.threshold = threshold
        self.engine = engine
        bounds = Drift() if params is None else params
        shared = {} if method != AUTO or threshold is None else {"share": threshold}
        self.params = bounds.model_copy(
            update={"drift_share": shared.get("share", bounds.drift_share)}
        )
        self._clock = clock

    def set_baseline(
        self, frame: pd.DataFrame, *, predictions: ArrayLike | None = None
    ) -> None:
        """Keep what later rows are compared with, in place of what was there.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            The rows, without the target; the kinds of the columns are inferred.
        predictions : array-like of shape (n_rows,), optional
            The model's answers for rows that it was not trained on.

        Raises
        ------
        TypeError, ValueError
            When it is no frame, has no rows or no column to compare.
        """
        baseline = make_baseline(frame, now=self._clock(), predictions=predictions)
        rows = plain_frame(frame) if self.engine == "evidently" else None
        write_baseline(self.folder, baseline)
        if rows is not None:
            content = rows.astype(object).map(_text, na_action="ignore").to_parquet()
            store.write_atomic(self.folder / ROWS, content)

    def detect_drift(
        self,
        frame: pd.DataFrame,
        model: str = "",
        version: str = "",
        *,
        predictions: ArrayLike | None = None,
    ) -> Detected:
        """Say whether rows still look like the baseline, and keep the answer.

        Parameters
        ----------
        frame : DataFrame of shape (n_rows, n_columns)
            Current rows. No rows, too few rows, a column that is absent, of another
            type or without values are findings, not errors.
        model, version : str
            What the rows were given to; they are kept with the answer.
        predictions : array-like of shape (n_rows,), optional
            The model's answers for these rows.

        Raises
        ------
        FileNotFoundError
            When no baseline was set.
        TypeError
            When it is no frame.
        """
        baseline, rows = read_baseline(self.folder), plain_frame(frame)
        report = detect(
            baseline.profile,
            rows,
            baseline.schema,
            params=self.params,
            predictions=predictions if baseline.profile.predictions else None,
        )
        found = self._judged(report, baseline)
        if self.engine == "evidently":
            found = self._by_evidently(found, baseline, rows)
        found = replace(found, model=model, version=version)
        self._journal.append([found.to_dict()], now=self._clock())
        return found

    def history(self) -> tuple[Mapping[str, Any], ...]:
        """Return the detections so far, the oldest first."""
        return self._journal.read()

    @property
    def _journal(self) -> Journal:
        return Journal(self.folder, HISTORY)

    def _judged(self, report: DriftReport, baseline: Baseline) -> Detected:
        own = METHODS.get(self.method)
        threshold = self.params.drift_share
        columns = {each.name: by_tests(each) for each in report.columns}
        if own is not None:
            threshold = own.threshold if self.threshold is None else self.threshold
            columns = {
                each.name: by_method(each, own, threshold) for each in report.columns
            }
        if report.verdict == "too_few":
            columns = _too_few(baseline.schema, report.reason)
        found = Detected(
            drifted=report.drifted,
            drifted_columns=_drifted(columns),
            columns=columns,
            score=_share(columns),
            threshold=threshold,
            verdict=report.verdict,
            reason=report.reason,
            method=self.method,
            engine="mlkit",
            model="",
            version="",
            at=self._clock().isoformat(),
            rows=report.rows,
            current_rows=report.current_rows,
            note=" ".join(report.notes),
            predictions={each.name: by_tests(each) for each in report.predictions},
        )
        if own is None or report.verdict == "too_few":
            return found
        fixed = (
            f"The bound {threshold:g} of {own.label} is the same for any number of "
            "rows: few rows reach it by chance. The method 'auto' takes their number "
            "into account."
        )
        return self._by_share(replace(found, note=f"{found.note} {fixed}".strip()))

    def _by_share(self, found: Detected) -> Detected:
        """Return a detection whose verdict is the share of drifted columns."""
        share, bound = found.score, self.params.drift_share
        broken = [
            f"{name!r} ({each.verdict})"
            for name, each in found.columns.items()
            if each.verdict in BROKEN
        ]
        drifted = share >= bound or bool(broken)
        verdict = "drift" if drifted else "columns" if share else "none"
        reason = (
            f"{len(found.drifted_columns)} of {len(found.columns)} columns have "
            f"drifted, {percent(share)}, and {percent(bound)} make drift of the data."
        )
        if broken:
            reason = f"{reason} The frame lacks what was there: {', '.join(broken)}."
        return replace(found, drifted=drifted, verdict=verdict, reason=reason)

    def _by_evidently(
        self, found: Detected, baseline: Baseline, rows: pd.DataFrame
    ) -> Detected:
        """Return Evidently's numbers in place of our own, or why they are not there."""
        if found.verdict == "too_few":
            return found
        try:
            if not (self.folder / ROWS).exists():
                raise EngineError(
                    "it needs the rows of the baseline, which are not kept; call "
                    "set_baseline again with engine='evidently'"
                )
            columns, name = ask_evidently(
                pd.read_parquet(self.folder / ROWS),
                rows,
                baseline.schema,
                method=self.method,
                threshold=None if self.method == AUTO else self.threshold,
            )
        except EngineError as error:
            note = f"Evidently was asked for; the numbers are mlkit's own, for {error}."
            return replace(found, note=f"{note} {found.note}".strip())
        told = replace(
            found,
            drifted_columns=_drifted(columns),
            columns=columns,
            predictions={},
            score=_share(columns),
            engine="evidently",
            note=f"The numbers are those of {name}, with its bounds for each column.",
        )
        return self._by_share(told)


def _drifted(columns: Mapping[str, ColumnVerdict]) -> tuple[str, ...]:
    return tuple(name for name, each in columns.items() if each.drifted)


def _share(columns: Mapping[str, ColumnVerdict]) -> float:
    return len(_drifted(columns)) / max(len(columns), 1)


def _too_few(schema: Schema, reason: str) -> dict[str, ColumnVerdict]:
    nothing = ColumnVerdict(None, None, None, "too_few", "none", None, False, reason)
    return dict.fromkeys(schema.features, nothing)


def _text(value: object) -> str:
    return str(value)
