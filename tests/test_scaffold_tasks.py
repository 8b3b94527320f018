"""Which task a target asks for: one rule a test, on tables made for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import pytest

from mlkit.scaffold import ScaffoldError
from mlkit.scaffold.tasks import Target, decide_target, plain_label

REAL = "regression"
CHANCE = np.random.default_rng(4)


def column(values: Iterable[object], name: str) -> pd.Series:
    texts = [None if value is None else str(value) for value in values]
    return pd.Series(texts, dtype="str", name=name)


def decided(values: Iterable[object]) -> Target:
    return decide_target(column(values, "y"), where="t.csv")


def refused(values: Iterable[object], name: str = "y") -> str:
    with pytest.raises(ScaffoldError) as caught:
        decide_target(column(values, name), where="t.csv")
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["yes", "no"] * 20, "binary"),
        (["True", "False"] * 20, "binary"),
        (["left", "right"] * 20, "binary"),
        ([1, 2] * 20, "binary"),
        ([1.5, 2.5] * 20, "binary"),
        (["$1", "$2"] * 20, "binary"),
        (["a", "b", "c"] * 20, "multiclass"),
        ([f"class {i}" for i in range(100)] * 20, "multiclass"),
        ([1, 2, 3] * 20, "multiclass"),
        ([1, 2, 3, 4, 5] * 20, "multiclass"),
        ([0.5, 1.5, 2.5] * 20, REAL),
        ([*range(10)] * 20, "multiclass"),
        ([*range(21)] * 20, REAL),
        ([3] * 10 + [4] * 50 + [5] * 600 + [6] * 600 + [7] * 200 + [8] * 18, REAL),
        (["1,234", "999", "12,500"] * 20 + [f"{i},000" for i in range(40)], REAL),
        ([f"{i / 7:.2f}".replace(".", ",") for i in range(60)], REAL),
        ([f"{i}.5 %" for i in range(60)], REAL),
        ([f"{i * i} km" for i in range(60)], REAL),
        (CHANCE.normal(size=60).round(3), REAL),
    ],
)  # fmt: skip
def test_the_task_follows_from_the_values(values: Iterable[object], task: str) -> None:
    found = decided(values)
    assert found.task == task
    assert found.why.startswith("the target holds")


@pytest.mark.parametrize(
    ("values", "positive", "why"),
    [
        (["yes", "no"] * 20, "yes", "its name means yes"),
        (["Ja", "Nein"] * 20, "Ja", "its name means yes"),
        (["T", "F", "F"] * 20, "T", "its name means yes"),
        ([0, 1, 1] * 20, "1", "its name means yes"),
        (["<=50K", "<=50K", ">50K"] * 20, ">50K", "the rarer of the two"),
        ([1, 1, 2] * 20, "2", "the rarer of the two"),
        ([1, 2, 2] * 20, "1", "the rarer of the two"),
        ([1, 2] * 20, "2", "the later in their order"),
    ],
)
def test_the_positive_class_means_yes_or_is_the_rarer(
    values: Iterable[object], positive: str, why: str
) -> None:
    found = decided(values)
    assert found.positive == positive
    assert why in found.why_positive


def test_rare_classes_are_left_out_and_named() -> None:
    found = decided(["a", "b", "c"] * 40 + ["d"] * 3)
    assert (found.task, found.min_class_rows) == ("multiclass", 10)
    assert found.why_rare.endswith("left out: 'd' in 3 rows")
    two = decided(["a", "b"] * 40 + ["junk"])
    assert (two.task, two.positive, two.min_class_rows) == ("binary", "b", 10)


def test_rows_without_a_label_are_counted() -> None:
    assert decided(["yes", "no", None] * 20).missing == 20


@pytest.mark.parametrize(
    ("values", "name", "said"),
    [
        ([None] * 40, "y", "must have values; all of them are missing"),
        (["x"] * 40, "y", "must vary; every row is 'x'"),
        ([4] * 40, "y", "must vary; every row is '4'"),
        ([f"2024-01-{d:02d}" for d in range(1, 29)], "y", "it holds dates"),
        (range(40), "y", "looks like an identifier: 100.0% of the values are distinct"),
        (
            [int(i) for i in CHANCE.permutation(9999)[:50]],
            "client_id",
            "looks like an identifier",
        ),
        ([f"T{i}" for i in range(60)], "y", "60 of 60 rows are in rarer classes"),
        ([f"a b c d e {i}" for i in range(60)], "y", "it holds free text"),
        ([f"c{i}" for i in range(250)] * 12, "y", "at most 200 classes"),
        (["no"] * 40 + ["yes"] * 3, "y", "'no' in 40, 'yes' in 3 rows"),
    ],
)
def test_a_target_that_suits_no_task_is_refused_with_advice(
    values: Iterable[object], name: str, said: str
) -> None:
    message = refused(values, name)
    assert message.startswith(f"t.csv: the target '{name}' must ")
    assert said in message
    assert any(word in message for word in ("Choose", "Make", "Gather", "Merge"))


def test_amounts_whose_name_says_number_are_no_identifiers() -> None:
    amounts = [int(i) for i in CHANCE.permutation(99_999)[:60]]
    values = pd.Series(amounts).astype(str).rename("sold number")
    assert decide_target(values, where="t.csv").task == "regression"


def test_labels_are_written_as_a_person_writes_them() -> None:
    labels = ["True", "1", "-1", "2.5", "007", "1e3", "yes", ">50K"]
    assert [plain_label(label) for label in labels] == [
        *(True, 1, -1, 2.5, "007", "1e3", "yes", ">50K")
    ]
