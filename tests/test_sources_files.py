"""Files as people send them: odd ones are read rightly, others refused with advice."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import os
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.params.models import Data
from mlkit.sources import SourceError, check_source, look, read_table
from mlkit.sources.delimited import find_separator
from tests.test_sources_sql import case

TABLE = "name;size;n\nZoë;1,5;1\nBob;2,5;-2\nEve;0,25;3\n"


def data(**keys: object) -> Data:
    return Data.model_validate({"source": "rows.csv", "target": "y", **keys})


def written(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    """Return why a file is refused, which is the same for reading and for looking."""
    messages = set()
    for read in (lambda: read_table(str(path), data()), lambda: look(path)):
        with pytest.raises(SourceError) as caught:
            read()
        messages.add(str(caught.value))
    (message,) = messages
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return stream.getvalue()


# Encodings.


@pytest.mark.parametrize(
    ("encoding", "content", "found"),
    [
        ("utf-16", TABLE.encode("utf-16"), "utf-16"),
        ("without its mark", TABLE.encode("utf-16-le"), "utf-16-le"),
        ("and the other way", TABLE.encode("utf-16-be"), "utf-16-be"),
        ("utf-32", TABLE.encode("utf-32"), "utf-32"),
        ("utf-8", TABLE.encode(), "utf-8"),
        ("with a mark", codecs.BOM_UTF8 + TABLE.encode(), "utf-8"),
        ("latin-1", TABLE.encode("latin-1"), "cp1252"),
        ("cp1252", TABLE.replace("Bob", "B“b").encode("cp1252"), "cp1252"),
        ("packed", gzip.compress(TABLE.encode("utf-16-le"), mtime=0), "utf-16-le"),
        ("from DOS", TABLE.encode() + b"\x1a", "utf-8"),
    ],
)
def test_every_usual_encoding_is_read(
    tmp_path: Path, encoding: str, content: bytes, found: str
) -> None:
    seen = look(written(tmp_path, content))
    assert (seen.encoding, seen.separator, seen.names) == (
        *(found, ";"), ("name", "size", "n"),
    )  # fmt: skip
    frame = read_table(str(tmp_path / "rows.csv"), data())
    assert frame["name"].tolist() == ["Zoë", frame["name"][1], "Eve"]
    assert frame["size"].tolist() == ["1,5", "2,5", "0,25"]


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(
        st.text(st.characters(codec="utf-16", exclude_categories=["C", "Z"],
                              exclude_characters='";,|'), min_size=1, max_size=6),
        min_size=2, max_size=9,
    ),
    order=st.sampled_from(["utf-16-le", "utf-16-be"]),
)  # fmt: skip
def test_utf_16_without_a_mark_is_told_by_its_lines(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str], order: str
) -> None:
    text = "".join(f"{cell};x\n" for cell in ["name", *cells])
    path = written(tmp_path_factory.mktemp("utf16"), text.encode(order))
    found = read_table(str(path), data(missing=[]))
    assert found["name"].tolist() == cells


def test_a_file_that_is_utf_8_but_for_a_byte(tmp_path: Path) -> None:
    lines = b"".join("Zoë;2\n".encode() for _ in range(40))
    path = written(tmp_path, b"name;n\n" + lines + b"Zo\xeb;3\n")
    assert refusal(path) == (
        "the file is UTF-8 except for 1 of its 41 special characters, the first in "
        "line 42: the byte 0xeb. Correct the file, or in a params file: "
        "data.encoding: cp1252"
    )
    assert read_table(str(path), data(encoding="cp1252"))["name"][40] == "Zoë"


@pytest.mark.parametrize(
    ("content", "byte"),
    [
        (b"a,b\n1,2\n3,\x004\n", 11),
        (b"a,b\n1,2\n" + b"\0" * 500, 9),
        (b"a,b\n1,\x012\n", 7),
        (bytes(range(256)) * 9, 1),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, content: bytes, byte: int) -> None:
    assert refusal(written(tmp_path, content)) == (
        f"this is not a text file: there is a control character at byte {byte}. Check "
        "which file this is; tables are read from CSV, TSV or Parquet"
    )


# Separators.


@pytest.mark.parametrize("rows", [2, 300])
@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("header", [True, False])
def test_decimal_commas_do_not_separate(
    tmp_path: Path, rows: int, separator: str, header: bool
) -> None:
    names = [separator.join("abc") + "\n"] if header else []
    lines = [separator.join((f"{k},5", f"-0,{k}", str(k))) + "\n" for k in range(rows)]
    found = look(written(tmp_path, "".join(names + lines)))
    assert (found.separator, found.header, found.rows) == (separator, header, rows)
    assert found.sample.iloc[1].tolist() == ["1,5", "-0,1", "1"]


def test_commas_that_separate_stay_separators() -> None:
    lists = "a,b\n" + "".join(f"{k},x;y;z\n" for k in range(9))
    assert find_separator("f", lists, None) == ","
    assert find_separator("f", "a,b,c\n" + "1,2,3\n" * 9, None) == ","
    title = "a;b;c\n" + "1,x;2,y;3,z\n" * 9
    assert find_separator("f", title, None) == ";"


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=,"])
def test_a_line_that_tells_excel_the_separator(tmp_path: Path, line: str) -> None:
    frame = read_table(str(written(tmp_path, f"{line}\r\n{TABLE}")), data())
    assert list(frame.columns) == ["name", "size", "n"]
    assert len(frame) == 3


def test_three_thousand_columns(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(30, 3_000)).round(2)
    frame = pd.DataFrame(numbers).rename(columns=lambda place: f"c{place}")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    start = time.process_time()
    found = look(tmp_path / "rows.csv")
    assert time.process_time() - start < 20
    assert (found.header, len(found.names), found.rows) == (True, 3_000, 30)
    read = read_table(str(tmp_path / "rows.csv"), data())
    assert np.array_equal(read.astype(float).to_numpy(), numbers)


def test_a_table_of_one_row(tmp_path: Path) -> None:
    frame = read_table(str(written(tmp_path, "a,b\n1,2\n")), data())
    assert frame.to_dict("list") == {"a": ["1"], "b": ["2"]}


# What is refused.

EXCEL = (
    "this is an Excel file. Save the sheet as CSV (in Excel: CSV UTF-8), or turn it "
    "into Parquet in Python: "
    "pandas.read_excel('table.xlsx').to_parquet('table.parquet')"
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), EXCEL),
        (zipped("[Content_Types].xml", "xl/workbook.bin"), "this is a binary Excel fi"),
        (zipped("[Content_Types].xml", "word/document.xml"), "this is a Word document."
         " Save its table as CSV"),
        (zipped("[Content_Types].xml", "ppt/presentation.xml"), "an Office document"),
        (zipped("mimetype", "content.xml"), "this is an OpenDocument file. Save the"),
        (zipped("Index/Document.iwa", "preview.jpg"), "Apple Numbers or Pages. Export"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file (save the "
         "sheet as CSV)"),
        (b"<!DOCTYPE html><html><body>1,2", "this is an HTML page, not a table. Check"),
        (b"<table><tr><td>a</td>", "this is an HTML page, not a table. Check which"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"II*\0\x08\0", "a TIFF image"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"{\\rtf1\\ansi a,b", "an RTF document"),
        (b"\x80\x04\x95\x10\0", "a pickle, which may run code when it is opened"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"SQLite format 3\0", "an SQLite database (in a params file: data.query and"),
        (b"", "the file is empty (0 bytes). Check how it was made"),
        (b"\n  \n", "the file holds no text. Check how it was made"),
        (b"a,b,c", "the table has columns but no rows. Check how it was made; if its "
         "one line is a row, in a params file: data.header: false and data.names"),
        (b"a\n1\n2\n", "A table needs at least two columns, with one of these separat"),
        (b"a b\n1 2\n", "the lines are not divided into columns by , ; tab or |"),
    ],
)  # fmt: skip
def test_what_is_no_table(tmp_path: Path, content: bytes, says: str) -> None:
    assert says in refusal(written(tmp_path, content))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,b,c\n1,2,3\n4,5\n", "line 3 has 2 (separator ','). Correct the line"),
        ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3 has 4 (separator ','). Quote values that "
         "hold a comma, or correct data.separator"),
        ("Sales in May\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", "the first line has 1, line "
         "3 has 3 (separator ','). Take the first line out if it is a title or a co"
         "mment"),
        ("# made by x\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", "if it is a title or a comment"),
        ("a,b\n1,2\n3,4\nTotal\n", "line 4 has 1 (separator ','). Take it out if it is "
         "a comment or a total"),
        ('"x";"y"\n"1";2;3\n"2";3;4\n', "Either the first line lacks a name, such as "
         "that of the row numbers, or the others end in a semicolon too many"),
        ('a,b\n"x,1\ny,2\nz,3\n', "lines 2 to 4 has 1 (separator ','). A quotation "
         "mark in it is probably never closed"),
    ],
)  # fmt: skip
def test_ragged_lines_are_named(tmp_path: Path, content: str, says: str) -> None:
    found = refusal(written(tmp_path, content))
    assert found.startswith("every line must have as many fields as the first: ")
    assert found.endswith(says)


@contextlib.contextmanager
def someone_else() -> Iterator[None]:
    """Be another user for a while, where this process may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read() -> None:
    # A folder of pytest's own is closed to the other user.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = written(Path(folder), TABLE)
        path.chmod(0)
        with someone_else():
            found = refusal(path)
    assert found.startswith("the file may not be read: ")
    assert "Permission denied" in found
    assert found.endswith(
        "Give the user who runs mlkit the right to read it, or use a copy"
    )


def test_a_folder_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "this is a folder. Name one file in it"
    written(tmp_path, TABLE, "customers.csv")
    assert refusal(tmp_path / "custmers.csv") == (
        "there is no such file. The nearest name in that folder is 'customers.csv'"
    )
    with pytest.raises(SourceError, match="nearest name in that folder is 'cust"):
        check_source(case(connection=None, files={"t": "customer.csv"}), tmp_path)
