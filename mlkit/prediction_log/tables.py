"""A compacted day: a Parquet file with a typed column for each feature.

A column whose values are all of one kind has that type; integers beside floats are
floats. One that holds anything else is text in JSON, and its field says so. Which
features a row had, and in which order, is kept where it is not all of them, so that
rows come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from mlkit.prediction_log.garbage import Finds, Garbage, Place
from mlkit.prediction_log.layout import Kind, part_path
from mlkit.prediction_log.lines import encode, is_unicode, plain_value, restore
from mlkit.prediction_log.pieces import HEAD, Asked, Piece
from mlkit.prediction_log.scanning import (
    Opened,
    Record,
    open_day,
)

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1
FEATURE = "features."
NAMES = "feature_names"
TEXTS = ("id", "kind", "version", "error")
VALUES = ("prediction", "probability", "latency_ms", "actual", "clock_jump")
MOST_EXACT = 2**53
MOST_INTEGER = 2**63
ROWS = 20_000
FEW_ROWS = 1000


class DayDamageError(ValueError):
    """A compacted day cannot be read, or is not one."""


class Kinds:
    """Which kinds of values each column of a day holds."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}
        self.names: dict[str, None] = {}

    def add(self, record: Record) -> None:
        """Take the values of a row into account."""
        for name in VALUES:
            self._add(name, record.get(name))
        for name, value in record["features"].items():
            self.names[name] = None
            self._add(FEATURE + name, value)

    def _add(self, column: str, value: Any) -> None:
        if value is not None:
            kinds = self._kinds.get(column)
            if kinds is None:
                kinds = self._kinds[column] = set()
            kinds.add(_kind(value))

    def word(self, column: str) -> str:
        """Return ``int``, ``float``, ``bool``, ``str`` or ``json``."""
        kinds = self._kinds.get(column, set())
        if not kinds:
            return "float"
        if len(kinds) == 1:
            (kind,) = kinds
            return "int" if kind == "large" else kind
        if kinds == {"int", "large"}:
            return "int"
        return "float" if kinds == {"int", "float"} else "json"

    def schema(self, metadata: dict[str, Any]) -> pa.Schema:
        """Return the schema of the day's file."""
        import pyarrow as pa

        types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
        columns = [*VALUES, *(FEATURE + name for name in self.names)]
        fields = [pa.field(name, pa.string()) for name in (*TEXTS, NAMES)]
        fields.insert(1, pa.field("at", pa.timestamp("us", "UTC")))
        for column in columns:
            word = self.word(column)
            note = {"mlkit": "json"} if word == "json" else None
            fields.append(pa.field(column, types.get(word, pa.string()), metadata=note))
        content = metadata | {"format": FORMAT, "names": list(self.names)}
        return pa.schema(fields, {"mlkit": json.dumps(content)})


def _kind(value: Any) -> str:
    kind = type(value)
    if kind is float:
        return "float"
    if kind is bool:
        return "bool"
    if kind is int:
        if -MOST_EXACT <= value <= MOST_EXACT:
            return "int"
        return "large" if -MOST_INTEGER <= value < MOST_INTEGER else "json"
    return "str" if kind is str and is_unicode(value) else "json"


