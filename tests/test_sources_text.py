"""Tables in text files: read cell by cell, or refused with a reason."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fsspec.implementations.local import LocalFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.params.models import Data
from mlkit.sources import SourceError, memory, read_table
from mlkit.sources.delimited import clean, find_separator, parse
from mlkit.sources.names import distinct_names

TABLE = "name,size\nAda,1\nBob,2\n"


def data(**given: Any) -> Data:
    return Data.model_validate({"source": "rows.csv", "target": "y", **given})


def read(path: Path, **given: Any) -> pd.DataFrame:
    return read_table(str(path), data(**given))


def written(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(folder: Path, content: str | bytes, **given: Any) -> str:
    path = written(folder, content)
    with pytest.raises(SourceError) as caught:
        read(path, **given)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def cells(frame: pd.DataFrame) -> list[list[str | None]]:
    return [
        [None if pd.isna(cell) else cell for cell in row]
        for row in frame.itertuples(index=False)
    ]


# What is read.


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path: Path, separator: str) -> None:
    text = TABLE.replace(",", separator)
    frame = read(written(tmp_path, text))
    assert list(frame.columns) == ["name", "size"]
    assert cells(frame) == [["Ada", "1"], ["Bob", "2"]]


def test_the_separator_that_gives_most_columns_is_taken() -> None:
    assert find_separator("f", "a;b;c\n1,5;2;3\n2,5;3;4\n", None) == ";"
    assert find_separator("f", 'a,b\n"x;y",1\n"x;z",2\n', None) == ","
    assert find_separator("f", "a|b\nx, y, z|1\nw|2\n", None) == "|"
    assert find_separator("f", "a;b\nx,y,z;1\nu,v,w;2\n", None) == ";"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_no_last_line_end(tmp_path: Path, end: str) -> None:
    frame = read(written(tmp_path, TABLE.rstrip("\n").replace("\n", end)))
    assert cells(frame) == [["Ada", "1"], ["Bob", "2"]]


def test_every_cell_stays_as_it_is_written(tmp_path: Path) -> None:
    text = "a,b,c\n007,1e5,1.50\nNorth,True,0x1F\n-0,2020-01-01,nan.\n"
    frame = read(written(tmp_path, text))
    assert cells(frame) == [
        ["007", "1e5", "1.50"],
        ["North", "True", "0x1F"],
        ["-0", "2020-01-01", "nan."],
    ]
    assert {str(kind) for kind in frame.dtypes} == {"str"}


def test_missing_markers_are_declared(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n?,NA\n  ,-\n null ,None\n")
    assert cells(read(path)) == [[None, None], [None, "-"], [None, None]]
    assert cells(read(path, missing=["-"])) == [
        ["?", "NA"],
        [None, None],
        ["null", "None"],
    ]


def test_blanks_after_separators_are_skipped_before_quotes_too(tmp_path: Path) -> None:
    text = 'a, b, c\n1,  x y ,"z"\n2, "u, v",  "w ""q"""\n'
    frame = read(written(tmp_path, text))
    assert list(frame.columns) == ["a", "b", "c"]
    assert cells(frame) == [["1", "x y", "z"], ["2", "u, v", 'w "q"']]


def test_a_quote_after_a_blank_quotes_where_no_separator_is_quoted(
    tmp_path: Path,
) -> None:
    text = 'a, b\n1,  "x ""y"""\n2, z\n'
    assert cells(read(written(tmp_path, text))) == [["1", 'x "y"'], ["2", "z"]]


def test_quoted_cells_hold_separators_quotes_and_line_ends(tmp_path: Path) -> None:
    text = 'a,b\n"x, y","line 1\nline 2"\n"say ""hi""",z\n'
    frame = read(written(tmp_path, text))
    assert cells(frame) == [["x, y", "line 1\nline 2"], ['say "hi"', "z"]]


