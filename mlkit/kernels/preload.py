"""What the parent imports: third-party packages, and nothing that computes.

A script's part, loaded by its path: no module of mlkit is ever in a parent.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

# What every kernel imports before its first cell.
KERNEL = (
    "ipykernel_launcher",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "zmq.eventloop.zmqstream",
    "matplotlib_inline.config",
    "tornado.platform.asyncio",
    "zmq.utils.garbage",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
)
# What notebooks import, from the slowest to the smallest.
NOTEBOOKS = (
    "numpy",
    "pandas",
    "scipy.stats",
    "sklearn.ensemble",
    "matplotlib.pyplot",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "matplotlib.style",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pyarrow.csv",
    "duckdb",
    "skops.io",
    "numba",
    "shap",
    "lime.lime_tabular",
    "sqlalchemy",
    "sklearn.utils._pprint",
    "narwhals._pandas_like.namespace",
    "fsspec.implementations.local",
    "filelock",
    "jinja2",
    "bleach.css_sanitizer",
    "pydantic",
    "ruamel.yaml",
    "semver",
)


@dataclass(frozen=True)
class Loaded:
    """What importing came to.

    Attributes
    ----------
    bare : set of str
        Top-level modules that every kernel has before its first cell.
    variables : dict
        What their import has set in the environment.
    missing : dict
        What could not be imported, and why.
    """

    bare: set[str]
    variables: dict[str, str]
    missing: dict[str, str]


def preload() -> Loaded:
    """Import everything."""
    before = dict(os.environ)
    missing = _load(KERNEL)
    bare = {name.partition(".")[0] for name in sys.modules}
    after = dict(os.environ)
    variables = {name: after[name] for name in after if before.get(name) != after[name]}
    with _as_in_a_kernel():
        missing |= _load(NOTEBOOKS)
    return Loaded(bare, variables, missing)


@contextlib.contextmanager
def _as_in_a_kernel() -> Iterator[None]:
    """Show packages what they would see in a kernel: they look once.

    pandas chooses how many columns it prints by whether there is a shell, and its
    encoding by the standard output, of which ipykernel makes one of its own.
    """
    names: Any = builtins
    names.get_ipython = lambda: SimpleNamespace(kernel=None)
    stdout = sys.stdout
    with open(os.devnull, "w", encoding="UTF-8") as sys.stdout:
        try:
            yield
        finally:
            sys.stdout = stdout
            del names.get_ipython


def _load(names: Sequence[str]) -> dict[str, str]:
    missing: dict[str, str] = {}
    for name in names:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing[name] = str(error)
        except Exception:
            missing[name] = traceback.format_exc(limit=-1)
    return missing
