"""Profiles: counts on fixed bins, which add up exactly and outlive their rows."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift import ReferenceProfile, count_rows, reference_profile
from mlkit.drift.bins import count_numbers

RNG = np.random.default_rng
SCHEMA = Schema(
    (
        Column("age", "number"),
        Column("income", "number", sensitive=True),
        Column("region", "category"),
        Column("member", "boolean"),
        Column("since", "date"),
        Column("note", "text"),
        Column("code", "identifier"),
        Column("at", "date", "time"),
        Column("bought", "category", "target"),
    ),
    "binary",
    "bought",
    ("no", "yes"),
    "yes",
)


def table(n: int = 300, *, seed: int = 0) -> pd.DataFrame:
    rng = RNG(seed)
    days = rng.integers(0, 1000, n).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "age": np.where(rng.random(n) < 0.1, np.nan, rng.normal(40, 12, n)),
            "income": rng.lognormal(10, 1, n),
            "region": rng.choice(["north", "south", "east", " "], n),
            "member": rng.choice(["True", "no", "1", "what"], n),
            "since": np.datetime64("2020-01-01", "us") + days,
            "note": ["word " * k for k in rng.integers(0, 9, n)],
            "code": [f"K{i:05d}" for i in range(n)],
            "at": np.datetime64("2024-01-01", "us")
            + np.arange(n) * np.timedelta64(1, "h"),
            "bought": rng.choice(["no", "yes"], n),
        }
    )


def answers(n: int, *, seed: int = 0) -> np.ndarray:
    positive = 1 / (1 + np.exp(-RNG(seed).normal(0, 1, n)))
    return np.column_stack([1 - positive, positive])


REFERENCE = reference_profile(table(), SCHEMA, predictions=answers(200))


def odd(n: int, seed: int) -> pd.DataFrame:
    """Return rows with new levels, values of another kind, infinities and outliers."""
    rng, frame = RNG(seed), table(n, seed=seed).astype(object)
    for name, value in (
        ("age", math.inf),
        ("age", -1e30),
        ("age", "old"),
        ("age", "41"),
        ("region", "west"),
        ("region", "far west "),
        ("since", "2031-05-05"),
        ("note", None),
        ("code", ""),
    ):
        frame[name] = frame[name].mask(rng.random(n) < 0.05, value)
    return frame


@given(
    seed=st.integers(0, 5),
    cuts=st.lists(st.integers(0, 120), max_size=5).map(sorted),
    order=st.randoms(use_true_random=False),
)
@settings(max_examples=15, deadline=None)
def test_profiles_of_any_parts_in_any_order_are_that_of_all_rows(
    seed: int, cuts: list[int], order: Any
) -> None:
    frame, given_answers = odd(120, seed), answers(120, seed=seed)
    whole = count_rows(REFERENCE, frame, SCHEMA, predictions=given_answers)
    ends = [0, *cuts, 120]
    parts = [
        count_rows(REFERENCE, frame.iloc[a:b], SCHEMA, predictions=given_answers[a:b])
        for a, b in itertools.pairwise(ends)
    ]
    while len(parts) > 1:
        one = parts.pop(order.randrange(len(parts)))
        other = parts.pop(order.randrange(len(parts)))
        parts.append(one + other)
    assert parts == [whole]
    assert whole == ReferenceProfile.from_dict(json.loads(json.dumps(whole.to_dict())))


def test_current_rows_are_counted_on_the_edges_of_the_reference() -> None:
    frame = table(90, seed=1)
    current = count_rows(REFERENCE, frame, SCHEMA, predictions=answers(90))
    assert current.rows == 90
    assert [each.bins for each in current.columns] == [
        each.bins for each in REFERENCE.columns
    ]
    age, region = current.columns[0], current.columns[2]
    present = frame["age"].dropna().to_numpy()
    edges = np.array(age.bins.edges)
    assert list(age.counts.cells) == list(count_numbers(present, edges))
    assert age.counts.missing == 90 - len(present)
    expected = frame["region"].value_counts()
    assert region.counts.cells == (*expected[list(region.bins.levels)], 0)
    assert region.counts.missing == (frame["region"] == " ").sum()
    assert current.predictions[0].counts.rows == 90
    assert current.period == ("2024-01-01T00:00:00", "2024-01-04T17:00:00")


def test_a_reference_counted_on_itself_is_itself() -> None:
    again = count_rows(REFERENCE, table(), SCHEMA, predictions=answers(200))
    assert again == REFERENCE
