"""Texts: words that the reference never had, and words that tell both sides apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit.data import Schema
from mlkit.drift.matrix import Numbers, sample_rows, values
from mlkit.drift.out_of_fold import area, folds, scores
from mlkit.metrics import compare_means
from mlkit.params.models import Drift

MOST_ROWS = 2_000
FEWEST_ROWS = 20
LEVEL = 0.01
MARGIN = 0.05
# Words share this many columns of the classifier.
HASHES = 2**14


@dataclass(frozen=True)
class TextDrift:
    """What became of the words of a column.

    Attributes
    ----------
    column : str
        The column.
    unknown, expected : float
        Mean share of words of a current text that the reference does not have; and
        what it is for a text of the reference that is held against the others.
    p : float
        That the difference is chance, corrected for the number of columns.
    auc, lower, upper : float
        How well current texts can be told from the reference's by their words: area
        under the ROC curve of texts not learned from, with its 95 % interval.
    flagged : bool
        Whether there are more unknown words than expected, beyond chance and by at
        least ``drift.min_effect``; or the area's lower end is above 0.55.
    rows, current_rows : int
        Texts that were looked at.
    reason : str
        The finding in a sentence. No word is shown.
    """

    column: str
    unknown: float
    expected: float
    p: float
    auc: float
    lower: float
    upper: float
    flagged: bool
    rows: int
    current_rows: int
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain JSON data."""
        return asdict(self)


def text_drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    schema: Schema,
    *,
    params: Drift,
    rng: np.random.Generator,
) -> tuple[TextDrift, ...]:
    """Compare the words of each text column; its length is compared as a number.

    At most 2,000 texts of either side are looked at. A column that a table lacks, or
    that has fewer than 20 texts on a side, is not compared.

    Notes
    -----
    A word of a reference text is unknown to the others when no other text has it. By
    exchanging texts, a word of a current text is unknown as often (Good, Biometrika 40
    (1953), 237-264, with texts in the place of words, for words of one text come
    together). Texts are compared, not words: see `compare_means`.
    """
    names = [
        name
        for name in schema.features
        if schema.column(name).kind == "text"
        and name in reference.columns
        and name in current.columns
    ]
    found = []
    for name in names:
        one, other = (
            _texts(values(frame, schema.column(name)), rng)
            for frame in (reference, current)
        )
        if min(len(one), len(other)) >= FEWEST_ROWS:
            found.append(_drift(name, one, other, len(names), params, rng))
    return tuple(found)


def _texts(column: pd.Series, rng: np.random.Generator) -> list[str]:
    present = sorted(map(str, column.dropna()))
    return [present[row] for row in sample_rows(len(present), MOST_ROWS, rng)]


def _drift(
    name: str,
    one: Sequence[str],
    other: Sequence[str],
    columns: int,
    params: Drift,
    rng: np.random.Generator,
) -> TextDrift:
    expected, unknown = unknown_words(one, other)
    more = compare_means(unknown, expected, confidence=1 - LEVEL)
    p = min(1.0, more.p_value * columns)
    new = p <= LEVEL and more.value >= params.min_effect
    current = np.repeat([False, True], [len(one), len(other)])
    score = _scores([*one, *other], current, rng)
    told = area(current, score, confidence=0.95)
    separable = told.lower > 0.5 + MARGIN
    return TextDrift(
        column=name,
        unknown=float(unknown.mean()),
        expected=float(expected.mean()),
        p=p,
        auc=told.value,
        lower=told.lower,
        upper=told.upper,
        flagged=bool(new or separable),
        rows=len(one),
        current_rows=len(other),
        reason=_reason(name, unknown, expected, new=new, separable=separable),
    )


def _reason(
    name: str, unknown: Numbers, expected: Numbers, *, new: bool, separable: bool
) -> str:
    share = f"{unknown.mean():.1%} of the words of {name} are new"
    share = f"{share}, {expected.mean():.1%} were to be expected"
    if separable:
        told = (
            f"current texts of {name} can be told from the reference's by their words"
        )
        return f"{told}; {share}" if new else told
    return share if new else f"the words of {name} have not changed beyond chance"


def unknown_words(
    reference: Sequence[str], current: Sequence[str]
) -> tuple[Numbers, Numbers]:
    """Return the share of words of each text that no other reference text has.

    Returns
    -------
    reference : ndarray of shape (n_reference,)
        Of each reference text, held against the others.
    current : ndarray of shape (n_current,)
        Of each current text; a text without words has none unknown.
    """
    split = _words()
    one, other = ([split(text) for text in side] for side in (reference, current))
    texts_with = Counter(word for words in one for word in set(words))
    own = [_share([texts_with[word] < 2 for word in words]) for words in one]
    new = [_share([word not in texts_with for word in words]) for words in other]
    return np.array(own, dtype=np.float64), np.array(new, dtype=np.float64)


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / max(len(hits), 1)


def _words() -> Any:
    from sklearn.feature_extraction.text import CountVectorizer

    return CountVectorizer(strip_accents="unicode").build_analyzer()


def _scores(
    texts: Sequence[str], current: NDArray[np.bool_], rng: np.random.Generator
) -> Numbers:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression

    hashing = HashingVectorizer(
        n_features=HASHES, alternate_sign=False, strip_accents="unicode"
    )
    matrix = hashing.transform(texts)

    def fit_and_score(rows: NDArray[np.int64], held_out: NDArray[np.int64]) -> Numbers:
        model = LogisticRegression(class_weight="balanced", solver="liblinear")
        model.fit(matrix[rows], current[rows])
        return np.asarray(model.decision_function(matrix[held_out]))

    return scores(folds(current, rng), fit_and_score)
