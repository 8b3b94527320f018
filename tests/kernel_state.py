"""What a kernel says of itself, to compare a forked one with a cold one.

Run in a kernel as its first cell; every line is a fact that a notebook could see.
"""

from __future__ import annotations

import json
from typing import Any

# Imported first in both, so that what packages do when they are imported is the same.
IMPORTS = """\
import numpy, pandas, scipy.stats, scipy.special, sklearn.ensemble, duckdb, bleach
import pyarrow.parquet, skops.io, numba, lime.lime_tabular, sqlalchemy, threadpoolctl
import matplotlib.pyplot, multiprocessing.process, tempfile, ruamel.yaml, requests
"""
PROBE = """\
import asyncio, atexit, builtins, codecs, decimal, faulthandler, gc, io, json, locale
import logging, os, random, resource, signal, socket, stat, sys, threading, time
import warnings

def stream(s):
    return [s.name, s.encoding, s.errors, s.mode, s.line_buffering, s.write_through,
            s.newlines, type(s.buffer).__name__, s.isatty()]

def descriptor(n):
    try:
        return stat.filemode(os.fstat(n).st_mode)[0]
    except OSError as error:
        return error.errno

def frames():
    import matplotlib, matplotlib.pyplot as plt
    return {"backend": matplotlib.get_backend(), "figures": plt.get_fignums(),
            "interactive": matplotlib.is_interactive(),
            "rc": {k: repr(v) for k, v in matplotlib.rcParams.items()},
            "module": plt.get_backend()}

status = dict(line.split(":", 1) for line in open("/proc/self/status").read()
              .splitlines())
facts = {
    "environment": dict(os.environ),
    "really": dict(p.split("=", 1) for p in __import__("subprocess").run(
        ["env", "-0"], stdout=-1).stdout.decode("latin-1").split("\\0") if p),
    "cwd": os.getcwd(),
    "umask": status["Umask"].strip(),
    "argv": sys.argv[:1] + sys.argv[1:2] + sys.argv[3:],
    "orig_argv": [a for a in sys.orig_argv if not a.endswith(".json")],
    "path": sys.path,
    "executable": [sys.executable, sys.prefix, sys.base_prefix],
    "flags": repr(sys.flags),
    "warnoptions": sys.warnoptions,
    "xoptions": repr(sys._xoptions),
    "handlers": {s.name: str(signal.getsignal(s)).split(" at ")[0]
                 for s in signal.Signals},
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "ignored": status["SigIgn"].strip(),
    "blocked": status["SigBlk"].strip(),
    "caught": status["SigCgt"].strip(),
    "wakeup": signal.set_wakeup_fd(-1) >= 0,
    "stdin": stream(sys.__stdin__),
    "stdout": stream(sys.__stdout__),
    "stderr": stream(sys.__stderr__),
    "same": [sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__],
    "descriptors": [descriptor(n) for n in range(3)],
    "inheritable": sorted(n for n in map(int, os.listdir("/proc/self/fd"))
                          if n > 2 and os.path.exists(f"/proc/self/fd/{n}")
                          and os.get_inheritable(n)),
    "read": sys.__stdin__.buffer.read(1).hex(),
    "locale": [locale.setlocale(n) for n in range(7)],
    "encodings": [sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(),
                  locale.getpreferredencoding(), sys.getdefaultencoding()],
    "zone": [time.tzname, time.timezone, time.daylight, time.localtime(0).tm_hour],
    "limits": {n: resource.getrlimit(getattr(resource, n))
               for n in dir(resource) if n.startswith("RLIMIT_")},
    "nice": os.nice(0),
    "cores": sorted(os.sched_getaffinity(0)),
    "out_of_memory": open("/proc/self/oom_score_adj").read(),
    "group": [os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid()],
    "privileges": {n: status[n].strip() for n in ("Uid", "Gid", "Groups", "CapEff",
                                                  "NoNewPrivs", "Seccomp")},
    "dumpable": os.stat("/proc/self/mem").st_uid,
    "gc": [gc.isenabled(), gc.get_threshold(), gc.get_debug()],
    "recursion": sys.getrecursionlimit(),
    "switch": sys.getswitchinterval(),
    "hooks": [sys.excepthook.__qualname__, type(sys.displayhook).__name__,
              sys.gettrace() is None, sys.getprofile() is None,
              threading.excepthook.__name__, sys.unraisablehook.__name__],
    "fault": faulthandler.is_enabled(),
    "logging": [logging.root.level, len(logging.root.handlers)],
    "threads": sorted(t.name.split("-")[0] for t in threading.enumerate()),
    "main": threading.current_thread() is threading.main_thread(),
    "native": threading.main_thread().native_id == os.getpid(),
    "loop": type(asyncio.get_event_loop()).__name__,
    "policy": type(asyncio.get_event_loop_policy()).__name__,
    "timeout": socket.getdefaulttimeout(),
    "decimal": repr(decimal.getcontext()),
    "profile": sys.getdlopenflags(),
    "dunder": sorted(n for n in vars(sys.modules["__main__"]) if n.startswith("__")),
    "main_name": [__name__, sys.modules["__main__"].__dict__ is globals(),
                  getattr(sys.modules["__main__"], "__file__", None),
                  getattr(sys.modules["__main__"], "__spec__", None)],
    "mlkit": sorted(n for n in sys.modules if n.startswith("mlkit")),
    "odd": sorted(n for n in sys.modules
                  if n in {"parent", "child", "preload", "refusal", "foothold"}),
    "none": sorted(n for n, m in sys.modules.items() if m is None),
    "children": open(f"/proc/self/task/{os.getpid()}/children").read(),
}
__IMPORTS__
numpy_facts = {
    "filters": sorted({repr(f) for f in warnings.filters}),
    "errors": numpy.geterr(), "printing": repr(numpy.get_printoptions()),
    "options": pandas._config.config._global_config,
    "threads": sorted([p["internal_api"], p["num_threads"]]
                      for p in threadpoolctl.threadpool_info()),
    "numba": [numba.get_num_threads(), numba.config.NUMBA_NUM_THREADS],
    "matplotlib": frames(),
    "tempdir": tempfile.gettempdir(),
    "original": multiprocessing.process.ORIGINAL_DIR,
    "process": multiprocessing.current_process().name,
    "sklearn": sklearn.get_config(),
    "arrow": [pyarrow.cpu_count(), pyarrow.io_thread_count(),
              pyarrow.default_memory_pool().backend_name],
    "duckdb": duckdb.sql("select current_setting('threads')").fetchall(),
}
print(json.dumps({**facts, **numpy_facts}, default=repr, sort_keys=True))
"""


def probe() -> str:
    """Return the code of the probe."""
    return PROBE.replace("__IMPORTS__", IMPORTS)


def differences(forked: dict[str, Any], cold: dict[str, Any]) -> dict[str, Any]:
    """Return what differs, as pairs."""
    return {
        name: (forked.get(name), cold.get(name))
        for name in sorted({*forked, *cold})
        if json.dumps(forked.get(name)) != json.dumps(cold.get(name))
    }
