"""Numbers that a caller gives: refused in words where they are of no use."""

from __future__ import annotations

from numbers import Integral, Real


def check_chance(name: str, value: object, hint: str) -> None:
    """Check that a number is a chance, neither 0 nor 1.

    Parameters
    ----------
    name : str
        What was asked for.
    value : object
        What was given.
    hint : str
        What to give.

    Raises
    ------
    TypeError
        When it is no number.
    ValueError
        When it is not between 0 and 1.
    """
    rule = f"{name} must be a chance between 0 and 1"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{rule}, a number, got {value!r}; {hint}")
    if not 0 < float(value) < 1:
        raise ValueError(f"{rule}, got {value!r}; {hint}")


def check_whole(name: str, value: object, least: int, hint: str) -> None:
    """Check that a number is a whole one of at least `least`.

    A number such as 2.0 or nan is refused, too, for it was counted by nobody.

    Raises
    ------
    TypeError
        When it is no whole number.
    ValueError
        When it is below `least`.
    """
    rule = f"{name} must be a whole number of {least} or more"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{rule}, got {value!r}; {hint}")
    if int(value) < least:
        raise ValueError(f"{rule}, got {value!r}; {hint}")
