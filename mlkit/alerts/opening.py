"""Where the alerts of a model are kept."""

from __future__ import annotations

from pathlib import Path

from mlkit.alerts.book import AlertBook
from mlkit.params import Params

FOLDER = Path("data") / "monitor"


def alert_book(params: Params, root: Path) -> AlertBook:
    """Return the alerts of a case's model.

    Parameters
    ----------
    params : Params
        The case: its model, and the cooldown of its alerts.
    root : Path
        The workspace.
    """
    return AlertBook(
        root / FOLDER / params.model,
        params.model,
        cooldown_minutes=params.monitor.cooldown_minutes,
    )
