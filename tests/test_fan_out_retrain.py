"""A case in segments on processes of this machine, one of them killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import bs4
import pytest

from mlkit.pipeline import runs
from tests.divided import (
    by_segment,
    in_the_middle,
    make_divided,
    records,
    wait_until,
)
from tests.workspace import mlkit_command, run_mlkit


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_divided(tmp_path_factory.mktemp("divided") / "ws")


@pytest.fixture(scope="module")
def killed(root: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Return what a retrain printed one of whose processes was killed, and whose."""
    process = mlkit_command(root, "retrain", "toy", "--jobs", "2", "--json")
    victim = wait_until(lambda: in_the_middle(root, "toy.north"), "a second step")
    os.kill(victim["pid"], signal.SIGKILL)
    out, err = process.communicate(timeout=240)
    done = subprocess.CompletedProcess([], process.returncode, out, err)
    return done, victim


def answer_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_others_go_on_and_the_lost_one_is_made_again(killed: Any) -> None:
    done, _ = killed
    assert done.returncode == 0, done.stderr
    assert "its process died; it is handed out again" in done.stderr
    members = by_segment(answer_of(done))
    assert {name: each["status"] for name, each in members.items()} == {
        "north": "ok", "south": "ok", "east": "not enough data",
        "west": "not enough data",
    }  # fmt: skip
    assert members["north"]["verdict"]["verdict"] in ("promote", "undecided")
    assert 0 < members["north"]["metric"]["value"] <= 1


def test_only_the_step_that_was_running_is_lost(killed: Any, root: Path) -> None:
    _, victim = killed
    first, *_, last = records(root, "toy.north")
    assert first["run"] == victim["run"]
    assert first["status"] == "interrupted"
    made = [step["name"] for step in first["steps"] if step["status"] == "ok"]
    taken = {step["name"]: step["taken"] for step in last["steps"]}
    assert len(made) >= 2
    assert {name: taken[name] for name in made} == dict.fromkeys(made, first["run"])


def test_a_segment_without_enough_data_says_why(killed: Any) -> None:
    members = by_segment(answer_of(killed[0]))
    assert members["west"]["error"]["message"] == (
        "a target needs at least two classes: every row is 'yes'"
    )
    assert "at least 40 training rows are needed" in members["east"]["error"]["message"]
    assert members["east"]["rows"] == 20


def test_each_segment_has_its_own_rows_and_model(killed: Any, root: Path) -> None:
    last = records(root, "toy.north")[-1]
    assert last["params"]["data"]["only"] == {"region": "north"}
    assert last["fan_out"] == answer_of(killed[0])["run"]
    assert last["data"]["rows"] == by_segment(answer_of(killed[0]))["north"]["rows"]
    models = sorted(path.name for path in (root / "registry").iterdir())
    assert [name for name in models if name.startswith("toy")] == [
        "toy.north", "toy.south"
    ]  # fmt: skip


def test_the_report_leads_to_every_segment(killed: Any, root: Path) -> None:
    answer = answer_of(killed[0])
    page = Path(answer["report"])
    parsed = bs4.BeautifulSoup(page.read_text(), "html.parser")
    for link in parsed.select(".league a"):
        assert (page.parent / str(link["href"])).is_file()
    assert "5 rows of 380 without a value" in parsed.get_text()
    assert f"toy/{answer['run']}" in (root / "reports" / "index.html").read_text()


def test_steps_without_anything_new_are_taken(killed: Any, root: Path) -> None:
    done = run_mlkit(root, "retrain", "toy", "--jobs", "1", "--json")
    assert done.returncode == 0, done.stderr
    last = records(root, "toy.south")[-1]
    assert last["run"] == by_segment(answer_of(done))["south"]["run"]
    taken = {step["name"] for step in last["steps"] if step["taken"]}
    # The champion is another one now: what is judged against it is made anew.
    assert {"data", "train", "explain"} <= taken


def test_a_segment_queues_behind_a_run_of_its_own(killed: Any, root: Path) -> None:
    before = len(records(root, "toy.south"))

    def south_is_done() -> bool:
        made = records(root, "toy.south")[before:]
        return bool(made) and made[0]["status"] == "ok"

    with runs.hold("toy.north", root):
        process = mlkit_command(root, "retrain", "toy", "--jobs=2", "--wait", "--json")
        wait_until(south_is_done, "the end of the other segment")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    assert by_segment(json.loads(out))["north"]["status"] == "ok"


def test_all_cases_go_on_beside_one_that_is_wrong(killed: Any, root: Path) -> None:
    wrong = root / "params" / "wrong.yaml"
    wrong.write_text("case: wrong\ntask: binary\n")
    done = run_mlkit(root, "retrain", "--all", "--jobs", "1", "--json")
    wrong.unlink()
    assert done.returncode == 3
    answer = answer_of(done)
    assert Path(answer["report"]).parent.parent.name == "_all"
    found = {member["case"]: member for member in answer["members"]}
    assert found["toy.north"]["status"] == "ok"
    assert found["wrong"]["error"]["type"] == "ParamsError"
    assert (
        "1 retrain of 5 did not end well (ParamsError 1); the first: wrong"
        in (answer["error"]["message"])
    )


def log_of(root: Path, record: dict[str, Any]) -> str:
    folder = root / "reports" / record["case"] / record["run"]
    return (folder / "log.txt").read_text() if (folder / "log.txt").exists() else ""


def test_ctrl_c_ends_the_runs_of_all_processes(root: Path) -> None:
    process = mlkit_command(root, "retrain", "toy", "--jobs", "2", "--force")

    def running() -> bool:
        newest = [records(root, f"toy.{name}")[-1:] for name in ("north", "south")]
        return all(each and each[0]["status"] == "running" for each in newest) and all(
            " runs " in log_of(root, each[0]) for each in newest
        )

    wait_until(running, "two runs at once")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3, out + err
    assert "interrupted" in err
    assert "Traceback" not in err
    for name in ("north", "south"):
        assert records(root, f"toy.{name}")[-1]["status"] == "interrupted"
    last = records(root, "toy")[-1]
    assert last["status"] == "interrupted"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--executor", "ray"], "must be one of processes, dask://HOST:PORT; got 'ray"),
        (["--set", "data.sensitive=[region]"], "segments may not be a column of "
         "data.sensitive"),
        (["--set", "segments=bought"], "segments may not be the target"),
        (["--set", "segments=regoin"], "there is no 'regoin'. Did you mean 'region'?"),
        (["--all"], "--all retrains every case, and the case 'toy' was named, too"),
        (["--set", "segments=null", "--executor", "dask://a:1"], "--executor and "
         "--workspace are for many retrains at once, and 'toy' is one"),
        (["--workspace", "foo://bar"], "must be an address that fsspec knows"),
    ],
)  # fmt: skip
def test_what_can_not_be_meant_is_refused(
    root: Path, given: list[str], says: str
) -> None:
    done = run_mlkit(root, "retrain", "toy", *given)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in " ".join(done.stderr.split())
