"""The documentation: every command runs, every link, key and target is there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML
from sklearn.datasets import load_diabetes
from typer.testing import CliRunner

from mlkit.cli.app import app
from mlkit.params import ParamsError, load_params
from mlkit.params.models import Drift, Explain
from tests.workspace import PROJECT

README = (PROJECT / "README.md").read_text()
DOCS = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


COMMANDS = [
    line for block in blocks(README, "sh") for line in block.splitlines() if line
]
GROUPS = ("params", "registry")
FEW = {"global_rows": 30, "repeats": 2, "lime_seeds": 2, "lime_samples": 200}
ELSEWHERE = ("git ", "make lab", "make test")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a workspace with the bundled cases and the README's own."""
    root = tmp_path_factory.mktemp("readme")
    for name in ("params", "notebooks"):
        shutil.copytree(PROJECT / name, root / name)
    for path in (root / "params").glob("*.yaml"):
        lighten(path)
    (root / "data").mkdir()
    table = load_diabetes(as_frame=True).frame.rename(columns={"target": "price"})
    table.insert(0, "listing_id", [f"L{number:05d}" for number in range(len(table))])
    table.to_csv(root / "data" / "houses.csv", index=False)
    return root


def lighten(path: Path) -> None:
    """Have a case take fewer samples; its notebooks run as they are."""
    yaml = YAML()
    content = yaml.load(path)
    content.setdefault("explain", {}).update(FEW)
    content.setdefault("evaluate", {})["resamples"] = 200
    yaml.dump(content, path)


