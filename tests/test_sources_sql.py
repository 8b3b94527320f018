"""Queries over databases: real SQLite files and a real PostgreSQL server."""

from __future__ import annotations

import datetime
import decimal
import itertools
import os
import re
import signal
import sqlite3
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.params import ParamsError, load_params
from mlkit.params.models import Params
from mlkit.sources import SourceError, check_source, databases, memory, read
from mlkit.sources.cells import typed, united
from mlkit.sources.connections import find_connection
from tests.postgres import DATABASE, PASSWORD, USER, Server, running_server
from tests.workspace import PROJECT, make_workspace, run_mlkit, toy_table

NAME = "SHOP_URL"


def case(query: str = "SELECT 1 AS y", **data: Any) -> Params:
    keys = {"query": query, "connection": NAME, "target": "y", **data}
    return Params.model_validate({"case": "c", "task": "binary", "data": keys})


@pytest.fixture(autouse=True)
def no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)


def refusal(root: Path, query: str = "SELECT 1 AS y", **data: Any) -> str:
    with pytest.raises(SourceError) as caught:
        read(case(query, **data), root=root)
    message = str(caught.value)
    assert "\n" not in message
    return message


def says_nothing_of(secrets: tuple[str, ...], error: BaseException) -> None:
    """Hold an error, and whatever a traceback would print, to silence about a URL."""
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error))
    for text in (str(error), repr(error), shown, unquote(shown)):
        assert [secret for secret in secrets if secret in text] == []


