"""The kernel that the notebooks name, and what runs in it unasked."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

from mlkit import kernels
from mlkit.doctor.finding import Finding
from mlkit.doctor.packages import mend

KERNEL = "python3"
GROUP, PROVISIONER = "jupyter_client.kernel_provisioners", "mlkit-warm"
INSTALL = "run `mlkit kernel install`"


def check_kernel() -> Iterator[Finding]:
    """Follow the name `python3` to the Python that it starts, as Jupyter does."""
    if importlib.util.find_spec("ipykernel") is None:
        yield Finding("kernel", "missing", "ipykernel is not installed", mend())
        return
    spec = _kernelspec()
    if spec is None:
        yield Finding("kernel", "ok", f"{KERNEL}, Jupyter's own")
        return
    try:
        program = str(json.loads(spec.read_text())["argv"][0])
    except (ValueError, LookupError, TypeError) as error:
        found = f"{spec} is not a kernel: {type(error).__name__}: {error}"
        yield Finding("kernel", "missing", found, f"remove {spec.parent}")
        return
    # Jupyter puts its own Python in the place of a bare `python`.
    own = {"python", "python3", f"python3.{sys.version_info[1]}"}
    here = Path(sys.executable).parent.resolve()
    if program in own or Path(program).parent.resolve() == here:
        yield Finding("kernel", "ok", f"{KERNEL} from {spec.parent}")
    else:
        found = f"{KERNEL} from {spec.parent} starts {program}, not this environment"
        advice = f"remove it: jupyter kernelspec remove {KERNEL}"
        yield Finding("kernel", "warning", found, advice)


def check_warm() -> Iterator[Finding]:
    """Say whether kernels are forked from a process that has imported everything."""
    spec = _kernelspec()
    try:
        asks = spec is not None and kernels.installed(json.loads(spec.read_text()))
    except ValueError:
        # `check_kernel` says so.
        return
    if not asks:
        found = f"{spec or 'the one of Jupyter itself'} does not ask mlkit for kernels"
        mine = spec is None or spec.is_relative_to(sys.prefix)
        advice = INSTALL if mine else f"remove {spec}, then {INSTALL}"
        yield Finding("warm kernels", "warning", found, advice)
    elif not entry_points(group=GROUP, name=PROVISIONER):
        found = f"{spec} names {PROVISIONER}, and no package here has it"
        yield Finding("warm kernels", "missing", found, mend())
    else:
        yield _possible()


def _possible() -> Finding:
    try:
        kernels.check(os.environ)
    except kernels.ColdError as error:
        advice = "nothing breaks: ordinary kernels start, only slower"
        return Finding("warm kernels", "warning", str(error), advice)
    return Finding("warm kernels", "ok", "forked; see `mlkit kernel status`")


def _kernelspec() -> Path | None:
    """Return the file of the kernel that Jupyter finds, None for its own."""
    from jupyter_core.paths import jupyter_path

    places = [Path(place) / KERNEL / "kernel.json" for place in jupyter_path("kernels")]
    return next((place for place in places if place.is_file()), None)


def check_startup() -> Iterator[Finding]:
    """Look for files that IPython runs before the first cell of every notebook."""
    home = Path(os.getenv("IPYTHONDIR") or Path.home() / ".ipython")
    folder = home / "profile_default" / "startup"
    files = sorted(
        file.name
        for pattern in ("*.py", "*.ipy")
        for file in (folder.glob(pattern) if folder.is_dir() else ())
    )
    if files:
        found = f"{folder} holds {', '.join(files)}, run before every notebook"
        advice = "move them away: what they do is in no run's record"
        yield Finding("IPython startup", "warning", found, advice)
    else:
        yield Finding("IPython startup", "ok", "nothing runs before a notebook")
