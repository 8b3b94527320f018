"""Steps at the same time: their order and number, what a failure or Ctrl-C ends."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit import store
from mlkit.pipeline import environment, runs
from mlkit.pipeline.graph import GRAPH, NOTEBOOKS
from mlkit.pipeline.jobs import work_through
from mlkit.pipeline.retraining import retrain
from tests.light import break_step, entries, make_light, run_steps
from tests.workspace import (
    CTRL_C,
    add_cell,
    live_kernels,
    make_workspace,
    mlkit_command,
    note_kernels,
)

# Waits until as many kernels as there shall be have noted themselves.
MEET = """\
import os, pathlib, time
noted = pathlib.Path(os.environ["MLKIT_ROOT"], "kernels")
end = time.monotonic() + 60
while len(list(noted.glob("*"))) < {count} and time.monotonic() < end:
    time.sleep(0.02)
assert len(list(noted.glob("*"))) >= {count}, "the other kernel did not come"
"""
SLEEP = "import time; time.sleep(300)"
# Ctrl-C has no meaning to what was started by a shell that has it ignored.


class Played:
    """Steps that only note what is asked of them."""

    def __init__(
        self,
        *,
        taken: set[str] | None = None,
        failing: set[str] | None = None,
        work: Callable[[str], None] = lambda name: None,
    ) -> None:
        self.taken, self.failing, self.work = taken or set(), failing or set(), work
        self.lock = threading.Lock()
        self.now: set[str] = set()
        self.most = 0
        self.done: list[str] = []
        self.shares: dict[str, int] = {}
        self.ended: dict[str, BaseException | None] = {}

    def take(self, name: str) -> bool:
        if name in self.taken:
            self.done.append(name)
        return name in self.taken

    def begin(self, name: str, share: int) -> Callable[[], None]:
        self.shares[name] = share

        def work() -> None:
            with self.lock:
                self.now.add(name)
                self.most = max(self.most, len(self.now))
            try:
                self.work(name)
                if name in self.failing:
                    raise ValueError(name)
            finally:
                with self.lock:
                    self.now.discard(name)

        return work

    def end(self, name: str, error: BaseException | None) -> bool:
        self.ended[name] = error
        if error is None:
            self.done.append(name)
        return error is None

    def meanwhile(self) -> None:
        pass


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """Draw steps, of which each depends on some of those before it."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    after = {
        name: tuple(draw(st.sets(st.sampled_from(names[:at])))) if at else ()
        for at, name in enumerate(names)
    }
    return names, after


@given(graphs(), st.integers(1, 3), st.data())
def test_each_step_comes_after_those_it_depends_on(graph, jobs, data) -> None:
    names, after = graph
    taken = data.draw(st.sets(st.sampled_from(names)))
    played = Played(taken=taken)
    work_through(names, played, after=after, jobs=jobs)
    assert sorted(played.done) == sorted(names)
    assert set(played.ended) == set(names) - taken
    for place, name in enumerate(played.done):
        assert set(after[name]) <= set(played.done[:place])
    assert played.most <= jobs
    assert all(1 <= share <= jobs for share in played.shares.values())


@given(graphs(), st.integers(1, 3), st.data())
def test_after_a_failure_nothing_starts_that_waits_and_it_is_raised(graph, jobs, data):
    names, after = graph
    failing = data.draw(st.sets(st.sampled_from(names), min_size=1))
    played = Played(failing=failing)
    with pytest.raises(ValueError, match=r"^s") as caught:
        work_through(names, played, after=after, jobs=jobs)
    failed = [name for name in names if isinstance(played.ended.get(name), ValueError)]
    # The first in order, whichever ended first.
    assert str(caught.value) == failed[0]
    for name in played.done:
        assert not set(after[name]) & failing


