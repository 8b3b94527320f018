"""Free text turned into weighted word counts."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.validation import check_is_fitted


class TextVectors(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # untyped
    """Turn one text column into TF-IDF weights, or into a few components of them.

    Parameters
    ----------
    components : int or None
        Number of components of a truncated SVD, for estimators that need few dense
        columns; None returns the sparse TF-IDF weights themselves. Where the text has
        fewer components, the rest is zero, so that the number of columns is known
        beforehand.
    words : int
        At most this many words and word pairs are kept, the most frequent ones.
    seed : int
        Seed of the randomised SVD.

    Notes
    -----
    A missing text counts as an empty one. Text without a single word in ``fit`` gives
    one column (or ``components`` columns) of zeros.

    Examples
    --------
    >>> text = pd.Series(["leaking tap", "tap", None])
    >>> TextVectors(components=2).fit(text).transform(text).shape
    (3, 2)
    """

    def __init__(
        self, components: int | None = None, *, words: int = 5000, seed: int = 0
    ) -> None:
        self.components = components
        self.words = words
        self.seed = seed

    def fit(self, X: pd.Series[str], y: Any = None) -> Self:
        """Learn the words, their weights and the components."""
        texts = filled(X)
        self.vectorizer_ = vectorizer(texts, self.words)
        self.svd_ = None
        if self.components is not None and self.vectorizer_ is not None:
            weights = self.vectorizer_.transform(texts)
            rank = min(self.components, weights.shape[1] - 1)
            if rank >= 1:
                self.svd_ = TruncatedSVD(rank, random_state=self.seed).fit(weights)
        return self

    def transform(self, X: pd.Series[str]) -> np.ndarray | sparse.csr_matrix:
        """Return weights or components, one row a text."""
        check_is_fitted(self)
        if self.vectorizer_ is None:
            return np.zeros((len(X), self.components or 1))
        weights = self.vectorizer_.transform(filled(X))
        if self.components is None:
            return weights
        dense = self.svd_.transform(weights) if self.svd_ else weights.toarray()
        columns = np.zeros((len(X), self.components))
        columns[:, : dense.shape[1]] = dense
        return columns

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the words, or the components' numbers."""
        if self.components is not None:
            return np.asarray([f"topic{i}" for i in range(self.components)], object)
        if self.vectorizer_ is None:
            return np.asarray(["no_words"], dtype=object)
        return np.asarray(self.vectorizer_.get_feature_names_out(), dtype=object)


def filled(texts: pd.Series[str]) -> list[str]:
    """Return the texts, missing ones as empty."""
    return ["" if pd.isna(text) else str(text) for text in texts]


def vectorizer(texts: list[str], words: int) -> TfidfVectorizer | None:
    """Return a fitted TF-IDF vectoriser, or None when there is no word at all."""
    tfidf = TfidfVectorizer(
        sublinear_tf=True,
        ngram_range=(1, 2),
        max_features=words,
        strip_accents="unicode",
    )
    analyse = tfidf.build_analyzer()
    if not any(analyse(text) for text in texts):
        return None
    return tfidf.fit(texts)
