"""Hashes of rows and of whole tables, equal for equal content wherever it was read.

A cell's hash depends on its value alone: a number's on its 64-bit float (-0 is 0), a
date's on its microseconds, a text's on the BLAKE2b digest of its UTF-8 bytes; missing
is a value of its own. A row's hash is the sum modulo 2**64 of its cells' hashes, each
mixed with the name of its column, so that it depends neither on the order of the
columns nor on the machine, the process or the version of a library.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mlkit import store
from mlkit.data.distinct import find_distinct
from mlkit.data.records import Schema

Hashes = NDArray[np.uint64]

_MISSING = np.uint64(0x9E3779B97F4A7C15)


def text_hash(text: str) -> int:
    """Return a 64-bit hash of a text."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def mix(values: Hashes) -> Hashes:
    """Return well-spread 64-bit values: the finaliser of SplitMix64.

    References
    ----------
    Steele, G., Lea, D. and Flood, C. (2014). Fast splittable pseudorandom number
    generators. OOPSLA '14.
    """
    spread = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    spread = (spread ^ (spread >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(spread ^ (spread >> np.uint64(31)), dtype=np.uint64)


def cell_hashes(values: pd.Series) -> Hashes:
    """Return the hash of each value of a conformed column."""
    if values.dtype == np.float64:
        numbers = values.to_numpy() + 0.0
        hashes = mix(numbers.view(np.uint64) + np.uint64(1))
        return np.where(np.isnan(numbers), _MISSING, hashes)
    if values.dtype.kind == "M":
        moments = values.to_numpy().astype("datetime64[us]")
        hashes = mix(moments.view(np.uint64) + np.uint64(2))
        return np.where(np.isnat(moments), _MISSING, hashes)
    distinct = find_distinct(values)
    texts = [text_hash(text) for text in distinct.texts.to_pylist()]
    return distinct.spread(np.array(texts, dtype=np.uint64), int(_MISSING))


def hash_rows(frame: pd.DataFrame, columns: Sequence[str]) -> Hashes:
    """Return the hash of each row over some columns.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`mlkit.data.conform` returns it.
    columns : sequence of str
        The columns that count.

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)
    """
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in columns:
        salt = np.uint64(text_hash(name))
        total += mix(cell_hashes(frame[name]) ^ salt)
    return mix(total)


def find_fingerprint(
    frame: pd.DataFrame, schema: Schema, own_test: NDArray[np.bool_] | None = None
) -> str:
    """Return the SHA-256 of a table's content.

    It covers the names and kinds of all columns, in order of name, and the sorted
    hashes of the rows over all columns: the order of rows and columns does not matter.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        As :func:`mlkit.data.conform` returns it.
    schema : Schema
        Its columns.
    own_test : ndarray of bool of shape (n_rows,), optional
        Which rows came from a test file; they are hashed apart.
    """
    kinds = sorted([column.name, column.kind] for column in schema.columns)
    hashes = hash_rows(frame, schema.names)
    apart = np.zeros(len(frame), dtype=bool) if own_test is None else own_test
    whole = hashlib.sha256(store.canonical_json({"columns": kinds}))
    for part in (hashes[~apart], hashes[apart]):
        whole.update(len(part).to_bytes(8, "little"))
        whole.update(np.sort(part).astype("<u8").tobytes())
    return whole.hexdigest()