# SQLite.


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a workspace whose connection is an SQLite file, named from its root."""
    (tmp_path / "data").mkdir()
    with sqlite3.connect(tmp_path / "data" / "shop 1.db") as link:
        link.execute("CREATE TABLE orders (id, price REAL, code TEXT, paid, y TEXT)")
        rows = [
            (k, k / 4 if k % 3 else None, f"{k:03}", k % 2, " yes" if k % 2 else "?")
            for k in range(1_000)
        ]
        link.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", rows)
    link.close()
    monkeypatch.setenv(NAME, "sqlite:///data/shop 1.db")
    monkeypatch.chdir("/")
    return tmp_path


def test_rows_come_from_a_database(shop: Path) -> None:
    raw = read(case("SELECT * FROM orders ORDER BY id"), root=shop)
    assert raw.origin == "a query over connection SHOP_URL (1,000 rows)"
    frame = raw.frame
    assert [str(kind) for kind in frame.dtypes] == [
        *("int64", "float64", "str", "int64", "str")
    ]
    assert frame["id"].tolist() == list(range(1_000))
    assert frame["price"].isna().sum() == 334
    assert frame["code"].tolist()[:2] == ["000", "001"]
    # Texts are read as those of a file: without outer blanks, markers missing.
    assert frame["y"].isna().sum() == 500
    assert set(frame["y"].dropna()) == {"yes"}


@pytest.mark.parametrize("cells", [1, 700, 10**6])
def test_chunks_leave_no_trace(
    shop: Path, monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    monkeypatch.setattr(databases, "CHUNK_CELLS", cells)
    query = """
        SELECT id, CASE WHEN id > 300 THEN id END AS late,
               CASE WHEN id < 500 THEN id ELSE id / 2.0 END AS widening,
               CASE WHEN id = 999 THEN 'n/a' ELSE id END AS mixed, NULL AS empty,
               '12:30' || '%s' AS y
        FROM orders ORDER BY id
    """
    frame = read(case(query), root=shop).frame
    assert [str(kind) for kind in frame.dtypes] == [
        *("int64", "Int64", "float64", "str", "str", "str")
    ]
    assert frame["late"].isna().sum() == 301
    assert frame["late"].dropna().tolist() == list(range(301, 1_000))
    assert frame["widening"].tolist()[499:502] == [499.0, 250.0, 250.5]
    assert frame["mixed"].tolist()[-2:] == ["998", "n/a"]
    assert frame["empty"].isna().all()
    assert set(frame["y"]) == {"12:30%s"}


def test_a_database_file_is_only_read(shop: Path) -> None:
    file = shop / "data" / "shop 1.db"
    before = file.read_bytes()
    for statement in (
        "DELETE FROM orders RETURNING id",
        "INSERT INTO orders (id) VALUES (1) RETURNING id",
        "CREATE TABLE t AS SELECT 1",
        "DROP TABLE orders",
    ):
        assert "attempt to write a readonly database" in refusal(shop, statement)
    for statement in ("ATTACH 'other.db' AS o", "PRAGMA user_version = 7"):
        assert refusal(shop, statement).startswith("data.query: ")
    assert "one statement at a time" in refusal(shop, "SELECT 1; DROP TABLE orders")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["shop 1.db"]


def test_a_query_that_is_wrong(shop: Path) -> None:
    assert refusal(shop, "SELECT prize FROM orders") == (
        "data.query: the database of connection SHOP_URL refuses the query: no such "
        "column: prize. Try the query in a client of that database"
    )
    assert "no such table: orderz" in refusal(shop, "SELECT * FROM orderz")
    assert refusal(shop, "SELECT id, price, id FROM orders") == (
        "data.query: column names must be distinct, used more than once: 'id' (columns "
        "1 and 3). Give each column of the query a name of its own by AS"
    )
    assert refusal(shop, "SELECT id FROM orders WHERE id > 1e9") == (
        "data.query: the query returns no rows. Check its conditions against the "
        "tables of connection SHOP_URL"
    )
    for other in ("SAVEPOINT here", "-- no statement"):
        assert "it must be one statement that returns rows" in refusal(shop, other)
    assert refusal(shop, "SELECT id, x'00ff' AS photo FROM orders") == (
        "data.query: column 'photo' holds bytes, which no kind of column fits. Cast it "
        "to text or numbers in data.query, take it apart, or leave it out"
    )


def test_values_in_a_drivers_message_are_masked(shop: Path) -> None:
    query = "SELECT CAST(x'5a6fff' AS TEXT) AS y"
    assert "Zo" in refusal(shop, query)
    assert "Zo" not in refusal(shop, query, sensitive=["y"])


def test_a_result_that_is_larger_than_memory(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    monkeypatch.setattr(databases, "CHUNK_CELLS", 500)
    query = "SELECT a.id AS p, b.id AS q FROM orders a, orders b"
    assert refusal(shop, query) == (
        "data.query: the table is larger than memory: it holds 36.0 kB (the first "
        "2,250 rows) and needs about 108.0 kB, while 100.0 kB are free. Take a sample, "
        "fewer columns or sums in data.query, which the database computes, or use a "
        "machine with more memory"
    )
    assert len(read(case(f"{query} LIMIT 2000"), root=shop).frame) == 2_000


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite:///data/shp.db", "the SQLite file that it names is not there; its "
         "path, which begins with no /, starts at the workspace root. Correct the"),
        ("sqlite:////no/such/file_q.db", "is not there. Correct the path"),
        ("sqlite:///data", "the SQLite file that it names is a folder"),
        ("sqlite://", "it must name the file of the SQLite database"),
        ("sqlite:///:memory:", "it must name the file of the SQLite database"),
        ("shop_q.db", "what it holds is not an SQLAlchemy URL. Write it as postgresql"),
        ("postgresql://u:p@host_q:port_q/d", "is not an SQLAlchemy URL"),
        ("postgressql://u_q@host_q/d", "SQLAlchemy knows no such database. Did you "
         "mean postgresql://?"),
        ("postgresql+asyncpg://u_q@h/d", "its driver is asynchronous. Name another"),
    ],
)  # fmt: skip
def test_a_url_that_is_wrong_is_named_before_anything_runs(
    shop: Path, monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    monkeypatch.setenv(NAME, url)
    with pytest.raises(SourceError) as caught:
        check_source(case(), shop)
    assert str(caught.value).startswith(f"data.connection {NAME}: ")
    assert says in str(caught.value)
    parts = ("_q", "/shp", *[url][: len(url) > 10])
    says_nothing_of(parts, caught.value)


def test_a_file_that_is_no_database(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "notes.db").write_text(
        "not a database at all, but some lines of text\n" * 9
    )
    monkeypatch.setenv(NAME, "sqlite:///notes.db")
    assert "file is not a database" in refusal(shop, "SELECT * FROM orders")


POSTGRES = "pip install 'mlkit[postgres]'"


@pytest.mark.parametrize(
    ("scheme", "module", "says"),
    [
        ("postgresql", "psycopg", f"psycopg. Add it: {POSTGRES}"),
        ("postgres", "psycopg", f"psycopg. Add it: {POSTGRES}"),
        ("postgresql+pg8000", "pg8000", "pg8000. Add it: pip install pg8000, or begin "
         f"the URL with postgresql:// and {POSTGRES}"),
        ("mysql+pymysql", "pymysql", "pymysql. Add it: pip install pymysql"),
    ],
)  # fmt: skip
def test_a_driver_that_is_not_installed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    module: str,
    says: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    url = f"{scheme}://u_q:p@h/d"
    monkeypatch.setenv(NAME, url)
    with pytest.raises(SourceError) as caught:
        check_source(case(), tmp_path)
    assert str(caught.value) == (
        f"data.connection SHOP_URL: the package of its driver is not installed: {says}"
    )
    says_nothing_of((url, "u_q", "@"), caught.value)


def test_the_docs_show_a_case_that_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = (PROJECT / "docs" / "sources.md").read_text()
    (text,) = [b for b in re.findall(r"```yaml\n(.*?)```", docs, re.S) if NAME in b]
    (line,) = re.findall(r"```ini\n(.*?)```", docs, re.S)
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "churn.yaml").write_text(text)
    (tmp_path / ".env").write_text(line)
    params = load_params("churn", tmp_path)
    check_source(params, tmp_path)
    found = find_connection(NAME, tmp_path)
    assert (found.url.username, found.url.password) == ("reader", "a@b")
    assert (found.url.host, found.url.database) == ("db.example.org", "shop")


# Where the address is found.


def test_a_connection_is_a_line_of_the_env_file(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.environ[NAME]
    monkeypatch.delenv(NAME)
    (shop / ".env").write_text(f"# secrets\nexport {NAME}='{other}'\nOTHER=1\n")
    query = "SELECT count(*) AS y FROM orders"
    assert read(case(query), root=shop).frame["y"].tolist() == [1_000]
    assert NAME not in os.environ
    # The environment comes first; what is empty there counts as absent.
    monkeypatch.setenv(NAME, "")
    assert len(read(case(query), root=shop).frame) == 1
    monkeypatch.setenv(NAME, "sqlite:///absent.db")
    assert "is not there" in refusal(shop, query)


def test_a_connection_that_nobody_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("SHOP_URLS=sqlite:///secret_q.db\n")
    assert refusal(tmp_path) == (
        "data.connection SHOP_URL: the environment variable SHOP_URL is not set, and "
        ".env of the workspace has no line SHOP_URL=... with one. Did you mean "
        "SHOP_URLS, which is in .env of the workspace? Give it an SQLAlchemy URL, such "
        "as postgresql://user:password@host/database or sqlite:///data/shop.db"
    )
    (tmp_path / ".env").write_text(f"{NAME}=\n")
    assert "the environment variable SHOP_URL has no value" in refusal(tmp_path)
    monkeypatch.setenv("SHOP_ULR", "secret_q")
    (tmp_path / ".env").unlink()
    found = refusal(tmp_path)
    assert "Did you mean SHOP_ULR, which is in the environment?" in found
    assert "secret_q" not in found


def test_an_env_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    assert refusal(tmp_path).startswith(
        ".env of the workspace cannot be read: it is not UTF-8. Correct the file"
    )
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    assert ".env of the workspace" in refusal(tmp_path)


@pytest.mark.parametrize(
    "override",
    [
        "data.connection={}",
        "data.connection=[{}]",
        "data.connection: {}",
        "data={{connection: '{}', target: y}}",
        "data.conection={}",
        "data.query=[{}]",
        "data.split.by={}",
    ],
)
@pytest.mark.parametrize("user", ["u_q", "u_q" * 30])
def test_a_url_in_the_place_of_its_name_is_not_shown(
    tmp_path: Path, override: str, user: str
) -> None:
    (tmp_path / "params").mkdir()
    url = f"postgresql://{user}:p_q@h_q:1234/d_q?x_q=1"
    keys = f"{{connection: '{url}', query: q, target: y}}"
    text = f"case: c\ntask: binary\ndata: {keys}\n"
    (tmp_path / "params" / "c.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        load_params("c", tmp_path, overrides=[override.format(url)])
    assert "_q" not in str(caught.value)
    assert "1234" not in str(caught.value)
    with pytest.raises(ParamsError) as caught:
        load_params("c", tmp_path)
    assert str(caught.value) == (
        "params/c.yaml: line 3: data.connection must be the name of an environment "
        "variable, or of a line in `.env`, got •••; write the secret there, and only "
        "its name here"
    )


# Types.

MOMENTS = st.datetimes(
    datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1),
    timezones=st.sampled_from([None, datetime.UTC,
                               datetime.timezone(datetime.timedelta(hours=5))]),
)  # fmt: skip
YEARS = datetime.timedelta(999)
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(width=32),
    st.text("abc1.", max_size=3), st.decimals(-99, 99, places=2), MOMENTS,
    st.dates(), st.timedeltas(-YEARS, YEARS), st.uuids(), st.times(),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=12), data=st.data())
def test_a_column_is_the_same_however_its_rows_are_cut(
    values: list[Any], data: st.DataObject
) -> None:
    cuts = data.draw(st.sets(st.integers(1, len(values) - 1)) if values[1:] else
                     st.just(set()))  # fmt: skip
    edges = [0, *sorted(cuts), len(values)]
    whole = united([typed("q", "c", values)])
    parts = [values[a:b] for a, b in itertools.pairwise(edges)]
    pieces = united([typed("q", "c", part) for part in parts])
    assert pieces.type == whole.type
    assert str(pieces.to_pylist()) == str(whole.to_pylist())
    assert [v is None or v != v for v in values] == [
        v is None for v in whole.to_pylist()
    ]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, -(2**63)], "int64"),
        ([1, 2**63], "double"),
        ([True, None], "bool"),
        ([True, 2], "int64"),
        ([decimal.Decimal("1.10"), 2, None], "double"),
        ([decimal.Decimal("NaN"), 0.5], "double"),
        ([datetime.date(2024, 2, 29)], "timestamp[us, tz=UTC]"),
        ([datetime.timedelta(hours=1)], "duration[us]"),
        ([uuid.UUID(int=7), "x"], "large_string"),
        ([None], "large_string"),
    ],
)
def test_types_of_columns(values: list[Any], kind: str) -> None:
    assert str(united([typed("q", "c", values)]).type) == kind


@pytest.mark.parametrize("value", [b"x", bytearray(b"x"), memoryview(b"x"), [1], {}])
def test_values_that_no_column_holds(value: object) -> None:
    with pytest.raises(SourceError, match=r"q: column 'c' holds .* no kind of column"):
        typed("q", "c", [None, value])


# PostgreSQL.


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running_server() as found:
        found.run(
            "CREATE TABLE sales AS SELECT i AS id, i * 1.25::numeric AS price, "
            "CASE WHEN i % 3 > 0 THEN i END AS gaps, i % 2 = 0 AS even, "
            "DATE '2024-01-31' + i % 9 AS day, "
            "timestamptz '2024-03-01 12:00+02' AS at, "
            "interval '90 minutes' AS took, 'a%b :c' AS note, "
            "md5(i::text)::uuid AS key FROM generate_series(1, 30000) AS i",
            "CREATE SEQUENCE tickets",
        )
        yield found


@pytest.fixture
def ledger(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Server, Path]:
    monkeypatch.setenv(NAME, server.url)
    return server, tmp_path


def test_postgresql_keeps_its_types(ledger: tuple[Server, Path]) -> None:
    _, root = ledger
    query = "SELECT * FROM sales WHERE note LIKE 'a%' AND id::text <> ':x' ORDER BY id;"
    raw = read(case(query), root=root)
    assert raw.origin == "a query over connection SHOP_URL (30,000 rows)"
    frame = raw.frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "id": "int64", "price": "float64", "gaps": "Int64", "even": "bool",
        "day": "datetime64[us]", "at": "datetime64[us]", "took": "float64",
        "note": "str", "key": "str",
    }  # fmt: skip
    assert frame["price"].sum() == 1.25 * 30_000 * 30_001 / 2
    assert frame["gaps"].isna().sum() == 10_000
    assert frame["at"].iloc[0] == pd.Timestamp(2024, 3, 1, 10)
    assert frame["took"].iloc[0] == 5_400
    assert frame["day"].min() == pd.Timestamp(2024, 1, 31)


def test_postgresql_is_only_read(ledger: tuple[Server, Path]) -> None:
    server, root = ledger
    for statement in (
        "DELETE FROM sales RETURNING id",
        "DROP TABLE sales",
        "SELECT 1 AS y; COMMIT; DROP TABLE sales",
        "COMMIT",
        "WITH gone AS (DELETE FROM sales RETURNING id) SELECT id FROM gone",
    ):
        assert "refuses the query" in refusal(root, statement)
    assert "read-only transaction" in refusal(root, "SELECT nextval('tickets') AS y")
    assert server.run("SELECT count(*) FROM sales")[0][0] == 30_000
    assert server.run("SELECT last_value FROM tickets")[0][0] == 1


def test_postgresql_streams_rows(ledger: tuple[Server, Path]) -> None:
    _, root = ledger
    # Read whole, the rows would take longer to make than the test may last.
    query = "SELECT generate_series(1, 1000000000) AS y, repeat('x', 1000) AS pad"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "available", lambda: 50_000_000)
        assert "larger than memory" in refusal(root, query)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT * FROM no_such_table", 'relation "no_such_table" does not exist'),
        ("SELECT pryce FROM sales", 'Perhaps you meant to reference the column "sales.'
         'price"'),
        ("SELECT 1 / (id - id) AS y FROM sales", "division by zero"),
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("--", "syntax error at end of input"),
        ("SELECT * FROM sales WHERE id < 0", "the query returns no rows"),
        ("SELECT ARRAY[1] AS y", "column 'y' holds list values"),
        ("SELECT '{}'::jsonb AS y", "column 'y' holds dict values"),
        ("SELECT '\\x00'::bytea AS y", "column 'y' holds bytes"),
        ("SELECT 'infinity'::date AS y", "date too large"),
        # What the server itself says of who asks, and where.
        ("SELECT current_user::int AS y", 'syntax for type integer: "•••"'),
        ("SELECT current_database()::int AS y", 'syntax for type integer: "•••"'),
        ("SELECT current_setting('port')::date AS y", 'for type date: "•••"'),
        ("SELECT host(inet_server_addr())::int AS y", 'for type integer: "•••"'),
        ("SELECT current_setting('application_name')::int AS y", '"•••"'),
        ("SELECT pg_terminate_backend(pg_backend_pid()) AS y", "ended the connection"),
    ],
)  # fmt: skip
def test_a_query_that_postgresql_refuses(
    ledger: tuple[Server, Path], query: str, says: str
) -> None:
    server, root = ledger
    with pytest.raises(SourceError) as caught:
        read(case(query), root=root)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    says_nothing_of(server.secrets, caught.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":s3cr", ":x3cr", "the server refuses the user or the password"),
        (f"{USER}:", "nobody_zq:", "the server refuses the user or the password"),
        (f"/{DATABASE}", "/absent_zq", "the server has no database of that name"),
        ("PORT", "1", "no server answers there"),
        ("127.0.0.1", "host-zq.invalid", "there is no server of that name"),
        ("?", "?sslmode=require&", "server and URL do not agree about encryption"),
        ("?", "?colour=red&", "the URL has an option that the driver does not know"),
    ],
)
def test_a_server_that_cannot_be_reached(
    ledger: tuple[Server, Path],
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    says: str,
) -> None:
    server, root = ledger
    url = server.url.replace(str(server.port) if old == "PORT" else old, new)
    assert url != server.url
    monkeypatch.setenv(NAME, url)
    check_source(case(), root)
    with pytest.raises(SourceError) as caught:
        read(case(), root=root)
    assert str(caught.value) == (
        f"data.connection SHOP_URL: the database cannot be reached: {says}. Check the "
        "URL that this name stands for, which is not shown, and that the server runs"
    )
    changed = (url, "x3cr", "_zq", "host-zq")
    says_nothing_of((*server.secrets, *changed), caught.value)


def test_a_connection_shows_nothing_of_its_url(ledger: tuple[Server, Path]) -> None:
    server, root = ledger
    found = find_connection(NAME, root)
    assert repr(found) == "Connection(name='SHOP_URL')"
    said = (
        f'connection to server at "127.0.0.1", port {server.port} failed: FATAL: '
        f'password authentication failed for user "{USER}" ({PASSWORD}, {server.url}) '
        f'at ::1, table "{DATABASE}_2" at 12:30'
    )
    masked = found.without_secrets(said)
    assert [secret for secret in server.secrets if secret in masked] == []
    assert "password authentication failed for user" in masked
    assert "::1" not in masked
    assert masked.endswith("at 12:30")


def test_a_server_that_dies_while_rows_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_server() as server:
        monkeypatch.setenv(NAME, server.url)
        monkeypatch.setattr(databases, "CHUNK_CELLS", 200)
        query = "SELECT generate_series(1, 1000000) AS y, pg_sleep(0.001) AS s"

        def kill_amid() -> None:
            active = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%%'"
            end = time.monotonic() + 10
            while not server.run(active)[0][0] and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGQUIT)

        killer = threading.Thread(target=kill_amid)
        killer.start()
        with pytest.raises(SourceError) as caught:
            read(case(query), root=tmp_path)
        killer.join()
    found = str(caught.value)
    assert found.startswith("data.query: the database ended the connection SHOP_URL af")
    assert found.endswith("Run it again when the server is back")
    assert "after 0 rows" not in found
    says_nothing_of(server.secrets, caught.value)


# A run.

PARAMS = """\
format: 1
case: toy
task: binary
data:
  query: SELECT * FROM toy
  connection: SHOP_URL
  target: bought
  positive: "yes"
