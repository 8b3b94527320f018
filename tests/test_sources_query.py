"""DuckDB queries over files: typed, closed to everything else, explained."""

from __future__ import annotations

import gzip
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlkit.params.models import Params
from mlkit.sources import SourceError, memory, read

ORDERS = (
    "id;when;price;code;paid;note;note\n"
    "1;13/2/2020 10:00;2,5;007;true;a;x\n"
    "2;1/3/2020 09:30;10,0;042;false;?;y\n"
    "10;2/3/2020 08:00;;7;true; b ;z\n"
)


def run(
    root: Path, query: str, *, sensitive: tuple[str, ...] = (), **files: str
) -> Any:
    params = Params.model_validate(
        {
            "case": "c",
            "task": "binary",
            "data": {
                "query": query,
                "files": files,
                "target": "y",
                "sensitive": list(sensitive),
            },
        }
    )
    return read(params, root=root)


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text(ORDERS)
    return tmp_path


def refusal(root: Path, query: str, **files: Any) -> str:
    with pytest.raises(SourceError) as caught:
        run(root, query, **(files or {"orders": "orders.csv"}))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_column_that_a_file_without_names_lacks_is_explained(tmp_path: Path) -> None:
    (tmp_path / "wdbc.csv").write_text("842302,M,17.99,10.38\n842517,B,20.57,17.77\n")
    found = refusal(tmp_path, "SELECT radius FROM t", t="wdbc.csv")
    assert found.endswith(
        "The tables are t; wdbc.csv: the first line must name the columns, it holds "
        "values such as '842302', '17.99', '10.38'. For a file without names, "
        "in a params file: data.header: false and 4 data.names"
    )
    assert "without names" not in refusal(tmp_path, "SELEC M FROM t", t="wdbc.csv")
    with pytest.raises(SourceError) as caught:
        run(tmp_path, "SELECT radius FROM t", sensitive=("y",), t="wdbc.csv")
    assert "such as •••, •••, •••" in str(caught.value)
    assert "8423" not in str(caught.value)
    assert "Candidate" not in str(caught.value)


def test_columns_have_the_types_their_values_show(orders: Path) -> None:
    query = "SELECT column_name, column_type FROM (DESCRIBE orders)"
    found = run(orders, query, orders="orders.csv").frame
    assert dict(zip(found["column_name"], found["column_type"], strict=True)) == {
        **{"id": "BIGINT", "when": "TIMESTAMP", "price": "DOUBLE", "code": "VARCHAR"},
        **{"paid": "BOOLEAN", "note": "VARCHAR", "note_1": "VARCHAR"},
    }


def test_numbers_and_dates_sort_by_value_and_markers_are_null(orders: Path) -> None:
    query = """
        SELECT max(id) AS top, arg_max(code, "when") AS last, sum(price) AS total,
               count(note) AS notes, bool_and(paid) AS all_paid
        FROM orders
    """
    raw = run(orders, query, orders="orders.csv")
    assert raw.origin == "a query over orders.csv (1 row)"
    (row,) = raw.frame.to_dict("records")
    assert row == {
        **{"top": 10, "last": "7", "total": 12.5, "notes": 2, "all_paid": False},
    }


def test_files_are_joined(orders: Path) -> None:
    pq.write_table(
        pa.table({"code": ["007", "042"], "y": ["no", "yes"]}), orders / "codes.parquet"
    )
    query = "SELECT orders.*, y FROM orders JOIN codes USING (code) ORDER BY id"
    frame = run(orders, query, orders="orders.csv", codes="codes.parquet").frame
    assert frame["y"].tolist() == ["no", "yes"]
    assert frame["when"].tolist()[0] == pd.Timestamp(2020, 2, 13, 10)


def test_a_pivot_and_a_last_row_of_each(orders: Path) -> None:
    (orders / "log.csv").write_text("k,step,v\na,2,x\na,10,y\nb,1,x\n")
    last = "FROM log QUALIFY row_number() OVER (PARTITION BY k ORDER BY step DESC) = 1"
    frame = run(orders, f"SELECT * {last} ORDER BY k", log="log.csv").frame
    assert frame.to_dict("list") == {"k": ["a", "b"], "step": [10, 1], "v": ["y", "x"]}
    pivot = "PIVOT log ON v USING max(step) GROUP BY k ORDER BY k"
    frame = run(orders, pivot, log="log.csv").frame
    assert list(frame.columns) == ["k", "x", "y"]
    assert frame["x"].tolist() == [2, 1]


def test_mistakes_among_numbers_leave_a_column_text(tmp_path: Path) -> None:
    lines = "".join(f"{i}.5,no\n" for i in range(99))
    (tmp_path / "rows.csv").write_text(f"a,y\n{lines}oops,no\n")
    query = (
        "SELECT typeof(a) AS t, count(TRY_CAST(a AS DOUBLE)) AS n FROM rows GROUP BY t"
    )
    frame = run(tmp_path, query, rows="rows.csv").frame
    assert frame.to_dict("list") == {"t": ["VARCHAR"], "n": [99]}


def test_a_name_may_need_quotes(orders: Path) -> None:
    frame = run(
        orders, 'SELECT id FROM "my orders"', **{"my orders": "orders.csv"}
    ).frame
    assert frame["id"].tolist() == [1, 2, 10]


# What is refused.


def test_a_query_that_is_wrong(orders: Path) -> None:
    assert refusal(orders, "SELEC 1") == (
        'data.query: DuckDB refuses the query: Parser Error: syntax error at or near "'
        'SELEC". The tables are orders; try the query with data.files in a notebook'
    )
    assert 'Referenced column "prize" not found' in refusal(
        orders, "SELECT prize FROM orders"
    )
    assert 'Candidate bindings: "price"' in refusal(orders, "SELECT prize FROM orders")
    missing = refusal(orders, "SELECT * FROM order_s")
    assert "Table with name order_s does not exist! The tables are orders" in (
        missing.replace("!.", "!")
    )


