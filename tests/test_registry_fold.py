"""The state is what the log says, however often and from wherever it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit import store
from mlkit.registry import (
    STAGES,
    Change,
    Commit,
    DamageError,
    RegistryError,
    State,
    fold,
)
from mlkit.registry.commits import parse_commit, to_bytes
from mlkit.registry.moves import (
    decide_move,
    decide_promotion,
    decide_rollback,
    find_version,
)

NUMBERS = [f"1.{minor}.0" for minor in range(4)]
MAY_GO = {
    ("development", "staging"),
    ("development", "archived"),
    ("development", "failed"),
    ("staging", "production"),
    ("staging", "development"),
    ("staging", "archived"),
    ("staging", "failed"),
    ("production", "archived"),
    ("production", "failed"),
    ("archived", "production"),
    ("archived", "staging"),
    ("archived", "failed"),
}


class BruteForce:
    """A registry in two plain lists, which knows only what users are promised."""

    def __init__(self) -> None:
        self.stage: dict[str, str] = {}
        self.thrones: list[str] = []

    @property
    def champion(self) -> str | None:
        found = [v for v, stage in self.stage.items() if stage == "production"]
        assert len(found) <= 1
        return found[0] if found else None

    def register(self, version: str) -> bool:
        self.stage[version] = "development"
        return True

    def move(self, version: str, target: str) -> bool:
        allowed = (self.stage.get(version), target) in MAY_GO - {
            ("staging", "production"),
            ("archived", "production"),
        }
        if allowed:
            self.stage[version] = target
        return allowed

    def crown(self, version: str) -> None:
        if self.champion:
            self.stage[self.champion] = "archived"
        self.stage[version] = "production"

    def promote(self, version: str) -> bool:
        if (self.stage.get(version), "production") not in MAY_GO:
            return False
        self.crown(version)
        self.thrones.append(version)
        return True

    def rollback(self) -> bool:
        before = list(self.thrones)
        while before:
            earlier = before[-1]
            fit = (self.stage[earlier], "production") in MAY_GO
            if earlier != self.champion and fit:
                self.crown(earlier)
                self.thrones = before
                return True
            before.pop()
        return False


def write(state: State, action: Any, changes: tuple[Change, ...]) -> Commit:
    number = state.as_of + 1
    return Commit(
        number=number,
        id=f"{number:032x}",
        previous=None,
        model="demo",
        action=action,
        at=f"2026-11-20T00:00:{number % 60:02d}.000Z",
        by="ada",
        why=f"step {number}",
        changes=changes,
    )


def decide(state: State, op: tuple[str, ...]) -> tuple[Change, ...]:
    champion = state.production
    if op[0] == "register":
        return (Change(op[1], None, "development", "a" * 64, op[1], "by rule"),)
    if op[0] == "move":
        return decide_move(state, op[1], op[2])
    if op[0] == "promote":
        expected = champion.digest if champion else None
        return decide_promotion(state, op[1], expected_champion=expected)
    return decide_rollback(state, expected=champion.version if champion else None)


operations = st.lists(
    st.one_of(
        st.tuples(st.just("promote"), st.sampled_from(NUMBERS)),
        st.tuples(st.just("rollback")),
        st.tuples(st.just("move"), st.sampled_from(NUMBERS), st.sampled_from(STAGES)),
        st.tuples(st.just("move"), st.sampled_from(NUMBERS), st.just("staging")),
    ),
    max_size=40,
)


def played(ops: list[tuple[str, ...]]) -> tuple[BruteForce, State, list[Commit]]:
    brute, state = BruteForce(), State("demo")
    commits: list[Commit] = []
    start = [("register", number) for number in NUMBERS]
    for op in [*start, *ops]:
        try:
            commit = write(state, op[0], decide(state, op))
        except RegistryError:
            assert not getattr(brute, op[0])(*op[1:]), op
            continue
        assert getattr(brute, op[0])(*op[1:]), op
        commits.append(commit)
        state = fold([commit], state)
    return brute, state, commits


@settings(max_examples=300, deadline=None)
@given(operations)
def test_the_fold_is_what_a_brute_force_registry_says(
    ops: list[tuple[str, ...]],
) -> None:
    brute, state, _ = played(ops)
    assert {v.version: v.stage for v in state.versions.values()} == brute.stage
    champion = state.production.version if state.production else None
    assert champion == brute.champion
    assert list(state.reigns) == brute.thrones


@settings(deadline=None)
@given(operations, st.integers(0, 50))
def test_the_fold_may_stop_anywhere_and_go_on(
    ops: list[tuple[str, ...]], where: int
) -> None:
    _, state, commits = played(ops)
    part = fold(commits[:where], State("demo"))
    resumed = State.from_dict(part.to_dict())
    assert resumed == part
    assert fold(commits[where:], resumed) == state


@settings(deadline=None)
@given(operations)
def test_commits_read_back_equal(ops: list[tuple[str, ...]]) -> None:
    for commit in played(ops)[2]:
        assert parse_commit(to_bytes(commit), "it") == commit


@settings(deadline=None)
@given(operations)
def test_every_commit_moves_versions_from_where_they_are(
    ops: list[tuple[str, ...]],
) -> None:
    where: dict[str, str | None] = {}
    for commit in played(ops)[2]:
        for change in commit.changes:
            assert where.get(change.version) == change.source
            where[change.version] = change.target


def first() -> State:
    entry = Change("1.0.0", None, "production", "a" * 64, "d")
    return fold([write(State("demo"), "register", (entry,))], State("demo"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change("1.0.0", None, "staging", "a", "d"), "registers 1.0.0 a second time"),
        (Change("9.0.0", "staging", "failed"), "moves 9.0.0 .*it is not registered"),
        (Change("1.0.0", "staging", "failed"), "moves 1.0.0 .*it is in production"),
        (Change("2.0.0", None, "production", "a", "d"), "two versions in production"),
    ],
)
def test_an_entry_that_cannot_be_is_damage(change: Change, message: str) -> None:
    with pytest.raises(DamageError, match=f"log entry 2 .*{message}"):
        fold([write(first(), "move", (change,))], first())


def test_an_entry_out_of_place_is_damage() -> None:
    skipped = write(first(), "move", ())
    with pytest.raises(DamageError, match="stands where entry 1 of 'demo' belongs"):
        fold([skipped], State("demo"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("id", 7, "a key is missing or odd"),
        ("number", "1", "a key is missing or odd"),
        ("number", True, "a key is missing or odd"),
        ("action", "destroy", "a key is missing or odd"),
        ("evidence", [], "a key is missing or odd"),
        ("changes", None, "a key is missing or odd"),
        ("changes", [{"version": "1.0.0"}], "a key is missing or odd"),
        ("changes", [{"version": "1", "source": None, "target": "x"}], "odd"),
        ("changes", [{"version": "1", "source": None, "target": "failed"}], "odd"),
        ("format", None, "has no format number"),
        ("format", 0, "has no format number"),
    ],
)
def test_an_odd_entry_is_damage(key: str, value: object, message: str) -> None:
    stored = write(State("demo"), "move", ()).to_dict() | {key: value}
    with pytest.raises(DamageError, match=f"entry 1 .*{message}"):
        parse_commit(store.canonical_json(stored), "entry 1")


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_bytes_that_are_no_object_are_damage(data: bytes) -> None:
    with pytest.raises(DamageError, match=r"entry 1 (does not|must) hold"):
        parse_commit(data, "entry 1")


def test_a_version_is_found_by_any_of_its_names() -> None:
    state = first()
    for which in ("1.0.0", "v1.0.0", "production", "latest"):
        assert find_version(state, which).version == "1.0.0"