def test_one_job_goes_in_order() -> None:
    after = {name: node.after for name, node in GRAPH.items()}
    played = Played()
    work_through(NOTEBOOKS, played, after=after, jobs=1)
    assert played.done == list(NOTEBOOKS)
    assert set(played.shares.values()) == {1}


def test_a_step_alone_has_all_cores_and_two_share_them() -> None:
    after = {name: node.after for name, node in GRAPH.items()}
    played = Played(taken={"data"})
    work_through(NOTEBOOKS, played, after=after, jobs=2)
    assert played.shares["train"] == 1
    assert played.shares["evaluate"] == 2
    assert played.shares["explain"] == 2


def test_what_is_left_of_a_step_is_done_while_another_runs() -> None:
    left = threading.Event()

    class Leaving(Played):
        def meanwhile(self) -> None:
            if "a" in self.done:
                left.set()

    played = Leaving(work=lambda name: name == "a" or left.wait(30))
    work_through(["a", "b"], played, after={"a": (), "b": ()}, jobs=2)
    assert left.is_set()


def test_a_fault_in_the_runner_itself_is_raised_after_all_have_ended() -> None:
    both = threading.Barrier(2, timeout=30)

    class Faulty(Played):
        def end(self, name: str, error: BaseException | None) -> bool:
            super().end(name, error)
            raise OSError("no space")

    played = Faulty(work=lambda name: both.wait() and None)
    with pytest.raises(OSError, match="no space"):
        work_through(["a", "b"], played, after={"a": (), "b": ()}, jobs=2)
    assert not played.now


