"""Each finding of the doctor, by bringing about what it is there to find."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mlkit import doctor, kernels
from mlkit.doctor import Finding, jupyter, machine, packages, workspace
from mlkit.store import canonical_json

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that makes a package's metadata the first to be found."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install(name: str, version: str, *lines: str) -> None:
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        head = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        (folder / "METADATA").write_text("\n".join([*head, *lines]) + "\n")

    return install


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a small workspace in which all is well."""
    place = tmp_path / "work"
    (place / "params").mkdir(parents=True)
    (place / "params" / "toy.yaml").touch()
    (place / "notebooks").mkdir()
    for name in ("data", "train", "evaluate", "explain", "drift"):
        (place / "notebooks" / f"{name}.ipynb").touch()
    return place


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_this_environment_lacks_nothing(root: Path) -> None:
    findings = doctor.diagnose(root)
    assert [found for found in findings if found.status == "missing"] == []
    assert len({found.name for found in findings}) == len(findings)
    assert all(found.advice for found in findings if found.status != "ok")
    assert canonical_json([found.to_dict() for found in findings])


def test_another_python_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 2, "final", 0))
    found = only(packages.check_python())
    assert found.status == "missing"
    assert found.found.startswith("3.10.2 at ")
    assert ">=3.11" in found.found
    assert "make setup PYTHON=" in found.advice


def test_a_package_out_of_bounds_is_missing(install: Install) -> None:
    install("numpy", "1.0")
    found = only(packages.check_packages())
    assert found.status == "missing"
    assert found.found == "numpy 1.0 (needs >=2.1)"


def test_a_package_that_is_not_there_is_missing(install: Install) -> None:
    install("mlkit", "9", "Requires-Dist: no-such-package>=2")
    found = only(packages.check_packages())
    assert found.found == "no-such-package is not installed (needs >=2)"
    assert found.status == "missing"


def test_what_the_library_lacks_is_not_laid_to_the_extra(install: Install) -> None:
    install("mlkit", "9", "Requires-Dist: no-such-package>=2")
    assert only(packages.check_boosting()).status == "ok"


def test_extras_are_only_a_warning(install: Install) -> None:
    install(
        "mlkit",
        "9",
        "Provides-Extra: boosting",
        'Requires-Dist: no-such-package>=2; extra == "boosting"',
    )
    assert only(packages.check_packages()).status == "ok"
    found = only(packages.check_boosting())
    assert found.status == "warning"
    assert "no-such-package is not installed" in found.found
    assert "mlkit[boosting]" in found.advice


def test_versions_other_than_the_locked_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "PROJECT", tmp_path)
    assert list(packages.check_lock()) == []
    lock = tmp_path / "requirements.lock"
    lock.write_text(
        "numpy==1.0 \\\n    --hash=sha256:0\n"
        "absent==2.0 ; sys_platform == 'nowhere' \\\n    --hash=sha256:0\n"
        "gone==3.0 ; python_full_version >= '3' \\\n    --hash=sha256:0\n"
    )
    found = only(packages.check_lock())
    assert found.status == "warning"
    assert "(locked 1.0), gone is not installed (locked 3.0)" in found.found
    assert "absent" not in found.found


def test_an_environment_as_locked_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "PROJECT", tmp_path)
    version = packages.installed_version("numpy")
    (tmp_path / "requirements.lock").write_text(f"numpy=={version} \\\n")
    assert only(packages.check_lock()).found == "all 1 packages are as locked"


def test_a_vulnerable_nbconvert_is_missing(install: Install) -> None:
    install("nbconvert", "7.17.0")
    found = only(packages.check_nbconvert())
    assert found.status == "missing"
    assert "7.17.0; 7.17.1 closed CVE-" in found.found


def test_the_older_scrapbook_is_missing(install: Install) -> None:
    install("nteract-scrapbook", "0.4.2")
    found = only(packages.check_scrapbook())
    assert found.status == "missing"
    assert "pip uninstall nteract-scrapbook scrapbook" in found.advice


