"""Folds: a partition that keeps groups, time and classes as the split asks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.train.examples import Examples
from mlkit.train.folds import FoldsImpossible, make_folds


def examples(y: list[Any], classes: tuple[str, ...] = (), **more: Any) -> Examples:
    return Examples(
        X=pd.DataFrame({"x": np.arange(len(y), dtype=float)}),
        y=np.array(y),
        weight=None,
        kinds={"x": "number"},
        task="multiclass" if classes else "regression",
        classes=classes,
        **more,
    )


def partition(found: Any, rows: int) -> bool:
    held = np.concatenate([held for _, held in found.splits])
    apart = all(not set(learn) & set(held) for learn, held in found.splits)
    return apart and sorted(held) == list(range(rows))


@given(
    y=st.lists(st.integers(0, 2), min_size=12, max_size=60),
    folds=st.integers(2, 6),
    division=st.sampled_from(["row", "group", "time"]),
)
def test_folds_are_a_partition_that_learns_every_class_or_none(
    y: list[int], folds: int, division: Any
) -> None:
    unit = np.arange(len(y)) // 2 if division == "group" else np.arange(len(y))[::-1]
    rows = examples(y, ("a", "b", "c"), division=division, unit=unit)
    try:
        found = make_folds(rows, folds, seed=1)
    except FoldsImpossible:
        assert min(np.bincount(y, minlength=3)) < 2 or division == "group"
        return
    assert partition(found, len(y))
    assert 2 <= len(found.splits) <= folds
    assert bool(found.notes) or len(found.splits) == folds
    for learn, held in found.splits:
        assert set(rows.y[learn]) == {0, 1, 2}
        if division == "group":
            assert not set(unit[learn]) & set(unit[held])


def test_a_rare_class_reduces_the_folds_and_says_so() -> None:
    found = make_folds(examples([0] * 50 + [1] * 3, ("no", "yes")), 5, seed=0)
    assert len(found.splits) == 3
    assert found.notes == ("3 folds instead of 5: class 'yes' has 3 training row(s)",)


def test_a_class_with_one_row_is_named() -> None:
    with pytest.raises(FoldsImpossible, match=r"class 'yes' has 1 training row\(s\)"):
        make_folds(examples([0] * 50 + [1], ("no", "yes")), 5, seed=0)


def test_one_group_is_named() -> None:
    unit = np.zeros(20, dtype=np.int64)
    rows = examples(list(range(20)), division="group", unit=unit)
    with pytest.raises(FoldsImpossible, match=r"there are 1 group\(s\)"):
        make_folds(rows, 5, seed=0)


def test_stretches_of_time_are_held_out_whole() -> None:
    unit = np.random.default_rng(0).permutation(40)
    rows = examples(list(range(40)), division="time", unit=unit)
    found = make_folds(rows, 4, seed=0)
    assert partition(found, 40)
    for _, held in found.splits:
        times = np.sort(unit[held])
        assert times[-1] - times[0] == len(held) - 1


def test_a_class_of_one_period_shuffles_the_folds_and_says_so() -> None:
    y = [0] * 30 + [1] * 10
    found = make_folds(
        examples(y, ("no", "yes"), division="time", unit=np.arange(40)), 4, seed=0
    )
    assert partition(found, 40)
    assert "shuffled folds" in found.notes[0]


def test_the_seed_decides_the_folds() -> None:
    rows = examples(list(range(30)))
    same = [make_folds(rows, 3, seed=seed).splits[0][1].tolist() for seed in (1, 1, 2)]
    assert same[0] == same[1] != same[2]
