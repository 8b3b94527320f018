"""Measured: the metrics of two runs side by side, and which of the two is better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from mlkit.report import measures, wording
from mlkit.report.summary import scraps

Run = Mapping[str, Any]
Reading = Literal[
    "same", "a_better", "b_better", "overlap", "apart", "no_interval", "absent", "other"
]
# Where these differ, a metric of the same name answers another question.
QUESTION = ("task", "data.target", "data.positive", "evaluate.average")


@dataclass(frozen=True)
class MetricPair:
    """One metric of both runs.

    Attributes
    ----------
    name, label : str
        Its name in params, and what people call it.
    a, b : dict or None
        The estimates, each with ``value``, ``lower`` and ``upper``; None where a run
        did not measure it.
    greater_is_better : bool or None
        Its direction.
    reading : str
        ``a_better`` or ``b_better`` where the intervals do not overlap, ``overlap``,
        ``same``, ``apart`` (no overlap, no direction), ``no_interval``, ``absent`` (of
        one run) or ``other`` (the runs ask different questions).
    """

    name: str
    label: str
    a: Mapping[str, Any] | None
    b: Mapping[str, Any] | None
    greater_is_better: bool | None
    reading: Reading

    @property
    def better(self) -> bool:
        """Whether its intervals show that one of the two is better."""
        return self.reading in ("a_better", "b_better")

    @property
    def change(self) -> float | None:
        """What B has more than A."""
        a, b = ((each or {}).get("value") for each in (self.a, self.b))
        return None if a is None or b is None else b - a

    def to_dict(self) -> dict[str, Any]:
        """Return the metric as plain JSON data."""
        return asdict(self) | {"change": self.change}


@dataclass(frozen=True)
class Standing:
    """Which of two runs is better.

    Attributes
    ----------
    better : {"a", "b"} or None
        None where neither is shown to be.
    headline : str
        The answer in a few words.
    reason : str
        What it rests on.
    paired : dict or None
        The test of one run's model against the other's on rows that neither was trained
        on, as the record has it; ``gain`` and its bounds are those of B over A.
    """

    better: Literal["a", "b"] | None
    headline: str
    reason: str = ""
    paired: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the standing as plain JSON data."""
        return asdict(self)


def metric_pairs(a: Run, b: Run) -> tuple[MetricPair, ...]:
    """Return every metric that either run measured, the primary one first."""
    found = measures.evaluation(a), measures.evaluation(b)
    old, new = (measures.scores(each) for each in found)
    primary = [each.get("primary") for each in reversed(found)]
    names = dict.fromkeys([*filter(None, primary), *new, *old])
    asked_alike = ask_the_same(a, b)
    pairs = [
        _pair(name, found, (old.get(name), new.get(name)), asked_alike)
        for name in names
        if name in old or name in new
    ]
    if same_model(a, b):
        # On other rows a model may do better, but is no better one.
        pairs = [replace(p, reading="apart") if p.better else p for p in pairs]
    return tuple(pairs)


def ask_the_same(a: Run, b: Run) -> bool:
    """Return whether the metrics of two runs answer the same question."""
    return all(_param(a, key) == _param(b, key) for key in QUESTION)


def _param(run: Run, key: str) -> Any:
    value: Any = run.get("params") or {}
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _pair(
    name: str,
    found: Sequence[Mapping[str, Any]],
    estimates: tuple[Any, Any],
    asked_alike: bool,
) -> MetricPair:
    known = found[1] if estimates[1] is not None else found[0]
    greater = measures.direction(known, name)
    reading = _reading(*estimates, greater) if asked_alike else "other"
    return MetricPair(name, measures.label(known, name), *estimates, greater, reading)


def _reading(a: Any, b: Any, greater: bool | None) -> Reading:
    if a is None or b is None or a.get("value") is None or b.get("value") is None:
        return "absent"
    if a["value"] == b["value"]:
        return "same"
    if None in (a.get("lower"), a.get("upper"), b.get("lower"), b.get("upper")):
        return "no_interval"
    if a["lower"] <= b["upper"] and b["lower"] <= a["upper"]:
        return "overlap"
    if greater is None:
        return "apart"
    return "b_better" if (b["value"] > a["value"]) == greater else "a_better"


def standing(a: Run, b: Run, pairs: Sequence[MetricPair]) -> Standing:
    """Say which of two runs is better, as far as their records can tell."""
    unmeasured = [
        name
        for name, run in (("A", a), ("B", b))
        if not measures.scores(measures.evaluation(run))
    ]
    if unmeasured:
        who = " and ".join(unmeasured)
        return Standing(
            None,
            f"{who} measured no model, so neither is better",
            "Which is better can be told only of runs that reached the end of the "
            "step “evaluate”.",
        )
    if a.get("case") != b.get("case") or not ask_the_same(a, b):
        return Standing(
            None,
            "the two ask different questions, so neither is better",
            "Their numbers stand side by side, but are of different cases, targets or "
            "ways to measure.",
        )
    if same_model(a, b):
        return Standing(
            None,
            "both have the same model",
            "The fitted state is equal to the last digit.",
        )
    tested = paired_between(a, b)
    if tested is not None:
        return _by_test(tested, measures.evaluation(b))
    return _by_intervals(pairs[0], same_test_rows(a, b))