def test_a_query_that_fails_while_it_runs(orders: Path) -> None:
    query = "SELECT CAST(note_1 AS INTEGER) AS n FROM orders"
    assert "Could not convert string 'x' to INT32" in refusal(orders, query)
    with pytest.raises(SourceError) as caught:
        run(orders, query, sensitive=("note",), orders="orders.csv")
    assert "Could not convert string ••• to INT32" in str(caught.value)


def test_a_query_that_returns_nothing(orders: Path) -> None:
    assert refusal(orders, "SELECT * FROM orders WHERE id > 99") == (
        "data.query: the query returns no rows. Check its conditions against the "
        "tables orders"
    )


@pytest.mark.parametrize(
    "query", ["SELECT 1; SELECT 2", "CREATE TABLE t AS SELECT 1", "--"]
)
def test_what_is_not_one_query(orders: Path, query: str) -> None:
    assert "it must be one statement that returns rows" in refusal(orders, query)


def test_a_query_that_names_a_column_twice(orders: Path) -> None:
    found = refusal(orders, "SELECT id, price, id FROM orders")
    assert found.startswith(
        "data.query: column names must be distinct, used more than once: 'id' (columns "
        "1 and 3)"
    )


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('{}/orders.csv')",
        "SELECT * FROM '{}/orders.csv'",
        "SELECT * FROM 'https://example.org/orders.csv'",
        "COPY orders TO '{}/stolen.csv'",
        "ATTACH '{}/other.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM run_query",
        "SELECT getenv('HOME')",
    ],
)
def test_nothing_but_the_files_can_be_reached(orders: Path, query: str) -> None:
    assert refusal(orders, query.format(orders)).startswith("data.query: ")
    assert [path.name for path in orders.iterdir()] == ["orders.csv"]


def test_a_query_that_returns_too_much(
    orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10_000)
    found = refusal(orders, "SELECT unnest(range(1000)) AS a FROM orders")
    assert "data.query: the table is larger than memory" in found
    assert "more than 312 rows" in found


# Files larger than memory.


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 200_000)


def large(end: str = "") -> str:
    rows = (f'{i};{i % 7}.25;0{i % 5};"t;{i % 3}";?;true\n' for i in range(20_000))
    return "id;price;code;text;gap;flag\n" + "".join(rows) + end


@pytest.mark.usefixtures("small_memory")
@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz"])
def test_a_large_file_is_summed_without_reading_it_whole(
    tmp_path: Path, name: str
) -> None:
    content = b"\xef\xbb\xbf" + large().encode()
    packed = gzip.compress(content) if name.endswith("gz") else content
    (tmp_path / name).write_bytes(packed)
    with pytest.raises(SourceError, match="larger than memory"):
        read(
            Params.model_validate(
                {
                    "case": "c",
                    "task": "binary",
                    "data": {"source": name, "target": "flag"},
                }
            ),
            root=tmp_path,
        )
    query = """
        SELECT code, count(*) AS n, sum(price) AS total, max(id) AS top,
               count(gap) AS g, min(text) AS text, bool_and(flag) AS flag
        FROM rows GROUP BY code ORDER BY code
    """
    frame = run(tmp_path, query, rows=name).frame
    assert frame["code"].tolist() == ["00", "01", "02", "03", "04"]
    assert frame["n"].tolist() == [4_000] * 5
    assert frame["total"].sum() == sum(i % 7 + 0.25 for i in range(20_000))
    assert frame["top"].tolist() == [19_995, 19_996, 19_997, 19_998, 19_999]
    assert frame["g"].tolist() == [0] * 5
    assert frame["text"].tolist() == ["t;0"] * 5
    assert frame["flag"].all()


@pytest.mark.usefixtures("small_memory")
def test_a_large_parquet_file_is_summed(tmp_path: Path) -> None:
    table = pa.table({"a": range(100_000), "b": ["x", "y"] * 50_000})
    pq.write_table(table, tmp_path / "rows.parquet")
    query = "SELECT b, sum(a) AS total FROM rows GROUP BY b ORDER BY b"
    frame = run(tmp_path, query, rows="rows.parquet").frame
    assert frame["total"].tolist() == [2_499_950_000, 2_500_000_000]


@pytest.mark.usefixtures("small_memory")
def test_a_large_file_that_cannot_be_read_by_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, rows = "SELECT sum(id) AS s FROM rows", "rows.csv"
    (tmp_path / rows).write_bytes(gzip.compress(large().encode()))
    assert "a packed file larger than memory must be named .gz" in refusal(
        tmp_path, query, rows=rows
    )
    (tmp_path / rows).write_bytes(large("1;1;1;\xe9;1;true\n").encode("cp1252"))
    assert "a file larger than memory must be UTF-8" in refusal(
        tmp_path, query, rows=rows
    )
    monkeypatch.setattr("mlkit.sources.views.HEAD", 100_000)
    (tmp_path / rows).write_text(large("oops;1;1;1;1;true\n"))
    assert "Could not convert string 'oops' to INT64" in refusal(
        tmp_path, query, rows=rows
    )
    (tmp_path / rows).write_text(large("1;secret\n"))
    found = refusal(tmp_path, query, rows=rows)
    assert "Expected 6 columns, got 2" in found
    assert "secret" not in found


def test_no_warning_is_left_over(orders: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(run(orders, "FROM orders", orders="orders.csv").frame) == 3