"""


def test_nothing_of_the_url_is_in_what_a_run_writes(
    server: Server, tmp_path: Path
) -> None:
    root = make_workspace(tmp_path, params=PARAMS)
    values = ", ".join(
        str(tuple(row)) for row in toy_table(300).itertuples(index=False)
    )
    server.run(
        "DROP TABLE IF EXISTS toy",
        "CREATE TABLE toy (age float, visits int, region text, bought text)",
        f"INSERT INTO toy VALUES {values}",
    )
    (root / ".env").write_text(f"{NAME}={server.url}\n")
    done = run_mlkit(root, "run", "data", "toy")
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    (root / ".env").write_text(f"{NAME}={server.url.replace(':s3cr', ':x3cr')}\n")
    failed = run_mlkit(root, "run", "data", "toy")
    assert failed.returncode == 3
    assert "refuses the user or the password" in failed.stdout + failed.stderr
    said += failed.stdout + failed.stderr
    (root / ".env").unlink()
    files = [path for path in root.rglob("*") if path.is_file()]
    assert root / "reports" / "toy" / "draft" / "data.ipynb" in files
    for path in files:
        said += path.read_bytes().decode("utf-8", "replace")
    # Five digits of a port stand in many a hash.
    secrets = {*server.secrets, "x3cr", f":{server.port}"} - {str(server.port)}
    assert [secret for secret in secrets if secret in said] == []
