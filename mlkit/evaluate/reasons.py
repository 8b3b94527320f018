"""The sentences that say why: the rule, the value and the evidence."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from mlkit.metrics import PairedTest, show

if TYPE_CHECKING:
    from mlkit.evaluate.evaluation import Evaluation
    from mlkit.evaluate.gates import GateResult


def gates_broken(
    broken: Sequence[GateResult], evaluation: Evaluation, same: str | None
) -> str:
    """Say which gates are broken, by what value."""
    told = "; ".join(_broken(gate, evaluation) for gate in broken)
    count = f"{len(broken)} of {len(evaluation.gates)} gates"
    verb = "is" if len(broken) == 1 else "are"
    known = f"; version {same} in production is the same model" if same else ""
    return f"{count} {verb} broken: {told}{known}."


def _broken(gate: GateResult, evaluation: Evaluation) -> str:
    told = gate.sentence.removesuffix(": broken.")
    n = evaluation.metrics["model"][gate.metric].n
    return f"{told} ({gate.key}, {rows(n)})"


def identical(version: str) -> str:
    """Say that nothing would change."""
    return (
        f"The model is identical to version {version} in production: its fitted state "
        "has the same digest, so that nothing would change."
    )


def leakage_suspected(columns: Sequence[str]) -> str:
    """Say which columns are suspected and what to do."""
    names = ", ".join(repr(name) for name in columns)
    return (
        f"Leakage is suspected in {names}, and a suspected model is not promoted: add "
        "what is not known when a prediction is made to data.ignore, or what is to "
        "data.accept_leakage, and train again."
    )


def dummy_beaten(test: PairedTest, label: str) -> str:
    """Say that the first model beats the dummy baseline."""
    values = _values(test, label, "the dummy baseline")
    return (
        "It is the first model to be good enough: every gate is kept, no leakage is "
        f"suspected and the dummy baseline is beaten: {values} on {rows(test.n)}, with "
        f"95 % confidence better by at least {show(test.lower)}, where the rule asks "
        "for more than 0."
    )


def dummy_not_beaten(test: PairedTest, label: str) -> str:
    """Say that the first model may be no better than the dummy baseline."""
    values = _values(test, label, "the dummy baseline")
    return (
        "Nothing is in production yet, and a first model must beat the dummy baseline "
        f"for sure: {values} on {rows(test.n)}, {_gain(test)}; the gain is with 95 % "
        f"confidence at least {show(test.lower)}, and the rule asks for more than 0"
        f"{_decide(test)}."
    )


def dummy_untested(why: str) -> str:
    """Say that the first model could not be held against the dummy baseline."""
    return (
        "Nothing is in production yet, and a first model must beat the dummy baseline, "
        f"which could not be tested ({why}): look at the metrics and promote it from "
        "staging by hand."
    )


def schema_changed(version: str) -> str:
    """Say that the champion takes other columns."""
    return (
        f"Version {version} in production takes other input columns, so that no paired "
        "test was made: compare the two by hand and promote from staging."
    )


def few_rows(found: int, version: str, *, needed: int) -> str:
    """Say that too few rows are new to both models."""
    verb = "was" if found == 1 else "were"
    return (
        f"Only {rows(found)} {verb} seen by neither this model nor version {version} "
        f"in training, and a paired test needs at least {needed}: gather "
        f"{needed - found} more."
    )


def untested(version: str, why: str) -> str:
    """Say that the paired test could not be made."""
    return (
        f"There is no paired test against version {version} in production ({why}): "
        "compare the two by hand and promote from staging."
    )


def better(test: PairedTest, label: str, version: str) -> str:
    """Say that the challenger is better."""
    return (
        f"{_compared(test, label, version)}: {_gain(test)}, with 95 % confidence at "
        f"least {show(test.lower)}, where the rule asks for a gain of at least "
        f"{test.min_gain:g} that is above 0 with that confidence."
    )


def not_better(test: PairedTest, label: str, version: str) -> str:
    """Say that the challenger is not better by enough."""
    asked = "the rule asks for more than 0"
    if test.min_gain > 0:
        asked = f"min_gain asks for {test.min_gain:g}"
    return (
        f"{_compared(test, label, version)}: {_gain(test)}; the gain is with 95 % "
        f"confidence at most {show(test.upper, apart_from=test.min_gain)}, and {asked}."
    )


def too_thin(test: PairedTest, label: str, version: str) -> str:
    """Say that the rows do not decide."""
    return (
        f"{_compared(test, label, version)}: {_gain(test)}; the gain is at least "
        f"{show(test.lower)} and at most {show(test.upper)} (95 % confidence each), "
        f"where the rule asks for a gain of at least {test.min_gain:g} that is above 0 "
        f"with that confidence{_decide(test)}."
    )


def waits(reason: str) -> str:
    """Add that a person has to promote."""
    told = reason.removesuffix(".")
    return f"{told}; it waits in staging, as registry.auto_promote is false."


def proposal_html(verdict: str, stage: str, reason: str) -> str:
    """Return a proposal as a paragraph."""
    return (
        f"<p><strong>{escape(verdict.capitalize())}</strong> (to {escape(stage)}): "
        f"{escape(reason)}</p>"
    )


def rows(n: int) -> str:
    """Return a number of rows in words."""
    return f"{n:,} row{'' if n == 1 else 's'}"


def _compared(test: PairedTest, label: str, version: str) -> str:
    values = _values(test, label, f"version {version}")
    return f"{values} on {rows(test.n)} that neither was trained on"


def _values(test: PairedTest, label: str, other: str) -> str:
    new = show(test.challenger, apart_from=test.champion)
    old = show(test.champion, apart_from=test.challenger)
    return f"{label} is {new} against {old} of {other}"


def _gain(test: PairedTest) -> str:
    if test.gain == 0:
        return "no gain"
    return f"a {'gain' if test.gain > 0 else 'loss'} of {show(abs(test.gain))}"


def _decide(test: PairedTest) -> str:
    if test.rows_to_decide is None:
        return "; no number of rows can be named that would decide"
    return f"; about {rows(test.rows_to_decide)} would decide"
