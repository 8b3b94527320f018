"""Sequential use: checks that are repeated, and their false alarms taken together.

A check that is wrong once in twenty times is wrong every month when it runs every day.
The same rows of the reference are in every check, so that checks are not independent:
where the reference happens to be odd, every one of them sees it. Products of e-values
and other martingales ask for tests that are fair given those before them, which these
are not. A union bound asks for nothing: whatever the checks have to do with one
another, some alarm in a series is no likelier than all levels of the series together.
So each check is given a share of the whole, spent beforehand (Lan and DeMets,
Biometrika 70 (1983), 659-663, whose boundaries are finer, and need what checks share).
"""

from __future__ import annotations

from dataclasses import dataclass

from mlkit.drift.asked import check_chance, check_whole


@dataclass(frozen=True)
class Spending:
    """How much chance of a false alarm each check of a series may take.

    Attributes
    ----------
    alpha : float
        Chance of any false alarm in any year of checks; with `forever`, in all of them.
    checks_a_year : int
        Checks in a year, one for each new window of rows: looking again at the same
        rows is no new check. A year is as many checks in a row, wherever it begins.
    forever : bool
        Spend `alpha` once for all, less and less on each check: of check number k, it
        is alpha / (k (k + 1)), and the sum of all is alpha.

    Raises
    ------
    TypeError, ValueError
        When `alpha` is no number between 0 and 1, or `checks_a_year` no whole number of
        at least 1.

    Examples
    --------
    >>> daily = Spending(alpha=0.05, checks_a_year=365)
    >>> round(sum(daily.level(day) for day in range(1, 366)), 4)
    0.05
    """

    alpha: float = 0.05
    checks_a_year: int = 365
    forever: bool = False

    def __post_init__(self) -> None:
        check_chance("alpha", self.alpha, "0.05 is a false alarm in one year of twenty")
        check_whole("checks_a_year", self.checks_a_year, 1, "365 is a check every day")

    def level(self, check_number: int) -> float:
        """Return the level of one check, for ``detect(..., level=...)``.

        Parameters
        ----------
        check_number : int
            Which check of the series it is, from 1.

        Raises
        ------
        TypeError, ValueError
            When `check_number` is no whole number, or below 1.
        """
        check_whole("check_number", check_number, 1, "1 is the first of the series")
        if self.forever:
            return self.alpha / (check_number * (check_number + 1))
        return self.alpha / self.checks_a_year
