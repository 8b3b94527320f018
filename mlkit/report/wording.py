"""How numbers, times and names read in reports: one wording everywhere."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

MINUS = "\N{MINUS SIGN}"
ABSENT = "\N{EN DASH}"
MONTHS_TEXT = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
MONTHS = tuple(MONTHS_TEXT.split())


def number(value: Any, digits: int | None = None) -> str:
    """Return a number as a reader wants it: few digits, thousands grouped.

    Parameters
    ----------
    value : int, float or None
        None and NaN become a dash.
    digits : int, optional
        Digits after the point; None takes as many as the size of `value` deserves. A
        number that is not zero never reads as zero.

    Examples
    --------
    >>> number(12345), number(0.91234), number(-3.14159), number(0.000012)
    ('12,345', '0.912', '−3.14', '0.000012')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ABSENT
    if isinstance(value, int):
        return f"{value:,}".replace("-", MINUS)
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if digits is None:
        digits = decimals([value])
    text = f"{value:,.{digits}f}"
    if value and not text.strip("-0.,"):
        text = f"{value:.1g}" if abs(value) < 1e-6 else f"{value:.{_first(value)}f}"
    return (text.lstrip("-") if not text.strip("-0.,") else text).replace("-", MINUS)


def decimals(values: Sequence[float]) -> int:
    """Return the digits after the point that suit all of `values` (finite numbers).

    Examples
    --------
    >>> decimals([0.25, 0.5]), decimals([12.5]), decimals([1200.0, 3.0])
    (3, 2, 0)
    """
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    if largest >= 1000:
        return 0
    if largest >= 100:
        return 1
    if largest > 1:
        return 2
    return 3 if largest >= 0.01 or largest == 0 else min(_first(largest) + 1, 8)


def _first(value: float) -> int:
    return max(0, -math.floor(math.log10(abs(value))))


def signed(value: float, digits: int | None = None) -> str:
    """Return a change with its sign.

    Examples
    --------
    >>> signed(0.0123), signed(-2.0), signed(0.0)
    ('+0.012', '−2.00', '±0')
    """
    if not value:
        return "±0"
    return f"+{number(value, digits)}" if value > 0 else number(value, digits)


def interval(lower: float, upper: float, digits: int | None = None) -> str:
    """Return an interval in words.

    Examples
    --------
    >>> interval(0.8421, 0.9, digits=3)
    '0.842 to 0.900'
    """
    if digits is None:
        digits = decimals([lower, upper])
    return f"{number(lower, digits)} to {number(upper, digits)}"


def percent(share: float) -> str:
    """Return a share between 0 and 1 in percent; what is not 0 or 1 never reads so.

    Examples
    --------
    >>> percent(0.1234), percent(0.00002), percent(0.99999), percent(1)
    ('12.3 %', '<0.1 %', '>99.9 %', '100 %')
    """
    if 0 < share < 0.0005:
        return "<0.1 %"
    if 0.9995 <= share < 1:
        return ">99.9 %"
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def count(n: int, noun: str) -> str:
    """Return how many there are of something.

    Examples
    --------
    >>> count(1, "row"), count(2500, "row")
    ('1 row', '2,500 rows')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float | None) -> str:
    """Return a length of time in the two units that matter.

    Examples
    --------
    >>> duration(0.42), duration(42.4), duration(192), duration(3840), duration(None)
    ('0.4 s', '42 s', '3 min 12 s', '1 h 04 min', '–')
    """
    if seconds is None:
        return ABSENT
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def memory(megabytes: float | None) -> str:
    """Return an amount of memory, given in MB.

    Examples
    --------
    >>> memory(312.4), memory(2048.0), memory(None)
    ('312 MB', '2.0 GB', '–')
    """
    if megabytes is None:
        return ABSENT
    return f"{megabytes:.0f} MB" if megabytes < 1000 else f"{megabytes / 1024:.1f} GB"


def parse_moment(iso: str) -> datetime:
    """Return an ISO 8601 time as a UTC datetime; one without a zone is taken as UTC."""
    moment = datetime.fromisoformat(iso)
    return (
        moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    )


def moment(iso: str | None) -> str:
    """Return a point in time for readers; the month is a word so that none misread it.

    Examples
    --------
    >>> moment("2026-07-04T09:05:00Z")
    '4 Jul 2026, 09:05 UTC'
    """
    if not iso:
        return ABSENT
    at = parse_moment(iso)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M} UTC"


def short(digest: str | None, length: int = 8) -> str:
    """Return the head of a digest, or a dash without one."""
    return digest[:length] if digest else ABSENT


def listing(items: Sequence[str], limit: int = 6) -> str:
    """Return names as a phrase, the rest counted.

    Examples
    --------
    >>> listing(["a", "b", "c"]), listing(["a", "b", "c"], limit=1)
    ('a, b and c', 'a and 2 more')
    """
    shown = list(items[:limit])
    rest = len(items) - len(shown)
    if rest:
        shown.append(f"{rest:,} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def slug(text: str) -> str:
    """Return an id for a heading: the same text always gives the same one.

    Examples
    --------
    >>> slug("What changed, and why?"), slug("Größe"), slug("…")
    ('what-changed-and-why', 'grosse', 'section')
    """
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "-", letters).strip("-") or "section"


def capital(text: str) -> str:
    """Return a text that begins with a capital letter.

    Examples
    --------
    >>> capital("no ROC AUC yet")
    'No ROC AUC yet'
    """
    return text[:1].upper() + text[1:]
