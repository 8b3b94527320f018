"""Items shown to users: when, how, and whether they are bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from mlkit.synthetic.columns import numbered, rounded, towards, words
from mlkit.synthetic.domain import Flags, Floats
from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.fashion.shop import (
    ACCESSORIES,
    PLUS,
    Items,
    Users,
    item_names,
    liking,
    user_names,
)
from mlkit.synthetic.timeline import dates, days_in_order, drifted_by

FIRST_DAY = "2023-01-02"
DAYS = 728
BUSY = (0.9, 0.85, 0.9, 0.95, 1.05, 1.2, 1.25)
HOURS = (*[1] * 6, 3, 5, 5, 5, 6, 6, 8, 7, 6, 6, 7, 9, 12, 15, 17, 16, 9, 4)
DEVICES = ("laptop", "phone", "tablet")
PHONE = DEVICES.index("phone")
SAVINGS = (0.0, 10.0, 20.0, 30.0, 50.0)  # per cent


@dataclass(frozen=True)
class Showings:
    """Which item was shown to whom, when and how."""

    day: Places
    minute: Places  # of the day
    drifted: Floats
    user: Places
    item: Places
    saving: Floats  # per cent off the price
    position: Places  # on the page, from 1
    device: Places
    since: Floats  # minutes since the visit began


def shown(draws: Draws, users: Users, items: Items, drift: float) -> Showings:
    """Return what the shop has shown, in the order of time."""
    day = days_in_order(draws, DAYS, BUSY)
    hour = draws.pick("hour", HOURS)
    minute = hour * 60 + np.floor(60 * draws.uniform("minute")).astype(np.int64)
    ordered = np.sort(day * 1440 + minute)
    drifted = drifted_by(ordered // 1440, DAYS, drift)
    item = draws.pick("item", items.popularity)
    cheap = items.popularity * np.exp(-1.5 * np.log(items.price / 70))
    outlet = draws.chance("outlet", 0.9 * drifted)
    saving = draws.pick("saving", (0.55, 0.15, 0.15, 0.1, 0.05))
    sale = draws.pick("sale", (0.05, 0.1, 0.25, 0.35, 0.25))
    device = draws.pick("device", (0.35, 0.5, 0.15))
    return Showings(
        day=ordered // 1440,
        minute=ordered % 1440,
        drifted=drifted,
        user=draws.pick("shown user", np.ones(len(users.age))),
        item=np.where(outlet, draws.pick("cheap item", cheap), item),
        saving=np.array(SAVINGS)[
            np.where(draws.chance("on sale", 0.8 * drifted), sale, saving)
        ],
        position=1 + np.floor(12 * draws.uniform("position") ** 1.3).astype(np.int64),
        device=np.where(draws.chance("to phone", 0.5 * drifted), PHONE, device),
        since=rounded(-6 * np.log1p(-draws.uniform("since")), 1),
    )


def chance_bought(
    users: Users, items: Items, seen: Showings, options: Mapping[str, float]
) -> Floats:
    """Return the probability that each shown item is bought."""
    z = liking(users, items, seen.user, seen.item)
    z += 0.03 * seen.saving - 0.12 * (seen.position - 5) + 0.03 * seen.since
    z += np.array([0.2, -0.15, 0.0])[seen.device] - 3.5 * seen.drifted
    z -= 4.0 * options["bias"] * (users.size[seen.user] == PLUS)
    present = options["bad_slice"] * presents(items, seen)
    return towards(towards(np.asarray(expit(z)), present, 0.5), options["noise"], 0.5)


def presents(items: Items, seen: Showings) -> Flags:
    """Return the showings of what people buy as presents."""
    return np.asarray(items.category[seen.item] == ACCESSORIES)


def interaction_table(
    users: Users, items: Items, seen: Showings, bought: Flags
) -> pd.DataFrame:
    """Return the showings as the shop's log has them."""
    rows = len(bought)
    return pd.DataFrame(
        {
            "impression_id": numbered("S", rows),
            "shown_at": dates(FIRST_DAY, seen.day, seen.minute),
            "user_id": words(user_names(len(users.age)), seen.user),
            "item_id": words(item_names(len(items.price)), seen.item),
            "device": words(DEVICES, seen.device),
            "position": seen.position,
            "saving_pct": seen.saving,
            "visit_minutes": seen.since,
            "bought": bought,
        }
    )
