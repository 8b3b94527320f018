"""The machine: memory, processors, encoding, time zone."""

from __future__ import annotations

import locale
import os
import re
import sys
import zoneinfo
from collections.abc import Iterator
from pathlib import Path

from mlkit.doctor.finding import Finding

GIGABYTE = 2**30
# A kernel with the usual libraries takes 0.4 GB before it has read any data.
LITTLE_MEMORY = 1 * GIGABYTE
CONTROL_GROUP = Path("/sys/fs/cgroup")
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
POSIX_ZONE = re.compile(r"[A-Za-z]{3,}[-+]?\d[\w:,./+-]*|<[^>]+>[-+]?\d[\w:,./+<>-]*")


def check_memory() -> Iterator[Finding]:
    """Compare the free memory, or a container's limit, with what a kernel takes."""
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = _first_number("memory.max")
    used = _first_number("memory.current")
    if limit is not None and used is not None:
        free = min(free, max(0, limit - used))
    found = f"{free / GIGABYTE:.1f} GB free"
    if free < LITTLE_MEMORY:
        advice = "close other programs, or give the container more: a kernel needs 1 GB"
        yield Finding("memory", "warning", found, advice)
    else:
        yield Finding("memory", "ok", found)


def check_processors() -> Iterator[Finding]:
    """Compare the settings for threads with the processors that may be used."""
    count = _usable_processors()
    share = _processor_share()
    settings = {name: os.environ[name] for name in THREADS if os.getenv(name)}
    found = f"{count} usable"
    found += f", limited to {share:g}" if share is not None else ""
    found += "".join(f", {name}={value}" for name, value in settings.items())
    odd = [name for name, value in settings.items() if not _is_count(value, count)]
    if odd:
        advice = f"set {' and '.join(odd)} to a number from 1 to {count}, or unset it"
        yield Finding("processors", "warning", found, advice)
    elif share is not None and share < count and "OMP_NUM_THREADS" not in settings:
        threads = max(1, int(share))
        advice = f"threads would wait for one another: set OMP_NUM_THREADS={threads}"
        yield Finding("processors", "warning", found, advice)
    else:
        yield Finding("processors", "ok", found)


def check_encoding() -> Iterator[Finding]:
    """Look for an encoding in which reports and params cannot be written."""
    names = (locale.getpreferredencoding(False), sys.getfilesystemencoding())
    found = " and ".join(sorted({name.lower() for name in names}))
    if found in ("utf-8", "utf8"):
        yield Finding("encoding", "ok", found)
    else:
        advice = "set PYTHONUTF8=1, or LC_ALL=C.UTF-8"
        yield Finding("encoding", "warning", found, advice)


def check_time_zone() -> Iterator[Finding]:
    """Look for a time zone that the system will take for UTC without a word."""
    zone = os.getenv("TZ", "").removeprefix(":")
    if not zone or Path(zone).is_file() or POSIX_ZONE.fullmatch(zone):
        yield Finding("time zone", "ok", f"TZ={zone}" if zone else "the system's")
        return
    try:
        zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        advice = "set it to a name such as Europe/Paris, or unset it"
        yield Finding("time zone", "warning", f"TZ={zone} is not a time zone", advice)
    else:
        yield Finding("time zone", "ok", f"TZ={zone}")


def _usable_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_share() -> float | None:
    try:
        quota, period = (CONTROL_GROUP / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return None


def _first_number(name: str) -> int | None:
    try:
        return int((CONTROL_GROUP / name).read_text())
    except (OSError, ValueError):
        return None


def _is_count(text: str, most: int) -> bool:
    # OpenMP allows one number for each level of nesting.
    first = text.split(",")[0].strip()
    return first.isascii() and first.isdigit() and 1 <= int(first) <= most
