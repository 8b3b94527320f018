"""When the newest line of a model's log was written: a clock behind it has jumped."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from mlkit.prediction_log.layout import find_parts
from mlkit.prediction_log.lines import decode

# More than a line of a few hundred columns takes.
TAIL_BYTES = 65_536


def newest_moment(folder: Path) -> datetime | None:
    """Return the time of the last line of the newest open day, None without one."""
    days = [part for part in find_parts(folder, "predictions") if part.form == "open"]
    if not days:
        return None
    try:
        with open(days[-1].path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
    except OSError:  # It can be neither read nor, then, compared.
        return None
    for line in reversed(tail.splitlines()):
        try:
            moment = decode(line, folder.name)["at"]
        except ValueError:
            continue
        return moment if isinstance(moment, datetime) else None
    return None
