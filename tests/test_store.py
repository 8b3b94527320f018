"""The workspace is found; files are written whole and durably, or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit import store

WRAPPED = ("open", "write", "fsync", "link", "replace", "mkdir", "unlink", "close")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    for name in ("params", "notebooks"):
        (tmp_path / "ws" / name).mkdir(parents=True)
    return tmp_path / "ws"


def leftovers(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if p.name.endswith(".tmp")]


def test_root_is_the_variable_when_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path))
    assert store.workspace_root() == tmp_path


def test_root_named_by_the_variable_must_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="MLKIT_ROOT must name an existing"):
        store.workspace_root()


def test_root_is_the_nearest_folder_above_with_params_and_notebooks(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLKIT_ROOT", raising=False)
    monkeypatch.chdir(workspace / "notebooks")
    assert store.workspace_root() == workspace


def test_root_falls_back_to_where_the_package_is_developed(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", "")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr(store, "__file__", str(workspace / "mlkit" / "store.py"))
    assert store.workspace_root() == workspace


def test_no_root_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLKIT_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(store, "__file__", str(tmp_path / "lib" / "mlkit" / "store.py"))
    with pytest.raises(FileNotFoundError, match=r"no workspace found.*set MLKIT_ROOT"):
        store.workspace_root()


@pytest.mark.parametrize("uri", ["s3://bucket/key", "https://host/a.csv", "/abs/a.csv"])
def test_uris_and_absolute_paths_stay(uri: str, tmp_path: Path) -> None:
    assert store.resolve(uri, tmp_path) == uri


def test_relative_paths_start_at_the_root(
    tmp_path: Path, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLKIT_ROOT", str(workspace))
    assert store.resolve("data/a.csv") == str(workspace / "data" / "a.csv")
    assert store.resolve("data/a.csv", tmp_path) == str(tmp_path / "data" / "a.csv")
    assert store.resolve("~/a.csv", tmp_path) == str(Path.home() / "a.csv")


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(plain)
def test_canonical_json_reads_back_equal(value: Any) -> None:
    assert json.loads(store.canonical_json(value)) == value


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.integers(), min_size=2))
def test_canonical_json_does_not_depend_on_the_order(value: dict[str, int]) -> None:
    shuffled = dict(reversed([*value.items()]))
    assert store.canonical_json(value) == store.canonical_json(shuffled)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [1, {"b": float("nan")}]}, r"\$\.a\[1\]\.b: JSON has no nan"),
        ({"a": float("inf")}, r"\$\.a: JSON has no inf"),
        ({"a": {1: 2}}, r"\$\.a: a JSON object's keys must be text, got 1"),
        ([Path("x")], r"\$\[0\]: JSON cannot hold a \w*Path"),
        ({"a": "\ud800"}, r"\$\.a: .* is not valid Unicode"),
    ],
)
def test_canonical_json_names_the_value_it_cannot_hold(
    value: object, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        store.canonical_json(value)


def test_hashes_are_those_of_the_standard(tmp_path: Path) -> None:
    # FIPS 180-4, the example of the three letters abc.
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "a").write_bytes(b"abc")
    assert store.sha256_bytes(b"abc") == known
    assert store.sha256_file(tmp_path / "a") == known


def test_json_round_trip_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.json"
    store.write_json(path, {"x": (1, 2)})
    store.write_json(path, {"x": 3})
    assert store.read_json(path) == {"x": 3}
    assert os.listdir(path.parent) == ["c.json"]


@pytest.mark.parametrize("text", ["", "{", '{"a": NaN}', "\xff"])
def test_bad_json_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"a\.json \(\d+ bytes\) does not hold valid"):
        store.read_json(path)


def test_files_get_the_rights_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        store.write_atomic(tmp_path / "a", "x")
        store.create_if_absent(tmp_path / "b", b"x")
    finally:
        os.umask(before)
    for name in "ab":
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640


def test_created_once(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    assert store.create_if_absent(path, b"first") is True
    assert store.create_if_absent(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert os.listdir(path.parent) == ["b"]


RACE = """
import sys
from pathlib import Path
from mlkit import store
folder, name, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
while not (folder / "go").exists():
    pass
won = [r for r in range(rounds)
       if store.create_if_absent(folder / "race" / str(r), name.encode() * 999)]
