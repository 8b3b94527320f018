"""Who buys at the fashion shop, what it sells, and who likes what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from mlkit.synthetic.columns import rounded, with_gaps, words
from mlkit.synthetic.domain import Floats
from mlkit.synthetic.draws import Draws, Places

CATEGORIES = ("accessories", "coats", "dresses", "knitwear", "shoes", "trousers")
ACCESSORIES = CATEGORIES.index("accessories")
USUAL_PRICE = (28.0, 140.0, 70.0, 60.0, 90.0, 65.0)  # by category
BRANDS = (
    *("Alder", "Birkwood", "Calla", "Dune", "Ember"),
    *("Fjord", "Garland", "Heath", "Indigo", "Juniper"),
)
COLOURS = ("black", "blue", "green", "red", "sand", "white")
STYLES = ("casual", "classic", "sporty")
REGIONS = ("city", "country", "suburb")
SIZES = ("petite", "plus", "regular")
PLUS = SIZES.index("plus")
HIDDEN = 3  # directions of taste that no column tells


@dataclass(frozen=True)
class Users:
    """The users, one place an attribute; categories are places in their lists."""

    age: Floats
    size: Places
    region: Places
    style: Places
    favourite: Places  # category
    budget: Floats  # usual price of what is bought, in currency
    member: Places
    taste: Floats  # for each category, of shape (n_users, n_categories)
    hidden: Floats  # of shape (n_users, n_hidden)


@dataclass(frozen=True)
class Items:
    """The items, one place an attribute; categories are places in their lists."""

    category: Places
    brand: Places
    colour: Places
    style: Places
    price: Floats
    appeal: Floats  # to everybody
    popularity: Floats  # weight with which the shop shows it
    hidden: Floats  # of shape (n_items, n_hidden)


def the_users(seed: int, count: int) -> Users:
    """Return the users of a table."""
    draws = Draws(seed, count)
    favourite = draws.pick("user favourite", (0.12, 0.13, 0.2, 0.18, 0.2, 0.17))
    taste = 0.35 * draws.normal("user taste", count * len(CATEGORIES))
    taste = taste.reshape(count, -1) - 0.3
    taste[np.arange(count), favourite] += 2.0
    hidden = draws.normal("user hidden", count * HIDDEN).reshape(count, -1)
    age = 38 + 13 * draws.normal("user age")
    return Users(
        age=rounded(age, 0, 16, 85),
        size=draws.pick("user size", (0.2, 0.24, 0.56)),
        region=draws.pick("user region", (0.45, 0.2, 0.35)),
        style=draws.pick("user style", (0.4, 0.35, 0.25)),
        favourite=favourite,
        budget=rounded(65 * np.exp(0.4 * draws.normal("user budget")), 0),
        member=draws.pick("user member", (0.6, 0.4)),
        taste=taste,
        hidden=hidden,
    )


def the_items(seed: int, count: int) -> Items:
    """Return the items of a table."""
    draws = Draws(seed, count)
    category = draws.pick("item category", (0.15, 0.13, 0.18, 0.18, 0.18, 0.18))
    brand = draws.pick("item brand", np.ones(len(BRANDS)))
    usual = np.array(USUAL_PRICE)[category] * np.exp(0.06 * (brand - 4.5))
    hidden = draws.normal("item hidden", count * HIDDEN).reshape(count, -1)
    return Items(
        category=category,
        brand=brand,
        colour=draws.pick("item colour", (0.3, 0.2, 0.1, 0.1, 0.14, 0.16)),
        style=draws.pick("item style", (0.4, 0.35, 0.25)),
        price=rounded(usual * np.exp(0.35 * draws.normal("item price")), 2),
        appeal=0.4 * draws.normal("item appeal") + 0.12 * (brand - 4.5),
        popularity=np.exp(0.5 * draws.normal("item popularity")),
        hidden=hidden,
    )


def liking(users: Users, items: Items, user: Places, item: Places) -> Floats:
    """Return the log-odds that users buy items at full price, place by place."""
    category = items.category[item]
    z = users.taste[user, category] + items.appeal[item]
    z += 0.9 * (users.style[user] == items.style[item]) - 0.35
    z += 0.35 * (users.hidden[user] * items.hidden[item]).sum(axis=1) / np.sqrt(HIDDEN)
    dear = np.log(items.price[item] / users.budget[user])
    z -= 1.1 * np.maximum(dear, -0.3)
    young = (users.age[user] - 38) / 13
    z -= 0.35 * young * (items.style[item] == STYLES.index("sporty"))
    z += 0.3 * young * (items.style[item] == STYLES.index("classic"))
    return np.asarray(1.6 * z - 1.0)


def preference(users: Users, items: Items, user: Places, item: Places) -> Floats:
    """Return the probability that users buy items at full price, place by place."""
    return np.asarray(expit(liking(users, items, user, item)))


def user_names(count: int) -> list[str]:
    """Return the identifiers of the users."""
    return [f"U{number:06d}" for number in range(1, count + 1)]


def item_names(count: int) -> list[str]:
    """Return the identifiers of the items."""
    return [f"I{number:04d}" for number in range(1, count + 1)]


def user_table(seed: int, users: Users) -> pd.DataFrame:
    """Return the users as the shop knows them, with gaps."""
    count = len(users.age)
    frame = pd.DataFrame(
        {
            "user_id": user_names(count),
            "age": users.age,
            "size_range": words(SIZES, users.size),
            "region": words(REGIONS, users.region),
            "style": words(STYLES, users.style),
            "favourite_category": words(CATEGORIES, users.favourite),
            "usual_spend": users.budget,
            "member": users.member == 1,
        }
    )
    return with_gaps(frame, {"age": Draws(seed, count).chance("no user age", 0.07)})


def item_table(seed: int, items: Items) -> pd.DataFrame:
    """Return the items as the catalogue lists them, with gaps."""
    count = len(items.price)
    frame = pd.DataFrame(
        {
            "item_id": item_names(count),
            "category": words(CATEGORIES, items.category),
            "brand": words(BRANDS, items.brand),
            "colour": words(COLOURS, items.colour),
            "item_style": words(STYLES, items.style),
            "price": items.price,
        }
    )
    gaps = {"colour": Draws(seed, count).chance("no item colour", 0.04)}
    return with_gaps(frame, gaps)
