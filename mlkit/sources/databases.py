"""A query over a database: read only, in chunks, and silent about where it is.

The query runs in a transaction that may only read, where the database has such, and
that is always rolled back. Rows come in chunks, from a cursor of the server where the
driver has one, so that no more than one chunk stands in memory twice.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from mlkit.data.records import MASK
from mlkit.data.wording import counted
from mlkit.sources import memory
from mlkit.sources.arrow import to_frame
from mlkit.sources.cells import typed, united
from mlkit.sources.connections import Connection
from mlkit.sources.delimited import clean
from mlkit.sources.errors import SourceError
from mlkit.sources.names import refuse_repeated
from mlkit.sources.queries import NAME, NAMES_ADVICE

CHUNK_CELLS = 200_000
SMALLEST_CHUNK = 100
BUFFER = 1_000
SECONDS_TO_CONNECT = 15
# Beside the Arrow columns stand, later, the typed ones and what is computed of them.
NEED = 3.0
LESS = "Take a sample, fewer columns or sums in data.query, which the database computes"
# What drivers say when they cannot connect, which names the server and the user.
REASONS = (
    (r"password|authenticat|access denied|role .* does not exist|login",
     "the server refuses the user or the password"),
    (r"database .* does not exist|unknown database|cannot open database",
     "the server has no database of that name"),
    (r"resolve|translate host|getaddrinfo|name or service|nodename",
     "there is no server of that name"),
    (r"refused|unreachable|timed? ?out|timeout|no such file|can't connect|closed",
     "no server answers there"),
    (r"too many|remaining connection slots", "the server has no connection left"),
    (r"ssl|tls|certificate", "server and URL do not agree about encryption"),
    (r"connection option|unexpected keyword|dsn|argument",
     "the URL has an option that the driver does not know"),
    (r"unable to open|not a database|malformed",
     "the file is no SQLite database, or may not be read"),
)  # fmt: skip
LOST = re.compile(
    r"closed the connection|terminating connection|connection (is |was )?(closed|lost)"
    r"|gone away|broken pipe|connection reset",
    re.IGNORECASE,
)


def read_database(
    query: str,
    connection: Connection,
    *,
    missing: Sequence[str] = (),
    hide: bool = False,
) -> pd.DataFrame:
    """Return the rows of a query over a database.

    Parameters
    ----------
    query : str
        One statement that returns rows, in the SQL of the database.
    connection : Connection
        As :func:`mlkit.sources.connections.find_connection` returns it.
    missing : sequence of str
        Texts that mean missing; an empty one always does.
    hide : bool
        Whether quoted texts in the driver's messages are masked: they may be values.

    Raises
    ------
    SourceError
        The database cannot be reached, the query is wrong, fails, returns none or more
        than fits into memory, or names a column twice. No part of the URL is in it, nor
        in an exception behind it.
    """
    reading = _Reading(connection)
    try:
        with reading.begun() as link:
            table = _table(link, query, reading)
    except SourceError:
        raise
    except Exception as error:
        # Whatever a driver raises may quote the URL, so that it ends here.
        problem = reading.problem(error, hide=hide)
    else:
        return to_frame(NAME, clean(table, missing))
    raise SourceError(problem)


class _Reading:
    """How far reading came, for the message that says where it ended."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.connected = False
        self.rows = 0

    @contextmanager
    def begun(self) -> Iterator[Any]:
        """Open a connection whose transaction may only read and is rolled back."""
        engine = _engine(self.connection.url)
        with engine.connect() as link:
            if engine.dialect.name == "postgresql":
                link = link.execution_options(postgresql_readonly=True)
            self.connected = True
            yield link

    def problem(self, error: Exception, *, hide: bool) -> str:
        """Return what is said of a driver's error."""
        asked = f"connection {self.connection.name}"
        said = str(getattr(error, "orig", None) or error)
        if not self.connected:
            known = (text for words, text in REASONS if re.search(words, said, re.I))
            reason = next(known, f"the driver raises {_kind(error)}")
            return (
                f"data.connection {self.connection.name}: the database cannot be "
                f"reached: {reason}. Check the URL that this name stands for, which is "
                "not shown, and that the server runs"
            )
        message = self.connection.without_secrets(_first_words(said) or _kind(error))
        if hide:
            message = re.sub(r"'.*'|\".*\"", MASK, message)
        lost = getattr(error, "connection_invalidated", False) or LOST.search(said)
        if lost:
            return (
                f"{NAME}: the database ended the {asked} after "
                f"{counted(self.rows, 'row')}: {message}. Run it again when the server "
                "is back"
            )
        return (
            f"{NAME}: the database of {asked} refuses the query: {message}. Try the "
            "query in a client of that database"
        )


def _engine(url: Any) -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        address = f"{Path(url.database).as_uri()}?mode=ro"
        options["creator"] = lambda: sqlite3.connect(address, uri=True)
    elif url.get_driver_name() == "psycopg" and "connect_timeout" not in url.query:
        options["connect_args"] = {"connect_timeout": SECONDS_TO_CONNECT}
    return create_engine(url, **options)


def _table(link: Any, query: str, reading: _Reading) -> Any:
    """Return the rows of a query as an Arrow table, chunk by chunk."""
    # Without parameters a driver leaves % and : in the query alone.
    streaming = link.execution_options(
        stream_results=True, max_row_buffer=BUFFER, no_parameters=True
    )
    with closing(streaming.exec_driver_sql(query)) as result:
        if not result.returns_rows:
            raise SourceError(
                f"{NAME}: it must be one statement that returns rows, such as SELECT"
            )
        return _fetched(result, reading)


def _fetched(result: Any, reading: _Reading) -> Any:
    names = list(result.keys())
    refuse_repeated(NAME, names, advice=NAMES_ADVICE)
    size = max(SMALLEST_CHUNK, CHUNK_CELLS // len(names))
    chunks: list[list[Any]] = [[] for _ in names]
    held = 0
    while rows := result.fetchmany(size):
        reading.rows += len(rows)
        for name, parts, values in zip(
            names, chunks, zip(*rows, strict=True), strict=True
        ):
            parts.append(typed(NAME, name, values))
            held += parts[-1].nbytes
        _refuse_large(held, reading.rows, len(names))
    if not reading.rows:
        raise SourceError(
            f"{NAME}: the query returns no rows. Check its conditions against the "
            f"tables of connection {reading.connection.name}"
        )
    return pa.table([united(parts) for parts in chunks], names=names)


def _refuse_large(held: int, rows: int, columns: int) -> None:
    size = max(held, 8 * rows * columns)
    how = f"the first {rows:,} rows"
    memory.refuse_too_large(NAME, size, need=NEED, how=how, advice=LESS)


def _first_words(said: str) -> str:
    """Return the first line of a driver's message, and its hint if it has one."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    hints = [line for line in lines[1:] if line.upper().startswith("HINT:")]
    return ". ".join([*lines[:1], *hints]).rstrip(".")


def _kind(error: Exception) -> str:
    return type(getattr(error, "orig", None) or error).__name__
