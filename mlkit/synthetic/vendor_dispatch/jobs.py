"""Jobs as tenants report them: when, where, what, how urgent, in which weather."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.timeline import drifted_by

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Five years, so that the newest fifth has the same seasons as the rest.
FIRST_DAY = np.datetime64("2020-06-29")
DAYS = 1826
EASTERS = ("2021-04-04", "2022-04-17", "2023-04-09", "2024-03-31", "2025-04-20")
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
GROUP_SHARES = (0.52, 0.26, 0.22)  # of the tenants, alike in all regions
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
        return self.minute // 1440 % 7  # the first day was a Monday

    @property
    def hour(self) -> Places:
        """Hour of the day."""
        return self.minute // 60 % 24


def reported(draws: Draws, drift: float) -> Jobs:
    """Return the jobs in the order in which they were reported."""
    minute = report_times(draws)
    day, hour = minute // 1440, minute // 60 % 24
    drifted = drifted_by(minute / 1440, DAYS, drift)
    region = draws.pick("region", (0.19, 0.17, 0.1, 0.19, 0.18, 0.17))
    weather = weather_of(draws, day, region, drift)
    winter = winter_of(day)
    trade = draws.pick("trade", (0.13, 0.17, 0.15, 0.1, 0.1, 0.24, 0.11))
    heating = (0.12 * np.maximum(winter, 0) + 0.35 * drifted) * (trade != HEATING)
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
        group=draws.pick("tenant_group", GROUP_SHARES),
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
    season = 1 + 0.15 * winter_of(days)
    day = draws.pick("day", busy * season)
    minute = np.floor(draws.uniform("minute") * 60).astype(np.int64)
    return np.sort(day * 1440 + draws.pick("hour", HOURS) * 60 + minute)


def weather_of(draws: Draws, day: Places, region: Places, drift: float) -> Places:
    """Return the weather of the day in the region; drift brings storms."""
    days = np.arange(DAYS)
    winter = winter_of(days)
    storm = 0.05 + 0.03 * winter + 0.2 * drifted_by(days, DAYS, drift)
    frost = np.maximum(0, 0.28 * winter)
    rain = np.full(DAYS, 0.27)
    limits = np.cumsum([storm, frost, rain], axis=0)
    sky = draws.uniform("sky", DAYS * len(REGIONS)).reshape(DAYS, len(REGIONS))
    kind = (sky[None] >= limits[:, :, None]).sum(axis=0)
    kinds = np.array([STORM, FROST, RAIN, DRY])
    return np.asarray(kinds[kind[day, region]], dtype=np.int64)


def winter_of(day: Places) -> Floats:
    """Return how deep in winter a day is: from -1 in July to 1 in January."""
    return np.asarray(np.cos(2 * np.pi * (day - 200) / 365.25))


def near_holiday(day: Places) -> Flags:
    """Return whether a public holiday falls on the day or one of the two after it."""
    ahead = public_holidays()[:, None] - np.arange(3)
    near = np.zeros(DAYS, dtype=bool)
    near[ahead[(ahead >= 0) & (ahead < DAYS)]] = True
    return np.asarray(near[day])


def public_holidays() -> Places:
    """Return the days of the public holidays, since the first day."""
    years = np.arange(2020, 2026).astype(str)
    fixed = [f"{year}-{end}" for year in years for end in ("01-01", "12-25", "12-26")]
    easters = np.array(EASTERS, dtype="datetime64[D]")
    first = [f"{year}-05" for year in years]
    last = [f"{year}-{after}" for year in years for after in ("06", "09")]
    holidays = [
        np.array(fixed, dtype="datetime64[D]"),
        easters - 2,
        easters + 1,
        mondays(first, 0),
        mondays(last, -1),
    ]
    return np.asarray((np.concatenate(holidays) - FIRST_DAY).astype(np.int64))


def mondays(months: list[str], place: int) -> NDArray[np.datetime64]:
    """Return the first Monday of each month (0), or the last one before it (-1)."""
    starts = np.array(months, dtype="datetime64[M]").astype("datetime64[D]")
    return np.busday_offset(starts, place, roll="forward", weekmask="Mon")
