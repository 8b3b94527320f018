"""What a proposal becomes in the registry, and what it must never become."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlkit import registry, store
from mlkit.pipeline.decide import ChangedModelError, StaleChampionError
from mlkit.pipeline.record import RunRecord, now
from mlkit.registry import ModelRegistry, Note
from tests import played
from tests.workspace import make_workspace, toy_table

STAGED = "registry.auto_promote=false"
STRICT = "evaluate.gates=[{metric: accuracy, min: 0.999}]"
# Smooth enough to be another model, near enough to be no worse with any certainty.
NEAR = "train.options.C=0.1"
# So smooth that its probabilities say little, which the log loss notices.
WEAK = ("evaluate.primary=log_loss", "train.options.C=0.001")
STRONG = "evaluate.primary=log_loss"
ANY_GAIN = "evaluate.min_gain=0"
CHANGED = ("train/model.skops", "train/sample.parquet", "evaluate/evaluation.json")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    monkeypatch.setenv("MLKIT_USER", "ada")
    return make_workspace(tmp_path, rows=300)


@pytest.fixture
def more_rows(root: Path) -> None:
    """Replace the table by one on which the log loss can decide."""
    toy_table(1500).to_csv(root / "data" / "toy.csv", index=False)


@pytest.fixture
def opened(root: Path) -> ModelRegistry:
    return registry.open_registry("toy", root)


def stages(opened: ModelRegistry) -> dict[str, str]:
    return {version.version: version.stage for version in opened.versions()}


def commits(opened: ModelRegistry) -> list[str]:
    return [commit.action for commit in opened.history()]


def note(why: str = "by hand") -> Note:
    return Note("grace", now(), why)


class TestAFirstModel:
    def test_it_goes_into_production_by_way_of_staging(self, root, opened) -> None:
        decision = played.retrain(root)
        assert (decision.verdict, decision.stage) == ("promote", "production")
        assert (decision.version, decision.new) == ("1.0.0", True)
        assert decision.champion is None
        assert decision.version_reason == "first version"
        assert commits(opened) == ["register", "move", "promote"]

    def test_the_log_has_who_why_the_run_and_the_evidence(self, root, opened) -> None:
        record = played.play(root)
        decision = played.settle(root, record)
        register, move, promote = opened.history()
        assert {c.run for c in (register, move, promote)} == {record.folder.run}
        assert {c.by for c in (register, move, promote)} == {"ada"}
        assert move.why == promote.why == decision.reason
        assert promote.evidence == decision.evidence
        assert promote.evidence["against_dummy"]["lower"] > 0
        assert register.evidence == {"verdict": "promote", "reason": decision.reason}

    def test_without_auto_promote_it_waits_in_staging(self, root, opened) -> None:
        decision = played.retrain(root, STAGED)
        assert (decision.verdict, decision.stage) == ("promote", "staging")
        assert opened.production() is None
        assert commits(opened) == ["register", "move"]

    def test_a_named_version_has_its_name(self, root, opened) -> None:
        decision = played.retrain(root, "registry.version=2.5.0")
        assert decision.version == "2.5.0"
        assert stages(opened) == {"2.5.0": "production"}

    def test_one_that_breaks_a_gate_is_kept_as_failed(self, root, opened) -> None:
        decision = played.retrain(root, STRICT)
        assert (decision.verdict, decision.stage) == ("reject", "failed")
        assert "must be at least 0.999" in decision.reason
        assert commits(opened) == ["register", "move"]

    def test_the_whole_files_of_the_run_are_in_the_registry(self, root, opened) -> None:
        record = played.play(root)
        played.settle(root, record)
        kept = opened.show("production").manifest["artifacts"]
        for name in ("model.skops", "training.json", "sample.parquet"):
            path = record.folder.path / "train" / name
            assert kept[name]["sha256"] == store.sha256_file(path)
        assert "evaluation.json" in kept


@pytest.mark.usefixtures("more_rows")
class TestABetterModel:
    def test_it_replaces_the_champion_which_is_archived(self, root, opened) -> None:
        assert played.retrain(root, *WEAK).verdict == "promote"
        decision = played.retrain(root, STRONG)
        assert (decision.verdict, decision.champion) == ("promote", "1.0.0")
        assert stages(opened) == {"1.0.0": "archived", "1.1.0": "production"}

    def test_a_worse_one_is_filed_and_serves_nobody(self, root, opened) -> None:
        played.retrain(root, STRONG)
        decision = played.retrain(root, *WEAK)
        assert (decision.verdict, decision.stage) == ("keep", "development")
        assert stages(opened) == {"1.0.0": "production", "1.1.0": "development"}


class TestATwin:
    def test_of_production_adds_nothing(self, root, opened) -> None:
        played.retrain(root)
        before = commits(opened)
        decision = played.retrain(root)
        assert (decision.verdict, decision.new) == ("keep", False)
        assert (decision.version, decision.stage) == ("1.0.0", "production")
        assert "identical to 1.0.0" in decision.version_reason
        assert commits(opened) == before

    def test_of_production_stays_though_a_gate_now_rejects(self, root, opened) -> None:
        played.retrain(root)
        before = commits(opened)
        decision = played.retrain(root, STRICT)
        assert (decision.verdict, decision.new) == ("reject", False)
        assert (decision.version, decision.stage) == ("1.0.0", "production")
        assert commits(opened) == before

    @pytest.mark.usefixtures("more_rows")
    def test_that_was_rolled_back_is_left_alone(self, root, opened) -> None:
        played.retrain(root, *WEAK)
        played.retrain(root, STRONG)
        opened.rollback(note=note("answers look wrong"))
        before = commits(opened)
        decision = played.retrain(root, STRONG)
        assert decision.verdict == "promote"
        assert (decision.version, decision.new) == ("1.1.0", False)
        assert decision.stage == "archived"
        assert stages(opened) == {"1.0.0": "production", "1.1.0": "archived"}
        assert commits(opened) == before

    def test_in_staging_is_promoted_when_that_is_allowed(self, root, opened) -> None:
        played.retrain(root, STAGED)
        decision = played.retrain(root)
        assert (decision.version, decision.new) == ("1.0.0", False)
        assert decision.stage == "production"
        assert stages(opened) == {"1.0.0": "production"}

    def test_in_staging_goes_back_when_it_is_not_wanted(self, root, opened) -> None:
        played.retrain(root)
        first = played.retrain(root, NEAR, ANY_GAIN)
        assert (first.verdict, first.stage) == ("undecided", "staging")
        decision = played.retrain(root, NEAR, "evaluate.min_gain=0.2")
        assert (decision.verdict, decision.stage) == ("keep", "development")
        assert (decision.version, decision.new) == ("1.1.0", False)
        assert stages(opened) == {"1.0.0": "production", "1.1.0": "development"}

    def test_in_development_comes_to_staging(self, root, opened) -> None:
        played.retrain(root)
        played.retrain(root, NEAR, "evaluate.min_gain=0.2")
        decision = played.retrain(root, NEAR, ANY_GAIN)
        assert (decision.stage, decision.new) == ("staging", False)

    def test_that_failed_and_fails_again_is_not_registered(self, root, opened) -> None:
        played.retrain(root, STRICT)
        before = commits(opened)
        decision = played.retrain(root, STRICT)
        assert (decision.version, decision.new) == (None, False)
        assert decision.stage == "failed"
        assert "failed its gates before" in decision.version_reason
        assert commits(opened) == before

    def test_that_failed_is_new_once_the_gate_is_corrected(self, root, opened) -> None:
        played.retrain(root, STRICT)
        decision = played.retrain(root)
        assert (decision.new, decision.stage) == (True, "production")
        assert stages(opened) == {"1.0.0": "failed", decision.version: "production"}


class TestAnotherChampion:
    def test_before_the_decision_nothing_is_registered(self, root, opened) -> None:
        late = played.play(root, overrides=[NEAR])
        played.retrain(root)
        before = commits(opened)
        with pytest.raises(StaleChampionError, match="changed while the new") as caught:
            played.settle(root, late)
        assert caught.value.details["exit_code"] == 4
        assert commits(opened) == before

    def test_gone_is_another_champion_too(self, root, opened) -> None:
        played.retrain(root)
        late = played.play(root, overrides=[NEAR])
        opened.archive("1.0.0", note=note())
        with pytest.raises(StaleChampionError, match="and is none"):
            played.settle(root, late)
        assert stages(opened) == {"1.0.0": "archived"}

    def test_during_the_decision_is_noticed_and_judged_again(
        self, root, opened, monkeypatch
    ) -> None:
        played.retrain(root, NEAR, STAGED)
        record = played.play(root)
        promote_a_rival_first(monkeypatch, "1.0.0")
        with pytest.raises(StaleChampionError):
            played.settle(root, record)
        assert stages(opened) == {"1.0.0": "production", "1.1.0": "staging"}
        played.play_evaluate("toy", record.folder.run)
        again = played.settle(root, record)
        assert (again.version, again.new) == ("1.1.0", True)
        assert again.champion == "1.0.0"
        assert again.verdict in ("keep", "undecided")
        assert len(opened.versions()) == 2


def promote_a_rival_first(monkeypatch: pytest.MonkeyPatch, rival: str) -> None:
    """Let somebody else promote a version just before the next promotion."""
    promote: Callable[..., Any] = ModelRegistry.promote

    def beaten(opened: ModelRegistry, version: str, **given: Any) -> Any:
        monkeypatch.setattr(ModelRegistry, "promote", promote)
        promote(opened, rival, note=note("quicker"), expected_champion=None)
        return promote(opened, version, **given)

    monkeypatch.setattr(ModelRegistry, "promote", beaten)


class TestAChangedModel:
    @pytest.mark.parametrize("name", CHANGED)
    def test_a_file_changed_after_its_step_is_refused(self, root, opened, name) -> None:
        record = played.play(root)
        with (record.folder.path / name).open("ab") as file:
            file.write(b" ")
        with pytest.raises(ChangedModelError, match=f"{name} changed"):
            played.settle(root, record)
        assert commits(opened) == []

    def test_other_answers_than_in_training_stay_in_staging(self, root, opened) -> None:
        record = played.play(root)
        shift_expected_answers(record, 1e-6)
        with pytest.raises(ChangedModelError, match="differs by up to 1e-06"):
            played.settle(root, record)
        assert stages(opened) == {"1.0.0": "staging"}

    def test_answers_may_differ_by_the_last_digits(self, root, opened) -> None:
        record = played.play(root)
        shift_expected_answers(record, 1e-12)
        assert played.settle(root, record).stage == "production"


def shift_expected_answers(record: RunRecord, by: float) -> None:
    """Change what the model is said to have answered, and the recorded hash."""
    name = "train/sample_predictions.npy"
    path = record.folder.path / name
    buffer = io.BytesIO()
    np.save(buffer, np.load(path) + by)
    path.write_bytes(buffer.getvalue())
    result = record.folder.path / "train.json"
    content = store.read_json(result)
    content["outputs"][name] = store.sha256_file(path)
    store.write_json(result, content)
