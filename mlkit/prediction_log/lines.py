"""A line of the log: how values become JSON, and are found again as they were.

Missing values of any kind (None, NaN, NaT, NA) are ``null``. What JSON has no word for
is an object with one name that begins with ``$``: infinities and integers beyond 64
bits are ``{"$number": ...}``, texts that are not valid Unicode ``{"$text": ...}``, and
an object that looks like one of these ``{"$object": ...}``.
"""

from __future__ import annotations

import enum
import math
import numbers
from collections.abc import Mapping, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

AS_THEY_ARE = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
)
PLAIN = frozenset({str, int, bool, type(None)})
MISSING = frozenset({"NaTType", "NAType"})
RESTORED = ("prediction", "probability", "actual")
TAGGED = {"features", "latency_ms", *RESTORED}
# What the lines of each kind of file are.
WORDS = {
    "predictions": frozenset({"prediction", "error"}),
    "outcomes": frozenset({"outcome"}),
}
EVERY_WORD = tuple(word for words in WORDS.values() for word in words)
# How a value begins that JSON has no word for.
TAG = b'{"$'
# Beyond this depth a value is no feature but a mistake, such as a list in itself.
DEEPEST = 100


def json_features(features: Any) -> Any:
    """Return features as something that `encode` takes, sooner than `plain_features`.

    Most rows are numbers and texts, which orjson writes as they are. Where its text has
    a null (which stands for infinities as well) or a name that begins with ``$``, each
    value is looked at.

    Raises
    ------
    TypeError, ValueError
        As `plain_features`.
    """
    if type(features) is dict:
        try:
            data = orjson.dumps(features, option=AS_THEY_ARE)
        except TypeError:
            return plain_features(features)
        if b"null" not in data and b'"$' not in data:
            return orjson.Fragment(data)
    return plain_features(features)


def plain_features(features: Any) -> dict[str, Any]:
    """Return features as a dict that JSON can hold.

    Parameters
    ----------
    features : mapping of str to value, or pandas Series
        Names need not be text; they become it.

    Raises
    ------
    TypeError
        When a value is of a type that the log does not keep; the message names the
        feature and the type, never the value.
    ValueError
        When two features have one name.
    """
    try:
        items = features.items()
    except AttributeError:
        raise TypeError(
            "features must be a mapping of column names to values, got "
            f"{type(features).__name__}; pass one row as a dict"
        ) from None
    isfinite, plain = math.isfinite, PLAIN
    found = {
        name if type(name) is str else str(name): value
        if (type(value) is float and isfinite(value)) or type(value) in plain
        else _of_feature(name, value)
        for name, value in items
    }
    if len(found) != len(features):
        raise ValueError("two features have the same name as text; rename one")
    return found


def _of_feature(name: object, value: object) -> Any:
    try:
        return plain_value(value)
    except TypeError as error:
        raise TypeError(f"the feature {str(name)!r}: {error}") from None


