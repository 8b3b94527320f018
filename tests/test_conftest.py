"""The settings that all tests share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize("derandomize", [True, False])
def test_steady_examples_are_the_same_whatever_modules_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, derandomize: bool
) -> None:
    seen: list[int] = []

    @settings(max_examples=200, derandomize=derandomize, database=None)
    @given(st.lists(st.integers(), min_size=5))
    def collect(numbers: list[int]) -> None:
        seen.extend(numbers)

    collect()
    before, marks = seen[:], {number * 10**6 + 77 for number in range(400)}
    module = tmp_path / "marks.py"
    module.write_text(f"MARKS = {sorted(marks)}\n")
    spec = importlib.util.spec_from_file_location("marks", module)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "marks", importlib.util.module_from_spec(spec))
    seen.clear()
    collect()
    assert (seen == before) is derandomize
    # Where new examples are looked for, ours are among them.
    assert marks.isdisjoint(seen) is derandomize
