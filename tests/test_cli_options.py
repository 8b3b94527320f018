"""What several commands take: declared in one place."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import mlkit
from mlkit.clean import KEEP, find_old
from mlkit.cli.app import app
from mlkit.cli.clean import clean
from mlkit.cli.entry import WARM

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


def test_how_many_runs_a_clean_keeps_stands_in_one_place() -> None:
    found = [
        path.name
        for path in (
            *sorted((PACKAGE / "clean").glob("*.py")),
            PACKAGE / "cli/clean.py",
        )
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == KEEP
    ]
    assert found == ["__init__.py"]
    asked = (inspect.signature(each).parameters["keep"] for each in (find_old, clean))
    assert [each.default for each in asked] == [KEEP, KEEP]


def test_what_is_forked_are_commands() -> None:
    names = {
        command.name or command.callback.__name__ for command in app.registered_commands
    }
    assert set() < WARM <= names
