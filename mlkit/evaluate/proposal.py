"""Propose what becomes of a model: promote, undecided, keep or reject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from mlkit.data import Check
from mlkit.evaluate import reasons
from mlkit.evaluate.evaluation import Evaluation
from mlkit.metrics import PairedTest
from mlkit.params import Params

Verdict = Literal["promote", "undecided", "keep", "reject"]
Stage = Literal["production", "staging", "development", "failed"]

MIN_ROWS = 30


@dataclass(frozen=True)
class ChampionEvidence:
    """The version in production, and the rows it can be compared on.

    Attributes
    ----------
    version, digest
        Its version and the digest over its fitted state.
    rows
        Number of rows that neither the champion nor the new model was trained on.
    untested
        Why no test against it could be made; empty where one could.
    """

    version: str
    digest: str
    rows: int = 0
    untested: str = ""


@dataclass(frozen=True)
class Proposal:
    """What should become of a model, and why.

    Attributes
    ----------
    verdict
        promote, undecided, keep or reject.
    stage
        Where the version should go: production, staging, development or failed. A
        promotion goes to staging where ``auto_promote`` is false.
    reason
        One sentence with the rule, the value and the evidence.
    champion, champion_digest
        The version in production it was judged against, and its digest; None without.
    rows
        Rows the comparison was made on; None where there was none.
    rows_to_decide
        How many such rows would decide; None where nobody can tell, or where it is
        decided.
    auto_promote
        As in the params.
    leakage
        Columns under suspicion of leakage.
    failed_gates
        The sentences of the gates that are broken.
    paired
        The paired test against the champion; None where there was none.
    against_dummy
        The paired test against the dummy baseline; None where there was none.
    """

    verdict: Verdict
    stage: Stage
    reason: str
    champion: str | None = None
    champion_digest: str | None = None
    rows: int | None = None
    rows_to_decide: int | None = None
    auto_promote: bool = True
    leakage: tuple[str, ...] = ()
    failed_gates: tuple[str, ...] = ()
    paired: PairedTest | None = None
    against_dummy: PairedTest | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        tests = {"paired": self.paired, "against_dummy": self.against_dummy}
        return {
            **asdict(self),
            "leakage": list(self.leakage),
            "failed_gates": list(self.failed_gates),
            **{
                k: None if test is None else test.to_dict() for k, test in tests.items()
            },
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Proposal:
        """Return the record that `to_dict` wrote."""
        tests = {
            name: None if record[name] is None else PairedTest.from_dict(record[name])
            for name in ("paired", "against_dummy")
        }
        lists = {name: tuple(record[name]) for name in ("leakage", "failed_gates")}
        return cls(**{**record, **tests, **lists})

    def _repr_html_(self) -> str:
        return reasons.proposal_html(self.verdict, self.stage, self.reason)


@dataclass(frozen=True)
class _Finding:
    verdict: Verdict
    reason: str
    rows: int | None = None
    rows_to_decide: int | None = None


def propose(
    evaluation: Evaluation,
    params: Params,
    *,
    champion: ChampionEvidence | None,
    leakage: Sequence[Check] = (),
    same_model: bool = False,
    same_schema: bool = True,
    paired: PairedTest | None = None,
) -> Proposal:
    """Propose what becomes of a model.

    Parameters
    ----------
    evaluation
        The model on its test rows.
    params
        The case.
    champion
        The version in production; None where there is none.
    leakage
        Suspicions of leakage that the params do not accept.
    same_model
        Whether the fitted state is that of the champion.
    same_schema
        Whether the champion takes the same input columns.
    paired
        The paired test against the champion in the primary metric, gain > 0 where the
        new model is better; None where none could be made.

    Returns
    -------
    Proposal
        In this order: a broken gate rejects; an identical model is kept; suspected
        leakage is undecided; without a champion the model is promoted if it beats the
        dummy baseline by the paired test, else undecided; another schema, fewer than 30
        rows for the comparison or a missing test are undecided; a lower bound above 0
        with a gain of at least ``min_gain`` promotes; an upper bound below
        ``min_gain``, or not above 0, keeps; the rest is undecided.

    Raises
    ------
    ValueError
        When the paired test is of another metric or another ``min_gain``.
    """
    wanted = (params.primary, params.evaluate.min_gain)
    if paired is not None and (paired.metric, paired.min_gain) != wanted:
        raise ValueError(
            f"paired must be a test of the primary metric {wanted[0]!r} with min_gain "
            f"{wanted[1]:g}, got {paired.metric!r} with {paired.min_gain:g}. Make it "
            "with mlkit.evaluate.compare."
        )
    columns = tuple(dict.fromkeys(c.column or c.found for c in leakage))
    finding = _finding(
        evaluation, params, champion, columns, same_model, same_schema, paired
    )
    return Proposal(
        verdict=finding.verdict,
        stage=_stage(finding.verdict, params),
        reason=finding.reason,
        champion=None if champion is None else champion.version,
        champion_digest=None if champion is None else champion.digest,
        rows=finding.rows,
        rows_to_decide=finding.rows_to_decide,
        auto_promote=params.registry.auto_promote,
        leakage=columns,
        failed_gates=tuple(g.sentence for g in evaluation.gates if not g.passed),
        paired=paired,
        against_dummy=evaluation.against_dummy,
    )


def _stage(verdict: Verdict, params: Params) -> Stage:
    if verdict == "promote":
        return "production" if params.registry.auto_promote else "staging"
    stages: dict[Verdict, Stage] = {
        "undecided": "staging",
        "keep": "development",
        "reject": "failed",
    }
    return stages[verdict]


def _finding(
    evaluation: Evaluation,
    params: Params,
    champion: ChampionEvidence | None,
    leakage: tuple[str, ...],
    same_model: bool,
    same_schema: bool,
    paired: PairedTest | None,
) -> _Finding:
    version = None if champion is None else champion.version
    if not evaluation.passed:
        broken = [gate for gate in evaluation.gates if not gate.passed]
        same = version if same_model else None
        return _Finding("reject", reasons.gates_broken(broken, evaluation, same))
    if version is not None and same_model:
        return _Finding("keep", reasons.identical(version))
    if leakage:
        return _Finding("undecided", reasons.leakage_suspected(leakage))
    if champion is None:
        return _first(evaluation, params)
    if not same_schema:
        return _Finding("undecided", reasons.schema_changed(champion.version))
    return _against(champion, paired, evaluation, params)


def _first(evaluation: Evaluation, params: Params) -> _Finding:
    """Judge the first model of a case against the dummy baseline."""
    test = evaluation.against_dummy
    if test is None or not test.defined:
        why = "no dummy baseline was evaluated" if test is None else test.reason
        return _Finding("undecided", reasons.dummy_untested(str(why)))
    label = evaluation.specs[test.metric].label
    if test.lower > 0:
        reason = reasons.dummy_beaten(test, label)
        return _Finding("promote", _waits(reason, params), rows=test.n)
    reason = reasons.dummy_not_beaten(test, label)
    return _Finding("undecided", reason, test.n, test.rows_to_decide)


def _against(
    champion: ChampionEvidence,
    test: PairedTest | None,
    evaluation: Evaluation,
    params: Params,
) -> _Finding:
    if champion.untested:
        why = champion.untested
        return _Finding("undecided", reasons.untested(champion.version, why))
    rows = champion.rows if test is None else test.n
    if rows < MIN_ROWS:
        reason = reasons.few_rows(rows, champion.version, needed=MIN_ROWS)
        return _Finding("undecided", reason, rows, MIN_ROWS)
    if test is None or not test.defined:
        why = "it was not made" if test is None else str(test.reason)
        return _Finding("undecided", reasons.untested(champion.version, why), rows)
    label = evaluation.specs[test.metric].label
    if test.better:
        reason = reasons.better(test, label, champion.version)
        return _Finding("promote", _waits(reason, params), rows)
    if test.not_better:
        reason = reasons.not_better(test, label, champion.version)
        return _Finding("keep", reason, rows)
    reason = reasons.too_thin(test, label, champion.version)
    return _Finding("undecided", reason, rows, test.rows_to_decide)


def _waits(reason: str, params: Params) -> str:
    if params.registry.auto_promote:
        return reason
    return reasons.waits(reason)
