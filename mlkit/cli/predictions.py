"""The command ``mlkit predictions``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, print_json, say
from mlkit.cli.running import CASE, Case, Overrides

if TYPE_CHECKING:
    from mlkit.params import Params
    from mlkit.prediction_log import Compacted, Garbage, Logged, Tidied

LIMIT = 20
MASK = "•••"
HEAD = ("id", "at", "version", "prediction", "probability", "actual", "latency_ms",
        "error")  # fmt: skip


Limit = Annotated[
    int | None,
    typer.Option(
        "--limit",
        min=1,
        help="How many of the newest are shown.",
        show_default=str(LIMIT),
    ),
]
Version = Annotated[
    str | None, typer.Option("--version", help="Only those of this version.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", help="Only those from then on (UTC): 2026-11-20."),
]
TidyUp = Annotated[
    bool,
    typer.Option("--tidy", help="Compress and remove old days, as monitor.* says."),
]
Compact = Annotated[
    bool, typer.Option("--compact", help="Turn days that are over into Parquet.")
]


def predictions(
    case: Case = CASE,
    limit: Limit = None,
    version: Version = None,
    since: Since = None,
    tidy: TidyUp = False,
    compact: Compact = False,
    overrides: Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Show what the model of a case answered lately, or put its log in order."""
    if tidy or compact:
        chosen = {"--limit": limit, "--version": version, "--since": since}
        _refuse_choice("--tidy" if tidy else "--compact", chosen)
    params = mlkit.params.load_params(case, overrides=overrides or ())
    folder = mlkit.prediction_log.log_folder(params)
    if tidy or compact:
        _put_in_order(params, folder, tidy=tidy, compact=compact, as_json=as_json)
        return
    logged = mlkit.prediction_log.read_predictions(
        folder,
        params.model,
        version=version,
        start=_moment(since),
        limit=limit or LIMIT,
    )
    rows = _rows(logged, params)
    if as_json:
        found = {"model": params.model, "predictions": rows}
        print_json(found | {"garbage": logged.garbage.count, "lost": logged.lost})
        return
    for row in rows:
        say(_line(row))
    if not rows:
        say(f"the log in {folder} holds no such prediction of {params.model}")
    if logged.garbage.count:
        _complain_of(logged.garbage)
    if logged.lost:
        complain(f"{_counted(logged.lost, 'prediction')} could not be written: lost")


def _refuse_choice(order: str, chosen: Mapping[str, object]) -> None:
    """Refuse to choose rows where the log as a whole is put in order."""
    given = [name for name, value in chosen.items() if value is not None]
    if given:
        raise typer.BadParameter(
            f"{order} puts the whole log in order and shows no predictions, so that "
            f"{' and '.join(given)} cannot choose any; leave out one or the other"
        )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"--since must be a day or a moment such as 2026-11-20 or "
            f"2026-11-20T08:30, got {text!r}"
        ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _rows(logged: Logged, params: Params) -> list[dict[str, Any]]:
    """Return logged rows as plain JSON data, the newest first."""
    hidden = set(params.data.sensitive)
    outcome = {"prediction", "probability", "actual"}
    covered = outcome if params.data.target in hidden else set()
    heads = logged.frame[list(HEAD)].to_dict("records")
    features = logged.features.to_dict("records")
    return [
        {name: MASK if name in covered else _plain(head[name]) for name in HEAD}
        | {
            "features": {
                str(name): MASK if name in hidden else _plain(value)
                for name, value in each.items()
            }
        }
        for head, each in zip(reversed(heads), reversed(features), strict=True)
    ]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it; a missing one is None."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    # Of what pandas holds as missing, only None is equal to itself.
    if value is None or type(value).__name__ == "NAType" or value != value:
        return None
    return value.isoformat() if isinstance(value, datetime) else value


def _line(row: dict[str, Any]) -> str:
    answer = f"failed: {row['error']}" if row["error"] else _answer(row)
    took = "" if row["latency_ms"] is None else f"  {row['latency_ms']:.1f} ms"
    features = json.dumps(row["features"], ensure_ascii=False)
    return f"{row['at'][:19]}  {row['version']:<8}  {answer}{took}\n    {features}"


def _answer(row: dict[str, Any]) -> str:
    sure = row["probability"]
    surely = f" ({sure:.3f})" if isinstance(sure, float) else ""
    known = "" if row["actual"] is None else f", was {row['actual']}"
    return f"{row['prediction']}{surely}{known}"


def _put_in_order(
    params: Params, folder: Path, *, tidy: bool, compact: bool, as_json: bool
) -> None:
    log, now, asked = mlkit.prediction_log, mlkit.pipeline.now(), params.monitor
    done: dict[str, Any] = {}
    if compact:
        compacted = log.compact(folder, params.model, now=now)
        done["compacted"] = compacted.to_dict()
    if tidy:
        tidied = log.tidy(
            folder,
            params.model,
            now=now,
            compress_days=asked.compress_days,
            keep_days=asked.keep_days,
            compact_mb=asked.compact_mb,
        )
        done["tidied"] = tidied.to_dict()
    if as_json:
        print_json({"model": params.model, **done})
        return
    if compact:
        _say_compacted(compacted)
    if tidy:
        _say_tidied(tidied)


def _say_compacted(done: Compacted) -> None:
    if done.days:
        days, rows = _counted(len(done.days), "day"), _counted(done.rows, "row")
        say(f"turned into Parquet: {days}, {rows} ({_days(done.days)})")
    else:
        say("turned into Parquet: nothing, for no day that is over was left to turn")
    if done.garbage.count:
        held = f"what held {_them(done.garbage.count)}"
        _complain_of(done.garbage, f"; {held} is kept in files named *.damaged")
    if done.removed:
        n = len(done.removed)
        say(f"removed: {_counted(n, 'file')} that {_was(n)} left behind")
    if done.skipped:
        n = len(done.skipped)
        complain(
            f"{_counted(n, 'file')} could not be read and {_was(n)} left alone, with "
            f"all of the same day: {', '.join(done.skipped)}"
        )


def _complain_of(garbage: Garbage, kept: str = "") -> None:
    """Say how much could not be read, and where each file is damaged."""
    complain(f"{garbage.what} could not be read{kept}")
    for place in garbage.places:
        if place.line is None:
            complain(f"  {place.file}: {place.why}")


def _say_tidied(done: Tidied) -> None:
    for what, names in (("compressed", done.compressed), ("removed", done.removed)):
        files = f"{_counted(len(names), 'file')} ({', '.join(names)})"
        say(f"{what}: {files if names else 'nothing'}")
    if done.compacted:
        days = _counted(len(done.compacted), "day")
        say(f"turned into Parquet: {days} ({_days(done.compacted)})")
    kept = _counted(len(done.kept_days), "day")
    days = f"{kept} ({_days(done.kept_days)})" if done.kept_days else "nothing"
    say(f"kept: {days}")


def _days(days: Sequence[date]) -> str:
    first, last = days[0].isoformat(), days[-1].isoformat()
    return first if len(days) == 1 else f"{first} to {last}"


def _them(n: int) -> str:
    return "it" if n == 1 else "them"


def _was(n: int) -> str:
    return "was" if n == 1 else "were"
