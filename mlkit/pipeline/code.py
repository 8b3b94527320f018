"""The code that a step's result depends on, known by its content."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import mlkit
from mlkit import store
from mlkit.pipeline.signatures import code_cells

PACKAGE = Path(mlkit.__file__).parent
# How params name a callable: `package.module:name`.
DOTTED = re.compile(r"([A-Za-z_]\w*)(?:\.\w+)*:[A-Za-z_]\w*(?:\.\w+)*")


def notebook_digest(notebook: Path) -> str:
    """Return the SHA-256 of a notebook's code, its ``parameters`` cell left out.

    Text, outputs and settings of the editor do not count.
    """
    sources = [source for source, declares in code_cells(notebook) if not declares]
    return store.sha256_bytes(store.canonical_json(sources))


def package_digest(package: Path = PACKAGE) -> str:
    """Return the SHA-256 of a package's files: its modules, templates and styles."""
    found = {
        path.relative_to(package).as_posix(): store.sha256_file(path)
        for path in sorted(package.rglob("*"))
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.startswith(".")
    }
    return store.sha256_bytes(store.canonical_json(found))


def own_modules(params: Any, notebook: Path, root: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of the workspace's own modules that a step uses.

    They are found from the dotted paths in the params and the imports of the notebook,
    and on from there through their own imports.

    Parameters
    ----------
    params : mapping
        The params that the step reads, plain data.
    notebook : Path
        The step's notebook.
    root : Path
        The workspace, in whose folder the modules lie.

    Returns
    -------
    dict of str to str
        File, relative to the workspace, to SHA-256.
    """
    waiting = {found[1] for text in _texts(params) if (found := DOTTED.fullmatch(text))}
    waiting |= _imported(source for source, _ in code_cells(notebook))
    seen: set[str] = set()
    found_files: dict[str, str] = {}
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for file in _files(name, root):
            content = file.read_bytes()
            relative = file.relative_to(root).as_posix()
            found_files[relative] = store.sha256_bytes(content)
            waiting |= _imported([content.decode(errors="replace")]) - seen
    return found_files


def _texts(params: Any) -> Iterator[str]:
    if isinstance(params, dict):
        for value in params.values():
            yield from _texts(value)
    elif isinstance(params, list):
        for value in params:
            yield from _texts(value)
    elif isinstance(params, str):
        yield params


def _files(name: str, root: Path) -> list[Path]:
    # mlkit itself counts as a whole, wherever it lies.
    if name == PACKAGE.name:
        return []
    module = root / f"{name}.py"
    files = [module] if module.is_file() else []
    return files + sorted((root / name).rglob("*.py"))


def _imported(sources: Iterable[str]) -> set[str]:
    """Return the first names of what sources import, wherever in them they do."""
    found = set()
    for source in sources:
        try:
            nodes = list(ast.walk(ast.parse(source)))
        # A notebook's magic, or a module that cannot be imported either.
        except (SyntaxError, ValueError):
            continue
        for node in nodes:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found
