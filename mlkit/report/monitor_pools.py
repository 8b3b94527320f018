"""Windows taken together: small changes that last, and are not sure in one window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlkit.report import wording
from mlkit.report.folds import Note
from mlkit.report.intervals import plain
from mlkit.report.tables import Table, table

if TYPE_CHECKING:
    from mlkit.monitor import Check

Found = Mapping[str, Any]
OVER = "Over: the newest rows show that the change is surely smaller by now."


def monitor_pools(check: Check | Found) -> Table | Note:
    """Show the drift of the last windows taken together, the fewest first.

    Parameters
    ----------
    check : Check or mapping
        What ``mlkit.monitor.check`` returned, or its ``to_dict()``. Records of earlier
        checks may know no such windows, of which nothing is said.
    """
    pools = plain(check).get("pools") or ()
    if not pools:
        return Note()
    headings = {
        "windows": "Windows", "span": "From and to", "rows": "Rows", "state": "Drift",
        "flagged": "Flagged", "largest": "Largest effect",
    }  # fmt: skip
    made = table(
        [_row(pool) for pool in pools],
        caption="The last windows taken together",
        headings=headings,
        states=["state"],
    )
    return replace(made, note=OVER) if any(p.get("over") for p in pools) else made


def _row(pool: Found) -> dict[str, Any]:
    over = " (over)" if pool.get("over") else ""
    return {
        "windows": pool["windows"],
        "span": f"{pool['first']} to {pool['last']}",
        "rows": pool["rows"],
        "state": pool["verdict"],
        "flagged": (wording.listing(pool["flagged"]) or wording.ABSENT) + over,
        "largest": _largest(pool["effects"]),
    }


def _largest(effects: Mapping[str, float | None]) -> str:
    known = {name: each for name, each in effects.items() if each is not None}
    if not known:
        return wording.ABSENT
    name = max(known, key=lambda each: known[each])
    return f"{wording.number(known[name], 2)}, {name}"
