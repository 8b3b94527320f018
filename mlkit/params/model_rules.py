"""The rules between keys that say how a model is fitted, measured and explained."""

from __future__ import annotations

import re

from mlkit.params.models import ESTIMATORS
from mlkit.params.rule import Rule, repeats

NAMED_CLASS = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")

RULES = (
    Rule(
        "train.estimator",
        (),
        lambda p: (
            p.train.estimator not in ESTIMATORS
            and not NAMED_CLASS.fullmatch(p.train.estimator)
        ),
        f"must be one of {', '.join(ESTIMATORS)}, or a class such as sklearn.svm:SVC",
    ),
    Rule(
        "train.class_weight",
        ("task",),
        lambda p: p.train.class_weight is not None and p.task == "regression",
        "has no meaning when task is regression",
        "remove it",
    ),
    Rule(
        "train.calibration",
        ("task",),
        lambda p: p.train.calibration is not None and p.task == "regression",
        "has no meaning when task is regression",
        "remove it",
    ),
    Rule(
        "train.search.space",
        ("train.options",),
        lambda p: (
            p.train.search is not None
            and not p.train.options.keys().isdisjoint(p.train.search.space)
        ),
        "may not hold a key of train.options",
        "give each hyper-parameter in one of the two",
    ),
    Rule(
        "evaluate.threshold",
        ("task",),
        lambda p: p.evaluate.threshold != 0.5 and p.task != "binary",
        "may be changed only when task is binary",
        "remove it",
    ),
    Rule(
        "evaluate.average",
        ("task",),
        lambda p: p.evaluate.average == "binary" and p.task == "multiclass",
        "must be macro or weighted when task is multiclass",
    ),
    Rule(
        "evaluate.average",
        ("task",),
        lambda p: p.evaluate.average != "binary" and p.task == "regression",
        "has no meaning when task is regression",
        "remove it",
    ),
    Rule(
        "evaluate.metrics",
        (),
        lambda p: repeats([metric.name for metric in p.evaluate.metrics]),
        "must have a different name each",
    ),
    Rule(
        "evaluate.metrics",
        (),
        lambda p: "primary" in [metric.name for metric in p.evaluate.metrics],
        "may not be called primary, which means the primary metric",
    ),
    Rule(
        "evaluate.metrics",
        ("task",),
        lambda p: any(
            (metric.needs == "value") != (p.task == "regression")
            for metric in p.evaluate.metrics
        ),
        "must need `value` when task is regression, else `label` or `probability`",
    ),
    Rule(
        "explain.key",
        ("explain.rows",),
        lambda p: p.explain.key is not None and not p.explain.rows,
        "may stand only beside explain.rows",
        "list the rows to explain, or remove it",
    ),
)
