"""Semantic versions by rule: what changed since the last version decides the number."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from semver import Version as SemVer

from mlkit.registry.differences import Difference, Level, differences
from mlkit.registry.names import parse_version

FIRST = SemVer(1, 0, 0)
SHOWN = 4


def next_version(
    previous: Mapping[str, Any] | None,
    new: Mapping[str, Any],
    taken: Collection[str],
) -> tuple[str, str]:
    """Return the number of a new version, and why it is that one.

    MAJOR when callers or the architecture change: the task, the target, its classes, a
    removed or retyped input column, another family of estimators. MINOR for new
    columns, new data and other settings. PATCH when data and settings of the model are
    the same and code, libraries or surroundings are not. A number that was ever given
    is skipped.

    Parameters
    ----------
    previous : mapping or None
        Manifest of the version that counts as the latest; None gives 1.0.0.
    new : mapping
        The same fields of the new version.
    taken : collection of str
        All numbers that were given so far.

    Returns
    -------
    tuple of str
        Number and reason.

    Examples
    --------
    >>> next_version(None, {}, taken=[])
    ('1.0.0', 'first version')
    """
    if previous is None:
        number, skipped = _free(FIRST, "minor", taken)
        return str(number), "first version" + _skips(skipped)
    found = differences(previous, new)
    level: Level = found[0].level if found else "patch"
    start = _bump(parse_version(previous["version"]), level)
    number, skipped = _free(start, level, taken)
    because = _because([d for d in found if d.level == level])
    return str(number), f"{level.upper()}: {because}{_skips(skipped)}"


def _bump(version: SemVer, level: Level) -> SemVer:
    bumps = {
        "major": version.bump_major,
        "minor": version.bump_minor,
        "patch": version.bump_patch,
    }
    return bumps[level]()


def _free(
    start: SemVer, level: Level, taken: Collection[str]
) -> tuple[SemVer, list[str]]:
    number, skipped = start, []
    while str(number) in taken:
        skipped.append(str(number))
        number = _bump(number, level)
    return number, skipped


def _skips(skipped: list[str]) -> str:
    if not skipped:
        return ""
    shown = skipped[0] if len(skipped) == 1 else f"{skipped[0]} to {skipped[-1]}"
    return f" ({shown} taken: numbers are never reused)"


def _because(deciding: list[Difference]) -> str:
    if not deciding:
        return "the fitted model differs; params, data, code and libraries do not"
    sentences = [difference.sentence for difference in deciding[:SHOWN]]
    more = len(deciding) - SHOWN
    return "; ".join(sentences) + (f"; and {more} more" if more > 0 else "")
