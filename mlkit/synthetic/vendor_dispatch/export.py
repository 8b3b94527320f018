"""The jobs as their office would export them, with gaps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlkit.synthetic.columns import numbered, with_gaps, words
from mlkit.synthetic.draws import Draws
from mlkit.synthetic.vendor_dispatch.jobs import (
    CUSTOMERS,
    DAYS,
    EMERGENCY,
    FIRST_DAY,
    GROUPS,
    HARBOUR,
    PRIORITIES,
    REGIONS,
    TRADES,
    WEATHER,
    WEEKDAYS,
    Flags,
    Jobs,
)
from mlkit.synthetic.vendor_dispatch.orders import Orders
from mlkit.synthetic.vendor_dispatch.vendors import TIERS, VENDORS


def table(draws: Draws, jobs: Jobs, orders: Orders, on_time: Flags) -> pd.DataFrame:
    """Return the jobs as their office would export them, with gaps."""
    opened = FIRST_DAY.astype("datetime64[us]") + jobs.minute.astype("timedelta64[m]")
    frame = pd.DataFrame(
        {
            "job_id": numbered("J", draws.rows),
            "opened_at": opened,
            "weekday": words(WEEKDAYS, jobs.weekday),
            "hour": jobs.hour,
            "holiday_near": jobs.holiday,
            "region": words(REGIONS, jobs.region),
            "tenant_group": words(GROUPS, jobs.group),
            "customer_type": words(CUSTOMERS, jobs.customer),
            "trade": words(TRADES, jobs.trade),
            "priority": words(PRIORITIES, jobs.priority),
            "window_hours": jobs.window,
            "weather": words(WEATHER, jobs.weather),
            "vendor": words(VENDORS.names, orders.vendor),
            "vendor_tier": words(TIERS, VENDORS.tier[orders.vendor]),
            "dispatcher_override": orders.override,
            "distance_km": orders.distance,
            "quoted_hours": orders.quoted,
            "crew_size": orders.crew.astype(np.float64),
            "open_jobs": orders.load,
            "vendor_capacity": VENDORS.capacity[orders.vendor],
            "parts_needed": orders.parts,
            "on_time": on_time,
        }
    )
    return with_gaps(frame, gaps(draws, jobs, orders))


def gaps(draws: Draws, jobs: Jobs, orders: Orders) -> dict[str, Flags]:
    """Return the cells of what an office would not know of every job, by column."""
    small_firm = VENDORS.tier[orders.vendor] == TIERS.index("bronze")
    station = draws.uniform("station", DAYS * len(REGIONS)).reshape(DAYS, -1)
    return {
        "distance_km": draws.chance(
            "no distance", 0.03 + 0.09 * (jobs.region == HARBOUR)
        ),
        "crew_size": draws.chance("no crew", 0.02 + 0.18 * small_firm),
        "quoted_hours": draws.chance(
            "no quote", 0.01 + 0.09 * (jobs.priority == EMERGENCY)
        ),
        "weather": station[jobs.minute // 1440, jobs.region] < 0.02,
    }
