"""Build ``.venv`` from ``requirements.lock``, or bring it up to date.

Run by ``make``; needs nothing but the standard library. Two runs at once take turns,
and one that was interrupted is begun anew by the next: ``.venv/.ready`` comes last.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SUPPORTED = ((3, 11), (3, 14))
INPUTS = ("requirements.lock", "pyproject.toml", "bootstrap.py")
INSTALLERS = ("pip", "uv")
# pip's settings that say where packages come from, as uv calls them.
SETTINGS = {
    "index-url": "UV_DEFAULT_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "proxy": "ALL_PROXY",
}


class SetupError(Exception):
    """Setting up cannot go on; the text says what to do."""


def main() -> int:
    """Bring the environment up; return the exit code."""
    root = Path(__file__).resolve().parent
    try:
        with taking_turns(root / ".venv.lock"):
            bring_up(root)
    except (SetupError, OSError) as error:
        say(f"failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next make begins it anew")
        return 130
    return 0


def bring_up(root: Path) -> None:
    """Build the environment, or change it where its inputs changed."""
    venv = root / ".venv"
    ready = venv / ".ready"
    wanted = stamp(root)
    if ready.is_file() and ready.read_text() == wanted:
        ready.touch()
        return
    check_python(sys.version_info[:2])
    building = venv / ".building"
    if not can_be_changed(venv):
        say("building .venv from requirements.lock (once; a few minutes)")
        make_venv(venv)
    else:
        say("bringing .venv up to date with requirements.lock")
    ready.unlink(missing_ok=True)
    building.touch()
    install(root, venv / "bin" / "python")
    install_kernel(venv / "bin" / "python")
    write(ready, wanted)
    building.unlink()
    say(".venv is ready")


def stamp(root: Path) -> str:
    """Say what an environment was made from, and where: a moved one is not usable."""
    digest = hashlib.sha256(b"".join((root / name).read_bytes() for name in INPUTS))
    return f"{root}\n{digest.hexdigest()}\n"


def can_be_changed(venv: Path) -> bool:
    """Tell whether an environment is whole, in its place and of a supported Python."""
    ready = venv / ".ready"
    if (venv / ".building").exists() or not ready.is_file():
        return False
    if ready.read_text().split("\n")[0] != str(venv.parent):
        return False
    python = venv / "bin" / "python"
    try:
        found = subprocess.run(
            [python, "-I", "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=True,
        )
        major, minor = (int(number) for number in found.stdout.split())
    except (OSError, subprocess.CalledProcessError, ValueError):
        return False
    return SUPPORTED[0] <= (major, minor) < SUPPORTED[1]


def check_python(version: tuple[int, ...]) -> None:
    """Refuse a Python that cannot make the environment."""
    if not SUPPORTED[0] <= version < SUPPORTED[1]:
        raise SetupError(
            f"mlkit needs Python 3.11, 3.12 or 3.13, and {sys.executable} is "
            f"{version[0]}.{version[1]}; name another: make setup PYTHON=python3.12"
        )
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            package = f"python{version[0]}.{version[1]}-venv"
            raise SetupError(
                f"{sys.executable} lacks the module {module}; on Debian and Ubuntu run "
                f"`apt install {package}`, or name another Python: "
                "make setup PYTHON=python3.12"
            )


def make_venv(venv: Path) -> None:
    """Make an empty environment with pip, in the place of whatever was there."""
    if venv.is_symlink() or (venv.exists() and not venv.is_dir()):
        raise SetupError(f"{venv} is not a folder; remove it")
    if not run([sys.executable, "-m", "venv", "--clear", str(venv)]):
        raise SetupError(f"{sys.executable} -m venv did not work; the reason is above")


def install(root: Path, python: Path) -> None:
    """Install what the lock names, then the project itself as an editable."""
    lock = str(root / "requirements.lock")
    project = ["--no-deps", "--no-build-isolation", "--editable", str(root)]
    run([str(python), "-m", "ensurepip"], quiet=True)
    uv = [str(python), "-m", "uv", "pip"]
    into = ["--python", str(python)]
    if not sys.stderr.isatty():
        into.append("--quiet")
    checked = ["--require-hashes", "--compile-bytecode", "--build-constraints", lock]
    settings = uv_settings(pip_config(python))
    if (
        install_installers(lock, python)
        and run([*uv, "sync", *into, *checked, lock], settings)
        # Whatever builds the project came with the lock: no network is needed here.
        and run([*uv, "install", *into, "--offline", *project], settings)
    ):
        return
    say("uv did not manage; pip takes over, which is slower")
    pip_install(python, ["--require-hashes", "--no-deps", "-r", lock])
    pip_install(python, ["--no-index", *project])


def install_kernel(python: Path) -> None:
    """Make Jupyter ask mlkit for kernels; without it they start, only slower."""
    if not run([str(python), "-m", "mlkit", "kernel", "install"], quiet=True):
        say("no warm kernels: `mlkit kernel install` failed; run it to see why")


def install_installers(lock: str, python: Path) -> bool:
    """Install pip and uv as locked; tell whether that worked."""
    text = Path(lock).read_text()
    with tempfile.TemporaryDirectory() as folder:
        some = Path(folder) / "installers.txt"
        some.write_text("".join(locked(text, name) for name in INSTALLERS))
        return run([*pip(python), "--quiet", "--require-hashes", "-r", str(some)])


def locked(lock: str, name: str) -> str:
    """Return the lines of the lock that pin one package."""
    found = re.search(rf"^{re.escape(name)}==.*\n(?:    --hash=.*\n)+", lock, re.M)
    if found is None:
        raise SetupError(f"requirements.lock does not name {name}; run `make lock`")
    return found[0].rstrip("\\\n ") + "\n"


def pip_install(python: Path, arguments: Sequence[str]) -> None:
    """Let pip install, or say what could be the matter."""
    if not run([*pip(python), *arguments]):
        raise SetupError(
            "neither uv nor pip could install the packages; the reason is above. A "
            "package index must be within reach: see `pip config list`"
        )


def pip(python: Path) -> list[str]:
    """Return the words that let pip install."""
    return [str(python), "-m", "pip", "install", "--disable-pip-version-check"]


def pip_config(python: Path) -> dict[str, str]:
    """Return pip's settings on this machine; later ones win as they do in pip."""
    done = subprocess.run(
        [str(python), "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment(),
    )
    found: dict[str, str] = {}
    ranks = {"global": 0, "install": 1, ":env:": 2}
    lines = [line.partition("=") for line in done.stdout.splitlines()]
    for key, _, value in sorted(lines, key=lambda it: ranks.get(section(it[0]), -1)):
        if section(key) in ranks:
            with contextlib.suppress(ValueError, SyntaxError):
                found[key.rpartition(".")[2]] = str(ast.literal_eval(value))
    return found


def section(key: str) -> str:
    """Return the section of a pip setting such as ``global.index-url``."""
    return key.rpartition(".")[0]


def uv_settings(config: Mapping[str, str]) -> dict[str, str]:
    """Translate pip's settings for uv, whose own settings come first.

    Examples
    --------
    >>> uv_settings({"index-url": "mirror", "timeout": "5"})["UV_DEFAULT_INDEX"]
    'mirror'
    """
    settings = {"UV_PYTHON_DOWNLOADS": "never"}
    for theirs, ours in SETTINGS.items():
        if theirs in config and ours not in os.environ:
            settings[ours] = " ".join(config[theirs].split())
    if "UV_INDEX_URL" in os.environ:
        settings.pop("UV_DEFAULT_INDEX", None)
    return settings


def run(
    command: Sequence[str],
    settings: Mapping[str, str] | None = None,
    quiet: bool = False,
) -> bool:
    """Run a command; tell whether it succeeded."""
    output = subprocess.DEVNULL if quiet else None
    environment = clean_environment() | dict(settings or {})
    done = subprocess.run(
        command,
        env=environment,
        stdout=output,
        stderr=output,
        check=False,
        # The lock stays held while a command runs, even if this process is killed.
        close_fds=False,
    )
    return done.returncode == 0


def clean_environment() -> dict[str, str]:
    """Return the environment without what would lead to another Python's packages."""
    strangers = ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX")
    return {name: text for name, text in os.environ.items() if name not in strangers}


@contextlib.contextmanager
def taking_turns(path: Path) -> Iterator[None]:
    """Wait until no other run is at work; a killed one does not block."""
    with path.open("a") as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another make is setting up the environment; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            say(f"no turns can be taken on this file system ({error}); going on")
        yield


def write(path: Path, text: str) -> None:
    """Write a file so that it is either whole or not there."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"set-up: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
