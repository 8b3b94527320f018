"""When rows happen, and how far each has drifted.

No season is built into a timeline: without drift the newest rows are like the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mlkit.synthetic.draws import Draws, Floats, Places

STEADY = 0.75  # nothing drifts in this oldest share of the days
MOVED = 0.85  # from here on the days have drifted all the way
OFFICE_DAYS = (1.1, 1.05, 1.0, 1.0, 0.85, 0.0, 0.0)  # how busy, Monday first


def days_in_order(
    draws: Draws, days: int, busy: Sequence[float] = OFFICE_DAYS
) -> Places:
    """Return days since a first Monday, ascending.

    Parameters
    ----------
    busy : sequence of 7 float
        How many rows each day of the week gets, Monday first.
    """
    weights = np.asarray(busy)[np.arange(days) % 7]
    return np.sort(draws.pick("day", weights))


def dates(
    first_monday: str, day: Places, minute: Places | int = 0
) -> NDArray[np.generic]:
    """Return moments, given the days since the first one and minutes of the day."""
    first = np.datetime64(first_monday).astype("datetime64[us]")
    return np.asarray(first + (day * 1440 + minute).astype("timedelta64[m]"))


def drifted_by(day: Places | Floats, days: int, drift: float) -> Floats:
    """Return how far each row has drifted, from 0 to `drift`."""
    return np.asarray(drift * np.clip((day / days - STEADY) / (MOVED - STEADY), 0, 1))
