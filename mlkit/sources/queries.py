"""A DuckDB query over views of files; nothing else can be reached from it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping

import duckdb
import pandas as pd

from mlkit.data.records import MASK
from mlkit.sources import memory
from mlkit.sources.arrow import to_frame
from mlkit.sources.errors import SourceError
from mlkit.sources.names import refuse_repeated
from mlkit.sources.places import one_line
from mlkit.sources.views import View

NAME = "data.query"
NAMES_ADVICE = "Give each column of the query a name of its own by AS"
# A PIVOT is a statement of several parts to DuckDB.
ROWS = (duckdb.StatementType.SELECT, duckdb.StatementType.MULTI)
SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "enable_external_access": False,
}


def run_query(
    query: str, views: Mapping[str, View], *, hide: bool = False
) -> pd.DataFrame:
    """Return the rows of a query.

    The query runs without network, extensions or access to other files.

    Parameters
    ----------
    query : str
        One SELECT (or PIVOT, FROM, WITH) statement of DuckDB's SQL.
    views : mapping of str to View
        What each table name of the query stands for.
    hide : bool
        Whether quoted texts in DuckDB's messages are masked: they may be values.

    Raises
    ------
    SourceError
        The query is wrong, fails, is not one statement that returns rows, returns none,
        names a column twice, or returns more than fits into memory.
    """
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(":memory:") as link:
        try:
            link.execute(f"SET temp_directory = {_quoted(folder)}")
            for name, view in views.items():
                _create(link, name, view)
            for setting, value in SETTINGS.items():
                link.execute(f"SET {setting} = {value}")
            return _rows(link, query, list(views))
        except duckdb.Error as error:
            raise SourceError(_failure(error, views, hide=hide)) from error


def _create(link: duckdb.DuckDBPyConnection, name: str, view: View) -> None:
    if view.select is None:
        link.register(name, view.rows)
        return
    source = f"{name} as text"
    link.register(source, view.rows)
    identifier = '"' + name.replace('"', '""') + '"'
    text = '"' + source.replace('"', '""') + '"'
    link.execute(f"CREATE VIEW {identifier} AS SELECT {view.select} FROM {text}")


def _rows(
    link: duckdb.DuckDBPyConnection, query: str, names: list[str]
) -> pd.DataFrame:
    kinds = [statement.type for statement in link.extract_statements(query)]
    relation = link.sql(query) if len(kinds) == 1 and kinds[0] in ROWS else None
    if relation is None:
        given = ", ".join(kind.name for kind in kinds) or "none"
        raise SourceError(
            f"{NAME}: it must be one statement that returns rows, such as SELECT; its "
            f"statements are: {given}"
        )
    refuse_repeated(NAME, relation.columns, advice=NAMES_ADVICE)
    row = memory.BYTES_A_CELL * len(relation.columns)
    bound = memory.available() // row
    table = relation.limit(bound + 1).to_arrow_table()
    if table.num_rows > bound:
        how = f"more than {bound:,} rows"
        memory.refuse_too_large(NAME, row * table.num_rows, need=1.0, how=how)
    if not table.num_rows:
        raise SourceError(
            f"{NAME}: the query returns no rows. Check its conditions against the "
            f"tables {', '.join(names)}"
        )
    return to_frame(NAME, table)


def _failure(error: duckdb.Error, views: Mapping[str, View], *, hide: bool) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    message, step = one_line(error), "try the query with data.files in a notebook"
    found = [view.hint for view in views.values() if view.hint]
    if found and isinstance(error, duckdb.BinderException) and "not found" in message:
        # The columns DuckDB would name instead are values of the first line.
        step = "; ".join(found)
    else:
        hints = [line for line in lines if line.startswith("Candidate bindings")]
        message = " ".join([message, *hints])
    if hide:
        message = re.sub(r"'.*'", MASK, message)
    return (
        f"{NAME}: DuckDB refuses the query: {message}. The tables are "
        f"{', '.join(views)}; {step}"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
