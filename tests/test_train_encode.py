"""Raw frames through the encoders: every kind, unseen levels, nothing at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.train.encode import LEVELS, TOPICS, make_encoder, width

KINDS = {
    "size": "number",
    "city": "category",
    "open": "boolean",
    "seen": "date",
    "note": "text",
}
ENCODINGS = ("native", "ordinal", "scaled", "dense")


def rows(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(50, 10, n),
            "city": rng.choice(["Aa", "Bb", "Cc"], n),
            "open": rng.choice(["True", "False"], n),
            "seen": pd.Timestamp("2024-01-01")
            + pd.to_timedelta(rng.integers(0, 99, n), "D"),
            "note": rng.choice(["tap leaks", "no light", "cold room"], n),
        }
    ).astype({"city": "str", "open": "str", "note": "str", "seen": "datetime64[us]"})
    frame.loc[::7, ["size", "city", "open", "seen", "note"]] = None
    return frame


def encoded(frame: pd.DataFrame, encoding: Any, new: pd.DataFrame | None = None) -> Any:
    kinds = {str(name): KINDS[str(name)] for name in frame}
    encoder = make_encoder(kinds, encoding).fit(frame)
    found = encoder.transform(frame if new is None else new)
    return found.toarray() if hasattr(found, "toarray") else found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("column", [*KINDS, None])
def test_one_column_or_all_of_them(encoding: str, column: str | None) -> None:
    frame = rows() if column is None else rows()[[column]]
    found = encoded(frame, encoding)
    assert found.shape[0] == len(frame)
    assert found.dtype == np.float64
    if encoding in ("native", "ordinal"):
        assert found.shape[1] == width({str(n): KINDS[str(n)] for n in frame})
    else:
        assert np.isfinite(found).all()


def test_native_columns_are_categories_then_numbers_then_dates_then_text() -> None:
    frame = rows()
    found = encoded(frame, "native")
    assert found.shape[1] == 2 + 1 + 6 + TOPICS
    levels = pd.Categorical(frame.city).codes.astype(float)
    levels[levels < 0] = np.nan
    np.testing.assert_array_equal(found[:, 0], levels)
    np.testing.assert_array_equal(found[:, 2], frame["size"])


def test_a_level_never_seen_counts_as_missing_or_as_no_level() -> None:
    new = rows().assign(city="Zz")
    assert np.isnan(encoded(rows(), "native", new)[:, 0]).all()
    for encoding in ("scaled", "dense"):
        assert not encoded(rows()[["city"]], encoding, new[["city"]]).any()


def test_a_level_never_seen_counts_as_rare_where_there_are_rare_ones() -> None:
    frame = pd.DataFrame(
        {"city": ["Aa"] * 50 + ["Bb"] * 50 + ["Cc", "Dd"]}, dtype="str"
    )
    new = pd.DataFrame({"city": ["Zz"]}, dtype="str")
    assert (
        encoded(frame, "dense", new).tolist() == encoded(frame, "dense")[-1:].tolist()
    )


def test_more_levels_than_bins_share_the_last_code() -> None:
    names = [f"c{i:04d}" for i in range(1000)]
    frame = pd.DataFrame({"city": names + names[:200] * 3}, dtype="str")
    codes = encoded(frame, "native")[:, 0]
    assert codes.max() == LEVELS - 1
    assert len(np.unique(codes)) == LEVELS
    assert len(np.unique(codes[200:1000])) < 60
    assert len(np.unique(codes[:200])) == 200


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_row_of_nothing_is_encoded(encoding: str) -> None:
    nothing = rows().iloc[:1]
    assert nothing.isna().all(axis=None)
    found = encoded(rows(), encoding, nothing)
    if encoding in ("native", "ordinal"):
        assert np.isnan(found[0, : 2 + 1 + 6]).all()
    else:
        assert np.isfinite(found).all()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_column_that_is_missing_throughout_is_kept(encoding: str) -> None:
    frame = rows().assign(size=np.nan)
    before = encoded(frame, encoding).shape[1]
    known = encoded(frame, encoding, rows())
    assert known.shape[1] == before


def test_scaled_numbers_have_mean_0_and_deviation_1_and_say_what_was_missing() -> None:
    frame = rows()[["size"]]
    found = encoded(frame, "dense")
    assert found.shape[1] == 2
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(found.std(axis=0), 1)
    assert (found[:, 1] > 0).tolist() == frame["size"].isna().tolist()


def test_only_scaled_may_be_sparse() -> None:
    frame = pd.DataFrame({"city": [f"c{i % 40}" for i in range(400)]}, dtype="str")
    kinds = {"city": "category"}
    assert hasattr(make_encoder(kinds, "scaled").fit_transform(frame), "toarray")
    assert isinstance(make_encoder(kinds, "dense").fit_transform(frame), np.ndarray)
