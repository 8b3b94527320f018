"""Where Prometheus finds the metrics: an HTTP endpoint, or a file for node_exporter.

Where several processes serve one model, set ``PROMETHEUS_MULTIPROC_DIR`` to an empty
folder before any of them starts: each :class:`ModelMetrics` then keeps its numbers in
that folder, and the endpoint and the file give the sums over all of them. This is
prometheus_client's own way, whose files stay until the folder is emptied at the next
start. The metrics of a check need none of it.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from mlkit import store
from mlkit.exposition.metrics import CheckMetrics, Judged

SHARED = "PROMETHEUS_MULTIPROC_DIR"
SUFFIX = ".prom"


@dataclass(frozen=True)
class Endpoint:
    """A server that answers with metrics until it is closed.

    Attributes
    ----------
    address : str
        Where it listens.
    port : int
        On which port.
    """

    address: str
    port: int
    _server: WSGIServer
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """What Prometheus scrapes."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"http://{host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop answering, and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def serve(metrics: Judged, port: int, address: str = "127.0.0.1") -> Endpoint:
    """Answer Prometheus over HTTP from a thread of its own, until closed.

    Parameters
    ----------
    metrics : ModelMetrics or CheckMetrics
        What to answer with, as it stands at each scrape.
    port : int
        0 takes a free one; see :attr:`Endpoint.port`.
    address : str
        The loopback address keeps it to this machine. There is neither a password nor
        encryption: beyond it, put a proxy before it.

    Raises
    ------
    OSError
        When the port is taken or may not be used.
    """
    try:
        server, thread = start_http_server(port, address, _whole(metrics))
    except OSError as error:
        raise OSError(
            error.errno,
            f"metrics cannot be answered on port {port} of {address} "
            f"({error.strerror}); choose another port (monitor.port), or end what uses "
            "this one",
        ) from error
    return Endpoint(address, server.server_port, server, thread)


def write_textfile(metrics: Judged, path: str | os.PathLike[str]) -> None:
    """Write metrics for node_exporter's textfile collector, whole or not at all.

    Two models need two files.

    Parameters
    ----------
    path : str or path
        Ends in ``.prom``; the collector reads no other file.

    Raises
    ------
    ValueError
        When the name ends otherwise.
    OSError
        When the disk refuses; the file of before is intact.
    """
    if Path(path).suffix != SUFFIX:
        raise ValueError(
            f"a file for node_exporter must end in {SUFFIX}, or it is not read; got "
            f"{os.fspath(path)}; rename it (monitor.textfile)"
        )
    store.write_atomic(path, generate_latest(_whole(metrics)))


def _whole(metrics: Judged) -> CollectorRegistry:
    """Return the registry that speaks for all processes."""
    if isinstance(metrics, CheckMetrics) or not os.environ.get(SHARED):
        return metrics.registry
    registry = CollectorRegistry()
    registry.register(MultiProcessCollector(None))  # type: ignore[no-untyped-call]
    return registry
