"""The command ``mlkit clean``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.clean import KEEP
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, end, note, print_json, say

if TYPE_CHECKING:
    from mlkit.clean import Plan


def clean(
    keep: Annotated[
        int,
        typer.Option("--keep", min=1, help="How many of the newest runs a case keeps."),
    ] = KEEP,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without it, only show what would go.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove old runs, drafts and leftovers that nothing leans on any more."""
    plan = mlkit.clean.find_old(keep=keep)
    if not as_json:
        _show(plan)
    if not yes:
        if as_json:
            print_json(plan.to_dict() | {"removed": [], "left": {}, "failed": {}})
        elif plan.items:
            say("nothing was removed: `mlkit clean --yes` with the same --keep does it")
        return
    done = mlkit.clean.remove(plan, say=note)
    if as_json:
        print_json(done.to_dict())
    else:
        say(f"removed {len(done.removed)} of {len(plan.items)}")
    for path, why in {**done.left, **done.failed}.items():
        complain(f"{_short(path, plan)} is still there: {why}")
    end(3 if done.failed else 0)


def _show(plan: Plan) -> None:
    for item in plan.items:
        size = f"{item.size / 1e6:9.2f} MB"
        say(f"{size}  {_short(item.path, plan)}  ({item.why})")
    count = len(plan.items)
    say(
        f"{count} to remove, which frees {plan.freed / 1e6:.2f} MB"
        if count
        else f"nothing is old: every case keeps its newest {plan.keep} runs"
    )
    for case in dict.fromkeys(kept.case for kept in plan.kept):
        named = [kept.named for kept in plan.kept if kept.case == case]
        say(
            f"{case}: {len(named)} older stay, {sum(named)} of them named by the "
            f"registry or an export, {len(named) - sum(named)} by pages that stay"
        )
    for case in plan.busy:
        say(f"{case}: a run is under way, so all of it stays for now")
    for path in plan.foreign:
        say(f"{_short(path, plan)}: not of mlkit, left alone")


def _short(path: Path, plan: Plan) -> str:
    return path.relative_to(plan.survey.root).as_posix()
