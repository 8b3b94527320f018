"""The command ``mlkit alerts``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, print_json, say
from mlkit.cli.running import CASE, Case, Overrides

if TYPE_CHECKING:
    from mlkit.alerts import Alert, AlertBook


def alerts(
    case: Case = CASE,
    history: Annotated[
        bool, typer.Option("--history", help="Those that are over, too.")
    ] = False,
    ack: Annotated[
        str | None,
        typer.Option(
            "--ack", metavar="ID", help="Take note of one: it is not told again."
        ),
    ] = None,
    resolve: Annotated[
        str | None,
        typer.Option("--resolve", metavar="ID", help="Declare one over by hand."),
    ] = None,
    note: Annotated[
        str | None, typer.Option("--note", help="What was done, kept with --resolve.")
    ] = None,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """List the active alerts of a case's model, take note of one or close it."""
    if note is not None and resolve is None:
        raise typer.BadParameter(
            "--note is kept with the alert that --resolve closes, and no --resolve was "
            "given; add --resolve ID"
        )
    params = mlkit.params.load_params(case, overrides=overrides or ())
    book = mlkit.pipeline.alert_book(params, mlkit.store.workspace_root())
    changed = _change(book, ack, resolve, note or "")
    shown = book.history() if history else book.active()
    if as_json:
        found = {"model": params.model, "alerts": [each.to_dict() for each in shown]}
        told = {"changed": [each.to_dict() for each in changed]}
        print_json(found | told | {"garbage": book.garbage})
        return
    for alert in changed:
        say(f"{alert.id} is {alert.status} now: {alert.message}")
    if not changed or history:
        _list(shown, params.model, history=history)
    _tell_damage(book)


def _change(
    book: AlertBook, ack: str | None, resolve: str | None, note: str
) -> list[Alert]:
    who, now = mlkit.pipeline.who(), mlkit.pipeline.now()
    try:
        changed = [] if ack is None else [book.acknowledge(ack, by=who, now=now)]
        if resolve is not None:
            changed.append(book.resolve(resolve, by=who, now=now, note=note))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return changed


def _list(shown: tuple[Alert, ...], model: str, *, history: bool) -> None:
    if not shown:
        word = "ever raised" if history else "active"
        say(f"no alert of {model} is {word}")
    for alert in shown:
        say(
            f"{alert.id}  {alert.severity:<8}  {alert.cause:<24}  "
            f"since {alert.raised_at:%Y-%m-%d %H:%M} UTC, {_standing(alert)}"
        )
        say(f"          {alert.message}")


def _tell_damage(book: AlertBook) -> None:
    damaged = book.garbage
    if damaged:
        complain(
            f"{damaged:,} {'line' if damaged == 1 else 'lines'} of {book.path} could "
            "not be read: alerts may be missing, or stand as they were before"
        )


def _standing(alert: Alert) -> str:
    match alert.status:
        case "acknowledged":
            return f"noted by {alert.acknowledged_by}"
        case "resolved":
            ended = f"over {alert.resolved_at:%Y-%m-%d %H:%M} UTC"
            by = f"by {alert.resolved_by}"
            return f"{ended} {by}{f': {alert.note}' if alert.note else ''}"
    times = "once" if alert.times_seen == 1 else f"{alert.times_seen} times"
    told = "sent" if alert.sent_at else "not sent"
    return f"seen {times}, {told}"
