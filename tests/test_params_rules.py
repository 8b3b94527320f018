"""The rules between keys: each is broken once, and each is kept by the plain case."""

from __future__ import annotations

from typing import Any

import pytest

from mlkit.params import ParamsError, params_from_dict
from mlkit.params.edit import parse_override, put
from mlkit.params.rules import RULES
from mlkit.params.schema import find

PLAIN = {"case": "toy", "task": "binary", "data": {"source": "a.csv", "target": "y"}}
METRIC = "{name: m, path: 'a:b', needs: label, greater_is_better: true}"


def changed(*overrides: str) -> dict[str, Any]:
    data: dict[str, Any] = PLAIN
    for override in overrides:
        data = put(data, *parse_override(override))
    return data


BROKEN = [
    (["data.source="], "data.source must be given, or data.query; name a file, "),
    (["data.query=select 1", "data.files={t: a.csv}"],
     'data.query may not stand beside data.source, got "select 1"; remove one'),
    (["data.source=", "data.query=select 1"],
     "data.files must name the tables of data.query, or data.connection its database, "
     "got {}; write, for example"),
    (["data.source=", "data.query=select 1", "data.connection=SHOP", "data.files="
      "{t: a.csv}"], "data.files may not stand beside data.connection, whose database "
     'has the tables, got {"t": "a.csv"}; remove one of the two'),
    (["data.connection=SHOP_URL"], 'data.connection may stand only beside data.query, '
     'got "SHOP_URL"; remove it, or give the query'),
    (["data.files={t: a.csv}"], "data.files may stand only beside data.query"),
    (["data.options={rows: 5}"], "data.options may stand only beside a "
     "data.source that starts with `synthetic:`"),
    (["data.header=false"], "data.names must be given when data.header is false"),
    (["data.names=[y, x]"], 'data.names may be given only when data.header is false, '
     'got ["y", "x"]'),
    (["data.header=false", "data.names=[y, y]"], "data.names must name each column"),
    (["data.header=false", "data.names=[x]"], 'data.target must be one of data.names, '
     'got "y"'),
    (["task=regression", "data.positive=1"], "data.positive may be given only when "
     "task is binary, got 1; remove it"),
    (["data.split.by=time"], "data.time must be given when data.split.by is time"),
    (["data.split.by=group"], "data.group must be given when data.split.by is group"),
    (["data.split.cutoff=2024-01-01"], "data.split.cutoff may be given only when "
     'data.split.by is time, got "2024-01-01"'),
    (["data.split.by=time", "data.time=t", "data.split.cutoff=01.02.2024"],
     'data.split.cutoff must be an ISO date or time, got "01.02.2024"; write, for'),
    (["data.test=b.csv", "data.split.test_share=0.3"],
     "data.split has no meaning beside data.test, whose rows are the test rows"),
    (["data.only={y: 1}"], "data.only may not hold the target, of which every value "
     'is needed, got {"y": 1}; name another column'),
    (["data.only={age: 30}", "data.sensitive=[age]"],
     "data.only may not hold a column of data.sensitive, whose values no report may"),
    (["segments=y"], "segments may not be the target, of which each model needs every "
     'value, got "y"; name another column'),
    (["segments=tenant", "data.sensitive=[tenant]"],
     "segments may not be a column of data.sensitive: its values would stand in"),
    (["segments=w", "data.weight=w"], "segments may not be data.weight, which is an"),
    (["data.time=y"], "data.time may not be the target"),
    (["data.group=y"], "data.group may not be the target"),
    (["data.weight=y"], "data.weight may not be the target"),
    (["data.ignore=[y]"], 'data.ignore may hold neither the target nor the weight, got '
     '["y"]; take it out'),
    (["data.weight=w", "data.ignore=[w]"], "data.ignore may hold neither"),
    (["train.estimator=random_forrest"], "did you mean random_forest?"),
    (["train.estimator=sklearn.svm.SVC"], 'train.estimator must be one of auto, '),
    (["train.estimator=sklearn.svm.SVC"], "; write sklearn.svm:SVC"),
    (["task=regression", "train.class_weight=balanced"],
     "train.class_weight has no meaning when task is regression"),
    (["task=regression", "train.calibration=sigmoid"],
     "train.calibration has no meaning when task is regression"),
    (["train.options={depth: 3}", "train.search.space={depth: [3, 4]}"],
     "train.search.space may not hold a key of train.options"),
    (["task=multiclass", "evaluate.threshold=0.4"],
     "evaluate.threshold may be changed only when task is binary, got 0.4; remove it"),
    (["task=multiclass", "evaluate.average=binary"],
     "evaluate.average must be macro or weighted when task is multiclass"),
    (["task=regression", "evaluate.average=macro"],
     "evaluate.average has no meaning when task is regression"),
    ([f"evaluate.metrics=[{METRIC}, {METRIC}]"], "must have a different name each"),
    ([f"evaluate.metrics=[{METRIC.replace('m,', 'primary,')}]"],
     "may not be called primary"),
    (["task=regression", f"evaluate.metrics=[{METRIC}]"],
     "evaluate.metrics must need `value` when task is regression"),
    (["explain.key=customer", "explain.rows=[]"], "explain.key may stand only beside "
     'explain.rows, got "customer"; list the rows to explain, or remove it'),
]  # fmt: skip


