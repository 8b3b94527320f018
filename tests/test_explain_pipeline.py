"""The step `explain` in a workspace, and the explainer of a version in the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import Pipeline

from mlkit import pipeline, registry
from mlkit.data import Dataset
from mlkit.explain import AdditivityError, Explainer, ExplainError
from mlkit.pipeline.artifacts import Loaded
from mlkit.pipeline.explaining import ChosenRows
from mlkit.pipeline.steps import Step
from tests import played
from tests.workspace import TOY, make_workspace

SENSITIVE = TOY.replace("  positive:", "  sensitive: [region]\n  positive:")
Drafted = tuple[Step, Dataset, Loaded]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return make_workspace(tmp_path, params=SENSITIVE)


def drafted(**explain: Any) -> Drafted:
    """Train a draft and open the step that explains it."""
    played.play_train("toy", None)
    step = pipeline.open_step("explain", "toy", None, explain=explain)
    dataset = pipeline.load_dataset(step)
    return step, dataset, pipeline.load_trained(step, dataset)


def explain(drafted: Drafted) -> dict[str, Any]:
    """Do what the notebook does and return what it found."""
    step, dataset, model = drafted
    explainer = pipeline.make_explainer(step, dataset, model)
    importances = pipeline.explain_columns(step, dataset, explainer)
    chosen = pipeline.choose_rows(step, dataset, model)
    shap = pipeline.explain_rows(step, dataset, explainer, chosen)
    lime = pipeline.explain_rows(step, dataset, explainer, chosen, method="lime")
    pipeline.save_explanations(step, explainer, importances, shap, lime)
    pipeline.finish(step, dataset, inputs=model.inputs)
    outcome = pipeline.explain_outcome(explainer, importances, chosen, lime)
    numbers = pipeline.explain_numbers(importances, lime)
    return {
        "outcome": outcome,
        "numbers": numbers,
        "rows": shap,
        "explainer": explainer,
    }


def test_a_draft_is_explained_and_kept(workspace: Path) -> None:
    found = explain(drafted(lime_seeds=2, lime_samples=200, global_rows=40))
    assert found["outcome"].state == "ok"
    assert found["outcome"].headline.endswith("move the prediction most")
    labels = [number["label"] for number in found["numbers"]]
    assert labels[:3] == [
        "Moves predictions most",
        "Model needs most",
        "Sums that hold",
    ]
    folder = workspace / "reports" / "toy" / "draft"
    kept = json.loads((folder / "explain" / "explanations.json").read_text())
    assert [row["reason"] for row in kept["rows"]] == [
        "most confident, right",
        "most confident, wrong",
        "closest to the threshold",
    ]
    assert len(kept["lime"]) == 3
    outputs = json.loads((folder / "explain.json").read_text())["outputs"]
    assert set(outputs) == {
        "explain/background.parquet",
        "explain/explanations.json",
        "explain/importances.json",
    }


def test_no_sensitive_value_is_in_the_files(workspace: Path) -> None:
    found = explain(drafted(lime_seeds=2, lime_samples=200, global_rows=40))
    explainer = found["explainer"]
    assert explainer.background["region"].isna().all()
    assert explainer.background["age"].notna().all()
    folder = workspace / "reports" / "toy" / "draft" / "explain"
    stored = pd.read_parquet(folder / "background.parquet")
    assert len(stored) == 100
    assert stored["region"].isna().all()
    everything = b"".join(path.read_bytes() for path in folder.iterdir())
    for region in (b"north", b"south", b"east"):
        assert region not in everything


def test_rows_that_are_named_and_rows_that_are_gone(workspace: Path) -> None:
    step, dataset, model = drafted(rows=[3, 9999])
    chosen = pipeline.choose_rows(step, dataset, model)
    assert [row.position for row in chosen.rows] == [2]
    explainer = pipeline.make_explainer(step, dataset, model)
    columns = pipeline.explain_columns(step, dataset, explainer)
    outcome = pipeline.explain_outcome(explainer, columns, chosen)
    assert outcome.state == "warning"
    assert "got 9999" in outcome.reason
    assert "got 9999" in chosen._repr_html_()


def test_a_model_without_probabilities_is_a_warning(workspace: Path) -> None:
    step, dataset, model = drafted()
    X, y = dataset.X(dataset.train_rows), dataset.target(dataset.train_rows)
    bare = Pipeline([model.models["model"].steps[0], ("model", RidgeClassifier())])
    model.models["model"] = bare.fit(X, y)  # type: ignore[index]
    explainer = pipeline.make_explainer(step, dataset, model)
    assert not isinstance(explainer, Explainer)
    assert "RidgeClassifier" in explainer._repr_html_()
    importances = pipeline.explain_columns(step, dataset, explainer)
    chosen = ChosenRows(())
    rows = pipeline.explain_rows(step, dataset, explainer, chosen)
    pipeline.save_explanations(step, explainer, importances, rows)
    outcome = pipeline.explain_outcome(explainer, importances, chosen)
    assert (importances, rows) == (None, ())
    assert outcome.state == "warning"
    assert "train.calibration" in outcome.reason
    kept = json.loads((step.files / "explanations.json").read_text())
    assert "RidgeClassifier" in kept["refusal"]


def test_contributions_that_do_not_add_up_fail_the_step(workspace: Path) -> None:
    step, dataset, model = drafted()
    explainer = pipeline.make_explainer(step, dataset, model)
    # The model is changed behind the explainer's back.
    model.models["model"][-1].coef_ = model.models["model"][-1].coef_ * 1.01
    with pytest.raises(AdditivityError):
        pipeline.explain_columns(step, dataset, explainer)


def registered(drafted: Drafted, candidate: Any, *, background: bool) -> Explainer:
    """Register a draft's model, with or without background; return its explainer."""
    step, dataset, model = drafted
    explainer = pipeline.make_explainer(step, dataset, model)
    assert isinstance(explainer, Explainer)
    pipeline.save_explanations(step, explainer, None)
    files = {"model.skops": (step.folder / "train" / "model.skops").read_bytes()}
    if background:
        files["background.parquet"] = (step.files / "background.parquet").read_bytes()
    fit = candidate(schema=model.schema.to_dict(), params=step.params.to_dict())
    registry.open_registry("toy", step.root).register(fit, files)
    return explainer


