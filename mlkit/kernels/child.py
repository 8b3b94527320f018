"""What a forked process does to be as a process that Python has just started.

A script's part, loaded by its path: no module of mlkit is in a kernel that did not
import one. Whatever a fork copies and a fresh process would not have is put right here.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import importlib.util
import io
import os
import resource
import select
import shutil
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NoReturn

# Chosen by ipykernel unless MPLBACKEND says otherwise; matplotlib reads that once.
INLINE = "module://matplotlib_inline.backend_inline"
# Who listens to which variable; the first that is set counts, else every core.
THREADS = {
    "openmp": ("OMP_NUM_THREADS",),
    "openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
    "mkl": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    "blis": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
}
# What a kernel is told its share of the cores by.
SHARE = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
# They look once at what kind of front end there is, which a parent has not.
LOOKED = ("tqdm.auto", "tqdm.autonotebook", "tqdm.notebook")


class ClientWatch(threading.Thread):
    """Ends this process when the one that asked for it has ended.

    Stands in for ipykernel's own watch, which looks for a change of the parent: a
    forked kernel's parent is not its client.
    """

    def __init__(self, client: int, folder: str | None, parent_pid: int = 0) -> None:
        super().__init__(daemon=True)
        self.client, self.folder = client, folder

    def run(self) -> None:
        """Wait for the end of the client."""
        poll = select.poll()
        poll.register(self.client, select.POLLIN)
        poll.poll()
        # Nobody is left to remove the sockets.
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
        os._exit(1)


@dataclass(frozen=True)
class Prepared:
    """What is found once, for all kernels.

    Attributes
    ----------
    variables : mapping
        What importing a kernel sets in the environment.
    pools : ThreadpoolController
        The libraries that have threads.
    launcher : str
        The script that starts an ordinary kernel.
    """

    variables: Mapping[str, str]
    pools: Any
    launcher: str


def prepare(variables: Mapping[str, str]) -> Prepared:
    """Find, once for all kernels, what each would have to look for."""
    from threadpoolctl import ThreadpoolController

    spec = importlib.util.find_spec("ipykernel_launcher")
    assert spec is not None
    return Prepared(variables, ThreadpoolController(), str(spec.origin))


def become(fork: Any, prepared: Prepared) -> None:
    """Be the kernel or the command that was asked for, until it ends.

    Parameters
    ----------
    fork : Fork
        The request, the streams of the process, where to tell its exit code, a
        descriptor of its client, and how many kernels live, with this one.
    prepared : Prepared
        What :func:`prepare` found.
    """
    request = fork.request
    if request["ask"] == "kernel":
        request["env"] = _bound(request["env"], fork.kernels)
    env = request["env"]
    os.set_inheritable(fork.tell, False)
    leave = functools.partial(_leave, tell=fork.tell, pid=os.getpid())
    os.setsid()
    _take_streams(fork.streams)
    _take_surroundings(request)
    _take_signals(request)
    _start_anew()
    _take_paths(env, request["cwd"])
    _share_cores(prepared.pools, env)
    gc.enable()
    try:
        if request["ask"] == "command":
            _run_command(fork.alive, request["argv"])
        else:
            os.environ.update(prepared.variables)
            _choose_backend(env)
            _run_kernel(fork.alive, request, prepared.launcher)
    except SystemExit as end:
        leave(end.code)
    leave(0)


def _run_kernel(client: int, request: Mapping[str, Any], launcher: str) -> None:
    from ipykernel import kernelapp

    sys.argv = [launcher, *request["argv"][3:]]
    sys.orig_argv = list(request["argv"])
    app: Any = kernelapp
    folder = request["folder"]
    app.ParentPollerUnix = functools.partial(ClientWatch, client, folder)
    if folder is not None and hasattr(app.IOPubThread, "_setup_pipe_in"):
        _keep_off_ports(app, folder)
    # The class read the variable when it was imported.
    parent_pid = int(request["env"].get("JPY_PARENT_PID") or 0)
    app.IPKernelApp.launch_instance(parent_handle=parent_pid)


def _run_command(client: int, argv: Sequence[str]) -> None:
    sys.argv = list(argv)
    sys.orig_argv = [sys.executable, *argv]
    # Processes that the command starts load what `__main__` says it was run from.
    sys.modules["__main__"] = main = ModuleType("__main__")
    main.__file__ = argv[0]
    ClientWatch(client, None).start()
    from mlkit import cli

    cli.main(warm=False)


def _leave(code: Any, tell: int, pid: int) -> NoReturn:
    """End as Python does, but for taking apart one by one all that was imported.

    What `multiprocessing` does at the end of a process that it has forked. The client
    is told the exit code: the parent, who would learn it, may have ended.
    """
    private: Any = threading
    private._shutdown()
    at_exit: Any = atexit
    at_exit._run_exitfuncs()
    if code is not None and not isinstance(code, int):
        sys.stderr.write(f"{code}\n")
        code = 1
    for stream in (sys.stdout, sys.stderr):
        # Whoever read it may have gone.
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    code = (code or 0) & 0xFF
    # Not what a process has to say that this one has forked.
    if os.getpid() == pid:
        with contextlib.suppress(OSError):
            os.write(tell, bytes([code]))
    os._exit(code)


def _keep_off_ports(app: Any, folder: str) -> None:
    """Let processes that the kernel forks print through its folder.

    ipykernel opens a TCP port for that in every kernel.
    """
    from zmq import PULL, PUSH, Context
    from zmq.eventloop.zmqstream import ZMQStream

    address = f"ipc://{folder}/prints"

    class Outputs(app.IOPubThread):  # type: ignore[misc]
        def _setup_pipe_in(self) -> None:
            self._pipe_uuid = os.urandom(16)
            receiving = self.socket.context.socket(PULL)
            receiving.linger = 0
            receiving.bind(address)
            self._pipe_in = ZMQStream(receiving, self.io_loop)
            self._pipe_in.on_recv(self._handle_pipe_msg)

        def _setup_pipe_out(self) -> tuple[Any, Any]:
            # A context of its own: this is another process.
            context: Any = Context()
            sending = context.socket(PUSH)
            sending.linger = 3000
            sending.connect(address)
            return context, sending

    app.IOPubThread = Outputs


def _take_streams(streams: Sequence[int]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        os.close(stream)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = _stream(number, name, getattr(sys, name))
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(number: int, name: str, like: Any) -> Any:
    """Open a standard stream as Python does when it starts."""
    mode = "r" if number == 0 else "w"
    raw = io.FileIO(number, mode, closefd=False)
    raw.name = f"<{name}>"
    through = bool(getattr(like, "write_through", False))
    buffer: Any = raw
    if number == 0:
        buffer = io.BufferedReader(raw)
    elif not through:
        buffer = io.BufferedWriter(raw)
    text: Any = io.TextIOWrapper(
        buffer,
        encoding=like.encoding,
        errors=like.errors,
        newline="\n",
        line_buffering=not through and (number == 2 or raw.isatty()),
        write_through=through,
    )
    text.mode = mode
    return text


def _take_surroundings(request: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    os.umask(request["umask"])
    for name, soft in request["limits"].items():
        number = getattr(resource, name)
        resource.setrlimit(number, (soft, resource.getrlimit(number)[1]))


def _take_signals(request: Mapping[str, Any]) -> None:
    """Set what a program inherits: which signals are ignored, and which wait."""
    ignored = {*request["ignored"], signal.SIGPIPE, signal.SIGXFSZ}
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        action: Any = signal.SIG_IGN if number in ignored else signal.SIG_DFL
        if number == signal.SIGINT and number not in ignored:
            action = signal.default_int_handler
        # Where nothing changes, a handler that a library has set below Python stays.
        if signal.getsignal(number) not in {None, action}:
            signal.signal(number, action)
    signal.pthread_sigmask(signal.SIG_SETMASK, request["blocked"])


def _start_anew() -> None:
    """Forget what was drawn or looked up before the fork."""
    main: Any = threading.main_thread()
    main._set_native_id()
    # `random` does so by itself.
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    process: Any = sys.modules.get("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = os.getcwd()
        process.current_process().authkey = os.urandom(32)
    tempfile: Any = sys.modules.get("tempfile")
    if tempfile is not None:
        tempfile.tempdir = None
    errors: Any = sys.modules.get("numba.core.types.functions")
    if errors is not None:
        errors._termwidth = shutil.get_terminal_size().columns
    for name in LOOKED:
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


def _take_paths(env: Mapping[str, str], cwd: str) -> None:
    """Put PYTHONPATH before the rest, as Python does when it starts."""
    given = [
        os.path.abspath(place)
        for place in filter(None, [env.get("PYTHONPATH")])
        for place in place.split(os.pathsep)
    ]
    sys.path[:] = list(dict.fromkeys([*given, *sys.path]))


def _bound(env: Mapping[str, str], kernels: int) -> dict[str, str]:
    """Tell a kernel that others live beside its share of the cores.

    Where its client has said something of threads, that stands.
    """
    said = {*SHARE, *(name for names in THREADS.values() for name in names)}
    share = max(1, _cores() // kernels)
    if share == _cores() or any(env.get(name) for name in said):
        return dict(env)
    return {**env, **dict.fromkeys(SHARE, str(share))}


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _share_cores(pools: Any, env: Mapping[str, str]) -> None:
    """Give libraries that are loaded already the number of threads they would read."""
    cores = _cores()
    for library in pools.lib_controllers:
        names = THREADS.get(library.internal_api, ())
        said = filter(None, (_number(env.get(name, "")) for name in names))
        library.set_num_threads(next(said, cores))
    parallel: Any = sys.modules.get("numba.np.ufunc.parallel")
    if "NUMBA_NUM_THREADS" in env and parallel is not None:
        parallel.config.reload_config()
        parallel.NUM_THREADS = parallel.get_thread_count()


def _number(text: str) -> int | None:
    first = text.partition(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


def _choose_backend(env: Mapping[str, str]) -> None:
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        matplotlib.rcParams["backend"] = env.get("MPLBACKEND") or INLINE