def test_variables_that_change_what_runs_are_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in packages.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert only(packages.check_variables()).status == "ok"
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    found = only(packages.check_variables())
    assert found.status == "warning"
    assert found.found == "PYTHONPATH=/elsewhere"


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["/elsewhere/bin/python", "-m", "ipykernel_launcher"], "warning"),
        ([sys.executable, "-m", "ipykernel_launcher"], "ok"),
        (["python", "-m", "ipykernel_launcher"], "ok"),
        ([], "missing"),
    ],
)
def test_a_kernel_of_another_environment_is_a_warning(
    argv: list[str], status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": argv}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    found = only(jupyter.check_kernel())
    assert found.status == status
    assert str(spec.parent) in found.found


def test_a_kernel_is_missing_without_ipykernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jupyter.importlib.util, "find_spec", lambda name: None)
    assert only(jupyter.check_kernel()).found == "ipykernel is not installed"


def test_kernels_that_are_not_forked_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = kernels.install(tmp_path / "env") / "kernel.json"
    monkeypatch.setenv("JUPYTER_PATH", str(spec.parents[2]))
    assert only(jupyter.check_warm()).status == "ok"
    monkeypatch.setenv("MLKIT_COLD", "1")
    found = only(jupyter.check_warm())
    assert (found.status, found.found) == ("warning", "MLKIT_COLD is set")
    spec.write_text(json.dumps({"argv": ["python"], "metadata": {}}))
    found = only(jupyter.check_warm())
    assert found.status == "warning"
    assert found.found == f"{spec} does not ask mlkit for kernels"
    assert found.advice == f"remove {spec}, then run `mlkit kernel install`"


def test_a_kernelspec_without_its_provisioner_is_missing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = kernels.install(tmp_path / "env") / "kernel.json"
    monkeypatch.setenv("JUPYTER_PATH", str(spec.parents[2]))
    monkeypatch.setattr(jupyter, "entry_points", lambda **asked: ())
    found = only(jupyter.check_warm())
    assert found.status == "missing"
    assert "no package here has it" in found.found


