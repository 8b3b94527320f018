"""Names of segments: of models, folders and files, each a function of its value."""

from __future__ import annotations

import hashlib
import re
import unicodedata

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
LONGEST = 48
DIGITS = 8


def segment_name(value: str) -> str:
    """Return a name for a value, the same whatever other values there are.

    A value that can name a file stays as it is; any other one gets a digest, so that
    two values never share a name.

    Examples
    --------
    >>> segment_name("north"), segment_name("New York"), segment_name("1.5")
    ('north', 'New-York-815eca97', '1.5')
    """
    if len(value) <= LONGEST and SAFE.fullmatch(value):
        return value
    folded = unicodedata.normalize("NFKD", value).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9]+", "-", folded).strip("-")[:LONGEST].strip("-")
    digest = hashlib.sha256(value.encode()).hexdigest()[:DIGITS]
    return f"{words}-{digest}" if words else digest
