"""Pages and records: whole whatever else lies in the folders, and true to the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from mlkit import registry, report, store
from mlkit.pipeline import publish, retraining, running, runs
from mlkit.pipeline.record import RunRecord
from tests import played
from tests.workspace import TOY, make_workspace

HREF = re.compile(r'href="([^"]+)"')
STRICT = "evaluate.gates=[{metric: accuracy, min: 0.999}]"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    return make_workspace(tmp_path, rows=300)


def ended(root: Path, status: str = "ok", *overrides: str, case: str = "toy"):
    """Play a run to its end, with the record and the pages that the runner writes."""
    record = played.play(root, case, overrides)
    facts = retraining._data_facts(record.folder)
    record.update(data=facts, verdict=played.settle(root, record).to_dict())
    record.content["steps"] = [step(name) for name in ("data", "train", "evaluate")]
    error = {"step": "train", "type": "ValueError", "message": "bad", "advice": "none"}
    record.end(status, None if status == "ok" else error)
    record.save()
    publish.write_pages(record.folder, record.content, root)
    return record


def step(name: str) -> dict[str, object]:
    return {"name": name, "status": "ok", "error": None, "seconds": 1.0, "scraps": {}}


def killed(root: Path, *overrides: str, register: bool = False) -> RunRecord:
    """Play a run whose process ends before its record says so."""
    record = played.play(root, overrides=overrides)
    if register:
        played.settle(root, record)
    return record


def runs_start(record: RunRecord) -> datetime:
    return datetime.fromisoformat(record.content["started_at"])


def reconcile(root: Path) -> None:
    """Close the records of killed runs, as the next run does that holds the lock."""
    with runs.hold("toy", root):
        publish.reconcile("toy", root)


def links(page: Path) -> Iterator[str]:
    """Return the links of a page that lead to files."""
    for href in HREF.findall(page.read_text()):
        if not href.startswith(("#", "data:", "http:", "https:")):
            yield unquote(href.partition("#")[0])


class TestTheIndex:
    def test_it_survives_what_is_no_run(self, root: Path) -> None:
        record = ended(root)
        reports = root / "reports"
        (reports / "holiday photos").mkdir()
        (reports / "toy" / "notes").mkdir()
        (reports / "toy" / "draft").mkdir()
        (reports / "README.txt").write_text("mine")
        page = publish.write_index(root).read_text()
        assert f"toy/{record.folder.run}/index.html" in page
        assert "holiday" not in page

    @pytest.mark.parametrize("content", ["{", "[]", "{}", "null", '{"status": "ok'])
    def test_it_survives_a_damaged_record(self, root: Path, content: str) -> None:
        good, bad = ended(root), killed(root)
        bad.folder.record.write_text(content)
        page = publish.write_index(root).read_text()
        assert f"toy/{good.folder.run}/index.html" in page
        assert bad.folder.run in page
        failed = next(r for r in runs.records("toy", root) if r["status"] == "failed")
        assert failed["run"] == bad.folder.run
        assert "run.json" in failed["error"]["message"]

    def test_a_new_run_leaves_a_damaged_record_alone(self, root: Path) -> None:
        bad = killed(root)
        bad.folder.record.write_text("{")
        reconcile(root)
        assert bad.folder.record.read_text() == "{"

    def test_it_survives_the_damaged_registry_of_another_model(self, root) -> None:
        other = TOY.replace("case: toy", "case: other")
        (root / "params" / "other.yaml").write_text(other)
        record = ended(root)
        ended(root, case="other")
        for entry in (root / "registry" / "other" / "log").glob("*.json"):
            entry.write_text("{")
        (root / "registry" / "other" / "registry.json").unlink(missing_ok=True)
        page = publish.write_index(root).read_text()
        assert f"toy/{record.folder.run}/index.html" in page
        assert "cannot be read" in page
        assert "1.0.0" in page

    def test_without_a_run_it_is_a_page_too(self, root: Path) -> None:
        assert "<html" in publish.write_index(root).read_text()


class TestLinks:
    def test_each_leads_to_a_file_whatever_became_of_the_run(self, root: Path) -> None:
        ended(root)
        ended(root, "failed", STRICT)
        ended(root, "interrupted")
        killed(root)
        reconcile(root)
        running = played.open_record(root)
        publish.write_run_page(running.folder, running.content, root)
        statuses = [r["status"] for r in runs.records("toy", root)]
        assert sorted(set(statuses)) == ["failed", "interrupted", "ok"]
        with runs.hold("toy", root):
            self.check_all(root)
        self.check_all(root)

    def check_all(self, root: Path) -> None:
        """Write the index and follow every link that there is."""
        index = publish.write_index(root)
        pages = [index, *(root / "reports").glob("toy/*/*.html")]
        found = [(page, link) for page in pages for link in links(page)]
        assert len({link for page, link in found if page == index}) >= 5
        missing = [
            f"{page}: {link}"
            for page, link in found
            if not (page.parent / link).is_file()
        ]
        assert not missing

    def test_a_running_run_is_shown_as_running(self, root: Path) -> None:
        record = played.open_record(root)
        publish.write_run_page(record.folder, record.content, root)
        with runs.hold("toy", root):
            page = publish.write_index(root).read_text()
        assert f"toy/{record.folder.run}/index.html" in page
        assert "unning" in page


class TestReconcile:
    @pytest.mark.parametrize("named", [(), ("registry.model=shop",)])
    def test_it_names_what_a_killed_run_had_committed(self, root, named) -> None:
        record = killed(root, *named, register=True)
        reconcile(root)
        closed = store.read_json(record.folder.record)
        assert closed["status"] == "interrupted"
        assert closed["error"]["type"] == "Interrupted"
        assert "registered 1.0.0" in closed["error"]["message"]
        page = (record.folder.path / "index.html").read_text()
        assert "registered 1.0.0" in page
        model = named[0].partition("=")[2] if named else "toy"
        assert registry.open_registry(model, root).production() is not None

    def test_a_damaged_registry_does_not_stop_it(self, root: Path) -> None:
        record = killed(root, register=True)
        for entry in (root / "registry" / "toy" / "log").glob("*.json"):
            entry.write_text("{")
        (root / "registry" / "toy" / "registry.json").unlink(missing_ok=True)
        reconcile(root)
        closed = store.read_json(record.folder.record)
        assert "cannot be read" in closed["error"]["message"]

    def test_the_index_gives_a_killed_run_a_page_at_once(self, root: Path) -> None:
        record = killed(root)
        bare = runs.create_run("toy", root, at=runs_start(record))
        publish.write_index(root)
        for folder in (record.folder, bare):
            page = (folder.path / "index.html").read_text()
            assert "interrupted" in page.lower()

    def test_it_says_when_nothing_was_registered(self, root: Path) -> None:
        ended(root)
        record = killed(root)
        reconcile(root)
        closed = store.read_json(record.folder.record)
        assert "nothing was registered" in closed["error"]["message"]

    def test_a_run_without_a_record_gets_one(self, root: Path) -> None:
        record = played.open_record(root)
        record.folder.record.unlink()
        reconcile(root)
        closed = store.read_json(record.folder.record)
        assert (closed["run"], closed["status"]) == (record.folder.run, "interrupted")
        assert (record.folder.path / "index.html").is_file()

    def test_runs_that_ended_are_left_as_they_are(self, root: Path) -> None:
        record = ended(root)
        before = record.folder.record.read_bytes()
        reconcile(root)
        assert record.folder.record.read_bytes() == before


class TestAFailure:
    def fail(self, root: Path, record: RunRecord, error: BaseException) -> list[str]:
        said: list[str] = []
        running.fail(record, error, root, said.append)
        return said

    def test_a_page_that_cannot_be_made_does_not_hide_it(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        record = killed(root)
        record.content["steps"] = [step("data")]
        notebook = root / "notebooks" / "data.ipynb"
        (record.folder.path / "data.ipynb").write_bytes(notebook.read_bytes())

        def broken(*given: object) -> str:
            raise ZeroDivisionError("no page today")

        monkeypatch.setattr(report, "notebook_page", broken)
        said = self.fail(root, record, ValueError("the true reason"))
        saved = store.read_json(record.folder.record)
        assert saved["status"] == "failed"
        assert "the true reason" in saved["error"]["message"]
        assert any("no page today" in line for line in said)
        assert "the true reason" in (record.folder.path / "index.html").read_text()

    def test_it_says_what_was_committed_before(self, root: Path) -> None:
        record = killed(root, register=True)
        self.fail(root, record, OSError("the disk is full"))
        message = store.read_json(record.folder.record)["error"]["message"]
        assert "the disk is full" in message
        assert "registered 1.0.0" in message

    def test_a_damaged_registry_does_not_hide_it(self, root: Path) -> None:
        record = killed(root, register=True)
        for entry in (root / "registry" / "toy" / "log").glob("*.json"):
            entry.write_text("{")
        (root / "registry" / "toy" / "registry.json").unlink(missing_ok=True)
        said = self.fail(root, record, ValueError("the true reason"))
        saved = store.read_json(record.folder.record)
        assert "the true reason" in saved["error"]["message"]
        assert any(line.startswith("the registry could not be read") for line in said)

    def test_ctrl_c_is_an_interruption(self, root: Path) -> None:
        record = played.open_record(root)
        self.fail(root, record, KeyboardInterrupt())
        saved = store.read_json(record.folder.record)
        assert (saved["status"], saved["error"]["type"]) == (
            "interrupted",
            "KeyboardInterrupt",
        )
