"""Python and the packages, against mlkit's own bounds and the lock file."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlkit.doctor.finding import Finding

PROJECT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: ; (.*?))? \\?$", re.MULTILINE)
# Each changes which code runs, in kernels too, without a trace in a run's record.
VARIABLES = ("PYTHONPATH", "PYTHONHOME", "PYTHONOPTIMIZE", "PYTHONSTARTUP")
MOST_NAMED = 5


def check_python() -> Iterator[Finding]:
    """Compare the running Python with the bounds."""
    from packaging.specifiers import SpecifierSet

    version = ".".join(str(part) for part in sys.version_info[:3])
    bounds = importlib.metadata.metadata("mlkit")["Requires-Python"]
    found = f"{version} at {sys.executable}"
    if SpecifierSet(bounds).contains(version):
        yield Finding("python", "ok", found)
    else:
        advice = "remove .venv and run `make setup PYTHON=python3.12`"
        yield Finding("python", "missing", f"{found}, not within {bounds}", advice)


def check_packages() -> Iterator[Finding]:
    """Compare the installed packages with mlkit's bounds."""
    wrong = _out_of_bounds(extra="")
    if wrong:
        yield Finding("packages", "missing", _listed(wrong), mend())
    else:
        yield Finding("packages", "ok", "all are within their bounds")


def check_lock() -> Iterator[Finding]:
    """Compare the installed packages with the versions of requirements.lock."""
    from packaging.markers import Marker

    lock = PROJECT / "requirements.lock"
    if not lock.is_file():
        return
    pinned = {
        name: version
        for name, version, marker in PINNED.findall(lock.read_text())
        if not marker or Marker(marker).evaluate()
    }
    other = [
        f"{name} {installed_version(name) or 'is not installed'} (locked {version})"
        for name, version in pinned.items()
        if installed_version(name) != version
    ]
    if other:
        yield Finding("lock file", "warning", _listed(other), mend())
    else:
        yield Finding("lock file", "ok", f"all {len(pinned)} packages are as locked")


def check_boosting() -> Iterator[Finding]:
    """Look for the extra that two estimators need."""
    wrong = _out_of_bounds(extra="boosting")
    # xgboost for processors only is a package of its own; either serves.
    if installed_version("xgboost") or installed_version("xgboost-cpu"):
        wrong = [line for line in wrong if not line.startswith("xgboost")]
    if wrong:
        advice = (
            "needed only for `lightgbm` and `xgboost`: pip install 'mlkit[boosting]'"
        )
        yield Finding("boosting", "warning", _listed(wrong), advice)
    else:
        yield Finding("boosting", "ok", "lightgbm and xgboost are there")


def check_nbconvert() -> Iterator[Finding]:
    """Refuse versions of nbconvert with published vulnerabilities."""
    from packaging.version import Version

    version = installed_version("nbconvert")
    if version and Version(version) >= Version("7.17.1"):
        yield Finding("nbconvert", "ok", version)
    else:
        found = f"{version or 'not installed'}; 7.17.1 closed CVE-2026-39377 and -39378"
        yield Finding("nbconvert", "missing", found, mend())


def check_scrapbook() -> Iterator[Finding]:
    """Refuse the older package that installs the same module."""
    old, new = installed_version("nteract-scrapbook"), installed_version("scrapbook")
    if old:
        found = f"nteract-scrapbook {old} puts its files in the place of scrapbook's"
        advice = f"pip uninstall nteract-scrapbook scrapbook; then {mend()}"
        yield Finding("scrapbook", "missing", found, advice)
    elif new:
        yield Finding("scrapbook", "ok", new)
    else:
        yield Finding("scrapbook", "missing", "not installed", mend())


def check_variables() -> Iterator[Finding]:
    """Look for variables that make Python run other code."""
    strange = [f"{name}={os.environ[name]}" for name in VARIABLES if os.getenv(name)]
    if strange:
        advice = "unset them, unless they are meant for every run"
        yield Finding("variables", "warning", ", ".join(strange), advice)
    else:
        yield Finding("variables", "ok", f"none of {', '.join(VARIABLES)} is set")


def installed_version(name: str) -> str | None:
    """Return the version of an installed package, ``None`` when it is not there."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def mend() -> str:
    """Say how this environment is brought back to what mlkit needs."""
    if Path(sys.prefix).resolve() == PROJECT / ".venv":
        return "rm .venv/.ready && make setup"
    if os.getenv("CONDA_PREFIX") == sys.prefix:
        return "conda env update --prune"
    return f"{sys.executable} -m pip install --upgrade --editable {PROJECT}"


def _out_of_bounds(*, extra: str) -> list[str]:
    from packaging.requirements import Requirement

    wrong = []
    for line in importlib.metadata.requires("mlkit") or ():
        needed = Requirement(line)
        asked = needed.marker is None or needed.marker.evaluate({"extra": extra})
        if not asked or (extra and "extra" not in str(needed.marker)):
            continue
        version = installed_version(needed.name)
        if version is None or not needed.specifier.contains(version, prereleases=True):
            found = version or "is not installed"
            wrong.append(f"{needed.name} {found} (needs {needed.specifier})")
    return wrong


def _listed(lines: Sequence[str]) -> str:
    named = ", ".join(lines[:MOST_NAMED])
    rest = len(lines) - MOST_NAMED
    return f"{named} and {rest} more" if rest > 0 else named