def test_files_that_run_before_every_notebook_are_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    assert only(jupyter.check_startup()).status == "ok"
    folder = tmp_path / "profile_default" / "startup"
    folder.mkdir(parents=True)
    (folder / "00-mine.py").touch()
    found = only(jupyter.check_startup())
    assert found.status == "warning"
    assert "00-mine.py" in found.found


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that stands for a control group's files."""
    monkeypatch.setattr(machine, "CONTROL_GROUP", tmp_path)
    for name in machine.THREADS:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_little_memory_is_a_warning(container: Path) -> None:
    assert only(machine.check_memory()).status == "ok"
    (container / "memory.max").write_text(str(2 * machine.GIGABYTE))
    (container / "memory.current").write_text(str(3 * machine.GIGABYTE // 2))
    found = only(machine.check_memory())
    assert found.status == "warning"
    assert found.found == "0.5 GB free"


def test_a_container_without_a_limit_is_well(container: Path) -> None:
    (container / "memory.max").write_text("max\n")
    (container / "memory.current").write_text("1\n")
    (container / "cpu.max").write_text("max 100000\n")
    assert only(machine.check_memory()).status == "ok"
    assert only(machine.check_processors()).status == "ok"


@pytest.mark.parametrize("threads", ["0", "-1", "many", "100000", "2.5"])
def test_an_odd_number_of_threads_is_a_warning(
    threads: str, container: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    found = only(machine.check_processors())
    assert found.status == "warning"
    assert f"OMP_NUM_THREADS={threads}" in found.found
    assert "set OMP_NUM_THREADS to a number from 1 to " in found.advice


@pytest.mark.parametrize("threads", ["1", "1,1"])
def test_a_sound_number_of_threads_is_well(
    threads: str, container: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert only(machine.check_processors()).status == "ok"


def test_a_container_with_part_of_the_processors_is_a_warning(
    container: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (container / "cpu.max").write_text("50000 100000\n")
    found = only(machine.check_processors())
    assert found.status == "warning"
    assert "limited to 0.5" in found.found
    assert "OMP_NUM_THREADS=1" in found.advice
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert only(machine.check_processors()).status == "ok"


def test_an_encoding_other_than_utf_8_is_a_warning() -> None:
    code = "from mlkit.doctor.machine import check_encoding; print(*check_encoding())"
    environment = {
        **os.environ,
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert "status='warning'" in done.stdout, done.stderr
    assert "PYTHONUTF8=1" in done.stdout


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        ("", "ok"),
        ("Europe/Paris", "ok"),
        (":UTC", "ok"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "ok"),
        ("Mars/Olympus", "warning"),
        ("../etc", "warning"),
    ],
)
def test_an_unknown_time_zone_is_a_warning(
    zone: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    assert only(machine.check_time_zone()).status == status


def test_no_workspace_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(tmp_path / "nowhere"))
    found = doctor.diagnose()[-1]
    assert (found.name, found.status) == ("workspace", "missing")
    assert "nowhere" in found.found


def test_mlkit_root_is_odd_when_relative_or_elsewhere(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLKIT_ROOT", raising=False)
    assert only(workspace.check_variable(root)).status == "ok"
    monkeypatch.setenv("MLKIT_ROOT", str(root))
    monkeypatch.chdir(root)
    assert only(workspace.check_variable(root)).status == "ok"
    monkeypatch.setenv("MLKIT_ROOT", "work")
    assert "is relative" in only(workspace.check_variable(root)).found
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("MLKIT_ROOT", str(other))
    found = only(workspace.check_variable(other))
    assert found.status == "warning"
    assert f"the working directory is in {root}" in found.found


def test_a_workspace_without_params_or_notebooks_lacks_them(tmp_path: Path) -> None:
    params, notebooks = workspace.check_folders(tmp_path)
    assert params.status == notebooks.status == "missing"
    assert "no case in" in params.found
    assert "notebooks/train.ipynb" in notebooks.found


def test_another_copy_of_mlkit_is_a_warning(root: Path) -> None:
    assert only(workspace.check_code(root)).status == "ok"
    (root / "mlkit").mkdir()
    found = only(workspace.check_code(root))
    assert found.status == "warning"
    assert f"although {root} has its own" in found.found


def test_looking_whether_folders_can_be_written_leaves_nothing(root: Path) -> None:
    before = sorted(root.rglob("*"))
    reports, registry = workspace.check_writing(root)
    assert reports.status == registry.status == "ok"
    assert sorted(root.rglob("*")) == before


def test_a_folder_that_cannot_be_written_is_missing(root: Path) -> None:
    (root / "reports").write_text("a file in the place of a folder")
    reports, registry = workspace.check_writing(root)
    assert reports.status == "missing"
    assert "cannot be written" in reports.found
    assert registry.status == "ok"


def test_a_file_system_without_links_is_a_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*places: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    reports, _ = workspace.check_writing(root)
    assert reports.status == "warning"
    assert "no hard links" in reports.found


def test_creating_a_file_twice_is_missing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(path: Path, data: bytes) -> bool:
        path.write_bytes(data)
        return True

    monkeypatch.setattr(workspace.store, "create_if_absent", careless)
    reports, _ = workspace.check_writing(root)
    assert reports.status == "missing"
    assert "could be created once more" in reports.found


@pytest.mark.parametrize(
    ("free", "status"), [(10**12, "ok"), (10**9, "warning"), (10**8, "missing")]
)
def test_little_disk_space_is_found(
    free: int, status: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(workspace.shutil, "disk_usage", lambda place: usage)
    assert only(workspace.check_disk(root)).status == status


def test_a_workspace_without_git_is_a_warning(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(root.parent))
    assert "not a git repository" in only(workspace.check_git(root)).found
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", "-C", str(root), *identity, *words], check=True)
    assert only(workspace.check_git(root)).found.startswith("commit ")
    monkeypatch.setenv("PATH", "")
    assert only(workspace.check_git(root)).found == "not installed"


def test_a_check_that_stumbles_does_not_hide_the_others(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    findings = {found.name: found for found in doctor.diagnose(root)}
    assert findings["memory"].status == "warning"
    assert "could not be checked: ModuleNotFoundError" in findings["memory"].found
    assert findings["disk"].status in ("ok", "warning")


def test_the_doctor_imports_nothing_that_could_be_missing() -> None:
    code = (
        "import json, sys\nbefore = set(sys.modules)\nimport mlkit.doctor\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "new = {name for name in new if not name.startswith('_')}\n"
        "print(json.dumps(sorted(new - sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == ["mlkit"]
