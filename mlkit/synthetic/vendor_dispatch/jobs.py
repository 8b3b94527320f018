"""Jobs as tenants report them: when, where, what, how urgent, in which weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlkit.synthetic.draws import Draws, Places

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIRST_DAY = np.datetime64("2024-01-01")
DAYS = 547
HOLIDAYS = (0, 88, 91, 126, 147, 238, 359, 360, 366, 473, 476, 490, 511)  # as days
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
REGIONS = ("Centre", "East", "Harbour", "North", "South", "West")
CENTRE, EAST, HARBOUR, NORTH, SOUTH, WEST = range(6)
TRADES = (
    *("carpentry", "electrical", "heating", "locksmith"),
    *("painting", "plumbing", "roofing"),
)
CARPENTRY, ELECTRICAL, HEATING, LOCKSMITH, PAINTING, PLUMBING, ROOFING = range(7)
PRIORITIES = ("emergency", "urgent", "routine")
EMERGENCY, URGENT, ROUTINE = range(3)
CUSTOMERS = ("housing association", "owner-occupier", "private landlord")
ASSOCIATION, OWNER, LANDLORD = range(3)
GROUPS = ("A", "B", "C")
WEATHER = ("dry", "frost", "rain", "storm")
DRY, FROST, RAIN, STORM = range(4)

HOURS = (*[1] * 5, 2, 5, 14, 26, 28, 25, 21, 17, 19, 20, 18, 15, 11, 8, 6, 4, 3, 2, 1)
GROUP_SHARES = (  # of the tenants, by region
    (0.66, 0.24, 0.10),
    (0.44, 0.30, 0.26),
    (0.42, 0.28, 0.30),
    (0.64, 0.26, 0.10),
    (0.56, 0.30, 0.14),
    (0.60, 0.27, 0.13),
)
WINDOW = (8.0, 44.0, 150.0)  # usual hours from report to due, by priority


@dataclass(frozen=True)
class Jobs:
    """What is known when a job is reported; categories are places in their lists."""

    minute: Places  # since the first day
    drifted: Floats
    region: Places
    group: Places
    trade: Places
    priority: Places
    customer: Places
    weather: Places
    window: Places
    holiday: Flags

    @property
    def weekday(self) -> Places:
        """Monday is 0."""
        return self.minute // 1440 % 7  # 2024-01-01 was a Monday

    @property
    def hour(self) -> Places:
        """Hour of the day."""
        return self.minute // 60 % 24


def reported(draws: Draws, drift: float) -> Jobs:
    """Return the jobs in the order in which they were reported."""
    minute = report_times(draws)
    day, hour = minute // 1440, minute // 60 % 24
    # Nothing drifts in the older 70 %; the newest 10 % have drifted all the way.
    drifted = drift * np.clip((minute / (DAYS * 1440) - 0.7) / 0.2, 0, 1)
    region = draws.pick("region", (0.19, 0.17, 0.1, 0.19, 0.18, 0.17))
    weather = weather_of(draws, day, region, drift)
    winter = np.cos(2 * np.pi * (day - 15) / 365.25)
    trade = draws.pick("trade", (0.13, 0.17, 0.15, 0.1, 0.1, 0.24, 0.11))
    heating = (0.12 * np.maximum(winter, 0) + 0.25 * drifted) * (trade != HEATING)
    trade = np.where(draws.chance("more heating", heating), HEATING, trade)
    pressing = 0.12 + 0.1 * (weather == STORM) + 0.06 * (hour < 7)
    urgency = draws.uniform("priority")
    calm = np.where(urgency < pressing + 0.36, URGENT, ROUTINE)
    priority = np.where(urgency < pressing, EMERGENCY, calm)
    usual = np.array(WINDOW)[priority] * np.exp(0.35 * draws.normal("window"))
    return Jobs(
        minute=minute,
        drifted=drifted,
        region=region,
        group=draws.pick("tenant_group", GROUP_SHARES, region),
        trade=trade,
        priority=priority,
        customer=draws.pick("customer", (0.5, 0.2, 0.3)),
        weather=weather,
        window=np.maximum(2, np.rint(usual)).astype(np.int64),
        holiday=near_holiday(day),
    )


def report_times(draws: Draws) -> Places:
    """Return minutes since the first day, ascending: few at weekends and at night."""
    days = np.arange(DAYS)
    busy = np.array([1.15, 1.05, 1.0, 1.0, 1.05, 0.5, 0.35])[days % 7]
    season = 1 + 0.15 * np.cos(2 * np.pi * (days - 15) / 365.25)
    day = draws.pick("day", busy * season)
    minute = np.floor(draws.uniform("minute") * 60).astype(np.int64)
    return np.sort(day * 1440 + draws.pick("hour", HOURS) * 60 + minute)


def weather_of(draws: Draws, day: Places, region: Places, drift: float) -> Places:
    """Return the weather of the day in the region; drift brings storms."""
    days = np.arange(DAYS)
    winter = np.cos(2 * np.pi * (days - 15) / 365.25)
    late = drift * np.clip((days / DAYS - 0.7) / 0.2, 0, 1)
    storm = 0.05 + 0.03 * winter + 0.15 * late
    frost = np.maximum(0, 0.28 * winter)
    rain = np.full(DAYS, 0.27)
    limits = np.cumsum([storm, frost, rain], axis=0)
    sky = draws.uniform("sky", DAYS * len(REGIONS)).reshape(DAYS, len(REGIONS))
    kind = (sky[None] >= limits[:, :, None]).sum(axis=0)
    kinds = np.array([STORM, FROST, RAIN, DRY])
    return np.asarray(kinds[kind[day, region]], dtype=np.int64)


def near_holiday(day: Places) -> Flags:
    """Return whether a public holiday falls on the day or one of the two after it."""
    ahead = np.array(HOLIDAYS) - day[:, None]
    return np.asarray(((ahead >= 0) & (ahead <= 2)).any(axis=1))
