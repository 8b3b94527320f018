"""Files between the steps: what is written, what is believed, and what is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlkit import params, pipeline, registry, sources, store
from mlkit.data import prepare
from mlkit.evaluate import Proposal
from mlkit.pipeline import artifacts
from mlkit.pipeline.artifacts import Loaded
from mlkit.pipeline.steps import StaleError
from mlkit.registry import DamageError, ModelRegistry, RegistryError
from tests import played
from tests.workspace import TOY, make_workspace, toy_table

ANOTHER = "train.options.C=0.1"
MARKER = "Zyzzyva"
BY_TIME = TOY.replace("  positive", "  time: seen\n  split: {by: time}\n  positive")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return make_workspace(tmp_path, rows=300)


@pytest.fixture
def opened(root: Path) -> ModelRegistry:
    return registry.open_registry("toy", root)


def set_params(root: Path, text: str) -> None:
    (root / "params" / "toy.yaml").write_text(text)


def load(run: str | None = None) -> Loaded:
    step = pipeline.open_step("evaluate", "toy", run)
    return pipeline.load_trained(step, pipeline.load_dataset(step))


def blob(opened: ModelRegistry, which: str, name: str) -> Path:
    artifact = opened.show(which).manifest["artifacts"][name]
    return opened.folder / "blobs" / artifact["sha256"]


def unpacked(path: Path) -> bytes:
    """Return a file's bytes, those of a ZIP file (such as a model) unpacked."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


class TestSensitiveColumns:
    @pytest.fixture
    def kept_secret(self, root: Path) -> Path:
        table = toy_table(300)
        rng = np.random.default_rng(1)
        days = pd.Timestamp("2031-07-13") + pd.to_timedelta(
            rng.integers(0, 900, 300), "D"
        )
        table["salary"] = rng.normal(70000, 9000, 300).round(0) + 0.123
        table["born"] = days.strftime("%Y-%m-%d")
        table["member"] = rng.choice(["true", "false"], 300)
        words = rng.choice(["called", "wrote", "came", "left", "paid"], (300, 4))
        table["remark"] = [f"{MARKER} {' '.join(row)}" for row in words]
        table.to_csv(root / "data" / "toy.csv", index=False)
        hidden = (
            "  sensitive: [salary, born, member, remark]\n"
            "  columns: {salary: number, born: date, member: boolean, remark: text}\n"
        )
        set_params(root, TOY.replace("train:\n", f"{hidden}train:\n"))
        return root

    def test_they_are_blank_in_the_sample_which_still_works(self, kept_secret) -> None:
        record = played.play(kept_secret)
        sample = pd.read_parquet(record.folder.path / "train" / "sample.parquet")
        assert len(sample) > 30
        for name in ("salary", "born", "member", "remark"):
            assert sample[name].isna().all(), name
        assert sample[["age", "visits", "region"]].notna().all(axis=None)
        assert load(record.folder.run).origin == "this run"
        assert played.settle(kept_secret, record).stage in ("production", "staging")

    def test_their_values_are_in_no_other_file(self, kept_secret: Path) -> None:
        played.settle(kept_secret, played.play(kept_secret))
        table = pd.read_csv(kept_secret / "data" / "toy.csv")
        numbers = [text.encode() for text in table["salary"].astype(str)]
        words = [MARKER.encode(), MARKER.lower().encode()]
        written = [
            path
            for folder in ("reports", "registry")
            for path in (kept_secret / folder).rglob("*")
            if path.is_file()
        ]
        assert len(written) > 10
        for path in written:
            # A model of words has to keep the words that it was trained on.
            secrets = numbers if zipfile.is_zipfile(path) else numbers + words
            content = unpacked(path)
            found = [secret for secret in secrets if secret in content]
            assert not found, f"{found[:3]} in {path}"


