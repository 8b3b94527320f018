"""Sensitive columns: what the log keeps in place of their values.

A *hash* is BLAKE2b with a key of the log, so that equal values stay equal (counts,
drift and joins work) and nobody without the key can try values out. The key is made
once, in a folder that only its owner can open.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import orjson

from mlkit import store

Hide = Literal["hash", "drop"]

MASK = "•••"
KEY = Path(".keys") / "hash.key"
KEY_BYTES = 32
DIGEST_BYTES = 16
# Shorter words say nothing, and masking them would make a message illegible.
SHORTEST_WORD = 3


class Hiding:
    """What is done with sensitive columns.

    Parameters
    ----------
    storage_path : Path
        The folder of the log, where the key is.
    columns : iterable of str
        Columns whose values the log never holds in clear.
    hide : {"hash", "drop"}
        Keep a keyed hash, or nothing.

    Raises
    ------
    ValueError
        `hide` is another word, or the key is damaged.
    PermissionError
        Others than its owner may read the key.
    """

    def __init__(self, storage_path: Path, columns: Iterable[str], hide: str) -> None:
        if hide not in ("hash", "drop"):
            raise ValueError(f"hide must be 'hash' or 'drop', got {hide!r}")
        if isinstance(columns, str):
            raise TypeError(f"sensitive must be a list of columns, got {columns!r}")
        self.columns = tuple(dict.fromkeys(map(str, columns)))
        self._key = b""
        if self.columns and hide == "hash":
            self._key = find_key(storage_path)

    def hide(self, features: dict[str, Any]) -> dict[str, Any]:
        """Hash or drop the sensitive columns of plain features, in place."""
        for name in self.columns:
            if name not in features:
                continue
            if not self._key:
                del features[name]
            elif features[name] is not None:
                features[name] = self._hash(features[name])
        return features

    def _hash(self, value: Any) -> str:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else (
            repr(value).encode() if isinstance(value, int) else
            orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        )  # fmt: skip
        kind = b"text:" if isinstance(value, str) else b"data:"
        return hashlib.blake2b(
            kind + text, key=self._key, digest_size=DIGEST_BYTES
        ).hexdigest()

    def clean(self, error: object, features: dict[str, Any] | None) -> str:
        """Return an error's text without anything of a sensitive value.

        Where the features are not at hand nothing can be told apart, and only the
        error's type is kept.

        Parameters
        ----------
        error : BaseException or str
            What went wrong.
        features : dict or None
            The plain features before they were hidden.
        """
        raised = isinstance(error, BaseException)
        name = type(error).__name__ if raised else ""
        said = str(error)
        if self.columns and features is None:
            return f"{name}: {MASK}" if name else MASK
        for column in self.columns:
            said = _mask(said, (features or {}).get(column))
        said = said.encode("utf-8", "replace").decode()
        return f"{name}: {said}".removesuffix(": ") if name else said


def _mask(said: str, value: Any) -> str:
    if value is None or isinstance(value, bool):
        return said
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            said = _mask(said, item)
        return said
    whole = str(value)
    forms = {whole, repr(value), whole.encode("unicode_escape").decode()}
    if isinstance(value, float) and value.is_integer():
        forms.add(str(int(value)))
    words = {word for word in re.findall(r"\w+", whole) if len(word) >= SHORTEST_WORD}
    for form in sorted(forms | words, key=len, reverse=True):
        if form.strip():
            pattern = rf"(?<!\w){re.escape(form)}(?!\w)"
            said = re.sub(pattern, MASK, said, flags=re.IGNORECASE)
            if len(form) >= SHORTEST_WORD:
                said = re.sub(re.escape(form), MASK, said, flags=re.IGNORECASE)
    return said


def find_key(storage_path: Path) -> bytes:
    """Return the key of a log; the first who asks makes it.

    Raises
    ------
    ValueError
        When the file does not hold a key.
    PermissionError
        When others than its owner may read it.
    """
    path = storage_path / KEY
    if not path.exists():
        store.make_folder(path.parent)
        # The folder keeps others out before the key is there to be read.
        path.parent.chmod(0o700)
        store.create_if_absent(path, secrets.token_bytes(KEY_BYTES))
        path.chmod(0o600)
    mode = path.stat().st_mode & 0o777
    if os.name == "posix" and mode & 0o077:
        if path.parent.stat().st_mode & 0o077:
            raise PermissionError(
                f"{path}: the key of sensitive columns must be readable by its owner "
                f"only, its mode is {mode:o}; run chmod 600 on it"
            )
        path.chmod(0o600)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{path}: a key has {KEY_BYTES} bytes, this file has {len(key)}; "
            "restore it from a copy, or remove it: hashes before and after then differ"
        )
    return key
