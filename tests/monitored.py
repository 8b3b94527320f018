"""A check of a model in production as plain data, for the tests of its page."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2026, 10, 22, tzinfo=UTC)


def estimate(value: float | None, width: float, n: int) -> dict[str, Any]:
    """Return a metric as a check has it."""
    ends = (None, None) if value is None else (value - width, value + width)
    return {"value": value, "lower": ends[0], "upper": ends[1], "n": n,
            "method": "DeLong", "reason": None}  # fmt: skip


def window(day: int, *, shifted: bool, days: int = 30, **fields: Any) -> dict[str, Any]:
    """Return the figures of one day; the newest days have few outcomes yet."""
    start = FIRST + timedelta(days=day)
    n = 200 + round(30 * math.sin(day))
    known = n if day < days - 4 else 12 * max(0, days - day)
    metrics = {}
    if known >= 60:
        wobble = 0.012 * math.sin(3 * day)
        area = (0.78 if shifted else 0.9) + wobble
        metrics = {
            "roc_auc": estimate(area, 0.05, known),
            "accuracy": estimate(area - 0.07, 0.055, known),
            "f1": estimate(area - 0.12, 0.06, known),
        }
    return {
        "label": f"{start:%Y-%m-%d}",
        "start": start.isoformat(),
        "end": (start + timedelta(days=1)).isoformat(),
        "complete": day < days - 1,
        "predictions": n,
        "errors": 4 if shifted else 0,
        "error_rate": 4 / (n + 4) if shifted else 0.0,
        "labelled": known,
        "missing_labels": n - known,
        "late_labels": 0,
        "latency": {"p50": 8.0 + math.sin(day), "p95": 21.0 + 2 * math.sin(2 * day),
                    "p99": 48.0 + 6 * math.sin(day), "n": n},
        "metrics": metrics,
        "calibration": {"error": 0.09 if shifted else 0.03, "floor": 0.028,
                        "p_value": 0.4, "n": known} if metrics else None,
        "drift": {
            "verdict": "drift" if shifted else "none",
            "score": 0.31 + 0.02 * math.sin(day) if shifted else 0.03,
            "flagged": ["age", "region"] if shifted else [],
            "reason": "'age' has moved by 0.31." if shifted else "No column differs.",
            "rows": n,
            "level": 0.0002,
            "effects": {"age": 0.31 if shifted else 0.04, "visits": 0.03,
                        "region": 0.1 if shifted else 0.02},
        },
        "versions": {"1.0.0": n} if day < 9 else {"1.1.0": n},
        "stored": day < 22,
    } | fields  # fmt: skip


def finding(cause: str, severity: str, message: str, **evidence: Any) -> dict[str, Any]:
    """Return a finding as a check has it."""
    return {"cause": cause, "severity": severity, "message": message,
            "evidence": evidence, "version": "1.1.0"}  # fmt: skip


CAUSES = ["performance.roc_auc", "calibration", "drift", "quality", "errors", "volume",
          "labels", "log"]  # fmt: skip


def column(name: str, effect: float, *, flagged: bool) -> dict[str, Any]:
    """Return a column of a drift report, as plain data."""
    return {
        "name": name, "kind": "number", "sensitive": False, "state": "compared",
        "effect": effect, "p": 0.0001 if flagged else 0.4,
        "corrected": 0.0003 if flagged else 0.6, "flagged": flagged,
        "reason": f"a share of {effect} has moved", "tests": [], "statistics": {},
        "own": {}, "missing": [0.0, 0.0], "new": None,
        "bars": [{"label": "low", "reference": 0.5, "current": 0.5 - effect / 2},
                 {"label": "high", "reference": 0.5, "current": 0.5 + effect / 2}],
    }  # fmt: skip


def check(*, shifted_from: int = 30, days: int = 30, **fields: Any) -> dict[str, Any]:
    """Return a check over some days, which drifted from one of them on."""
    shifted = shifted_from < days
    windows = [window(n, shifted=n >= shifted_from, days=days) for n in range(days)]
    findings = []
    if shifted:
        findings = [
            finding("performance.roc_auc", "critical",
                    "ROC AUC 0.78 (0.74 to 0.82) on current rows, was 0.9: worse by "
                    "0.12, beyond chance and 0.02 (drift.max_loss)",
                    value=0.78, reference=0.9, max_loss=0.02, n=812),
            finding("drift", "warning", "the data of 2026-11-20 have drifted: 'age' "
                    "and 'region'", score=0.31, columns=["age", "region"]),
        ]  # fmt: skip
    status = "critical" if shifted else "healthy"
    reason = findings[0]["message"] if shifted else "nothing that was judged is wrong"
    issues = [
        {"cause": f["cause"], "severity": f["severity"], "what": f["message"],
         "evidence": f["evidence"]}
        for f in findings
    ]  # fmt: skip
    overall = window(3, shifted=shifted) | {
        "label": "all", "predictions": 5_980, "labelled": 5_700, "late_labels": 0,
    }  # fmt: skip
    began = windows[shifted_from] if shifted else None
    reference = {"metric": "roc_auc", "label": "ROC AUC", "greater_is_better": True,
                 "value": 0.9, "lower": 0.88, "upper": 0.92, "n": 1000,
                 "reason": None}  # fmt: skip
    current = {**reference, "value": 0.78 if shifted else 0.895, "lower": 0.74,
               "upper": 0.82, "n": 812}  # fmt: skip
    return {
        "model": "toy", "version": "1.1.0", "at": "2026-11-20T12:00:00+00:00",
        "status": status, "reason": reason, "issues": issues,
        "predictions": overall["predictions"], "labelled": overall["labelled"],
        "notes": ["4 lines could not be read and were left out."],
        "task": "binary", "primary": "roc_auc", "window": "day",
        "windows": windows,
        "health": {"status": status, "reason": reason, "issues": issues},
        "overall": overall,
        "performance": {"reference": reference, "current": current,
                        "loss": 0.12 if shifted else 0.005, "lower": 0.07,
                        "upper": 0.16, "dropped": shifted,
                        "reason": "ROC AUC 0.78 (0.74 to 0.82) on current rows, was "
                        "0.9: worse by 0.12, beyond chance" if shifted else
                        "ROC AUC 0.895 (0.87 to 0.92) on current rows, was 0.9: worse "
                        "by 0.005, which may be chance"},
        "trends": [{"metric": "roc_auc", "label": "ROC AUC", "slope": -0.004,
                    "lower": -0.006, "upper": -0.002, "p_value": 0.001,
                    "rank_p": 0.002, "windows": 27, "direction": "worse",
                    "reason": "ROC AUC falls by 0.004 a day (0.002 to 0.006)"}]
        if shifted else [],
        "slices": [
            {"column": "region", "value": value, "n": n, "note": None,
             "estimate": estimate(area, 0.03, n), "metrics": {}}
            for value, n, area in (("north", 1900, 0.83), ("south", 1950, 0.88),
                                   ("east", 1850, 0.9))
        ],
        "drift": {
            "verdict": "drift" if shifted else "none",
            "reason": "'age' has moved by 0.31" if shifted else "no column differs",
            "flagged": ["age", "region"] if shifted else [],
            "columns": [column("age", 0.31 if shifted else 0.04, flagged=shifted),
                        column("region", 0.1 if shifted else 0.02, flagged=shifted),
                        column("visits", 0.03, flagged=False)],
            "predictions": [], "performance": None, "extra": [], "rows": 4000,
            "current_rows": 210, "period": None, "current_period": None,
            "min_effect": 0.05, "large_effect": 0.15, "false_discovery_rate": 0.03,
            "notes": [],
        },
        "drifted_window": windows[-1]["label"] if windows else None,
        "drift_began": began and {
            "column": "age", "window": began["label"], "start": began["start"],
            "p": 0.0001, "first": began["label"], "last": windows[-1]["label"],
        },
        "expected": [
            {"metric": "roc_auc", "value": 0.86 if shifted else 0.9, "lower": 0.83,
             "upper": 0.89, "reference": 0.9, "dropped": shifted,
             "reason": "The inputs are harder. Probabilities were corrected."
             if shifted else "As expected.",
             "assumption": "It holds where the same inputs still lead to the same "
             "outcomes."},
        ],
        "challenger": {"version": "1.2.0", "n": 640, "verdict": "better",
                       "reason": "version 1.2.0 is better by 0.02 beyond chance",
                       "test": {"metric": "roc_auc", "gain": 0.021, "lower": 0.004,
                                "upper": 0.04, "interval": [0.002, 0.041],
                                "p_value": 0.01, "n": 640, "method": "DeLong",
                                "champion": 0.88, "challenger": 0.901,
                                "rows_to_decide": None, "min_gain": 0.0,
                                "confidence": 0.95, "reason": None}},
        "quality": [], "recorded": [],
        "findings": findings, "causes_checked": CAUSES,
        "log": {"garbage": 4, "files": 0, "lost": 0, "clock_jumps": 1,
                "where": ["predictions_20261118.jsonl"]},
        "totals": {"1.1.0": {"predictions": 4200, "errors": 0, "until": None}},
        "resources": {"cpu_seconds": 0.41, "peak_memory_mb": 214.0, "seconds": 0.44},
    } | fields  # fmt: skip


def nothing() -> dict[str, Any]:
    """Return a check of a model that was never asked."""
    return check(days=0, shifted_from=0) | {
        "version": None, "status": "healthy", "reason": "", "issues": [],
        "predictions": 0, "labelled": 0, "overall": None, "performance": None,
        "trends": [], "slices": [], "drift": None, "expected": [], "challenger": None,
        "findings": [], "causes_checked": [], "resources": None, "notes": [],
        "log": {"garbage": 0, "files": 0, "lost": 0, "clock_jumps": 0, "where": []},
    }  # fmt: skip
