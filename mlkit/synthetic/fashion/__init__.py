"""A fashion shop: users, items, and which of the items shown are bought.

The domain's table is one row a shown item, joined with its user and the item itself;
`fashion_tables` gives the three tables apart, and the true preferences behind them.
``shop`` makes users, items and who likes what; ``showings`` makes what was shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlkit.synthetic.domain import Domain, Floats, Option, Sample, Truth, settings
from mlkit.synthetic.draws import Draws, Places
from mlkit.synthetic.fashion.shop import (
    PLUS,
    Items,
    Users,
    item_table,
    preference,
    the_items,
    the_users,
    user_table,
)
from mlkit.synthetic.fashion.showings import (
    chance_bought,
    interaction_table,
    presents,
    shown,
)

__all__ = ["FASHION", "FashionTables", "fashion_tables"]

OPTIONS = {
    "rows": Option(8000, 10, 2_000_000, "number of shown items"),
    "users": Option(1000, 10, 100_000, "number of users"),
    "items": Option(150, 10, 5_000, "number of items in the catalogue"),
    "drift": Option(0.0, 0, 1, "how far offers and tastes move in the newest part"),
    "bias": Option(0.5, 0, 1, "how often plus sizes are sold out"),
    "bad_slice": Option(0.8, 0, 1, "how far accessories are a toss-up"),
    "noise": Option(0.02, 0, 1, "share of outcomes that are recorded at random"),
}


@dataclass(frozen=True, eq=False)
class FashionTables:
    """The shop's tables apart: what a recommender learns from.

    Attributes
    ----------
    users : DataFrame of shape (n_users, n_columns)
        One row a user, by ``user_id``; some were never shown anything.
    items : DataFrame of shape (n_items, n_columns)
        One row an item, by ``item_id``.
    interactions : DataFrame of shape (n_rows, n_columns)
        One row a shown item, in the order of time, with ``user_id``, ``item_id`` and
        whether it was ``bought``.
    """

    users: pd.DataFrame
    items: pd.DataFrame
    interactions: pd.DataFrame
    _users: Users = field(repr=False)
    _items: Items = field(repr=False)

    def preference(self, user: Sequence[str], item: Sequence[str]) -> Floats:
        """Return the true probability that a user buys an item at full price.

        This is taste alone: without bias, bad slice, drift and noise, and whatever the
        device and the place on the page.

        Parameters
        ----------
        user, item : array-like of str of shape (n_pairs,)
            Identifiers, pair by pair.

        Returns
        -------
        ndarray of shape (n_pairs,)

        Raises
        ------
        ValueError
            Lists of different lengths, or an identifier that is not in the tables.
        """
        if len(user) != len(item):
            raise ValueError(
                "user and item must be of the same length, pair by pair, got "
                f"{len(user)} and {len(item)}"
            )
        places = (
            _places(self.users["user_id"], user),
            _places(self.items["item_id"], item),
        )
        return preference(self._users, self._items, *places)


def _places(known: pd.Series, asked: Sequence[str]) -> Places:
    place = {name: row for row, name in enumerate(known)}
    found = np.array([place.get(name, -1) for name in asked], dtype=np.int64)
    if (found < 0).any():
        stranger = asked[int(np.argmax(found < 0))]
        raise ValueError(
            f"{known.name} must be one of the {len(known):,} from {known.iloc[0]} to "
            f"{known.iloc[-1]}, got {stranger!r}"
        )
    return found


def fashion_tables(
    options: Mapping[str, Any] | None = None, seed: int = 0
) -> FashionTables:
    """Return the users, items and interactions behind the table of ``fashion``.

    Parameters
    ----------
    options, seed
        As in `mlkit.synthetic.generate`.

    Raises
    ------
    ValueError
        An option that the domain does not have, or a value out of range.

    Examples
    --------
    >>> tables = fashion_tables({"rows": 500, "users": 40, "items": 20}, seed=1)
    >>> len(tables.users), len(tables.items), len(tables.interactions)
    (40, 20, 500)
    >>> tables.preference(["U000001"], ["I0001"]).shape
    (1,)
    """
    return _made(settings(FASHION, options or {}), seed)[0]


def _made(options: Mapping[str, float], seed: int) -> tuple[FashionTables, Truth]:
    draws = Draws(seed, int(options["rows"]))
    users = the_users(seed, int(options["users"]))
    items = the_items(seed, int(options["items"]))
    seen = shown(draws, users, items, options["drift"])
    expected = chance_bought(users, items, seen, options)
    bought = draws.chance("outcome", expected)
    truth = Truth(
        expected=expected,
        unbiased=chance_bought(users, items, seen, {**options, "bias": 0.0}),
        biased=(users.size[seen.user] == PLUS) & (options["bias"] > 0),
        bad_slice=presents(items, seen) & (options["bad_slice"] > 0),
        drifted=seen.drifted,
        extra={"preference": preference(users, items, seen.user, seen.item)},
    )
    tables = FashionTables(
        user_table(seed, users),
        item_table(seed, items),
        interaction_table(users, items, seen, bought),
        users,
        items,
    )
    return tables, truth


def make(options: Mapping[str, float], seed: int) -> Sample:
    """Return shown items with their users, and the truth behind the outcomes."""
    tables, truth = _made(options, seed)
    joined = tables.interactions.merge(tables.users, on="user_id", how="left")
    joined = joined.merge(tables.items, on="item_id", how="left")
    joined["bought"] = joined.pop("bought")
    return Sample(joined, truth)


FASHION = Domain(
    name="fashion",
    description=(
        "An online fashion shop shows items to its users and logs what is bought. Each "
        "row is one shown item: the user with age, style, favourite category and usual "
        "spend; the item with category, brand, colour and price; the place on the "
        "page, the device and the saving. People buy what fits their style and purse, "
        "near the top of the page and on sale, and each has a taste that no column "
        "tells, which only their own purchases give away. Users of plus sizes can find "
        "items sold out (bias); accessories are bought as presents, for tastes unknown "
        "(bad slice); in the newest months the shop can turn into an outlet for "
        "phones, with cheap items and deep savings (drift)."
    ),
    task="binary",
    target="bought",
    options=OPTIONS,
    make=make,
)
