"""The fashion shop: its tables apart, and the true preferences behind them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from mlkit.synthetic import FashionTables, fashion_tables, generate, truth

SMALL = {"rows": 4000, "users": 120, "items": 40}
PURE = {**SMALL, "rows": 60_000, "bias": 0, "bad_slice": 0, "noise": 0}


def test_the_table_is_the_three_tables_joined() -> None:
    tables = fashion_tables(SMALL, seed=2)
    joined = tables.interactions.merge(tables.users, on="user_id")
    joined = joined.merge(tables.items, on="item_id").sort_values("impression_id")
    table = generate("fashion", SMALL, 2)
    assert set(joined) == set(table)
    assert table.columns[-1] == "bought"
    pd.testing.assert_frame_equal(joined[table.columns].reset_index(drop=True), table)


def test_identifiers_are_keys() -> None:
    tables = fashion_tables(SMALL)
    assert tables.users.user_id.is_unique
    assert tables.items.item_id.is_unique
    assert tables.interactions.impression_id.is_unique
    assert set(tables.interactions.user_id) <= set(tables.users.user_id)
    assert set(tables.interactions.item_id) <= set(tables.items.item_id)
    assert tables.interactions.shown_at.is_monotonic_increasing
    assert (tables.items.price > 0).all()


def preferences(tables: FashionTables) -> np.ndarray:
    """Return the true preference of every shown pair."""
    shown = tables.interactions
    return tables.preference(list(shown.user_id), list(shown.item_id))


def test_people_buy_what_they_prefer() -> None:
    tables = fashion_tables(PURE, seed=1)
    known = truth("fashion", PURE, 1)
    preferred = preferences(tables)
    assert np.array_equal(preferred, known.extra["preference"])
    assert spearmanr(preferred, known.expected).statistic > 0.9
    bought = tables.interactions.bought
    tenth = np.argsort(np.argsort(preferred)) * 10 // len(preferred)
    rates = bought.groupby(tenth).mean()
    assert (rates.diff().dropna() > 0).all()


def test_at_full_price_in_the_middle_of_the_page_they_buy_as_often_as_preferred() -> (
    None
):
    tables = fashion_tables({**PURE, "rows": 400_000}, seed=1)
    shown = tables.interactions
    plain = (shown.saving_pct == 0) & (shown.position == 5) & (shown.device == "tablet")
    plain &= shown.visit_minutes < 1
    p = preferences(tables)[plain]
    assert plain.sum() > 300
    error = np.sqrt((p * (1 - p)).sum())
    assert abs(shown.bought[plain].sum() - p.sum()) < 4 * error


def test_preferences_know_nothing_of_bias_bad_slice_noise_and_drift() -> None:
    users, items = ["U000001", "U000002"], ["I0003", "I0004"]
    turned = {"bias": 1, "bad_slice": 1, "noise": 1, "drift": 1}
    one, other = fashion_tables(SMALL), fashion_tables({**SMALL, **turned})
    assert np.array_equal(one.preference(users, items), other.preference(users, items))
    pd.testing.assert_frame_equal(one.users, other.users)
    pd.testing.assert_frame_equal(one.items, other.items)


def test_users_have_a_taste_that_no_column_tells() -> None:
    tables = fashion_tables({**SMALL, "users": 2000}, seed=3)
    alike = tables.users[tables.users.favourite_category == "dresses"].user_id
    dress = tables.items.item_id[tables.items.category == "dresses"].iloc[0]
    each = tables.preference(list(alike), [dress] * len(alike))
    assert each.std() > 0.1


def test_unknown_identifiers_and_unequal_lists_are_refused() -> None:
    tables = fashion_tables(SMALL)
    with pytest.raises(
        ValueError, match=r"user_id must be one of the 120 from U000001"
    ):
        tables.preference(["U000001", "U999999"], ["I0001", "I0001"])
    with pytest.raises(ValueError, match=r"item_id must be one .* got 'shoe'"):
        tables.preference(["U000001"], ["shoe"])
    with pytest.raises(ValueError, match=r"same length, pair by pair, got 2 and 1"):
        tables.preference(["U000001", "U000002"], ["I0001"])
    assert tables.preference([], []).shape == (0,)


def test_options_are_checked_as_everywhere() -> None:
    with pytest.raises(ValueError, match=r"data\.options\.users: must be a whole"):
        fashion_tables({"users": 3})
    with pytest.raises(ValueError, match=r"no option 'user'; did you mean 'users'"):
        generate("fashion", {"user": 30})
