"""The commands of ``mlkit kernel``."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import print_json, say

if TYPE_CHECKING:
    from mlkit.kernels import Parent

kernel_app = typer.Typer(no_args_is_help=True, help="Warm kernels: quick to start.")


@kernel_app.command()
def install() -> None:
    """Make `python3` a warm kernel in this environment."""
    say(f"installed: {mlkit.kernels.install()}")


@kernel_app.command()
def status(as_json: AsJson = False) -> None:
    """Say which parents of kernels run, and with which kernels."""
    parents = mlkit.kernels.status()
    if as_json:
        print_json([parent.to_dict() for parent in parents])
        return
    for parent in parents:
        _show(parent)
    if not parents:
        say("no parent of kernels runs; the next notebook starts one")


@kernel_app.command()
def stop(as_json: AsJson = False) -> None:
    """End the parents of kernels; kernels that are in use go on."""
    ended = mlkit.kernels.stop()
    if as_json:
        print_json(ended)
        return
    for pid in ended:
        say(f"ended: process {pid}")
    if not ended:
        say("no parent of kernels runs")


def _show(parent: Parent) -> None:
    since = datetime.fromtimestamp(parent.since, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    left = max(0.0, parent.idle - (time.time() - parent.used)) / 60
    say(
        f"process {parent.pid}, since {since}: {parent.modules} modules, "
        f"{parent.memory_mb:.0f} MB, {len(parent.kernels)} kernels"
        + ("" if parent.kernels else f", leaves in {left:.0f} min without one")
    )
    for kernel in parent.kernels:
        say(f"  {kernel['what']} {kernel['pid']} of process {kernel['client']}")
    for name, why in parent.missing.items():
        say(f"  not imported: {name}: {why.splitlines()[-1]}")
