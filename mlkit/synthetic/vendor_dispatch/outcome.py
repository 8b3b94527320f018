"""What decides whether a job is done on time."""

from __future__ import annotations

import numpy as np

from mlkit.synthetic.vendor_dispatch.jobs import (
    DRY,
    ELECTRICAL,
    FROST,
    GROUPS,
    HEATING,
    LANDLORD,
    LOCKSMITH,
    PAINTING,
    PLUMBING,
    RAIN,
    ROOFING,
    ROUTINE,
    STORM,
    URGENT,
    Flags,
    Floats,
    Jobs,
)
from mlkit.synthetic.vendor_dispatch.orders import Orders
from mlkit.synthetic.vendor_dispatch.vendors import VENDORS

SPREAD = 1.7  # of the log-odds: how far from a toss-up jobs are


def odds(jobs: Jobs, orders: Orders, bias: float) -> Floats:
    """Return the log-odds of finishing on time at a site that is not hard."""
    capacity = VENDORS.capacity[orders.vendor]
    strain = orders.load / capacity
    waiting = 9.0 * np.maximum(0, strain - 0.55)
    work = orders.quoted / np.sqrt(orders.crew) * np.where(orders.parts, 1.5, 1.0)
    needed = 1.0 + work + waiting + 0.05 * orders.distance
    pace = np.array([1.0, 3.4, 6.2])[jobs.priority]  # emergencies run day and night
    slack = 5.0 * np.tanh(1.3 * np.log(jobs.window / (pace * needed)))
    skill = VENDORS.skill[orders.vendor]
    later = VENDORS.later_skill[orders.vendor]
    z = -0.2 + slack + 1.5 * skill + 1.5 * jobs.drifted * (later - skill - 0.3)
    z -= np.where(strain > 1, 4.0 + jobs.drifted, 0.0)
    z += 0.4 * orders.override
    z -= 1.6 * (calendar(jobs) + weather_trouble(jobs, orders))
    ordered = orders.parts & np.isin(jobs.trade, [ELECTRICAL, HEATING])
    z -= 1.4 * (ordered & (jobs.priority != ROUTINE))
    return np.asarray(SPREAD * (z - 4.8 * bias * biased_group(jobs)))


def calendar(jobs: Jobs) -> Floats:
    """Return what weekday, hour and holidays take from the log-odds."""
    weekend = jobs.weekday >= 5
    at_any_hour = np.isin(jobs.trade, [LOCKSMITH, PLUMBING])
    friday = (jobs.weekday == 4) & (jobs.hour >= 14)
    night = (jobs.hour < 7) | (jobs.hour >= 20)
    off = 1.1 * (weekend & ~at_any_hour) + 0.7 * (night & ~at_any_hour)
    return np.asarray(off + 0.9 * friday + 0.9 * jobs.holiday)


def weather_trouble(jobs: Jobs, orders: Orders) -> Floats:
    """Return what the weather takes from the log-odds, trade by trade."""
    dry, frost, rain, storm = (jobs.weather == w for w in (DRY, FROST, RAIN, STORM))
    outside = np.isin(jobs.trade, [PAINTING, ROOFING])
    wet = 2.2 * (storm & outside) + 1.1 * (rain & outside) - 0.3 * (dry & outside)
    pipes = 1.2 * (frost & np.isin(jobs.trade, [HEATING, PLUMBING]))
    return np.asarray(wet + pipes + 0.9 * (storm & (orders.distance > 15)))


def biased_group(jobs: Jobs) -> Flags:
    """Return the jobs of the tenants who can be served worse."""
    return np.asarray(jobs.group == GROUPS.index("C"))


def bad_slice(jobs: Jobs) -> Flags:
    """Return the jobs that hang on something nobody records: who opens the door."""
    return np.asarray((jobs.customer == LANDLORD) & (jobs.priority == URGENT))
