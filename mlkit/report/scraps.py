"""Scraps: the values a notebook hands to whoever runs it.

A scrap travels in an output of the executed notebook, in scrapbook's own format, so
that ``scrapbook.read_notebook`` finds it. Values are checked first: scrapbook itself
turns NaN into text and fails on the numbers of NumPy. Small values belong in a scrap;
a table belongs in a file, and its path and hash in the scrap.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MIME = "application/scrapbook.scrap.{encoder}+json"
VERSION = 1
LARGEST = 1_000_000


def glue(name: str, value: Any) -> None:
    """Record a value under a name in the notebook that is running.

    The last value glued under a name counts. Call it in a notebook only: elsewhere
    there is nothing to record the value in.

    Parameters
    ----------
    name : str
        What the scrap is called.
    value : str, bool, int, float, list, tuple or mapping
        Whatever JSON can hold; numbers of NumPy become plain ones and tuples lists.
        None may stand inside, but not alone.

    Raises
    ------
    TypeError
        When JSON cannot hold the value; the message says where in it.
    ValueError
        When a number is not finite or the value takes more than 1 MB.
    RuntimeError
        When no notebook is running.
    """
    from IPython import display
    from IPython.core.interactiveshell import InteractiveShell

    payload = scrap(name, value)
    if not InteractiveShell.initialized():
        raise RuntimeError(
            f"glue({name!r}, ...) records a value in the notebook that is running, and "
            "none is; call it from a notebook cell, or return the value instead"
        )
    notebook: Any = display
    notebook.display(
        {MIME.format(encoder=payload["encoder"]): payload},
        metadata={"scrapbook": {"name": name, "data": True, "display": False}},
        raw=True,
    )


def scrap(name: str, value: Any) -> dict[str, Any]:
    """Return the checked payload of a scrap; see :func:`glue` for the rules.

    Examples
    --------
    >>> scrap("rows", np.int64(3))
    {'name': 'rows', 'data': 3, 'encoder': 'json', 'version': 1}
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"glue: the name must be text that is not empty, got {name!r}")
    data = plain(value, name)
    if data is None:
        raise TypeError(
            f"glue({name!r}, None): a scrap must hold a value; glue a text that says "
            "why there is none, or leave the scrap out"
        )
    size = len(json.dumps(data))
    if size > LARGEST:
        raise ValueError(
            f"glue({name!r}, ...): a scrap may take {LARGEST:,} bytes, this one takes "
            f"{size:,}; write it to a file and glue the file's path and hash"
        )
    # scrapbook parses text under its json encoder: "12" would come back as a number.
    encoder = "text" if isinstance(data, str) else "json"
    return {"name": name, "data": data, "encoder": encoder, "version": VERSION}


def plain(value: Any, where: str) -> Any:
    """Return `value` as plain JSON data, or say what of it JSON cannot hold.

    Parameters
    ----------
    value : object
        See :func:`glue`.
    where : str
        How messages call the value; parts of it are called ``where.key[0]``.
    """
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(
                f"glue: {where} is {value}, a number that JSON does not have; find out "
                "why, or glue None in its place and say so"
            )
        return value
    if isinstance(value, Mapping):
        return {_key(k, where): plain(v, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise TypeError(f"glue: {where} {_advice(value)}")


def _key(key: Any, where: str) -> str:
    if not isinstance(key, str):
        raise TypeError(
            f"glue: the keys of {where} must be text, got {key!r} "
            f"({type(key).__name__}); use str({key!r})"
        )
    return key


def _advice(value: Any) -> str:
    kind = type(value).__name__
    if hasattr(value, "shape"):
        size = " x ".join(f"{n:,}" for n in value.shape)
        return (
            f"is a {kind} of shape ({size}); tables belong in files: write it to one "
            "and glue the file's path and hash, or glue a few numbers with .tolist()"
        )
    if hasattr(value, "to_dict"):
        return f"is a {kind}; glue what its .to_dict() returns"
    return (
        f"is a {kind}, which JSON cannot hold; turn it into text, numbers, lists or "
        "dicts first"
    )
