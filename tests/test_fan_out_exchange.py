"""A workspace behind an address: what travels, and what a second writer gets."""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mlkit
from mlkit.fan_out import away, exchange
from mlkit.fan_out.cluster import check_workers, look
from mlkit.fan_out.crews import Crew
from mlkit.fan_out.errors import ExecutorError, WorkspaceError
from mlkit.fan_out.exchange import Exchange
from mlkit.fan_out.retraining import _ended, _Works
from mlkit.fan_out.units import Unit, stopped
from mlkit.registry import ConflictError
from tests.divided import wait_until

ENTRY = "registry/m/log/00000000000000000001.json"


@pytest.fixture(params=["file", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Exchange:
    if request.param == "file":
        return Exchange(f"file://{tmp_path}/exchange")
    return Exchange(f"memory://{uuid.uuid4().hex}")


def written(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_json", ".json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_registry_travels_both_ways_without_its_caches(
    place: Exchange, tmp_path: Path
) -> None:
    here = written(
        tmp_path / "here",
        registry__m__blobs__aa="model",
        registry__m__registry_json="x",
    )
    (here / ENTRY).parent.mkdir()
    (here / ENTRY).write_text("first")
    exchange.upload_registry(here, "m", place)
    assert place.names("registry") == ["registry/m/blobs/aa", ENTRY]
    there = tmp_path / "there"
    exchange.download_registry(there, "m", place)
    assert (there / ENTRY).read_text() == "first"
    # The same once more changes nothing.
    exchange.upload_registry(there, "m", place)


def test_the_second_writer_of_an_entry_has_lost(
    place: Exchange, tmp_path: Path
) -> None:
    place.put(ENTRY, b"another's")
    here = tmp_path / "here"
    (here / ENTRY).parent.mkdir(parents=True)
    (here / ENTRY).write_text("mine")
    for travel in (exchange.upload_registry, exchange.download_registry):
        with pytest.raises(ConflictError, match=r"was first with 0+1\.json; compare"):
            travel(here, "m", place)
    assert place.get(ENTRY) == b"another's"
    assert (here / ENTRY).read_text() == "mine"


def test_a_conflict_is_told_by_its_member_and_by_the_exit_code(
    place: Exchange, tmp_path: Path
) -> None:
    place.put(ENTRY, b"another's")
    (tmp_path / ENTRY).parent.mkdir(parents=True)
    (tmp_path / ENTRY).write_text("mine")
    member = stopped(Unit("m"), "ok", type="", message="") | {"error": None}
    found = away.fetch(member, tmp_path, place)
    assert found["status"] == "failed"
    assert found["error"]["exit_code"] == 4
    status, error = _ended([found])
    assert status == "failed"
    assert error is not None
    assert error["exit_code"] == 4


def test_one_that_can_not_be_sent_fails_alone(place: Exchange, tmp_path: Path) -> None:
    place.put(ENTRY, b"another's")
    (tmp_path / ENTRY).parent.mkdir(parents=True)
    (tmp_path / ENTRY).write_text("mine")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "n.csv").symlink_to("/proc/self/mem")
    plain: dict[str, Any] = {"test": None, "files": {}}
    units = [
        Unit(name, {"data": plain | {"source": source}, "drift": {"current": None}})
        for name, source in [("m", "a.csv"), ("n", "data/n.csv"), ("o", "a.csv")]
    ]
    lost: list[dict[str, Any]] = []
    works = _Works(Crew(ThreadPoolExecutor, 1, ""), tmp_path, place)
    assert [unit.case for unit in works.sent(units, lost.append)] == ["o"]
    found = [(m["case"], m["error"]["type"], m["error"]["exit_code"]) for m in lost]
    assert found == [("m", "ConflictError", 4), ("n", "OSError", 3)]


def test_what_the_exchange_has_is_listed_once(
    place: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for digit in "123":
        folder = tmp_path / "reports" / "m" / f"2026010{digit}T000000Z-abcdef"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    listed: list[str] = []
    ask = place.folders

    def noting(below: str) -> list[str]:
        listed.append(below)
        return ask(below)

    monkeypatch.setattr(place, "folders", noting)
    data: dict[str, Any] = {"source": "a.csv", "test": None, "files": {}}
    unit = Unit("m", {"data": data, "drift": {"current": None}})
    away.send(unit, tmp_path, place)
    assert listed == ["reports/m"]
    assert len(ask("reports/m")) == 3


def test_create_keeps_what_is_there(place: Exchange) -> None:
    assert place.create("a/b", b"one")
    assert not place.create("a/b", b"two")
    assert place.get("a/b") == b"one"


def test_steps_go_to_the_exchange_as_they_end(place: Exchange, tmp_path: Path) -> None:
    folder = tmp_path / "reports" / "toy" / "20260101T000000Z-abcdef"
    with away._followed(tmp_path, "toy", place):
        folder.mkdir(parents=True)
        (folder / "data.json").write_text("{}")
        record = {"status": "running", "steps": [{"name": "data"}]}
        (folder / "run.json").write_text(json.dumps(record))
        wait_until(
            lambda: f"reports/toy/{folder.name}/run.json" in place.names("reports"),
            "the first step's arrival",
        )
    back = tmp_path / "back"
    exchange.download_run(back, "toy", folder.name, place)
    assert json.loads(
        (back / "reports" / "toy" / folder.name / "run.json").read_text()
    ) == record  # fmt: skip


def test_what_keeps_steps_from_the_exchange_is_told(
    place: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record without steps stands for whatever nobody thought of."""
    monkeypatch.setattr(away, "_fill", lambda root, unit, exchange: None)
    looked, read_json = threading.Event(), away.store.read_json

    def look_at(path: Path) -> Any:
        found = read_json(path)
        looked.set()
        return found

    def retrain(unit: Unit, *, root: str) -> dict[str, Any]:
        folder = Path(root, "reports", unit.case, "20260101T000000Z-abcdef")
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
        assert looked.wait(60)
        member = stopped(unit, "ok", type="", message="") | {"run": folder.name}
        return member | {"error": None}

    monkeypatch.setattr(away, "SECONDS_BETWEEN_LOOKS", 0.05)
    monkeypatch.setattr(away.store, "read_json", look_at)
    monkeypatch.setattr(away, "retrain_one", retrain)
    monkeypatch.setattr(away, "Exchange", lambda uri: place)
    found = away.retrain_away(Unit("toy"), uri=place.uri)
    assert found["status"] == "failed"
    assert found["error"]["type"] == "KeyError"
    assert found["run"] == "20260101T000000Z-abcdef"
    assert place.names("reports") == [f"reports/toy/{found['run']}/run.json"]


def test_an_address_that_can_not_be_written_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkspaceError, match="must be able to write there: NotADir"):
        Exchange(f"file://{tmp_path}/file/below").check()
    with pytest.raises(WorkspaceError, match="must be an address that fsspec knows"):
        Exchange("nowhere://bucket")


def test_workers_must_see_the_workspace_or_be_given_an_address(tmp_path: Path) -> None:
    written(tmp_path / "head", params__toy="")
    (tmp_path / "head" / "params" / "toy.yaml").write_text("")

    def elsewhere(call: object, root: str) -> dict[str, tuple[str, list[str]]]:
        return {"tcp://10.0.0.7:4711": look(str(tmp_path / "empty"))}

    with pytest.raises(ExecutorError) as caught:
        check_workers(elsewhere, tmp_path / "head", shared=True)
    assert "and tcp://10.0.0.7:4711 does not; share the folder" in str(caught.value)
    check_workers(elsewhere, tmp_path / "head", shared=False)


def test_workers_must_have_the_same_mlkit(tmp_path: Path) -> None:
    def older(call: object, root: str) -> dict[str, tuple[str, list[str]]]:
        return {"tcp://10.0.0.7:4711": ("0.0.1", [])}

    def without(call: object, root: str) -> dict[str, tuple[str, list[str]]]:
        raise ModuleNotFoundError("No module named 'mlkit'")

    with pytest.raises(ExecutorError, match=f"have mlkit {mlkit.__version__}, and tcp"):
        check_workers(older, tmp_path, shared=False)
    with pytest.raises(ExecutorError, match="must have mlkit and its packages, and"):
        check_workers(without, tmp_path, shared=False)
