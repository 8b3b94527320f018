"""The commands ``mlkit monitor`` and ``mlkit health``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import end, note, print_json, say
from mlkit.cli.running import CASE, Case, Overrides, Wait, checked, tell

if TYPE_CHECKING:
    from mlkit.monitor import Check

Outcomes = Annotated[
    str | None,
    typer.Option("--data", help="Outcomes that came to be known since: file or URI."),
]


def monitor(
    case: Case = CASE,
    data: Outcomes = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Look every monitor.every_minutes, until Ctrl-C."),
    ] = False,
    overrides: Overrides = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Watch the model in production: health, alerts, report; exit 1 if unhealthy.

    Exit codes: 0 healthy, or nothing logged yet; 1 degraded or critical; 3 the check
    failed. With --watch, 0 when it is stopped.
    """
    checked(case, overrides)
    if watch:
        if as_json or wait:
            raise typer.BadParameter(
                "--watch goes on until it is stopped, so that --json and --wait have "
                "no part in it; leave them out"
            )
        _keep_watching(case, data, overrides)
        return
    done = mlkit.pipeline.watch_case(
        case,
        data=data,
        overrides=overrides or (),
        wait=wait,
        say=note if as_json else say,
        progress_bar=sys.stderr.isatty() and not as_json,
    )
    if as_json:
        print_json(done.to_dict())
    else:
        _note((done.record["monitor"] or {}).get("notes") or ())
    tell(done, as_json)
    end(done.exit_code)


def _keep_watching(case: str, data: str | None, overrides: list[str] | None) -> None:
    try:
        mlkit.pipeline.keep_watching(
            case, data=data, overrides=overrides or (), say=say
        )
    except KeyboardInterrupt:
        # The one way to end it, so that nothing has gone wrong.
        say("stopped")


def health(
    case: Case = CASE, overrides: Overrides = None, as_json: AsJson = False
) -> None:
    """Say whether the model in production is healthy, and write nothing.

    Exit codes: 0 healthy, or nothing logged yet; 1 degraded or critical.
    """
    params = mlkit.params.load_params(case, overrides=overrides or ())
    found = mlkit.pipeline.check_now(params, mlkit.store.workspace_root())
    if as_json:
        print_json(found.summary())
    else:
        _show(found)
    end(0 if found.status == "healthy" else 1)


def _show(found: Check) -> None:
    outcome = mlkit.pipeline.monitor_outcome(found)
    say(f"{outcome.label}: {outcome.headline}")
    if outcome.reason:
        say(outcome.reason)
    for issue in found.health.issues:
        say(f"{issue.severity:<8}  {issue.cause:<24}  {issue.what}")
    _note(found.notes)


def _note(notes: Sequence[str]) -> None:
    for each in notes:
        say(f"note: {each}")
