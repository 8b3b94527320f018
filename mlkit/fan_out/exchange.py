"""A workspace behind an address: what workers without its folder fetch and put back.

The head puts what a unit reads there; a worker fetches it into a scratch folder,
retrains there, and puts back its run, as it goes on, and what it added to the registry.
The head fetches both. Entries of a registry's log are only ever created: if another
writer was first, that is a conflict, and nothing of either is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.fan_out.errors import WorkspaceError
from mlkit.registry import ConflictError

RECORD = "run.json"


class Exchange:
    """A place that the head and all workers reach, by an fsspec URI."""

    def __init__(self, uri: str) -> None:
        from fsspec.core import url_to_fs

        self.uri = uri.rstrip("/")
        try:
            self.system, self.base = url_to_fs(self.uri)
        except (ImportError, ValueError) as error:
            raise WorkspaceError(
                f"--workspace {uri}: must be an address that fsspec knows, such as "
                f"s3://bucket/workspace: {error}; install the package that it names, "
                "or use another place"
            ) from error

    def check(self) -> None:
        """Refuse a place that can not be written to.

        Raises
        ------
        WorkspaceError
            With what the place says.
        """
        try:
            self.put("mlkit.json", store.canonical_json({"format": 1}))
        except Exception as error:
            raise WorkspaceError(
                f"--workspace {self.uri}: the head and every worker must be able to "
                f"write there: {type(error).__name__}: {error}; check the address and "
                "the rights"
            ) from error

    def _path(self, name: str) -> str:
        return f"{self.base.rstrip('/')}/{name}"

    def names(self, below: str) -> list[str]:
        """Return the names of all files below a folder, from the workspace on."""
        self.system.invalidate_cache()
        try:
            found = self.system.find(self._path(below))
        except FileNotFoundError:
            return []
        start = len(self.base.rstrip("/")) + 1
        return sorted(path[start:] for path in found)

    def folders(self, below: str) -> list[str]:
        """Return the names of the folders in a folder."""
        self.system.invalidate_cache()
        try:
            listed = self.system.ls(self._path(below), detail=True)
        except FileNotFoundError:
            return []
        folders = [each["name"] for each in listed if each["type"] == "directory"]
        return sorted(str(name).rstrip("/").rpartition("/")[2] for name in folders)

    def get(self, name: str) -> bytes:
        """Return the content of a file."""
        content: bytes = self.system.cat_file(self._path(name))
        return content

    def put(self, name: str, content: bytes) -> None:
        """Write a file; the last writer wins."""
        if self._is_local:
            store.write_atomic(self._path(name), content)
        else:
            self.system.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file if its name is free; return whether it was."""
        if self._is_local:
            return store.create_if_absent(self._path(name), content)
        try:
            self.system.pipe_file(self._path(name), content, mode="create")
        except FileExistsError:
            return False
        return True

    @property
    def _is_local(self) -> bool:
        protocol = self.system.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)


def upload(root: Path, names: Iterable[str], exchange: Exchange) -> None:
    """Put files of a workspace into the exchange."""
    for name in names:
        exchange.put(name, (root / name).read_bytes())


def download(root: Path, names: Iterable[str], exchange: Exchange) -> None:
    """Fetch files of a workspace from the exchange."""
    for name in names:
        store.write_atomic(root / name, exchange.get(name))


def upload_run(root: Path, case: str, run: str, exchange: Exchange) -> None:
    """Put what there is of a run into the exchange, its record last."""
    folder = root / "reports" / case / run
    record = (folder / RECORD).read_bytes()
    names = [name for name in _files(folder, root) if not name.endswith(f"/{RECORD}")]
    upload(root, names, exchange)
    exchange.put(f"reports/{case}/{run}/{RECORD}", record)


def download_run(root: Path, case: str, run: str, exchange: Exchange) -> None:
    """Fetch a run from the exchange, its record last."""
    names = exchange.names(f"reports/{case}/{run}")
    names.sort(key=lambda name: name.endswith(f"/{RECORD}"))
    download(root, names, exchange)


def _files(folder: Path, root: Path) -> list[str]:
    """Return the files below a folder that are whole, from the workspace on."""
    found = (p for p in folder.rglob("*") if p.is_file() and not _hidden(p, root))
    return sorted(path.relative_to(root).as_posix() for path in found)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def upload_registry(root: Path, model: str, exchange: Exchange) -> None:
    """Put what a registry has and the exchange has not there.

    Raises
    ------
    ConflictError
        If the exchange has another entry of the log under the same number.
    """
    known = set(exchange.names(f"registry/{model}"))
    for name in _objects(_files(root / "registry" / model, root), model):
        content = (root / name).read_bytes()
        if name in known and "/blobs/" in name:
            continue
        if not exchange.create(name, content) and exchange.get(name) != content:
            raise _lost(model, name, exchange.uri)


def download_registry(root: Path, model: str, exchange: Exchange) -> None:
    """Fetch what the exchange has of a registry and the workspace has not.

    Raises
    ------
    ConflictError
        If the workspace has another entry of the log under the same number.
    """
    for name in _objects(exchange.names(f"registry/{model}"), model):
        path = root / name
        if path.exists() and "/blobs/" in name:
            continue
        content = exchange.get(name)
        if not store.create_if_absent(path, content) and path.read_bytes() != content:
            raise _lost(model, name, exchange.uri)


def _objects(names: Iterable[str], model: str) -> Iterator[str]:
    """Yield what is no cache, what an entry of the log names before the entry."""
    names = sorted(names)
    for part in ("blobs", "log"):
        start = f"registry/{model}/{part}/"
        yield from (name for name in names if name.startswith(start))


def _lost(model: str, name: str, uri: str) -> ConflictError:
    return ConflictError(
        f"the registry of {model!r} and {uri} went different ways: another writer "
        f"was first with {name.rpartition('/')[2]}; compare both with `mlkit registry "
        "history`, keep one, and run it again"
    )


def scalars(value: Any) -> Iterator[str]:
    """Yield every text in nested plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from scalars(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from scalars(each)
