"""Fixtures shared by the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds a real data file, or skips the test without it."""

    def find(name: str) -> Path:
        path = PROJECT.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"real data set {name} is not on this machine")
        return path

    return find
