"""The identity of a model: a hash over its fitted state.

Two files of one model differ byte by byte, so a file's hash only says that the file is
whole. `model_digest` walks through the fitted object instead: arrays by type, shape and
content, dictionaries and sets in an order of their own, objects by class and state.
What does not change a prediction is left out: memory addresses, numbers of threads,
verbosity and library versions.
"""

from __future__ import annotations

import copyreg
import datetime as dt
import enum
import hashlib
import re
import struct
from collections.abc import Callable, Mapping, Set
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

FORMAT = b"mlkit model digest 1"
# scikit-learn's text vectorisers remember the memory address of their stop words.
NO_PART_OF_A_MODEL = frozenset(
    {"_sklearn_version", "_stop_words_id", "n_jobs", "n_threads", "nthread", "verbose"}
)
NAMED = (FunctionType, BuiltinFunctionType, np.ufunc)


class DigestError(TypeError):
    """Something in a model has no content that could be hashed."""


def model_digest(model: Any) -> str:
    """Return the SHA-256 of a model's fitted state.

    Parameters
    ----------
    model : object
        A fitted estimator or pipeline, LightGBM and XGBoost included.

    Returns
    -------
    str
        64 hexadecimal digits, equal for equal models in any process.

    Raises
    ------
    DigestError
        Part of the model is a lambda, a module, an open file or the like.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> one, two = (Ridge().fit([[1.0], [2.0]], [1.0, 3.0]) for _ in range(2))
    >>> model_digest(one) == model_digest(two)
    True
    """
    return digest(model, (), "model").hex()


