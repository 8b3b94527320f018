"""Plain data changed key by key: sections merged, ``--set`` overrides put in place.

Nothing is changed in place; every function returns new data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlkit.params import yaml12
from mlkit.params.yaml12 import KeyPath

NAME = re.compile(r'\.?(?:(?P<plain>[^\s.=\[\]"]+)|(?P<quoted>"(?:[^"\\]|\\.)*"))')
INDEX = re.compile(r"\[(?P<index>[0-9]{1,6})\]")


def plain(data: Any) -> Any:
    """Return data as a params file would hold it: text keys, lists for tuples.

    A notebook may write ``{0: 1.0}`` where the file would say ``0: 1.0``.
    """
    if isinstance(data, Mapping):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [plain(item) for item in data]
    return data


def merge(base: Any, over: Any) -> Any:
    """Merge plain data: groups key by key, everything else replaced.

    Examples
    --------
    >>> merge({"a": {"x": 1, "y": 2}, "b": [1]}, {"a": {"y": 3}, "b": []})
    {'a': {'x': 1, 'y': 3}, 'b': []}
    """
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: merge(base.get(key), over[key]) for key in over}}


def leaves(data: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield ``path`` and the paths of all keys below it."""
    yield path
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from leaves(value, (*path, key))


def put(data: Any, path: KeyPath, value: Any) -> Any:
    """Put a value at a path; groups on the way are made, list items must be there.

    Raises
    ------
    IndexError
        When a list on the way has no such item.
    """
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, str):
        group = data if isinstance(data, Mapping) else {}
        return {**group, first: put(group.get(first), rest, value)}
    items = data if isinstance(data, list) else []
    if first >= len(items):
        there = f"a list that has {len(items)}"
        raise IndexError(f"asks for item [{first}] of {there}; give the whole list")
    return [*items[:first], put(items[first], rest, value), *items[first + 1 :]]


def without(data: Any, path: KeyPath) -> Any:
    """Return data without the key at a path."""
    if not isinstance(data, Mapping) or path[0] not in data:
        return data
    if len(path) == 1:
        return {key: value for key, value in data.items() if key != path[0]}
    return {**data, path[0]: without(data[path[0]], path[1:])}


def parse_override(override: str) -> tuple[KeyPath, Any]:
    """Split ``key=value`` into the key's path and its value.

    Raises
    ------
    ValueError
        When it has not that form, or the value is not YAML.

    Examples
    --------
    >>> parse_override("train.options.max_iter=200")
    (('train', 'options', 'max_iter'), 200)
    >>> parse_override("evaluate.gates[0].min=8e-1")
    (('evaluate', 'gates', 0, 'min'), 0.8)
    """
    path, rest = _path(override)
    if not path or not rest.startswith("="):
        raise ValueError("must be key=value, such as train.options.max_iter=200")
    text = rest[1:].strip()
    try:
        if text[:1] in ("|", ">"):
            raise yaml12.NotYaml(1, "it starts a block of text", "put it in quotes")
        document = yaml12.parse(text)
    except yaml12.NotYaml as error:
        quoted = f"'{override[: -len(rest)]}={json.dumps(text, ensure_ascii=False)}'"
        raise ValueError(
            f"has a value that is not YAML ({error.problem}); for text write {quoted}"
        ) from None
    if document.faults:
        raise ValueError(f"has a value that {document.faults[0].message}")
    return path, document.data


def _path(override: str) -> tuple[KeyPath, str]:
    path: list[str | int] = []
    rest = override
    while True:
        if path and (found := INDEX.match(rest)):
            path.append(int(found["index"]))
        elif found := NAME.match(rest):
            quoted = found["quoted"]
            path.append(json.loads(quoted) if quoted else found["plain"])
        else:
            return tuple(path), rest
        rest = rest[found.end() :]
