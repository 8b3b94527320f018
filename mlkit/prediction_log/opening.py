"""The log that the params of a case describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlkit import store
from mlkit.prediction_log.logger import PredictionLogger

if TYPE_CHECKING:
    from mlkit.params import Params


def log_folder(params: Params, root: Path | None = None) -> Path:
    """Return the folder of a case's log; it need not exist.

    Parameters
    ----------
    params : Params
        The case: its ``monitor.log``.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    ParamsError
        When there is a file of that name.
    """
    folder = Path(store.resolve(params.monitor.log, root))
    if folder.exists() and not folder.is_dir():
        # Whoever only logs has no use for pydantic.
        from mlkit.params import ParamsError
        from mlkit.params.problems import Problem, shown

        problem = Problem(
            ("monitor", "log"),
            "must be a folder, and there is a file of that name",
            shown(params.monitor.log),
            "name another folder, or move the file away",
        )
        raise ParamsError(f"case {params.case}", [problem])
    return folder


def open_log(params: Params, root: Path | None = None) -> PredictionLogger:
    """Return a logger as the params of a case ask for it.

    Its lines are where ``mlkit monitor`` looks for them, as safe as ``monitor.sync``
    says; of the columns in ``data.sensitive`` it keeps what ``monitor.hide`` allows.

    Parameters
    ----------
    params : Params
        The case.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    ParamsError
        When ``monitor.log`` is a file.
    OSError
        When the key that sensitive columns are hashed with can neither be read nor
        made.
    """
    return PredictionLogger(
        log_folder(params, root),
        sync=params.monitor.sync,
        sensitive=params.data.sensitive,
        hide=params.monitor.hide,
    )
