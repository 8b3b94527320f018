"""The prediction log of a case, for a service that answers with its model."""

from __future__ import annotations

from pathlib import Path

from mlkit import prediction_log, store
from mlkit.params import load_params
from mlkit.prediction_log import PredictionLogger


def open_log(case: str, root: Path | None = None) -> PredictionLogger:
    """Return the logger of a case, as its params ask for it.

    Parameters
    ----------
    case : str
        Name of the case: ``monitor.log``, ``monitor.sync``, ``monitor.hide`` and
        ``data.sensitive`` hold.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    ParamsError
        When there is no such case, its params are wrong, or ``monitor.log`` is a file.
    OSError
        When the key that sensitive columns are hashed with can neither be read nor
        made.
    """
    root = root or store.workspace_root()
    return prediction_log.open_log(load_params(case, root), root)