def same_model(a: Run, b: Run) -> bool:
    """Return whether the fitted states are known and equal."""
    digests = [scraps(run, "train").get("digest") for run in (a, b)]
    return digests[0] is not None and digests[0] == digests[1]


def same_test_rows(a: Run, b: Run) -> bool:
    """Return whether both were measured on the same rows, as far as records can tell.

    The same content under the same rules is split in the same way.
    """
    prints = [(run.get("data") or {}).get("fingerprint") for run in (a, b)]
    sizes = [measures.evaluation(run).get("n_test") for run in (a, b)]
    rules = [(run.get("params") or {}).get("data") for run in (a, b)]
    return (
        prints[0] is not None
        and prints[0] == prints[1]
        and sizes[0] == sizes[1]
        and rules[0] == rules[1]
    )


def paired_between(a: Run, b: Run) -> dict[str, Any] | None:
    """Return the paired test of one run's model against the other's, if there was one.

    It is there when the version of one run was in production when the other ended. Its
    gain is turned so that it is that of B over A.
    """
    for old, new, sign in ((a, b, 1), (b, a, -1)):
        evidence = (new.get("verdict") or {}).get("evidence") or {}
        test, champion = evidence.get("paired"), evidence.get("champion")
        version = (old.get("verdict") or {}).get("version")
        same_model_line = _param(old, "registry.model") == _param(new, "registry.model")
        if not test or test.get("gain") is None or champion is None:
            continue
        if champion == version and same_model_line:
            bounds = (test.get("lower"), test.get("upper"))
            return {
                **{key: test.get(key) for key in ("metric", "n", "method", "p_value")},
                "gain": sign * test["gain"],
                "lower": _turned(bounds, sign)[0],
                "upper": _turned(bounds, sign)[1],
                "rows_to_decide": test.get("rows_to_decide"),
            }
    return None


def _turned(bounds: tuple[Any, Any], sign: int) -> tuple[Any, Any]:
    if sign == 1 or None in bounds:
        return bounds
    return -bounds[1], -bounds[0]


def _by_test(test: Mapping[str, Any], found: Mapping[str, Any]) -> Standing:
    name = measures.label(found, test["metric"])
    lower, upper = test["lower"], test["upper"]
    digits = max(3, wording.decimals([abs(test["gain"])]))
    size = wording.number(abs(test["gain"]), digits)
    gain = f"{'gains' if test['gain'] >= 0 else 'loses'} {size} in {name} against A"
    bounds = (
        f" (a gain of at least {wording.signed(lower, digits)} and at most "
        f"{wording.signed(upper, digits)}, each with 95 % confidence)"
        if lower is not None and upper is not None
        else ""
    )
    rows = wording.count(test["n"], "row")
    method = measures.short_method(test["method"] or "")
    reason = f"On {rows} that neither was trained on, B {gain}{bounds}. Test: {method}."
    tested = f"B {gain}, tested on {rows}"
    if lower is not None and lower > 0:
        return Standing("b", f"B is better: {tested}", reason, test)
    if upper is not None and upper < 0:
        return Standing("a", f"A is better: {tested}", reason, test)
    return Standing(None, f"neither is shown to be better: {tested}", reason, test)


def _by_intervals(pair: MetricPair, same_rows: bool) -> Standing:
    where = (
        "Both were measured on the same test rows."
        if same_rows
        else "They were measured on different test rows."
    )
    values = _against(pair)
    match pair.reading:
        case "a_better" | "b_better":
            name = pair.reading[0]
            headline = f"{name.upper()} is better: {values}"
            reason = f"The intervals do not overlap. {where}"
            return Standing("a" if name == "a" else "b", headline, reason)
        case "same":
            return Standing(None, f"{pair.label} is the same in both", where)
        case "overlap":
            headline = f"neither is shown to be better: {values}"
            reason = (
                "The intervals overlap, so these numbers alone do not show that either "
                f"is better. {where}"
            )
            return Standing(None, headline, reason)
    headline = f"which is better cannot be told from {pair.label}"
    return Standing(None, headline, f"It has no interval in both runs. {where}")


def _against(pair: MetricPair) -> str:
    assert pair.a is not None
    assert pair.b is not None
    values = pair.a["value"], pair.b["value"]
    digits = wording.decimals(values)
    old, new = (wording.number(value, digits) for value in values)
    return f"{pair.label} {new} in B, {old} in A"
