"""Counting: how much was ever logged of a model, as counters for Prometheus go on."""

from __future__ import annotations

from pathlib import Path

from mlkit import store
from mlkit.exposition import Totals

FILE = "totals.json"


def read_totals(folder: Path, model: str) -> Totals:
    """Return what was counted so far; nothing where no check was committed.

    A file that cannot be read is begun anew: counters may start at 0 at any time.
    """
    path = folder / FILE
    if not path.exists():
        return Totals(model)
    try:
        return Totals.from_dict(store.read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError):
        return Totals(model)


def write_totals(folder: Path, totals: Totals) -> None:
    """Keep what was counted so far."""
    store.make_folder(folder)
    store.write_json(folder / FILE, totals.to_dict())
