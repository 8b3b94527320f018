"""What changed since the last version decides the number of the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semver import Version

from mlkit.registry import (
    Candidate,
    ModelRegistry,
    Note,
    next_version,
    open_registry,
)

COLUMN = {"name": "age", "kind": "number", "role": "feature"}
OTHER = {"name": "city", "kind": "category", "role": "feature"}
KEY = {"name": "id", "kind": "identifier", "role": "ignored"}


def manifest(version: str | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "version": version,
        "schema": {
            "task": "binary",
            "target": "late",
            "classes": ["no", "yes"],
            "positive": "yes",
            "columns": [COLUMN],
        },
        "params": {
            "seed": 0,
            "notes": "",
            "data": {"source": "a.csv", "split": {"by": "row"}},
            "train": {"options": {"depth": 3}},
            "evaluate": {"threshold": 0.5, "gates": [{"metric": "f1", "min": 0.7}]},
            "registry": {"auto_promote": True},
            "pipeline": {"cell_timeout": 1800},
        },
        "fingerprint": "f" * 64,
        "estimator": "random_forest",
        "family": "forest",
        "framework": "scikit-learn",
        "code": "abc",
        "packages": {"scikit-learn": "1.8.0"},
        **fields,
    }


def schema(**fields: Any) -> dict[str, Any]:
    return {"schema": {**manifest()["schema"], **fields}}


def params(section: str, **fields: Any) -> dict[str, Any]:
    known = manifest()["params"]
    return {"params": {**known, section: {**known[section], **fields}}}


MAJOR = [
    (schema(task="multiclass"), "task binary -> multiclass"),
    (schema(target="cost"), "target late -> cost"),
    (
        schema(classes=["no", "so", "yes"]),
        "classes ['no', 'yes'] -> ['no',",
    ),
    (schema(positive="no"), "positive yes -> no"),
    (schema(columns=[]), "column 'age' number -> none"),
    (schema(columns=[{**COLUMN, "kind": "text"}]), "column 'age' number -> text"),
    (schema(columns=[{**COLUMN, "role": "ignored"}]), "column 'age' number -> none"),
    ({"family": "linear", "estimator": "linear"}, "family forest -> linear"),
]
MINOR = [
    (schema(columns=[COLUMN, OTHER]), "column 'city' none -> category"),
    ({"fingerprint": "e" * 64}, "data fingerprint ffffffffffff -> eeeeeeeeeeee"),
    ({"estimator": "extra_trees"}, "estimator random_forest -> extra_trees"),
    (params("train", options={"depth": 4}), "params.train.options.depth 3 -> 4"),
    (params("train", options={}), "params.train.options.depth 3 -> none"),
    (params("evaluate", threshold=0.4), "params.evaluate.threshold 0.5 -> 0.4"),
    (params("data", split={"by": "time"}), "params.data.split.by row -> time"),
]
PATCH = [
    ({"code": "def"}, "code abc -> def"),
    ({"packages": {"scikit-learn": "1.9.0"}}, "scikit-learn 1.8.0 -> 1.9.0"),
    ({"packages": {}}, "scikit-learn 1.8.0 -> none"),
    (params("data", source="b.csv"), "params.data.source a.csv -> b.csv"),
    (params("evaluate", gates=[]), "params.evaluate.gates [{'metric': 'f1'"),
    (schema(columns=[COLUMN, KEY]), "the fitted model differs; params, data, code"),
    ({"params": {**manifest()["params"], "notes": "x"}}, "the fitted model differs"),
    (params("registry", auto_promote=False), "the fitted model differs"),
    (params("pipeline", cell_timeout=1), "the fitted model differs"),
]
CASES = [
    *[(change, "2.0.0", "MAJOR", why) for change, why in MAJOR],
    *[(change, "1.5.0", "MINOR", why) for change, why in MINOR],
    *[(change, "1.4.8", "PATCH", why) for change, why in PATCH],
]


@pytest.mark.parametrize(("change", "number", "level", "why"), CASES)
def test_each_change_has_its_level_and_is_named(
    change: dict[str, Any], number: str, level: str, why: str
) -> None:
    found, reason = next_version(manifest("1.4.7"), manifest(**change), ["1.4.7"])
    assert found == number
    assert reason.startswith(f"{level}: {why}")


def test_the_weightiest_change_decides_and_only_it_is_named() -> None:
    new = manifest(fingerprint="e" * 64, code="def", **schema(columns=[OTHER]))
    number, reason = next_version(manifest("1.4.7"), new, ["1.4.7"])
    assert (number, reason) == ("2.0.0", "MAJOR: column 'age' number -> none")


def test_many_changes_are_cut_short() -> None:
    old = manifest("1.0.0", packages={f"p{i}": "1" for i in range(9)})
    new = manifest(packages={f"p{i}": "2" for i in range(9)})
    reason = next_version(old, new, ["1.0.0"])[1]
    assert reason == ("PATCH: p0 1 -> 2; p1 1 -> 2; p2 1 -> 2; p3 1 -> 2; and 5 more")


def test_the_first_version_is_one() -> None:
    assert next_version(None, manifest(), []) == ("1.0.0", "first version")


def test_taken_numbers_are_skipped_and_told() -> None:
    taken = ["1.0.0", "1.1.0", "1.2.0"]
    new = manifest(fingerprint="e" * 64)
    number, reason = next_version(manifest("1.0.0"), new, taken)
    assert number == "1.3.0"
    assert reason.endswith("(1.1.0 to 1.2.0 taken: numbers are never reused)")
    assert next_version(None, new, ["1.0.0"]) == (
        "1.1.0",
        "first version (1.0.0 taken: numbers are never reused)",
    )


changes = st.sampled_from([{}, *(change for change, *_ in CASES)])
numbers = st.builds(
    "{}.{}.{}".format, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)
)


@settings(deadline=None)
@given(numbers, changes, st.sets(numbers))
def test_a_number_is_new_and_higher_than_the_one_it_follows(
    previous: str, change: dict[str, Any], taken: set[str]
) -> None:
    number, _ = next_version(manifest(previous), manifest(**change), taken | {previous})
    assert number not in taken
    assert Version.parse(number) > Version.parse(previous)


def test_the_registry_counts_from_the_newest_that_did_not_fail(
    tmp_path: Any, candidate: Callable[..., Candidate]
) -> None:
    demo: ModelRegistry = open_registry("demo", tmp_path)
    files = {"model.skops": b"model"}
    made = candidate()
    note = Note(made.who, made.created_at)
    demo.register(made, files)
    demo.register(candidate(1), files)
    demo.move("1.1.0", "failed", note=note)
    version = demo.register(candidate(2), files)
    assert version.version == "1.2.0"
    assert "params.train.options.depth 0 -> 2 (1.1.0 taken" in version.reason
    assert demo.show("1.2.0").manifest["parent"] == "1.0.0"
    assert demo.register(candidate(2, code="x"), files).version == "1.2.1"
    assert demo.register(candidate(2, family="linear"), files).version == "2.0.0"
