"""Failures: what a page says of the error that stopped a run, and what to do."""

from __future__ import annotations

from typing import Any

from mlkit.report import summary
from mlkit.report.summary import Run

SOURCE_EDGE = 5


def failure(run: Run) -> dict[str, Any] | None:
    """Return what a page says of the error that stopped a run; None without one.

    The source is shortened to its first and last five lines.
    """
    error = run.get("error")
    if not error or run.get("status") not in ("failed", "interrupted"):
        return None
    step, case = error.get("step"), run["case"]
    kind = error.get("type")
    message = error.get("message") or "no message was recorded"
    advice = [error["advice"]] if error.get("advice") else []
    kind_of_run = str(run.get("kind"))
    command = kind_of_run if kind_of_run in summary.KINDS else "retrain"
    advice.append(f"Then run it again: mlkit {command} {case}")
    if command == "retrain" and _may_go_on(run):
        advice.append(
            "Or go on from the step that failed, also after a change of code: mlkit "
            f"retrain {case} --resume {run['run']}"
        )
    return {
        "message": f"{kind}: {message}" if kind else message,
        "source": shorten(error.get("source") or ""),
        "step": step,
        "cell": error.get("cell"),
        "advice": advice,
    }


def _may_go_on(run: Run) -> bool:
    """Return whether a step of a run ended well and can be taken by another run."""
    done = run.get("steps") or ()
    return any(step.get("key") and step.get("status") == "ok" for step in done)


def shorten(source: str, edge: int = SOURCE_EDGE) -> str:
    r"""Return the first and the last lines of a long source.

    Examples
    --------
    >>> print(shorten("a\nb\nc\nd", edge=1))
    a
    … 2 lines left out …
    d
    """
    lines = source.splitlines()
    rest = len(lines) - 2 * edge
    if rest <= 1:
        return source
    return "\n".join([*lines[:edge], f"… {rest} lines left out …", *lines[-edge:]])
