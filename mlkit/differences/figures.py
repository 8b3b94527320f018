"""Figures: the images of two runs, those of the same cell side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest

from mlkit.differences.notebooks import Cell
from mlkit.report.differences import FigurePair
from mlkit.report.pictures import Picture, pictures


def figure_pairs(
    step: str, a: Sequence[Cell], b: Sequence[Cell]
) -> Iterator[FigurePair]:
    """Yield the figures of a step, matched by the cell's id and their order in it."""
    old, new = _shown(a), _shown(b)
    for key in dict.fromkeys([*new, *old]):
        both = zip_longest(old.get(key, ()), new.get(key, ()))
        for one, other in both:
            yield FigurePair(step, key, one, other)


def _shown(cells: Sequence[Cell]) -> Mapping[str, Sequence[Picture]]:
    return {cell.key: pictures(cell.outputs) for cell in cells}
