"""When a parent does not fork: it would not be safe, or not be the same.

A script's part, loaded by its path. What it finds sends the client to a cold kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Python looks for these when it starts, before any package.
AT_THE_START = {"sitecustomize", "usercustomize"}


def why_not(
    request: Mapping[str, Any], streams: Sequence[int], bare: Collection[str]
) -> str | None:
    """Say why no kernel can be forked for a request, None when one can.

    Parameters
    ----------
    request : mapping
        What the client asks for.
    streams : sequence of int
        The descriptors that came with it.
    bare : collection of str
        Top-level modules that every kernel has before its first cell.
    """
    if len(streams) != 4:
        return f"a kernel needs three streams and a pipe, and {len(streams)} came"
    return _unsafe() or _hidden(request, bare) or _own_settings(request)


def _unsafe() -> str | None:
    """Say what this process has that would not survive a fork."""
    tasks = sorted(Path("/proc/self/task").iterdir())
    if len(tasks) > 1:
        names = sorted((task / "comm").read_text().strip() for task in tasks)
        return f"the parent has {len(tasks)} threads: {', '.join(names)}"
    context = getattr(sys.modules.get("zmq"), "Context", None)
    if getattr(context, "_instance", None) is not None:
        return "the parent has a ZMQ context"
    events = sys.modules.get("asyncio.events")
    if events is not None and events._get_running_loop() is not None:
        return "the parent has an event loop"
    if "mlkit" in sys.modules:
        return "the parent has imported mlkit"
    return None


def _hidden(request: Mapping[str, Any], bare: Collection[str]) -> str | None:
    """Say which file would have been imported in place of a package."""
    loaded = {name.partition(".")[0] for name in sys.modules}
    # The working directory counts only once ipykernel has been imported.
    places = [(request["cwd"], loaded.difference(bare))]
    for place in filter(None, request["env"].get("PYTHONPATH", "").split(os.pathsep)):
        folder = str(Path(request["cwd"]) / place)
        places.append((folder, loaded | AT_THE_START))
    for folder, names in places:
        for found in _modules(folder):
            if found in names:
                return f"{folder} has a module {found} of its own"
    return None


def _modules(folder: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        stem, _, suffix = entry.name.partition(".")
        package = not suffix and (Path(entry.path) / "__init__.py").exists()
        if suffix == "py" or suffix.endswith("so") or package:
            yield stem


def _own_settings(request: Mapping[str, Any]) -> str | None:
    if (Path(request["cwd"]) / "matplotlibrc").exists():
        return f"{request['cwd']} has a matplotlibrc of its own"
    return None
