"""What stops a run, and what its record says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlkit.pipeline.runs import BusyError
from mlkit.registry import ConflictError, RegistryError


class StepError(RuntimeError):
    """A notebook that did not reach its end.

    Attributes
    ----------
    details : dict
        ``step``, ``cell`` (the number JupyterLab shows before it), ``source``,
        ``type``, ``message`` and ``advice``.
    """

    def __init__(self, details: Mapping[str, Any]) -> None:
        self.details = dict(details)
        super().__init__(
            f"step {details['step']!r} failed in cell {details['cell']}: "
            f"{details['message']}"
        )


class StepStoppedError(RuntimeError):
    """A notebook that was ended from outside, because its run was."""


class StaleChampionError(RuntimeError):
    """Another version came into production while this one was judged.

    Attributes
    ----------
    details : dict
        ``step``, ``type``, ``message`` and ``advice``.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.details = {
            "step": "decide",
            "type": "Conflict",
            "message": message,
            "advice": "Somebody else moves versions of this model; run it again.",
            "exit_code": 4,
        }


class ChangedModelError(RuntimeError):
    """A model from the registry does not answer as it did when it was trained."""


# What the record and its page tell in full, so that no caller needs the exception.
TOLD = (StepError, StaleChampionError, ChangedModelError, RegistryError, OSError)


def failure(error: BaseException) -> dict[str, Any]:
    """Return what a run's record says of the error that stopped it."""
    match error:
        case StepError() | StaleChampionError():
            return dict(error.details)
        case KeyboardInterrupt():
            message = "the run was interrupted before it reached its end"
            advice = "Nothing needs to be cleaned up."
        case StepStoppedError():
            message = str(error)
            advice = "The next run starts it again."
        case BusyError():
            message = str(error)
            advice = "Run it again when that run has ended, or with --wait."
        case OSError():
            message = f"{error.filename or 'the disk'}: {error.strerror or error}"
            advice = "Check the disk's free space and the folder's rights."
        case ChangedModelError() | RegistryError():
            message = str(error)
            advice = "Look at the versions with `mlkit registry list`."
        case _:
            message = str(error)
            advice = (
                "This is a fault of mlkit or of a package; add --debug to see where."
            )
    return {
        "step": None,
        "type": type(error).__name__,
        "message": message,
        "advice": advice,
        "exit_code": 4 if isinstance(error, ConflictError | BusyError) else 3,
    }
