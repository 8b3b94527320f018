"""Params: what one case asks for, checked as a whole before anything runs.

A case is one model's life, and ``params/<case>.yaml`` says all about it: the data and
the target, the estimator, how it is measured and which gates it must pass. Each key is
declared once, in ``mlkit.params.models``, with its type, its range, its default and its
meaning. A section of a notebook is merged over the file's, ``--set key=value`` over
both, and the result is read-only: ``params.train.estimator``.

A file is YAML 1.2, read strictly. What is wrong with it comes as one ``ParamsError``
that lists every problem: line, full key, rule, value got, next step.
"""

from mlkit.params.check import params_from_dict
from mlkit.params.load import cases, load_params
from mlkit.params.models import (
    Data,
    Evaluate,
    Gate,
    Kind,
    Metric,
    Params,
    Pipeline,
    Registry,
    Search,
    Split,
    Task,
    Train,
)
from mlkit.params.problems import ParamsError, Problem
from mlkit.params.schema import json_schema, reference

__all__ = [
    "Data",
    "Evaluate",
    "Gate",
    "Kind",
    "Metric",
    "Params",
    "ParamsError",
    "Pipeline",
    "Problem",
    "Registry",
    "Search",
    "Split",
    "Task",
    "Train",
    "cases",
    "json_schema",
    "load_params",
    "params_from_dict",
    "reference",
]