def test_headers_may_be_quoted_and_hold_line_ends(tmp_path: Path) -> None:
    frame = read(written(tmp_path, '"first\nname"," size, cm "\nAda,1\n'))
    assert list(frame.columns) == ["first\nname", "size, cm"]
    assert cells(frame) == [["Ada", "1"]]


def test_blank_lines_are_left_out(tmp_path: Path) -> None:
    frame = read(written(tmp_path, "\n\na,b\n\n1,2\n\n\n3,4\n\n"))
    assert cells(frame) == [["1", "2"], ["3", "4"]]


def test_columns_without_a_name_are_numbered(tmp_path: Path) -> None:
    frame = read(written(tmp_path, ",a, \n0,1,2\n"))
    assert list(frame.columns) == ["column_1", "a", "column_3"]


def test_a_file_without_names_takes_those_given(tmp_path: Path) -> None:
    path = written(tmp_path, "39, ?, x\n50, Private, y\n")
    frame = read(path, header=False, names=["age", "work", "y"])
    assert list(frame.columns) == ["age", "work", "y"]
    assert cells(frame) == [["39", None, "x"], ["50", "Private", "y"]]
    assert list(read(path, header=False).columns) == [
        "column_1",
        "column_2",
        "column_3",
    ]


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32-le", codecs.BOM_UTF32_LE),
        ("cp1252", b""),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, mark: bytes) -> None:
    text = "name,town\nZoë,Köln – Süd\n"
    frame = read(written(tmp_path, mark + text.encode(encoding)))
    assert list(frame.columns) == ["name", "town"]
    assert cells(frame) == [["Zoë", "Köln – Süd"]]


def test_bytes_cp1252_does_not_define_are_latin_1(tmp_path: Path) -> None:
    frame = read(written(tmp_path, b"a,b\n\x81\xe9,1\n"))
    assert cells(frame) == [["\x81é", "1"]]


def test_a_declared_encoding_is_used(tmp_path: Path) -> None:
    path = written(tmp_path, "имя,город\nАда,Омск\n".encode("koi8-r"))
    assert cells(read(path, encoding="koi8-r")) == [["Ада", "Омск"]]
    marked = written(tmp_path, codecs.BOM_UTF8 + TABLE.encode(), "marked.csv")
    assert list(read(marked, encoding="utf-8").columns) == ["name", "size"]


@pytest.mark.parametrize("name", ["rows.csv.gz", "rows.csv", "rows"])
def test_gzip_files_are_known_by_their_content(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, gzip.compress(TABLE.encode()), name)
    assert cells(read(path)) == [["Ada", "1"], ["Bob", "2"]]


def test_several_gzip_parts_are_one_file(tmp_path: Path) -> None:
    parts = gzip.compress(TABLE.encode()) + gzip.compress(b"Eve,3\n")
    assert len(read(written(tmp_path, parts))) == 3


