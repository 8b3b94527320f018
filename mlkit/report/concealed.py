"""Concealed: params that hold values of columns which must not be shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mlkit.report.tables import MASK

# The key of a param that holds values, and the key that names their column.
HOLDERS = {
    "explain.rows": "explain.key",
    "data.positive": "data.target",
    "data.split.cutoff": "data.time",
}


def sensitive_columns(*params: Mapping[str, Any] | None) -> frozenset[str]:
    """Return the columns that any of some params call sensitive.

    Examples
    --------
    >>> sorted(sensitive_columns({"data": {"sensitive": ["name"]}}, None))
    ['name']
    """
    named = [((each or {}).get("data") or {}).get("sensitive") or () for each in params]
    return frozenset(str(name) for names in named for name in names)


def conceal(
    flat: Mapping[str, Any], sensitive: Collection[str] | None = None
) -> dict[str, Any]:
    """Return params with the values of sensitive columns masked.

    Parameters
    ----------
    flat : mapping
        Params as one level, keys joined by dots.
    sensitive : collection of str, optional
        Names of columns; None takes those that the params themselves name.

    Examples
    --------
    >>> conceal({"explain.key": "id", "explain.rows": [7], "seed": 0}, ["id"])
    {'explain.key': 'id', 'explain.rows': '•••', 'seed': 0}
    """
    columns = flat.get("data.sensitive") or () if sensitive is None else sensitive
    held = {key for key, column in HOLDERS.items() if flat.get(column) in columns} | {
        f"data.only.{column}" for column in columns
    }
    return {
        key: MASK if key in held and value not in (None, []) else value
        for key, value in flat.items()
    }
