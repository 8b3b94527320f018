"""Records of drift: a test, a column, the whole report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mlkit.data.markup import table
from mlkit.drift.performance import PerformanceDrift
from mlkit.metrics import show
from mlkit.params.models import Kind

if TYPE_CHECKING:
    from mlkit.drift.multivariate import Multivariate

Subject = Literal["values", "missing", "new levels", "vanished levels", "range"]
State = Literal["compared", "absent", "wrong kind", "all missing", "not compared"]
Verdict = Literal["none", "columns", "drift", "too_few", "not_applicable"]

BROKEN: tuple[State, ...] = ("absent", "wrong kind", "all missing")


@dataclass(frozen=True)
class DriftTest:
    """One thing about a column that may have drifted.

    Attributes
    ----------
    subject : str
        ``values``; ``missing`` (the share of rows without a value of the column's
        kind); ``new levels`` and ``vanished levels``, that one side does not have; or
        ``range`` (current values beyond all of the reference's).
    method : str
        Which test it is.
    statistic, p : float
        Its statistic and p-value.
    corrected : float
        The p-value corrected for all tests of all columns.
    effect : float
        Size of the change, from 0 to 1.
    lower, upper : float
        95 % interval of the effect.
    counts : bool
        Whether it could ever reject, and is one of those that are corrected for.
    flagged : bool
        Whether both the corrected p-value and the effect say drift.
    rows : (int, int)
        Rows that it compares, reference and current.
    chance : float
        Of levels, the total variation that chance alone would show.
    """

    subject: Subject
    method: str
    statistic: float
    p: float
    effect: float
    lower: float
    upper: float
    counts: bool = True
    corrected: float = 1.0
    flagged: bool = False
    rows: tuple[int, int] = (0, 0)
    chance: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the test as plain JSON data."""
        return vars(self) | {"rows": list(self.rows)}


@dataclass(frozen=True)
class ErrorRate:
    """How often a verdict is wrong where nothing has changed.

    Attributes
    ----------
    rate : float
        No more than this share of checks without drift end in the verdict ``drift``.
    words : str
        What it is put together from, in a sentence.
    """

    rate: float
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the rate as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Bar:
    """A coarse bin or a level, with its share of rows on either side."""

    label: str
    reference: float
    current: float


@dataclass(frozen=True)
class ColumnDrift:
    """What became of one column.

    Attributes
    ----------
    state : str
        ``compared``; ``absent``, ``wrong kind`` or ``all missing`` where the current
        table broke the schema; ``not compared`` where comparing would say nothing.
    effect : float or None
        Of the flagged test with the largest one, else of the values. For numbers, dates
        and lengths it is the Kolmogorov-Smirnov distance: the largest share of rows
        that crossed any one value. For levels it is the total variation beyond chance:
        the share of rows that changed level. Unlike Cramer's V, neither depends on how
        many rows were compared.
    p, corrected : float or None
        Of the same test.
    flagged : bool
        Whether a test, or a statistic of the user's own, says that it drifted.
    reason : str
        The finding in a sentence.
    tests : tuple of DriftTest
        Values, missing and new levels, where each of them applies.
    statistics : dict of str to float or None
        By name; None where it does not apply, and never 0 for that. Of numbers, dates
        and lengths: ``ks``, ``ks_p``, ``ad``, ``ad_p`` (Anderson-Darling), ``cvm``,
        ``cvm_p`` (Cramer-von Mises), ``wasserstein`` (in robust standard deviations of
        the reference, outliers drawn in), ``wasserstein_plain`` (in the column's own
        unit, dates in days), ``wasserstein_sd`` (in standard deviations), ``energy``
        and ``mmd`` (of values in robust deviations). Of all: ``chi_square``,
        ``chi_square_p``, ``g``, ``g_p``, ``psi``, ``psi_critical`` (95 % of samples
        without drift stay below), ``kl``, ``js``, ``js_excess`` (beyond chance),
        ``hellinger``, ``total_variation``.
    own : dict of str to float
        Statistics of the user's own.
    missing : (float, float)
        Share of rows without a value, reference and current.
    new : float or None
        Share of current rows with a level that the reference does not have.
    vanished : float or None
        Share of the reference's rows with a level that no current row has. In a small
        window rare levels are wanting by chance: the test of it says when it is more.
    outside : float or None
        Share of current values beyond the reference's smallest or largest one.
    constant : bool
        Whether the reference has the same value in every row.
    importance : float or None
        Share of the model's importance that is this column's; None where it is not
        known.
    bars : tuple of Bar
        Shares of rows on either side.
    """

    name: str
    kind: Kind
    sensitive: bool
    state: State
    effect: float | None
    p: float | None
    corrected: float | None
    flagged: bool
    reason: str
    tests: tuple[DriftTest, ...] = ()
    statistics: Mapping[str, float | None] = field(default_factory=dict)
    own: Mapping[str, float] = field(default_factory=dict)
    missing: tuple[float, float] = (0.0, 0.0)
    new: float | None = None
    vanished: float | None = None
    outside: float | None = None
    constant: bool = False
    importance: float | None = None
    bars: tuple[Bar, ...] = ()

    @property
    def broken(self) -> bool:
        """Whether the current table does not keep the schema here."""
        return self.state in BROKEN

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON data."""
        return vars(self) | {
            "tests": [test.to_dict() for test in self.tests],
            "statistics": dict(self.statistics),
            "own": dict(self.own),
            "missing": list(self.missing),
            "bars": [dict(vars(bar)) for bar in self.bars],
        }


@dataclass(frozen=True)
class DriftReport:
    """Whether current rows still look like the reference, and why.

    Attributes
    ----------
    verdict : str
        ``none``; ``columns`` (some, or the predictions, are flagged, the data as a
        whole are not);
        ``drift``; ``too_few`` rows to judge; or ``not_applicable`` without a reference.
    reason : str
        Why, in a sentence or two.
    columns : tuple of ColumnDrift
        Flagged ones first, by effect; where importances are known, by effect times
        importance.
    predictions : tuple of ColumnDrift
        The model's answers, tested apart from the columns.
    performance : PerformanceDrift or None
        Where current rows have labels.
    extra : tuple of str
        Columns of the current table that the reference does not know.
    rows, current_rows : int
        Rows of the reference and of the current table.
    period, current_period : (str, str) or None
        First and last moment of either.
    min_effect, large_effect, false_discovery_rate : float
        The bounds that the findings were held against.
    error_rate : ErrorRate or None
        How often the verdict ``drift`` comes without drift; None where nothing was
        judged.
    level : float or None
        What the verdict was held to, as one of a series of checks.
    score : float or None
        Share of the columns that are flagged, from 0 to 1, each weighed by its
        importance where that is known; None where nothing was judged.
    multivariate : Multivariate or None
        What was found of all columns together, where rows of the reference are there.
    notes : tuple of str
        What was compared, and what was not and why.
    """

    verdict: Verdict
    reason: str
    columns: tuple[ColumnDrift, ...] = ()
    predictions: tuple[ColumnDrift, ...] = ()
    performance: PerformanceDrift | None = None
    extra: tuple[str, ...] = ()
    rows: int = 0
    current_rows: int = 0
    period: tuple[str, str] | None = None
    current_period: tuple[str, str] | None = None
    min_effect: float = 0.0
    large_effect: float = 1.0
    false_discovery_rate: float = 0.0
    notes: tuple[str, ...] = ()
    error_rate: ErrorRate | None = None
    level: float | None = None
    score: float | None = None
    multivariate: Multivariate | None = None

    def __repr__(self) -> str:
        return f"DriftReport({self.verdict!r}, {self.reason!r})"

    @property
    def flagged(self) -> tuple[str, ...]:
        """Names of the flagged columns, the largest effect first."""
        return tuple(column.name for column in self.columns if column.flagged)

    @property
    def drifted(self) -> bool:
        """Whether the data as a whole have drifted."""
        return self.verdict == "drift"

    def summary(self) -> dict[str, Any]:
        """Return the verdict and what it rests on, in short, as plain JSON data."""
        performance = self.performance
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "flagged": list(self.flagged),
            "columns": len(self.columns),
            "predictions_drifted": any(each.flagged for each in self.predictions),
            "performance_dropped": performance is not None and performance.dropped,
            "rows": self.rows,
            "current_rows": self.current_rows,
            "notes": list(self.notes),
            "score": self.score,
            "error_rate": self.error_rate and self.error_rate.to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return self.summary() | {
            "columns": [column.to_dict() for column in self.columns],
            "predictions": [each.to_dict() for each in self.predictions],
            "performance": self.performance and self.performance.to_dict(),
            "extra": list(self.extra),
            "period": _listed(self.period),
            "current_period": _listed(self.current_period),
            "min_effect": self.min_effect,
            "large_effect": self.large_effect,
            "false_discovery_rate": self.false_discovery_rate,
            "level": self.level,
            "multivariate": self.multivariate and self.multivariate.to_dict(),
        }

    def _repr_html_(self) -> str:
        rows = [
            (each.name, "drift" if each.flagged else "", _number(each), each.reason)
            for each in (*self.predictions, *self.columns)
        ]
        head = ["column", "flagged", "effect", "finding"]
        return table(f"Drift: {self.verdict}. {self.reason}", head, rows)


def _listed(period: tuple[str, str] | None) -> list[str] | None:
    return None if period is None else list(period)


def _number(column: ColumnDrift) -> str:
    return "" if column.effect is None else show(column.effect)