print(*won)
"""


def test_of_many_processes_exactly_one_creates_each_file(tmp_path: Path) -> None:
    rounds, names = 40, "abcdef"
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    racers = {
        name: subprocess.Popen(
            [*command, name, str(rounds)], stdout=subprocess.PIPE, text=True
        )
        for name in names
    }
    (tmp_path / "go").touch()
    answers = {n: racer.communicate(timeout=60)[0] for n, racer in racers.items()}
    assert all(racer.returncode == 0 for racer in racers.values())
    winners = {name: answer.split() for name, answer in answers.items()}
    won_by_all = [number for won in winners.values() for number in won]
    assert sorted(won_by_all) == sorted(map(str, range(rounds)))
    for name, won in winners.items():
        for number in won:
            content = (tmp_path / "race" / number).read_bytes()
            assert content == name.encode() * 999
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_links_a_lock_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def link(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    assert store.create_if_absent(tmp_path / "a", b"first") is True
    # A rival may have created the name after it was seen to be free.
    monkeypatch.setattr(os.path, "lexists", _once_false(os.path.lexists))
    assert store.create_if_absent(tmp_path / "a", b"second") is False
    assert (tmp_path / "a").read_bytes() == b"first"
    assert not leftovers(tmp_path)


def _once_false(real: Callable[[Path], bool]) -> Callable[[Path], bool]:
    asked: list[Path] = []

    def lexists(path: Path) -> bool:
        asked.append(path)
        return len(asked) > 1 and real(path)

    return lexists


@pytest.mark.parametrize("code", [errno.EEXIST, errno.EIO])
def test_a_link_that_fails_after_success_counts_as_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real = os.link

    def link(source: Path, target: Path) -> None:
        real(source, target)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    assert store.create_if_absent(tmp_path / "a", b"mine") is True
    assert (tmp_path / "a").read_bytes() == b"mine"


class Failing:
    """Makes the k-th call of the wrapped functions of `os` fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, code: int) -> None:
        self.calls: list[str] = []
        self.at, self.code = at, code
        for name in WRAPPED:
            monkeypatch.setattr(os, name, self.wrap(name, getattr(os, name)))

    def wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if len(self.calls) == self.at:
                if name == "write":  # the disk takes a part, then is full
                    real(args[0], args[1][: len(args[1]) // 2])
                if name == "close":
                    real(*args)
                raise OSError(self.code, os.strerror(self.code))
            return real(*args, **kwargs)

        return call


def attempt(
    write: Callable[[Path, bytes], object], path: Path
) -> tuple[object, OSError | None]:
    try:
        return write(path, b"new" * 99), None
    except OSError as error:
        return None, error


def write_calls(tmp_path: Path, write: Callable[[Path], object]) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        failing = Failing(patch, 0, 0)
        write(tmp_path / "count" / "sub" / "file")
    return failing.calls


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("exists", [False, True])
def test_replacing_survives_a_failure_of_every_call(
    tmp_path: Path, exists: bool, code: int
) -> None:
    calls = write_calls(tmp_path, lambda path: store.write_atomic(path, b"new" * 99))
    for k in range(1, len(calls) + 1):
        path = tmp_path / f"{k}" / "sub" / "file"
        if exists:
            store.write_atomic(path, b"old")
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, k, code)
            _, error = attempt(store.write_atomic, path)
        if error is None:
            assert path.read_bytes() == b"new" * 99, failing.calls
        else:
            assert (error.errno, error.filename) == (code, str(path))
        if exists or path.exists():
            assert path.read_bytes() in (b"old", b"new" * 99)
        store.write_atomic(path, b"next")
        assert path.read_bytes() == b"next"
        if k <= len(failing.calls) and failing.calls[k - 1] != "unlink":
            assert not leftovers(path.parent)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_creating_survives_a_failure_of_every_call(tmp_path: Path, code: int) -> None:
    calls = write_calls(
        tmp_path, lambda path: store.create_if_absent(path, b"new" * 99)
    )
    assert {"link", "fsync", "write", "mkdir"} <= set(calls)
    for k in range(1, len(calls) + 1):
        path = tmp_path / f"{k}" / "sub" / "file"
        with pytest.MonkeyPatch.context() as patch:
            failing = Failing(patch, k, code)
            created, error = attempt(store.create_if_absent, path)
        assert created or (error is not None and error.errno == code)
        if created:
            assert path.read_bytes() == b"new" * 99, failing.calls
        if path.exists():
            assert path.read_bytes() == b"new" * 99
        again = store.create_if_absent(path, b"later")
        assert path.read_bytes() == (b"later" if again else b"new" * 99)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            errno.ENOSPC,
            "No space left .*before is intact; free some disk space",
        ),
        (errno.EROFS, "the file system is read-only: use a root that can be written"),
        (errno.EACCES, "ask for the right to write there"),
        (errno.EIO, "check the disk and try again"),
    ],
)
def test_a_disk_that_refuses_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, message: str
) -> None:
    def refuse(*args: object, **kwargs: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match=message) as caught:
        store.write_atomic(tmp_path / "a.json", b"x")
    assert str(tmp_path / "a.json") in str(caught.value)
    assert caught.value.errno == code


def test_a_file_in_place_of_a_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="could not be written"):
        store.write_atomic(tmp_path / "a" / "b", b"x")


def test_a_disk_that_takes_a_few_bytes_at_a_time_gets_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda where, data: real(where, data[:7]))
    store.write_atomic(tmp_path / "a", b"0123456789" * 10)
    assert (tmp_path / "a").read_bytes() == b"0123456789" * 10


def test_everything_is_flushed_before_it_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing(monkeypatch, 0, 0)
    store.create_if_absent(tmp_path / "a", b"x")
    calls = [name for name in failing.calls if name in ("write", "fsync", "link")]
    assert calls == ["write", "fsync", "link", "fsync"]


def test_only_old_temporary_files_are_swept(tmp_path: Path) -> None:
    old, fresh, other = (
        tmp_path / name for name in (".mlkit-1.tmp", ".mlkit-2.tmp", "kept.tmp")
    )
    for path in (old, fresh, other):
        path.touch()
    now = fresh.stat().st_mtime
    for path in (old, other):
        os.utime(path, (now - 7200, now - 7200))
    assert store.sweep(tmp_path, now=now) == (old,)
    assert sorted(os.listdir(tmp_path)) == [fresh.name, other.name]
    assert store.sweep(tmp_path / "gone", now=now) == ()


def test_paths_and_uris_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"text")
    with store.open_uri(tmp_path / "a.txt") as file:
        assert file.read() == b"text"
    with store.open_uri(f"file://{tmp_path}/a.txt", "rt") as file:
        assert file.read() == "text"


def test_an_unknown_protocol_is_explained() -> None:
    with pytest.raises(ValueError, match=r"nope://x: cannot open 'nope' addresses"):
        store.open_uri("nope://x")


def test_importing_the_store_loads_no_heavy_library() -> None:
    heavy = "numpy pandas sklearn fsspec filelock pydantic"
    code = (
        "import sys, mlkit.store; print([m for m in sys.argv[1:] if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, *heavy.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
