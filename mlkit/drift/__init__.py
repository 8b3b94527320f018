"""Drift: whether current rows still look like those that a model learned from.

A *reference profile* is what is kept of the rows a model learned from: how many fell
into each of its *bins*, which are fixed from those rows alone. *Detection* counts
current rows in the same bins. A column is *flagged* when the difference is more than
chance (its p-value, corrected for all that was tested) and large enough to matter (its
*effect*, from 0 to 1). Absent columns, values of another kind, missing values and new
levels are findings like any other. The *verdict* is about the data as a whole, and
says how often it is wrong; checks that are repeated share one such rate (*spending*).
"""

from mlkit.drift.counting import count_rows, reference_profile
from mlkit.drift.detection import detect
from mlkit.drift.embeddings import EmbeddingDrift, EmbeddingError
from mlkit.drift.multivariate import Multivariate, multivariate, not_looked
from mlkit.drift.onset import Onset, drift_began
from mlkit.drift.own import OwnStatisticError, check_statistics
from mlkit.drift.performance import (
    Performance,
    PerformanceDrift,
    compare_performance,
)
from mlkit.drift.profiles import ColumnProfile, ReferenceProfile
from mlkit.drift.records import Bar, ColumnDrift, DriftReport, DriftTest, ErrorRate
from mlkit.drift.sampling import reference_sample
from mlkit.drift.sequential import Spending
from mlkit.drift.windows import Window, windows_by_count, windows_by_time

__all__ = [
    "Bar",
    "ColumnDrift",
    "ColumnProfile",
    "DriftReport",
    "DriftTest",
    "EmbeddingDrift",
    "EmbeddingError",
    "ErrorRate",
    "Multivariate",
    "Onset",
    "OwnStatisticError",
    "Performance",
    "PerformanceDrift",
    "ReferenceProfile",
    "Spending",
    "Window",
    "check_statistics",
    "compare_performance",
    "count_rows",
    "detect",
    "drift_began",
    "multivariate",
    "not_looked",
    "reference_profile",
    "reference_sample",
    "windows_by_count",
    "windows_by_time",
]
