"""Onset: where in a series of windows drift began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]

FEWEST = 4
CONFIDENCE = 0.95
DRAWS = 999
REPEATS = 499
MOST_DEALT = 5e8


@dataclass(frozen=True)
class Onset:
    """The window in which drift began, and how sure that is.

    Attributes
    ----------
    window : int
        Position of the first window that is changed.
    first, last : int
        95 % interval of it: the change began in no window before `first` and none after
        `last`.
    label, first_label, last_label : str
        What these windows are called; their positions where no labels were given.
    statistic, p : float
        Of the test that there is a change at all.
    before, after : float or None
        Mean of the effects on either side; None of counts.
    """

    window: int
    first: int
    last: int
    label: str
    first_label: str
    last_label: str
    statistic: float
    p: float
    before: float | None = None
    after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the onset as plain JSON data."""
        return asdict(self)

    def __str__(self) -> str:
        sure = f"between {self.first_label} and {self.last_label}"
        return f"began in {self.label} ({sure if self.first < self.last else 'surely'})"


def drift_began(
    windows: ArrayLike,
    *,
    labels: Sequence[str] | None = None,
    level: float = 0.01,
    seed: int = 0,
) -> Onset | None:
    """Return where a series of windows changed for good; None where it is calm.

    Parameters
    ----------
    windows : array-like of shape (n_windows, n_bins) or (n_windows,)
        Either how many rows of each window fell into each bin or level, on the same
        bins; or one number a window, such as the effect of a column or a share. In the
        order of time.
    labels : sequence of str, optional
        What the windows are called.
    level : float
        Chance of naming an onset where there is none.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Onset or None
        None where no change is more than chance, and with fewer than four windows that
        have rows: what changes back, or drifts a little every day, has its onset where
        it is best cut in two.

    Raises
    ------
    ValueError
        When there are negative counts, numbers that are not finite, or not as many
        labels as windows.

    Notes
    -----
    Of counts, the statistic is the largest of Pearson's chi-squares of the rows before
    and after each window (Miller and Siegmund, Biometrics 38 (1982), 1011-1016), of
    numbers the largest difference of means in standard errors, which is the CUSUM
    divided by its standard deviation (Page, Biometrika 42 (1955), 523-527; Sen and
    Srivastava, Annals of Statistics 3 (1975), 98-108). Its p-value is that of
    permutations, of the rows among windows or of the windows: without a change either
    is as likely as any other. The interval comes from series that are drawn with the
    change where it was found (the bootstrap of Hinkley and Schechtman, Biometrika 74
    (1987), 85-93): of rows at the shares before and after it, or of what the means
    leave over.

    Examples
    --------
    >>> calm, moved = [[50, 50]] * 6, [[20, 80]] * 4
    >>> found = drift_began(calm + moved)
    >>> found.window, found.first, found.last
    (6, 6, 6)
    >>> drift_began(calm) is None
    True
    """
    values = _checked(windows, labels)
    if values.ndim == 2:
        used = values.sum(axis=1) > 0
        series: _Counts | _Levels = _Counts(_fewer(values[used]))
    else:
        used = np.ones(len(values), dtype=bool)
        series = _Levels(values)
    places = np.flatnonzero(used)
    if len(places) < FEWEST:
        return None
    rng = np.random.default_rng(seed)
    cut, statistic = (
        each[0] for each in _largest(series.statistics(series.values[None]))
    )
    drawn = _largest(series.statistics(series.permuted(rng, DRAWS)))[1]
    p = (1 + int(np.sum(drawn >= statistic * (1 - 1e-9)))) / (DRAWS + 1)
    if p > level or statistic <= 0:
        return None
    again = _largest(series.statistics(series.redrawn(rng, REPEATS, int(cut))))[0]
    spots = [int(places[spot]) for spot in _interval(again, int(cut), len(places) - 1)]
    names = [str(spot) if labels is None else labels[spot] for spot in spots]
    before, after = series.means(int(cut))
    return Onset(
        *(spots[0], spots[1], spots[2], names[0], names[1], names[2]),
        statistic=float(statistic),
        p=p,
        before=before,
        after=after,
    )


