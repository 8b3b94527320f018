"""From a raw table to a dataset, and every bad input with its message."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit.data import (
    Check,
    DataError,
    Dataset,
    Schema,
    conform,
    infer_schema,
    prepare,
)
from mlkit.drift import reference_profile
from mlkit.params.models import Params


def case(
    task: str = "binary", train: dict[str, Any] | None = None, **data: Any
) -> Params:
    return Params.model_validate(
        {
            "case": "c",
            "task": task,
            "data": {"source": "rows.csv", "target": "y", **data},
            "train": train or {},
        }
    )


def rows(n: int = 300, seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": chance.normal(size=n).round(4).astype(str),
            "rooms": chance.integers(1, 9, n).astype(str),
            "town": chance.choice(["Ahaus", "Bonn", "Celle"], n),
            "y": chance.choice(["no", "yes"], n),
        }
    ).astype("str")


def failures(raw: pd.DataFrame, params: Params, **options: Any) -> list[str]:
    with pytest.raises(DataError) as caught:
        prepare(raw, params, **options)
    assert all(check.status == "failed" for check in caught.value.checks)
    return [str(check) for check in caught.value.checks]


def check(dataset: Dataset, name: str) -> Check:
    (found,) = [check for check in dataset.checks if check.name == name]
    return found


def test_a_clean_table_becomes_a_dataset() -> None:
    raw = rows()
    dataset = prepare(raw, case(positive="yes"))
    assert dataset.schema.features == ("size", "rooms", "town")
    assert (dataset.schema.classes, dataset.schema.positive) == (("no", "yes"), "yes")
    assert dataset.y.tolist() == raw["y"].tolist()
    assert dataset.weight is None
    both = np.sort(np.concatenate([dataset.train_rows, dataset.test_rows]))
    assert both.tolist() == list(range(len(raw)))
    assert 30 < len(dataset.test_rows) < 90
    assert dataset.warnings == ()
    assert dataset.leakage == ()
    assert {check.status for check in dataset.checks} == {"ok"}
    assert dataset.row_hashes.dtype == np.uint64
    assert re.fullmatch("[0-9a-f]{64}", dataset.fingerprint)


def test_what_a_model_is_given() -> None:
    dataset = prepare(rows(), case())
    some = dataset.X(dataset.test_rows)
    assert list(some.columns) == ["size", "rooms", "town"]
    assert some.index.tolist() == dataset.test_rows.tolist()
    assert dataset.X().shape == (300, 3)
    target = dataset.target(dataset.test_rows)
    assert target.dtype == np.int64
    labels = np.array(dataset.schema.classes)[target]
    assert labels.tolist() == dataset.y[dataset.test_rows].tolist()


def test_a_regression_target_is_numbers() -> None:
    raw = rows().drop(columns="y").rename(columns={"size": "y"})
    dataset = prepare(raw, case("regression"))
    assert dataset.schema.classes is None
    assert dataset.target().dtype == np.float64
    assert dataset.target().tolist() == raw["y"].astype(float).tolist()


def test_roles_follow_from_the_params() -> None:
    raw = rows().assign(
        w="2", g="a", t="2020-01-01", skip="1", code=[f"{i:04d}" for i in range(300)]
    )
    raw.loc[:9, "t"] = "2021-01-01"
    raw["gone"] = None
    dataset = prepare(
        raw,
        case(weight="w", group="g", time="t", ignore=["skip"], protected=["town"]),
    )
    roles = {column.name: column.role for column in dataset.schema.columns}
    assert roles == {
        **dict.fromkeys(["size", "rooms", "town"], "feature"),
        **{"y": "target", "w": "weight", "g": "group", "t": "time"},
        **dict.fromkeys(["skip", "code", "gone"], "ignored"),
    }
    assert list(dataset.frame.columns) == list(raw.columns)
    assert dataset.weight is not None
    assert set(dataset.weight) == {2.0}
    assert dataset.schema.column("town").protected
    assert [(c.name, c.column) for c in dataset.warnings] == [
        ("identifier", "code"),
        ("all missing", "gone"),
        ("positive", "y"),
    ]


def test_declared_kinds_win() -> None:
    dataset = prepare(rows(), case(columns={"rooms": "category", "town": "text"}))
    kinds = {column.name: column.kind for column in dataset.schema.columns}
    assert (kinds["rooms"], kinds["town"]) == ("category", "text")
    assert dataset.schema.column("rooms").why == "declared in data.columns"


def test_an_undecided_date_follows_the_other_dates() -> None:
    raw = rows()
    raw["start"] = ["2/13/2020", "3/1/2020"] * 150
    raw["end"] = ["3/4/2020", "5/6/2020"] * 150
    schema = infer_schema(raw, case())
    assert schema.column("end").format == "mdy"
    assert schema.column("end").why == (
        "every value is a date, read month before day as in the other columns"
    )


def test_levels_come_from_training_rows_alone() -> None:
    raw = rows()
    dataset = prepare(raw, case(sensitive=["y"]))
    rare = raw.copy()
    rare.loc[dataset.test_rows[0], "town"] = "Zeven"
    rare_dataset = prepare(rare, case(split={"by": "time"}, time="size"))
    levels = dataset.schema.column("town").levels
    assert levels == ("Ahaus", "Bonn", "Celle")
    assert dataset.schema.column("size").levels is None
    assert dataset.schema.column("y").levels is None
    training = rare_dataset.frame["town"].iloc[rare_dataset.train_rows]
    assert rare_dataset.schema.column("town").levels == tuple(sorted(set(training)))


def test_more_than_a_thousand_levels_are_not_listed() -> None:
    raw = pd.concat([rows(1500)] * 2, ignore_index=True)
    raw["code"] = [f"c{i % 1400}" for i in range(3000)]
    assert prepare(raw, case()).schema.column("code").levels is None


# Bad input: the table as a whole.


def test_an_empty_table_is_refused() -> None:
    assert failures(rows().iloc[:0], case()) == [
        "the data must have rows; it has 4 columns and no rows. Check data.source"
    ]


def test_repeated_column_names_are_refused() -> None:
    raw = rows()
    raw.columns = pd.Index(["a", "a", "town", "y"])
    (found,) = failures(raw, case())
    assert found == (
        "column 'a': column names must be distinct; the data has 2 columns of this "
        "name. Rename them in the file, or name the columns in data.names"
    )


def test_a_missing_target_is_named_with_the_nearest_column() -> None:
    assert failures(rows(), case(target="Y")) == [
        "column 'Y': data.target must name a column of the data; there is none of this "
        "name. Did you mean 'y'?"
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("time", "twon"),
        ("group", "twon"),
        ("weight", "twon"),
        ("columns", {"twon": "category"}),
        ("ignore", ["twon"]),
        ("sensitive", ["twon"]),
        ("protected", ["twon"]),
        ("accept_leakage", ["twon"]),
    ],
)
def test_every_column_the_params_name_must_exist(key: str, value: Any) -> None:
    (found,) = failures(rows(), case(**{key: value}))
    assert found == (
        f"column 'twon': data.{key} must name a column of the data; there is none of "
        "this name. Did you mean 'town'?"
    )


def test_all_faults_of_structure_are_told_together() -> None:
    found = failures(rows(), case(target="z", ignore=["q"], weight="p"))
    assert len(found) == 3
    assert "There are: 'size', 'rooms', 'town', 'y'" in found[0]


def test_the_target_has_one_role() -> None:
    found = failures(rows(), case(group="y", ignore=["y"]))
    assert found == [
        "column 'y': the target cannot be data.group as well; both name 'y'. Change "
        "data.group",
        "column 'y': the target cannot be data.ignore as well; both name 'y'. Change "
        "data.ignore",
    ]


@pytest.mark.parametrize("by", ["time", "group"])
def test_a_split_needs_its_column(by: str) -> None:
    (found,) = failures(rows(), case(split={"by": by}))
    assert found.startswith(
        f"data.split.by: {by} needs data.{by}; data.{by} is not set"
    )


def test_too_few_training_rows_are_refused() -> None:
    (found,) = failures(rows(110), case())
    assert re.fullmatch(
        r"at least 100 training rows are needed \(data.min_rows\); there are \d\d, and "
        r"\d\d test rows. Use more data, or lower data.min_rows if so few rows are "
        r"meant",
        found,
    )
    assert check(prepare(rows(110), case(min_rows=50)), "min rows").status == "ok"


def test_one_row_is_refused() -> None:
    found = failures(rows(1), case())
    assert "column 'y': a target needs at least two classes; every row is" in found[0]


def test_a_table_of_identifiers_has_no_feature() -> None:
    raw = pd.DataFrame({"a": [f"a{i}" for i in range(300)], "y": ["no", "yes"] * 150})
    (found,) = failures(raw, case())
    assert found.startswith("a model needs at least one feature; every column is the ")


# Bad input: values.


def test_text_in_numbers_is_refused() -> None:
    raw = rows()
    raw.loc[[3, 8], "size"] = "unknown"
    (found,) = failures(raw, case())
    assert found.startswith(
        "column 'size': a number column must hold numbers; the data has 'unknown' in "
        "data rows 4 and 9"
    )


def test_faults_of_several_columns_are_told_together() -> None:
    raw = rows()
    raw.loc[3, "size"] = "unknown"
    raw.loc[4, "rooms"] = "inf"
    raw["when"] = "2020-01-01"
    raw.loc[5, "when"] = "soon"
    params = case(columns={"rooms": "number", "when": "date"}, sensitive=["when"])
    found = failures(raw, params)
    assert len(found) == 3
    assert "'unknown' in data row 4" in found[0]
    assert "infinite in data row 5" in found[1]
    assert "••• in data row 6" in found[2]
    assert "soon" not in found[2]


def test_wrong_values_and_wrong_counts_are_told_together() -> None:
    raw = rows(110)
    raw.loc[3, "size"] = "unknown"
    found = failures(raw, case())
    assert len(found) == 2
    assert "at least 100 training rows" in found[1]


def test_a_test_file_is_held_to_the_same_schema() -> None:
    test = rows(60, seed=1)
    test.loc[2, "size"] = "abc"
    (found,) = failures(rows(), case(test="t.csv"), test=test)
    assert "the test file has 'abc' in data row 3" in found
    (found,) = failures(rows(), case(test="t.csv"), test=test.drop(columns="size"))
    assert found == (
        "column 'size': the feature must be a column of the test file; it is not "
        "there. There are: 'rooms', 'town', 'y'"
    )


@pytest.mark.parametrize("weight", ["-1", None])
def test_weights_are_numbers_of_at_least_0(weight: str | None) -> None:
    raw = rows().assign(w="1")
    raw.loc[6, "w"] = weight
    (found,) = failures(raw, case(weight="w"))
    assert found.startswith(
        "column 'w': sample weights must be numbers of at least 0; missing or negative "
        "in data row 7"
    )


def test_a_weight_that_is_text_is_refused() -> None:
    (found, *_) = failures(rows(), case(weight="town"))
    assert "column 'town': a number column must hold numbers" in found
    assert "name another data.weight" in found


def test_an_ignored_column_may_hold_anything() -> None:
    raw = rows().assign(odd=[f"{i}.5" for i in range(300)])
    raw.loc[[3, 8], "odd"] = ["inf", "broken"]
    assert len(failures(raw, case())) == 2
    dataset = prepare(raw, case(ignore=["odd"]))
    column = dataset.schema.column("odd")
    assert (column.kind, column.role) == ("category", "ignored")
    assert dataset.frame["odd"].tolist() == raw["odd"].tolist()
    test = rows(60, seed=1).assign(odd="other")
    prepare(raw.drop(index=8), case(ignore=["odd"], test="t.csv"), test=test)


# The target.


def test_one_class_only_is_refused() -> None:
    assert failures(rows().assign(y="no"), case()) == [
        "column 'y': a target needs at least two classes; every row is 'no'. Use data "
        "that hold every outcome"
    ]


def test_a_binary_target_of_three_values_is_refused() -> None:
    raw = rows()
    raw.loc[0, "y"] = "maybe"
    assert failures(raw, case()) == [
        "column 'y': a binary target has two values; there are 3: 'maybe', 'no', "
        "'yes'. Set task: multiclass, or task: regression if they are amounts"
    ]


def test_a_multiclass_target_of_two_values_is_refused() -> None:
    assert failures(rows(), case("multiclass")) == [
        "column 'y': a multiclass target has at least three values; there are two: "
        "'no', 'yes'. Set task: binary"
    ]


def test_a_multiclass_target_of_amounts_is_refused() -> None:
    raw = rows().drop(columns="y").rename(columns={"size": "y"})
    (found,) = failures(raw, case("multiclass"))
    assert re.match(
        r"column 'y': a multiclass target has at most 200 values; there are \d+ in 300 "
        r"rows: .* and \d+ more. Set task: regression if they are amounts",
        found,
    )


def test_regression_on_text_is_refused() -> None:
    (found,) = failures(rows(), case("regression"))
    assert found.startswith(
        "column 'y': a number column must hold numbers; the data has 'no' in "
        "data rows 1"
    )
    assert found.endswith("or set task: binary or multiclass if they are classes")


def test_a_constant_number_target_is_refused() -> None:
    assert failures(rows().assign(y="3"), case("regression")) == [
        "column 'y': the target must vary; all values are equal. Choose another target"
    ]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_target_without_values_is_refused(task: str) -> None:
    assert failures(rows().assign(y=None), case(task)) == [
        "column 'y': the target must have values; all are missing. Check data.missing"
    ]


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    raw = rows()
    raw.loc[[1, 4], "y"] = None
    dataset = prepare(raw, case())
    assert len(dataset.frame) == 298
    assert dataset.frame.index.tolist() == list(range(298))
    assert check(dataset, "target").sentence == (
        "column 'y': rows need a target; 2 rows without: data rows 2 and 5. "
        "They are dropped"
    )


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        (("no", "yes"), "yes"),
        (("Y", "N"), "Y"),
        (("1", "0"), "1"),
        (("1.0", "0.0"), "1"),
        (("-1", "1"), "1"),
        (("true", "FALSE"), "True"),
        (("neg", "pos"), "pos"),
    ],
)
def test_the_positive_class_is_known_by_its_name(
    labels: tuple[str, str], positive: str
) -> None:
    raw = rows()
    raw["y"] = list(labels) * 150
    assert infer_schema(raw, case()).positive == positive


def test_an_undeclared_positive_class_is_a_warning_that_names_it() -> None:
    dataset = prepare(rows(), case())
    found = check(dataset, "positive")
    assert found.status == "warning"
    assert str(found) == (
        "column 'y': the positive class should be declared; it is not; 'yes' is taken "
        'for its name. Write data.positive: "yes"'
    )
    assert found in dataset.warnings
    declared = prepare(rows(), case(positive="yes"))
    assert "positive" not in {check.name for check in declared.checks}
    hidden = check(prepare(rows(), case(sensitive=["y"])), "positive")
    assert "yes" not in str(hidden)


def test_typed_booleans_are_labels() -> None:
    raw = rows().assign(y=[True, False] * 150)
    assert infer_schema(raw, case()).classes == ("False", "True")


@pytest.mark.parametrize("labels", [("good", "bad"), ("1", "2"), ("a", "yes")])
def test_a_positive_class_without_a_telling_name_must_be_declared(
    labels: tuple[str, str],
) -> None:
    raw = rows().assign(y=list(labels) * 150)
    (found,) = failures(raw, case())
    assert (
        "the positive class must be declared where its name does not tell it" in found
    )
    assert all(repr(label) in found for label in labels)
    assert found.endswith("Set data.positive to one of them")


@pytest.mark.parametrize(
    ("declared", "labels"),
    [
        ("good", ("bad", "good")),
        (2, ("1", "2")),
        (True, ("false", "true")),
        ("true", ("false", "true")),
        (1.5, ("1.5", "2")),
    ],
)
def test_a_declared_positive_class_comes_second(
    declared: Any, labels: tuple[str, str]
) -> None:
    raw = rows().assign(y=list(labels) * 150)
    schema = infer_schema(raw, case(positive=declared))
    assert schema.classes is not None
    assert schema.positive == schema.classes[1]
    assert schema.positive.lower() == str(declared).lower()


def test_a_declared_positive_class_must_be_a_value() -> None:
    assert failures(rows(), case(positive="YES")) == [
        "column 'y': data.positive must be a value of the target; it is 'YES', the two "
        "are 'no', 'yes'. Set data.positive to one of them"
    ]


def test_labels_of_a_sensitive_target_are_masked() -> None:
    raw = rows().assign(y=["HIV", "none"] * 150)
    (found,) = failures(raw, case(sensitive=["y"]))
    assert "the two are 2 masked values" in found
    assert "HIV" not in found
    (found,) = failures(raw, case(sensitive=["y"], positive="AIDS"))
    assert "it is •••, the two are 2 masked values" in found
    dataset = prepare(raw, case(sensitive=["y"], positive="HIV"))
    assert "HIV" not in dataset._repr_html_()


def test_classes_are_sorted_as_numbers_where_all_are() -> None:
    raw = rows()
    raw["y"] = ["10", "9", "2"] * 100
    assert infer_schema(raw, case("multiclass")).classes == ("2", "9", "10")
    raw["y"] = ["b", "a", "10"] * 100
    assert infer_schema(raw, case("multiclass")).classes == ("10", "a", "b")


def with_rare(count: int, n: int = 400) -> pd.DataFrame:
    raw = rows(n)
    raw["y"] = (["a", "b"] * n)[:n]
    raw.loc[: count - 1, "y"] = "rare"
    raw["at"] = [str(i * 1.5) for i in range(n)]
    return raw


def test_a_class_with_one_training_row_is_refused() -> None:
    params = case("multiclass", time="at", split={"by": "time"})
    (found,) = failures(with_rare(1), params)
    assert found == (
        "column 'y': each class needs at least 2 training rows; 'rare has 1'. Merge "
        "rare classes, or leave them out by data.min_class_rows"
    )


def test_folds_need_as_many_rows_of_each_class() -> None:
    time = {"time": "at", "split": {"by": "time"}}
    raw = with_rare(3)
    assert check(prepare(raw, case("multiclass", **time)), "class rows").status == "ok"
    auto = case("multiclass", {"estimator": "auto"}, **time)
    warning = check(prepare(raw, auto), "class rows")
    assert (warning.status, warning.found) == ("warning", "'rare has 3'")
    calibrated = case("multiclass", {"calibration": "sigmoid"}, **time)
    (found,) = failures(raw, calibrated)
    assert "each class needs at least 5 training rows" in found


def test_test_rows_of_one_class_are_refused() -> None:
    raw = rows().assign(at=[str(i * 1.5) for i in range(300)])
    raw["y"] = ["no", "yes"] * 100 + ["no"] * 100
    (found,) = failures(raw, case(time="at", split={"by": "time"}))
    assert found == (
        "column 'y': test rows need at least two values of the target; all 60 test "
        "rows are alike. Use more data, a larger data.split.test_share or another split"
    )


# A test file of its own.


def test_a_test_file_makes_the_test_rows() -> None:
    test = rows(60, seed=1)
    dataset = prepare(rows(), case(test="t.csv"), test=test)
    assert dataset.train_rows.tolist() == list(range(300))
    assert dataset.test_rows.tolist() == list(range(300, 360))
    assert dataset.y[dataset.test_rows].tolist() == test["y"].tolist()
    assert check(dataset, "test copies").status == "ok"


def test_training_rows_that_stand_in_the_test_file_are_dropped() -> None:
    raw = rows()
    test = pd.concat([rows(60, seed=1), raw.iloc[[5, 9]]], ignore_index=True)
    dataset = prepare(raw, case(test="t.csv"), test=test)
    assert (len(dataset.train_rows), len(dataset.test_rows)) == (298, 62)
    learnt = dataset.row_hashes[dataset.train_rows]
    assert not np.isin(learnt, dataset.row_hashes[dataset.test_rows]).any()
    assert check(dataset, "test copies").sentence == (
        "a test row must not be a training row; 2 rows of the source also in the test "
        "file: data rows 6 and 10. They are dropped from training"
    )


def test_copies_in_the_test_file_stay_where_rows_repeat_anyway() -> None:
    rng = np.random.default_rng(5)
    few = pd.DataFrame({"a": rng.choice(["u", "v"], 400), "b": rng.choice(["r", "s"])})
    few["y"] = np.where(rng.random(400) < 0.5 + 0.3 * (few.a == "u"), "yes", "no")
    dataset = prepare(few[:300], case(test="t.csv"), test=few[300:])
    assert (len(dataset.train_rows), len(dataset.test_rows)) == (300, 100)
    found = check(dataset, "test copies")
    assert found.status == "warning"
    assert found.sentence.endswith(
        "They stay, as training rows are copies of each other as often"
    )


def test_copies_in_the_test_file_are_dropped_where_they_are_more_than_repetition() -> (
    None
):
    raw = pd.concat([rows(), rows().iloc[:10]], ignore_index=True)
    dataset = prepare(raw, case(test="t.csv"), test=raw.iloc[50:150])
    assert (len(dataset.train_rows), len(dataset.test_rows)) == (210, 100)


def test_labels_with_a_full_stop_in_the_test_file_are_known() -> None:
    test = rows(60, seed=1)
    plain = prepare(rows(), case(test="t.csv"), test=test)
    dotted = prepare(rows(), case(test="t.csv"), test=test.assign(y=test["y"] + "."))
    assert dotted.y.tolist() == plain.y.tolist()
    assert dotted.row_hashes.tolist() == plain.row_hashes.tolist()
    assert check(dotted, "labels").found == "the test file has 'no.', 'yes.'"


def test_other_labels_in_the_test_file_are_refused() -> None:
    test = rows(60, seed=1)
    test.loc[0, "y"] = "oui"
    assert failures(rows(), case(test="t.csv"), test=test) == [
        "column 'y': labels of the test file must be labels of the source; the test "
        "file has 'oui', the source 'no', 'yes'. Correct the test file"
    ]


# Warnings.


def test_columns_without_use_are_warned_about() -> None:
    raw = rows().assign(same="x", nothing=None, secret="s")
    dataset = prepare(raw, case(sensitive=["secret"]))
    found = {c.column: c for c in dataset.warnings}
    assert found["same"].found == "every training row has 'x'"
    assert found["secret"].found == "every training row has •••"
    assert found["nothing"].sentence == (
        "column 'nothing': a column should have values; all are missing. It is left out"
    )
    assert "nothing" not in dataset.schema.features


def test_identifiers_are_left_out_with_a_warning() -> None:
    raw = rows().assign(key=[f"k{i}" for i in range(300)])
    dataset = prepare(raw, case())
    assert "key" not in dataset.schema.features
    assert check(dataset, "identifier").sentence == (
        "column 'key': a model must not learn the names of rows; 100.0% of the values "
        "are distinct. It is left out; data.columns: {key: category} would keep it"
    )


def test_unseen_categories_in_test_rows_are_named() -> None:
    test = rows(60, seed=1)
    test.loc[:2, "town"] = ["Zeven", "Zeven", None]
    dataset = prepare(rows(), case(test="t.csv"), test=test)
    assert check(dataset, "unseen categories").found == "2 rows with 'Zeven'"
    hidden = prepare(rows(), case(test="t.csv", sensitive=["town"]), test=test)
    assert check(hidden, "unseen categories").found == "2 rows with 1 masked value"


def test_duplicate_rows_are_counted_and_stay_on_one_side() -> None:
    raw = pd.concat([rows(), rows().iloc[:40]], ignore_index=True)
    dataset = prepare(raw, case())
    assert check(dataset, "duplicate rows").found == "40 rows are copies"
    learnt = dataset.row_hashes[dataset.train_rows]
    assert not np.isin(learnt, dataset.row_hashes[dataset.test_rows]).any()


def test_duplicate_rows_on_both_sides_are_told() -> None:
    raw = pd.concat([rows(), rows().iloc[:40]], ignore_index=True)
    raw["at"] = [str(i * 1.5) for i in range(340)]
    dataset = prepare(raw, case(time="at", split={"by": "time"}))
    assert check(dataset, "duplicate rows").found == (
        "40 rows are copies; 40 contents on both sides of the split"
    )


def test_a_dataset_prints_its_facts_escaped() -> None:
    raw = rows().rename(columns={"town": "<town>"})
    html = prepare(raw.assign(same="<b>"), case())._repr_html_()
    assert "<caption>Data</caption>" in html
    assert '<th scope="row">fingerprint</th>' in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "<town>" not in html


def test_the_schema_survives_storage() -> None:
    schema = prepare(rows(), case(sensitive=["town"])).schema
    stored = schema.to_dict()
    assert Schema.from_dict(stored) == schema
    assert stored["columns"][0]["kind"] == "number"


def test_column_names_that_are_not_text_become_text() -> None:
    raw = rows().set_axis([0, 1, 2, "y"], axis="columns")
    assert prepare(raw, case()).schema.features == ("0", "1", "2")


def test_a_time_column_is_learnt_where_the_params_say_so() -> None:
    raw = rows().assign(at=[f"2024-01-{1 + i % 28:02d}" for i in range(len(rows()))])
    plain = prepare(raw, case(time="at"))
    learnt = prepare(raw, case(time="at", learn_time=True))
    assert set(learnt.schema.features) - set(plain.schema.features) == {"at"}
    column = learnt.schema.column("at")
    assert (column.role, column.learnt, column.is_feature) == ("time", True, True)
    assert Schema.from_dict(learnt.schema.to_dict()) == learnt.schema
    ignored = prepare(raw, case(time="at", learn_time=True, ignore=["at"]))
    assert "at" not in ignored.schema.features
    with pytest.raises(DataError, match="the time must be a column"):
        conform(raw.drop(columns="at"), learnt.schema)
    (found,) = failures(raw, case(learn_time=True))
    assert "data.learn_time needs data.time" in found


def test_rare_classes_are_left_out_where_the_params_say_so() -> None:
    raw = with_rare(3)
    params = case("multiclass", min_class_rows=5)
    raw["y"] = raw["y"].where(raw.index % 3 != 2, "c")
    dataset = prepare(raw, params)
    assert dataset.schema.classes == ("a", "b", "c")
    found = check(dataset, "rare classes")
    assert found.status == "warning"
    assert found.found.startswith("'rare'")
    assert check(dataset, "target").status == "ok"
    assert infer_schema(raw, params).classes == ("a", "b", "c")
    tests = prepare(raw, case("multiclass", min_class_rows=5, test="t"), test=raw[:90])
    assert "rare" not in set(tests.y)
    every = case("multiclass", min_class_rows=10_000)
    (found,) = failures(raw, every)
    assert "every class is left out as rare" in found


def test_a_time_column_that_is_learnt_is_not_looked_at_for_drift() -> None:
    raw = rows().assign(at=[f"2024-01-{1 + i % 28:02d}" for i in range(len(rows()))])
    dataset = prepare(raw, case(time="at", learn_time=True))
    profile = reference_profile(dataset.frame, dataset.schema)
    assert [column.name for column in profile.columns] == ["size", "rooms", "town"]
