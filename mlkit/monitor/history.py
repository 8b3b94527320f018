"""History: the checks so far, and what of them stands for rows that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.drift import Multivariate
from mlkit.monitor.division import named
from mlkit.monitor.journal import Journal
from mlkit.monitor.window_records import WindowFigures
from mlkit.params import Params

NAME = "checks"
# Of the section `monitor`: all else says what is wrong with figures, not what they are.
OF_A_WINDOW = ("window", "hide", "min_labels", "windows_a_year")


@dataclass(frozen=True)
class Past:
    """What the last check found.

    Attributes
    ----------
    windows : mapping of str to WindowFigures
        Its windows by their label, those of the same length only.
    same : bool
        Whether it was made by the same settings, so that what it computed still holds.
    drifted : str or None
        The window whose drift was counted last.
    columns : mapping or None
        What was found of all columns of its newest window together, as plain data.
    """

    windows: Mapping[str, WindowFigures]
    same: bool
    drifted: str | None = None
    columns: Mapping[str, Any] | None = None

    def together(self, compared: str) -> Multivariate | None:
        """Return what was found of all columns together, where the same was compared.

        Parameters
        ----------
        compared : str
            Digest of what is compared.
        """
        if self.columns is None or not self.same:
            return None
        if self.columns.get("compared") != compared:
            return None
        try:
            return Multivariate.from_dict(self.columns)
        except (KeyError, TypeError):
            return None

    def still_holds(self, window: WindowFigures) -> WindowFigures | None:
        """Return the figures of a window that has ended and not changed since."""
        before = self.windows.get(window.label)
        if before is None or not self.same or not (before.complete and window.complete):
            return None
        keys = ("start", "version", "predictions", "errors", "versions")
        alike = all(getattr(before, key) == getattr(window, key) for key in keys)
        return before if alike else None


def settings(params: Params) -> str:
    """Return a digest of what the figures of a window depend on."""
    plain = params.to_dict()
    known = {name: plain[name] for name in ("task", "seed", "evaluate", "drift")}
    known["monitor"] = {name: plain["monitor"][name] for name in OF_A_WINDOW}
    return store.sha256_bytes(store.canonical_json(known))


def read_past(folder: Path, params: Params) -> Past:
    """Return what the last check found; nothing where there was none."""
    entry = Journal(folder, NAME).latest()
    if entry is None or entry.get("window") != named(params.monitor.window):
        return Past({}, same=False)
    try:
        windows = [WindowFigures.from_dict(each) for each in entry["windows"]]
    except (KeyError, TypeError):
        return Past({}, same=False)
    return Past(
        {each.label: each for each in windows},
        same=entry.get("settings") == settings(params),
        drifted=drifted_window(entry),
        columns=_columns(entry),
    )


def _columns(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    drift = entry.get("drift")
    found = drift.get("multivariate") if isinstance(drift, dict) else None
    return found if isinstance(found, dict) else None


def drifted_window(found: Mapping[str, Any]) -> str | None:
    """Return the newest window that a check found drifted, on its own or in a pool."""
    drift = found.get("drift")
    if isinstance(drift, dict) and drift.get("verdict") == "drift":
        return str(found.get("drifted_window"))
    pools = found.get("pools", ())
    lasts = [each for each in pools if each["verdict"] == "drift" and not each["over"]]
    return str(lasts[0]["last"]) if lasts else None


def with_past(
    windows: Sequence[WindowFigures],
    past: Past,
    *,
    now: datetime,
    label_days: float,
    most: int,
) -> tuple[WindowFigures, ...]:
    """Return the windows with those of the past whose rows have left the log.

    Parameters
    ----------
    windows : sequence of WindowFigures
        Of the rows that are there, the oldest first.
    past : Past
        What the last check found.
    now : datetime
        The present.
    label_days : float
        Outcomes are late when they are older than this.
    most : int
        How many windows there are at most.
    """
    known = {each.label: each for each in windows}
    limit = now - timedelta(days=label_days)
    for label, before in past.windows.items():
        here = known.get(label)
        gone = here is None or here.predictions + here.errors < (
            before.predictions + before.errors
        )
        if gone and (not windows or before.start <= windows[-1].start):
            due = datetime.fromisoformat(before.end) <= limit
            late = before.missing_labels if due else before.late_labels
            known[label] = replace(before, stored=True, late_labels=late)
    ordered = sorted(known.values(), key=lambda each: each.start)
    return tuple(ordered[-most:])
