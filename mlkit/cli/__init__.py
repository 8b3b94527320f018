"""The command line ``mlkit``."""

from mlkit.cli.app import main

__all__ = ["main"]
