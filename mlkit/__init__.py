"""Notebooks as the pipeline: train, evaluate, decide and report.

The rooms, in the order in which data flows: ``sources`` -> ``data`` -> ``train`` ->
``evaluate`` -> ``explain`` -> ``drift`` -> ``registry``, shown by ``report`` and run by
``pipeline``. Each is imported when it is first used, so that ``import mlkit`` costs
nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

ROOMS = (
    "alerts",
    "clean",
    "cli",
    "data",
    "differences",
    "doctor",
    "drift",
    "evaluate",
    "explain",
    "exposition",
    "fan_out",
    "kernels",
    "label_free",
    "metrics",
    "monitor",
    "params",
    "pipeline",
    "predict",
    "prediction_log",
    "profiling",
    "registry",
    "report",
    "reproduce",
    "scaffold",
    "sources",
    "store",
    "synthetic",
    "train",
)


def lazy(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a room whose names are imported late.

    Parameters
    ----------
    package : str
        The room's ``__name__``.
    homes : mapping
        The module of the room that each name comes from.

    Examples
    --------
    >>> find, names = lazy("mlkit.sources", {"SourceError": "errors"})
    >>> find("SourceError").__module__
    'mlkit.sources.errors'
    >>> "SourceError" in names()
    True
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{homes[name]}"), name)

    def names() -> list[str]:
        return sorted({*vars(importlib.import_module(package)), *homes})

    return find, names


def __getattr__(name: str) -> ModuleType:
    if name in ROOMS:
        return importlib.import_module(f"mlkit.{name}")
    raise AttributeError(f"module 'mlkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *ROOMS])
