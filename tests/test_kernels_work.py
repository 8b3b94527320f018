"""What a fork could break, done in a forked kernel: threads of every library."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlkit import kernels
from tests.live_kernels import Kernel, kernel

# What a client may say of threads.
ALL = {"OMP_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "2"}
TABLE = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(4000, 12)); y = (X[:, 0] + X[:, 1] ** 2 > 0.7).astype(int)
"""
WORK = {
    "histogram boosting": (
        "from sklearn.ensemble import HistGradientBoostingClassifier as Boosting\n"
        "print(Boosting(max_iter=20, random_state=0).fit(X, y).score(X, y) > 0.9)"
    ),
    "a random forest of two jobs": (
        "from sklearn.ensemble import RandomForestClassifier as Forest\n"
        "forest = Forest(20, n_jobs=2, random_state=0).fit(X, y)\n"
        "print(forest.score(X, y) > 0.9)"
    ),
    "processes of joblib": (
        "from joblib import Parallel, delayed\n"
        "print(Parallel(n_jobs=2)(delayed(abs)(-n) for n in range(3)) == [0, 1, 2])"
    ),
    "BLAS": (
        "a = rng.normal(size=(900, 900)); b = np.linalg.inv(a)\n"
        "print(np.allclose(a @ b, np.eye(900), atol=1e-6))"
    ),
    "shap": (
        "import shap\n"
        "from sklearn.ensemble import HistGradientBoostingRegressor as Boosting\n"
        "model = Boosting(max_iter=10, random_state=0).fit(X, y)\n"
        "found = shap.TreeExplainer(model)(X[:50])\n"
        "total = found.values.sum(axis=1) + found.base_values\n"
        "print(np.allclose(total, model.predict(X[:50])))"
    ),
    "numba": (
        "import numba\n"
        "@numba.njit(parallel=True)\n"
        "def total(a):\n"
        "    out = 0.0\n"
        "    for n in numba.prange(a.shape[0]):\n"
        "        out += a[n]\n"
        "    return out\n"
        "print(abs(total(np.ones(10_000)) - 10_000) < 1e-9)"
    ),
    "lime": (
        "from lime.lime_tabular import LimeTabularExplainer\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "model = LogisticRegression().fit(X, y)\n"
        "lime = LimeTabularExplainer(X, random_state=0)\n"
        "print(len(lime.explain_instance(X[0], model.predict_proba).as_list()) > 3)"
    ),
    "duckdb and arrow": (
        "import duckdb, pandas as pd, pyarrow as pa, pyarrow.compute as pc\n"
        "frame = pd.DataFrame({'g': y, 'x': X[:, 0]})\n"
        "rows = duckdb.sql('select g, sum(x) s from frame group by g').df()\n"
        "whole = pc.sum(pa.table(frame)['x']).as_py()\n"
        "print(abs(rows.s.sum() - whole) < 1e-6)"
    ),
    "figures": (
        "import io, matplotlib.pyplot as plt\n"
        "plt.plot([1, 2]); file = io.BytesIO(); plt.savefig(file); plt.close()\n"
        "print(file.getvalue()[:4] == b'\\x89PNG')"
    ),
    "processes of its own": (
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-c', 'print(6 * 7)'],\n"
        "                      capture_output=True, text=True)\n"
        "print(done.stdout == '42\\n')"
    ),
}


@pytest.fixture(scope="module")
def forked() -> Iterator[Kernel]:
    # Two threads each, whatever the tests are told: one would prove nothing.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
    env = {**os.environ, **threads, "NUMBA_NUM_THREADS": "2"}
    with kernel(env=env, stderr=subprocess.DEVNULL) as started:
        assert started.warm
        started.run(TABLE)
        yield started


@pytest.mark.parametrize("work", WORK)
def test_what_uses_threads_works_in_a_forked_kernel(forked: Kernel, work: str) -> None:
    assert forked.run(WORK[work]).splitlines()[-1] == "True"


def test_threads_are_those_that_the_client_allows(forked: Kernel) -> None:
    count = (
        "import threadpoolctl\n"
        "print(sorted({p['num_threads'] for p in threadpoolctl.threadpool_info()}))"
    )
    assert forked.run(count) == "[2]\n"
    one = {"OMP_NUM_THREADS": "1"}
    with kernel(env={**os.environ, **one}) as single:
        assert single.warm
        assert single.run(count) == "[1]\n"


BOUNDS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
SHARE = f"""
import os, joblib, numba, sklearn.ensemble, threadpoolctl
pools = threadpoolctl.threadpool_info()
print(sorted({{p['num_threads'] for p in pools}} | {{numba.get_num_threads()}}))
print(joblib.cpu_count(), {{os.environ.get(name) for name in {BOUNDS}}})
"""


def test_kernels_at_the_same_time_share_the_cores(short_folder: Path) -> None:
    # A parent of their own: the kernels of other tests would count.
    free = {name: text for name, text in os.environ.items() if name not in BOUNDS}
    env = {**free, "MLKIT_KERNEL_FOLDER": str(short_folder)}
    cores = len(os.sched_getaffinity(0))
    half = cores // 2
    if half == 0:
        pytest.skip("this machine has one core, and nothing to share")
    try:
        with kernel(env=env) as first:
            assert first.run(SHARE) == f"[{cores}]\n{cores} {{None}}\n"
            with kernel(env=env) as second, kernel(env={**env, **ALL}) as third:
                assert second.warm
                assert second.run(SHARE) == f"[{half}]\n{half} {{'{half}'}}\n"
                # What a client says of threads stands.
                assert third.run(SHARE).startswith("[2]\n")
        with kernel(env=env) as alone:
            assert alone.run(SHARE) == f"[{cores}]\n{cores} {{None}}\n"
    finally:
        kernels.stop(env)


def test_a_forked_kernel_shares_the_memory_of_what_is_imported() -> None:
    with kernel() as started:
        assert started.warm
        started.run("import sklearn.ensemble, shap, matplotlib.pyplot, duckdb")
        rollup = Path(f"/proc/{started.process.pid}/smaps_rollup").read_text()
    private = sum(
        int(line.split()[1])
        for line in rollup.splitlines()
        if line.startswith("Private")
    )
    assert private < 60 * 1024
