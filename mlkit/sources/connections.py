"""Databases by name: the address is in the environment or in ``.env``, never shown.

A case holds the *name* of a connection. What it stands for is looked for among the
environment variables, then in the file ``.env`` of the workspace, and is an SQLAlchemy
URL. Nothing of that URL is quoted: a message names the connection instead, and what a
driver says is cleaned of every part of it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from mlkit import store
from mlkit.data.records import MASK
from mlkit.data.wording import nearest
from mlkit.sources.errors import SourceError

FILE = ".env"
EXAMPLE = "postgresql://user:password@host/database or sqlite:///data/shop.db"
KNOWN = ("postgresql", "sqlite", "mysql", "mariadb", "oracle", "mssql")
# `postgres` is how hosting services write it; the driver is the one of the extra.
DRIVERS = dict.fromkeys(("postgresql", "postgres"), "postgresql+psycopg")
EXTRA = "pip install 'mlkit[postgres]'"
MEMORY = (None, "", ":memory:")
ADDRESS = re.compile(r"(?<![\w.:])(\d{1,3}(\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]*)(?!\w)")


@dataclass(frozen=True, eq=False)
class Connection:
    """A database that can be asked.

    Attributes
    ----------
    name : str
        How params and messages call it.
    url : sqlalchemy.URL
        Where it is and who asks.
    text : str
        The URL as it was written.
    """

    name: str
    url: Any = field(repr=False)
    text: str = field(repr=False)

    def without_secrets(self, message: str) -> str:
        """Return what a driver says with every part of the URL masked."""
        for part in sorted(self._parts(), key=len, reverse=True):
            pattern = rf"(?<![^\W_]){re.escape(part)}(?![^\W_])"
            message = re.sub(pattern, MASK, message, flags=re.IGNORECASE)
        return ADDRESS.sub(_mask_address, message)

    def _parts(self) -> set[str]:
        url = self.url
        given = [self.text, url.username, url.password, url.host, url.port]
        given += [url.database, *_texts(url.query), *re.split(r"[/@?&=]+", self.text)]
        parts = {str(part) for part in given if part}
        parts |= {Path(part).name for part in parts}
        forms = (quote, quote_plus, unquote_plus)
        parts |= {form(part) for part in parts for form in forms}
        scheme = self.text.split("://", 1)[0]
        return {part for part in parts if part.strip()} - {scheme, f"{scheme}:"}


def _texts(query: Mapping[str, Any]) -> Iterator[str]:
    for value in query.values():
        yield from [value] if isinstance(value, str) else value


def _mask_address(found: re.Match[str]) -> str:
    try:
        ipaddress.ip_address(found[0])
    except ValueError:
        return found[0]
    return MASK


def find_connection(name: str, root: Path | None = None) -> Connection:
    """Return the connection of a name; nothing is connected yet.

    Parameters
    ----------
    name : str
        An environment variable, or a line of the workspace's ``.env``. The
        environment comes first; an empty value is none.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    SourceError
        There is no such name, what it holds is not an SQLAlchemy URL, the package of
        its driver is not installed, or the SQLite file that it names is not there.
    """
    folder = store.workspace_root() if root is None else root
    written = written_lines(folder / FILE)
    text = (os.environ.get(name) or written.get(name) or "").strip()
    if not text:
        raise SourceError(_absent(name, written))
    url, problem = _parsed(text)
    problem = problem or _driver_problem(url)
    if not problem and url.get_backend_name() == "sqlite":
        url, problem = _placed(url, folder)
    if problem:
        raise SourceError(f"data.connection {name}: {problem}")
    return Connection(name, url, text)


def written_lines(path: Path) -> dict[str, str | None]:
    """Return the lines of ``.env``; the environment itself stays as it is."""
    from dotenv import dotenv_values

    if not path.exists():
        return {}
    try:
        return dict(dotenv_values(path, encoding="utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    raise SourceError(
        f"{FILE} of the workspace cannot be read: {reason}. Correct the file, or set "
        "the environment variable instead"
    )


def _absent(name: str, written: Mapping[str, str | None]) -> str:
    where = f"{FILE} of the workspace"
    near = nearest(name, [other for other in (*written, *os.environ) if other != name])
    hint = ""
    if near is not None:
        place = where if near in written else "the environment"
        hint = f" Did you mean {near}, which is in {place}?"
    lacks = "has no value" if name in written or name in os.environ else "is not set"
    return (
        f"data.connection {name}: the environment variable {name} {lacks}, and "
        f"{where} has no line {name}=... with one.{hint} Give it an SQLAlchemy URL, "
        f"such as {EXAMPLE}"
    )


def _parsed(text: str) -> tuple[Any, str]:
    """Return a URL, or what is wrong with it; its text is in neither message."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return None, (
            f"what it holds is not an SQLAlchemy URL. Write it as {EXAMPLE}, with "
            "characters such as @ : / # % in a password percent-encoded"
        )
    return url.set(drivername=DRIVERS.get(url.drivername, url.drivername)), ""


def _driver_problem(url: Any) -> str:
    """Return why a URL's driver cannot be used, nothing where it can."""
    from sqlalchemy.exc import NoSuchModuleError

    try:
        dialect = url.get_dialect()
        if dialect.is_async:
            return f"its driver is asynchronous. Name another in the URL: {EXAMPLE}"
        dialect.import_dbapi()
    except NoSuchModuleError:
        near = nearest(url.drivername.partition("+")[0], KNOWN)
        hint = f" Did you mean {near}://?" if near else ""
        return f"SQLAlchemy knows no such database.{hint} Write its URL as {EXAMPLE}"
    except ImportError as error:
        package = (error.name or dialect.driver).partition(".")[0]
        add = EXTRA if package == "psycopg" else f"pip install {package}"
        if package != "psycopg" and url.get_backend_name() == "postgresql":
            add += f", or begin the URL with postgresql:// and {EXTRA}"
        return f"the package of its driver is not installed: {package}. Add it: {add}"
    return ""


def _placed(url: Any, root: Path) -> tuple[Any, str]:
    """Return the URL of an SQLite file with its full path, or what is wrong with it."""
    if url.database in MEMORY or url.database.startswith("file:"):
        return (
            url,
            "it must name the file of the SQLite database: sqlite:///data/shop.db",
        )
    path = Path(store.resolve(url.database, root))
    if path.is_file():
        return url.set(database=str(path)), ""
    what = "a folder" if path.is_dir() else "not there"
    begin = (
        ""
        if Path(url.database).is_absolute()
        else ("; its path, which begins with no /, starts at the workspace root")
    )
    return url, f"the SQLite file that it names is {what}{begin}. Correct the path"