def test_a_version_is_explained_from_the_registry(
    workspace: Path, candidate: Any
) -> None:
    shown = registered(drafted(), candidate, background=True)
    later = pipeline.open_explainer("toy", "latest", workspace)
    assert len(later.background) == len(shown.background)
    assert list(later.background.dtypes) == list(shown.background.dtypes)
    row = {"age": 51, "visits": 2, "region": "north"}
    found = later.explain_prediction(row)
    assert found == shown.explain_prediction(row)
    assert sum(found.contributions) + found.base == pytest.approx(found.output)
    pd.testing.assert_frame_equal(later.background, shown.background)
    assert found.contributions[found.columns.index("region")] != 0
    said = "".join(found.notes)
    assert "(region) no values are kept to compare with" in said
    assert "Whether training saw the value of region is not kept" in said
    assert "north" not in said
    assert said == "".join(later.explain_prediction({**row, "region": "Mars"}).notes)
    missing = later.explain_prediction({**row, "region": None})
    assert "training saw" not in "".join(missing.notes)
    twice = [known.explain_prediction(row, "lime") for known in (later, shown)]
    assert twice[0] == twice[1]


def test_a_version_without_background_cannot_be_explained(
    workspace: Path, candidate: Any
) -> None:
    registered(drafted(), candidate, background=False)
    with pytest.raises(ExplainError, match=r"keeps no rows to compare with.*Retrain"):
        pipeline.open_explainer("toy", "latest", workspace)
