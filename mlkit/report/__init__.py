"""Reports: what people see, in a notebook and on a page.

A **figure** and a **table** are finished records: they carry their words (caption,
alternative text, the numbers behind a chart) and show themselves in a notebook. A
**scrap** is a value that a notebook hands to whoever runs it. A **page** is one HTML
file that needs nothing else: no script, no font, no network; the verdict comes first,
what the data wrote is sanitised, and it reads well in light, dark and print.
"""

from __future__ import annotations

from mlkit.report.attribution_lime import lime_rows
from mlkit.report.attribution_rows import explained_rows, waterfall
from mlkit.report.attributions import column_importances
from mlkit.report.cases import index_page
from mlkit.report.columns import checks, distributions, missing
from mlkit.report.differences import FigurePair, differences_page
from mlkit.report.drift_performance import drift_performance
from mlkit.report.drift_together import drift_together
from mlkit.report.drifting import (
    drift_distributions,
    drift_effects,
    drift_predictions,
)
from mlkit.report.figures import Figure, figure
from mlkit.report.folds import Fold
from mlkit.report.groups import Finding, Findings, group_rates
from mlkit.report.intervals import metric_intervals
from mlkit.report.league import league_page
from mlkit.report.measures import gates_table
from mlkit.report.monitor_drifting import monitor_drift
from mlkit.report.monitor_evidence import (
    monitor_challenger,
    monitor_expected,
    monitor_slices,
)
from mlkit.report.monitor_health import monitor_evidence, monitor_health
from mlkit.report.monitor_next import monitor_next
from mlkit.report.monitor_performance import monitor_performance
from mlkit.report.monitor_pools import monitor_pools
from mlkit.report.monitor_traffic import (
    monitor_latency,
    monitor_log,
    monitor_volumes,
    monitor_windows,
)
from mlkit.report.notebook import notebook_page
from mlkit.report.performance import Gallery, performance, slice_performance
from mlkit.report.runs import run_page, step_header
from mlkit.report.scraps import glue
from mlkit.report.shifts import drift_findings, drift_statistics, drift_tests
from mlkit.report.tables import Table, table
from mlkit.report.views import CaseView, Header, KeyNumber, Link, Outcome

__all__ = [
    "CaseView",
    "Figure",
    "FigurePair",
    "Finding",
    "Findings",
    "Fold",
    "Gallery",
    "Header",
    "KeyNumber",
    "Link",
    "Outcome",
    "Table",
    "checks",
    "column_importances",
    "differences_page",
    "distributions",
    "drift_distributions",
    "drift_effects",
    "drift_findings",
    "drift_performance",
    "drift_predictions",
    "drift_statistics",
    "drift_tests",
    "drift_together",
    "explained_rows",
    "figure",
    "gates_table",
    "glue",
    "group_rates",
    "index_page",
    "league_page",
    "lime_rows",
    "metric_intervals",
    "missing",
    "monitor_challenger",
    "monitor_drift",
    "monitor_evidence",
    "monitor_expected",
    "monitor_health",
    "monitor_latency",
    "monitor_log",
    "monitor_next",
    "monitor_performance",
    "monitor_pools",
    "monitor_slices",
    "monitor_volumes",
    "monitor_windows",
    "notebook_page",
    "performance",
    "run_page",
    "slice_performance",
    "step_header",
    "table",
    "waterfall",
]
