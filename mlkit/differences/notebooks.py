"""Notebooks: the code cells of what a run executed, with what they put out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlkit import store

# Their values are those of the record's params, which are compared as such.
GIVEN = {"parameters", "injected-parameters"}


@dataclass(frozen=True)
class Cell:
    """A code cell of an executed notebook.

    Attributes
    ----------
    key : str
        Its id, or its place among the code cells where the file has no ids.
    source : str
        Its code.
    outputs : sequence of mapping
        What it put out, as the file has it.
    """

    key: str
    source: str
    outputs: Sequence[Mapping[str, Any]] = field(repr=False)


def executed(folder: Path, record: Mapping[str, Any]) -> dict[str, Path]:
    """Return the executed notebooks of a run by step, in the order of the steps."""
    there = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    order = [str(step.get("name")) for step in record.get("steps") or ()]
    names = dict.fromkeys([name for name in order if name in there] + [*there])
    return {name: there[name] for name in names}


def cells(path: Path) -> tuple[Cell, ...]:
    """Return the code cells of an executed notebook, without those of its parameters.

    Raises
    ------
    ValueError
        If the file does not hold a notebook.
    """
    document = store.read_json(path)
    found = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ValueError(f"{path} holds no notebook: it has no list `cells`")
    code = [
        cell
        for cell in found
        if cell.get("cell_type") == "code"
        and not GIVEN & {*(cell.get("metadata") or {}).get("tags", ())}
    ]
    return tuple(
        Cell(
            str(cell.get("id") or f"cell {place}"),
            _text(cell.get("source")),
            cell.get("outputs") or (),
        )
        for place, cell in enumerate(code, 1)
    )


def _text(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source or "")
