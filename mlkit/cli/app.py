"""The command line: each command is one call of the library and one exit code.

Exit codes: 0 done; 1 the answer is no (a gate failed, verify found damage); 2 wrong
usage or params; 3 a step failed; 4 conflict with another writer.
"""

from __future__ import annotations

import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

import mlkit
from mlkit import store
from mlkit.cli.alerts import alerts
from mlkit.cli.clean import clean
from mlkit.cli.differences import diff
from mlkit.cli.errors import code_of, error_record, message_of
from mlkit.cli.kernel import kernel_app
from mlkit.cli.monitor import health, monitor
from mlkit.cli.options import AsJson
from mlkit.cli.predictions import predictions
from mlkit.cli.printing import complain, end, print_json, say
from mlkit.cli.registry import registry_app
from mlkit.cli.reproduce import reproduce
from mlkit.cli.running import CASE, Case, Overrides, checked, drift, retrain

app = typer.Typer(
    help="Retrain, evaluate, promote and serve models whose pipeline is notebooks.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
params_app = typer.Typer(no_args_is_help=True, help="The params of a case.")
app.add_typer(registry_app, name="registry")
app.add_typer(params_app, name="params")
app.add_typer(kernel_app, name="kernel")
app.command()(retrain)
app.command()(drift)
app.command()(monitor)
app.command()(health)
app.command()(alerts)
app.command()(predictions)
app.command()(clean)
app.command()(reproduce)
app.command()(diff)


@app.callback()
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    """Retrain, evaluate, promote and serve models whose pipeline is notebooks."""


@app.command()
def new(
    case: Annotated[str, typer.Argument(help="A name for the case.")],
    data: Annotated[str, typer.Option("--data", help="The table: file or URI.")],
    target: Annotated[
        str, typer.Option("--target", help="The column to predict: name or number.")
    ],
    test: Annotated[
        str | None, typer.Option("--test", help="A file of its own with test rows.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace params/<case>.yaml.")
    ] = False,
) -> None:
    """Look at a table and write params/<case>.yaml for it."""
    written = mlkit.scaffold.write_case(case, data, target, test=test, force=force)
    for finding in written.findings:
        say(str(finding))
    say(f"written: {written.path}")
    say(f"next: mlkit retrain {case}")


@app.command()
def run(
    notebook: Annotated[str, typer.Argument(help="A notebook, such as data or train.")],
    case: Case = CASE,
    overrides: Overrides = None,
) -> None:
    """Run one notebook as a draft: nothing is registered."""
    checked(case, overrides)
    page = mlkit.pipeline.run_draft(notebook, case, overrides=overrides or (), say=say)
    say(f"report: {page}")


@app.command()
def predict(
    case: Case,
    data: Annotated[str, typer.Option("--data", help="Rows to score: file or URI.")],
    out: Annotated[Path, typer.Option("--out", help="Where the scored CSV goes.")],
    version: Annotated[
        str, typer.Option("--version", help="A version, a stage, or latest.")
    ] = "production",
    overrides: Overrides = None,
) -> None:
    """Score the rows of a file with the version in production."""
    checked(case, overrides)
    scored = mlkit.predict.predict_file(
        case, data, out, version=version, overrides=overrides or ()
    )
    for warning in scored.warnings:
        complain(warning)
    say(f"{scored.rows} rows scored with {scored.model} {scored.version}: {out}")


@app.command()
def check(case: Case = CASE, overrides: Overrides = None) -> None:
    """Check a params file as a whole, without starting a kernel."""
    checked(case, overrides)
    params = mlkit.pipeline.check_case(case, overrides=overrides or ())
    say(f"params/{case}.yaml is good: {params.task}, target {params.data.target!r}")


@app.command()
def reports() -> None:
    """Write reports/index.html anew from the run records and the registry."""
    say(f"index: {mlkit.pipeline.write_index(store.workspace_root())}")


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what of the environment is missing or odd."""
    findings = mlkit.doctor.diagnose()
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        for finding in findings:
            say(f"{finding.status:<8} {finding.name}: {finding.found}")
            if finding.status != "ok":
                say(f"         {finding.advice}")
    end(1 if any(finding.status == "missing" for finding in findings) else 0)


@params_app.command("schema")
def params_schema() -> None:
    """Write params/schema.json, which editors use to check params files."""
    path = store.workspace_root() / "params" / "schema.json"
    store.write_json(path, mlkit.params.json_schema())
    say(f"written: {path}")


@params_app.command("reference")
def params_reference() -> None:
    """Write docs/params.md, the reference of all params."""
    path = store.workspace_root() / "docs" / "params.md"
    store.write_atomic(path, mlkit.params.reference())
    say(f"written: {path}")


@params_app.command("show")
def params_show(case: Case, overrides: Overrides = None) -> None:
    """Print a case's params as JSON, every default filled in."""
    print_json(mlkit.params.load_params(case, overrides=overrides or ()).to_dict())


def serve() -> NoReturn:
    """Run the command line and exit with one of the documented codes."""
    arguments = sys.argv[1:]
    # Wherever it stands: people add it at the end of the command that failed.
    debug = "--debug" in arguments
    signal.signal(signal.SIGTERM, _interrupt)
    _open_workspace()
    try:
        # Not standalone: else what typer says of wrong usage would not be told as JSON.
        code = app([a for a in arguments if a != "--debug"], standalone_mode=False)
        # What typer makes of Ctrl-C.
        if code == 128 + signal.SIGINT:
            raise KeyboardInterrupt
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        if "--json" in arguments:
            print_json(error_record(error))
        complain(message_of(error))
        end(code_of(error) or 3)
    end(code or 0)
    sys.exit(0)


def _open_workspace() -> None:
    """Let params name functions and classes in modules of the workspace."""
    with suppress(FileNotFoundError):
        # Last, so that nothing there can hide an installed package.
        sys.path.append(str(store.workspace_root()))


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    # The same clean end as Ctrl-C: the kernel is shut down, the record is closed.
    raise KeyboardInterrupt
