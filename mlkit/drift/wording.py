"""Wording: what was found of the data, for those who have to act on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mlkit.data.wording import counted

if TYPE_CHECKING:
    from mlkit.drift.records import ColumnDrift, DriftReport
    from mlkit.params.models import Drift

SHOWN = 5
FEW = 3


def percent(share: float) -> str:
    """Return a share in percent, with digits only where there are few percent.

    Examples
    --------
    >>> percent(0.4), percent(0.012), percent(0.0002)
    ('40 %', '1.2 %', '<0.1 %')
    """
    if 0 < share < 0.0005:
        return "<0.1 %"
    return f"{100 * share:.{0 if share >= 0.1 else 1}f}".removesuffix(".0") + " %"


def points(share: float) -> str:
    """Return a difference of two shares, in percentage points.

    Examples
    --------
    >>> points(0.36), points(0.01), points(0.0002)
    ('36 points', '1 point', '<0.1 points')
    """
    text = percent(share).removesuffix(" %")
    return f"{text} point" if text == "1" else f"{text} points"


def names(columns: Sequence[str]) -> str:
    """Return names as a phrase, the rest counted."""
    shown = [repr(name) for name in columns[:SHOWN]]
    rest = len(columns) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def sentence_start(text: str) -> str:
    """Return a text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def too_few(reference_rows: int, rows: int, least: int) -> str:
    """Say that nothing was judged, for want of rows on one side or on both."""
    if not rows:
        return "The current table has no rows."
    if reference_rows < least:
        return (
            "Too few reference rows: the reference has "
            f"{counted(reference_rows, 'row')}, and at least {least:,} are needed to "
            "say what is usual (drift.min_rows)."
        )
    return (
        f"The current table has {counted(rows, 'row')}, and at least {least:,} are "
        "needed to judge (drift.min_rows)."
    )


def extra_columns(extra: Sequence[str]) -> tuple[str, ...]:
    """Say which columns the reference does not know; nothing where there are none."""
    if not extra:
        return ()
    return (
        f"Not compared, for the model was not shown them: {names(sorted(set(extra)))}.",
    )


def broken(columns: Sequence[ColumnDrift]) -> str:
    """Say which columns do not keep the schema."""
    said = [f"{each.name!r} ({each.reason})" for each in columns[:SHOWN]]
    rest = len(columns) - len(said)
    more = f" and {rest:,} more" if rest else ""
    return f"The current table lacks what the model needs: {', '.join(said)}{more}"


def predictions(shifted: Sequence[ColumnDrift], params: Drift) -> str:
    """Say that the model's answers have drifted."""
    worst = max(shifted, key=lambda each: each.effect or 0.0)
    return (
        f"The predictions have drifted: {worst.name}, {worst.reason} (effect "
        f"{worst.effect or 0.0:.2f}, surely {params.prediction_effect:.2f} or more)"
    )


def large(
    columns: Sequence[ColumnDrift], params: Drift, hardly: Collection[str]
) -> str:
    """Say which columns changed so much that one would do.

    Parameters
    ----------
    columns : sequence of ColumnDrift
        The columns, those that matter most first.
    params : Drift
        The bounds.
    hardly : collection of str
        Names of columns that the model hardly uses.
    """
    said = [f"{each.name!r} ({each.effect or 0.0:.2f})" for each in columns[:FEW]]
    rest = len(columns) - len(said)
    more = f" and {rest:,} more" if rest else ""
    unused = all(each.name in hardly for each in columns)
    aside = ", which the model hardly uses" if unused else ""
    return (
        f"Large changes, surely with an effect of {params.large_effect:.2f} or more: "
        f"{', '.join(said)}{more}{aside}"
    )


def many(material: int, judged: int, params: Drift) -> str:
    """Say that many columns drifted together."""
    return (
        f"{material:,} of {counted(judged, 'column')} are flagged with an effect of "
        f"{params.share_effect:g} or more, at least the {percent(params.drift_share)} "
        "that make drift of the data"
    )


def some_columns(report: DriftReport, material: int, params: Drift) -> str:
    """Say that columns are flagged, and the data as a whole are not.

    Parameters
    ----------
    report : DriftReport
        Its columns judged.
    material : int
        How many of the flagged columns have an effect that counts towards their share.
    params : Drift
        The bounds.
    """
    flagged = report.flagged
    verb = "is" if len(flagged) == 1 else "are"
    columns = counted(len(report.columns), "column")
    end = "not surely enough changed, for drift of the data as a whole."
    answers = any(each.flagged for each in report.predictions)
    if not flagged:
        return f"The predictions are flagged, and none of {columns}: {end}"
    also = ", and the predictions" if answers else ""
    told = f"{len(flagged):,} of {columns} {verb} flagged ({names(flagged)}){also}"
    if material < len(flagged):
        of = f"{material:,} of them" if material else "none of them"
        told += f", {of} with an effect of {params.share_effect:g} or more"
    return f"{told}: too few, and {end}"


def no_drift(report: DriftReport) -> str:
    """Say that nothing was found, and in what."""
    also = []
    if report.predictions:
        also.append("the predictions")
    performance = report.performance
    if performance is not None and performance.loss is not None:
        also.append("the performance")
    more = f", nor {' and '.join(also)}" if also else ""
    columns = counted(len(report.columns), "column")
    return f"None of {columns} has drifted{more}."


def error_rate(rates: Mapping[str, float]) -> str:
    """Say the bound of how often a check on its own is wrong, and its parts.

    Parameters
    ----------
    rates : mapping of str to float
        How often each part is wrong without drift, by what it is about.
    """
    parts = [f"{percent(rate)} for {name}" for name, rate in rates.items()]
    whole = percent(min(1.0, sum(rates.values())))
    put = "" if len(parts) == 1 else f" ({', '.join(parts)})"
    return (
        f"An upper bound: without any change, at most {whole} of checks say drift{put}."
        " Checks that are repeated are wrong more often, unless they share one rate, "
        "as those of a monitor do (monitor.windows_a_year)."
    )


def error_rate_of_series(level: float) -> str:
    """Say how often a check of a series is wrong."""
    return (
        f"An upper bound: without any change, at most one of {1 / level:,.0f} checks "
        "says drift. Each is held to its share of the whole series' rate."
    )
