"""The table of health names the causes that the code can raise, and no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from mlkit.monitor import health

PACKAGE = Path(health.__file__).parents[1]
FILES = (*sorted((PACKAGE / "monitor").glob("*.py")), PACKAGE / "pipeline/retrained.py")


def texts(node: ast.expr, tree: ast.Module) -> Iterator[str]:
    """Yield what a cause may be: a text, or what is sure of it up to its first gap."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            yield start
        case ast.Name(id=name):
            for given in ast.walk(tree):
                if isinstance(given, ast.Assign):
                    for target in given.targets:
                        yield from assigned(target, given.value, name, tree)
        case _:
            raise AssertionError(f"which cause is {ast.unparse(node)}?")


def assigned(
    target: ast.expr, value: ast.expr, name: str, tree: ast.Module
) -> Iterator[str]:
    if isinstance(target, ast.Name) and target.id == name:
        yield from texts(value, tree)
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=True):
            yield from assigned(one, other, name, tree)


def raised() -> set[str]:
    found = set()
    for file in FILES:
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
                if not node.args:
                    # Taken from a record: what it holds was raised elsewhere.
                    assert node.keywords[0].arg is None, ast.unparse(node)
                    continue
                causes = set(texts(node.args[0], tree))
                assert causes, f"{file.name}: {ast.unparse(node)}"
                found |= causes
    return found


def test_the_table_and_the_code_name_the_same_causes() -> None:
    causes = raised()
    assert {"drift", "performance.", "retrain.failed"} <= causes
    table = health.__doc__ or ""
    assert {each for each in causes if f"``{each}" not in table} == set()
    rows = re.findall(r"^``([^`]+)``", table, flags=re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        # A letter at its end stands for a name, three dots for several.
        known = re.sub(r"(?<=\.)[a-z]$|…$", "", row)
        assert any(each.startswith(known) for each in causes), row
