"""Texts: words the reference never had, and words that tell both sides apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.data import Column, Schema
from mlkit.drift.texts import TextDrift, text_drift, unknown_words
from mlkit.params.models import Drift

COMMON = [f"word{i}" for i in range(40)]
SCHEMA = Schema(
    (Column("note", "text"), Column("y", "number", "target")), "regression", "y"
)


def texts(rng: np.random.Generator, n: int, words: list[str] | None = None) -> Any:
    """Return texts whose words follow Zipf's law, so that some are always new."""
    found = []
    for _ in range(n):
        rare = [f"rare{min(rng.zipf(1.5), 10**9)}" for _ in range(2)]
        found.append(" ".join([*rng.choice(words or COMMON, 6), *rare]))
    return found


def drift_of(one: Any, other: Any, **kwargs: Any) -> TextDrift:
    frames = [pd.DataFrame({"note": each}) for each in (one, other)]
    rng = np.random.default_rng(0)
    (found,) = text_drift(*frames, SCHEMA, params=Drift(**kwargs), rng=rng)
    return found


def test_new_words_are_expected_where_rare_words_are_common() -> None:
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        found.append(drift_of(texts(rng, 300), texts(rng, 150)))
    assert not any(each.flagged for each in found)
    assert np.mean([each.expected for each in found]) > 0.01
    gap = [each.unknown - each.expected for each in found]
    assert abs(np.mean(gap)) < 0.01


def test_words_that_the_reference_never_had_are_seen() -> None:
    rng = np.random.default_rng(1)
    new = [f"novel{i}" for i in range(10)]
    found = drift_of(texts(rng, 300), texts(rng, 150, [*COMMON, *new]))
    assert found.flagged
    assert found.unknown > found.expected + 0.05
    assert "are new" in found.reason
    assert "novel" not in found.reason


def test_other_shares_of_known_words_are_seen_by_the_classifier() -> None:
    rng = np.random.default_rng(2)
    found = drift_of(texts(rng, 300), texts(rng, 300, COMMON[:10]))
    assert found.flagged
    assert found.unknown == pytest.approx(found.expected, abs=0.03)
    assert found.lower > 0.55
    assert "told from the reference's by their words" in found.reason


def test_unknown_words_are_counted_text_by_text() -> None:
    own, new = unknown_words(
        ["tap leaks", "tap drips", "Été chaud", ""], ["TAP hisses", "été", "", "oil"]
    )
    # "tap" stands in two texts; every other word only in its own.
    assert own.tolist() == [0.5, 0.5, 1.0, 0.0]
    assert new.tolist() == [0.5, 0.0, 0.0, 1.0]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=12))
def test_a_text_of_the_reference_has_no_unknown_word(found: list[str]) -> None:
    own, new = unknown_words(found, found)
    assert (new == 0).all()
    assert ((own >= 0) & (own <= 1)).all()


def test_few_missing_or_absent_texts_are_not_compared() -> None:
    rng = np.random.default_rng(0)
    full = pd.DataFrame({"note": texts(rng, 60)})
    few = pd.DataFrame({"note": [*texts(rng, 19), *[None] * 41]})
    for other in (few, full.drop(columns="note"), full.assign(note=None)):
        found = text_drift(full, other, SCHEMA, params=Drift(), rng=rng)
        assert found == ()


def test_texts_without_a_single_word_do_not_stop_a_check() -> None:
    found = drift_of(["!!"] * 30, ["??"] * 30)
    assert not found.flagged
    assert found.auc == 0.5
