"""Summary: what the record of a run (``run.json``) says, in the words of its page.

What is read here of a run: ``case, run, status, started_at, ended_at, who, steps,
params, data, git, python, packages, verdict, error``; any may be missing, as in the
record of a run that was interrupted. Of the scraps of its steps: ``evaluation`` of the
step ``evaluate`` (an ``Evaluation.to_dict()``), and of any step ``outcome`` (an
:class:`~mlkit.report.views.Outcome` as a dict) and ``numbers`` (a list of
:class:`~mlkit.report.views.KeyNumber` as dicts), which put the notebook's own verdict
and numbers on the first screen of its page.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlkit.report import wording
from mlkit.report.changed_code import changed_code
from mlkit.report.concealed import conceal, sensitive_columns
from mlkit.report.monitor_words import health_outcome
from mlkit.report.views import Outcome

Run = Mapping[str, Any]
RUN_NAME = re.compile(r"(\d{8}T\d{6})Z-")
NOT_RUN = "The run did not get as far as a decision."
SHOWN_CHANGES = 5
KINDS = {"drift": "drift check", "monitor": "check"}
DRIFT = {
    "none": ("calm", "The current rows look like those that the model learned from"),
    "columns": ("shifted", "Some columns have shifted, the data as a whole have not"),
    "drift": ("drift", "The data have drifted"),
    "too_few": ("warning", "There are too few current rows to judge"),
    "not_applicable": ("not_applicable", "There was nothing to compare with"),
}


def scraps(run: Run, step: str) -> dict[str, Any]:
    """Return what a step of a run glued; nothing when it did not reach its end."""
    for done in reversed(run.get("steps") or []):
        if done.get("name") == step:
            return dict(done.get("scraps") or {})
    return {}


def outcome(run: Run) -> Outcome:
    """Return what came of a run, in a sentence, with the reason."""
    status = run.get("status", "interrupted")
    verdict = run.get("verdict")
    if status == "ok" and run.get("kind") == "drift":
        return drift_outcome(run.get("drift") or {})
    if status == "ok" and run.get("kind") == "monitor":
        return health_outcome(run.get("monitor") or {})
    if status == "ok" and verdict:
        return Outcome(_state(verdict), headline(verdict), verdict.get("reason", ""))
    if status == "failed":
        reason = verdict.get("reason", "") if verdict else NOT_RUN
        return Outcome("failed", _failed_where(run), reason)
    if status == "running":
        return Outcome("running", "The run is under way", "")
    if status == "interrupted":
        return Outcome(
            "interrupted",
            "The run was interrupted before it reached its end",
            "Nothing needs to be cleaned up; start it again.",
        )
    return Outcome(status, "The run reached its end", "")


def drift_outcome(found: Mapping[str, Any]) -> Outcome:
    """Return what a drift check came to.

    Parameters
    ----------
    found : mapping
        ``verdict`` and ``reason``, as the drift notebook glued them.

    Examples
    --------
    >>> drift_outcome({"verdict": "none", "reason": "No column differs."}).headline
    'The current rows look like those that the model learned from'
    """
    state, headline = DRIFT.get(found.get("verdict", ""), DRIFT["not_applicable"])
    return Outcome(state, headline, found.get("reason", ""))


def _state(verdict: Mapping[str, Any]) -> str:
    waits = verdict["verdict"] == "promote" and verdict.get("stage") != "production"
    return "promotable" if waits else str(verdict["verdict"])


def _failed_where(run: Run) -> str:
    step = (run.get("error") or {}).get("step")
    return f"The step “{step}” failed" if step else "The run failed"


def headline(verdict: Mapping[str, Any]) -> str:
    """Return what a verdict means for what is in production, as one sentence.

    Parameters
    ----------
    verdict : mapping
        ``verdict``, ``stage``, ``version`` (None when there is none), ``new`` (whether
        this run added it) and ``champion`` (the version that was in production).

    Examples
    --------
    >>> headline({"verdict": "promote", "stage": "production", "version": "1.1.0",
    ...           "champion": "1.0.0"})
    'Version 1.1.0 is now in production and replaces 1.0.0'
    """
    version, champion = verdict.get("version"), verdict.get("champion")
    name = f"Version {version}" if version else "The new model"
    stays = (
        f"{champion} stays in production" if champion else "nothing is in production"
    )
    known = verdict.get("new") is False or version == champion
    if version and known and verdict["verdict"] != "promote":
        return (
            f"The new model is identical to {version}, which is in {verdict['stage']}"
        )
    match verdict["verdict"], verdict.get("stage"):
        case "promote", "production":
            replaced = f" and replaces {champion}" if champion else ""
            return f"{name} is now in production{replaced}"
        case "promote", _:
            return f"{name} may go to production and waits in staging for a person"
        case "undecided", _:
            return f"{name} waits in staging; {stays}"
        case "keep", _:
            return f"{name} is not better; {stays}"
        case "reject", _:
            return f"{name} is not good enough; {stays}"
    return name


def changes(run: Run, previous: Run | None, *, first: bool = True) -> tuple[str, ...]:
    """Return what differs between a run and the one before it, a sentence each.

    Parameters
    ----------
    run, previous : dict
        The records; None for `previous` when no earlier run ended well.
    first : bool
        Without `previous`: whether there is no earlier run of that kind at all.
    """
    what = KINDS.get(run.get("kind") or "", "run")
    if previous is None and first:
        return (f"This is the first {what} of this case.",)
    if previous is None:
        return (f"No earlier {what} of this case ended well to compare with.",)
    found = [
        *_data_changes(run.get("data") or {}, previous.get("data") or {}),
        *_param_changes(run, previous),
        *changed_code(run, previous),
        *_code_changes(run.get("git") or {}, previous.get("git") or {}),
        *_package_changes(run, previous),
    ]
    return tuple(found) or (
        "Nothing: the same data, params, code and package versions.",
    )


def _data_changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    if not now or not before or now.get("fingerprint") == before.get("fingerprint"):
        return
    rows, rows_before = now.get("rows"), before.get("rows")
    if rows is None or rows_before is None:
        yield "Data: other content"
    elif rows == rows_before:
        yield "Data: other content, as many rows"
    else:
        step = wording.signed(rows - rows_before)
        yield f"Data: {wording.count(rows, 'row')} ({step})"


def _param_changes(run: Run, previous: Run) -> Iterator[str]:
    given = [r.get("params") or {} for r in (run, previous)]
    now, before = map(flat, given)
    names = [n for n in sorted({*now, *before}) if now.get(n) != before.get(n)]
    sensitive = sensitive_columns(*given)
    now, before = (conceal(params, sensitive) for params in (now, before))
    for name in names[:SHOWN_CHANGES]:
        old, new = (_setting(params.get(name)) for params in (before, now))
        yield f"Params: {name} was {old}, is {new}"
    if len(names) > SHOWN_CHANGES:
        more = wording.count(len(names) - SHOWN_CHANGES, "other key")
        yield f"Params: {more} changed, too"


def _code_changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    commit, was = now.get("commit"), before.get("commit")
    if commit != was:
        yield f"Code: commit {wording.short(commit)} (was {wording.short(was)})"
    if now.get("dirty"):
        yield "Code: with changes that are not committed"


def _package_changes(run: Run, previous: Run) -> Iterator[str]:
    now, before = (
        {"Python": r.get("python")} | dict(r.get("packages") or {})
        for r in (run, previous)
    )
    changed = [
        f"{name} {before.get(name) or 'absent'} → {now.get(name) or 'absent'}"
        for name in sorted({*now, *before})
        if now.get(name) != before.get(name)
    ]
    if changed:
        yield f"Packages: {wording.listing(changed)}"


def flat(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested params as one level, keys joined by dots.

    Examples
    --------
    >>> flat({"train": {"options": {"depth": 3}}, "seed": 0})
    {'train.options.depth': 3, 'seed': 0}
    """
    found: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def _setting(value: Any) -> str:
    text = "not set" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"


