"""A retrain: check everything, run the notebooks, decide, report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from mlkit import kernels, registry, store
from mlkit import params as params_room
from mlkit.params import Params
from mlkit.pipeline import runs
from mlkit.pipeline.checking import check_params, check_version
from mlkit.pipeline.due import DueSteps, nothing_due, open_outlook
from mlkit.pipeline.environment import cores, kernel_environment
from mlkit.pipeline.graph import NOTEBOOKS
from mlkit.pipeline.jobs import work_through
from mlkit.pipeline.keys import entry_digest
from mlkit.pipeline.running import Ended, Runner, conduct
from mlkit.pipeline.runs import RunFolder, read_result
from mlkit.pipeline.stopped import StaleChampionError

Verdict = dict[str, Any]

# Kernels at the same time, where nothing else is asked for.
JOBS = 2


class ResumeError(ValueError):
    """A run that there is nothing of to go on from."""


def retrain(
    case: str,
    *,
    root: Path | None = None,
    overrides: Sequence[str] = (),
    wait: bool = False,
    force: bool = False,
    jobs: int = JOBS,
    resume: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Train, evaluate and decide about a new version of a case's model.

    A step whose key (its notebook, params, data, earlier steps, champion and code) is
    that of a good earlier result is not run: the result is taken from there.

    Parameters
    ----------
    case : str
        Name of the case.
    root : Path, optional
        The workspace; None finds it.
    overrides : sequence of str
        ``key=value`` texts that override the params file.
    wait : bool
        Queue behind a run of the same case instead of ending at once.
    force : bool
        Run all steps, whatever earlier results there are.
    jobs : int
        How many steps may run at the same time, at most as many as there are cores.
    resume : str, optional
        A run that did not end well: its params are used, and its good steps are taken
        even though code or packages have changed since.
    say : callable
        Is given each line of progress.
    progress_bar : bool
        Show papermill's progress bar.

    Returns
    -------
    Ended
        The run's record, whatever the verdict was.

    Raises
    ------
    ParamsError, RegistryError, SignatureError
        As `check_case` does, before anything is written. What stops a run later is told
        by its record.
    BusyError
        If a run of the case is under way and `wait` is false.
    ResumeError
        If there is nothing to resume.
    """
    root = root or store.workspace_root()
    if resume is None:
        params = params_room.load_params(case, root, overrides=overrides)
    else:
        params = _recorded_params(case, resume, root, overrides)
    return retrain_params(
        params,
        root=root,
        wait=wait,
        force=force,
        jobs=jobs,
        resume=resume,
        say=say,
        progress_bar=progress_bar,
    )