class TestTheEnvironmentOfAKernel:
    @pytest.fixture(autouse=True)
    def four_cores(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment, "cores", lambda: 4)
        for name in environment.THREADS:
            monkeypatch.delenv(name, raising=False)

    def test_kernels_at_the_same_time_share_the_cores(self, tmp_path: Path) -> None:
        found = environment.kernel_environment(tmp_path, share=2)
        assert {found[name] for name in environment.THREADS} == {"2"}
        assert (
            environment.kernel_environment(tmp_path, share=9)["OMP_NUM_THREADS"] == "1"
        )

    def test_one_alone_is_not_limited(self, tmp_path: Path) -> None:
        found = environment.kernel_environment(tmp_path, share=1)
        assert not set(environment.THREADS) & set(found)

    def test_what_the_user_has_set_stands(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        found = environment.kernel_environment(tmp_path, share=2)
        assert found["OMP_NUM_THREADS"] == "3"
        assert found["MKL_NUM_THREADS"] == "2"


def test_two_steps_overlap_and_both_are_recorded_in_order(tmp_path: Path) -> None:
    root = make_light(tmp_path)
    for name in ("data", "train"):
        add_cell(root, name, MEET.format(count=2))
    note_kernels(root)
    ended = run_steps(root, jobs=2, names=("data", "train"))
    assert ended.record["status"] == "ok", ended.record["error"]
    data, train = ended.record["steps"]
    assert (data["name"], train["name"]) == ("data", "train")
    assert data["started_at"] < train["ended_at"]
    assert train["started_at"] < data["ended_at"]


def test_the_share_of_the_cores_reaches_the_kernel(tmp_path, monkeypatch) -> None:
    for name in environment.THREADS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(environment, "cores", lambda: 6)
    root = make_light(tmp_path)
    ended = run_steps(root, jobs=2, names=("data", "train"))
    result = store.read_json(ended.folder.path / "train.json")
    assert result["results"]["threads"] == "3"


class TestAFailure:
    def test_it_ends_the_kernels_of_later_steps(self, tmp_path: Path) -> None:
        root = make_light(tmp_path)
        break_step(root, "evaluate", MEET.format(count=4) + "raise ValueError('bad')")
        add_cell(root, "explain", SLEEP)
        note_kernels(root)
        ended = run_steps(root, jobs=2)
        assert (ended.record["error"]["step"], ended.exit_code) == ("evaluate", 3)
        found = {name: step["status"] for name, step in entries(ended).items()}
        assert found == {
            **{"data": "ok", "train": "ok"},
            **{"evaluate": "failed", "explain": "interrupted"},
        }
        assert (
            "was ended before it was done"
            in entries(ended)["explain"]["error"]["message"]
        )
        assert live_kernels(root) == []

    def test_an_earlier_step_goes_on_and_its_error_comes_first(self, tmp_path) -> None:
        root = make_light(tmp_path)
        # The data step fails after the log says that train has.
        wait = (
            "logs = pathlib.Path(os.environ['MLKIT_ROOT'], 'reports')\n"
            "end = time.monotonic() + 90\n"
            "while not any('train     failed' in each.read_text() "
            "for each in logs.glob('**/log.txt')):\n"
            "    assert time.monotonic() < end, 'train did not fail'\n"
            "    time.sleep(0.01)\nraise ValueError('bad rows')"
        )
        both = "import os, pathlib, time\n" + MEET.format(count=2)
        break_step(root, "data", both + wait)
        break_step(root, "train", both + "raise ValueError('no fit')")
        note_kernels(root)
        ended = run_steps(root, jobs=2)
        assert ended.record["error"]["step"] == "data"
        assert ended.record["error"]["message"] == "bad rows"
        statuses = [step["status"] for step in ended.record["steps"]]
        assert statuses == ["failed", "failed"]

    def test_a_drift_step_that_fails_stops_nothing(self, tmp_path: Path) -> None:
        root = make_light(tmp_path)
        break_step(root, "drift")
        said: list[str] = []
        ended = run_steps(root, jobs=2, said=said)
        assert ended.record["status"] == "ok"
        assert entries(ended)["drift"]["status"] == "failed"
        assert any("goes on without it" in line for line in said)

    def test_steps_that_read_different_data_end_the_run(self, tmp_path: Path) -> None:
        root = make_light(tmp_path)
        change = (
            'import os, pathlib\ntable = pathlib.Path(os.environ["MLKIT_ROOT"], '
            '"data", "toy.csv")\ntable.write_text(table.read_text() + "1,1,east,no\\n")'
        )
        add_cell(root, "train", change)
        ended = run_steps(root)
        error: dict[str, Any] = ended.record["error"]
        assert (error["type"], error["step"]) == ("StaleError", "train")
        assert "the step train read other rows than the step data" in error["message"]


@pytest.mark.parametrize("number", [CTRL_C, signal.SIGTERM])
def test_a_signal_ends_both_kernels_and_closes_the_record(tmp_path, number) -> None:
    root = make_workspace(tmp_path)
    for name in ("data", "train"):
        add_cell(root, name, SLEEP)
    note_kernels(root)
    process = mlkit_command(root, "retrain", "toy", "--jobs", "2")
    end = time.monotonic() + 90
    while len(live_kernels(root)) < 2:
        assert time.monotonic() < end, "the kernels did not start"
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3
    assert "interrupted" in err
    assert "Traceback" not in err
    record = runs.records("toy", root)[0]
    assert record["status"] == "interrupted"
    assert [step["status"] for step in record["steps"]] == ["interrupted"] * 2
    assert live_kernels(root) == []


def test_no_more_jobs_than_cores(tmp_path: Path, monkeypatch) -> None:
    root = make_workspace(tmp_path, rows=60)
    asked: list[int] = []

    def stop(names: Any, steps: Any, *, after: Any, jobs: int) -> None:
        asked.append(jobs)
        raise KeyboardInterrupt

    monkeypatch.setattr("mlkit.pipeline.retraining.work_through", stop)
    monkeypatch.setattr("mlkit.pipeline.retraining.cores", lambda: 2)
    for jobs in (1, 2, 8):
        with pytest.raises(KeyboardInterrupt):
            retrain("toy", root=root, jobs=jobs)
    assert asked == [1, 2, 2]
