"""The kernelspec that makes ``python3`` a warm kernel in this environment."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from mlkit import store

NAME = "mlkit-warm"


def install(prefix: Path | None = None) -> Path:
    """Write the kernelspec ``python3``, so that Jupyter asks mlkit for kernels.

    Parameters
    ----------
    prefix : Path, optional
        The environment; None is the one this Python is of.

    Returns
    -------
    Path
        The kernelspec's folder.
    """
    from ipykernel.kernelspec import RESOURCES, get_kernel_dict

    folder = spec_folder(prefix)
    store.make_folder(folder)
    for picture in sorted(Path(RESOURCES).iterdir()):
        shutil.copy(picture, folder / picture.name)
    spec: dict[str, Any] = get_kernel_dict()
    # An option of Python's for the debugger: a forked process has the parent's.
    spec["argv"] = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec["metadata"] = {
        **spec["metadata"],
        "kernel_provisioner": {"provisioner_name": NAME, "config": {}},
    }
    store.write_json(folder / "kernel.json", spec)
    return folder


def spec_folder(prefix: Path | None = None) -> Path:
    """Return the folder of the kernelspec ``python3`` of an environment."""
    root = Path(sys.prefix) if prefix is None else Path(prefix)
    return root / "share" / "jupyter" / "kernels" / "python3"


def installed(spec: dict[str, Any]) -> bool:
    """Tell whether a kernelspec asks mlkit for kernels."""
    provisioner = spec.get("metadata", {}).get("kernel_provisioner", {})
    return bool(provisioner.get("provisioner_name") == NAME)
