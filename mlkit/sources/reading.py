"""From the params of a case to its raw tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from mlkit import synthetic
from mlkit.data.wording import counted, nearest
from mlkit.params.models import Data, Params
from mlkit.sources.arrow import to_frame
from mlkit.sources.bundled import read_bundled, require_bundled
from mlkit.sources.connections import find_connection
from mlkit.sources.contents import is_parquet, read_text
from mlkit.sources.databases import read_database
from mlkit.sources.delimited import WORDS, clean, parse
from mlkit.sources.errors import SourceError
from mlkit.sources.names import no_rows, refuse_repeated
from mlkit.sources.only import keep_only
from mlkit.sources.parquet import read_parquet
from mlkit.sources.places import Place, find_place, measure
from mlkit.sources.queries import run_query
from mlkit.sources.views import make_view

BUNDLED, SYNTHETIC = "sklearn:", "synthetic:"


@dataclass(frozen=True, eq=False)
class Raw:
    """What was read.

    Attributes
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Every cell of a text file is text without outer blanks, or missing; other
        sources keep their types.
    test : DataFrame or None
        Rows of the test file.
    origin : str
        One sentence that says where the rows come from and how they were read.
    """

    frame: pd.DataFrame = field(repr=False)
    test: pd.DataFrame | None = field(repr=False)
    origin: str


def read(params: Params, *, root: Path | None = None) -> Raw:
    """Return the tables of a case, of which ``data.only`` keeps some rows.

    Parameters
    ----------
    params : Params
        ``data`` says what to read; ``seed`` drives a synthetic source.
    root : Path, optional
        Where relative paths start; None takes the workspace root.

    Raises
    ------
    SourceError
        A table cannot be read.
    """
    frame, origin = _read_source(params, root)
    only = params.data.only
    kept = keep_only(frame, only, origin)
    if only:
        chosen = ", ".join(f"{column} {value}" for column, value in only.items())
        origin += f", of which {counted(len(kept), 'row')} with {chosen}"
    if params.data.test is None:
        return Raw(kept, None, origin)
    target = params.data.target
    test, test_origin = _read_any(params.data.test, params.data, root, target=target)
    origin = f"{origin}; test rows from {test_origin}"
    return Raw(kept, keep_only(test, only, test_origin), origin)


def read_table(
    path_or_uri: str,
    data: Data,
    *,
    root: Path | None = None,
    scoring: bool = False,
    every_row: bool = False,
) -> pd.DataFrame:
    """Return one table, read as the source of a case is read.

    Parameters
    ----------
    path_or_uri : str
        A CSV, TSV or Parquet file, or ``sklearn:<name>``.
    data : Data
        ``separator``, ``encoding``, ``header``, ``names``, ``missing`` and ``only``
        are heeded.
    root : Path, optional
        Where a relative path starts; None takes the workspace root.
    scoring : bool
        Whether the rows are to be scored: where ``header`` is false, the file may lack
        the target, and may begin with a line of the names.
    every_row : bool
        Whether rows that ``only`` would leave out are kept.

    Raises
    ------
    SourceError
        The table cannot be read.
    """
    frame, origin = _read_any(path_or_uri, data, root, scoring=scoring)
    return frame if every_row else keep_only(frame, data.only, origin)


def check_source(params: Params, root: Path | None = None) -> None:
    """Raise when a table of a case does not exist; nothing of it is read.

    Raises
    ------
    SourceError
        A file is absent, empty or a folder, a bundled or synthetic name is unknown, or
        a generator's option is; or a connection has no URL, or no driver for it.
    """
    data = params.data
    if data.query is None and data.source is None:
        raise SourceError(
            "data.source: neither a source nor a query is given. Name a file, "
            "sklearn:<name> or synthetic:<domain>"
        )
    if data.connection is not None:
        find_connection(data.connection, root)
    sources = [data.source, data.test, *data.files.values()]
    for source in sources:
        if source is None:
            continue
        if source.startswith(BUNDLED):
            require_bundled(source.removeprefix(BUNDLED))
        elif source.startswith(SYNTHETIC):
            _require_domain(source.removeprefix(SYNTHETIC), data)
        else:
            measure(find_place(source, root))


def _read_source(params: Params, root: Path | None) -> tuple[pd.DataFrame, str]:
    check_source(params, root)
    data = params.data
    if data.query is not None and data.connection is not None:
        connection = find_connection(data.connection, root)
        hide = bool(data.sensitive)
        frame = read_database(data.query, connection, missing=data.missing, hide=hide)
        rows = counted(len(frame), "row")
        return frame, f"a query over connection {data.connection} ({rows})"
    if data.query is not None:
        places = {name: find_place(path, root) for name, path in data.files.items()}
        views = {name: make_view(place, data) for name, place in places.items()}
        frame = run_query(data.query, views, hide=bool(data.sensitive))
        files = ", ".join(map(str, places.values()))
        return frame, f"a query over {files} ({counted(len(frame), 'row')})"
    source = str(data.source)
    if source.startswith(SYNTHETIC):
        frame = _generate(source, params)
        return frame, f"{source}, seed {params.seed} ({counted(len(frame), 'row')})"
    return _read_any(source, data, root, target=data.target)


def _read_any(
    source: str,
    data: Data,
    root: Path | None,
    *,
    target: str | None = None,
    scoring: bool = False,
) -> tuple[pd.DataFrame, str]:
    if source.startswith(BUNDLED):
        frame = read_bundled(source.removeprefix(BUNDLED))
        return frame, f"{source} ({counted(len(frame), 'row')})"
    place = find_place(source, root)
    measure(place)
    if is_parquet(place):
        table, words = read_parquet(place), "Parquet"
        refuse_repeated(str(place), table.column_names)
    else:
        table, words = _read_text(place, data, target, scoring=scoring)
    frame = to_frame(str(place), clean(table, data.missing))
    if not len(frame):
        raise SourceError(no_rows(str(place), header=words != "Parquet"))
    return frame, f"{place} ({words}, {counted(len(frame), 'row')})"


def _read_text(
    place: Place, data: Data, target: str | None, *, scoring: bool
) -> tuple[Any, str]:
    text, encoding = read_text(place, data.encoding)
    table, layout = parse(str(place), text, data, target=target, scoring=scoring)
    refuse_repeated(str(place), layout.names)
    words = f"{encoding}, separator {WORDS[layout.separator]}"
    return table.rename_columns(list(layout.names)), words


def _generate(source: str, params: Params) -> pd.DataFrame:
    domain = source.removeprefix(SYNTHETIC)
    try:
        return synthetic.generate(domain, params.data.options, params.seed)
    except ValueError as error:
        raise SourceError(f"{source}: {error}") from error


def _require_domain(name: str, data: Data) -> None:
    if name in synthetic.DOMAINS:
        try:
            synthetic.check_options(name, data.options)
        except ValueError as error:
            raise SourceError(f"{SYNTHETIC}{name}: {error}") from error
        return
    near = nearest(name, synthetic.DOMAINS)
    hint = f"Did you mean synthetic:{near}? " if near else ""
    raise SourceError(
        f"synthetic:{name}: there is no generator of this name. {hint}There are: "
        f"{', '.join(synthetic.DOMAINS)}"
    )
