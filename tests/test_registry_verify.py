"""Whatever is altered on disk is found and named, and is never opened."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlkit import store
from mlkit.registry import (
    Candidate,
    DamageError,
    ModelRegistry,
    Note,
    RegistryError,
    open_registry,
)

MODEL = b"model" * 100


@pytest.fixture
def demo(tmp_path: Path, candidate: Callable[..., Candidate]) -> ModelRegistry:
    """Return a registry with two versions in five commits."""
    made = open_registry("demo", tmp_path)
    note = Note("ada", candidate().created_at)
    for number in range(2):
        made.register(candidate(number), {"model.skops": MODEL, "rows": b"rows"})
    made.move("1.0.0", "staging", note=note)
    made.promote("1.0.0", note=note, expected_champion=None)
    made.move("1.1.0", "staging", note=note)
    return made


def entry(demo: ModelRegistry, number: int) -> Path:
    return demo.folder / "log" / f"{number:020d}.json"


def blob(demo: ModelRegistry, what: str) -> Path:
    record = demo.state().versions["1.0.0"]
    sha256 = record.manifest if what == "manifest" else store.sha256_bytes(MODEL)
    return demo.folder / "blobs" / sha256


def flip(path: Path, where: int = 20) -> None:
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)


def test_a_sound_registry_is_whole(demo: ModelRegistry) -> None:
    report = demo.verify()
    assert report.ok
    assert (report.commits, report.versions, report.blobs) == (5, 2, 4)
    assert report.rebuilt == report.notes == ()
    assert report.summary.endswith(": whole")


@pytest.mark.parametrize("what", ["manifest", "model"])
@pytest.mark.parametrize("harm", ["flip", "empty", "gone", "link", "folder", "pipe"])
def test_a_harmed_blob_is_found_and_not_opened(
    demo: ModelRegistry, tmp_path: Path, what: str, harm: str
) -> None:
    path = blob(demo, what)
    good = path.read_bytes()
    if harm == "flip":
        flip(path)
    elif harm == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    if harm == "link":
        (tmp_path / "same").write_bytes(good)
        path.symlink_to(tmp_path / "same")
    elif harm == "folder":
        path.mkdir()
    elif harm == "pipe":
        os.mkfifo(path)
    report = demo.verify()
    assert not report.ok
    assert {damage.path for damage in report.damages} == {str(path)}
    assert "1 damaged" in report.summary or what == "model"
    for ask in (
        lambda: demo.load("1.0.0"),
        lambda: demo.artifact("production", "model.skops"),
    ):
        with pytest.raises(DamageError, match=r"was altered|is missing|is a s|is not"):
            ask()


def test_a_harmed_blob_is_mended_by_whoever_has_the_right_bytes(
    demo: ModelRegistry, candidate: Callable[..., Candidate]
) -> None:
    flip(blob(demo, "model"))
    version = demo.register(candidate(7), {"model.skops": MODEL}).version
    assert demo.artifact(version, "model.skops") == MODEL
    assert demo.verify().ok


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("harm", ["empty", "cut", "gone", "text", "time"])
def test_a_harmed_log_entry_is_found(
    demo: ModelRegistry, number: int, harm: str
) -> None:
    path = entry(demo, number)
    if harm == "empty":
        path.write_bytes(b"")
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:40])
    elif harm == "gone":
        path.unlink()
    elif harm == "text":
        path.write_text(path.read_text().replace("ada", "eve"))
    else:
        path.write_text(path.read_text().replace("2026", "2025"))
    report = demo.verify()
    assert not report.ok
    named = {damage.path for damage in report.damages}
    # An altered entry shows where the next one, or the cache, disagrees with it.
    assert named <= {str(entry(demo, n)) for n in range(number, 6)}
    assert named & {str(path), str(entry(demo, number + 1))}


def test_an_entry_of_another_model_or_number_is_found(demo: ModelRegistry) -> None:
    stored = store.read_json(entry(demo, 5))
    store.write_json(entry(demo, 5), {**stored, "model": "other"})
    assert not demo.verify().ok
    store.write_json(entry(demo, 5), {**stored, "number": 4})
    assert "holds entry 4" in demo.verify().damages[0].found


def test_a_repeated_id_is_found(demo: ModelRegistry) -> None:
    stored = store.read_json(entry(demo, 5))
    again = {**stored, "id": store.read_json(entry(demo, 1))["id"]}
    store.write_json(entry(demo, 5), again)
    assert any("repeats the id" in damage.found for damage in demo.verify().damages)


def test_a_manifest_of_another_version_is_found(demo: ModelRegistry) -> None:
    one, two = (store.read_json(entry(demo, number)) for number in (1, 2))
    two["changes"][0]["manifest"] = one["changes"][0]["manifest"]
    store.write_json(entry(demo, 2), two)
    found = [damage.found for damage in demo.verify().damages]
    assert any("is not the manifest of 'demo' 1.1.0" in text for text in found)


def test_a_newer_manifest_is_refused_with_advice(demo: ModelRegistry) -> None:
    one = store.read_json(entry(demo, 1))
    manifest = store.read_json(demo.folder / "versions" / "1.0.0.json")
    data = store.canonical_json({**manifest, "format": 2})
    sha256 = store.sha256_bytes(data)
    (demo.folder / "blobs" / sha256).write_bytes(data)
    one["changes"][0]["manifest"] = sha256
    store.write_json(entry(demo, 1), one)
    (demo.folder / "registry.json").unlink()
    with pytest.raises(RegistryError, match=r"has format 2, and .*upgrade mlkit"):
        demo.show("1.0.0")


@pytest.mark.parametrize("name", ["registry.json", "versions/1.0.0.json"])
@pytest.mark.parametrize("harm", ["gone", "text", "flip"])
def test_a_harmed_cache_is_written_again(
    demo: ModelRegistry, name: str, harm: str
) -> None:
    path = demo.folder / name
    good = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm == "text":
        path.write_text("{")
    else:
        flip(path, len(good) // 2)
    report = demo.verify()
    assert report.ok
    assert report.rebuilt == (str(path),)
    assert path.read_bytes() == good
    assert demo.verify().rebuilt == ()


def test_a_version_that_the_log_does_not_have_is_found(demo: ModelRegistry) -> None:
    (demo.folder / "versions" / "9.0.0.json").write_text("{}")
    (found,) = demo.verify().damages
    assert found.found == "is a version that the log does not have"


def test_a_lost_last_entry_is_found_by_the_cache(demo: ModelRegistry) -> None:
    entry(demo, 5).unlink()
    (found,) = demo.verify().damages
    assert found.path == str(entry(demo, 5))
    assert "is missing, and registry.json has counted it in" in found.found


def test_spare_files_are_noted_and_do_no_harm(demo: ModelRegistry) -> None:
    spare = b"spare"
    (demo.folder / "blobs" / store.sha256_bytes(spare)).write_bytes(spare)
    (demo.folder / "blobs" / "README").touch()
    (demo.folder / "log" / "notes.txt").touch()
    report = demo.verify()
    assert report.ok
    assert len(report.notes) == 3
    assert any("1 blobs (5 bytes) belong to no version" in n for n in report.notes)


def test_a_read_only_registry_can_be_verified(
    demo: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    (demo.folder / "registry.json").unlink()
    real = os.open

    def refuse(path: Any, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    report = demo.verify()
    assert report.ok
    assert any("cache could not be written again" in note for note in report.notes)


def test_a_missing_entry_stops_readers_and_writers(
    demo: ModelRegistry, candidate: Callable[..., Candidate]
) -> None:
    entry(demo, 3).unlink()
    for ask in (
        demo.state,
        lambda: demo.register(candidate(3), {"model.skops": MODEL}),
    ):
        with pytest.raises(DamageError, match=r"3\.json is missing; run `mlkit"):
            ask()