def zipped(*members: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def test_a_zip_archive_of_one_file_is_unpacked(tmp_path: Path) -> None:
    other = (("folder/", b""), ("__MACOSX/._rows.csv", b"x"))
    content = zipped(("folder/rows.csv", TABLE.encode()), *other)
    assert cells(read(written(tmp_path, content))) == [["Ada", "1"], ["Bob", "2"]]


ODD = st.text(alphabet="ab01 ,;|\t\n\"'é\U0001f600?#\\", max_size=6)


@settings(deadline=None)
@given(
    st.lists(st.tuples(ODD, ODD, ODD), min_size=1, max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_what_a_csv_writer_writes_is_read_back(
    rows: list[tuple[str, str, str]], separator: str, end: str, quote_all: bool
) -> None:
    stream = io.StringIO(newline="")
    quoting = csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL
    writer = csv.writer(
        stream, delimiter=separator, lineterminator=end, quoting=quoting
    )
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    given_ = data(separator=separator, missing=["?"])
    table, layout = parse("f", stream.getvalue().encode(), given_)
    assert layout.names == ("a", "b", "c")
    found = clean(table, given_.missing).to_pylist()
    expected = [[cell.strip() for cell in row] for row in rows]
    assert [list(row.values()) for row in found] == [
        [None if cell in ("", "?") else cell for cell in row] for row in expected
    ]


# What is refused.


def test_an_empty_file(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"") == (
        "the file is empty (0 bytes). Check how it was made"
    )
    assert refusal(tmp_path, b"\n \n") == (
        "the file holds no text. Check how it was made"
    )
    assert refusal(tmp_path, "a,b\n") == (
        "the table has columns but no rows. Check how it was made; if its "
        "one line is a row, in a params file: data.header: false and data.names"
    )


def test_a_missing_file(tmp_path: Path) -> None:
    written(tmp_path, TABLE, "customers.csv")
    with pytest.raises(SourceError) as caught:
        read(tmp_path / "custmers.csv")
    assert str(caught.value) == (
        f"{tmp_path}/custmers.csv: there is no such file. The nearest name in that "
        "folder is 'customers.csv'"
    )
    with pytest.raises(SourceError, match=r"holds 1 other file\. Check"):
        read(tmp_path / "zzzzz")
    with pytest.raises(SourceError, match="its folder does not exist either"):
        read(tmp_path / "nowhere" / "a.csv")
    with pytest.raises(SourceError) as relative:
        read_table("rows.csv", data(), root=tmp_path)
    assert str(relative.value).startswith(
        "rows.csv: there is no such file, relative to the workspace root"
    )


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"this is a folder\. Name one file in it"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html>\n<html><p>a,b</p>", "an HTML page, not a table"),
        (b"\xef\xbb\xbf  <!-- x -->\n<HTML>\n1,2", "an HTML page, not a table"),
        (b'<?xml version="1.0"?><a/>', "an XML file, not a table"),
        (b'[{"a": 1, "b": 2}]', "a JSON file"),
        (b'{\n "a": 1}', "a JSON file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"GIF89a\0", "a GIF image"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Word file"),
        (b"SQLite format 3\0", "an SQLite database (in a params file: data.query an"),
        (b"BZh91AY&SY", "packed by bzip2"),
        (gzip.compress(b"<html>", mtime=0), "an HTML page, not a table"),
        (gzip.compress(b"\x89PNG\r\n", mtime=0), "a PNG image"),
    ],
)
def test_what_is_not_a_table(tmp_path: Path, content: bytes, what: str) -> None:
    assert what in refusal(tmp_path, content)


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    assert refusal(tmp_path, b"a,b\n1,\x002\n").startswith(
        "this is not a text file: there is a control character at byte 7"
    )
    marked = codecs.BOM_UTF16_LE + "a,b\n\0".encode("utf-16-le")
    assert "there is a control character" in refusal(tmp_path, marked)


def test_lines_with_too_many_or_too_few_fields(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a,b\n1,2\n\n1,2,3\n") == (
        "every line must have as many fields as the first: the first line has 2, line "
        "4 has 3 (separator ','). Quote values that hold a comma, or correct "
        "data.separator"
    )
    assert refusal(tmp_path, "a,b,c\n1,2,3\n1,2\n").endswith(
        "the first line has 3, line 3 has 2 (separator ','). Correct the line"
    )
    assert refusal(tmp_path, "a,b,c\n1,2,3\ntotal\n").endswith(
        "line 3 has 1 (separator ','). Take it out if it is a comment or a total"
    )


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    text = 'a,b\n"x\ny",1\n"u\nv",2,3\n'
    assert "lines 4 to 5 has 3" in refusal(tmp_path, text)


def test_a_quotation_mark_that_is_never_closed(tmp_path: Path) -> None:
    lines = "".join(f"x{i},{i}\n" for i in range(300))
    found = refusal(tmp_path, f'a,b\n{lines}"oops,1\n{lines}')
    assert "lines 302 to 602 has 1" in found
    assert "A quotation mark in it is probably never closed" in found


def test_a_field_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlkit.sources.delimited.FIELD_LIMIT", 1000)
    lines = "".join(f"x{i},{i}\n" for i in range(300))
    found = refusal(tmp_path, f'a,b\n{lines}"oops,1\n{lines}')
    assert found.startswith("the record that starts in line 302 cannot be read: field")


def test_one_column(tmp_path: Path) -> None:
    assert refusal(tmp_path, "name\nAda\nBob\n") == (
        "the lines are not divided into columns by , ; tab or |; the first is 'name'. "
        "A table needs at least two columns, with one of these separators"
    )
    assert "the first is •••" in refusal(tmp_path, "Ada\nBob\n", sensitive=["name"])


def test_a_wrong_separator(tmp_path: Path) -> None:
    assert refusal(tmp_path, TABLE, separator=";") == (
        "data.separator is ';' (semicolon), which does not divide the lines, while ',' "
        "(comma) gives 2 columns. Correct it, or leave it out"
    )


def test_a_wrong_encoding(tmp_path: Path) -> None:
    content = "name,size\nAda,1\nZoë,2\n".encode("cp1252")
    assert refusal(tmp_path, content, encoding="utf-8") == (
        "the file is not utf-8: the byte 0xeb in line 3 cannot be read. Correct "
        "data.encoding, or leave it out"
    )
    assert refusal(tmp_path, TABLE, encoding="utf-9").startswith(
        "data.encoding 'utf-9' is not an encoding Python knows"
    )
    assert "is not utf-16" in refusal(tmp_path, b"a,b,c", encoding="utf-16")


def test_damaged_gzip_files(tmp_path: Path) -> None:
    whole = gzip.compress(TABLE.encode() * 999)
    for broken in (whole[:-20], whole[:40] + b"\0" * 9 + whole[49:]):
        assert refusal(tmp_path, broken).startswith(
            "the gzip file is damaged or cut short: "
        )


def test_zip_archives_that_are_no_table(tmp_path: Path) -> None:
    two = zipped(("a.csv", b"x"), ("b.csv", b"y"))
    assert refusal(tmp_path, two) == (
        "a zip archive must hold one file, this one holds 2: a.csv, b.csv. Unpack it "
        "and name one of them"
    )
    assert "this one holds 0" in refusal(tmp_path, zipped(("folder/", b"")))
    assert refusal(tmp_path, zipped(("a.csv", TABLE.encode()))[:-9]).startswith(
        "the zip archive is damaged or cut short"
    )


def test_an_archive_with_a_password(tmp_path: Path) -> None:
    content = bytearray(zipped(("a.csv", TABLE.encode())))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "the zip archive cannot be unpacked" in refusal(tmp_path, bytes(content))


def test_repeated_column_names(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a,b,a,a\n1,2,3,4\n") == (
        "column names must be distinct, used more than once: 'a' (columns 1 and 3 and "
        "4). Rename them in the file, or read it by data.query, where the second is "
        "called 'a_1'"
    )


def test_names_are_made_distinct_without_taking_others() -> None:
    assert distinct_names(["a", "a_1", "a", "b", "b"]) == [
        "a",
        "a_1",
        "a_2",
        "b",
        "b_1",
    ]


def test_the_wrong_number_of_names(tmp_path: Path) -> None:
    assert refusal(tmp_path, "1,2,3\n", header=False, names=["a", "y"]) == (
        "data.names has 2 names, the first line 3 fields. Give one name a column, in "
        "order"
    )


def test_names_given_for_a_file_that_has_them(tmp_path: Path) -> None:
    found = refusal(tmp_path, "A,Y\n1,2\n", header=False, names=["a", "y"])
    assert found == (
        "data.header is false, but the first line holds the names ('A', 'Y'). Set "
        "data.header: true and take data.names out"
    )


NAMES = ["y", "name", "size"]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("Ada,1\nBob,2\n", ["name", "size"]),
        ("?,Ada,1\n?,Bob,2\n", NAMES),
        ("name,size\nAda,1\nBob,2\n", ["name", "size"]),
        ("Size,NAME\n1,Ada\n2,Bob\n", ["size", "name"]),
        ("y,name,size\n?,Ada,1\n?,Bob,2\n", NAMES),
    ],
)
def test_rows_to_score_have_the_target_and_the_names_or_not(
    tmp_path: Path, content: str, columns: list[str]
) -> None:
    given_ = data(header=False, names=NAMES)
    frame = read_table(str(written(tmp_path, content)), given_, scoring=True)
    assert list(frame.columns) == columns
    assert frame["name"].tolist() == ["Ada", "Bob"]
    assert frame["size"].tolist() == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "held"),
    [
        ("1,2,3,4\n", "4 fields"),
        ("y,name,length\n?,a,1\n", "3 fields, 2 of them among data.names"),
    ],
)
def test_rows_to_score_of_no_expected_form(
    tmp_path: Path, content: str, held: str
) -> None:
    given_ = data(header=False, names=NAMES)
    path = written(tmp_path, content)
    with pytest.raises(SourceError) as caught:
        read_table(str(path), given_, scoring=True)
    assert str(caught.value) == (
        f"{path}: rows to score must have 3 fields a line, or 2 without 'y', in the "
        "order of data.names, or a first line with exactly these names; the first line "
        f"has {held}. Give the file one of these forms"
    )


