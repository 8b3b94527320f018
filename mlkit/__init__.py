"""Notebooks as the pipeline: train, evaluate, decide and report.

The rooms, in the order in which data flows: ``sources`` -> ``data`` -> ``train`` ->
``evaluate`` -> ``explain`` -> ``drift`` -> ``registry``, shown by ``report`` and run by
``pipeline``. Each is imported when it is first used, so that ``import mlkit`` costs
nothing.
"""

from __future__ import annotations

import importlib
from types import ModuleType

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


def __getattr__(name: str) -> ModuleType:
    if name in ROOMS:
        return importlib.import_module(f"mlkit.{name}")
    raise AttributeError(f"module 'mlkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *ROOMS])
