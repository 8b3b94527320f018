"""Sensitive values in what the notebooks leave: shown text, stored cells, files."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit import params as params_room
from mlkit import report
from tests.workspace import TOY, make_workspace, toy_table

NOTEBOOKS = ("data", "train", "evaluate", "explain", "drift")
COLUMNS = "  time: at\n  sensitive: [region, income, remark]\n  positive:"
PARAMS = TOY.replace("  positive:", COLUMNS)
# Sentinels: a category, a number of many digits and a word of a text.
SENTINEL = re.compile(
    r"Zq(north|south|east)|71[,\u202f]?83\d\.\d|71[,\u202f]?83\d\b|Xylo"
)


def sentinel_table(rows: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    frame = toy_table(rows)
    remarks = [f"Xylophone {word} plays" for word in rng.choice(["a", "b"], rows)]
    return frame.assign(
        region="Zq" + frame["region"],
        income=(71830 + rng.uniform(0, 9, rows)).round(4),
        remark=[f"{text} {place} times" for place, text in enumerate(remarks)],
        at=pd.date_range("2024-01-01", periods=rows, freq="h").astype(str),
    )


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    root = make_workspace(tmp_path, params=PARAMS)
    sentinel_table().to_csv(root / "data" / "toy.csv", index=False)
    return root


def played_cells(root: Path, name: str) -> Iterator[tuple[str, Any]]:
    """Run a notebook's code here, and yield what each of its cells shows."""
    book = json.loads((root / "notebooks" / f"{name}.ipynb").read_text())
    known: dict[str, Any] = {}
    for cell in book["cells"]:
        if cell["cell_type"] != "code":
            continue
        tree = ast.parse("".join(cell["source"]))
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), known)
        if "parameters" in cell["metadata"].get("tags", []):
            known["case"] = "toy"
        if isinstance(last, ast.Expr):
            shown = compile(ast.Expression(last.value), cell["id"], "eval")
            yield cell["id"], eval(shown, known)


def decoded(path: Path) -> str:
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv()
    return path.read_bytes().decode("utf-8", "replace")


def test_no_sensitive_value_is_in_what_a_notebook_stores(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = workspace / "data" / "toy.csv"
    assert len(set(SENTINEL.findall(held.read_text()))) > 3, "there is what to find"
    assert params_room.load_params("toy", workspace).data.sensitive
    told: dict[str, str] = {}
    # No kernel is running: what would be glued to the notebook is looked at here.
    monkeypatch.setattr(
        report, "glue", lambda name, value: told.update({name: json.dumps(value)})
    )
    for name in NOTEBOOKS:
        for cell, shown in played_cells(workspace, name):
            html = shown._repr_html_() if hasattr(shown, "_repr_html_") else ""
            told[cell] = f"{shown!r} {html}"
    files = [path for path in (workspace / "reports").rglob("*") if path.is_file()]
    told |= {str(p): decoded(p) for p in files if p.suffix in (".json", ".parquet")}
    assert len(told) > 30
    found = {place: SENTINEL.search(text) for place, text in told.items()}
    assert not re.search("income|DataFrame", f"{told['drift-05']}{told['explain-08']}")
    told_where = {place: hit[0] for place, hit in found.items() if hit}
    assert told_where == {}
