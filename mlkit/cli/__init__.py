"""The command line ``mlkit``."""

from mlkit.cli.entry import main

__all__ = ["main"]