class TestARunsModel:
    def test_it_is_this_runs_with_its_hashes(self, root: Path) -> None:
        record = played.play(root)
        loaded = load(record.folder.run)
        assert (loaded.origin, loaded.version) == ("this run", "")
        assert set(loaded.models) == {"model", "dummy", "linear"}
        for name, digest in loaded.inputs.items():
            content = (record.folder.path / name).read_bytes()
            assert hashlib.sha256(content).hexdigest() == digest

    def test_sections_are_merged_over_the_runs(self, root: Path) -> None:
        record = played.open_record(root, overrides=[ANOTHER, "seed=7"])
        set_params(root, TOY.replace("linear", "sgd"))
        given = {"options": {"max_iter": 50}}
        step = pipeline.open_step("train", "toy", record.folder.run, train=given)
        assert step.params.train.options == {"C": 0.1, "max_iter": 50}
        assert (step.params.train.estimator, step.params.seed) == ("linear", 7)
        assert step.params.evaluate.resamples == 200

    def test_none_takes_the_runs_section(self, root: Path) -> None:
        record = played.open_record(root, overrides=[ANOTHER])
        step = pipeline.open_step("train", "toy", record.folder.run, train=None)
        assert step.params.train.options == {"C": 0.1}

    @pytest.mark.parametrize("status", ["ok", "failed", "interrupted"])
    def test_a_run_that_has_ended_is_not_changed(self, root: Path, status: str) -> None:
        record = played.open_record(root)
        record.end(status)
        record.save()
        with pytest.raises(StaleError, match=f"has ended \\({status}\\)"):
            pipeline.open_step("data", "toy", record.folder.run)

    def test_other_data_than_in_the_data_step_are_refused(self, root: Path) -> None:
        record = played.play(root)
        toy_table(310).to_csv(root / "data" / "toy.csv", index=False)
        with pytest.raises(StaleError, match=f"changed during run {record.folder.run}"):
            load(record.folder.run)


class TestADraft:
    def test_it_uses_the_drafts_model(self, root: Path) -> None:
        played.retrain(root)
        played.play_train("toy", None)
        assert load().origin == "the draft"

    def test_without_one_it_uses_production(self, root: Path) -> None:
        decision = played.retrain(root)
        loaded = load()
        assert (loaded.origin, loaded.version) == ("production", decision.version)
        assert set(loaded.models) == {"model", "dummy", "linear"}
        assert played.play_evaluate("toy", None).champion == "1.0.0"

    def test_with_neither_it_asks_for_train(self, root: Path) -> None:
        with pytest.raises(StaleError, match=r"no model yet.*run train first"):
            load()

    def test_a_run_never_uses_production(self, root: Path) -> None:
        played.retrain(root)
        record = played.open_record(root)
        with pytest.raises(StaleError, match="there is no model yet"):
            load(record.folder.run)

    def test_another_division_is_refused(self, root: Path) -> None:
        played.play_train("toy", None)
        step = pipeline.open_step(
            "evaluate", "toy", None, data={"split": {"test_share": 0.4}}
        )
        with pytest.raises(StaleError, match="on other rows of the same data"):
            pipeline.load_trained(step, pipeline.load_dataset(step))

    def test_other_data_are_refused(self, root: Path) -> None:
        played.play_train("toy", None)
        toy_table(300, seed=1).to_csv(root / "data" / "toy.csv", index=False)
        with pytest.raises(StaleError, match="trained on other data"):
            load()

    @pytest.mark.parametrize("name", ["model.skops", "dummy.skops", "train_rows.npy"])
    def test_a_changed_file_is_refused(self, root: Path, name: str) -> None:
        played.play_train("toy", None)
        path = root / "reports" / "toy" / "draft" / "train" / name
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(StaleError, match=f"{name} changed since the train step"):
            load()

    def test_production_that_saw_the_test_rows_is_refused(self, root: Path) -> None:
        played.retrain(root)
        half = "  split: {test_share: 0.5}\n  positive"
        set_params(root, TOY.replace("  positive", half))
        with pytest.raises(StaleError, match=r"was trained on \d+ of the \d+ rows"):
            load()

    def test_production_on_other_columns_is_refused(self, root: Path) -> None:
        played.retrain(root)
        set_params(root, TOY.replace("  positive", "  ignore: [region]\n  positive"))
        with pytest.raises(StaleError, match="other columns than the data have now"):
            load()