def to_batch(rows: Sequence[Record], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as columns of a day's file."""
    import pyarrow as pa

    names = json.loads(schema.metadata[b"mlkit"])["names"]
    arrays = []
    for field in schema:
        name = field.name
        if name == "at":
            values = [row["at"].astimezone(UTC) for row in rows]
        elif name == NAMES:
            values = [_other_names(row["features"], names) for row in rows]
        elif name.startswith(FEATURE):
            own = name.removeprefix(FEATURE)
            values = [row["features"].get(own) for row in rows]
        else:
            values = [row.get(name) for row in rows]
        if field.metadata and field.metadata.get(b"mlkit") == b"json":
            values = [None if value is None else _to_json(value) for value in values]
        arrays.append(pa.array(values, field.type))
    return pa.record_batch(arrays, schema=schema)


def _other_names(features: dict[str, Any], names: list[str]) -> str | None:
    own = list(features)
    return None if own == names else json.dumps(own)


def _to_json(value: Any) -> str:
    return encode({"actual": plain_value(value)}).decode()


def _from_json(text: str) -> Any:
    return restore(orjson.loads(text)["actual"])


def described(file: IO[bytes], model: str) -> dict[str, Any]:
    """Return what a compacted day says of itself: parts, garbage, names.

    Raises
    ------
    DayDamageError
        When it is damaged, or not a compacted day of that model.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file.seek(0)
    try:
        stored = pq.ParquetFile(file).schema_arrow.metadata or {}
        content = json.loads(stored[b"mlkit"])
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise DayDamageError("not a compacted day of this log") from error
    if content.get("format") != FORMAT or content.get("model") != model:
        raise DayDamageError("of another model, or of a newer mlkit")
    return dict(content)


def held_parts(opened: Opened) -> frozenset[int]:
    """Return the numbers of the parts that a compacted day holds; none if damaged."""
    try:
        content = described(opened.file, opened.part.path.parent.name)
    except DayDamageError:
        return frozenset()
    return frozenset(content["parts"])


def taken_numbers(folder: Path, kind: Kind, day: date) -> frozenset[int]:
    """Return the numbers of parts that the compacted day holds."""
    compacted = part_path(folder, kind, day, 0, "parquet")
    if not compacted.exists():
        return frozenset()
    with open_day(folder, kind, day, Finds()) as files:
        return held_parts(files[0]) if files[0].part.form == "parquet" else frozenset()


def _batches(
    opened: Opened, finds: Finds, size: int, *, last_first: bool = False
) -> Iterator[tuple[pa.RecordBatch, list[str]]]:
    """Yield pieces of a compacted day with its features; count what is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = opened.part.path.name
    finds.files.append(name)
    try:
        content = described(opened.file, opened.part.path.parent.name)
    except DayDamageError as error:
        finds.skip(name, None, str(error))
        return
    finds.garbage += garbage_of(content)
    opened.file.seek(0)
    try:
        table = pq.ParquetFile(opened.file)
        groups = range(table.num_row_groups)
        for group in reversed(groups) if last_first else groups:
            (whole,) = table.read_row_group(group).combine_chunks().to_batches()
            starts = range(0, whole.num_rows, size)
            for start in reversed(starts) if last_first else starts:
                yield whole.slice(start, size), content["names"]
    except (pa.ArrowException, OSError) as error:
        finds.skip(name, None, f"damaged: {type(error).__name__}")


def stored_records(opened: Opened, finds: Finds) -> Iterator[Record]:
    """Yield the records of a compacted day as `decode` returned them."""
    model = opened.part.path.parent.name
    for batch, names in _batches(opened, finds, ROWS):
        yield from _rows(batch, model, names)


def newest_stored(opened: Opened, finds: Finds) -> Iterator[Record]:
    """Yield the records of a compacted day, the last first, reading no more of it."""
    model = opened.part.path.parent.name
    for batch, names in _batches(opened, finds, FEW_ROWS, last_first=True):
        yield from reversed(list(_rows(batch, model, names)))


def stored_pieces(
    opened: Opened, asked: Asked, finds: Finds, size: int
) -> Iterator[Piece]:
    """Yield the rows of a compacted day that are asked for, at most `size` at once."""
    for batch, names in _batches(opened, finds, size):
        kept = _kept(batch, asked)
        if kept.num_rows:
            there = _names_there(kept, names)
            head = {name: _values(kept, name) for name in HEAD}
            own = {n: _values(kept, FEATURE + n) for n in names if n in there}
            jumps = kept.num_rows - kept["clock_jump"].null_count
            yield Piece(head, own, kept.num_rows, jumps)


def _kept(batch: pa.RecordBatch, asked: Asked) -> pa.RecordBatch:
    import pyarrow.compute as pc

    if asked.version is not None:
        batch = batch.filter(pc.equal(batch["version"], asked.version))
    if asked.start is not None:
        start = asked.start.astimezone(UTC)
        batch = batch.filter(pc.greater_equal(batch["at"], start))
    if asked.end is not None:
        batch = batch.filter(pc.less(batch["at"], asked.end.astimezone(UTC)))
    return batch


def _names_there(batch: pa.RecordBatch, names: list[str]) -> set[str]:
    """Return the features that any of the rows has."""
    others = batch[NAMES].unique().to_pylist()
    if None in others:
        return set(names)
    return {name for other in others for name in json.loads(other)}


def _values(batch: pa.RecordBatch, name: str) -> Any:
    field = batch.schema.field(name)
    if field.metadata and field.metadata.get(b"mlkit") == b"json":
        values = batch[name].to_pylist()
        return [None if value is None else _from_json(value) for value in values]
    return batch[name]


def garbage_of(content: dict[str, Any]) -> Garbage:
    """Return the garbage that was found when a day was compacted."""
    stored = content["garbage"]
    places = tuple(Place(**place) for place in stored["places"])
    # Days of an earlier mlkit do not say how many of the places are files.
    files = stored.get("files", sum(place.line is None for place in places))
    return Garbage(stored["count"], places, files)


def _rows(batch: pa.RecordBatch, model: str, names: list[str]) -> Iterator[Record]:
    columns: dict[str, Iterable[Any]] = {}
    for name in batch.schema.names:
        values = _values(batch, name)
        columns[name] = values if isinstance(values, list) else values.to_pylist()
    own = [columns.pop(FEATURE + name) for name in names]
    features = zip(*own, strict=True) if own else iter([()] * batch.num_rows)
    others = columns.pop(NAMES)
    head = zip(*columns.values(), strict=True)
    for values, other, row in zip(head, others, features, strict=True):
        record = dict(zip(columns, values, strict=True)) | {"model": model}
        if record["clock_jump"] is None:
            del record["clock_jump"]
        held = dict(zip(names, row, strict=True))
        record["features"] = (
            held if other is None else {key: held[key] for key in json.loads(other)}
        )
        yield record
