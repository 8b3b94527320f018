"""What a clean removes, what it never removes, and what is left when it is killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from mlkit import clean, registry, store
from mlkit.clean import Plan
from mlkit.pipeline import runs
from mlkit.pipeline.runs import BusyError
from mlkit.registry import DamageError, Note
from tests.histories import START, add_run, history, taken
from tests.workspace import retrained_workspace, run_mlkit

Register = Callable[..., None]


def there(root: Path, case: str = "toy") -> set[str]:
    return set(runs.names(case, root))


def gone(plan: Plan) -> list[str]:
    return [item.path.name for item in plan.items]


def age(folder: Path, hours: float) -> None:
    then = time.time() - hours * 3600
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (then, then))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params").mkdir()
    (tmp_path / "notebooks").mkdir()
    return tmp_path


@pytest.fixture
def register(root: Path, candidate: Callable[..., Any]) -> Register:
    """Return a function that registers a version on behalf of a run."""

    def make(run: str | None, number: int = 0, model: str = "toy", **fields: Any):
        opened = registry.open_registry(model, root)
        opened.register(
            candidate(number, run=run, **fields), {"model.skops": b"a model"}
        )

    return make


class TestWhatGoes:
    def test_the_newest_stay_and_older_ones_go(self, root: Path) -> None:
        made = history(root, 7)
        plan = clean.find_old(root, keep=3)
        assert gone(plan) == made[:4]
        assert {item.why for item in plan.items} == {"older than the newest 3 of toy"}
        assert there(root) == set(made)
        done = clean.remove(plan)
        assert there(root) == set(made[4:])
        assert [path.name for path in done.removed] == made[:4]
        assert not list((root / "reports" / "toy").glob(".removed-*"))

    def test_each_case_keeps_its_own(self, root: Path) -> None:
        toys, games = history(root, 3), history(root, 1, "games")
        clean.remove(clean.find_old(root, keep=2))
        assert there(root) == set(toys[1:])
        assert there(root, "games") == set(games)

    def test_a_second_clean_finds_nothing(self, root: Path) -> None:
        history(root, 4)
        clean.remove(clean.find_old(root, keep=2))
        assert clean.find_old(root, keep=2).items == ()

    def test_a_workspace_without_runs_has_nothing_old(self, root: Path) -> None:
        plan = clean.find_old(root)
        assert (plan.items, plan.kept, plan.foreign) == ((), (), ())

    def test_a_run_without_a_readable_record_goes(self, root: Path) -> None:
        made = history(root, 2)
        empty = runs.create_run("toy", root, at=START + timedelta(days=8))
        garbled = runs.create_run("toy", root, at=START + timedelta(days=9))
        garbled.record.write_text('{"status": ')
        plan = clean.find_old(root, keep=2)
        assert {item.path.name: item.why for item in plan.items} == {
            empty.run: "it has no run.json",
            garbled.run: "its run.json cannot be read",
        }
        clean.remove(plan)
        assert there(root) == set(made)

    def test_an_old_draft_goes_once_as_many_runs_are_newer(self, root: Path) -> None:
        draft = root / "reports" / "toy" / "draft"
        (draft / "train").mkdir(parents=True)
        (draft / "train" / "model.skops").write_bytes(b"x" * 50)
        then = (START + timedelta(days=1, hours=1)).timestamp()
        for path in (*draft.rglob("*"), draft):
            os.utime(path, (then, then))
        history(root, 4)
        assert clean.find_old(root, keep=3).items[-1].kind == "run"
        plan = clean.find_old(root, keep=2)
        assert plan.items[-1].path == draft
        assert plan.items[-1].kind == "draft"
        clean.remove(plan)
        assert not draft.exists()

    def test_a_draft_of_this_hour_stays(self, root: Path) -> None:
        history(root, 3)
        (root / "reports" / "toy" / "draft").mkdir()
        now = time.time()
        future = add_run(root, (datetime.fromtimestamp(now, UTC) - START).days + 2)
        plan = clean.find_old(root, keep=1, now=now)
        assert "draft" not in gone(plan)
        assert future not in gone(plan)

    def test_files_of_killed_writers_go(self, root: Path) -> None:
        (run,) = history(root, 1)
        folder = root / "reports" / "toy" / run
        places = (folder / "train", folder, root / "reports", root / "params")
        old = [place / ".mlkit-0123456789abcdef.tmp" for place in places]
        young = folder / ".mlkit-fedcba9876543210.tmp"
        for path in (*old, young):
            path.write_bytes(b"half")
        for path in old:
            os.utime(path, (1, 1))
        plan = clean.find_old(root)
        assert {item.path for item in plan.items} == set(old)
        assert {item.kind for item in plan.items} == {"temporary"}
        clean.remove(plan)
        assert not any(path.exists() for path in old)
        assert young.exists()


class TestWhatStays:
    def test_what_the_log_names(self, root: Path, register: Register) -> None:
        made = history(root, 6)
        register(made[1])
        plan = clean.find_old(root, keep=2)
        assert gone(plan) == [made[0], made[2], made[3]]
        (kept,) = plan.kept
        assert kept.path.name == made[1]
        assert kept.why == "version 1.0.0 of toy names it"
        assert kept.named

    def test_what_the_log_of_another_model_names(
        self, root: Path, register: Register
    ) -> None:
        made = history(root, 3)
        register(made[0], model="shared")
        assert gone(clean.find_old(root, keep=1)) == [made[1]]

    def test_what_a_person_named_in_a_reason(
        self, root: Path, register: Register
    ) -> None:
        made = history(root, 4)
        register(made[3])
        why = f"worse than {made[0]} on the new rows"
        note = Note("ada", START, why)
        registry.open_registry("toy", root).move("1.0.0", "staging", note=note)
        assert gone(clean.find_old(root, keep=1)) == [made[1], made[2]]

    def test_what_a_manifest_names(self, root: Path, register: Register) -> None:
        made = history(root, 3)
        register(None, notes=f"as in {made[1]}")
        plan = clean.find_old(root, keep=1)
        assert gone(plan) == [made[0]]
        assert plan.kept[0].why == "version 1.0.0 of toy names it"

    def test_what_an_export_names(self, root: Path) -> None:
        made = history(root, 3)
        export = root / "exports" / "toy-1.0.0" / "manifest.json"
        store.write_json(export, {"version": "1.0.0", "run": made[0]})
        plan = clean.find_old(root, keep=1)
        assert gone(plan) == [made[1]]
        assert plan.kept[0].why == "exports/toy-1.0.0/manifest.json names it"

    def test_a_damaged_run_that_the_log_names(
        self, root: Path, register: Register
    ) -> None:
        made = history(root, 2)
        (root / "reports" / "toy" / made[0] / "run.json").unlink()
        register(made[0])
        assert gone(clean.find_old(root, keep=1)) == []

    def test_what_a_page_that_stays_links_to(self, root: Path) -> None:
        first, second, third = history(root, 3)
        middle = add_run(root, 4, steps=taken(first))
        newest = add_run(root, 5, steps=taken(middle))
        plan = clean.find_old(root, keep=1)
        assert gone(plan) == [second, third]
        reasons = {kept.path.name: kept.why for kept in plan.kept}
        assert reasons == {
            first: f"the page of run {middle} links to it",
            middle: f"the page of run {newest} links to it",
        }
        assert not any(kept.named for kept in plan.kept)

    def test_a_run_whose_link_is_old_itself_keeps_nothing(self, root: Path) -> None:
        first = add_run(root, 0)
        second = add_run(root, 1, steps=taken(first))
        add_run(root, 2)
        assert gone(clean.find_old(root, keep=1)) == [first, second]

    def test_the_run_since_which_nothing_has_changed(self, root: Path) -> None:
        first, second = history(root, 2)
        add_run(root, 2, verdict={"verdict": "keep", "unchanged_since": first})
        assert gone(clean.find_old(root, keep=1)) == [second]

    def test_the_run_that_was_resumed(self, root: Path) -> None:
        failed = add_run(root, 0, status="failed")
        add_run(root, 1, resumed=failed)
        assert gone(clean.find_old(root, keep=1)) == []

    def test_all_members_of_a_run_that_fanned_out(self, root: Path) -> None:
        north = [add_run(root, day, "toy.north") for day in (0, 2, 3)]
        south = [add_run(root, day, "toy.south") for day in (0, 2, 3)]
        members = [{"case": "toy.north", "run": north[0]}, {"run": south[1]}]
        add_run(root, 1, kind="fan_out", members=members)
        assert gone(clean.find_old(root, keep=1)) == [north[1], south[0]]

    def test_a_member_does_not_keep_all_others(
        self, root: Path, register: Register
    ) -> None:
        fan = add_run(root, 0, kind="fan_out")
        north = [add_run(root, day, "toy.north", fan_out=fan) for day in (1, 2)]
        south = [add_run(root, day, "toy.south", fan_out=fan) for day in (1, 2)]
        add_run(root, 3, kind="fan_out")
        register(north[0], model="toy.north")
        assert gone(clean.find_old(root, keep=1)) == [fan, south[0]]

    def test_members_of_a_run_that_is_still_fanning_out(self, root: Path) -> None:
        fan = add_run(root, 1, kind="fan_out", status="running", members=[])
        member = add_run(root, 2, "toy.north", fan_out=fan)
        add_run(root, 3, "toy.north")
        assert member not in gone(clean.find_old(root, keep=1))

    def test_what_is_not_of_mlkit_is_left_alone_and_named(self, root: Path) -> None:
        made = history(root, 2)
        reports = root / "reports"
        (reports / "figures" / "20260101").mkdir(parents=True)
        (reports / "notes.txt").write_text("mine")
        (reports / "toy" / "mine").mkdir()
        plan = clean.find_old(root, keep=1)
        assert gone(plan) == made[:1]
        names = [path.relative_to(reports).as_posix() for path in plan.foreign]
        assert names == ["figures", "notes.txt", "toy/mine"]
        clean.remove(plan)
        assert all(path.exists() for path in plan.foreign)


class TestLinks:
    def test_a_linked_run_is_left_alone_and_so_is_what_it_leads_to(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        made = history(root, 2)
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / "run.json").write_text("{}")
        link = root / "reports" / "toy" / "20200101T000000Z-abcdef"
        link.symlink_to(elsewhere)
        plan = clean.find_old(root, keep=1)
        assert gone(plan) == made[:1]
        assert plan.foreign == (link,)
        clean.remove(plan)
        assert link.is_symlink()
        assert (elsewhere / "run.json").exists()

    def test_links_in_a_run_go_and_what_they_lead_to_stays(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        made = history(root, 2)
        precious = tmp_path_factory.mktemp("precious") / "table.csv"
        precious.write_text("a,b\n" * 1000)
        folder = root / "reports" / "toy" / made[0]
        (folder / "folder").symlink_to(precious.parent)
        (folder / "table.csv").symlink_to(precious)
        plan = clean.find_old(root, keep=1)
        assert plan.items[0].size < 2000
        clean.remove(plan)
        assert not folder.exists()
        assert precious.read_text().startswith("a,b")

    def test_a_linked_case_is_left_alone(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        other = tmp_path_factory.mktemp("other")
        made = history(other, 3)
        (root / "reports").mkdir()
        (root / "reports" / "toy").symlink_to(other / "reports" / "toy")
        plan = clean.find_old(root, keep=1)
        assert plan.items == ()
        assert plan.foreign == (root / "reports" / "toy",)
        assert there(other) == set(made)

    def test_a_link_put_in_place_of_a_run_meanwhile_stays(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        made = history(root, 2)
        plan = clean.find_old(root, keep=1)
        folder = root / "reports" / "toy" / made[0]
        moved = tmp_path_factory.mktemp("moved") / "run"
        folder.rename(moved)
        folder.symlink_to(moved)
        done = clean.remove(plan)
        assert folder in done.left
        assert (moved / "run.json").exists()
        assert folder.is_symlink()

    def test_a_link_put_there_in_the_last_moment_stays(
        self,
        root: Path,
        tmp_path_factory: pytest.TempPathFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        made = history(root, 2)
        plan = clean.find_old(root, keep=1)
        folder = root / "reports" / "toy" / made[0]
        moved = tmp_path_factory.mktemp("moved") / "run"
        real = os.rename

        def swap(source: Path, target: Path) -> None:
            if source == folder and not folder.is_symlink():
                real(folder, moved)
                folder.symlink_to(moved)
            real(source, target)

        monkeypatch.setattr(os, "rename", swap)
        done = clean.remove(plan)
        assert done.left == {folder: "it is a symbolic link by now"}
        assert folder.is_symlink()
        assert (moved / "run.json").exists()

    def test_a_reports_folder_that_is_itself_linked_is_cleaned(
        self, root: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        (root / "reports").symlink_to(tmp_path_factory.mktemp("disk"))
        made = history(root, 3)
        clean.remove(clean.find_old(root, keep=1))
        assert there(root) == {made[2]}


class TestOthersAtWork:
    def test_a_case_with_a_run_under_way_is_left_alone(self, root: Path) -> None:
        made = history(root, 3)
        games = history(root, 2, "games")
        with runs.hold("toy", root):
            plan = clean.find_old(root, keep=1)
            assert plan.busy == ("toy",)
            assert gone(plan) == games[:1]
            clean.remove(plan)
        assert there(root) == set(made)
        assert there(root, "games") == {games[1]}

    def test_a_run_that_begins_after_the_plan_loses_nothing(self, root: Path) -> None:
        made = history(root, 3)
        plan = clean.find_old(root, keep=1)
        with runs.hold("toy", root):
            done = clean.remove(plan)
        assert there(root) == set(made)
        assert set(done.left.values()) == {"a run of toy began meanwhile"}
        assert done.removed == ()

    def test_a_run_that_came_to_link_after_the_plan_keeps_its_target(
        self, root: Path
    ) -> None:
        made = history(root, 3)
        plan = clean.find_old(root, keep=1)
        newest = add_run(root, 9, steps=taken(made[0]))
        done = clean.remove(plan)
        # The third was not planned to go, so it stays although it is old by now.
        assert there(root) == {made[0], made[2], newest}
        assert [path.name for path in done.left] == [made[0]]

    def test_a_second_clean_at_the_same_time_ends_at_once(self, root: Path) -> None:
        made = history(root, 2)
        plan = clean.find_old(root, keep=1)
        with (
            FileLock(root / "reports" / ".clean.lock"),
            pytest.raises(BusyError, match="another one is under way"),
        ):
            clean.remove(plan)
        assert there(root) == set(made)


class TestFaults:
    def test_a_log_that_cannot_be_read_stops_everything(
        self, root: Path, register: Register
    ) -> None:
        made = history(root, 3)
        register(made[0])
        register(made[1], 1)
        (entry,) = (root / "registry" / "toy" / "log").glob("*1.json")
        entry.write_text("{}")
        (root / "registry" / "toy" / "registry.json").unlink()
        with pytest.raises(DamageError, match="registry verify"):
            clean.find_old(root, keep=1)

    def test_a_manifest_that_cannot_be_read_stops_everything(
        self, root: Path, register: Register
    ) -> None:
        made = history(root, 2)
        register(made[0])
        (version,) = registry.open_registry("toy", root).versions()
        (root / "registry" / "toy" / "blobs" / version.manifest).write_bytes(b"{}")
        with pytest.raises(DamageError, match="was altered"):
            clean.find_old(root, keep=1)

    @pytest.mark.parametrize("keep", [0, -3])
    def test_a_case_keeps_at_least_its_newest_run(self, root: Path, keep: int) -> None:
        with pytest.raises(ValueError, match=f"keep must be at least 1, got {keep}"):
            clean.find_old(root, keep=keep)

    def test_what_cannot_be_removed_is_told(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = history(root, 2)
        plan = clean.find_old(root, keep=1)
        real = os.rmdir

        def refuse(path: Any, **options: Any) -> None:
            if "train" in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            real(path, **options)

        monkeypatch.setattr(os, "rmdir", refuse)
        done = clean.remove(plan)
        (why,) = done.failed.values()
        assert re.match(r"part of it is left in \.removed-.*: Permission denied", why)
        assert there(root) == {made[1]}
        monkeypatch.undo()
        again = clean.find_old(root, keep=1)
        assert [item.kind for item in again.items] == ["leftover"]
        clean.remove(again)
        assert not list((root / "reports" / "toy").glob(".removed-*"))


KILLED = """
    import os, sys
    from pathlib import Path
    from mlkit import clean, pipeline
    plan = clean.find_old(Path(sys.argv[1]), keep=1)
    left = int(sys.argv[2])

    def deadly(name):
        real = getattr(os, name)
        def call(*args, **options):
            global left
            if any(".lock" in str(a) or ".tmp" in str(a) for a in args):
                return real(*args, **options)
            if left == 0:
                os.kill(os.getpid(), 9)
            left -= 1
            return real(*args, **options)
        setattr(os, name, call)

    for name in ("rename", "unlink", "rmdir"):
        deadly(name)
    clean.remove(plan)
