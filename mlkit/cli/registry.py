"""The commands of ``mlkit registry``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import mlkit
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, end, print_json, say

if TYPE_CHECKING:
    from mlkit.registry import Note

registry_app = typer.Typer(no_args_is_help=True, help="Versions, stages and history.")

Model = Annotated[str, typer.Argument(help="A model: a folder in registry/.")]
Version = Annotated[
    str, typer.Argument(help="A version such as 1.2.0, a stage, or latest.")
]
Why = Annotated[str, typer.Option("--why", help="The reason, kept in the history.")]


@registry_app.command("list")
def list_versions(
    model: Annotated[
        str | None, typer.Argument(help="A model; none lists all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of a model, or of all models."""
    root = mlkit.store.workspace_root()
    names = [_known(model)] if model else mlkit.registry.models(root)
    states = [mlkit.registry.open_registry(name, root).state() for name in names]
    if as_json:
        print_json([state.to_dict() for state in states])
        return
    for state in states:
        say(state.model)
        for version in reversed([*state.versions.values()]):
            say(
                f"  {version.version:<10} {version.stage:<12} {version.at}  "
                f"{version.by}: {version.reason}"
            )


@registry_app.command()
def show(model: Model, version: Version = "production") -> None:
    """Print a version's manifest and history as JSON."""
    print_json(mlkit.registry.open_registry(model).show(version).to_dict())


@registry_app.command()
def history(model: Model, as_json: AsJson = False) -> None:
    """Print who changed what, when and why."""
    found = mlkit.registry.open_registry(_known(model)).history()
    if as_json:
        print_json(found.to_dict())
        return
    for commit in found:
        say(f"{commit.number:>4}  {commit.at}  {commit.by}: {commit.summary}")
        if commit.why:
            say(f"      {commit.why}")


@registry_app.command()
def compare(model: Model, old: Version, new: Version, as_json: AsJson = False) -> None:
    """Print what differs between two versions."""
    found = mlkit.registry.open_registry(model).compare(old, new)
    if as_json:
        print_json(found.to_dict())
        return
    same = "the same model" if found.same_model else "different models"
    say(f"{model} {found.old} -> {found.new}: {same}")
    for difference in found.differences:
        say(f"  {difference.sentence}")
    for name, (before, after) in found.metrics.items():
        say(f"  {name}: {_value(before)} -> {_value(after)}")


def _value(estimate: dict[str, float | None] | None) -> str:
    value = None if estimate is None else estimate["value"]
    return "none" if value is None else f"{value:.4g}"


@registry_app.command()
def live(
    model: Model, day: Annotated[str, typer.Argument(help="Such as 2026-11-20.")]
) -> None:
    """Print what was in production on a day (UTC)."""
    for reign in mlkit.registry.open_registry(_known(model)).live_on(day):
        found = reign.to_dict()
        say(f"{reign.version} from {found['since']} to {found['until'] or 'now'}")


@registry_app.command()
def promote(
    model: Model,
    version: Version,
    why: Why,
    allow_pickle: Annotated[
        bool,
        typer.Option("--allow-pickle", help="Open a pickle, which runs code in it."),
    ] = False,
) -> None:
    """Put a version from staging or the archive into production.

    It is opened first, and must answer as it did when it was trained.
    """
    opened = mlkit.registry.open_registry(_known(model))
    champion = opened.production()
    digest = None if champion is None else champion.digest
    mlkit.pipeline.check_answers(opened, version, allow_pickle=allow_pickle)
    say(opened.promote(version, note=_note(why), expected_champion=digest).summary)


@registry_app.command()
def rollback(model: Model, why: Why) -> None:
    """Bring back the version that was in production before."""
    say(mlkit.registry.open_registry(model).rollback(note=_note(why)).summary)


@registry_app.command()
def archive(model: Model, version: Version, why: Why) -> None:
    """Move a version to the archive."""
    say(mlkit.registry.open_registry(model).archive(version, note=_note(why)).summary)


@registry_app.command()
def verify(
    model: Annotated[
        str | None, typer.Argument(help="A model; none takes all.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check every file of the registry; exit 1 if one is damaged."""
    root = mlkit.store.workspace_root()
    names = [model] if model else mlkit.registry.models(root)
    found = [mlkit.registry.open_registry(name, root).verify() for name in names]
    if as_json:
        print_json([report.to_dict() for report in found])
    for report in found if not as_json else ():
        say(
            f"{report.model}: {report.versions} versions, {report.commits} commits, "
            f"{report.blobs} files, {len(report.damages)} damaged"
        )
        for damage in report.damages:
            complain(f"  {damage.path}: {damage.found}")
        for line in report.notes:
            say(f"  {line}")
    end(1 if any(report.damages for report in found) else 0)


def _known(model: str) -> str:
    mlkit.registry.open_registry(model).check_known()
    return model


def _note(why: str) -> Note:
    who, at = mlkit.pipeline.who(), mlkit.pipeline.now()
    return mlkit.registry.Note(who, at, why)
