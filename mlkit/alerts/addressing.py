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
    """

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = dict(urls)

    def __getitem__(self, name: str) -> str:
        return self._urls[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._urls)

    def __len__(self) -> int:
        return len(self._urls)

    def __repr__(self) -> str:
        return f"Addresses({', '.join(self._urls)})"


def addresses(notify: Notify, root: Path | None = None) -> Addresses:
    """Return the addresses that params name.

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
        A variable is not there, or ``.env`` cannot be read.
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
    absent = [name for name, url in found.items() if not url]
    if absent:
        raise ValueError(_absent(absent, [*written, *os.environ], FILE))
    return Addresses(found)


def _absent(names: list[str], known: list[str], file: str) -> str:
    from mlkit.data.wording import nearest

    lines = []
    for name in names:
        near = nearest(name, [other for other in known if other not in names])
        hint = f" Did you mean {near}?" if near else ""
        lines.append(
            f"notify.urls {name}: neither the environment nor {file} of the workspace "
            f"gives it a value.{hint}"
        )
    return (
        "\n".join(lines)
        + f"\nGive each the Apprise URL of who is to be told, such as {EXAMPLE}, or "
        "take it out of notify.urls"
    )
