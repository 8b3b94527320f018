"""The pipeline: notebooks in order, a record of what happened, a decision at the end.

A *step* is a notebook at work for a case; a *run* is one execution of all of them; a
*draft* is a step made by hand, which never registers anything. A notebook calls
:func:`open_step`, :func:`load_dataset`, :func:`save_trained`, :func:`load_trained`,
:func:`judge`, :func:`save_judgement` and :func:`finish`; an operator calls
:func:`retrain`, :func:`check_drift` or :func:`run_draft`.

Names are imported when they are first used: a notebook has no use for papermill, and
the runner none for plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlkit import lazy

if TYPE_CHECKING:
    from mlkit.alerts import alert_book
    from mlkit.pipeline.artifacts import load_trained, predict_all, save_trained
    from mlkit.pipeline.checking import check_case
    from mlkit.pipeline.compared import compare_rows
    from mlkit.pipeline.decide import check_answers
    from mlkit.pipeline.draft import run_draft
    from mlkit.pipeline.drift_check import check_drift
    from mlkit.pipeline.drifting import (
        drift_numbers,
        drift_outcome,
        find_drift,
        save_drift,
    )
    from mlkit.pipeline.explaining import (
        choose_rows,
        explain_columns,
        explain_numbers,
        explain_outcome,
        explain_rows,
        make_explainer,
        open_explainer,
        save_explanations,
    )
    from mlkit.pipeline.judgement import judge, save_judgement
    from mlkit.pipeline.logged import open_log
    from mlkit.pipeline.monitor_check import watch_case
    from mlkit.pipeline.monitor_watch import keep_watching
    from mlkit.pipeline.monitoring import (
        check_now,
        monitor_numbers,
        monitor_outcome,
        save_check,
        watch,
    )
    from mlkit.pipeline.outcomes import (
        data_facts,
        data_numbers,
        data_outcome,
        train_numbers,
        train_outcome,
    )
    from mlkit.pipeline.publish import write_index
    from mlkit.pipeline.record import now, who
    from mlkit.pipeline.retraining import retrain, retrain_params
    from mlkit.pipeline.steps import finish, load_dataset, open_step

__all__ = [
    "alert_book",
    "check_answers",
    "check_case",
    "check_drift",
    "check_now",
    "choose_rows",
    "compare_rows",
    "data_facts",
    "data_numbers",
    "data_outcome",
    "drift_numbers",
    "drift_outcome",
    "explain_columns",
    "explain_numbers",
    "explain_outcome",
    "explain_rows",
    "find_drift",
    "finish",
    "judge",
    "keep_watching",
    "load_dataset",
    "load_trained",
    "make_explainer",
    "monitor_numbers",
    "monitor_outcome",
    "now",
    "open_explainer",
    "open_log",
    "open_step",
    "predict_all",
    "retrain",
    "retrain_params",
    "run_draft",
    "save_check",
    "save_drift",
    "save_explanations",
    "save_judgement",
    "save_trained",
    "train_numbers",
    "train_outcome",
    "watch",
    "watch_case",
    "who",
    "write_index",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "alert_book": "alerting",
        "check_answers": "decide",
        "check_case": "checking",
        "check_drift": "drift_check",
        "check_now": "monitoring",
        "choose_rows": "explaining",
        "compare_rows": "compared",
        "data_facts": "outcomes",
        "data_numbers": "outcomes",
        "data_outcome": "outcomes",
        "drift_numbers": "drifting",
        "drift_outcome": "drifting",
        "explain_columns": "explaining",
        "explain_numbers": "explaining",
        "explain_outcome": "explaining",
        "explain_rows": "explaining",
        "find_drift": "drifting",
        "finish": "steps",
        "judge": "judgement",
        "keep_watching": "monitor_watch",
        "load_dataset": "steps",
        "load_trained": "artifacts",
        "make_explainer": "explaining",
        "monitor_numbers": "monitoring",
        "monitor_outcome": "monitoring",
        "now": "record",
        "open_explainer": "explaining",
        "open_log": "logged",
        "open_step": "steps",
        "predict_all": "artifacts",
        "retrain": "retraining",
        "retrain_params": "retraining",
        "run_draft": "draft",
        "save_check": "monitoring",
        "save_drift": "drifting",
        "save_explanations": "explaining",
        "save_judgement": "judgement",
        "save_trained": "artifacts",
        "train_numbers": "outcomes",
        "train_outcome": "outcomes",
        "watch": "monitoring",
        "watch_case": "monitor_check",
        "who": "record",
        "write_index": "publish",
    },
)
