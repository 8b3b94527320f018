"""pyproject, the lock file, environment.yml, the Makefile and set-up hold together."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from mlkit.params.yaml12 import parse

PROJECT = Path(__file__).resolve().parents[1]
DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text())
LOCK = (PROJECT / "requirements.lock").read_text()
CONDA = parse((PROJECT / "environment.yml").read_text()).data
MAKEFILE = (PROJECT / "Makefile").read_text()

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (
    ("linux", "posix", "x86_64"),
    ("linux", "posix", "aarch64"),
    ("darwin", "posix", "arm64"),
    ("win32", "nt", "AMD64"),
)
ENVIRONMENTS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "sys_platform": system,
        "os_name": name,
        "platform_machine": machine,
    }
    for python in PYTHONS
    for system, name, machine in PLATFORMS
]
# conda-forge calls these otherwise.
CONDA_NAMES = {
    "bleach": "bleach-with-css",
    "duckdb": "python-duckdb",
    "prometheus-client": "prometheus_client",
    "xgboost": "py-xgboost",
    "xgboost-cpu": "py-xgboost",
}


def requirements(*groups: str) -> list[Requirement]:
    project = DECLARED["project"]
    lines = {
        "library": project["dependencies"],
        **project["optional-dependencies"],
        **DECLARED["dependency-groups"],
    }
    return [Requirement(line) for group in groups for line in lines[group]]


def locked(environment: dict[str, str]) -> list[tuple[str, str]]:
    """Return the name and version of everything the lock names there."""
    lines = re.findall(r"^([\w.-]+)==([^\s;]+)(?: ; (.*?))? \\$", LOCK, re.MULTILINE)
    return [
        (canonicalize_name(name), version)
        for name, version, marker in lines
        if not marker or Marker(marker).evaluate(environment)
    ]


def label(environment: dict[str, str]) -> str:
    parts = ("python_version", "sys_platform", "platform_machine")
    return "-".join(environment[part] for part in parts)


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=label)
def test_the_lock_serves_every_python_and_platform(environment: dict[str, str]) -> None:
    pinned = locked(environment)
    assert max(Counter(name for name, _ in pinned).values()) == 1
    versions = dict(pinned)
    for needed in requirements(
        "library", "boosting", "dask", "notify", "postgres", "sketches", "dev", "setup"
    ):
        if needed.marker is None or needed.marker.evaluate(environment):
            version = versions[canonicalize_name(needed.name)]
            assert needed.specifier.contains(version), needed


def test_everything_in_the_lock_has_hashes() -> None:
    blocks = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) > 150
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", block), block.splitlines()[0]


def test_the_lock_has_the_packages_whose_names_mislead() -> None:
    names = {name for name, _ in locked(ENVIRONMENTS[0])}
    assert "scrapbook" in names
    assert "nteract-scrapbook" not in names
    assert "mlkit" not in names


def test_nbconvert_is_not_one_of_the_vulnerable_ones() -> None:
    for environment in ENVIRONMENTS:
        assert Version(dict(locked(environment))["nbconvert"]) >= Version("7.17.1")


def test_what_set_up_reads_names_no_host_and_no_place_on_one_machine() -> None:
    place = re.compile(r"\w+://|(?<![\w.$)}*])/(root|home|Users|tmp|work|opt)/")
    for name in ("requirements.lock", "Makefile", "environment.yml", "bootstrap.py"):
        assert place.findall((PROJECT / name).read_text()) == [], name


def test_conda_users_get_the_same_bounds() -> None:
    lines = CONDA["dependencies"]
    by_pip = next(line["pip"] for line in lines if isinstance(line, dict))
    names = [line for line in lines if isinstance(line, str)]
    names += [line for line in by_pip if not line.startswith("-")]
    conda = {r.name: r.specifier for r in map(Requirement, names)}
    assert conda.pop("python") == SpecifierSet(DECLARED["project"]["requires-python"])
    setup = {r.name: r.specifier for r in requirements("setup")}
    assert conda.pop("pip") == setup["pip"]
    assert conda == {
        CONDA_NAMES.get(r.name, r.name): r.specifier
        for r in requirements(
            "library", "boosting", "dask", "notify", "postgres", "sketches", "dev"
        )
    }
    assert "--editable ." in by_pip
    assert CONDA["channels"] == ["conda-forge"]


def test_the_bounds_of_python_are_the_same_everywhere(bootstrap: ModuleType) -> None:
    low, high = bootstrap.SUPPORTED
    bounds = f">={low[0]}.{low[1]},<{high[0]}.{high[1]}"
    assert DECLARED["project"]["requires-python"] == bounds
    assert f"({low[0]}, {low[1]}) <= sys.version_info[:2] < ({high[0]}, {high[1]})" in (
        MAKEFILE
    )
    for python in PYTHONS:
        assert SpecifierSet(bounds).contains(python)
        assert f"python{python}" in MAKEFILE
    assert f"--python-version {PYTHONS[0]}" in MAKEFILE


# make


def make(*words: str, **variables: str) -> str:
    done = subprocess.run(
        ["make", "--no-print-directory", *words],
        cwd=PROJECT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_make_alone_explains_every_target() -> None:
    targets = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", MAKEFILE, re.MULTILINE)
    assert targets
    names = set(targets[1].replace("\\", " ").split()) - {"again"}
    help_page = make()
    explained = dict(re.findall(r"^  (\w+) +(\S.*)$", help_page, re.MULTILINE))
    assert explained.keys() == names
    assert max(map(len, help_page.splitlines())) <= 88


@pytest.mark.parametrize("target", ["retrain", "data", "train", "evaluate"])
def test_targets_pass_case_and_overrides_on(target: str) -> None:
    pairs = "train.folds=3 data.ignore=[a,b]"
    lines = make("-n", target, "CASE=wine", f"SET={pairs}").splitlines()
    words = target if target == "retrain" else f"run {target}"
    assert lines[-1] == (
        f".venv/bin/mlkit {words} wine --set 'train.folds=3' --set 'data.ignore=[a,b]'"
    )
    assert "vendor_dispatch" in make("-n", target).splitlines()[-1]


def test_every_target_that_runs_the_environment_brings_it_up() -> None:
    rules = re.findall(r"^([a-z]+):(.*?)##.*\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
    for name, needs, recipe in rules:
        uses = "$(MLKIT)" in recipe or "$(BIN)" in recipe
        if uses and name != "lock":
            assert ".venv/.ready" in needs, name


def test_a_python_that_is_too_old_is_refused_with_the_next_step(tmp_path: Path) -> None:
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in ("Makefile", "bootstrap.py", "pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    done = subprocess.run(
        ["make", "setup", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "mlkit needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert "make setup PYTHON=/path/to/python3.12" in done.stderr
    assert not (tmp_path / ".venv").exists()


# bootstrap.py


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", PROJECT / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Site:
    """A project whose installation is played, and what was done to it."""

    def __init__(self, root: Path, bootstrap: ModuleType) -> None:
        self.root = root
        self.bootstrap = bootstrap
        self.done: list[str] = []
        self.fails = False

    def bring_up(self) -> list[str]:
        self.done.clear()
        self.bootstrap.bring_up(self.root)
        return self.done

    def make_venv(self, venv: Path) -> None:
        self.done.append("make")
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / ".ready").unlink(missing_ok=True)
        (venv / ".building").unlink(missing_ok=True)
        python = venv / "bin" / "python"
        python.unlink(missing_ok=True)
        python.symlink_to(sys.executable)

    def install(self, root: Path, python: Path) -> None:
        self.done.append("install")
        assert not (root / ".venv" / ".ready").exists()
        if self.fails:
            raise KeyboardInterrupt


@pytest.fixture
def site(
    tmp_path: Path, bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> Site:
    for name in bootstrap.INPUTS:
        (tmp_path / name).write_text(name)
    site = Site(tmp_path.resolve(), bootstrap)
    monkeypatch.setattr(bootstrap, "make_venv", site.make_venv)
    monkeypatch.setattr(bootstrap, "install", site.install)
    monkeypatch.setattr(bootstrap, "install_kernel", lambda python: None)
    return site


def test_an_environment_is_built_once(site: Site) -> None:
    assert site.bring_up() == ["make", "install"]
    assert (site.root / ".venv" / ".ready").exists()
    assert site.bring_up() == []


def test_a_changed_lock_changes_the_environment_in_place(site: Site) -> None:
    site.bring_up()
    (site.root / "requirements.lock").write_text("other")
    assert site.bring_up() == ["install"]
    assert site.bring_up() == []


@pytest.mark.parametrize("at_first", [True, False])
def test_an_interrupted_set_up_is_begun_anew(site: Site, at_first: bool) -> None:
    if not at_first:
        site.bring_up()
        (site.root / "requirements.lock").write_text("other")
    site.fails = True
    with pytest.raises(KeyboardInterrupt):
        site.bring_up()
    assert not (site.root / ".venv" / ".ready").exists()
    site.fails = False
    assert site.bring_up() == ["make", "install"]


def test_an_environment_that_was_moved_is_built_anew(site: Site) -> None:
    site.bring_up()
    ready = site.root / ".venv" / ".ready"
    ready.write_text(f"/elsewhere\n{ready.read_text().splitlines()[1]}\n")
    assert site.bring_up() == ["make", "install"]


def test_an_environment_whose_python_is_gone_is_built_anew(site: Site) -> None:
    site.bring_up()
    (site.root / ".venv" / "bin" / "python").unlink()
    (site.root / "requirements.lock").write_text("other")
    assert site.bring_up() == ["make", "install"]


def test_two_set_ups_take_turns(bootstrap: ModuleType, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "import bootstrap, pathlib\n"
        f"with bootstrap.taking_turns(pathlib.Path({str(lock)!r})): print('mine')"
    )
    with bootstrap.taking_turns(lock):
        other = subprocess.Popen(
            [sys.executable, "-B", "-c", code],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert other.stderr is not None
        assert "waiting for it" in other.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1)
    output, _ = other.communicate(timeout=30)
    assert output == "mine\n"


def test_a_killed_set_up_keeps_its_turn_until_its_command_ends(
    bootstrap: ModuleType, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    code = (
        "import bootstrap, pathlib, sys\n"
        f"with bootstrap.taking_turns(pathlib.Path({str(lock)!r})):\n"
        "    bootstrap.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    killed = subprocess.Popen(
        [sys.executable, "-B", "-c", code],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert killed.stdin is not None
    assert killed.stdout is not None
    assert killed.stdout.readline() == b"1\n"
    killed.kill()
    killed.wait()
    with lock.open() as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        killed.stdin.close()
        fcntl.flock(file, fcntl.LOCK_EX)
    killed.stdout.close()


def test_a_python_without_ensurepip_is_refused_with_the_next_step(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        bootstrap.importlib.util,
        "find_spec",
        lambda name: None if name == "ensurepip" else find(name),
    )
    with pytest.raises(bootstrap.SetupError, match=r"apt install python3\.12-venv"):
        bootstrap.check_python((3, 12))


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_a_python_out_of_bounds_is_refused(
    bootstrap: ModuleType, version: tuple[int, int]
) -> None:
    with pytest.raises(
        bootstrap.SetupError, match=r"needs Python 3\.11, 3\.12 or 3\.13"
    ):
        bootstrap.check_python(version)


def test_the_installers_are_taken_from_the_lock(bootstrap: ModuleType) -> None:
    for name in bootstrap.INSTALLERS:
        lines = bootstrap.locked(LOCK, name)
        assert lines.startswith(f"{name}==")
        assert lines.count("--hash=sha256:") >= 1
        assert not lines.rstrip().endswith("\\")
        assert "==" not in lines[len(name) + 2 :]
    with pytest.raises(bootstrap.SetupError, match="make lock"):
        bootstrap.locked(LOCK, "no-such-package")


def test_settings_of_pip_serve_uv(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pip", reason="this environment was made without pip")
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = mirror\ntrusted-host = a\n  b\ncert = global.pem\n"
        "[install]\ncert = install.pem\n[freeze]\ncert = freeze.pem\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    python = Path(sys.executable)
    settings = bootstrap.uv_settings(bootstrap.pip_config(python))
    assert settings["UV_DEFAULT_INDEX"] == "mirror"
    assert settings["UV_INSECURE_HOST"] == "a b"
    assert settings["SSL_CERT_FILE"] == "install.pem"
    monkeypatch.setenv("SSL_CERT_FILE", "own.pem")
    monkeypatch.setenv("UV_INDEX_URL", "own")
    settings = bootstrap.uv_settings(bootstrap.pip_config(python))
    assert not {"SSL_CERT_FILE", "UV_DEFAULT_INDEX"} & settings.keys()


def test_a_command_runs_without_another_pythons_packages(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert "PYTHONPATH" not in bootstrap.clean_environment()
    assert bootstrap.run([sys.executable, "-c", "import os; os.environ['PYTHONPATH']"],
                         quiet=True) is False  # fmt: skip


def test_pip_takes_over_from_uv(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], *rest: Any, **options: Any) -> bool:
        commands.append(command)
        return "uv" not in command

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr(bootstrap, "pip_config", lambda python: {})
    (tmp_path / "requirements.lock").write_text(LOCK)
    bootstrap.install(tmp_path, Path("python"))
    by_pip = [command for command in commands if command[2] == "pip"]
    assert by_pip[-2][-4:] == [
        "--require-hashes", "--no-deps", "-r", str(tmp_path / "requirements.lock"),
    ]  # fmt: skip
    assert by_pip[-1][-2:] == ["--editable", str(tmp_path)]


def test_when_nothing_installs_the_error_says_what_is_needed(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "run", lambda *words, **options: False)
    monkeypatch.setattr(bootstrap, "pip_config", lambda python: {})
    (tmp_path / "requirements.lock").write_text(LOCK)
    with pytest.raises(
        bootstrap.SetupError, match="package index must be within reach"
    ):
        bootstrap.install(tmp_path, Path("python"))


# What CI runs


@pytest.mark.parametrize(
    ("check", "test", "code"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
)
def test_ci_fails_if_either_fails_and_ends_in_the_summary(
    check: int, test: int, code: int, tmp_path: Path
) -> None:
    played = tmp_path / "make"
    played.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = check ] && {{ echo checked; exit {check}; }}\n'
        "echo '===== 3 passed, 1 skipped in 2.10s ====='; echo 'make: an error'\n"
        f"exit {test}\n"
    )
    played.chmod(0o755)
    done = subprocess.run(
        [PROJECT / ".ci" / "run"],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == "===== 3 passed, 1 skipped in 2.10s ====="
    assert "checked" in done.stdout
