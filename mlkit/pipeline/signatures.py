"""Signatures: the names and defaults that a notebook's first code cell declares."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlkit import store

TAG = "parameters"


class SignatureError(ValueError):
    """A notebook whose ``parameters`` cell is not a signature."""


def signature(notebook: Path) -> dict[str, Any]:
    """Return the names and defaults that a notebook's ``parameters`` cell declares.

    Parameters
    ----------
    notebook : Path
        The notebook, as it stands in ``notebooks/``.

    Returns
    -------
    dict
        Name to literal default value, in order.

    Raises
    ------
    SignatureError
        If there is not exactly one cell tagged ``parameters``, or it holds more than
        assignments of literals.
    """
    cells = [source for source, declares in code_cells(notebook) if declares]
    if len(cells) != 1:
        raise SignatureError(
            f"{notebook.name} must have exactly one code cell tagged `parameters`, and "
            f"has {len(cells)}; tag the cell that assigns case and run"
        )
    found: dict[str, Any] = {}
    for statement in _parse(cells[0], notebook).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = _literal(value, name, notebook)
            case _:
                raise SignatureError(
                    f"{notebook.name}: the `parameters` cell holds literal assignments "
                    f"only, and has `{ast.unparse(statement)}`; move it to another cell"
                )
    return found


def code_cells(notebook: Path) -> Iterator[tuple[str, bool]]:
    """Yield the source of each code cell, and whether it is tagged ``parameters``.

    Raises
    ------
    SignatureError
        If the file is not a notebook.
    """
    try:
        for cell in _cells(notebook):
            if cell["cell_type"] == "code":
                source = cell["source"]
                text = source if isinstance(source, str) else "".join(source)
                yield text, TAG in cell["metadata"].get("tags", [])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SignatureError(
            f"{notebook} is not a notebook that can be read ({error}); a merge may "
            f"have left its marks: `git checkout -- {notebook.name}` brings it back"
        ) from error


def _cells(notebook: Path) -> Any:
    document = store.read_json(notebook)
    if document["nbformat"] == 4:
        return document["cells"]
    import nbformat

    return nbformat.convert(nbformat.from_dict(document), 4)["cells"]


def _parse(source: str, notebook: Path) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise SignatureError(
            f"{notebook.name}: the `parameters` cell is not Python, line "
            f"{error.lineno}: {error.msg}; put it right in JupyterLab"
        ) from error


def _literal(value: ast.expr, name: str, notebook: Path) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise SignatureError(
            f"{notebook.name}: the parameter {name!r} must be a literal, got "
            f"`{ast.unparse(value)}`; compute it in a later cell"
        ) from None


def arguments(
    notebook: Path, case: str, run: str | None, params: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is injected into a notebook: case, run and its resolved sections.

    Parameters
    ----------
    notebook : Path
        The notebook.
    case : str
        Name of the case.
    run : str or None
        Name of the run; None is a draft.
    params : mapping
        The resolved params as plain data.

    Raises
    ------
    SignatureError
        If the notebook declares a name that is neither ``case``, ``run`` nor a section.
    """
    given: dict[str, Any] = {"case": case, "run": run}
    sections = {key for key, value in params.items() if isinstance(value, dict)}
    for name in signature(notebook):
        if name in sections:
            given[name] = params[name]
        elif name not in given:
            raise SignatureError(
                f"{notebook.name} declares the parameter {name!r}, and the params have "
                f"no such section; sections are {', '.join(sorted(sections))}"
            )
    return given
