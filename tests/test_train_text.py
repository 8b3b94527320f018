"""Text columns: words, missing texts, few components."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import sparse

from mlkit.train.text import TextVectors

NOTES = pd.Series(
    ["tap leaking", "tap leaking badly", None, "no light", "light flickers", "¿?"],
    dtype="str",
)


def test_weights_are_sparse_and_of_length_one() -> None:
    weights = TextVectors().fit(NOTES).transform(NOTES)
    assert isinstance(weights, sparse.csr_matrix)
    lengths = np.sqrt(weights.multiply(weights).sum(axis=1)).round(9).ravel()
    assert np.asarray(lengths).tolist() == [1, 1, 0, 1, 1, 0]


def test_similar_texts_are_near_in_components() -> None:
    found = TextVectors(2).fit(NOTES).transform(NOTES)
    assert found.shape == (6, 2)
    taps, lights = found[0] - found[1], found[0] - found[3]
    assert np.linalg.norm(taps) < np.linalg.norm(lights)


@pytest.mark.parametrize("components", [None, 3])
def test_text_without_words_gives_zeros(components: int | None) -> None:
    empty = pd.Series(["...", None, "?"], dtype="str")
    model = TextVectors(components).fit(empty)
    found = model.transform(NOTES)
    assert found.shape == (6, components or 1)
    assert not found.any()
    assert len(model.get_feature_names_out()) == found.shape[1]


def test_fewer_words_than_components_leave_zero_columns() -> None:
    for texts in (["tap"], ["tap", "light"]):
        found = TextVectors(5).fit(pd.Series(texts)).transform(pd.Series(texts))
        assert found.shape == (len(texts), 5)
        assert found.any()
        assert not found[:, len(texts) :].any()


def test_new_words_count_for_nothing() -> None:
    model = TextVectors().fit(NOTES)
    assert abs(model.transform(pd.Series(["parquet"]))).sum() == 0


def test_only_the_most_frequent_words_are_kept() -> None:
    assert len(TextVectors(words=3).fit(NOTES).get_feature_names_out()) == 3


@pytest.mark.parametrize("components", [None, 2])
def test_it_survives_a_file(components: int | None) -> None:
    model = TextVectors(components).fit(NOTES)
    stored = skops.io.dumps(model)
    again = skops.io.loads(
        stored, trusted=["mlkit.train.text.TextVectors", "numpy.dtype"]
    )
    before, after = model.transform(NOTES), again.transform(NOTES)
    difference = before - after
    assert abs(difference).max() == 0
