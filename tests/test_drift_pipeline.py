"""Drift checks as the notebook makes them: what is compared, and what is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit import label_free, pipeline, registry, store
from mlkit import report as report_room
from mlkit.drift import DriftReport, ReferenceProfile
from mlkit.pipeline import decide as deciding
from mlkit.pipeline.artifacts import LABEL_FREE, REFERENCE_ROWS
from mlkit.pipeline.compared import PROFILE, Compared
from mlkit.pipeline.record import RunRecord
from mlkit.sources import SourceError
from tests.played import open_record, play, settle
from tests.workspace import TOY, make_workspace, toy_table

ROWS = 900


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_workspace(tmp_path, rows=ROWS)
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace whose case was retrained once."""
    root = make_workspace(tmp_path_factory.mktemp("learned"), rows=ROWS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLKIT_ROOT", str(root))
        retrain(root)
    return root


@pytest.fixture
def trained(learned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of it, to be changed."""
    root = Path(shutil.copytree(learned, tmp_path / "copy"))
    monkeypatch.setenv("MLKIT_ROOT", str(root))
    return root


def check(
    run: str | None, case: str = "toy", **section: Any
) -> tuple[Compared, DriftReport]:
    """Do what the notebook does."""
    step = pipeline.open_step("drift", case, run, drift=section or None)
    compared = pipeline.compare_rows(step)
    report = pipeline.find_drift(step, compared)
    summary = pipeline.save_drift(step, compared, report)
    pipeline.finish(step, compared, inputs=compared.inputs, results=summary)
    return compared, report


def retrain(
    root: Path, *overrides: str, **section: Any
) -> tuple[RunRecord, DriftReport]:
    """Play a retrain with its drift check, and decide."""
    record = play(root, overrides=overrides)
    _, report = check(record.folder.run, **section)
    settle(root, record)
    record.end("ok")
    record.save()
    return record, report


def check_alone(root: Path, **section: Any) -> tuple[RunRecord, DriftReport]:
    """Check in a run of its own, which trains nothing."""
    record = open_record(root)
    record.update(kind="drift")
    _, report = check(record.folder.run, **section)
    return record, report


def write(root: Path, frame: pd.DataFrame, name: str = "current.csv") -> str:
    frame.to_csv(root / "data" / name, index=False)
    return f"data/{name}"


def moved(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(age=frame["age"] + 12)


def test_a_first_run_has_nothing_to_compare_with_and_leaves_a_profile(
    root: Path,
) -> None:
    record, report = retrain(root)
    assert report.verdict == "not_applicable"
    assert "first run" in report.reason
    profile = ReferenceProfile.from_dict(
        store.read_json(record.folder.path / "drift" / PROFILE)
    )
    training = store.read_json(record.folder.path / "train" / "training.json")
    assert profile.rows == training["training"]["n_train"]
    assert [each.name for each in profile.columns] == ["age", "visits", "region"]
    assert [each.name for each in profile.predictions] == ["probability of yes"]
    assert profile.performance is not None
    assert profile.performance.metric == "roc_auc"
    assert profile.performance.n == ROWS - profile.rows
    result = store.read_json(record.folder.path / "drift.json")
    kept = {"drift.json", PROFILE, REFERENCE_ROWS, LABEL_FREE}
    assert set(result["outputs"]) == {f"drift/{name}" for name in kept}
    answers = label_free.from_dict(
        store.read_json(record.folder.path / "drift" / LABEL_FREE)
    )
    assert answers.rows == profile.performance.n
    assert answers.realised["roc_auc"].value == profile.performance.value


def test_the_same_data_again_are_trivially_no_drift(trained: Path) -> None:
    _, report = retrain(trained)
    assert report.verdict == "none"
    assert report.reason == "The data are those that version 1.0.0 learned from."


def test_a_later_run_is_compared_with_the_profile_of_the_champion(
    trained: Path,
) -> None:
    later = pd.concat([toy_table(ROWS), moved(toy_table(ROWS, seed=5))])
    later.to_csv(trained / "data" / "toy.csv", index=False)
    record, report = retrain(trained)
    assert report.verdict == "drift"
    assert report.flagged == ("age",)
    assert report.predictions[0].flagged
    assert report.performance is not None
    assert 0 < report.performance.current.n < 2 * ROWS
    summary = store.read_json(record.folder.path / "drift.json")["results"]
    assert summary["verdict"] == "drift"
    assert summary["flagged"] == ["age"]


def test_a_file_is_compared_with_the_version_in_production(trained: Path) -> None:
    calm = write(trained, toy_table(ROWS, seed=7))
    (trained / "data" / "toy.csv").unlink()
    record, report = check_alone(trained, current=calm)
    assert report.verdict == "none"
    assert report.predictions
    assert report.performance is not None
    assert report.performance.current.n == ROWS
    assert not (record.folder.path / "drift" / PROFILE).exists()
    _, drifted = check_alone(
        trained, current=write(trained, moved(toy_table(ROWS, seed=7)))
    )
    assert drifted.verdict == "drift"
    assert "predictions have drifted" in drifted.reason


def test_a_file_without_labels_has_no_performance_and_says_so(trained: Path) -> None:
    current = write(trained, toy_table(ROWS, seed=7).drop(columns="bought"))
    _, report = check_alone(trained, current=current)
    assert report.performance is None
    assert any("no 'bought'" in note for note in report.notes)


def test_labels_that_are_unknown_are_counted_and_left_out(trained: Path) -> None:
    frame = toy_table(ROWS, seed=7)
    frame.loc[:9, "bought"] = "maybe"
    frame.loc[10:19, "bought"] = None
    _, report = check_alone(trained, current=write(trained, frame))
    assert report.performance is not None
    assert report.performance.current.n == ROWS - 20
    said = " ".join(report.notes)
    assert "10 current rows have no 'bought' yet and no part" in said
    assert (
        "10 labels are unknown to the model: 'maybe', where it knows 'no', 'yes'"
        in (said)
    )
    assert report.verdict == "none"


@pytest.mark.parametrize("sensitive", [False, True])
def test_labels_that_are_all_written_otherwise_break_the_schema(
    trained: Path, sensitive: bool
) -> None:
    if sensitive:
        path = trained / "params" / "toy.yaml"
        hidden = "  sensitive: [bought]\ntrain:"
        path.write_text(path.read_text().replace("train:", hidden, 1))
    frame = toy_table(ROWS, seed=7)
    frame["bought"] = frame["bought"].map({"yes": "Y", "no": "N"})
    frame.loc[:99, "bought"] = None
    _, report = check_alone(trained, current=write(trained, frame))
    assert report.verdict == "drift"
    assert report.flagged == ("bought",)
    assert report.performance is None
    what = "The current table lacks what the model needs: 'bought' (all 800 labels are"
    assert what in report.reason
    named = "unknown to the model: 'N', 'Y', where it knows 'no', 'yes'"
    assert (named in report.reason) != sensitive
    assert ("2 masked values" in report.reason) == sensitive
    assert "Y" not in str(report.to_dict()) or not sensitive
    html = report_room.drift_effects(report).alt
    assert "bought (1.00)" in html
    assert report_room.drift_findings(report)._repr_html_()


def test_a_file_whose_labels_are_not_known_yet_is_no_finding(trained: Path) -> None:
    frame = toy_table(ROWS, seed=7).assign(bought=None)
    _, report = check_alone(trained, current=write(trained, frame))
    assert report.verdict == "none"
    assert any("900 current rows have no 'bought' yet" in n for n in report.notes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.drop(columns="age"), "lacks what the model needs: 'age'"),
        (lambda f: f.assign(age="old"), "values cannot be read as numbers"),
        (lambda f: f.assign(age=np.nan), "every value is missing"),
    ],
)
def test_a_file_that_breaks_the_schema_is_drift(
    trained: Path, change: Any, words: str
) -> None:
    current = write(trained, change(toy_table(200, seed=7)))
    _, report = check_alone(trained, current=current)
    assert report.verdict == "drift"
    assert words in report.reason


def test_a_file_with_few_rows_is_not_judged(trained: Path) -> None:
    _, report = check_alone(trained, current=write(trained, toy_table(30)))
    assert report.verdict == "too_few"
    assert "30 rows" in report.reason


def test_a_broken_file_stops_a_check_and_no_retrain(trained: Path) -> None:
    (trained / "data" / "page.csv").write_text("<html><body>not found</body></html>")
    with pytest.raises(SourceError, match=r"page\.csv"):
        check_alone(trained, current="data/page.csv")
    record, report = retrain(trained, current="data/page.csv")
    assert report.verdict == "not_applicable"
    assert "could not be read" in report.reason
    assert "page.csv" in report.reason
    assert (record.folder.path / "drift" / PROFILE).exists()


def test_a_version_without_a_profile_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = deciding._artifacts
    monkeypatch.setattr(
        deciding,
        "_artifacts",
        lambda folder: {k: v for k, v in kept(folder).items() if k != PROFILE},
    )
    retrain(root)
    _, report = check_alone(root, current=write(root, toy_table(ROWS)))
    assert report.verdict == "not_applicable"
    assert "without a reference profile" in report.reason


TIMED = TOY.replace("case: toy", "case: timed").replace("toy.csv", "timed.csv") + (
    "drift:\n  min_rows: 40\n"
)


def timed(root: Path, *, by: str, drift: float) -> None:
    data = f'  positive: "yes"\n  time: at\n  split: {{by: {by}}}\n'
    text = TIMED.replace('  positive: "yes"\n', data)
    (root / "params" / "timed.yaml").write_text(text)
    frame = toy_table(ROWS, seed=3)
    frame["at"] = pd.date_range("2024-01-01", periods=ROWS, freq="h").astype(str)
    newest = np.arange(ROWS) >= 0.8 * ROWS
    frame["age"] += drift * newest
    frame.to_csv(root / "data" / "timed.csv", index=False)


@pytest.mark.parametrize("by", ["time", "row"])
def test_the_newest_rows_are_compared_with_the_older_ones(root: Path, by: str) -> None:
    timed(root, by=by, drift=12)
    record = play(root, "timed")
    compared, report = check(record.folder.run, "timed")
    assert report.verdict == "drift"
    assert "age" in report.flagged
    assert report.rows + report.current_rows == ROWS
    assert report.current_rows == pytest.approx(0.2 * ROWS, rel=0.02)
    assert report.period is not None
    assert report.current_period is not None
    assert report.period[1] < report.current_period[0]
    assert "newest rows by 'at'" in compared.what
    assert ("newer half" in compared.notes[0]) == (by == "time")
    assert report.predictions


def test_rows_that_did_not_change_with_time_are_no_drift(root: Path) -> None:
    timed(root, by="time", drift=0)
    record = play(root, "timed")
    _, report = check(record.folder.run, "timed")
    assert report.verdict == "none"


def test_a_draft_is_checked_and_leaves_no_profile(root: Path) -> None:
    timed(root, by="row", drift=12)
    _, report = check(None, "timed")
    assert report.verdict == "drift"
    assert report.predictions == ()
    assert any("no model in production" in note for note in report.notes)
    folder = root / "reports" / "timed" / "draft" / "drift"
    assert [path.name for path in folder.iterdir()] == ["drift.json"]


def test_a_check_of_its_own_asks_the_version_in_production(trained: Path) -> None:
    later = pd.concat([toy_table(ROWS), toy_table(ROWS, seed=5)])
    later.to_csv(trained / "data" / "toy.csv", index=False)
    _, report = check_alone(trained)
    assert report.verdict == "none"
    assert report.predictions
    assert report.performance is not None


def test_columns_are_weighed_by_how_far_they_move_the_predictions(root: Path) -> None:
    record = play(root, overrides=["explain.global_rows=40", "explain.repeats=2"])
    step = pipeline.open_step("explain", "toy", record.folder.run)
    dataset = pipeline.load_dataset(step)
    model = pipeline.load_trained(step, dataset)
    explainer = pipeline.make_explainer(step, dataset, model)
    found = pipeline.explain_columns(step, dataset, explainer)
    assert found is not None
    pipeline.save_explanations(step, explainer, found)
    pipeline.finish(step, dataset, inputs=model.inputs)
    check(record.folder.run)
    settle(root, record)
    _, report = check_alone(root, current=write(root, toy_table(ROWS, seed=5)))
    moves = dict(zip(found.columns, found.moves, strict=True))
    assert {each.name: each.importance for each in report.columns} == pytest.approx(
        {name: move / sum(moves.values()) for name, move in moves.items()}
    )


def test_sensitive_columns_are_masked_in_what_is_kept(root: Path) -> None:
    path = root / "params" / "toy.yaml"
    path.write_text(
        path.read_text().replace("train:", "  sensitive: [region, bought]\ntrain:", 1)
    )
    record, _ = retrain(root)
    current = write(root, toy_table(ROWS, seed=8).assign(region="north"))
    checked, report = check_alone(root, current=current)
    kept = [
        (folder.folder.path / name).read_text()
        for folder in (record, checked)
        for name in ("drift/drift.json", "drift.json")
    ]
    kept.append((record.folder.path / "drift" / PROFILE).read_text())
    rows = record.folder.path / "drift" / REFERENCE_ROWS
    assert list(pd.read_parquet(rows)) == ["age", "visits"]
    kept.append(rows.read_bytes().decode("latin-1"))
    assert report.flagged == ("region",)
    assert not any(word in text for text in kept for word in ("north", "south", '"yes'))


def test_the_head_of_the_page_says_what_was_found(trained: Path) -> None:
    _, calm = check_alone(trained, current=write(trained, toy_table(ROWS, seed=7)))
    _, drifted = check_alone(
        trained, current=write(trained, moved(toy_table(ROWS, seed=7)))
    )
    assert pipeline.drift_outcome(calm).tone == "good"
    assert pipeline.drift_outcome(drifted).tone == "bad"
    numbers = {each["label"]: each for each in pipeline.drift_numbers(drifted)}
    assert numbers["Columns flagged"]["value"] == "1 of 3"
    assert numbers["Current rows"]["value"] == ROWS
    assert numbers["ROC AUC now"]["lower"] < numbers["ROC AUC now"]["upper"]
    json.dumps(list(numbers.values()))
    nothing = DriftReport("not_applicable", "Nothing is in production yet.")
    assert pipeline.drift_numbers(nothing) == []
    outcome = pipeline.drift_outcome(nothing)
    assert (outcome.tone, outcome.label) == ("neutral", "Not applicable")


def test_what_the_registry_keeps_of_the_reference_is_what_the_run_made(
    root: Path,
) -> None:
    record, _ = retrain(root)
    opened = registry.open_registry("toy", root)
    for name in (PROFILE, REFERENCE_ROWS):
        stored = opened.artifact("production", name)
        assert stored == (record.folder.path / "drift" / name).read_bytes()
    again, _ = retrain(root)
    assert (again.folder.path / "drift" / REFERENCE_ROWS).read_bytes() == stored
    none, _ = retrain(root, sample=0)
    assert not (none.folder.path / "drift" / REFERENCE_ROWS).exists()


def test_the_head_of_a_check_says_which_file_is_checked(root: Path) -> None:
    given = {"current": "data/june.csv"}
    step = pipeline.open_step("drift", "toy", None, drift=given)
    assert '<th scope="row">Current rows</th><td>data/june.csv<' in step._repr_html_()
    other = pipeline.open_step("explain", "toy", None, drift=given)
    assert "june" not in other._repr_html_()
    assert repr(step) == "Step('drift', 'toy', draft)"
