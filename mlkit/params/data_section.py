"""The section `data`: where the rows come from and what the columns mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlkit.params.values import Kind, Scalar, Section, Text, Variable

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")


class Split(Section):
    """How rows are divided into training and test rows."""

    by: Literal["row", "group", "time"] = Field(
        "row",
        description="`row`: by a hash of the row's content; `group`: by a hash of "
        "`data.group`, so that a group is never on both sides; `time`: the newest rows "
        "by `data.time` are the test rows. A row once in test stays in test.",
    )
    test_share: float = Field(
        0.2, gt=0, lt=1, description="Share of the rows that is kept for testing."
    )
    cutoff: Text | None = Field(
        None,
        description="`by: time` only: rows at or after this ISO date are test rows; "
        "null takes the date that leaves `test_share` of the rows.",
    )


class Data(Section):
    """Where the rows come from and what the columns mean."""

    source: Text | None = Field(
        None,
        description="A CSV, TSV or Parquet file (path or fsspec URI; .gz and .zip "
        "too), `sklearn:<name>` (breast_cancer, diabetes, digits, wine) or "
        "`synthetic:<domain>`. Relative paths start at the workspace root. Either this "
        "or `query`.",
    )
    query: Text | None = Field(
        None,
        description="An SQL query that returns one row an example: by DuckDB over "
        "`files`, or by the database of `connection`.",
    )
    files: dict[str, Text] = Field(
        default_factory=dict,
        description="Tables for `query`: the name used in SQL and the file it stands "
        "for.",
    )
    connection: Variable | None = Field(
        None,
        description="The name (not the value) of the environment variable, or of "
        "the line in the workspace's `.env`, that holds the SQLAlchemy URL of the "
        "database for `query`.",
    )
    options: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Arguments of a `synthetic:` generator, such as `rows` or `drift`.",
    )
    test: Text | None = Field(
        None,
        description="A file of its own with the test rows; null splits the source.",
    )
    only: dict[str, Scalar] = Field(
        default_factory=dict,
        description="Keeps only rows that have these values: a column each, and the "
        "value it must have. Rows to score are not left out.",
    )
    separator: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="Column separator of a text file; null finds it."
    )
    encoding: Text | None = Field(
        None,
        description="Encoding of a text file; null takes the one its byte order mark "
        "says, else UTF-16 where it shows, else UTF-8, else cp1252 (Western European), "
        "else latin-1.",
    )
    header: bool = Field(
        True, description="Whether the first line of a text file names the columns."
    )
    names: list[Text] | None = Field(
        None, description="Column names of a headerless text file, in order."
    )
    missing: list[str] = Field(
        default_factory=lambda: list(MISSING),
        description="Cell texts that mean missing; blanks around a cell are ignored.",
    )
    target: Text = Field(description="The column to predict.")
    positive: Scalar | None = Field(
        None,
        description="Binary tasks: the value of the target that counts as positive.",
    )
    time: Text | None = Field(
        None, description="The column that says when a row happened."
    )
    learn_time: bool = Field(
        False,
        description="Whether a model is also given `time`, taken apart into year, "
        "month, day, weekday, hour and elapsed days.",
    )
    group: Text | None = Field(
        None, description="The column whose rows belong together in a split."
    )
    weight: Text | None = Field(
        None, description="A column of sample weights (numbers of at least 0)."
    )
    columns: dict[str, Kind] = Field(
        default_factory=dict,
        description="Kinds declared by hand: number, category, boolean, date, text or "
        "identifier. Kinds not declared are inferred from the values.",
    )
    ignore: list[Text] = Field(
        default_factory=list, description="Columns the model must not see."
    )
    sensitive: list[Text] = Field(
        default_factory=list,
        description="Columns whose values are masked in reports and errors. The model "
        "still learns from them, and its file holds their words and categories; "
        "`ignore` keeps a column out of it. Explanations mask a value, but not what "
        "it contributes, by which rows of equal values can be told to be alike.",
    )
    protected: list[Text] = Field(
        default_factory=list,
        description="Columns by which the results are compared between groups.",
    )
    split: Split = Field(default_factory=Split)
    min_rows: int = Field(
        100, ge=10, description="Fewer training rows than this are refused."
    )
    min_class_rows: int = Field(
        0,
        ge=0,
        description="Classes with fewer rows than this are left out with their rows.",
    )
    accept_leakage: list[Text] = Field(
        default_factory=list,
        description="Columns known to predict the target almost perfectly and still "
        "available when a prediction is made; they no longer stop a promotion.",
    )
