"""The options of `mlkit retrain` by which it does many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

import mlkit
from mlkit.cli.printing import complain, end, note, print_json, say

Every = Annotated[bool, typer.Option("--all", help="Retrain all cases, side by side.")]
Executor = Annotated[
    str,
    typer.Option(
        help="Who retrains many at once: processes, or dask://HOST:PORT.",
    ),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        help="URI by which workers reach the workspace that do not share its folder."
    ),
]


def fans_out(
    case: str | None, overrides: Sequence[str], *, every: bool, elsewhere: bool
) -> bool:
    """Return whether several retrains are asked for; refuse what can not be meant.

    Parameters
    ----------
    case : str or None
        The case that was named.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    every : bool
        Whether all cases were asked for.
    elsewhere : bool
        Whether it was said who is to retrain many.
    """
    if every and case is not None:
        raise typer.BadParameter(
            f"--all retrains every case, and the case {case!r} was named, too; leave "
            "one of the two out"
        )
    if every or case is None:
        return every
    if mlkit.params.load_params(case, overrides=overrides).segments is not None:
        return True
    if elsewhere:
        raise typer.BadParameter(
            f"--executor and --workspace are for many retrains at once, and {case!r} "
            "is one; name a column as `segments` in its params, or take --all"
        )
    return False


def retrain_many(
    case: str | None,
    *,
    overrides: Sequence[str],
    executor: str,
    jobs: int | None,
    workspace: str | None,
    force: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Retrain all cases, or the segments of one, and say what they came to."""
    done = mlkit.fan_out.retrain_many(
        case,
        overrides=overrides,
        executor=executor,
        jobs=jobs,
        workspace=workspace,
        force=force,
        wait=wait,
        say=note if as_json else say,
    )
    if as_json:
        print_json(done.to_dict())
    error = done.record["error"]
    if error is not None:
        complain(f"{error['message']}\n{error['advice']}")
    if not as_json:
        say(f"report: {done.page}")
    end(done.exit_code)