def test_a_file_without_names_that_is_said_to_have_them(tmp_path: Path) -> None:
    found = refusal(tmp_path, "39,x,39\n50,y,1\n")
    assert found == (
        "the first line must name the columns, it holds values such as '39', '39'. For "
        "a file without names, in a params file: data.header: false and 3 data.names"
    )
    hidden = refusal(tmp_path, "39,x,39\n50,y,1\n", sensitive=["age"])
    assert "39" not in hidden


# Memory.


def test_a_table_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    text = "a,b\n" + "12345678,12345678\n" * 2_000
    found = refusal(tmp_path, text)
    assert found == (
        "the table is larger than memory: it holds 36.0 kB and needs about 272.3 kB, "
        "while 100.0 kB are free. Take a sample, fewer columns or sums by data.query "
        "over data.files, which DuckDB runs without reading the whole, or use a "
        "machine with more memory"
    )
    packed = refusal(tmp_path, gzip.compress(text.encode()))
    assert "it holds 36.0 kB (estimated from 1" in packed
    archive = refusal(tmp_path, zipped(("a.csv", text.encode())))
    assert "it holds 36.0 kB (stated in the archive)" in archive
    assert len(read(written(tmp_path, "a,b\n1,2\n"))) == 1


def test_unpacking_stops_where_a_stated_size_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 100_000)
    monkeypatch.setattr("mlkit.sources.contents.CHUNK", 1_000)
    text = b"a,b\n" + b"12345678,12345678\n" * 2_000
    lying = gzip.compress(text)[:-4] + (9).to_bytes(4, "little")
    assert "(and more: unpacking stopped there)" in refusal(tmp_path, lying)


def test_short_cells_need_more_memory_a_byte() -> None:
    short = memory.need_of_text(b"1,2,3,4\n" * 100)
    long = memory.need_of_text(b"12345678901234567890,12345678901234567890\n" * 100)
    assert short == pytest.approx(4 + 32 * 4 / 8)
    assert long == pytest.approx(4 + 32 * 2 / 42)


def test_the_limit_of_a_container_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    free = memory.available()
    (tmp_path / "memory.current").write_text("600\n")
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.available() == 400
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == pytest.approx(free, rel=0.5)
    assert free > 1_000


def test_a_folder_that_cannot_be_listed_is_not_called_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError("no right to list")

    monkeypatch.setattr(LocalFileSystem, "ls", refuse)
    with pytest.raises(SourceError, match=r"cannot be listed: .*no right to list"):
        read(tmp_path / "customers.csv")
