"""Files that are no tables: recognised by how they begin, refused with what to do."""

from __future__ import annotations

import re
from collections.abc import Collection

from mlkit.sources.errors import SourceError
from mlkit.sources.places import Place

EXCEL = (
    "Save the sheet as CSV (in Excel: CSV UTF-8), or turn it into Parquet in Python: "
    "pandas.read_excel('table.xlsx').to_parquet('table.parquet')"
)
FOREIGN = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file (save the sheet as CSV)"),
    (b"SQLite format 3", "an SQLite database (in a params file: data.query and "
     "data.connection)"),
    (b"\x89HDF", "an HDF5 file (save the table as Parquet)"),
    (b"ARROW1", "an Arrow file (save the table as Parquet)"),
    (b"Obj\x01", "an Avro file (save the table as Parquet)"),
    (b"\x93NUMPY", "a NumPy array (save it as CSV or Parquet, with names)"),
    (b"\x80\x04\x95", "a pickle, which may run code when it is opened (save the table "
     "as Parquet where you trust it)"),
    (b"\x80\x05\x95", "a pickle, which may run code when it is opened (save the table "
     "as Parquet where you trust it)"),
    (b"BZh91AY", "one packed by bzip2 (unpack it, or pack it by gzip)"),
    (b"\xfd7zXZ", "one packed by xz (unpack it, or pack it by gzip)"),
    (b"\x28\xb5\x2f\xfd", "one packed by zstd (unpack it, or pack it by gzip)"),
    (b"7z\xbc\xaf", "a 7z archive (unpack it)"),
    (b"Rar!", "a RAR archive (unpack it)"),
    (b"\x7fELF", "a program"),
)  # fmt: skip
MARKUP = (
    (
        r"(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|title|meta|script|style|table"
        r"|div|svg|p)\b",
        "an HTML page, not a table",
    ),
    (r"<\?xml\b", "an XML file, not a table"),
    (r'(\{\s*"|\[\s*[\[{])', "a JSON file: save the table as CSV or Parquet"),
)
# What only the documents of an office program hold: they are zip archives.
OFFICE = (
    ("xl/workbook.xml", f"an Excel file. {EXCEL}"),
    ("xl/workbook.bin", f"a binary Excel file. {EXCEL}"),
    ("word/document.xml", "a Word document. Save its table as CSV"),
    ("[Content_Types].xml", "an Office document. Save its table as CSV"),
    ("content.xml", "an OpenDocument file. Save the sheet as CSV"),
    ("Index/Document.iwa", "a file of Apple Numbers or Pages. Export its table as CSV"),
)


def refuse_foreign(place: Place, head: bytes) -> None:
    """Raise when a file begins like one that is no table."""
    for magic, what in FOREIGN:
        if head.startswith(magic):
            raise SourceError(
                f"{place}: this is not a CSV, TSV or Parquet file but {what}. Check "
                "which file this is"
            )


def refuse_markup(place: Place, head: bytes) -> None:
    """Raise when a text is HTML, XML or JSON."""
    text = head.decode("utf-8", "replace").lstrip()
    for pattern, what in MARKUP:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            raise SourceError(f"{place}: this is {what}. Check which file this is")


def refuse_office(place: Place, names: Collection[str]) -> None:
    """Raise when an archive is the document of an office program."""
    for name, what in OFFICE:
        if name in names:
            raise SourceError(f"{place}: this is {what}")
