"""Who gets a job, on what terms, and where a dispatcher steps in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.vendor_dispatch.jobs import STORM, TRADES, Flags, Floats, Jobs
from mlkit.synthetic.vendor_dispatch.vendors import VENDORS, vendor_weights

EFFORT = (5.0, 3.2, 4.2, 1.2, 9.0, 2.6, 8.0)  # usual hours of work, by trade
PARTS = (0.35, 0.3, 0.55, 0.15, 0.1, 0.4, 0.6)  # share of jobs needing parts, by trade
HARD_SITES = 0.25


@dataclass(frozen=True)
class Orders:
    """Who got each job and on what terms."""

    vendor: Places
    override: Flags
    distance: Floats
    quoted: Floats
    crew: Places
    load: Places
    parts: Flags


def override_chance(hard: Flags | Floats, rate: float) -> Floats:
    """Return how likely a dispatcher steps in: rather where the site is hard."""
    return np.asarray(rate * (0.6 + 1.6 * np.asarray(hard, dtype=np.float64)))


def hard_given(override: Flags, rate: float) -> Floats:
    """Return how likely a site is hard, seeing whether a dispatcher stepped in.

    This is Bayes' rule: an override is the only trace that a hard site leaves.
    """
    one, none = (float(override_chance(np.array(h), rate)) for h in (1.0, 0.0))
    hard = np.where(override, one, 1 - one) * HARD_SITES
    easy = np.where(override, none, 1 - none) * (1 - HARD_SITES)
    return np.asarray(hard / (hard + easy))


def dispatched(draws: Draws, jobs: Jobs, hard: Flags, rate: float) -> Orders:
    """Return who got each job, at what distance, load, crew and quote."""
    place = jobs.region * len(TRADES) + jobs.trade
    first = draws.pick("vendor", vendor_weights(trusted=False), place)
    trusted = draws.pick("trusted vendor", vendor_weights(trusted=True), place)
    override = draws.chance("override", override_chance(hard, rate))
    vendor = np.where(override, trusted, first)
    parts = draws.chance("parts", np.array(PARTS)[jobs.trade])
    effort = np.array(EFFORT)[jobs.trade] * np.where(parts, 1.3, 1.0)
    quoted = effort * np.exp(0.5 * draws.normal("quoted") + 0.2 * jobs.drifted)
    away = VENDORS.region[vendor] != jobs.region
    radius = np.where(away, 16.0, 6.0) * (1 + 0.4 * jobs.drifted)
    distance = 1.5 - radius * np.log1p(-draws.uniform("distance"))
    busy = 0.72 + 0.18 * (jobs.weather == STORM) + 0.1 * (jobs.weekday == 0)
    busy = busy * np.exp(0.38 * draws.normal("load")) * (1 + 0.4 * jobs.drifted)
    big = 0.25 * (quoted > 6) + 0.25 * (quoted > 12)
    more = big[:, None] + np.array([0.55, 0.15, 0.03])
    crew = 1 + (draws.uniform("crew")[:, None] < more).sum(axis=1)
    return Orders(
        vendor=vendor,
        override=override,
        distance=np.round(distance, 1),
        quoted=np.maximum(0.5, np.round(quoted * 2) / 2),
        crew=crew.astype(np.int64),
        load=np.floor(VENDORS.capacity[vendor] * busy).astype(np.int64),
        parts=parts,
    )
