"""The commands ``mlkit retrain`` and ``mlkit drift``, and the options they share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

import mlkit
from mlkit.cli.fan_out import Every, Executor, Workspace, fans_out, retrain_many
from mlkit.cli.options import AsJson
from mlkit.cli.printing import complain, end, note, print_json, say

# The case that comes with the project; the Makefile has the same.
CASE = "vendor_dispatch"

Case = Annotated[str, typer.Argument(help="A case: the name of a file in params/.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value that overrides the params file; repeatable."),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Queue behind a run of the same case.")
]
OrCase = Annotated[
    str | None,
    typer.Argument(help="A case: the name of a file in params/.", show_default=CASE),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", min=1, help="Steps of a case, or retrains, at the same time."
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Run every step, whatever is known.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="RUN",
        help="Go on from a run that failed, with its params and its good steps.",
    ),
]
Trigger = Annotated[
    bool,
    typer.Option(
        "--trigger-retraining",
        help="When there is drift, retrain from the configured source; the exit code "
        "is then that of the retrain.",
    ),
]


def retrain(
    case: OrCase = None,
    every: Every = False,
    executor: Executor = "processes",
    workspace: Workspace = None,
    jobs: Jobs = None,
    force: Force = False,
    resume: Resume = None,
    overrides: Overrides = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Train, evaluate, decide about a new version, and write the reports."""
    given = overrides or ()
    asked: dict[str, Any] = {"force": force, "wait": wait, "overrides": given}
    _refuse_beside_resume(resume, {"--all": every, "--force": force})
    # The run that is resumed says what its params were, as those of a segment.
    elsewhere = executor != "processes" or workspace is not None
    named = case if every else case or CASE
    if resume is None and fans_out(named, given, every=every, elsewhere=elsewhere):
        return retrain_many(
            named,
            executor=executor,
            jobs=jobs,
            workspace=workspace,
            as_json=as_json,
            **asked,
        )
    done = mlkit.pipeline.retrain(
        case or CASE,
        resume=resume,
        **asked if jobs is None else asked | {"jobs": jobs},
        say=note if as_json else say,
        progress_bar=sys.stderr.isatty() and not as_json,
    )
    if as_json:
        print_json(done.to_dict())
    tell(done, as_json)
    end(done.exit_code)


def _refuse_beside_resume(resume: str | None, others: Mapping[str, bool]) -> None:
    for name, given in others.items():
        if resume is not None and given:
            raise typer.BadParameter(
                f"--resume goes on from one run and takes its good steps, and {name} "
                "was given, too; leave one of the two out"
            )


def drift(
    case: Case = CASE,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            "--data-path",
            help="Current rows: file or URI. Without it: as the params say.",
        ),
    ] = None,
    trigger: Trigger = False,
    overrides: Overrides = None,
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Compare current rows with what the model learned from; exit 1 on drift.

    Without drift nothing is ever retrained. With drift and --trigger-retraining the
    exit code is that of the retrain: 0 done, 1 a gate failed, 3 a step failed. In the
    JSON, `drifted` is the answer, and `verdict` that of the retrain.
    """
    checked(case, overrides)
    asked: dict[str, Any] = {
        "overrides": overrides or (),
        "wait": wait,
        "say": note if as_json else say,
        "progress_bar": sys.stderr.isatty() and not as_json,
    }
    found = mlkit.pipeline.check_drift(case, data=data, **asked)
    tell(found, as_json)
    done = mlkit.pipeline.retrain(case, **asked) if trigger and found.drifted else None
    if as_json:
        print_json(_drift_answer(found, done))
    if done is None:
        end(found.exit_code)
    else:
        tell(done, as_json)
        end(done.exit_code)


def _drift_answer(found: Any, done: Any | None) -> dict[str, Any]:
    """Return whether there is drift, and what the retrain it led to came to."""
    retrained = None if done is None else done.to_dict()
    verdict = None if retrained is None else retrained["verdict"]
    answer: dict[str, Any] = found.to_dict()
    return answer | {
        "drifted": found.drifted,
        "verdict": verdict,
        "retrain": retrained,
    }


def tell(done: Any, as_json: bool) -> None:
    """Say what stopped a run, and where its report is."""
    error = done.record["error"]
    if error is not None:
        complain(f"{error['message']}\n{error['advice']}")
    if not as_json:
        say(f"report: {done.page}")


def checked(case: str, overrides: list[str] | None) -> None:
    """Refuse wrong params before the rooms that take seconds to import are."""
    mlkit.params.load_params(case, overrides=overrides or ())
