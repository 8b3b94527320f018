"""Which exit code an exception comes to, and what is printed of it."""

from __future__ import annotations

import sys

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
    ("mlkit.predict", "PredictError"): 2,
    ("mlkit.pipeline.execute", "SignatureError"): 2,
    ("mlkit.pipeline.execute", "StepError"): 3,
    ("mlkit.pipeline.steps", "StaleError"): 3,
    ("builtins", "FileNotFoundError"): 2,
    ("builtins", "OSError"): 3,
}


def code_of(error: BaseException) -> int | None:
    """Return the exit code of an error that users are told about, else None."""
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
    return str(error)