def _interval(again: NDArray[np.intp], cut: int, last: int) -> tuple[int, int, int]:
    """Return the cut and the ends of its interval, of cuts that were drawn again."""
    rest = (1 - CONFIDENCE) / 2
    off = np.quantile(again - cut, [rest, 1 - rest], method="nearest")
    # Where draws fall behind the cut, the truth may lie as far ahead of it.
    low, high = (int(np.clip(cut - each, 1, last)) for each in off[::-1])
    return cut, min(low, cut), max(high, cut)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Windows of counts, of shape (n_windows, n_bins), none without rows."""

    values: Numbers

    def statistics(self, series: Numbers) -> Numbers:
        """Return the chi-square of each cut, of shape (n_series, n_windows - 1)."""
        total = series.sum(axis=1, keepdims=True)
        before = np.cumsum(series, axis=1)[:, :-1]
        rows = before.sum(axis=2, keepdims=True)
        whole = total.sum(axis=2, keepdims=True)
        expected = rows * total / whole
        gaps = (before - expected) ** 2
        used = np.broadcast_to(total > 0, gaps.shape)
        parts = np.divide(gaps, total, out=np.zeros_like(gaps), where=used)
        # Both sides of a cut are off by as much: their two sums are one of this form.
        spread = (rows * (whole - rows))[..., 0]
        return np.asarray(parts.sum(axis=2) * whole[..., 0] ** 2 / spread)

    def permuted(self, rng: np.random.Generator, draws: int) -> Numbers:
        """Return series whose rows are dealt to the windows anew."""
        left = np.broadcast_to(self.values.sum(axis=0), (draws, self.values.shape[1]))
        left = left.astype(np.int64)
        dealt = np.empty((draws, *self.values.shape))
        sizes = self.values.sum(axis=1).astype(np.int64)
        for window, size in enumerate(sizes[:-1]):
            dealt[:, window] = _dealt(left, int(size), rng)
            left = left - dealt[:, window].astype(np.int64)
        dealt[:, -1] = left
        return dealt

    def redrawn(self, rng: np.random.Generator, repeats: int, cut: int) -> Numbers:
        """Return series with the same change in the same place."""
        sides = (self.values[:cut], self.values[cut:])
        drawn = []
        for side in sides:
            chances = side.sum(axis=0) / side.sum()
            sizes = side.sum(axis=1).astype(np.int64)
            drawn.append(rng.multinomial(sizes, chances, size=(repeats, len(side))))
        return np.concatenate(drawn, axis=1).astype(np.float64)

    def means(self, cut: int) -> tuple[float | None, float | None]:
        return None, None


@dataclass(frozen=True, eq=False)
class _Levels:
    """Windows of one number each, of shape (n_windows,)."""

    values: Numbers

    def statistics(self, series: Numbers) -> Numbers:
        """Return the difference of means at each cut, in standard errors."""
        n = series.shape[1]
        sizes = np.arange(1, n)
        off = series - series.mean(axis=1, keepdims=True)
        sums = np.abs(np.cumsum(off, axis=1)[:, :-1])
        spread = np.sqrt(np.mean(off**2, axis=1, keepdims=True))
        errors = spread * np.sqrt(sizes * (n - sizes) / n)
        # Sums of nothing but rounding are no change.
        known = errors > 1e-12 * (1 + np.abs(series).max(axis=1, keepdims=True))
        return np.asarray(np.where(known, sums / np.where(known, errors, 1.0), 0.0))

    def permuted(self, rng: np.random.Generator, draws: int) -> Numbers:
        """Return series whose windows change places."""
        return np.asarray(rng.permuted(np.tile(self.values, (draws, 1)), axis=1))

    def redrawn(self, rng: np.random.Generator, repeats: int, cut: int) -> Numbers:
        """Return series with the same change in the same place."""
        drawn = []
        for side in (self.values[:cut], self.values[cut:]):
            drawn.append(np.full((repeats, len(side)), side.mean()))
        means = np.concatenate(drawn, axis=1)
        return np.asarray(means + rng.choice(self.values - means[0], size=means.shape))

    def means(self, cut: int) -> tuple[float | None, float | None]:
        return float(self.values[:cut].mean()), float(self.values[cut:].mean())


def _largest(statistics: Numbers) -> tuple[NDArray[np.intp], Numbers]:
    """Return the first window after the best cut of each series, and its statistic."""
    best = np.argmax(statistics, axis=1)
    found = np.take_along_axis(statistics, best[:, None], axis=1)[:, 0]
    return best + 1, found


def _dealt(
    left: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return so many rows dealt from what is left in each bin, series by series."""
    dealt = np.zeros_like(left)
    rest = np.full(len(left), size, dtype=np.int64)
    behind = left.sum(axis=1)
    for place in range(left.shape[1]):
        own = left[:, place]
        behind = behind - own
        dealt[:, place] = rng.hypergeometric(own, behind, rest)
        rest = rest - dealt[:, place]
    return dealt


def _fewer(counts: Numbers) -> Numbers:
    """Return counts that numpy can deal: the same shares of fewer rows, where needed.

    A change that so many rows do not show is no change that matters.
    """
    total = float(counts.sum())
    return counts if total < MOST_DEALT else np.floor(counts * (MOST_DEALT / total))


def _checked(windows: ArrayLike, labels: Sequence[str] | None) -> Numbers:
    values = np.asarray(windows, dtype=np.float64)
    if values.ndim not in (1, 2) or not np.isfinite(values).all():
        raise ValueError(
            "an onset is looked for in counts of shape (n_windows, n_bins) or in one "
            f"finite number a window, got an array of shape {values.shape}"
            + ("" if values.ndim not in (1, 2) else " with values that are not finite")
        )
    if values.ndim == 2 and ((values < 0).any() or (values != np.rint(values)).any()):
        raise ValueError(
            "counts must be whole numbers of 0 or more, got "
            f"{values[(values < 0) | (values != np.rint(values))][0]:g}; give one "
            "number a window for effects or shares"
        )
    if labels is not None and len(labels) != len(values):
        raise ValueError(
            f"every window needs one label, got {len(labels)} labels for "
            f"{len(values)} windows"
        )
    return values