"""


@pytest.mark.parametrize("moment", [0, 1, 2, 3, 4, 5, 7, 9])
def test_a_clean_that_is_killed_leaves_no_half_of_a_run(
    root: Path, moment: int
) -> None:
    made = history(root, 3)
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(root), str(moment)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    for name in there(root):
        folder = root / "reports" / "toy" / name
        files = {p.relative_to(folder).as_posix() for p in folder.rglob("*")}
        assert files >= {"run.json", "index.html", "train", "train/model.skops"}
    clean.remove(clean.find_old(root, keep=1))
    assert there(root) == {made[2]}
    assert not list((root / "reports" / "toy").glob(".removed-*"))


class TestSizes:
    def test_megabytes_are_millions_of_bytes(self, root: Path) -> None:
        made = history(root, 2)
        folder = root / "reports" / "toy" / made[0]
        (folder / "big").write_bytes(b"x" * 2_500_000)
        size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        plan = clean.find_old(root, keep=1)
        assert plan.items[0].size == plan.freed == size
        (item,) = plan.to_dict()["items"]
        assert item["mb"] == pytest.approx(size / 1e6, abs=5e-4)

    def test_a_file_that_a_kept_run_shares_frees_nothing(self, root: Path) -> None:
        made = history(root, 3)
        shared = root / "reports" / "toy" / made[0] / "train.ipynb"
        shared.write_bytes(b"x" * 10_000)
        os.link(shared, root / "reports" / "toy" / made[1] / "train.ipynb")
        both = clean.find_old(root, keep=1)
        os.link(shared, root / "reports" / "toy" / made[2] / "train.ipynb")
        one = clean.find_old(root, keep=1)
        assert both.freed - one.freed == 10_000
        assert [item.size for item in one.items] == [item.size for item in both.items]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with old runs and a run that registered a version."""
    root = retrained_workspace(tmp_path_factory, "cleaned")
    history(root, 3)
    add_run(root, 2000)
    return root


