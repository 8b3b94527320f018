"""Fixtures shared by the tests."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import settings
from hypothesis.internal.conjecture import providers

from mlkit import kernels
from mlkit.data import Dataset, prepare
from mlkit.params import Params, params_from_dict
from mlkit.registry import Candidate
from mlkit.report import figures
from mlkit.report.palette import DARK, Theme

PROJECT = Path(__file__).resolve().parents[1]

# Files that take the longest, longest first: most start kernels and whole retrains.
LONG = (
    "test_docs.py",
    "test_retrain.py",
    "test_fan_out_retrain.py",
    "test_reproduce.py",
    "test_kernels_clean.py",
    "test_pipeline_reuse.py",
    "test_pipeline_drift_check.py",
    "test_fan_out_dask.py",
    "test_drift_pipeline.py",
    "test_metrics_paired.py",
    "test_synthetic_cases.py",
    "test_cli.py",
    "test_differences.py",
    "test_kernels_life.py",
    "test_notebooks_run.py",
    "test_kernels_commands.py",
    "test_pipeline_sound.py",
    "test_drift_detect.py",
)

# The same examples each time, so that a run of the tests says something of the change
# under test; `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("steady")


def no_constants(known: Any = providers._get_local_constants) -> Any:
    """Return the constants of our modules that examples are made of: none if steady.

    Else each change of a constant in any module, and each module that an earlier test
    has imported or has not, would change the examples of every test.
    """
    return providers.Constants() if settings.default.derandomize else known()


providers._get_local_constants = no_constants


def pytest_configure(config: pytest.Config) -> None:
    """Give the tests a parent of kernels of their own, one for all their processes."""
    if hasattr(config, "workerinput"):
        return
    folder = tempfile.mkdtemp(prefix="mlkit-tests-")
    os.environ["MLKIT_KERNEL_FOLDER"] = folder
    # `--nbval-current-env` takes no kernelspec of the environment.
    os.environ.setdefault("JUPYTER_DEFAULT_PROVISIONER_NAME", "mlkit-warm")
    # Should the tests be killed, it leaves by itself.
    os.environ.setdefault("MLKIT_KERNEL_IDLE", "120")
    config.add_cleanup(lambda: end_kernels(Path(folder)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the long files begin first, so that none is alone at the end."""
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


def end_kernels(folder: Path) -> None:
    """End what the tests have started, and remove its folder."""
    kernels.stop({"MLKIT_KERNEL_FOLDER": str(folder)})
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Return a folder whose path is short enough for sockets, as tmp_path's is not."""
    with tempfile.TemporaryDirectory(prefix="mk-") as folder:
        yield Path(folder)


@pytest.fixture
def shared_data() -> Callable[[str], Path]:
    """Return a function that finds a real data file, or skips the test without it."""

    def find(name: str) -> Path:
        path = PROJECT.parent / "shared" / "data" / name
        if not path.exists():
            pytest.skip(f"real data set {name} is not on this machine")
        return path

    return find


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    """Return a function that makes a model fit to register; keywords replace fields."""

    def make(number: int = 0, **fields: Any) -> Candidate:
        column = {"name": "age", "kind": "number", "role": "feature"}
        known = {
            "digest": f"{number:064x}",
            "schema": {
                "task": "binary",
                "target": "late",
                "classes": ["no", "yes"],
                "positive": "yes",
                "columns": [column],
            },
            "params": {"train": {"options": {"depth": number}}},
            "fingerprint": "f" * 64,
            "estimator": "hist_gradient_boosting",
            "family": "boosting",
            "metrics": {"roc_auc": {"value": 0.9, "lower": 0.88, "upper": 0.92}},
            "packages": {"scikit-learn": "1.8.0"},
            "who": "ada",
            "created_at": datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
        }
        return Candidate(**{**known, **fields})

    return make


@pytest.fixture
def prepared() -> Callable[..., tuple[Dataset, Params]]:
    """Return a function that prepares a table whose target is ``y``.

    Keywords are sections of the params: ``train={"estimator": "sgd"}``.
    """

    def make(frame: pd.DataFrame, task: str, **sections: Any) -> tuple[Dataset, Params]:
        positive = {"positive": "yes"} if task == "binary" else {}
        data = {
            "source": "y.csv",
            "target": "y",
            **positive,
            **sections.pop("data", {}),
        }
        params = params_from_dict({"case": "y", "task": task, "data": data, **sections})
        return prepare(frame, params), params

    return make


@pytest.fixture
def dark_as_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every dark figure that is made by changing colours to one that is drawn."""
    drawn: list[tuple[Any, ...]] = []
    draw_svg, darken = figures._svg, figures._darkened

    def remember(draw: Any, theme: Theme, width: int, height: int) -> bytes:
        drawn.append((draw, DARK, width, height))
        return draw_svg(draw, theme, width, height)

    def compare(light: bytes) -> bytes | None:
        dark = darken(light)
        if dark is not None:
            assert anonymous(dark) == anonymous(draw_svg(*drawn[-1]))
        return dark

    def anonymous(svg: bytes) -> bytes:
        # matplotlib makes the ids of markers and clips from their style.
        return re.sub(rb"\b[mp][0-9a-f]{10}\b", b"", svg)

    monkeypatch.setattr(figures, "_svg", remember)
    monkeypatch.setattr(figures, "_darkened", compare)
