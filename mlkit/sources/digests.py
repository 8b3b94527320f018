"""What the rows of a case are read from, known by its content without reading it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from mlkit import store
from mlkit.params import Params

BUNDLED, SYNTHETIC = "sklearn:", "synthetic:"
# What the params, their seed and the versions of packages tell in full.
MADE = "made by its name, its options and the seed"
# What a query may ask that its files do not answer the same tomorrow.
FLEETING = re.compile(
    r"\b(?:random|setseed|uuid|gen_random_uuid|now|today|current_\w+|localtime\w*|"
    r"get_current_\w+|transaction_timestamp|using\s+sample|tablesample)\b",
    re.IGNORECASE,
)


def content_digests(params: Params, root: Path) -> dict[str, str] | None:
    """Return the SHA-256 of each file that the rows of a case are read from.

    Parameters
    ----------
    params : Params
        The params of the case.
    root : Path
        Where relative paths start.

    Returns
    -------
    dict of str to str, or None
        File, as the params name it, to SHA-256. A table that is made up or comes with
        scikit-learn is known by its name. None where the content cannot be told without
        reading rows: a query to a database or for what depends on the day or on
        chance, an address, a file that cannot be read.
    """
    data = params.data
    if data.connection is not None or FLEETING.search(data.query or ""):
        return None
    return _digests([data.source, data.test, *data.files.values()], root)


def current_digests(params: Params, root: Path) -> dict[str, str] | None:
    """Return the SHA-256 of the file of current rows, as `content_digests` does."""
    return _digests([params.drift.current], root)


def _digests(named: Iterable[str | None], root: Path) -> dict[str, str] | None:
    found = {}
    for source in named:
        if source is None:
            continue
        made = source.startswith((BUNDLED, SYNTHETIC))
        digest = MADE if made else _file_digest(store.resolve(source, root))
        if digest is None:
            return None
        found[source] = digest
    return found


def _file_digest(path: str) -> str | None:
    if "://" in path:
        return None
    try:
        found = Path(path).stat()
        return _sha256(path, found.st_ino, found.st_size, found.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=256)
def _sha256(path: str, inode: int, size: int, changed: int) -> str:
    """Return a file's SHA-256; a run asks for it once a step."""
    return store.sha256_file(path)
