"""Plain data against the models and the rules between keys, every problem listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from mlkit.params.edit import plain, put, without
from mlkit.params.models import ESTIMATORS, Params
from mlkit.params.problems import (
    ParamsError,
    Problem,
    from_pydantic,
    nearest,
    shown,
    value_at,
)
from mlkit.params.rule import Rule
from mlkit.params.rules import RULES
from mlkit.params.yaml12 import KeyPath

# Values for keys that cannot be read, so that the rules between the others are checked.
STAND_INS: dict[KeyPath, Any] = {
    ("case",): "case",
    ("task",): "binary",
    ("data",): {"target": "target"},
    ("data", "target"): "target",
}


def check(data: Any) -> tuple[Params | None, list[Problem]]:
    """Check plain data.

    Returns
    -------
    tuple
        The params, ``None`` when a key cannot be read, and everything wrong with them.
    """
    if not isinstance(data, Mapping):
        rule = "must hold keys at its top level, such as `case: ...`"
        return None, [Problem((), rule, shown(data))]
    try:
        params = Params.model_validate(data)
    except ValidationError as error:
        problems = from_pydantic(error, data)
    else:
        return params, list(broken_rules(params))
    unreadable = [problem.path for problem in problems]
    try:
        mended = Params.model_validate(_mend(data, unreadable))
    except ValidationError:
        return None, problems
    return None, [*problems, *broken_rules(mended, unreadable)]


def params_from_dict(data: Mapping[str, Any]) -> Params:
    """Check params that are plain data already, such as those of an earlier run.

    Raises
    ------
    ParamsError
        With everything that is wrong with them.
    """
    params, problems = check(plain(data))
    if problems or params is None:
        raise ParamsError("params", problems)
    return params


def broken_rules(
    params: Params, unreadable: Sequence[KeyPath] = ()
) -> Iterator[Problem]:
    """Yield a problem for each rule that is broken.

    Rules that look at an ``unreadable`` key are left out: its value stands for nothing.
    """
    data = params.to_dict()
    for rule in RULES:
        paths = rule.reads()
        if any(_touch(path, other) for path in paths for other in unreadable):
            continue
        if rule.broken(params):
            value = value_at(data, paths[0])
            got = "" if value is None else shown(value)
            yield Problem(paths[0], rule.says, got, rule.step or _nearest(rule, value))


def _nearest(rule: Rule, value: object) -> str:
    if rule.key != "train.estimator":
        return ""
    text = str(value)
    if ":" not in text and "." in text:
        module, _, name = text.rpartition(".")
        return f"write {module}:{name}"
    near = nearest(text, ESTIMATORS)
    return f"did you mean {near}?" if near else ""


def _touch(one: KeyPath, other: KeyPath) -> bool:
    size = min(len(one), len(other))
    return one[:size] == other[:size]


def _mend(data: Mapping[str, Any], unreadable: Sequence[KeyPath]) -> Any:
    mended: Any = data
    for path in unreadable:
        # A list without one of its items would say something else: it goes as a whole.
        inside = [place for place, part in enumerate(path) if isinstance(part, int)]
        whole = path[: inside[0]] if inside else path
        mended = without(mended, whole)
        if whole in STAND_INS:
            mended = put(mended, whole, STAND_INS[whole])
    return mended
