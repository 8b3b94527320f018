"""What the written file says of columns beyond its keys: kinds, readings, copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mlkit.scaffold import Scaffolded, scaffold
from mlkit.scaffold.overview import _linear, named
from tests.workspace import toy_table

ROWS = 400


def written(root: Path, table: pd.DataFrame, **how: str) -> Scaffolded:
    table.to_csv(root / "t.csv", index=False, **how)  # type: ignore[call-overload]
    return scaffold("t", "t.csv", "bought", root=root)


def said(made: Scaffolded) -> str:
    return "\n".join(map(str, made.findings))


def comments(made: Scaffolded) -> str:
    lines = [line.strip() for line in made.text.splitlines()]
    return " ".join(line.removeprefix("# ") for line in lines if line.startswith("#"))


def test_rows_without_a_target_are_a_finding(tmp_path: Path) -> None:
    table = toy_table(ROWS)
    table["bought"] = table["bought"].astype(object)
    table.loc[:6, "bought"] = None
    made = written(tmp_path, table)
    why = "missing in 7 rows, which are left out"
    assert f"data.target 'bought': {why}" in said(made)
    assert why in made.text


def test_decimal_commas_and_the_order_of_dates_are_findings(tmp_path: Path) -> None:
    table = toy_table(ROWS).assign(
        price=np.linspace(1, 9, ROWS).round(2)[::-1] ** 2,
        seen=pd.date_range("2023-01-01", periods=ROWS).strftime("%d/%m/%Y"),
        when=pd.date_range("2024-01-01", periods=ROWS).strftime("%m/%d/%Y"),
    )
    made = written(tmp_path, table, sep=";", decimal=",")
    for what in (
        "decimal commas in 'age', 'price'",
        "dates with the day before the month in 'seen'",
        "dates with the month before the day in 'when'",
    ):
        assert f"data: {what}" in said(made)
        assert f"Read: {what}." in comments(made)
    assert "data: dates" not in said(written(tmp_path, toy_table(ROWS)))


def test_the_kinds_of_columns_are_listed_in_short(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    many = {f"n{place}": rng.normal(size=ROWS) for place in range(11)}
    made = written(tmp_path, toy_table(ROWS).assign(**many))
    heard = comments(made)
    assert "13 number: 'age', 'visits', 'n0', 'n1', 'n2', 'n3', 'n4', 'n5' and 5" in (
        heard
    )
    assert "1 category: 'region'" in heard
    assert "'n6'" not in heard
    assert "data.html lists all" in heard


def test_columns_that_say_the_same_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    celsius = rng.normal(10, 8, ROWS).round(1)
    school = rng.choice(["none", "school", "college"], ROWS)
    years = pd.Series(school).map({"none": 0, "school": 9, "college": 15})
    made = written(
        tmp_path,
        toy_table(ROWS).assign(
            celsius=celsius,
            fahrenheit=32 + 1.8 * celsius,
            school=school,
            years=years.to_numpy(),
            noise=celsius + rng.normal(0, 2, ROWS),
        ),
    )
    kept = "kept: trees do not mind, but importances are shared between the two"
    linear = f"is a linear function, or nearly, of 'celsius'; {kept}"
    same = f"says the same, value by value, as 'school'; {kept}"
    assert f"data 'fahrenheit': {linear}" in said(made)
    assert f"data 'years': {same}" in said(made)
    assert f"'fahrenheit' {linear}." in comments(made)
    assert said(made).count(kept) == 2


@pytest.mark.filterwarnings("error")
def test_an_outlier_or_a_rare_flag_makes_no_copy() -> None:
    rng = np.random.default_rng(2)
    rows = 3_000
    frame = pd.DataFrame(rng.normal(size=(rows, 2)), columns=["a", "b"])
    frame.iloc[0] = 1e6
    flags = pd.DataFrame(0.0, index=range(rows), columns=["f", "g", "h"])
    # The same one of the rows that are glanced at, and others of the rest.
    flags.iloc[0] = 1.0
    for place in range(3):
        flags.iloc[100 + place : 2_900 : 50, place] = 1.0
    huge = pd.DataFrame({"x": rng.normal(size=rows) * 1e300, "none": np.nan})
    frame = pd.concat([frame, flags, huge], axis=1)
    assert list(_linear(frame)) == []
    frame["-x"] = 3 - 2 * frame["a"]
    assert list(_linear(frame)) == [("a", "-x")]


def test_names_beyond_the_first_are_counted() -> None:
    assert named(["a"]) == "'a'"
    assert named([f"c{place}" for place in range(1_010)]).endswith(
        "'c7' and 1,002 more"
    )
