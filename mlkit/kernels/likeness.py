"""Which parent a kernel can be forked from: one that would have started the same.

What a process cannot change after its start must be the same in the parent: the Python
and the packages installed for it, the variables that they read when they are loaded,
and what the system lets the process do. All of it makes the parent's name.
"""

from __future__ import annotations

import hashlib
import json
import os
import site
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPTS = (
    "parent.py",
    "foothold.py",
    "client.py",
    "preload.py",
    "refusal.py",
    "child.py",
)
# Read by Python, by the C libraries or by packages when they are loaded. By prefix.
LOADED = (
    "ARROW_",
    "BLIS_",
    "DASK_",
    "DEBUGPY_",
    "DEBUG_PYDEVD_",
    "DUCKDB_",
    "FSSPEC_",
    "GEVENT_",
    "GLIBC_",
    "GOMP_",
    "GOTO_",
    "IPYTHON_",
    "JE_ARROW_",
    "JOBLIB_",
    "JUPYTER_ALLOW_",
    "JUPYTER_PLATFORM_",
    "JUPYTER_USE_",
    "KMP_",
    "LANG",
    "LC_",
    "LD_",
    "LLVMLITE_",
    "LOKY_",
    "MALLOC_",
    "MATPLOTLIB",
    "MKL_",
    "MPL",
    "NPY_",
    "NUMBA_",
    "NUMPY_",
    "OMP_",
    "OPENBLAS_",
    "PANDAS_",
    "PILLOW_",
    "PYDANTIC_",
    "PYCHARM_",
    "PYDEV",
    "PYPARSING",
    "PYTHON",
    "PYZMQ_",
    "RUAMEL_",
    "SCIPY_",
    "SETUPTOOLS_USE_DISTUTILS",
    "SKLEARN_",
    "SSL_CERT_",
    "TORNADO_",
    "TQDM_",
    "TRAITLETS_",
)
LOADED_NAMES = {
    "HOME",
    "USER",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
}
# Of these, the ones that a kernel applies after the fork, and those that joblib and
# scikit-learn set in every process that imports them.
APPLIED = {
    "COLUMNS",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "LINES",
    "LOKY_MAX_CPU_COUNT",
    "MKL_NUM_THREADS",
    "MPLBACKEND",
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PYTHONEXECUTABLE",
    "PYTHONPATH",
}
# Of no consequence, yet a process without them would be an odd one.
CARRIED = ("LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "XDG_RUNTIME_DIR")
# No thread may be there when a kernel is forked: neither of BLAS nor of an allocator.
ONE_THREAD = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
QUIET_ALLOCATOR = "JE_ARROW_MALLOC_CONF", "background_thread:false"
PRIVILEGES = ("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "CapEff", "CapBnd")


@dataclass(frozen=True)
class Likeness:
    """What a parent and its kernels have in common.

    Attributes
    ----------
    process : dict
        Facts of the process that it cannot change after its start.
    software : dict
        Python, the installed packages and the parent's own source.
    """

    process: dict[str, Any]
    software: dict[str, Any]

    @property
    def family(self) -> str:
        """Name what stays when packages are installed or upgraded."""
        return _digest(self.process)

    @property
    def name(self) -> str:
        """Name the parent: the stem of its socket."""
        return f"{self.family}-{_digest(self.software)}"


def likeness(env: Mapping[str, str]) -> Likeness:
    """Say which parent fits a kernel that this process would start.

    Parameters
    ----------
    env : mapping
        The environment of the kernel.
    """
    process = {
        "executable": sys.executable,
        "prefix": sys.prefix,
        "variables": dict(sorted(_loaded(env))),
        "privileges": _privileges(),
        "namespaces": {
            kind.name: str(kind.readlink())
            for kind in sorted(Path("/proc/self/ns").iterdir())
        },
        "cgroup": Path("/proc/self/cgroup").read_text(),
        "root": str(Path("/proc/self/root").readlink()),
        "nice": os.nice(0),
        "out_of_memory": Path("/proc/self/oom_score_adj").read_text().strip(),
        "cores": sorted(os.sched_getaffinity(0)),
        "hard_limits": {name: hard for name, (_, hard) in limits().items()},
    }
    software = {
        "python": sys.version,
        "interpreter": _stamp(Path(sys.executable).resolve()),
        "packages": {place: list(_packages(place)) for place in _places()},
        "source": _source(),
        "matplotlibrc": [_stamp(path) for path in _matplotlibrc(env)],
    }
    return Likeness(process, software)


def parents_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a kernel's parent starts: no secret is in it."""
    carried = {name: env[name] for name in CARRIED if name in env}
    name, setting = QUIET_ALLOCATOR
    own = ",".join(filter(None, [env.get(name), setting]))
    return {**carried, **dict(_loaded(env)), **ONE_THREAD, name: own}


def limits() -> dict[str, tuple[int, int]]:
    """Return the soft and the hard limits of this process, by their names."""
    # Windows has no such module, and is to have ordinary kernels.
    import resource

    names = sorted(name for name in dir(resource) if name.startswith("RLIMIT_"))
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def _loaded(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in env.items():
        if name in APPLIED:
            continue
        if name.startswith(LOADED) or name in LOADED_NAMES:
            yield name, text


def _privileges() -> dict[str, str]:
    lines = Path("/proc/self/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return {name: fields[name].strip() for name in PRIVILEGES if name in fields}


def _places() -> list[str]:
    places = list(site.getsitepackages())
    if site.ENABLE_USER_SITE:
        places.append(site.getusersitepackages())
    return places


def _packages(place: str) -> Iterator[tuple[str, int]]:
    """Yield what changes when a package is installed, upgraded or removed."""
    try:
        entries = sorted(os.scandir(place), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.endswith((".dist-info", ".egg-info", ".egg-link", ".pth")):
            yield entry.name, entry.stat().st_mtime_ns


def _source() -> str:
    here = Path(__file__).parent
    whole = b"".join((here / name).read_bytes() for name in SCRIPTS)
    return hashlib.sha256(whole).hexdigest()


def _matplotlibrc(env: Mapping[str, str]) -> Iterator[Path]:
    """Yield where matplotlib looks for settings when it is loaded."""
    if env.get("MPLCONFIGDIR"):
        yield Path(env["MPLCONFIGDIR"]) / "matplotlibrc"
    config = env.get("XDG_CONFIG_HOME") or f"{env.get('HOME', '')}/.config"
    yield Path(config) / "matplotlib" / "matplotlibrc"


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(facts: dict[str, Any]) -> str:
    # Surrogates stand for bytes that are no text; JSON escapes them.
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