class TestTheCommand:
    def test_it_shows_then_removes_and_the_registry_keeps_its_run(
        self, workspace: Path
    ) -> None:
        before = there(workspace)
        (named,) = {
            commit.run for commit in registry.open_registry("toy", workspace).history()
        }
        shown = run_mlkit(workspace, "clean", "--keep", "1")
        assert shown.returncode == 0, shown.stderr
        assert "nothing was removed" in shown.stdout
        assert shown.stdout.count("older than the newest 1 of toy") == 3
        assert "1 older stay, 1 of them named by the registry" in shown.stdout
        assert there(workspace) == before
        done = run_mlkit(workspace, "clean", "--keep", "1", "--yes", "--json")
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert len(answer["removed"]) == 3
        assert answer["failed"] == answer["left"] == {}
        assert answer["foreign"] == answer["busy"] == []
        assert [kept["why"] for kept in answer["kept"]] == [
            "version 1.0.0 of toy names it"
        ]
        (newest,) = there(workspace) - {named}
        assert newest == max(before)
        index = (workspace / "reports" / "index.html").read_text()
        assert not any(name in index for name in before - {named, newest})
        assert named in index

    def test_nothing_old_is_said(self, workspace: Path) -> None:
        done = run_mlkit(workspace, "clean")
        assert "nothing is old: every case keeps its newest 20 runs" in done.stdout

    def test_keep_must_be_a_number_above_nought(self, workspace: Path) -> None:
        done = run_mlkit(workspace, "clean", "--keep", "0")
        assert done.returncode == 2
        assert "--keep" in done.stderr

    def test_it_is_light_until_it_removes(self, root: Path) -> None:
        history(root, 3)
        code = (
            "import sys; from pathlib import Path; from mlkit import clean; "
            f"clean.find_old(Path({str(root)!r}), keep=1); "
            "print([m for m in ('pandas', 'papermill', 'nbconvert', 'sklearn') "
            "if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"
