"""Which exit code an exception comes to, and what is printed of it."""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

# In this order. A module that was never imported cannot have raised, so that none has
# to be imported to ask.
CODES = {
    ("mlkit.pipeline.runs", "BusyError"): 4,
    ("mlkit.registry", "ConflictError"): 4,
    ("mlkit.registry", "DamageError"): 1,
    ("mlkit.registry", "RegistryError"): 2,
    ("mlkit.params", "ParamsError"): 2,
    ("mlkit.sources", "SourceError"): 2,
    ("mlkit.data", "DataError"): 2,
    ("mlkit.kernels", "ColdError"): 2,
    ("mlkit.predict", "PredictError"): 2,
    ("mlkit.reproduce", "ReproduceError"): 2,
    ("mlkit.scaffold", "ScaffoldError"): 2,
    ("mlkit.differences", "RunChoiceError"): 2,
    ("mlkit.fan_out.errors", "ExecutorError"): 2,
    ("mlkit.fan_out.errors", "SegmentsError"): 2,
    ("mlkit.fan_out.errors", "WorkspaceError"): 2,
    ("mlkit.pipeline.signatures", "SignatureError"): 2,
    ("mlkit.pipeline.retraining", "ResumeError"): 2,
    ("mlkit.pipeline.stopped", "ChangedModelError"): 1,
    ("mlkit.pipeline.stopped", "StepError"): 3,
    ("mlkit.pipeline.steps", "StaleError"): 3,
    ("builtins", "FileNotFoundError"): 2,
    ("builtins", "OSError"): 3,
}


# What the system says no to: the rule, and the next step.
REFUSED = {
    errno.EACCES: (
        "whoever runs mlkit must be allowed to read and write there",
        "ask for the right to it, or run mlkit as the user who owns it",
    ),
    errno.EROFS: (
        "the workspace must be on a disk that can be written to",
        "mount it for writing, or set MLKIT_ROOT to a copy elsewhere",
    ),
    errno.ENOSPC: ("there must be space on the disk", "free some and run it again"),
    errno.ENOENT: ("the file or folder must exist", "check the path"),
    errno.EISDIR: ("it must be a file and is a folder", "name another path"),
    errno.ENOTDIR: ("it must lie in a folder, not in a file", "check the path"),
}
REFUSED |= {
    errno.EPERM: REFUSED[errno.EACCES],
    errno.EDQUOT: REFUSED[errno.ENOSPC],
}
UNKNOWN = "it must be readable and writable", "check the disk and run it again"


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error that users are told about, else None."""
    if usage_of(error) is not None:
        return 2
    for (module, name), code in CODES.items():
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            return code
    return None


def message_of(error: BaseException) -> str:
    """Return what is printed of an error, without a traceback."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing needs to be cleaned up, run it again"
    if code_of(error) is None:
        return (
            f"unexpected {type(error).__name__}: {error}\n"
            "This is a fault of mlkit or of a package: run it again with --debug to "
            "see where, and check the environment with `mlkit doctor`"
        )
    usage = usage_of(error)
    if usage is not None:
        return usage
    return sentence_of(error) if isinstance(error, OSError) else str(error)


def usage_of(error: BaseException) -> str | None:
    """Return what is printed of wrong usage that typer found, None for other errors.

    Its classes are known by what they have: some versions of typer bring a click of
    their own, whose names are private.
    """
    told = getattr(error, "format_message", None)
    if told is None:
        return None
    context = getattr(error, "ctx", None)
    if context is None:
        return str(told())
    text = str(told())
    usage = str(context.get_usage())
    if usage in text:
        return text
    return f"{usage}\nTry '{context.command_path} --help' for help.\n\nError: {text}"


def sentence_of(error: OSError) -> str:
    """Return what the system refused, as a rule, a path and a next step."""
    if error.errno is None:
        return str(error)
    reason = error.strerror or os.strerror(error.errno)
    # Whoever raised it has said what became of it and what to do.
    if reason != os.strerror(error.errno):
        return f"{error.filename}: {reason}" if error.filename else reason
    path = error.filename or "a file that mlkit reads or writes"
    rule, step = REFUSED.get(error.errno, UNKNOWN)
    return f"{path}: {rule}; the system says: {reason}; {step}"


def error_record(error: BaseException) -> dict[str, Any]:
    """Return an error as ``--json`` prints it."""
    wrong_usage = usage_of(error) is not None
    return {
        "error": {
            "type": "UsageError" if wrong_usage else type(error).__name__,
            "message": message_of(error),
            "exit_code": code_of(error) or 3,
        }
    }
