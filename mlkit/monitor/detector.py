"""A drift detector: a baseline in a folder, and detections beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from mlkit import store
from mlkit.drift import DriftReport, ReferenceProfile, count_rows, detect
from mlkit.drift.pairs import Pair
from mlkit.monitor.baseline_rows import draw_sample, look_at_rows
from mlkit.monitor.baselines import (
    ROWS,
    Baseline,
    make_baseline,
    plain_frame,
    plain_predictions,
    read_baseline,
    write_baseline,
)
from mlkit.monitor.calm import judge_columns
from mlkit.monitor.detected import ColumnVerdict, Detected, Engine
from mlkit.monitor.evidently_engine import EngineError, ask_evidently
from mlkit.monitor.journal import Journal
from mlkit.monitor.methods import (
    AUTO,
    METHODS,
    by_tests,
    check_method,
    of_bound,
)
from mlkit.monitor.overall import drifted_names, judge_all, one_by_one, too_few
from mlkit.params.models import Drift

HISTORY = "detections"
KEEP_DAYS = 30


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
        ``anderson_darling``, ``cramer_von_mises``) hold one statistic against a bound;
        missing values and new levels are tested as with ``auto``, for these statistics
        do not see them, and so are predictions.
    threshold : float, optional
        With ``auto``, the share of columns whose drift makes drift of the data; None
        takes ``drift.drift_share`` (0.30). Else the bound of the statistic, whatever
        the number of rows. None takes the usual one (0.2 of ``psi``, 0.3 of ``kl``,
        0.05 of the p-value of the last four, 0.1 of the others) or, where that is
        farther out, what the statistic of some column exceeds in 5 % of checks without
        drift; see :mod:`mlkit.monitor.calm`. The data as a whole have drifted when
        ``drift.drift_share`` of the columns have, when the predictions have, or when a
        column is absent, of another kind or without values.
    engine : str
        ``mlkit``, or ``evidently``, which runs in the environment that ``make
        evidently`` builds and needs the rows of the baseline: they are kept beside it.
        Where it cannot be asked, mlkit's own statistics run, and the note says so.
    params : Drift, optional
        The bounds; None takes the defaults. Of the baseline, ``drift.sample`` rows are
        kept, by which columns are looked at together.
    sensitive : collection of str
        Columns of which no row is kept for that.
    keep_history_days : int
        Days of detections that are kept.
    clock : callable
        Returns the present, with a time zone.

    Raises
    ------
    ValueError
        When method, threshold, engine or days to keep are not such.

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
        sensitive: Collection[str] = (),
        keep_history_days: int = KEEP_DAYS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        check_method(method, threshold)
        if engine not in ("mlkit", "evidently"):
            raise ValueError(f"engine must be mlkit or evidently, got {engine!r}")
        if keep_history_days < 1:
            raise ValueError(
                f"keep_history_days must be 1 or more, got {keep_history_days}"
            )
        self.folder = Path(storage_path)
        self.method = method
        self.threshold = threshold
        self.engine = engine
        bounds = Drift() if params is None else params
        shared = {} if method != AUTO or threshold is None else {"share": threshold}
        self.params = bounds.model_copy(
            update={"drift_share": shared.get("share", bounds.drift_share)}
        )
        self.sensitive = frozenset(sensitive)
        self.keep_history_days = keep_history_days
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
            The model's answers, values or probabilities of one class, for rows that
            it was not trained on.

        Raises
        ------
        TypeError, ValueError
            When it is no frame, has no rows or no column to compare, or predictions
            are not a number for each row.
        """
        baseline = make_baseline(frame, now=self._clock(), predictions=predictions)
        rows = None
        if self.engine == "evidently":
            plain = plain_frame(frame).astype(object)
            rows = plain.map(_text, na_action="ignore").to_parquet()
        sample = draw_sample(frame, baseline, self.params, self.sensitive)
        write_baseline(self.folder, baseline, rows, sample)

    def detect_drift(
        self,
        frame: pd.DataFrame,
        model: str = "",
        version: str = "",
        *,
        predictions: ArrayLike | None = None,
        together: bool = False,
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
            The model's answers for these rows; compared where the baseline has some.
        together : bool
            Whether all columns are looked at together as well, which sees a change that
            is only in how they go together, and takes some tenths of a second: more
            than all columns one by one.

        Raises
        ------
        FileNotFoundError
            When no baseline was set.
        TypeError
            When it is no frame.
        ValueError
            When predictions are not a number for each row; or `together` is asked for
            with another method than ``auto``, or of another engine.
        """
        self._check(together=together)
        baseline, rows = read_baseline(self.folder), plain_frame(frame)
        profile = baseline.profile
        answers = None
        if predictions is not None:
            answers = plain_predictions(predictions, len(rows))
        counted = count_rows(
            profile,
            rows,
            baseline.schema,
            predictions=answers if profile.predictions else None,
        )
        report = detect(
            profile,
            counted,
            baseline.schema,
            params=self.params,
            multivariate=look_at_rows(self.folder, baseline, rows, self.params)
            if together
            else None,
            notes=_notes(baseline, given=answers is not None),
        )
        found = self._judged(report, baseline, counted)
        if self.engine == "evidently":
            found = self._by_evidently(found, report, baseline, rows)
        found = replace(found, model=model, version=version)
        now = self._clock()
        self._journal.append([found.to_dict()], now=now)
        self._journal.prune(now=now, keep_days=self.keep_history_days)
        return found

    def history(self) -> tuple[Mapping[str, Any], ...]:
        """Return the detections so far, the oldest first."""
        return self._journal.read()

    @property
    def _journal(self) -> Journal:
        return Journal(self.folder, HISTORY)

    def _check(self, *, together: bool) -> None:
        if together and (self.method, self.engine) != (AUTO, "mlkit"):
            raise ValueError(
                "together=True goes with method 'auto' and engine 'mlkit', for only "
                f"their verdict heeds it; got {self.method!r} and {self.engine!r}: "
                "leave together out"
            )

    def _judged(
        self, report: DriftReport, baseline: Baseline, counted: ReferenceProfile
    ) -> Detected:
        own = METHODS.get(self.method)
        threshold = self.params.drift_share
        columns = {each.name: by_tests(each) for each in report.columns}
        if own is not None:
            threshold = own.threshold if self.threshold is None else self.threshold
            columns = judge_columns(
                {each.name: each for each in report.columns},
                _pairs(baseline.profile, counted),
                own,
                self.threshold,
            )
        if report.verdict == "too_few":
            columns = too_few(baseline.schema.features, report.reason)
        columns |= _left_out(baseline)
        found = Detected(
            drifted=report.drifted,
            drifted_columns=drifted_names(columns),
            columns=columns,
            score=report.score or 0.0,
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
            note=" ".join(_noted(report)),
            predictions={each.name: by_tests(each) for each in report.predictions},
            multivariate=report.multivariate,
        )
        if own is None or report.verdict == "too_few":
            return found
        found = replace(found, note=f"{found.note} {of_bound(own, self.threshold)}")
        return judge_all(found, report, self.params)

    def _by_evidently(
        self,
        found: Detected,
        report: DriftReport,
        baseline: Baseline,
        rows: pd.DataFrame,
    ) -> Detected:
        """Return Evidently's numbers in place of our own, or why they are not there."""
        if found.verdict == "too_few":
            return found
        try:
            columns, name = ask_evidently(
                self._rows(baseline),
                rows,
                baseline.schema,
                {each.name: each for each in report.columns},
                method=self.method,
                threshold=None if self.method == AUTO else self.threshold,
            )
        except EngineError as error:
            note = f"Evidently was asked for; the numbers are mlkit's own, for {error}."
            return replace(found, note=f"{note} {found.note}".strip())
        own_bound = self.method == AUTO or self.threshold is None
        note = (
            f"The numbers are those of {name}, with its bounds for each column; "
            "missing values, new levels and predictions are tested by mlkit."
        )
        told = replace(
            found,
            columns=columns | _left_out(baseline),
            threshold=self.params.drift_share if own_bound else found.threshold,
            engine="evidently",
            note=" ".join([note, *_noted(report)]),
        )
        return judge_all(told, report, self.params)

    def _rows(self, baseline: Baseline) -> pd.DataFrame:
        """Return the rows of the baseline, which are those that it was made of."""
        path, advice = self.folder / ROWS, "set_baseline again with engine='evidently'"
        if baseline.rows_digest is None or not path.exists():
            raise EngineError(
                f"it needs the rows of the baseline, which are not kept; call {advice}"
            )
        if store.sha256_file(path) != baseline.rows_digest:
            raise EngineError(
                f"{path} has other rows than the baseline was made of; call {advice}"
            )
        return pd.read_parquet(path)


def _noted(report: DriftReport) -> tuple[str, ...]:
    """Return the notes of a report; first, why columns were looked at one by one."""
    found = report.multivariate
    if found is None:
        return (one_by_one("together=True was not asked for"), *report.notes)
    return report.notes if found.ran else (found.reason, *report.notes)


def _notes(baseline: Baseline, *, given: bool) -> list[str]:
    notes = []
    if baseline.left_out:
        said = [f"{name!r} ({why})" for name, why in baseline.left_out.items()]
        notes.append(f"Not compared: {', '.join(said)}.")
    if given and not baseline.profile.predictions:
        notes.append(
            "Predictions are not compared, for the baseline has none; give them to "
            "set_baseline(frame, predictions=...)."
        )
    if baseline.profile.predictions and not given:
        notes.append("Predictions are not compared, for none were given.")
    return notes


def _pairs(reference: ReferenceProfile, current: ReferenceProfile) -> dict[str, Pair]:
    now = {column.name: column.counts for column in current.columns}
    return {each.name: Pair(each, now[each.name]) for each in reference.columns}


def _left_out(baseline: Baseline) -> dict[str, ColumnVerdict]:
    return {
        name: ColumnVerdict(None, None, None, "not compared", "none", None, False, why)
        for name, why in baseline.left_out.items()
    }


def _text(value: object) -> str:
    return str(value)
