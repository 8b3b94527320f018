"""The logger that a service holds: one call a prediction, which never fails it."""

from __future__ import annotations

import atexit
import contextlib
import os
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from mlkit.prediction_log.clocks import newest_moment
from mlkit.prediction_log.hiding import Hide, Hiding
from mlkit.prediction_log.layout import Kind, check_model, logged_models
from mlkit.prediction_log.lines import (
    encode,
    is_unicode,
    json_features,
    plain_features,
    plain_value,
)
from mlkit.prediction_log.writing import Writers

Sync = Literal["system", "group", "each"]

LONGEST_ID = 256
LINES_A_WRITE = 1000
# A clock is set right by less than this all the time, and threads overtake each other.
JUMP = timedelta(seconds=1)


def utc_now() -> datetime:
    """Return the time of the system's clock."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a name that no other process gives: the time (ms), then 80 random bits."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(10).hex()}"


class PredictionLogger:
    """Keep what models answered, a line each, in daily files.

    A line has left the process when a call returns: it outlives a killed process with
    ``sync="system"``, and a power cut with ``"each"``; with ``"group"`` it is on the
    disk within a second. Many threads and processes may write to one folder, and a
    logger may be used on both sides of a fork. What the disk refuses is counted
    (`lost`, and :func:`read_losses` for other processes), never raised.

    Parameters
    ----------
    storage_path : str or path
        Folder of the log; each model has a folder of its own in it. Made when needed.
    sync : {"system", "group", "each"}
        When a line is safe.
    sensitive : iterable of str
        Columns whose values are never written in clear.
    hide : {"hash", "drop"}
        What is kept of them: a hash with a key of this folder, or nothing.
    clock : callable
        Returns the time, with its zone; used where no `at` is given.

    Raises
    ------
    ValueError, TypeError
        For an option that is none.
    NotADirectoryError
        When the path is a file.
    OSError
        When sensitive columns are to be hashed and their key can neither be read nor
        made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, PredictionLogger(folder) as log:
    ...     id = log.log_prediction("churn", "1.0.0", {"age": 41}, "yes", 0.83)
    ...     log.log_actual(id, "no")
    ...     [found] = log.get_recent_predictions()
    >>> found["features"], found["prediction"], found["actual"]
    ({'age': 41}, 'yes', 'no')
    """

    def __init__(
        self,
        storage_path: str | os.PathLike[str],
        *,
        sync: Sync = "system",
        sensitive: Iterable[str] = (),
        hide: Hide = "hash",
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.storage_path = Path(storage_path)
        if self.storage_path.exists() and not self.storage_path.is_dir():
            raise NotADirectoryError(
                f"a prediction log is a folder, and {self.storage_path} is a file; "
                "give another path"
            )
        self._hiding = Hiding(self.storage_path, sensitive, hide)
        self._writers = Writers(self.storage_path, sync, clock)
        self._clock = clock
        self._latest: dict[str, datetime] = {}
        self.clock_jumps = 0
        _LOGGERS.add(self)

    @property
    def lost(self) -> int:
        """How many lines of this logger could not be written."""
        return self._writers.lost

    @property
    def repaired(self) -> int:
        """How many torn lines of killed writers this logger has closed."""
        return self._writers.repaired

    def log_prediction(
        self,
        model_name: str,
        model_version: str,
        features: Any,
        prediction: Any,
        probability: Any = None,
        actual: Any = None,
        latency_ms: float | None = None,
        *,
        id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Keep one answer of a model.

        Parameters
        ----------
        model_name : str
            As in the registry.
        model_version : str
            The version that answered.
        features : mapping of str to value, or pandas Series
            The row that the model was given.
        prediction : value
            A label or a number.
        probability : float, list or mapping of class to float, optional
            How sure the model was.
        actual : value, optional
            The truth, where it is known already.
        latency_ms : float, optional
            How long the answer took, in milliseconds.
        id : str, optional
            1 to 256 characters by which the answer is found again; None gives one.
        at : datetime, optional
            When it was given, with its zone; None asks the clock.

        Returns
        -------
        str
            The id.

        Raises
        ------
        TypeError, ValueError
            When an argument is not what it has to be. A disk that refuses raises
            nothing.
        """
        row = self._row(features)
        fields = (row, prediction, probability, latency_ms, actual)
        given, moment, jump = _id(id), *self._moment(at, model_name)
        line = _line(given, moment, model_name, model_version, fields, jump=jump)
        self._append(model_name, "predictions", moment, line)
        return given

    def log_predictions(
        self,
        model_name: str,
        model_version: str,
        features: Any,
        predictions: Iterable[Any],
        probabilities: Iterable[Any] | None = None,
        *,
        latency_ms: float | None = None,
        ids: Sequence[str] | None = None,
        at: datetime | None = None,
    ) -> list[str]:
        """Keep many answers with few calls of the system (1,000 lines each).

        Parameters
        ----------
        features : sequence of mappings, or DataFrame, of n rows
            The rows that the model was given.
        predictions, probabilities, ids : iterables of n values
            As in `log_prediction`, in the order of the rows.
        latency_ms : float, optional
            How long one answer took.

        Returns
        -------
        list of str of length n
            The ids.

        Raises
        ------
        TypeError, ValueError
            As in `log_prediction`, and when the lengths differ; nothing is then kept.
        """
        rows = features.to_dict("records") if hasattr(features, "to_dict") else features
        rows, answers = list(rows), list(predictions)
        chances = [None] * len(rows) if probabilities is None else list(probabilities)
        given = [_id(id) for id in ([None] * len(rows) if ids is None else ids)]
        lengths = [len(rows), len(answers), len(chances), len(given)]
        if len(set(lengths)) > 1:
            raise ValueError(
                "features, predictions, probabilities and ids must have as many "
                f"entries each, got {lengths}"
            )
        moment, jump = self._moment(at, model_name)
        lines = []
        for name, row, *answer in zip(given, rows, answers, chances, strict=True):
            fields = (self._row(row), *answer, latency_ms, None)
            lines.append(
                _line(name, moment, model_name, model_version, fields, jump=jump)
            )
            jump = None
        for first in range(0, len(lines), LINES_A_WRITE):
            some = lines[first : first + LINES_A_WRITE]
            self._append(
                model_name, "predictions", moment, b"".join(some), lines=len(some)
            )
        return given

    def log_error(
        self,
        model_name: str,
        model_version: str,
        error: BaseException | str,
        features: Any = None,
        latency_ms: float | None = None,
        *,
        id: str | None = None,
        at: datetime | None = None,
    ) -> str:
        """Keep a request that was not answered, and return its id.

        The text of the error is kept without the values of sensitive columns; where
        there are such columns and no `features`, only its type is.

        Raises
        ------
        TypeError, ValueError
            As in `log_prediction`.
        """
        row = None if features is None else plain_features(features)
        said = self._hiding.clean(error, row)
        kept = self._hiding.hide(row or {})
        fields = (kept, None, None, latency_ms, None)
        given, moment, jump = _id(id), *self._moment(at, model_name)
        line = _line(
            given, moment, model_name, model_version, fields, error=said, jump=jump
        )
        self._append(model_name, "predictions", moment, line)
        return given

    def log_actual(
        self,
        id: str,
        actual: Any,
        *,
        model_name: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Keep what came of a prediction; the last outcome of an id counts.

        Parameters
        ----------
        id : str
            What `log_prediction` returned.
        actual : value
            The truth; None takes an earlier outcome back.
        model_name : str, optional
            Whose prediction it was; None is the only model of this log.

        Raises
        ------
        ValueError
            When no model is named and the log has none, or several.
        """
        model = self._only_model() if model_name is None else check_model(model_name)
        given, (moment, _) = _id(id), self._moment(at, model)
        line = encode(
            {"id": given, "at": moment, "kind": "outcome", "model": model}
            | {"actual": plain_value(actual)}
        )
        self._append(model, "outcomes", moment, line)

    def get_recent_predictions(
        self, limit: int = 100, model_name: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the newest predictions, those of other processes too, newest first.

        Parameters
        ----------
        limit : int
            At most so many.
        model_name : str, optional
            None takes all models.

        Returns
        -------
        list of dict
            With ``id, at, kind, model, version, features, prediction, probability,
            latency_ms, actual`` and ``error``; outcomes that came later are in
            ``actual``.
        """
        from mlkit.prediction_log.recent import recent_predictions

        return recent_predictions(self.storage_path, model_name, limit=limit)

    def flush(self) -> None:
        """Return when everything that was logged is on the disk.

        Raises
        ------
        OSError
            When the disk refuses; what is not safe is counted as lost.
        """
        self._writers.flush()

    def close(self) -> None:
        """Put everything on the disk and close the files; logging opens them again."""
        self._writers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _row(self, features: Any) -> Any:
        if not self._hiding.columns:
            return json_features(features)
        return self._hiding.hide(plain_features(features))

    def _only_model(self) -> str:
        found = logged_models(self.storage_path)
        if len(found) != 1:
            raise ValueError(
                "model_name must be given unless the log has one model, got "
                f"{len(found)} models ({', '.join(found) or 'none'})"
            )
        return found[0]

    def _append(
        self, model: str, kind: Kind, moment: str, data: bytes, *, lines: int = 1
    ) -> None:
        self._writers.append(model, kind, moment, data, lines)

    def _moment(self, at: datetime | None, model: str) -> tuple[str, float | None]:
        """Return the time as text, and by how much the clock has jumped back."""
        now: Any = self._clock() if at is None else at
        if not isinstance(now, datetime) or now.tzinfo is None:
            raise ValueError(f"a time must be a datetime with its zone, got {now!r}")
        if now.tzinfo is not UTC:
            now = now.astimezone(UTC)
        jump = self._jump(now, model) if at is None else None
        return f"{now.isoformat(timespec='microseconds')[:26]}Z", jump

    def _jump(self, now: datetime, model: str) -> float | None:
        """Return by how many seconds the clock is behind what it has shown before."""
        latest = self._latest.get(model)
        if latest is None:
            latest = newest_moment(self.storage_path / check_model(model)) or now
        back = latest - now
        self._latest[model] = now if back > JUMP else max(now, latest)
        if back <= JUMP:
            return None
        self.clock_jumps += 1
        return back.total_seconds()


def _id(given: Any) -> str:
    if given is None:
        return new_id()
    text = given if isinstance(given, str) else str(given)
    if not 0 < len(text) <= LONGEST_ID or not is_unicode(text):
        raise ValueError(
            f"an id must be 1 to {LONGEST_ID} characters of valid Unicode text, got "
            f"{text[:50]!r}; leave it out to be given one"
        )
    return text


def _line(
    id: str,
    moment: str,
    model: str,
    version: str,
    fields: tuple[Any, Any, Any, Any, Any],
    *,
    error: str | None = None,
    jump: float | None = None,
) -> bytes:
    features, prediction, probability, latency_ms, actual = fields
    record = {
        "id": id,
        "at": moment,
        "kind": "prediction" if error is None else "error",
        "model": model,
        "version": version if type(version) is str else str(version),
        "features": features,
        "prediction": plain_value(prediction),
        "probability": plain_value(probability),
        "latency_ms": plain_value(latency_ms),
        "actual": plain_value(actual),
        "error": error,
    }
    if jump is not None:
        record["clock_jump"] = jump
    return encode(record)


_LOGGERS: weakref.WeakSet[PredictionLogger] = weakref.WeakSet()


def _after_fork() -> None:
    for logger in list(_LOGGERS):
        logger._writers.forget()


def _at_exit() -> None:
    for logger in list(_LOGGERS):
        # What is not safe by then was handed to the system, and is counted.
        with contextlib.suppress(OSError):
            logger.flush()


atexit.register(_at_exit)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