@pytest.mark.parametrize(("overrides", "says"), BROKEN)
def test_a_broken_rule_is_named_with_value_and_next_step(
    overrides: list[str], says: str
) -> None:
    with pytest.raises(ParamsError) as caught:
        params_from_dict(changed(*overrides))
    assert len(caught.value.problems) == 1, caught.value
    assert says in str(caught.value)


def test_every_rule_is_broken_by_a_test() -> None:
    broken = set()
    for overrides, _ in BROKEN:
        with pytest.raises(ParamsError) as caught:
            params_from_dict(changed(*overrides))
        broken |= {(p.key, p.rule) for p in caught.value.problems}
    assert broken == {(rule.key, rule.says) for rule in RULES}


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["data.source=", "data.query=select 1", "data.files={t: a.csv}"],
        ["data.source=", "data.query=select 1", "data.connection=SHOP_URL"],
        ["data.source=synthetic:jobs", "data.options={rows: 5}"],
        ["data.header=false", "data.names=[x, y]"],
        ["data.split.by=time", "data.time=t", "data.split.cutoff=2024-06-30T12:00:00"],
        ["data.split.by=group", "data.group=g", "data.ignore=[g]"],
        ["data.test=b.csv"],
        ["task=multiclass", "train.class_weight=balanced"],
        ["task=multiclass", "evaluate.average=weighted"],
        ["task=regression", "evaluate.metrics=[{name: m, path: 'a.b:c', needs: value, "
         "greater_is_better: false}]"],
        ["train.estimator=sklearn.svm:SVC", "train.options={a: 1}",
         "train.search.space={b: [1]}"],
        ["registry.version=v1.2.0-rc.1+5"],
        ["segments=region", "data.only={country: DE, year: 2024, open: true}"],
    ],
)  # fmt: skip
def test_a_case_that_keeps_the_rules_is_good(overrides: list[str]) -> None:
    assert params_from_dict(changed(*overrides)).case == "toy"


def test_every_rule_looks_at_keys_that_there_are() -> None:
    for rule in RULES:
        for path in rule.reads():
            assert find(path) is not None, path


def test_rules_are_silent_about_keys_that_cannot_be_read() -> None:
    with pytest.raises(ParamsError) as caught:
        # What stands in for `tme` is not `time`, which alone goes with a cutoff.
        params_from_dict(
            changed("data.split.by=tme", "data.split.cutoff=2024-01-01", "data.time=y")
        )
    keys = [problem.key for problem in caught.value.problems]
    assert keys == ["data.split.by", "data.time"]