class TestTheChampion:
    def propose(self, root: Path) -> Proposal:
        record = played.play(root, overrides=[ANOTHER])
        result = store.read_json(record.folder.path / "evaluate.json")
        return Proposal.from_dict(result["results"]["proposal"])

    def test_one_that_cannot_be_opened_leaves_it_undecided(
        self, root, monkeypatch
    ) -> None:
        played.retrain(root)

        def refuse(*given: object) -> Loaded:
            raise RegistryError("it wants another scikit-learn")

        monkeypatch.setattr("mlkit.pipeline.judgement.load_version", refuse)
        proposal = self.propose(root)
        assert (proposal.verdict, proposal.stage) == ("undecided", "staging")
        assert "1.0.0" in proposal.reason
        assert "it wants another scikit-learn" in proposal.reason

    def test_a_type_of_a_package_that_is_not_there_is_told(
        self, root, opened, monkeypatch
    ) -> None:
        played.retrain(root)
        champion = blob(opened, "production", "model.skops").read_bytes()
        load_model = registry.load_model

        def without_a_package(content: bytes, **given: object) -> object:
            if content == champion:
                raise RegistryError("the package is not installed")
            return load_model(content, **given)  # type: ignore[arg-type]

        monkeypatch.setattr(artifacts.registry, "load_model", without_a_package)
        proposal = self.propose(root)
        assert proposal.verdict == "undecided"
        assert "the package is not installed" in proposal.reason

    @pytest.mark.parametrize("name", ["model.skops", "train_rows.npy"])
    def test_a_damaged_one_stops_the_step(self, root, opened, name) -> None:
        played.retrain(root)
        blob(opened, "production", name).write_bytes(b"no model")
        with pytest.raises(DamageError, match="was altered"):
            self.propose(root)

    @pytest.mark.parametrize("name", ["linear.skops", "dummy.skops"])
    def test_only_its_model_is_opened(self, root, opened, name) -> None:
        played.retrain(root)
        blob(opened, "production", name).write_bytes(b"no model")
        assert self.propose(root).paired is not None


class TestASplitByTime:
    @pytest.fixture
    def dated(self, root: Path) -> Path:
        self.write(root, 300)
        set_params(root, BY_TIME)
        return root

    def write(self, root: Path, rows: int) -> None:
        """Write a table a day a row, so that more rows are later ones."""
        table = toy_table(600).head(rows)
        table["seen"] = pd.date_range("2030-01-01", periods=rows).strftime("%Y-%m-%d")
        table["paid"] = pd.date_range("2020-01-01", periods=rows).strftime("%Y-%m-%d")
        table.to_csv(root / "data" / "toy.csv", index=False)

    def cutoff(self) -> str | None:
        step = pipeline.open_step("data", "toy")
        return pipeline.load_dataset(step).cutoff

    def test_the_cutoff_moves_forward_with_the_rows(self, dated: Path) -> None:
        played.retrain(dated)
        before = self.cutoff()
        self.write(dated, 600)
        assert before < self.cutoff()

    def test_it_never_moves_back_behind_the_newest_version(self, dated: Path) -> None:
        played.retrain(dated)
        before = self.cutoff()
        self.write(dated, 270)
        assert self.unbound(dated) < before
        assert self.cutoff() == before

    def test_an_older_versions_cutoff_does_not_count(self, dated: Path) -> None:
        played.retrain(dated)
        older = self.cutoff()
        self.write(dated, 400)
        played.retrain(dated)
        newest = self.cutoff()
        assert older < newest
        self.write(dated, 380)
        assert self.unbound(dated) < newest
        assert self.cutoff() == newest

    def test_another_columns_cutoff_does_not_count(self, dated: Path) -> None:
        played.retrain(dated)
        set_params(dated, BY_TIME.replace("time: seen", "time: paid"))
        assert self.cutoff() < "2021"

    def test_a_version_that_was_split_by_row_does_not_count(self, dated) -> None:
        played.retrain(dated)
        bound = self.cutoff()
        played.retrain(dated, "data.split.by=row")
        self.write(dated, 270)
        assert self.cutoff() == bound

    def test_a_version_that_failed_does_not_count(self, dated: Path) -> None:
        self.write(dated, 600)
        played.retrain(dated, "evaluate.gates=[{metric: accuracy, min: 0.999}]")
        self.write(dated, 270)
        assert self.cutoff() == self.unbound(dated)

    def unbound(self, root: Path) -> str:
        """Return the cutoff that these rows have where no version was made."""
        checked = params.load_params("toy", root)
        raw = sources.read(checked, root=root)
        cutoff = prepare(raw.frame, checked).cutoff
        assert cutoff is not None
        return cutoff
