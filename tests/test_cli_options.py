"""What several commands take: declared in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import mlkit

PACKAGE = Path(mlkit.__file__).parent


def test_json_is_declared_once() -> None:
    found = [
        path.name
        for path in sorted((PACKAGE / "cli").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node).startswith("typer.Option('--json'")
    ]
    assert found == ["options.py"]