def plain_value(value: Any, depth: int = 0) -> Any:
    """Return one value as JSON data; see :mod:`mlkit.prediction_log.lines`.

    Numbers of other libraries become the nearest Python number, times ISO 8601 text (in
    UTC when they have a zone), durations seconds.

    Raises
    ------
    TypeError
        When the log does not keep values of this type.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, float):  # NumPy's usual one is a subclass.
        return _plain_float(float(value))
    if hasattr(value, "dtype"):
        return _of_array(value, depth)
    if kind.__name__ in MISSING:
        return None
    if depth > DEEPEST:
        raise TypeError(
            f"a value is nested more than {DEEPEST} levels deep; flatten it"
        )
    if isinstance(value, Mapping):
        return _plain_object(value, depth)
    if isinstance(value, list | tuple | Set):
        return [plain_value(item, depth + 1) for item in value]
    return _plain_scalar(value)


def _plain_float(value: float) -> Any:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else {"$number": str(value)}


def _plain_object(value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    found = {str(name): plain_value(item, depth + 1) for name, item in value.items()}
    if len(found) == 1 and next(iter(found)).startswith("$"):
        return {"$object": found}
    return found


def _of_array(value: Any, depth: int) -> Any:
    """Return a NumPy scalar or array, or what behaves like one, such as a Series."""
    kind = getattr(value.dtype, "kind", "O")
    if kind in "biu" and not value.ndim:
        return value.item()
    if getattr(value, "ndim", 0):
        items = value.astype(object) if kind in "Mm" else value
        return [plain_value(item, depth + 1) for item in items.tolist()]
    if kind == "f":
        return _plain_float(float(value))
    if kind == "M":
        return None if str(value) == "NaT" else str(value)
    if kind == "m":
        whole = value.astype("timedelta64[ns]")
        return None if str(value) == "NaT" else int(whole.astype("int64")) / 1e9
    if kind in "UO" and type(found := value.item()) is not type(value):
        return plain_value(found, depth + 1)
    raise _refusal(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return plain_value(value.value)
    if isinstance(value, datetime):
        # One moment has one text; a time without a zone is left as it is.
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | UUID | PurePath):
        return str(value)
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, Decimal) and value.is_snan():
        return None
    if isinstance(value, numbers.Real | Decimal):
        return _plain_float(float(value))
    raise _refusal(value)


def _refusal(value: object) -> TypeError:
    step = "decode it to text" if isinstance(value, bytes | bytearray) else (
        "turn it into a number, text, a list or a dict"
    )  # fmt: skip
    return TypeError(
        f"the log keeps numbers, texts, times, lists and dicts, got a value of type "
        f"{type(value).__name__}; {step} first"
    )


def encode(record: Mapping[str, Any]) -> bytes:
    """Return a record of plain values as one line, its line break included."""
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        careful = {
            name: _tag(value) if name in TAGGED else _checked(value)
            for name, value in record.items()
        }
        return orjson.dumps(careful, option=orjson.OPT_APPEND_NEWLINE)


def _tag(value: Any) -> Any:
    """Return a plain value with what orjson refuses in words of its own."""
    if isinstance(value, dict):
        return {_checked(name): _tag(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_tag(item) for item in value]
    if type(value) is int and not -(2**63) <= value < 2**64:
        return {"$number": hex(value)}
    if isinstance(value, str) and not is_unicode(value):
        return {"$text": value.encode("utf-8", "surrogatepass").hex()}
    return value


def is_unicode(text: str) -> bool:
    """Return whether a text can be written as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _checked(text: Any) -> Any:
    if isinstance(text, str) and not is_unicode(text):
        raise ValueError(f"a name must be valid Unicode text, got {text!r}; rename it")
    return text


def decode(line: bytes, model: str) -> dict[str, Any]:
    """Return the record of a line; ``at`` is a datetime with its zone.

    Raises
    ------
    ValueError
        When it is not a record of that model's log; the message says why and quotes
        nothing of the line.
    """
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ValueError("not JSON") from None
    if not isinstance(record, dict) or record.get("kind") not in EVERY_WORD:
        raise ValueError("not a record of this log")
    if record.get("model") != model:
        raise ValueError("of another model")
    if not isinstance(record.get("id"), str):
        raise ValueError("without an id")
    try:
        record["at"] = datetime.fromisoformat(record["at"])
    except (KeyError, TypeError, ValueError):
        raise ValueError("without a time") from None
    if record["at"].tzinfo is None:
        raise ValueError("without a time zone")
    features = record.setdefault("features", {})
    if not isinstance(features, dict):
        raise ValueError("without features")
    if TAG in line:
        record["features"] = {k: restore(v) for k, v in features.items()}
        record |= {k: restore(record[k]) for k in RESTORED if k in record}
    return record


def restore(value: Any) -> Any:
    """Return the value that `plain_value` and `encode` wrote."""
    if isinstance(value, list):
        return [restore(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, held = next(iter(value.items())) if len(value) == 1 else ("", None)
    if name == "$object" and isinstance(held, dict):
        return {key: restore(item) for key, item in held.items()}
    try:
        if name == "$number" and isinstance(held, str):
            return float(held) if held in {"inf", "-inf"} else int(held, 0)
        if name == "$text" and isinstance(held, str):
            return bytes.fromhex(held).decode("utf-8", "surrogatepass")
    except (TypeError, ValueError):
        return value
    return {key: restore(item) for key, item in value.items()}
