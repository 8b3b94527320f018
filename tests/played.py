"""A run without kernels: what the notebooks call, in the same order, in this process.

The workspace is found by ``MLKIT_ROOT``, which the caller sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mlkit import evaluate, params, pipeline, train
from mlkit.evaluate import Proposal
from mlkit.params import Params
from mlkit.pipeline import runs
from mlkit.pipeline.decide import Decision, decide
from mlkit.pipeline.record import RunRecord, now

Overrides = Sequence[str]


def open_record(root: Path, case: str = "toy", overrides: Overrides = ()) -> RunRecord:
    """Take a run folder and start its record, as the runner does."""
    checked = params.load_params(case, root, overrides=overrides)
    folder = runs.create_run(case, root, at=now())
    return RunRecord.open(folder, checked, root)


def play(root: Path, case: str = "toy", overrides: Overrides = ()) -> RunRecord:
    """Make a run up to its proposal: nothing is in the registry yet."""
    record = open_record(root, case, overrides)
    run = record.folder.run
    play_data(case, run)
    play_train(case, run)
    play_evaluate(case, run)
    play_explain(case, run)
    return record


def play_data(case: str, run: str | None) -> None:
    step = pipeline.open_step("data", case, run)
    dataset = pipeline.load_dataset(step)
    pipeline.finish(step, dataset, results=pipeline.data_facts(dataset))


def play_train(case: str, run: str | None) -> None:
    step = pipeline.open_step("train", case, run)
    dataset = pipeline.load_dataset(step)
    trained = train.fit(dataset, step.params)
    pipeline.save_trained(step, trained, dataset)
    pipeline.finish(step, dataset, results=trained.to_dict())


def play_evaluate(case: str, run: str | None) -> Proposal:
    step = pipeline.open_step("evaluate", case, run)
    dataset = pipeline.load_dataset(step)
    model = pipeline.load_trained(step, dataset)
    predictions = pipeline.predict_all(model, dataset)
    evaluation = evaluate.evaluate(dataset, predictions, step.params)
    proposal = pipeline.judge(step, dataset, model, evaluation)
    results = pipeline.save_judgement(step, evaluation, proposal)
    pipeline.finish(step, dataset, inputs=model.inputs, results=results)
    return proposal


def play_explain(case: str, run: str | None) -> None:
    step = pipeline.open_step("explain", case, run)
    dataset = pipeline.load_dataset(step)
    model = pipeline.load_trained(step, dataset)
    explainer = pipeline.make_explainer(step, dataset, model)
    pipeline.save_explanations(step, explainer, None)
    pipeline.finish(step, dataset, inputs=model.inputs)


def settle(root: Path, record: RunRecord) -> Decision:
    """Decide about a run that was played."""
    return decide(record, checked_params(record), root)


def checked_params(record: RunRecord) -> Params:
    return params.params_from_dict(record.content["params"])


def retrain(root: Path, *overrides: str, case: str = "toy") -> Decision:
    """Play a run and decide about it."""
    return settle(root, play(root, case, overrides))