def shell(command: str, root: Path, *, cwd: Path = PROJECT) -> str:
    done = subprocess.run(
        command,
        shell=True,
        cwd=cwd,
        env={**os.environ, "MLKIT_ROOT": str(root), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


needs_environment = pytest.mark.skipif(
    not (PROJECT / ".venv" / ".ready").exists(),
    reason="make has not built .venv here: run the tests with `make test`",
)


@needs_environment
@pytest.mark.timeout(900)
def test_every_command_of_the_readme_runs(workspace: Path) -> None:
    commands = [c for c in COMMANDS if not c.startswith(ELSEWHERE)]
    assert len(commands) >= 12
    for command in commands:
        # Paths of the README are those of the workspace; the tests have one of their
        # own.
        placed = re.sub(r"(?<= )(data|reports)/", rf"{workspace}/\1/", command)
        shell(placed, workspace)
    assert (workspace / "reports" / "index.html").exists()
    assert (workspace / "data" / "scored.csv").read_text().count("\n") == 443
    assert list((workspace / "registry" / "houses" / "log").glob("*.json"))


def test_the_params_file_of_the_readme_is_what_new_writes_in_essence(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(workspace))
    done = CliRunner().invoke(
        app,
        ["new", "houses", "--data", "data/houses.csv", "--target", "price", "--force"],
    )
    assert done.exit_code == 0, done.output
    (tmp_path / "params").mkdir()
    (yaml,) = blocks(README, "yaml")
    (tmp_path / "params" / "houses.yaml").write_text(yaml)
    shown, written = (load_params("houses", root) for root in (tmp_path, workspace))
    assert shown.task == written.task
    assert shown.train == written.train
    assert shown.evaluate.gates == written.evaluate.gates
    assert shown.data.source == written.data.source
    assert shown.data.ignore == written.data.ignore


@needs_environment
def test_the_python_of_the_readme_runs(workspace: Path) -> None:
    (python,) = blocks(README, "python")
    root = f"import os; os.environ['MLKIT_ROOT'] = {str(workspace)!r}\n"
    subprocess.run([sys.executable, "-c", root + python], check=True, timeout=120)


@needs_environment
def test_the_python_of_monitoring_runs(workspace: Path) -> None:
    houses = pd.read_csv(workspace / "data" / "houses.csv")
    for year in ("2025", "2026"):
        (workspace / "data" / year).mkdir()
        houses.to_parquet(workspace / "data" / year / "part-0.parquet")
    python = "\n".join(
        blocks((PROJECT / "docs" / "monitoring.md").read_text(), "python")
    )
    root = f"import os; os.environ['MLKIT_ROOT'] = {str(workspace)!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", root + python],
        cwd=workspace,
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == [
        "False () 0.0",
        "healthy",
        "none None of 10 columns has drifted.",
    ]


@needs_environment
def test_make_lab_serves_the_notebooks_with_a_kernel(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"--no-browser --ServerApp.port={port} --IdentityProvider.token=toy"
    log = (tmp_path / "lab.log").open("w")
    process = subprocess.Popen(
        ["make", "lab", f"ARGS={options}"],
        cwd=PROJECT,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        found = _get(f"http://127.0.0.1:{port}/api/kernelspecs?token=toy")
        assert '"default": "python3"' in found
        assert "train.ipynb" in _get(
            f"http://127.0.0.1:{port}/api/contents/notebooks?token=toy"
        )
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


def _get(url: str) -> str:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def test_a_changed_workspace_pulls_a_newer_mlkit(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    git = "git -c user.name=t -c user.email=t@example.org -c init.defaultBranch=main"
    shutil.copytree(
        PROJECT, theirs, ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache")
    )
    shell(
        f"{git} init -q && git add -A && {git} commit -qm first", tmp_path, cwd=theirs
    )
    shell(f"git clone -q {theirs} {ours}", tmp_path, cwd=tmp_path)
    (ours / "params" / "own.yaml").write_text("case: own\n")
    (theirs / "mlkit" / "newer.py").write_text('"""Newer."""\n')
    shell(f"git add -A && {git} commit -qm newer", tmp_path, cwd=theirs)
    for command in COMMANDS:
        if command.startswith("git "):
            shell(command.replace("git ", f"{git} ", 1), tmp_path, cwd=ours)
    assert (ours / "params" / "own.yaml").exists()
    assert (ours / "mlkit" / "newer.py").exists()


def test_make_test_is_what_ci_runs() -> None:
    assert "make test" in COMMANDS
    assert "make test" in (PROJECT / ".ci" / "run").read_text()
    assert "make check" in (PROJECT / ".ci" / "run").read_text()


def test_every_bundled_case_is_named_and_valid() -> None:
    cases = sorted(path.stem for path in (PROJECT / "params").glob("*.yaml"))
    for case in cases:
        assert f"`{case}`" in README
        assert load_params(case, PROJECT).case == case


def test_the_case_of_the_readme_is_checked_like_any(workspace: Path) -> None:
    assert load_params("houses", workspace).data.target == "price"
    with pytest.raises(ParamsError, match="target"):
        load_params("houses", workspace, overrides=["data.targt=price"])


def commands_of(typer_app: object, prefix: str = "mlkit") -> list[str]:
    found = [
        f"{prefix} {c.name or c.callback.__name__}"
        for c in typer_app.registered_commands  # type: ignore[attr-defined]
    ]
    for group in typer_app.registered_groups:  # type: ignore[attr-defined]
        found += commands_of(group.typer_instance, f"{prefix} {group.name}")
    return found


def test_every_command_of_the_docs_is_a_command() -> None:
    known = commands_of(app)
    for path in DOCS:
        for words in re.findall(
            r"(?:bin/|`)mlkit ([a-z]+(?: [a-z]+)?)", path.read_text()
        ):
            first = words.split()[0]
            alone = f"mlkit {first}" in known
            assert alone or f"mlkit {words}" in known or words in GROUPS, words


def test_every_command_has_help() -> None:
    for command in [*commands_of(app), *(f"mlkit {name}" for name in GROUPS)]:
        done = CliRunner().invoke(app, [*command.split()[1:], "--help"])
        assert done.exit_code == 0
        described = done.output.split("Usage:")[1].splitlines()[2]
        assert len(described.split()) >= 3, command


def test_every_make_target_of_the_docs_is_a_target() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    for path in DOCS:
        for target in re.findall(r"(?:`|^)make ([a-z]+)", path.read_text(), re.M):
            assert target in targets, (path.name, target)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_between_documents_hold(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), target


def test_defaults_that_the_docs_quote_are_those_of_the_params() -> None:
    defaults = Drift().model_dump() | Explain().model_dump()
    quoted = [
        (key, float(value) / (100 if percent else 1))
        for page in DOCS
        for key, value, percent in re.findall(
            r"`(?:drift|explain)\.(\w+)` \(([\d.]+)( %)?\)", page.read_text()
        )
    ]
    assert len(quoted) >= 5
    assert [(key, defaults[key]) for key, _ in quoted] == quoted
