"""Evaluation: how good a model is on rows it has not seen, and what follows from it.

An *evaluation* is the model's metrics beside those of its *baselines* (a dummy that
ignores the input, a linear model), repeated for *slices* of the rows. The *groups* of a
protected column are held against the rest of the rows: a first look at bias, which
decides nothing. A *gate* is a bound that must hold. A *proposal* is the verdict
(promote, undecided, keep or reject) with its reason; only a runner commits it.
"""

from mlkit.evaluate.evaluation import Evaluation
from mlkit.evaluate.gates import GateResult, gate_results
from mlkit.evaluate.groups import (
    GroupComparison,
    GroupRate,
    GroupResult,
    group_comparisons,
)
from mlkit.evaluate.measurement import compare, evaluate, score
from mlkit.evaluate.names import check_metric_names, metric_specs
from mlkit.evaluate.proposal import ChampionEvidence, Proposal, propose
from mlkit.evaluate.residuals import Residuals
from mlkit.evaluate.slices import SliceResult, slice_results

__all__ = [
    "ChampionEvidence",
    "Evaluation",
    "GateResult",
    "GroupComparison",
    "GroupRate",
    "GroupResult",
    "Proposal",
    "Residuals",
    "SliceResult",
    "check_metric_names",
    "compare",
    "evaluate",
    "gate_results",
    "group_comparisons",
    "metric_specs",
    "propose",
    "score",
    "slice_results",
]
