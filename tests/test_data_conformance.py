"""Giving a table the shape of a schema, and saying why it cannot be done."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlkit.data import Column, DataError, Schema, conform, infer_schema, unseen_levels
from mlkit.params.models import Data, Params


def schema(*columns: Column, target: str = "y", **kind: str) -> Schema:
    return Schema((*columns, Column(target, "category", "target")), "binary", target)


def column(*values: object, name: str = "a") -> pd.DataFrame:
    return pd.DataFrame({name: list(values), "y": ["no"] * len(values)})


def message(raw: pd.DataFrame, wanted: Schema, *, need_target: bool = True) -> str:
    with pytest.raises(DataError) as caught:
        conform(raw, wanted, need_target=need_target)
    return str(caught.value)


def test_each_kind_has_its_type_and_missing_value() -> None:
    wanted = schema(
        *(Column("n", "number"), Column("c", "category"), Column("b", "boolean")),
        *(Column("d", "date"), Column("t", "text"), Column("i", "identifier")),
    )
    raw = pd.DataFrame(
        {
            "n": ["1", None, "2.5"],
            "c": [" x ", "y", None],
            "b": ["true", "NO", None],
            "d": ["2020-01-02", None, "2020-01-03 04:05"],
            "t": ["some words", None, ""],
            "i": ["007", "8", None],
            "y": ["a", "b", "a"],
            "extra": [1, 2, 3],
        },
        index=[7, 3, 5],
    )
    frame = conform(raw, wanted)
    assert list(frame.columns) == [*"ncbdtiy"]
    assert list(frame.index) == [7, 3, 5]
    kinds = {name: str(dtype) for name, dtype in frame.dtypes.items()}
    assert kinds == {
        **dict.fromkeys("cbtiy", "str"),
        **{"n": "float64", "d": "datetime64[us]"},
    }
    assert frame["c"].tolist()[:2] == ["x", "y"]
    assert frame["b"].tolist()[:2] == ["True", "False"]
    assert frame["i"].tolist()[:2] == ["007", "8"]
    assert frame.isna().sum().tolist() == [1, 1, 1, 1, 2, 1, 0]


def test_typed_columns_become_the_same_values_as_their_texts() -> None:
    wanted = schema(
        *(Column("n", "number"), Column("c", "category"), Column("b", "boolean")),
        Column("d", "date"),
    )
    stamps = pd.DatetimeIndex(["2020-01-01T00:00", None, "2020-06-01T12:30"])
    typed = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "c": [1.0, np.nan, 2.5],
            "b": [True, None, False],
            "d": stamps.tz_localize("UTC").tz_convert("Asia/Tokyo"),
            "y": pd.Categorical(["u", "v", "u"]),
        }
    )
    text = pd.DataFrame(
        {
            "n": ["1", None, "3.0"],
            "c": ["1", None, "2.5"],
            "b": ["1", "", "f"],
            "d": ["2020-01-01T00:00Z", "", "2020-06-01 13:30+01:00"],
            "y": ["u", "v", "u"],
        }
    )
    pd.testing.assert_frame_equal(conform(typed, wanted), conform(text, wanted))


def test_dates_and_numbers_are_read_in_the_format_of_the_schema() -> None:
    wanted = schema(
        Column("d", "date", format="mdy"), Column("n", "number", format="1.234,5")
    )
    raw = pd.DataFrame({"d": ["2/3/2020"], "n": ["1.234,5"], "y": ["no"]})
    frame = conform(raw, wanted)
    assert frame["d"][0] == pd.Timestamp(2020, 2, 3)
    assert frame["n"][0] == 1234.5


def test_an_inferred_schema_fits_new_rows() -> None:
    raw = pd.DataFrame(
        {
            "when": ["13/2/2020", "1/2/2020"] * 30,
            "size": ["1,5", "2,0"] * 30,
            "y": ["no", "yes"] * 30,
        }
    )
    params = Params(case="c", task="binary", data=Data(source="f", target="y"))
    found = infer_schema(raw, params)
    assert (found.classes, found.positive) == (("no", "yes"), "yes")
    assert found.features == ("when", "size")
    new = pd.DataFrame({"when": ["4/5/2021"], "size": ["7,25"]})
    row = conform(new, found, need_target=False).iloc[0]
    assert (row["when"], row["size"]) == (pd.Timestamp(2021, 5, 4), 7.25)
    assert Schema.from_dict(found.to_dict()) == found


def test_text_in_a_number_column_is_named_with_its_rows() -> None:
    raw = column("1", "abc", "2", "abc", "?")
    assert message(raw, schema(Column("a", "number"))) == (
        "the data failed 1 check:\n"
        "  - column 'a': a number column must hold numbers; the data has 'abc' in data "
        "rows 2 and 4, '?' in data row 5; 3 rows in all. Correct them, add them to "
        "data.missing if they mean missing, or declare data.columns: {a: category}"
    )


def test_many_wrong_texts_are_counted() -> None:
    found = message(column(*map(chr, range(97, 110))), schema(Column("a", "number")))
    assert "'e' in data row 5 and 8 more texts; 13 rows in all" in found


def test_long_texts_are_shortened() -> None:
    found = message(column("x" * 100), schema(Column("a", "number")))
    assert f"'{'x' * 39}…' in data row 1" in found


def test_numbers_in_another_style_are_not_guessed() -> None:
    found = message(column("1.234,5"), schema(Column("a", "number", format="1,234.5")))
    assert "must hold numbers written like 1,234.5; the data has '1.234,5'" in found


@pytest.mark.parametrize("values", [("1", "inf", "-inf"), (1.0, np.inf, -np.inf)])
def test_infinities_are_refused_with_their_rows(values: tuple[object, ...]) -> None:
    assert (
        "column 'a': numbers must be finite; the data is infinite in data rows 2 and "
        "3. Correct them, or add the text to data.missing if it means missing"
    ) in message(column(*values), schema(Column("a", "number")))


def test_what_is_no_date_is_refused() -> None:
    found = message(column("2020-01-01", "2020-02-30"), schema(Column("a", "date")))
    assert (
        "column 'a': a date column must hold dates; the data has '2020-02-30' in data "
        "row 2. Correct them, write them like 2016-02-29 01:16, or declare "
        "data.columns: {a: category}"
    ) in found


def test_what_is_neither_true_nor_false_is_refused() -> None:
    found = message(column("yes", "maybe"), schema(Column("a", "boolean")))
    assert (
        "column 'a': a boolean column must hold true or false, yes or no, 1 or 0; the "
        "data has 'maybe' in data row 2"
    ) in found


def test_a_missing_column_is_named_with_the_nearest_one() -> None:
    raw = pd.DataFrame({"Price": [1], "rooms": [2]})
    wanted = schema(Column("price", "number"), Column("garden", "number"))
    found = message(raw, wanted, need_target=False)
    assert found == (
        "the data failed 2 checks:\n"
        "  - column 'price': the feature must be a column of the data; it is not "
        "there. Did you mean 'Price'?\n"
        "  - column 'garden': the feature must be a column of the data; it is not "
        "there. There are: 'Price', 'rooms'"
    )


def test_every_failed_check_is_reported_at_once() -> None:
    wanted = schema(Column("a", "number"), Column("b", "date"), Column("c", "number"))
    raw = pd.DataFrame({"a": ["x"], "b": ["x"], "y": ["no"]})
    with pytest.raises(DataError) as caught:
        conform(raw, wanted)
    assert {check.column for check in caught.value.checks} == {"a", "b", "c"}


def test_repeated_column_names_are_refused() -> None:
    raw = pd.DataFrame([["1", "2", "no"]], columns=["a", "a", "y"])
    found = message(raw, schema(Column("a", "number")))
    assert "column 'a': column names must be distinct; the data has 2 columns" in found


def test_values_of_sensitive_columns_are_masked() -> None:
    wanted = schema(Column("a", "number", sensitive=True))
    found = message(column("1", "secret", "private"), wanted)
    assert "••• in data row 2, ••• in data row 3" in found
    assert "secret" not in found
    assert "private" not in found


def test_columns_that_are_not_features_may_be_absent() -> None:
    wanted = schema(Column("a", "number"), Column("id", "identifier", "ignored"))
    frame = conform(pd.DataFrame({"a": [1], "y": ["no"]}), wanted)
    assert frame["id"].isna().all()
    assert str(frame["id"].dtype) == "str"


def test_the_target_is_left_out_where_it_is_not_needed() -> None:
    wanted = Schema(
        (Column("a", "number"), Column("y", "number", "target")), "binary", "y"
    )
    raw = pd.DataFrame({"a": [1], "y": ["not a number"]})
    assert list(conform(raw, wanted, need_target=False)) == ["a"]


def test_unseen_categories_are_a_warning() -> None:
    wanted = schema(
        *(Column("a", "category", levels=("x", "z")), Column("b", "category")),
        Column("c", "category", sensitive=True, levels=("x",)),
    )
    raw = pd.DataFrame({name: ["x", "new", "new", None] for name in "abc"})
    frame = conform(raw, wanted, need_target=False)
    first, second = unseen_levels(frame, wanted)
    assert (first.status, first.column) == ("warning", "a")
    assert first.sentence == (
        "column 'a': categories should be known from training; 2 rows with 'new'. The "
        "model treats a category it does not know as missing or rare"
    )
    assert second.found == "2 rows with 1 masked value"


def test_no_rows_conform_to_no_rows() -> None:
    wanted = schema(Column("a", "number"), Column("b", "category"), Column("d", "date"))
    empty = pd.DataFrame({name: pd.Series([], dtype="str") for name in "abdy"})
    assert conform(empty, wanted).shape == (0, 4)
