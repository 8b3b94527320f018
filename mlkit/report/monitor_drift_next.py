"""What a reader of a check asks of drift: since when it is seen, and where to ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import Any

from mlkit.report import wording

Found = Mapping[str, Any]
# As many as the verdict names.
MOST_NAMED = 3
MEND = "If it did by mistake, mend it there; if the world changed, "


def drift_since(found: Found) -> str:
    """Return since when drift is seen; empty where that is not known.

    Parameters
    ----------
    found : mapping
        ``Check.to_dict()`` of :mod:`mlkit.monitor`.
    """
    said = _began(found) or _unbroken(found)
    pool = _pool(found)
    if pool is None:
        return said
    seen = f"Seen from {pool['first']} to {pool['last']}, taken together."
    return f"{said or seen} {_alone(pool, found)}".strip()


def _began(found: Found) -> str:
    began = found["drift_began"]
    if began is None:
        return ""
    first, last = began.get("first"), began.get("last")
    within = f" (surely between {first} and {last})" if first != last else ""
    return f"The change of {began['column']} began in {began['window']}{within}."


def _unbroken(found: Found) -> str:
    """Return the first of the newest judged windows all of which have drifted."""
    judged = [
        window
        for window in found["windows"]
        if window["drift"] and window["drift"]["verdict"] != "too_few"
    ]
    drifted = takewhile(lambda w: w["drift"]["verdict"] == "drift", reversed(judged))
    run = [window["label"] for window in drifted]
    return f"Every window that was judged since {run[-1]} has drifted." if run else ""


def _drifted(found: Found) -> bool:
    """Return whether the newest window that could be judged has drifted."""
    return found["drift"] is not None and found["drift"]["verdict"] == "drift"


def _pool(found: Found) -> Found | None:
    """Return the windows that show by being taken together what the newest does not."""
    lasting = (
        pool
        for pool in found.get("pools") or ()
        if pool["verdict"] == "drift" and not pool.get("over")
    )
    return None if _drifted(found) else next(lasting, None)


def _alone(pool: Found, found: Found) -> str:
    """Return what the newest window says by itself of the drift of several."""
    newest = found["drift"]
    if newest is None:
        return ""
    predictions = not pool["flagged"] and newest.get("predictions_drifted")
    if predictions or set(pool["flagged"]) & set(newest["flagged"]):
        return "The newest window alone shows too little of it to be sure."
    return "The newest window alone does not show it."


def drift_advice(issue: Found, found: Found) -> str:
    """Return where to ask about drift: of flagged columns, or of others together.

    Parameters
    ----------
    issue : mapping
        The issue; ``columns`` of its evidence are the flagged ones.
    found : mapping
        ``Check.to_dict()`` of :mod:`mlkit.monitor`.

    Returns
    -------
    str
        To be followed by what to do where the world has changed.
    """
    together, flagged = _together(found), issue["evidence"].get("columns")
    if flagged:
        others = [name for name in together or () if name not in flagged]
        places = wording.listing(["the flagged columns", *others[:MOST_NAMED]])
        return f"Ask where {places} come from whether something changed there. {MEND}"
    if together is None:
        return (
            "No column is flagged by itself: ask where those that have moved most come "
            f"from whether something changed there. {MEND}"
        )
    names = wording.listing(together[:MOST_NAMED])
    by = f", above all by {names}" if names else ""
    return (
        f"No column is flagged by itself, but together they have changed{by}: ask "
        f"where these come from whether something changed there. {MEND}"
    )


def _together(found: Found) -> list[str] | None:
    """Return the columns by which the newest window has changed as a whole.

    None where it has not, or where drift is that of several windows, which are
    compared column by column.
    """
    together = found["drift"].get("multivariate") if _drifted(found) else None
    if not together or not together["flagged"]:
        return None
    return list(dict.fromkeys(_names(together)))


def _names(together: Found) -> Iterator[str]:
    if together["domain"] is not None:
        yield from (cause["column"] for cause in together["domain"]["causes"])
    yield from (each["name"] for each in together["embeddings"] if each["flagged"])
    yield from (each["column"] for each in together["texts"] if each["flagged"])
