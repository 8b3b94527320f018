"""The command ``mlkit reproduce``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, end, note, print_json, say

if TYPE_CHECKING:
    from mlkit.reproduce import Reproduction

STATE = {True: "the same", False: "differs", None: "unknown"}


def reproduce(
    model: Annotated[str, typer.Argument(help="A model: a folder in registry/.")],
    version: Annotated[
        str, typer.Argument(help="A version such as 1.2.0, a stage, or latest.")
    ],
    keep_folder: Annotated[
        bool, typer.Option("--keep-folder", help="Keep the scratch folder to look at.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay the run of a version and say whether it comes out the same.

    Exit code 1 when it does not; the inputs that differ are named either way.
    """
    found = mlkit.reproduce.reproduce(
        model, version, keep_folder=keep_folder, say=note if as_json else say
    )
    if as_json:
        print_json(found.to_dict())
    else:
        _show(found)
    if found.error is not None:
        complain(str(found.error.get("advice", "")))
    end(found.exit_code)


def _show(found: Reproduction) -> None:
    if found.error is None:
        same = found.digest == found.digest_now
        now = "" if same else f" -> {str(found.digest_now)[:12]}"
        say(f"model     {STATE[same]}: digest {found.digest[:12]}{now}")
        same = not found.metric_differences
        say(f"metrics   {STATE[same]}: {found.metrics} compared")
    for difference in found.metric_differences:
        say(f"          {difference.sentence}")
    for each in found.inputs:
        say(f"{each.name:<9} {STATE[each.same]}")
        for line in (*(d.sentence for d in each.differences), *each.notes):
            say(f"          {line}")
    if found.folder is not None:
        say(f"scratch folder: {found.folder}")
    say(found.sentence)
