"""What the command line prints, and the codes with which it ends."""

from __future__ import annotations

import sys
from typing import Any

from mlkit import store

MEANING = {
    0: "done",
    1: "the answer is no",
    2: "wrong usage or params",
    3: "a step failed",
    4: "conflict with another writer",
}


def say(line: str) -> None:
    """Print a line of result."""
    print(line, flush=True)


def note(line: str) -> None:
    """Print a line that is not the result, such as progress beside JSON."""
    print(line, file=sys.stderr, flush=True)


def complain(line: str) -> None:
    """Print what went wrong, after everything that was said before."""
    sys.stdout.flush()
    note(line)


def print_json(value: Any) -> None:
    """Print a machine-readable result."""
    print(store.canonical_json(value).decode(), end="", flush=True)


def end(code: int) -> None:
    """Exit unless all is well; the last line names the code, as make hides it."""
    if code:
        complain(f"exit code {code} ({MEANING[code]})")
        raise SystemExit(code)
