"""The identity of a model: what changes it, and what must not."""

from __future__ import annotations

import functools
import os
import pickle
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from mlkit.train import DigestError, model_digest

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(120, 4)), RNG.integers(0, 2, 120)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(plain)
def test_a_copy_has_the_same_digest(value: Any) -> None:
    assert model_digest(pickle.loads(pickle.dumps(value))) == model_digest(value)


@given(st.dictionaries(st.text(), st.integers(), min_size=2), st.randoms())
def test_the_order_of_keys_does_not_count(
    value: dict[str, int], shuffle: random.Random
) -> None:
    items = list(value.items())
    shuffle.shuffle(items)
    assert model_digest(dict(items)) == model_digest(value)


@given(st.lists(st.floats(allow_nan=False), min_size=2, unique=True))
def test_another_value_in_an_array_changes_the_digest(values: list[float]) -> None:
    one = np.array(values)
    other = one.copy()
    other[0], other[1] = one[1], one[0]
    assert model_digest(one) != model_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", 1),
        ("a", b"a"),
        ([1, 2], (1, 2)),
        ([1, [2]], [[1], 2]),
        (["ab"], ["a", "b"]),
        ({"a": 1}, {"a": 2}),
        ({1: "a"}, {"1": "a"}),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros(3), np.zeros(3, np.float32)),
        (np.array(["a"], object), np.array(["b"], object)),
        (LogisticRegression, HistGradientBoostingClassifier),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (np.random.RandomState(1), np.random.RandomState(2)),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (sparse.csr_array([[0, 1]]), sparse.csr_array([[1, 0]])),
        (pd.Series([1.0]), pd.Series([2.0])),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (slice(1), slice(2)),
        (0.0, -0.0),
        (1j, 2j),
        (np.datetime64("2024-01-01"), np.datetime64("2024-01-02")),
    ],
)
def test_different_things_have_different_digests(one: Any, other: Any) -> None:
    assert model_digest(one) != model_digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.float64(1.5), 1.5),
        (np.int64(3), 3),
        (np.nan, -np.nan),
        ({1, 2, 3}, {3, 2, 1}),
        (np.arange(6).reshape(2, 3), np.asfortranarray(np.arange(6).reshape(2, 3))),
        (np.arange(3, dtype=">i8"), np.arange(3, dtype="<i8")),
        (sparse.csr_array([[0, 1.0]]), sparse.csc_array([[0, 1.0]])),
        (RandomForestClassifier(n_jobs=1), RandomForestClassifier(n_jobs=2, verbose=1)),
    ],
)
def test_what_changes_no_prediction_does_not_count(one: Any, other: Any) -> None:
    assert model_digest(one) == model_digest(other)


def test_padding_of_structures_does_not_count() -> None:
    layout = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = np.zeros(2, layout), np.frombuffer(b"\xff" * 32, layout).copy()
    for name in ("a", "b"):
        other[name] = one[name]
    assert one.tobytes() != other.tobytes()
    assert model_digest(one) == model_digest(other)


def test_a_circle_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    other: list[Any] = [2]
    other.append(other)
    assert model_digest(loop) != model_digest(other)


ESTIMATORS = {
    "logistic": lambda **more: LogisticRegression(**more),
    "boosted": lambda **more: HistGradientBoostingClassifier(
        max_iter=5, random_state=0, **more
    ),
    "forest": lambda **more: RandomForestClassifier(5, random_state=0, **more),
    "extra": lambda **more: ExtraTreesRegressor(5, random_state=0, **more),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_model_is_known_by_its_data_and_options(name: str) -> None:
    build: Any = ESTIMATORS[name]
    option = {"C": 2.0} if name == "logistic" else {"max_depth": 2}
    first = model_digest(build().fit(X, Y))
    assert model_digest(build().fit(X, Y)) == first
    assert model_digest(build(**option).fit(X, Y)) != first
    changed = X.copy()
    changed[0, 0] += 1.0
    assert model_digest(build().fit(changed, Y)) != first
    assert model_digest(build()) != first


class Scorer:
    """Something that keeps a function, a method or a class, as estimators may."""

    def __init__(self, kept: Any) -> None:
        self.kept = kept

    def score(self) -> None:
        """Do nothing."""


def test_functions_methods_and_classes_are_known_by_name() -> None:
    kept = [np.sqrt, len, model_digest, Scorer, Scorer(1).score, Scorer(2).score]
    digests = {model_digest(Scorer(one)) for one in kept}
    assert len(digests) == len(kept)
    assert model_digest(Scorer(np.sqrt)) in digests
    assert model_digest(Scorer(Scorer(1).score)) in digests


def test_words_are_part_of_a_model_though_some_attributes_are_not() -> None:
    one, other = (TfidfVectorizer().fit([f"{w} tap"]) for w in ("verbose", "n_jobs"))
    assert model_digest(one) != model_digest(other)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (lambda x: x, "function without a name of its own"),
        (np, "cannot hold the module 'numpy'"),
        ((i for i in range(3)), "has no state that could be hashed"),
    ],
)
def test_what_has_no_content_is_refused_with_its_place(part: Any, reason: str) -> None:
    model = LogisticRegression()
    model.extra_ = {"part": part}
    with pytest.raises(DigestError, match=rf"model.*'extra_'.*\['part'\].*{reason}"):
        model_digest(model)


SCRIPT = """
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.ensemble import RandomForestClassifier
from mlkit.train import model_digest
rng = np.random.default_rng(0)
forest = RandomForestClassifier(5, random_state=0)
forest.fit(rng.normal(size=(50, 3)), rng.integers(0, 2, 50))
text = TfidfVectorizer().fit(["leaking tap", "no light"])
print(model_digest([forest, text, {"a", "b", "c", "d"}]))
"""


def test_another_process_and_hash_seed_give_the_same_digest() -> None:
    seen = set()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment,
            capture_output=True,
            text=True,
        )
        seen.add(run.stdout.strip())
    assert len(seen) == 1
    assert len(seen.pop()) == 64