def digest(params: Mapping[str, Any] | None) -> str | None:
    """Return a SHA-256 that equal params share."""
    if params is None:
        return None
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def started(run: Run) -> str | None:
    """Return when a run started, ISO 8601; at the least its name says so."""
    at = run.get("started_at")
    if at is None and (name := RUN_NAME.match(run.get("run") or "")):
        at = f"{name[1]}Z"
    return at


def seconds(run: Run) -> float | None:
    """Return how long a run took, in seconds; None when it did not end."""
    start, end = started(run), run.get("ended_at")
    if not start or not end:
        return None
    span = wording.parse_moment(end) - wording.parse_moment(start)
    return span.total_seconds()


def facts(run: Run) -> tuple[tuple[str, str], ...]:
    """Return where a result comes from, as pairs of a name and a value."""
    data, git = run.get("data") or {}, run.get("git") or {}
    commit = wording.short(git.get("commit"))
    window = [str(end)[:10] for end in (data.get("first"), data.get("last")) if end]
    pairs = {
        "Run": run.get("run") or "draft",
        "Started": wording.moment(started(run)),
        "Took": wording.duration(seconds(run)),
        "Data": wording.count(data["rows"], "row") if data.get("rows") else "",
        "Data from": " to ".join(window),
        "Data fingerprint": wording.short(data.get("fingerprint")),
        "Params": wording.short(digest(run.get("params"))),
        "Commit": f"{commit} + changes" if git.get("dirty") else commit,
        "By": run.get("who") or "",
        "Goes on from": run.get("resumed") or "",
        "Part of": run.get("fan_out") or "",
    }
    return tuple((name, text) for name, text in pairs.items() if text not in ("", "–"))
