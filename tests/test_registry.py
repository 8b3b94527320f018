"""Versions are filed, found, moved between stages, rolled back and compared."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlkit import registry, store
from mlkit.registry import (
    Candidate,
    ConflictError,
    DamageError,
    ModelRegistry,
    Note,
    RegistryError,
)

Make = Callable[..., Candidate]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOTE = Note("ada", NOON, "because")
FILES: dict[str, bytes | Path] = {"model.skops": b"model"}


@pytest.fixture
def demo(tmp_path: Path) -> ModelRegistry:
    return registry.open_registry("demo", tmp_path)


@pytest.fixture
def three(demo: ModelRegistry, candidate: Make) -> ModelRegistry:
    """1.0.0, 1.1.0 and 1.2.0 were promoted one after the other."""
    for number in range(3):
        release(demo, candidate(number))
    return demo


def release(demo: ModelRegistry, made: Candidate) -> str:
    version = demo.register(made, FILES).version
    champion = demo.state().production
    demo.move(version, "staging", note=NOTE)
    expected = champion.digest if champion else None
    demo.promote(version, note=NOTE, expected_champion=expected)
    return version


def stages(demo: ModelRegistry) -> dict[str, str]:
    return {version.version: version.stage for version in demo.versions()}


def test_an_unused_name_has_no_versions(demo: ModelRegistry) -> None:
    assert demo.versions() == ()
    assert demo.production() is None
    assert len(demo.history()) == len(demo.commits_of("any")) == 0
    assert not demo.folder.exists()


def test_a_registered_version_is_found_again(
    demo: ModelRegistry, candidate: Make, tmp_path: Path
) -> None:
    (tmp_path / "rows.npy").write_bytes(b"rows")
    files = {"model.skops": b"model", "rows.npy": tmp_path / "rows.npy"}
    made = candidate(7, run="r1", notes="first try", schema={"classes": ("a", "b")})
    version = demo.register(made, files, why="new", evidence={"gain": 0.1})
    assert (version.version, version.stage) == ("1.0.0", "development")
    assert version.reason == "first version"
    record = demo.show("v1.0.0")
    assert record.manifest["notes"] == "first try"
    assert record.manifest["schema"]["classes"] == ["a", "b"]
    assert record.manifest["artifacts"]["rows.npy"] == {
        "sha256": store.sha256_bytes(b"rows"),
        "size": 4,
    }
    assert record.manifest["created_at"] == "2026-11-20T09:30:00.000Z"
    assert demo.artifact("1.0.0", "rows.npy") == b"rows"
    (commit,) = demo.commits_of("r1")
    assert (commit.by, commit.why, commit.evidence) == ("ada", "new", {"gain": 0.1})
    assert demo.commits_of("r1").summary == "register: registered 1.0.0 in development"
    assert registry.models(tmp_path) == ("demo",)


def test_the_files_are_where_the_design_says(
    demo: ModelRegistry, candidate: Make
) -> None:
    version = demo.register(candidate(), FILES)
    blobs = {version.manifest, store.sha256_bytes(b"model")}
    assert set(os.listdir(demo.folder / "blobs")) == blobs
    assert os.listdir(demo.folder / "log") == ["00000000000000000001.json"]
    copy = (demo.folder / "versions" / "1.0.0.json").read_bytes()
    assert store.sha256_bytes(copy) == version.manifest
    assert store.read_json(demo.folder / "registry.json")["state"]["as_of"] == 1


def test_the_state_needs_no_cache(three: ModelRegistry) -> None:
    before = three.state()
    (three.folder / "registry.json").unlink()
    assert three.state() == before


@pytest.mark.parametrize("content", ["", "{}", '{"format": 1, "checksum": "", "a": 1}'])
def test_a_spoilt_cache_is_passed_over(three: ModelRegistry, content: str) -> None:
    before = three.state()
    (three.folder / "registry.json").write_text(content)
    assert three.state() == before


def test_a_cache_edited_by_hand_is_passed_over(three: ModelRegistry) -> None:
    path = three.folder / "registry.json"
    before = three.state()
    path.write_text(path.read_text().replace('"production"', '"failed"'))
    assert three.state() == before


def test_a_cache_of_another_log_is_passed_over(
    demo: ModelRegistry, candidate: Make, tmp_path: Path
) -> None:
    other = registry.open_registry("demo", tmp_path / "other")
    demo.register(candidate(1), FILES)
    other.register(candidate(2), FILES)
    shutil.copy(other.folder / "registry.json", demo.folder)
    assert demo.show("latest").digest == candidate(1).digest
    assert demo.state().versions["1.0.0"].digest == candidate(1).digest
    assert not demo.verify().ok


@pytest.mark.parametrize("hidden", [[9], [8, 9], [5], [5, 9]])
def test_entries_that_a_stale_listing_hides_are_found(
    three: ModelRegistry, monkeypatch: pytest.MonkeyPatch, hidden: list[int]
) -> None:
    before = three.state()
    (three.folder / "registry.json").unlink()
    names = {f"{number:020d}.json" for number in hidden}
    real = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(set(real(path)) - names))
    assert three.state() == before


def test_a_commit_that_was_reported_lost_and_was_not_counts_once(
    demo: ModelRegistry, candidate: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.create_if_absent

    def create(path: Path, data: bytes) -> bool:
        created = real(path, data)
        return created and path.parent.name != "log"

    monkeypatch.setattr(store, "create_if_absent", create)
    assert demo.register(candidate(), FILES).version == "1.0.0"
    assert len(demo.history()) == 1


def test_an_old_cache_is_completed_from_the_log(
    demo: ModelRegistry, candidate: Make
) -> None:
    demo.register(candidate(1), FILES)
    old = (demo.folder / "registry.json").read_bytes()
    demo.register(candidate(2), FILES)
    after = demo.state()
    (demo.folder / "registry.json").write_bytes(old)
    assert demo.state() == after


def test_a_named_version_is_used_and_the_rule_is_told(
    demo: ModelRegistry, candidate: Make
) -> None:
    version = demo.register(candidate(), FILES, version="v2.5.0")
    assert version.version == "2.5.0"
    assert version.reason == "named by the caller; by rule 1.0.0, first version"
    assert demo.register(candidate(1), FILES).version == "2.6.0"


def test_a_named_version_that_is_taken_is_a_conflict(
    demo: ModelRegistry, candidate: Make
) -> None:
    demo.register(candidate(), FILES, version="1.2.0-rc.1")
    with pytest.raises(ConflictError, match=r"1\.2\.0-RC\.1 of 'demo' is taken .*ada"):
        demo.register(candidate(1), FILES, version="1.2.0-RC.1")
    assert len(demo.versions()) == 1


@pytest.mark.parametrize("name", ["1.2", "01.0.0", "1.0.0.0", "latest", "", "1.0.0+b"])
def test_a_version_that_is_not_semantic_is_refused(
    demo: ModelRegistry, candidate: Make, name: str
) -> None:
    with pytest.raises(RegistryError, match=r"a version must .*got "):
        demo.register(candidate(), FILES, version=name)
    assert not demo.folder.exists()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "1 to 128 letters"),
        ("a b", "1 to 128 letters"),
        ("../up", "1 to 128 letters"),
        ("a/b", "1 to 128 letters"),
        ("a\n", "1 to 128 letters"),
        ("a\x00", "1 to 128 letters"),
        (".hidden", "1 to 128 letters"),
        ("é", "1 to 128 letters"),
        ("x" * 129, "1 to 128 letters"),
        ("a..b", "no two dots in a row"),
        ("a.", "no dot at the end"),
        ("CON", "device names of Windows"),
        ("lpt1.old", "device names of Windows"),
    ],
)
def test_a_name_that_is_not_safe_everywhere_is_refused(
    tmp_path: Path, name: str, rule: str
) -> None:
    with pytest.raises(RegistryError, match=rf"a model's name must be: .*{rule}"):
        registry.open_registry(name, tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_name_that_differs_only_in_case_is_refused(
    demo: ModelRegistry, candidate: Make, tmp_path: Path
) -> None:
    demo.register(candidate(), FILES)
    with pytest.raises(RegistryError, match=r"'Demo' differs from the .*'demo'"):
        registry.open_registry("Demo", tmp_path)


@pytest.mark.parametrize("part", ["", "blobs", "log"])
def test_a_linked_folder_is_refused(tmp_path: Path, part: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    place = tmp_path / "registry" / "demo" / part
    place.parent.mkdir(parents=True)
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RegistryError, match="is a symbolic link"):
        registry.open_registry("demo", tmp_path)


def test_an_artifact_name_cannot_leave_the_registry(
    demo: ModelRegistry, candidate: Make
) -> None:
    with pytest.raises(RegistryError, match="an artifact's name must be"):
        demo.register(candidate(), {"../model.skops": b""})
    with pytest.raises(RegistryError, match="at least one artifact, got none"):
        demo.register(candidate(), {})
    assert not demo.folder.exists()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metrics": {"auc": float("nan")}}, r"\$\.metrics\.auc: JSON has no nan"),
        ({"params": {"x": {1, 2}}}, r"\$\.params\.x: JSON cannot hold a set"),
        ({"created_at": datetime(2026, 1, 1)}, "must have a time zone"),
    ],
)
def test_a_field_that_cannot_be_kept_is_named(
    demo: ModelRegistry, candidate: Make, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        demo.register(candidate(**fields), FILES)
    assert not demo.folder.exists()


def test_evidence_that_cannot_be_kept_is_refused(three: ModelRegistry) -> None:
    note = Note("ada", NOON, evidence={"gain": object()})
    with pytest.raises(TypeError, match="JSON cannot hold a object"):
        three.archive("1.0.0", note=note)
    assert len(three.history()) == 9


def test_promoting_archives_the_champion_in_the_same_commit(
    three: ModelRegistry,
) -> None:
    assert stages(three) == {
        "1.0.0": "archived",
        "1.1.0": "archived",
        "1.2.0": "production",
    }
    last = three.history().commits[-1]
    assert last.summary == (
        "promote: 1.1.0 production -> archived; 1.2.0 staging -> production"
    )


def test_a_promotion_judged_against_another_champion_is_a_conflict(
    three: ModelRegistry, candidate: Make
) -> None:
    version = three.register(candidate(9), FILES).version
    three.move(version, "staging", note=NOTE)
    old = three.show("1.1.0").digest
    before = three.state()
    for judged_against, words in ((old, r"the model 0{12}\.\.\."), (None, "an empty")):
        with pytest.raises(ConflictError, match=rf"against {words}.*now 1\.2\.0 is"):
            three.promote(version, note=NOTE, expected_champion=judged_against)
    assert three.state() == before


def test_a_champion_that_left_is_a_conflict(
    three: ModelRegistry, candidate: Make
) -> None:
    champion = three.show("production").digest
    version = three.register(candidate(9), FILES).version
    three.move(version, "staging", note=NOTE)
    three.archive("1.2.0", note=NOTE)
    with pytest.raises(ConflictError, match="now nothing is in production"):
        three.promote(version, note=NOTE, expected_champion=champion)


@pytest.mark.parametrize(
    ("version", "target", "message"),
    [
        ("1.2.0", "production", "cannot be moved to production.*use promote"),
        ("1.2.0", "staging", r"1\.2\.0 .*is in production and cannot go to staging"),
        ("1.0.0", "archived", r"1\.0\.0 .*is in archived already; nothing was changed"),
        ("1.0.0", "archive", "a stage must be one of .*nearest: archived"),
        ("1.0.1", "failed", r"has no version 1\.0\.1; nearest: 1\.0\.0"),
        (
            "staging",
            "failed",
            "no version of 'demo' is in staging; there are: 1.0.0 in",
        ),
        (
            "prod",
            "failed",
            "by stage or as latest, got 'prod'; nearest: prod",
        ),
    ],
)
def test_a_move_that_is_not_allowed_says_why(
    three: ModelRegistry, version: str, target: str, message: str
) -> None:
    with pytest.raises(RegistryError, match=message):
        three.move(version, target, note=NOTE)
    assert len(three.history()) == 9


def test_failed_is_final(three: ModelRegistry, candidate: Make) -> None:
    version = three.register(candidate(9), FILES).version
    three.move(version, "failed", note=NOTE)
    with pytest.raises(RegistryError, match="it stays there; register the model again"):
        three.move(version, "staging", note=NOTE)


def test_development_does_not_skip_staging(
    demo: ModelRegistry, candidate: Make
) -> None:
    demo.register(candidate(), FILES)
    with pytest.raises(RegistryError, match="from there it can go to staging or"):
        demo.promote("1.0.0", note=NOTE, expected_champion=None)


def test_a_move_is_conditional_on_the_stage_when_asked(
    three: ModelRegistry,
) -> None:
    with pytest.raises(ConflictError, match="expected in staging, and is in archived"):
        three.move("1.0.0", "failed", note=NOTE, expected="staging")
    three.move("1.0.0", "failed", note=NOTE, expected="archived")
    assert three.show("1.0.0").stage == "failed"


def test_rollbacks_walk_back_one_step_each(three: ModelRegistry) -> None:
    commit = three.rollback(note=NOTE)
    assert commit.summary == (
        "rollback: 1.2.0 production -> archived; 1.1.0 archived -> production"
    )
    three.rollback(note=NOTE)
    assert stages(three)["1.0.0"] == "production"
    with pytest.raises(RegistryError, match=r"before 1\.0\.0 can return; promote"):
        three.rollback(note=NOTE)


def test_a_promotion_after_a_rollback_is_rolled_back_to_where_it_started(
    three: ModelRegistry, candidate: Make
) -> None:
    three.rollback(note=NOTE)
    assert release(three, candidate(9)) == "1.3.0"
    three.rollback(note=NOTE)
    assert three.show("production").version == "1.1.0"
    three.rollback(note=NOTE)
    assert three.show("production").version == "1.0.0"


def test_a_rollback_passes_over_versions_that_failed(three: ModelRegistry) -> None:
    three.move("1.1.0", "failed", note=NOTE)
    three.rollback(note=NOTE)
    assert three.show("production").version == "1.0.0"


def test_a_rollback_fills_an_empty_production(three: ModelRegistry) -> None:
    three.archive("production", note=NOTE)
    assert three.production() is None
    three.rollback(note=NOTE)
    assert three.show("production").version == "1.2.0"
    three.move("production", "failed", note=NOTE)
    three.rollback(note=NOTE)
    assert three.show("production").version == "1.1.0"


def test_an_archived_version_can_be_promoted_again(three: ModelRegistry) -> None:
    champion = three.show("production").digest
    three.promote("1.0.0", note=NOTE, expected_champion=champion)
    assert three.rollback(note=NOTE).changes[-1].version == "1.2.0"
    assert three.rollback(note=NOTE).changes[-1].version == "1.1.0"


def test_a_rollback_meant_for_another_version_is_a_conflict(
    three: ModelRegistry,
) -> None:
    with pytest.raises(ConflictError, match=r"to replace 1\.1\.0, and now 1\.2\.0 is"):
        three.rollback(note=NOTE, expected="1.1.0")


@pytest.mark.parametrize("what", ["artifact", "manifest"])
def test_a_damaged_version_never_reaches_production(
    three: ModelRegistry, candidate: Make, what: str
) -> None:
    version = three.register(candidate(9), {"model.skops": b"another"})
    three.move(version.version, "staging", note=NOTE)
    sha256 = version.manifest if what == "manifest" else store.sha256_bytes(b"another")
    (three.folder / "blobs" / sha256).write_bytes(b"")
    champion = three.show("production").digest
    with pytest.raises(DamageError, match="was altered"):
        three.promote(version.version, note=NOTE, expected_champion=champion)
    assert three.show("production").version == "1.2.0"


def test_latest_is_the_last_registered_that_did_not_fail(
    three: ModelRegistry, candidate: Make
) -> None:
    version = three.register(candidate(9), FILES).version
    assert three.show("latest").version == version == "1.3.0"
    three.move(version, "failed", note=NOTE)
    assert three.show("latest").version == "1.2.0"
    assert three.register(candidate(9), FILES).version == "1.4.0"


def test_an_unknown_model_is_named_with_its_neighbours(
    three: ModelRegistry, tmp_path: Path
) -> None:
    other = registry.open_registry("demos", tmp_path)
    for ask in (
        lambda: other.show("latest"),
        lambda: other.verify(),
        lambda: other.rollback(note=NOTE),
    ):
        with pytest.raises(RegistryError, match=r"no model 'demos' .*nearest: demo"):
            ask()
    assert not other.folder.exists()


def test_an_unknown_artifact_is_named_with_its_neighbours(three: ModelRegistry) -> None:
    with pytest.raises(
        RegistryError, match=r"no artifact 'model'; nearest: model.skops"
    ):
        three.artifact("latest", "model")


def test_an_identical_model_is_recognised(
    three: ModelRegistry, candidate: Make
) -> None:
    again = candidate(1, notes="again", packages={"scikit-learn": "1.9.0"}, run="r9")
    found = three.find_identical(again)
    assert found is not None
    assert found.version == "1.1.0"
    noted = {**again.params, "notes": "x", "pipeline": {"cell_timeout": 1}}
    assert three.find_identical(candidate(1, params=noted)) == found


@pytest.mark.parametrize(
    "fields",
    [
        {"digest": "e" * 64},
        {"fingerprint": "e" * 64},
        {"params": {"train": {"options": {"depth": 99}}}},
    ],
)
def test_a_model_that_differs_is_not_identical(
    three: ModelRegistry, candidate: Make, fields: dict[str, Any]
) -> None:
    assert three.find_identical(candidate(1, **fields)) is None


def test_a_failed_version_does_not_count_as_identical(
    three: ModelRegistry, candidate: Make
) -> None:
    three.move("1.1.0", "failed", note=NOTE)
    assert three.find_identical(candidate(1)) is None


def test_two_versions_are_compared(demo: ModelRegistry, candidate: Make) -> None:
    demo.register(candidate(1), FILES)
    changed = candidate(
        2, fingerprint="e" * 64, packages={"scikit-learn": "1.9.0"}, metrics={"f1": 0.5}
    )
    demo.register(changed, FILES)
    comparison = demo.compare("1.0.0", "latest")
    assert not comparison.same_model
    plain = json.loads(store.canonical_json(comparison.to_dict()))
    assert {g: [d["what"] for d in ds] for g, ds in plain["differences"].items()} == {
        "params": ["params.train.options.depth"],
        "data": ["data fingerprint"],
        "packages": ["scikit-learn"],
    }
    assert plain["metrics"]["f1"] == {"old": None, "new": 0.5}
    assert "0.9 [0.88, 0.92]" in comparison._repr_html_()


def test_records_print_as_tables_and_escape_what_they_show(
    demo: ModelRegistry, candidate: Make
) -> None:
    made = candidate(notes="<script>", who="<b>", run="r")
    demo.register(made, FILES, why="<i>")
    for shown in (demo.state(), demo.show("latest"), demo.history(), demo.verify()):
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert "<script>" not in html
        assert "<b>" not in html
        assert "<i>" not in html
        assert store.canonical_json(shown.to_dict())


def test_what_was_live_is_told_by_the_log(demo: ModelRegistry, candidate: Make) -> None:
    def at(day: int) -> Note:
        return Note("ada", NOON + timedelta(days=day))

    champion = None
    for number in range(3):
        version = demo.register(candidate(number), FILES)
        demo.move(version.version, "staging", note=at(10 * number))
        demo.promote(version.version, note=at(10 * number), expected_champion=champion)
        champion = version.digest
    demo.rollback(note=at(25))
    demo.archive("production", note=at(30))

    def live(when: str) -> list[str]:
        return [reign.version for reign in demo.live_on(when)]

    assert live("2026-11-19") == []
    assert live("2026-11-20") == ["1.0.0"]
    assert live("2026-11-30") == ["1.0.0", "1.1.0"]
    assert live("2026-11-30T11:59:59Z") == ["1.0.0"]
    assert live("2026-11-30T12:00:00Z") == ["1.1.0"]
    assert live("2026-12-13T00:00:00Z") == ["1.2.0"]
    assert live("2026-12-16") == ["1.1.0"]
    assert live("2026-12-21") == []
    assert demo.live_on(NOON.date()) == demo.live_on("2026-11-20")


@pytest.mark.parametrize(
    ("when", "message"),
    [("yesterday", "a day such as"), ("2026-11-20T09:30:00", "a moment needs a time")],
)
def test_a_bad_date_is_explained(three: ModelRegistry, when: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        three.live_on(when)


def test_clocks_that_run_backwards_change_nothing_but_the_times(
    demo: ModelRegistry, candidate: Make
) -> None:
    champion = None
    for number in range(3):
        made = candidate(number, created_at=NOON - timedelta(days=number))
        version = demo.register(made, FILES)
        note = Note("ada", NOON - timedelta(days=number))
        demo.move(version.version, "staging", note=note)
        demo.promote(version.version, note=note, expected_champion=champion)
        champion = version.digest
    assert demo.state().reigns == ("1.0.0", "1.1.0", "1.2.0")
    assert [r.version for r in demo.live_on("2026-11-21")] == ["1.2.0"]
    assert demo.live_on("2026-11-19") == ()
    assert demo.verify().ok
    demo.rollback(note=Note("ada", NOON - timedelta(days=99)))
    assert demo.show("production").version == "1.1.0"


def test_old_temporary_files_are_swept_by_the_next_write(
    three: ModelRegistry, candidate: Make
) -> None:
    places = [three.folder, *(three.folder / p for p in ("blobs", "log", "versions"))]
    for place in places:
        for name, age in ((".mlkit-old.tmp", 7200), (".mlkit-new.tmp", 0)):
            (place / name).write_bytes(b"half")
            written = (place / name).stat().st_mtime
            os.utime(place / name, (written - age, written - age))
    three.register(candidate(9), FILES)
    left = [p.name for p in three.folder.rglob("*.tmp")]
    assert left == [".mlkit-new.tmp"] * 4
    assert three.verify().ok


def test_a_cache_that_cannot_be_written_is_a_warning_and_the_commit_stands(
    demo: ModelRegistry, candidate: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.register(candidate(), FILES)

    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refuse)
        with pytest.warns(RuntimeWarning, match="entry 2 of the log is written and co"):
            version = demo.register(candidate(1), FILES).version
    assert demo.show("latest").version == version
    assert not (demo.folder / "versions" / f"{version}.json").exists()
    assert demo.verify().ok
    assert (demo.folder / "versions" / f"{version}.json").exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_refuses_leaves_everything_as_it_was(
    three: ModelRegistry, candidate: Make, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before = three.state()
    real = os.open

    def refuse(path: Any, flags: int, *rest: int) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code))
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="could not be written") as caught:
        three.register(candidate(9), {"model.skops": b"new"})
    assert caught.value.errno == code
    assert three.state() == before


def test_a_newer_format_is_refused_with_advice(three: ModelRegistry) -> None:
    path = three.folder / "log" / f"{9:020d}.json"
    newer = {**store.read_json(path), "format": 2}
    store.write_json(path, newer)
    (three.folder / "registry.json").unlink()
    with pytest.raises(RegistryError, match=r"has format 2, .*up to 1; upgrade mlkit"):
        three.state()


def test_a_shortened_log_is_not_written_over(
    three: ModelRegistry, candidate: Make
) -> None:
    (three.folder / "log" / f"{9:020d}.json").unlink()
    with pytest.raises(DamageError, match=r"is missing, and registry.json has counted"):
        three.register(candidate(9), FILES)
    assert len(os.listdir(three.folder / "log")) == 8
