"""Addresses by name: they are in the environment or in ``.env``, and never shown."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mlkit import store
from mlkit.params.monitor_section import Notify

EXAMPLE = "mailto://user:password@example.com or slack://token-a/token-b/token-c"


class Addresses(Mapping[str, str]):
    """Apprise URLs by the name of the variable that holds them.

    Printed, it shows the names alone.

    Attributes
    ----------
    problems : mapping of str to str
        Variables that hold nothing, and what to do about each.
    """

    def __init__(
        self, urls: Mapping[str, str], problems: Mapping[str, str] | None = None
    ) -> None:
        self._urls = dict(urls)
        self.problems = dict(problems or {})

    def __getitem__(self, name: str) -> str:
        return self._urls[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def __len__(self) -> int:
        return len(self._urls)

    def __repr__(self) -> str:
        return f"Addresses({', '.join(self._urls)})"


def addresses(notify: Notify, root: Path | None = None) -> Addresses:
    """Return the addresses that params name, and which of them are not there.

    One that is missing keeps nobody else from being told: :func:`send` says so.

    Parameters
    ----------
    notify : Notify
        Its `urls` are environment variables, or lines of the workspace's ``.env``. The
        environment comes first; an empty value is none.
    root : Path, optional
        The workspace; None finds it.

    Raises
    ------
    ValueError
        ``.env`` cannot be read.
    """
    from mlkit.sources.connections import FILE, written_lines

    if not notify.urls:
        return Addresses({})
    folder = store.workspace_root() if root is None else root
    written = written_lines(folder / FILE)
    found = {
        name: (os.environ.get(name) or written.get(name) or "").strip()
        for name in notify.urls
    }
    problems = {
        name: _absent(name, [*written, *os.environ], FILE)
        for name, url in found.items()
        if not url
    }
    return Addresses({name: url for name, url in found.items() if url}, problems)


def _absent(name: str, known: list[str], file: str) -> str:
    from mlkit.data.wording import nearest

    near = nearest(name, [other for other in known if other != name])
    hint = f" Did you mean {near}?" if near else ""
    return (
        f"notify.urls {name}: neither the environment nor {file} of the workspace "
        f"gives it a value.{hint} Give it the Apprise URL of who is to be told, such "
        f"as {EXAMPLE}, or take it out of notify.urls"
    )
