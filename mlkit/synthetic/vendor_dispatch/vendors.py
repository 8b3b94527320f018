"""The forty vendors of the vendor dispatch domain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlkit.synthetic.draws import Draws
from mlkit.synthetic.vendor_dispatch.jobs import REGIONS, TRADES

COUNT = 40
VENDOR_SEED = 40  # the vendors are the same in every table
TIERS = ("bronze", "silver", "gold")


@dataclass(frozen=True)
class Vendors:
    """Who the vendors are, one place an attribute.

    Attributes
    ----------
    region, trade, second_trade : ndarray of int
        Where a vendor is at home and what it does.
    skill, later_skill : ndarray of float
        What the vendor adds to the log-odds of finishing on time, at first and after
        all of the drift.
    tier : ndarray of int
        Place in `TIERS`: how the office has rated the vendor.
    capacity : ndarray of int
        Open jobs that the vendor can handle at once.
    """

    names: tuple[str, ...]
    region: NDArray[np.int64]
    trade: NDArray[np.int64]
    second_trade: NDArray[np.int64]
    skill: NDArray[np.float64]
    later_skill: NDArray[np.float64]
    tier: NDArray[np.int64]
    capacity: NDArray[np.int64]


def the_vendors() -> Vendors:
    """Return the vendors."""
    draws = Draws(VENDOR_SEED, COUNT)
    skill = 0.8 * draws.normal("skill")
    rating = skill + 0.5 * draws.normal("rating")
    places = np.arange(COUNT)
    return Vendors(
        names=tuple(f"V{place + 1:02d}" for place in places),
        region=places % len(REGIONS),
        trade=places % len(TRADES),
        second_trade=draws.pick("second trade", np.ones(len(TRADES))),
        skill=skill,
        later_skill=0.5 * skill + 0.7 * draws.normal("later skill"),
        tier=np.digitize(rating, [-0.4, 0.5]),
        capacity=4 + np.floor(11 * draws.uniform("capacity")).astype(np.int64),
    )


VENDORS = the_vendors()


def vendor_weights(*, trusted: bool) -> NDArray[np.float64]:
    """Return how often each vendor gets a job, by region and trade.

    Parameters
    ----------
    trusted : bool
        Whether a dispatcher picks among the vendors the office rates gold or silver.

    Returns
    -------
    ndarray of shape (n_regions * n_trades, n_vendors)
    """
    region, trade = np.divmod(np.arange(len(REGIONS) * len(TRADES)), len(TRADES))
    near = VENDORS.region[None] == region[:, None]
    main = VENDORS.trade[None] == trade[:, None]
    second = VENDORS.second_trade[None] == trade[:, None]
    weights = (0.05 + 1.0 * main + 0.5 * second) * np.where(near, 3.0, 1.0)
    if trusted:
        weights = weights * np.array([0.1, 1.0, 2.0])[VENDORS.tier]
    return np.asarray(weights)
