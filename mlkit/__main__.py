"""``python -m mlkit`` is the command ``mlkit``."""

from mlkit.cli import main

main()