def digest(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Return the hash of one value inside a model.

    Parameters
    ----------
    above : tuple of int
        Identities of the objects that contain the value: a value among them closes a
        circle and is known by its distance.
    place : str
        Where the value is, for messages.
    """
    if id(value) in above:
        return sha(b"circle", str(above[::-1].index(id(value))).encode())
    for kind, content in WALKS:
        if isinstance(value, kind):
            return content(value, (*above, id(value)), place)
    return of_object(value, (*above, id(value)), place)


def sha(tag: bytes, *parts: bytes) -> bytes:
    """Return the hash of parts, kept apart by their lengths."""
    total = hashlib.sha256(FORMAT)
    for part in (tag, *parts):
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.digest()


def of_number(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a number by its value; NumPy's and Python's are the same."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, complex):
        return sha(b"complex", struct.pack("<dd", value.real, value.imag))
    if isinstance(value, float):
        return sha(b"float", b"nan" if value != value else struct.pack("<d", value))
    return sha(type(value).__name__.encode(), str(value).encode())


def of_array(value: np.ndarray, above: tuple[int, ...], place: str) -> bytes:
    """Hash an array by type, shape and content, structured ones field by field.

    A structure's padding bytes are whatever was in memory, and Fortran order is a
    matter of speed, so neither counts.
    """
    shape = str(value.shape).encode()
    if value.dtype.names is not None:
        fields = [
            sha(name.encode(), of_array(value[name], above, f"{place}[{name!r}]"))
            for name in value.dtype.names
        ]
        return sha(b"records", shape, *fields)
    if value.dtype.hasobject:
        items = [
            digest(item, above, f"{place}[{i}]") for i, item in enumerate(value.flat)
        ]
        return sha(b"objects", shape, *items)
    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return sha(b"array", plain.dtype.str.encode(), shape, plain.tobytes())


def of_mapping(value: Mapping[Any, Any], above: tuple[int, ...], place: str) -> bytes:
    """Hash a mapping whatever the order of its keys."""
    items = sorted(
        digest(key, above, f"{place} key") + digest(item, above, f"{place}[{key!r}]")
        for key, item in value.items()
    )
    return sha(b"mapping", *items)


def of_sequence(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a list or tuple by its items in order."""
    tag = b"tuple" if isinstance(value, tuple) else b"list"
    return sha(tag, *(digest(x, above, f"{place}[{i}]") for i, x in enumerate(value)))


def of_set(value: Set[Any], above: tuple[int, ...], place: str) -> bytes:
    """Hash a set whatever the order of its items."""
    return sha(b"set", *sorted(digest(item, above, place) for item in value))


def of_sparse(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a sparse matrix by its non-zero entries in row order."""
    rows = sparse.csr_array(value)
    rows.sum_duplicates()
    parts = [
        of_array(part, above, place) for part in (rows.indptr, rows.indices, rows.data)
    ]
    return sha(b"sparse", str(rows.shape).encode(), *parts)


def of_frame(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a pandas object by its labels and values."""
    if isinstance(value, pd.DataFrame):
        return of_sequence([(name, value[name]) for name in value], above, place)
    return of_array(np.asarray(value, dtype=object), above, place)


def of_name(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a class or function by its full name."""
    name = getattr(value, "__qualname__", getattr(value, "__name__", ""))
    if "<" in name:
        raise DigestError(
            f"{place}: {name!r} is a function without a name of its own, so two models "
            "that hold it cannot be compared; put it into a module as a named function"
        )
    module = getattr(value, "__module__", None) or type(value).__module__
    return sha(b"name", f"{module}.{name}".encode())


def of_text(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash text, bytes and things that their text says all about."""
    if isinstance(value, (bytes, bytearray)):
        return sha(b"bytes", bytes(value))
    if isinstance(value, str):
        return sha(b"text", str(value).encode("utf-8", "surrogatepass"))
    return sha(type(value).__name__.encode(), repr(value).encode())


def of_bound(value: MethodType, above: tuple[int, ...], place: str) -> bytes:
    """Hash a method by its name and the object it is bound to."""
    owner = digest(value.__self__, above, f"{place}.__self__")
    return sha(b"method", value.__name__.encode(), owner)


def of_random(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash a random generator by its state."""
    legacy = isinstance(value, np.random.RandomState)
    state = value.get_state(legacy=False) if legacy else value.bit_generator.state
    return sha(b"random", of_mapping(state, above, place))


def of_object(value: Any, above: tuple[int, ...], place: str) -> bytes:
    """Hash an object by its class and its state."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, ModuleType):
        raise DigestError(f"{place}: a model cannot hold the module {value.__name__!r}")
    if kind == "lightgbm.basic.Booster":
        return sha(kind.encode(), value.model_to_string(num_iteration=-1).encode())
    if kind == "xgboost.core.Booster":
        return sha(kind.encode(), bytes(value.save_raw(raw_format="json")))
    try:
        state = reduced(value)
    except (TypeError, AttributeError) as error:
        raise DigestError(
            f"{place}: {kind} has no state that could be hashed ({error}); leave it "
            "out of the estimator, or give its class a __getstate__"
        ) from error
    return sha(kind.encode(), digest(state, above, place))


def reduced(value: Any) -> Any:
    """Return what an object consists of, as pickle and copy see it."""
    if type(value) in copyreg.dispatch_table:
        return without_class(copyreg.dispatch_table[type(value)](value), value)
    own = getattr(type(value), "__reduce__", object.__reduce__)
    if own is not object.__reduce__:
        return without_class(value.__reduce__(), value)
    return without_class(value.__reduce_ex__(4), value)


def without_class(parts: Any, value: Any) -> Any:
    """Return a reduction without the class it names, which the hash has already."""
    if isinstance(parts, str):
        return parts
    _, arguments, *rest = parts
    named = [part for part in arguments if part is not type(value)]
    items = [list(part) for part in rest[1:3] if part is not None]
    state = rest[0] if rest else None
    if isinstance(state, dict):
        left_out = NO_PART_OF_A_MODEL & state.keys()
        state = {key: item for key, item in state.items() if key not in left_out}
    return [named, state, items]


Walk = Callable[[Any, tuple[int, ...], str], bytes]
WALKS: tuple[tuple[Any, Walk], ...] = (
    ((type(None), type(...), dt.date, dt.time, dt.timedelta), of_text),
    ((np.datetime64, np.timedelta64, np.dtype, re.Pattern, slice, range), of_text),
    (enum.Enum, lambda value, above, place: of_text(str(value), above, place)),
    ((str, bytes, bytearray), of_text),
    ((bool, int, float, complex, np.bool_, np.number), of_number),
    (np.ndarray, of_array),
    (np.void, lambda value, above, place: of_array(np.asarray(value), above, place)),
    ((sparse.sparray, sparse.spmatrix), of_sparse),
    (Mapping, of_mapping),
    ((list, tuple), of_sequence),
    ((set, frozenset), of_set),
    ((pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray), of_frame),
    ((np.random.RandomState, np.random.Generator), of_random),
    (MethodType, of_bound),
    ((type, *NAMED), of_name),
)