def retrain_params(
    params: Params,
    *,
    root: Path,
    wait: bool = False,
    force: bool = False,
    jobs: int = JOBS,
    resume: str | None = None,
    fan_out: str | None = None,
    say: Callable[[str], None] = lambda line: None,
    progress_bar: bool = False,
) -> Ended:
    """Retrain what params describe that need not stand in a file, such as a segment.

    Parameters
    ----------
    params : Params
        The params; the run is filed under ``params.case``.
    root : Path
        The workspace.
    wait, force, jobs, resume, say, progress_bar
        As in `retrain`.
    fan_out : str, optional
        The run of kind ``fan_out`` that this one is a member of.

    Returns
    -------
    Ended
        The run's record, whatever the verdict was.

    Raises
    ------
    ParamsError, RegistryError, SignatureError, BusyError
        As `retrain` does.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, got {jobs}; 1 runs step after step")
    check_version(params, root)
    # What the same key has passed before needs no check, and the checks need seconds.
    if force or resume or not nothing_due(open_outlook(params, root)):
        # What kernels are forked from imports what they use meanwhile.
        kernels.begin(kernel_environment(root, share=1))
        check_params(params, root)
    return conduct(
        params,
        root,
        partial(_work, force=force, jobs=min(jobs, cores()), resume=resume),
        kind="retrain",
        wait=wait,
        say=say,
        progress_bar=progress_bar,
        resumed=resume,
        fan_out=fan_out,
    )


def _recorded_params(
    case: str, resume: str, root: Path, overrides: Sequence[str]
) -> Params:
    """Return the params of a run that did not end well."""
    asked = f"run {resume} of case {case!r} was asked to be resumed"
    if overrides:
        raise ResumeError(
            f"{asked}, which is done with the params that it had, and --set was given "
            f"({', '.join(overrides)}); leave one of the two out"
        )
    runs.open_run(case, resume, root)
    record = next(r for r in runs.records(case, root) if r["run"] == resume)
    if record["status"] == "ok":
        raise ResumeError(
            f"{asked}, and it ended well; `mlkit retrain {case}` takes what has not "
            "changed since"
        )
    if record.get("kind") == "fan_out":
        raise ResumeError(
            f"{asked}, and it is one of many retrains at once, each with a run of its "
            f"own; `mlkit retrain {case}` takes what was done and does the rest"
        )
    if record.get("kind", "retrain") != "retrain" or not record.get("params"):
        raise ResumeError(
            f"{asked}, and its record has no params of a retrain; start anew with "
            f"`mlkit retrain {case}`"
        )
    return params_room.params_from_dict(record["params"])


def _work(runner: Runner, *, force: bool, jobs: int, resume: str | None) -> None:
    outlook = open_outlook(
        runner.params,
        runner.root,
        but=runner.record.folder.run,
        force=force,
        resume=resume,
    )
    steps = DueSteps(runner, outlook)
    work_through(NOTEBOOKS, steps, after=outlook.after(), jobs=jobs)
    runner.record.update(data=_data_facts(runner.record.folder))
    key = _decision_key(runner)
    repeated = None if force else _repeated(outlook.records(), key)
    verdict = _decide(steps) if repeated is None else _repeat(runner, key, *repeated)
    runner.record.update(verdict=verdict)
    since = verdict["unchanged_since"]
    same = f"nothing has changed since run {since}; " if since else ""
    runner.say(f"{verdict['verdict']}: {same}{verdict['reason']}")


def _data_facts(folder: RunFolder) -> dict[str, Any]:
    result = read_result(folder.path, "data")
    assert result is not None, "the data step reached its end"
    return {"fingerprint": result["fingerprint"], **result["results"]}


def _decision_key(runner: Runner) -> dict[str, Any]:
    """Return what a decision follows from, down to where the versions stand."""
    judged = {
        entry["name"]: entry_digest(entry)
        for entry in runner.record.content["steps"]
        if entry["status"] == "ok" and entry["name"] not in ("data", "decide")
    }
    params = runner.params
    parts = {
        "before": judged,
        "params": {"notes": params.notes, "registry": params.to_dict()["registry"]},
        "registry": registry.open_registry(params.model, runner.root).head(),
    }
    return {"digest": store.sha256_bytes(store.canonical_json(parts)), "parts": parts}


def _repeated(
    records: Iterable[Mapping[str, Any]], key: Mapping[str, Any]
) -> tuple[str, Verdict] | None:
    """Return the decision of an earlier run that had the same key, and that run."""
    for record in records:
        for entry in record.get("steps") or ():
            same = (entry.get("key") or {}).get("digest") == key["digest"]
            if entry["name"] == "decide" and same and record.get("verdict"):
                return entry.get("taken") or record["run"], record["verdict"]
    return None


def _repeat(
    runner: Runner, key: Mapping[str, Any], since: str, verdict: Verdict
) -> Verdict:
    why = f"nothing has changed since run {since}"
    with runner.step("decide", key=dict(key), taken=since, why=[why]):
        version = {"new": False, "version_reason": f"no new version: {why}"}
        return {**verdict, **version, "unchanged_since": since}


def _decide(steps: DueSteps) -> Verdict:
    """Commit the proposal; evaluate once more if the champion changed meanwhile."""
    try:
        return _decide_once(steps.runner)
    except StaleChampionError as error:
        steps.runner.say(f"{error}; evaluating once more")
    steps.again("evaluate", "the champion changed while it was judged against")
    return _decide_once(steps.runner)


def _decide_once(runner: Runner) -> Verdict:
    from mlkit.pipeline.decide import decide

    with runner.step("decide") as step:
        decision = decide(runner.record, runner.params, runner.root)
        # Where versions stand after it: the same again would change nothing there.
        step["key"] = _decision_key(runner)
    return asdict(decision)
