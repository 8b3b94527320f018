"""Records of earlier runs that are JSON and hold what no run writes."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlkit import store
from mlkit.params import load_params
from mlkit.pipeline import publish, reuse, runs, sound
from mlkit.pipeline.due import Outlook, open_outlook
from mlkit.pipeline.graph import NOTEBOOKS
from mlkit.pipeline.retraining import _repeated
from tests.light import break_step, make_light, run_steps, taken, why

MISSING = object()
ODD = (None, MISSING, 3, [None])
TEST = {
    "gain": 0.1, "lower": 0.0, "upper": None, "n": 9, "p_value": 0.5, "metric": "f1",
    "method": "paired t", "champion": 0.8, "challenger": 0.9, "rows_to_decide": None,
}  # fmt: skip
DECISION = {
    "verdict": "keep", "reason": "It is not better.", "version": "1.0.0", "new": False,
    "stage": "staging", "champion": "0.9.0", "version_reason": "the same",
    "evidence": {"paired": TEST}, "unchanged_since": None,
}  # fmt: skip
DECIDE = {
    "name": "decide", "status": "ok", "error": None, "taken": None, "why": [],
    "key": {
        "digest": store.sha256_bytes(store.canonical_json({"a": 1})),
        "parts": {"a": 1},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a light workspace in which all steps have run, and the run."""
    root = make_light(tmp_path_factory.mktemp("done"))
    return root, run_steps(root, jobs=2).folder.run


@pytest.fixture
def root(done: tuple[Path, str], tmp_path: Path) -> Path:
    """Return a copy of that workspace."""
    return Path(shutil.copytree(done[0], tmp_path / "copy"))


def rewrite(root: Path, run: str, change: Callable[[dict[str, Any]], object]) -> None:
    path = root / "reports" / "toy" / run / "run.json"
    record = store.read_json(path)
    change(record)
    path.unlink()
    store.write_json(path, record)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where in a record there are values, down to the parts of a key."""
    items = value.items() if isinstance(value, dict) else ()
    for name, each in [*items, *(enumerate(value) if isinstance(value, list) else ())]:
        yield (*above, name)
        if len(above) < 4:
            yield from places(each, (*above, name))


def put(record: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    damaged = copy.deepcopy(record)
    at: Any = damaged
    for name in place[:-1]:
        at = at[name]
    if value is MISSING:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return damaged


def test_no_value_of_no_field_stops_a_later_run_or_its_pages(done, root: Path) -> None:
    path = root / "reports" / "toy" / done[1] / "run.json"
    record = store.read_json(path)
    record["steps"] = [record["steps"][0], record["steps"][2], DECIDE]
    record["verdict"] = DECISION
    params = load_params("toy", root)
    code = open_outlook(params, root)
    wanted = {name: code.key(name) for name in ("data", "train")}
    folder = runs.create_run("toy", root, at=runs.datetime.now(runs.UTC))
    now = {**record, "run": folder.run}
    path.unlink()
    left_out = {"packages", "params", "inputs", "outputs"}
    tried = [place for place in places(record) if not left_out & {*place[:-1]}]
    assert len(tried) > 60
    for place in tried:
        for value in ODD:
            store.write_json(path, put(record, place, value))
            (found,) = (r for r in runs.records("toy", root) if r["run"] == done[1])
            outlook = Outlook(params, root, iter([found]), False, found, code.code)
            for name, key in wanted.items():
                list(outlook.candidates(name, key))
                reuse.reasons(key, outlook.earlier(name), step=name)
            _repeated(outlook.records(), DECIDE["key"])
            if value == 3:
                publish.write_run_page(folder, now, root)


@pytest.mark.parametrize("odd", [None, MISSING, 3, {}, {"data": None}, {"data": 3}])
def test_a_result_without_its_inputs_is_none_and_the_log_says_so_once(
    done, root: Path, odd: Any
) -> None:
    run = done[1]
    rewrite(root, run, lambda r: r.update(put(r, ("steps", 0, "inputs"), odd)))
    again = run_steps(root)
    assert again.record["status"] == "ok", again.record["error"]
    assert taken(again) == [name for name in NOTEBOOKS if name != "data"]
    assert why(again, "data") == ["no earlier result"]
    log = (again.folder.path / "log.txt").read_text()
    said = f"of run {run} this is damaged in run.json and ignored: step data: inputs"
    assert log.count(said) == 1
    assert log.count("is damaged in run.json") == 1


@pytest.mark.parametrize("field", ["name", "status", "key", "outputs", "scraps"])
def test_force_and_resume_pass_damaged_records(tmp_path: Path, field: str) -> None:
    root = make_light(tmp_path)
    whole = break_step(root, "evaluate")
    run = run_steps(root, names=NOTEBOOKS[:3]).folder.run
    (root / "notebooks" / "evaluate.ipynb").write_text(whole)
    rewrite(root, run, lambda r: r["steps"][0].update({field: 3}))
    forced = run_steps(root, force=True, names=("data",))
    assert (forced.record["status"], taken(forced)) == ("ok", [])
    shutil.rmtree(forced.folder.path)
    said: list[str] = []
    resumed = run_steps(root, resume=run, said=said, names=("data", "train"))
    assert (resumed.record["status"], taken(resumed)) == ("ok", ["train"])
    assert sum(run in line and "is damaged" in line for line in said) == 1


@pytest.mark.parametrize("field", [*DECISION])
def test_a_decision_that_lacks_something_is_not_repeated(field: str) -> None:
    record = {
        "case": "toy", "run": "r", "status": "ok", "steps": [DECIDE],
        "verdict": DECISION,
    }  # fmt: skip
    key: Any = DECIDE["key"]
    assert _repeated([sound.reusable(sound.mended(record))], key) == ("r", DECISION)
    found = sound.reusable(sound.mended(put(record, ("verdict", field), [3])))
    assert _repeated([found], key) is None
    assert found["unfit"] == ["verdict"]


def test_a_key_whose_parts_were_altered_is_none(done, root: Path) -> None:
    rewrite(root, done[1], lambda r: r["steps"][1]["key"]["parts"].update(champion="x"))
    said: list[str] = []
    assert taken(run_steps(root, said=said, names=("data", "train"))) == ["data"]
    assert any("ignored: step train: key" in line for line in said)


@pytest.mark.parametrize("file", ["../../run.json", "/etc/passwd", "a\0b"])
def test_files_outside_of_the_run_are_never_taken(done, root: Path, file: str) -> None:
    rewrite(root, done[1], lambda r: r["steps"][0]["outputs"].update({file: "0"}))
    assert taken(run_steps(root, names=("data",))) == []


def test_the_folder_says_whose_record_it_is(done, root: Path) -> None:
    rewrite(root, done[1], lambda r: r.update(case=None, run=["x"]))
    (record,) = runs.records("toy", root)
    assert (record["case"], record["run"]) == ("toy", done[1])


def test_what_a_run_writes_is_left_as_it_is(done) -> None:
    record = store.read_json(done[0] / "reports" / "toy" / done[1] / "run.json")
    assert sound.mended(record) == record
    assert sound.reusable(record) == {**record, "unfit": []}
