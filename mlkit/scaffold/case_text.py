"""A case as a commented params file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlkit.scaffold.columns import Columns
from mlkit.scaffold.drafting import Draft, by_reason, source_keys
from mlkit.scaffold.findings import Finding
from mlkit.scaffold.moments import SHARE, Moment
from mlkit.scaffold.tasks import Target, plain_label

COPIES = 5
SCHEMA = "yaml-language-server: $schema=schema.json"


@dataclass(frozen=True)
class Decided:
    """Everything that was decided for a case.

    Attributes
    ----------
    keys : mapping
        Keys of ``data`` that say what is read, and how.
    leaks : tuple of Finding
        Columns left out because they give the target away.
    questions : tuple of Finding
        Columns that only a person can judge.
    time_leaks : str
        Why the time column is not learnt from, if it is not.
    min_rows : int or None
        ``data.min_rows`` of a small table.
    test_share : float
        ``data.split.test_share``.
    notes : tuple of str
        What is to be known of the rows.
    kinds : tuple of str
        How many columns of each kind there are, and some of them.
    readings : tuple of Finding
        How numbers and dates are read that could be read otherwise.
    copies : tuple of Finding
        Features that say the same as another.
    """

    case: str
    about: str
    keys: Mapping[str, Any]
    opened: tuple[Finding, ...]
    target: Target
    columns: Columns
    moment: Moment | None
    leaks: tuple[Finding, ...] = ()
    questions: tuple[Finding, ...] = ()
    time_leaks: str = ""
    min_rows: int | None = None
    test_share: float = SHARE
    notes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    readings: tuple[Finding, ...] = ()
    copies: tuple[Finding, ...] = ()

    @property
    def ignore(self) -> list[Finding]:
        """Every column that is left out, with the reason."""
        return by_reason([*self.columns.ignore, *self.leaks])

    def to_params(self) -> dict[str, Any]:
        """Return the case as plain data, as the text says it."""
        target, columns = self.target, self.columns
        data: dict[str, Any] = {**self.keys, "target": target.name}
        if target.positive is not None:
            data["positive"] = plain_label(target.positive)
        if target.min_class_rows:
            data["min_class_rows"] = target.min_class_rows
        if self.moment is not None:
            data["time"] = self.moment.column
            if not self.time_leaks:
                data["learn_time"] = True
        if self.split:
            data["split"] = self.split
        if self.min_rows is not None:
            data["min_rows"] = self.min_rows
        if columns.kinds:
            data["columns"] = {str(found.column): kind for found, kind in columns.kinds}
        if self.ignore:
            data["ignore"] = [str(finding.column) for finding in self.ignore]
        for name in ("protected", "sensitive"):
            found = getattr(columns, name)
            if found:
                data[name] = [str(finding.column) for finding in found]
        return {
            "format": 1,
            "case": self.case,
            "task": target.task,
            "data": data,
            "train": {"estimator": "auto"},
            "evaluate": {"gates": [{"metric": "primary", "better_than": "dummy"}]},
        }

    @property
    def split(self) -> dict[str, Any]:
        """Keys of ``data.split`` that are not the usual ones."""
        if "test" in self.keys:
            return {}
        by = {"by": "time"} if self.moment is not None and self.moment.split else {}
        share = {"test_share": self.test_share} if self.test_share != SHARE else {}
        return {**by, **share}

    def findings(self) -> Iterator[Finding]:
        """Yield every decision and question, in the order of the file."""
        target, columns, moment = self.target, self.columns, self.moment
        yield from self.opened
        yield Finding("task", target.name, target.why)
        if target.missing:
            yield Finding("data.target", target.name, target.why_missing)
        if target.positive is not None:
            yield Finding("data.positive", target.name, target.why_positive)
        if target.min_class_rows:
            yield Finding("data.min_class_rows", target.name, target.why_rare)
        if moment is not None:
            yield Finding("data.time", moment.column, moment.why)
            yield Finding("data.split", moment.column, moment.why_split)
        yield from (finding for finding, _ in columns.kinds)
        yield from self.ignore
        yield from columns.protected
        yield from columns.sensitive
        for found in columns.groups:
            yield replace(found, why=f"a key that repeats ({found.why}); a group?")
        yield from self.readings
        yield from self.copies
        yield from self.questions


def case_text(decided: Decided) -> str:
    """Return the params file of a case."""
    draft, plain = Draft(), decided.to_params()
    draft.comment(SCHEMA)
    draft.comment("")
    draft.comment(f"Written by `mlkit new` from {decided.about}.")
    for note in decided.notes:
        draft.comment(note)
    draft.comment(
        f"Change what is wrong, check it by `mlkit check {decided.case}`, then "
        f"`make retrain CASE={decided.case}`."
    )
    draft.key("format", 1)
    draft.key("case", decided.case)
    draft.key("task", decided.target.task, decided.target.why)
    draft.blank()
    draft.group("data")
    why = {finding.key: finding.why for finding in decided.opened}
    source_keys(draft, decided.keys, why)
    _target(draft, decided, plain["data"])
    _moment(draft, decided)
    _columns(draft, decided)
    draft.blank()
    draft.group("train")
    why_auto = "linear or boosted, whichever cross-validation says"
    draft.key("estimator", "auto", why_auto, indent=2)
    draft.blank()
    draft.group("evaluate")
    draft.group("gates", 2)
    draft.comment("relative: a bound of your own is {metric: ..., min: ...}", 4)
    draft.lines.append("    - {metric: primary, better_than: dummy}")
    return draft.text


def _target(draft: Draft, decided: Decided, data: Mapping[str, Any]) -> None:
    target = decided.target
    draft.key("target", target.name, target.why_missing, indent=2)
    if target.positive is not None:
        draft.key("positive", data["positive"], target.why_positive, indent=2)
    if target.min_class_rows:
        draft.key("min_class_rows", target.min_class_rows, target.why_rare, indent=2)
    if decided.min_rows is not None:
        why = "few rows: read every score with its interval"
        draft.key("min_rows", decided.min_rows, why, indent=2)


def _moment(draft: Draft, decided: Decided) -> None:
    moment = decided.moment
    if moment is not None:
        others = ""
        if moment.others:
            others = f", besides {', '.join(map(repr, moment.others))}"
        draft.key("time", moment.column, f"{moment.why}{others}", indent=2)
        if decided.time_leaks:
            draft.comment(f"It is not learnt from: {decided.time_leaks}.", 2)
        else:
            why = "its year, month, weekday, hour and so on are learnt from, too"
            draft.key("learn_time", True, why, indent=2)
    if decided.split:
        draft.group("split", 2)
    if moment is not None and moment.split and "test" not in decided.keys:
        why = f"{moment.why_split}; `by: row` draws them at random"
        draft.key("by", "time", why, indent=4)
    elif moment is not None and "test" not in decided.keys:
        draft.comment(f"Not split by time: {moment.why_split}.", 2)
    if "test_share" in decided.split:
        why = "a smaller share would leave too few test rows of a class"
        draft.key("test_share", decided.test_share, why, indent=4)


def _columns(draft: Draft, decided: Decided) -> None:
    columns = decided.columns
    _overview(draft, decided)
    if columns.groups:
        named = ", ".join(f"{found.column!r} ({found.why})" for found in columns.groups)
        draft.comment(
            f"Keys that repeat: {named}. Where new rows will have new keys, keep the "
            "rows of one together by `group:` and `split: {by: group}`.",
            2,
        )
    if columns.kinds:
        draft.group("columns", 2)
        for finding, kind in columns.kinds:
            draft.key(str(finding.column), kind, finding.why, indent=4)
    if decided.ignore:
        draft.reasoned("ignore", decided.ignore, 2)
    if decided.questions:
        draft.comment(_asked(decided.questions), 2)
    if columns.protected:
        names = [str(finding.column) for finding in columns.protected]
        why = (
            "The results are compared between their groups. The model is still given "
            "them; `ignore` keeps them from it."
        )
        draft.block("protected", names, why, 2)
    if columns.sensitive:
        names = [str(finding.column) for finding in columns.sensitive]
        draft.block("sensitive", names, "Masked in reports and errors.", 2)


def _overview(draft: Draft, decided: Decided) -> None:
    if decided.kinds:
        draft.comment(
            "Kinds of the columns that are learnt from (`columns` changes one, the "
            "report's data.html lists all):",
            2,
        )
    for kind in decided.kinds:
        draft.comment(f"- {kind}", 2)
    for finding in decided.readings:
        draft.comment(f"Read: {finding.why}.", 2)
    for finding in decided.copies[:COPIES]:
        draft.comment(f"{finding.column!r} {finding.why}.", 2)
    if len(decided.copies) > COPIES:
        draft.comment(
            f"Such copies are {len(decided.copies) - COPIES:,} more columns.", 2
        )


def _asked(questions: tuple[Finding, ...]) -> str:
    reasons: dict[str, list[str]] = {}
    for finding in questions:
        reasons.setdefault(finding.why, []).append(repr(finding.column))
    named = "; ".join(f"{', '.join(names)} {why}" for why, names in reasons.items())
    return f"Known when a prediction is made? If not, `ignore` it: {named}."
