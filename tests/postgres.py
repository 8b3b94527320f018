"""A PostgreSQL server of the tests' own, from the binaries of the system's package."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy

# As hard to hide as a password can be: its own text differs from that in the URL.
USER, PASSWORD, DATABASE, LABEL = "reader_zq", "s3cr%t@w/rd:ö", "ledger_zq", "audit_zq"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    ``url`` is that of a user with all rights.
    """

    process: subprocess.Popen[bytes]
    port: int
    url: str

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every part of the URL, as it is written and as it is meant."""
        written = (quote(PASSWORD, safe=""), PASSWORD, f"{USER}:", str(self.port))
        return (self.url, *written, USER, "127.0.0.1", DATABASE, LABEL)

    def run(self, *statements: str) -> list[Any]:
        """Run statements as another client would; return the rows of the last."""
        engine = sqlalchemy.create_engine(
            self.url,
            poolclass=sqlalchemy.NullPool,
            execution_options={"no_parameters": True},
        )
        with engine.begin() as link:
            for statement in statements:
                result = link.exec_driver_sql(statement)
            return list(result) if result.returns_rows else []


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_release)
    if found:
        return found[-1]
    there = shutil.which("initdb")
    if there is None:
        pytest.skip("no PostgreSQL server is installed: apt install postgresql")
    return Path(there).resolve().parent


def _release(folder: Path) -> int:
    return int(folder.parent.name) if folder.parent.name.isdigit() else 0


def _account() -> dict[str, Any]:
    """Return who runs the server: it refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return {
                "user": pwd.getpwnam(name).pw_uid,
                "group": pwd.getpwnam(name).pw_gid,
            }
    pytest.skip(
        "a PostgreSQL server refuses to run as root, and there is no other user"
    )


@contextlib.contextmanager
def running_server() -> Iterator[Server]:
    """Run a server on a free port of this machine until the block ends."""
    binaries, account = _binaries(), _account()
    folder = Path(tempfile.mkdtemp(prefix="mlkit-postgres-"))
    try:
        (folder / "password").write_text(PASSWORD)
        if account:
            for path in (folder, folder / "password"):
                os.chown(path, account["user"], account["group"])
        how = {"cwd": folder, "env": {"LC_ALL": "C.UTF-8"}, **account}
        subprocess.run(
            [binaries / "initdb", "-D", "data", "-U", USER, "--auth=scram-sha-256",
             "--pwfile=password", "--encoding=UTF8", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, **how,
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [binaries / "postgres", "-D", "data", "-p", str(port), "-c", "fsync=off",
             "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how,
        )  # fmt: skip
        try:
            yield _prepared(process, port)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
    finally:
        shutil.rmtree(folder)


def _prepared(process: subprocess.Popen[bytes], port: int) -> Server:
    def url(database: str) -> str:
        secret = quote(PASSWORD, safe="")
        return f"postgresql+psycopg://{USER}:{secret}@127.0.0.1:{port}/{database}"

    end = time.monotonic() + 30
    engine = sqlalchemy.create_engine(
        url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool
    )
    while True:
        try:
            with engine.connect() as link:
                link.exec_driver_sql(f"CREATE DATABASE {DATABASE}")
            break
        except sqlalchemy.exc.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
    return Server(process, port, f"{url(DATABASE)}?application_name={LABEL}")
