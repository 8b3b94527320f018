"""The day that divides training from test rows, where versions were split by time."""

from __future__ import annotations

from pathlib import Path

from mlkit import registry
from mlkit.params import Params


def cutoff_floor(params: Params, root: Path) -> str | None:
    """Return the cutoff of the newest good version that was split by the same column.

    A split by time only moves forward; a version that failed may have had wrong dates.
    """
    data = params.data
    if data.split.by != "time":
        return None
    opened = registry.open_registry(params.model, root)
    for version in reversed(opened.versions()):
        if version.stage == "failed":
            continue
        manifest = opened.show(version.version).manifest
        split = manifest["split"]
        if split["by"] == "time" and manifest["params"]["data"]["time"] == data.time:
            return str(split["cutoff"])
    return None
