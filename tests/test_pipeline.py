"""The pipeline's front door, and what a step is given."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from mlkit import pipeline


@pytest.mark.parametrize("name", pipeline.__all__)
def test_a_name_stays_what_it_is_after_its_first_use(name: str) -> None:
    first, second = getattr(pipeline, name), getattr(pipeline, name)
    assert first is second
    assert inspect.isfunction(first), "a module of the same name hides it"


def test_a_notebook_does_not_import_papermill() -> None:
    code = (
        "import sys, mlkit; mlkit.pipeline.open_step; mlkit.pipeline.load_trained; "
        "sys.exit(bool({'papermill', 'nbconvert', 'scrapbook'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'retran'"):
        _ = pipeline.retran
