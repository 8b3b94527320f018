"""Many processes write to one model at once: nothing is lost, doubled or half-read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlkit.registry import Candidate, Note, open_registry
from mlkit.registry.commits import parse_commit

PREPARE = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from mlkit.registry import Candidate, ConflictError, Note, open_registry

root, name = Path(sys.argv[1]), sys.argv[2]
now = datetime(2026, 11, 20, tzinfo=UTC)

def make(number):
    return Candidate(
        digest=f"{name}-{number}", schema={}, params={"number": number},
        fingerprint="f", estimator="e", family="f", who=name, created_at=now,
        run=f"{name}-{number}",
    )

print("ready", flush=True)
sys.stdin.readline()
"""
REGISTER = """
for number in range(int(sys.argv[3])):
    demo = open_registry("demo", root)
    files = {"model.skops": b"shared", "own": f"{name}-{number}".encode()}
    version = demo.register(make(number), files)
    print(json.dumps([version.version, f"{name}-{number}"]), flush=True)
"""
PROMOTE = """
demo = open_registry("demo", root)
try:
    demo.promote(name, note=Note(name, now), expected_champion=sys.argv[3])
    print("won")
except ConflictError:
    print("lost")
"""
HEAVY = {"numpy", "pandas", "sklearn", "skops", "duckdb", "pydantic"}


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PREPARE + script, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def set_off(racers: list[subprocess.Popen[str]]) -> None:
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()


def finish(racer: subprocess.Popen[str]) -> list[str]:
    out, err = racer.communicate(timeout=120)
    assert err == ""
    assert racer.returncode == 0
    return out.splitlines()


def read_everything(folder: Path) -> int:
    """Parse every file that a reader may look at; return how long the log was."""
    files = [p for part in ("log", "versions") for p in (folder / part).glob("[!.]*")]
    for path in files:
        stored = json.loads(path.read_bytes())
        if path.parent.name == "log":
            parse_commit(path.read_bytes(), path.name)
        assert stored["format"] == 1
    cache = folder / "registry.json"
    if cache.exists():
        json.loads(cache.read_bytes())
    return sum(path.parent.name == "log" for path in files)


def test_sixteen_processes_register_at_once_into_an_absent_registry(
    tmp_path: Path,
) -> None:
    each, names = 3, [f"p{i}" for i in range(16)]
    racers = [start(REGISTER, tmp_path, name, each) for name in names]
    assert not (tmp_path / "registry").exists()
    set_off(racers)
    demo = open_registry("demo", tmp_path)
    seen = [0]
    while any(racer.poll() is None for racer in racers):
        seen.append(read_everything(demo.folder))
        assert len(demo.versions()) >= seen[-1]
    told = [json.loads(line) for racer in racers for line in finish(racer)]
    assert len(seen) > 3
    versions = {v.version: v for v in demo.versions()}
    assert len(told) == len(versions) == each * len(names)
    assert {version: versions[version].digest for version, _ in told} == dict(told)
    numbers = [commit.number for commit in demo.history()]
    assert numbers == list(range(1, each * len(names) + 1))
    for version, content in told:
        assert demo.artifact(version, "own") == content.encode()
        assert len(demo.commits_of(content)) == 1
    report = demo.verify()
    assert report.ok, report.damages


def test_of_two_promotions_against_one_champion_exactly_one_wins(
    tmp_path: Path, candidate: Callable[..., Candidate]
) -> None:
    demo = open_registry("demo", tmp_path)
    note = Note("ada", candidate().created_at)
    files: dict[str, bytes | Path] = {"model.skops": b"x"}
    for number in range(9):
        demo.register(candidate(number), files)
        demo.move(f"1.{number}.0", "staging", note=note)
    demo.promote("1.0.0", note=note, expected_champion=None)
    for number in range(1, 9, 2):
        champion = demo.show("production").digest
        rivals = [f"1.{number}.0", f"1.{number + 1}.0"]
        racers = [start(PROMOTE, tmp_path, rival, champion) for rival in rivals]
        set_off(racers)
        answers = [finish(racer) for racer in racers]
        assert sorted(answers) == [["lost"], ["won"]]
        winner = rivals[answers.index(["won"])]
        assert demo.show("production").version == winner
    assert demo.verify().ok


@pytest.mark.parametrize("module", ["mlkit.registry"])
def test_importing_the_registry_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    done: Any = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not HEAVY & set(done.stdout.split())
