"""A retrain on a worker that does not see the workspace: in a scratch folder."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.fan_out import exchange as places
from mlkit.fan_out.exchange import Exchange
from mlkit.fan_out.units import FAILED, Unit
from mlkit.fan_out.work import retrain_one
from mlkit.pipeline import runs
from mlkit.pipeline.stopped import failure
from mlkit.registry import ConflictError

# The newest runs of a case, of which steps may be taken.
EARLIER = 3
SECONDS_BETWEEN_LOOKS = 1.0


def send(unit: Unit, root: Path, exchange: Exchange) -> None:
    """Put what a unit reads, of this workspace, into the exchange.

    Raises
    ------
    ConflictError
        If the registry and the exchange went different ways.
    """
    data, drift = unit.params["data"], unit.params["drift"]
    asked = [data["source"], data["test"], drift["current"], *data["files"].values()]
    files = [root / name for name in asked if name and "://" not in name]
    inside = [path for path in files if path.is_file() and path.is_relative_to(root)]
    names = [path.relative_to(root).as_posix() for path in inside]
    places.upload(root, names, exchange)
    places.upload_registry(root, unit.model, exchange)
    there = exchange.folders(f"reports/{unit.case}")
    for run in runs.names(unit.case, root)[:EARLIER]:
        if run not in there:
            with suppress(FileNotFoundError):
                places.upload_run(root, unit.case, run, exchange)


def send_shared(root: Path, exchange: Exchange) -> None:
    """Put what all units read into the exchange: notebooks, and own modules."""
    own = [*root.glob("notebooks/*.ipynb"), *root.glob("*.py"), *root.glob("params/*")]
    names = [path.relative_to(root).as_posix() for path in own if path.is_file()]
    places.upload(root, sorted(names), exchange)


def fetch(member: dict[str, Any], root: Path, exchange: Exchange) -> dict[str, Any]:
    """Bring what a worker put back into this workspace; return the member.

    What goes wrong, such as a conflict of the registries, becomes the member's error.
    """
    try:
        if member["run"] is not None:
            places.download_run(root, member["case"], member["run"], exchange)
        if member["model"] is not None:
            places.download_registry(root, member["model"], exchange)
    # Each kind of place has errors of its own.
    except Exception as error:
        return member | {"status": FAILED, "error": failure(error)}
    return member


def retrain_away(unit: Unit, *, uri: str, **asked: Any) -> dict[str, Any]:
    """Retrain a unit in a scratch folder and put back what came of it.

    Parameters
    ----------
    unit : Unit
        The case or segment.
    uri : str
        The exchange, where the head put what the unit reads.
    **asked
        As in :func:`mlkit.fan_out.work.retrain_one`.
    """
    exchange = Exchange(uri)
    root = Path(tempfile.mkdtemp(prefix="mlkit-away-"))
    try:
        _fill(root, unit, exchange)
        with _followed(root, unit.case, exchange) as faults:
            member = retrain_one(unit, root=str(root), **asked)
        if faults and member["error"] is None:
            member |= {"status": FAILED, "error": failure(faults[-1])}
        try:
            places.upload_registry(root, unit.model, exchange)
        except ConflictError as error:
            member |= {"status": FAILED, "error": failure(error)}
        if member["run"] is not None:
            places.upload_run(root, unit.case, member["run"], exchange)
        return member
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _fill(root: Path, unit: Unit, exchange: Exchange) -> None:
    own = [name for name in exchange.names("") if "/" not in name]
    modules = [name for name in own if name.endswith(".py")]
    shared = [*exchange.names("notebooks"), *exchange.names("params"), *modules]
    known = set(places.scalars([unit.params["data"], unit.params["drift"]]))
    data = [name for name in exchange.names("data") if name in known]
    places.download(root, [*shared, *data], exchange)
    places.download_registry(root, unit.model, exchange)
    for run in exchange.folders(f"reports/{unit.case}")[-EARLIER:]:
        places.download_run(root, unit.case, run, exchange)


@contextmanager
def _followed(root: Path, case: str, exchange: Exchange) -> Iterator[list[Exception]]:
    """Put steps into the exchange as they end, so that a dead worker loses only one.

    Yields
    ------
    list of Exception
        What keeps them from being put there and is no matter of reading or writing.
    """
    over = threading.Event()
    before = set(runs.names(case, root))
    faults: list[Exception] = []
    thread = threading.Thread(
        target=_follow, args=(root, case, before, exchange, over, faults)
    )
    thread.start()
    try:
        yield faults
    finally:
        over.set()
        thread.join()


def _follow(
    root: Path,
    case: str,
    before: set[str],
    exchange: Exchange,
    over: threading.Event,
    faults: list[Exception],
) -> None:
    sent = 0
    while not over.wait(SECONDS_BETWEEN_LOOKS):
        try:
            for run in set(runs.names(case, root)) - before:
                record = store.read_json(root / "reports" / case / run / "run.json")
                if len(record["steps"]) > sent:
                    places.upload_run(root, case, run, exchange)
                    sent = len(record["steps"])
        except (OSError, ValueError):
            # What can not be put back now is put back at the end, or told there.
            continue
        except Exception as error:
            faults[:] = [error]
        else:
            faults.clear()
