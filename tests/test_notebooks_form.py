"""The notebooks as they stand in git: short cells, no outputs, one signature."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import nbformat
import pytest

from mlkit.params import Params
from mlkit.pipeline.signatures import signature

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LIBRARIES = {"mlkit", "pandas", "matplotlib", "numpy"}
FORBIDDEN = re.compile(
    r"^\s*[%!]|sys\.path|filterwarnings|\btry:|(?<![\w.])/(?:home|root|tmp|usr|work)/",
    re.MULTILINE,
)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    document = nbformat.read(path, as_version=4)
    return [cell for cell in document.cells if cell.cell_type == kind]


def test_the_pipelines_notebooks_are_there() -> None:
    assert {"data", "train", "evaluate"} <= {path.stem for path in NOTEBOOKS}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestForm:
    def test_cells_are_few_and_short(self, path: Path) -> None:
        lengths = [len(cell.source.splitlines()) for cell in cells(path, "code")]
        total = len(lengths) + len(cells(path, "markdown"))
        assert 12 <= total <= 30
        assert max(lengths) <= 10
        assert statistics.median(lengths) <= 4

    def test_nothing_is_defined_or_worked_around(self, path: Path) -> None:
        for cell in cells(path, "code"):
            assert not FORBIDDEN.search(cell.source), cell.source
            for node in ast.walk(ast.parse(cell.source)):
                kinds = (ast.FunctionDef, ast.ClassDef, ast.Try, ast.Lambda)
                assert not isinstance(node, kinds), cell.source

    def test_only_the_usual_libraries_are_imported(self, path: Path) -> None:
        for cell in cells(path, "code"):
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(node, ast.ImportFrom), cell.source
                if isinstance(node, ast.Import):
                    assert {alias.name for alias in node.names} <= LIBRARIES

    def test_no_output_and_no_injected_cell_is_kept(self, path: Path) -> None:
        for cell in cells(path, "code"):
            assert cell.outputs == []
            assert cell.execution_count is None
            assert "injected-parameters" not in cell.metadata.get("tags", [])
            assert "papermill" not in cell.metadata

    def test_the_signature_names_sections_of_the_params(self, path: Path) -> None:
        declared = signature(path)
        assert list(declared)[:2] == ["case", "run"]
        assert declared["run"] is None
        sections = set(declared) - {"case", "run"}
        assert sections <= set(Params.model_fields)
        assert all(declared[name] is None for name in sections)
        assert "parameters" in cells(path, "code")[0].metadata.tags

    def test_it_opens_anywhere(self, path: Path) -> None:
        document = nbformat.read(path, as_version=4)
        nbformat.validate(document)
        assert document.metadata.kernelspec.name == "python3"

    def test_prose_holds_no_figure_that_code_computes(self, path: Path) -> None:
        for cell in cells(path, "markdown"):
            assert not re.search(r"\d+\.\d+|\d+ ?%", cell.source), cell.source

    def test_it_begins_with_what_it_is_for(self, path: Path) -> None:
        first = nbformat.read(path, as_version=4).cells[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert len(first.source.split()) <= 120
        for word in ("Why", "Reads", "Writes", "Next"):
            assert f"**{word}" in first.source
