"""The kinds of value that keys of a case take, and the group that holds keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Task = Literal["binary", "multiclass", "regression"]
Kind = Literal["number", "category", "boolean", "date", "text", "identifier"]
Scalar = str | int | float | bool
Text = Annotated[str, Field(min_length=1)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
DOTTED_PATH = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
# The expression that semver.org recommends, with an optional leading v.
SEMANTIC_VERSION = (
    r"^v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
    r"(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)
TEXTFILE = r"[^/\\]\.prom$"
# Patterns in words: a regular expression helps nobody to mend a name.
PATTERNS = {
    NAME: "made of letters, digits, `.`, `_` and `-`, at most 128, the first a letter "
    "or a digit",
    DOTTED_PATH: "of the form package.module:name",
    VARIABLE: "made of letters, digits and `_`, the first not a digit",
    SEMANTIC_VERSION: "that is a semantic version such as 1.2.0",
    TEXTFILE: "that ends in `.prom`",
}
Name = Annotated[str, Field(pattern=NAME)]
DottedPath = Annotated[str, Field(pattern=DOTTED_PATH)]
Variable = Annotated[str, Field(pattern=VARIABLE)]
SemanticVersion = Annotated[str, Field(pattern=SEMANTIC_VERSION)]


class Section(BaseModel):
    """A group of keys: unknown keys are refused, values are strict and read-only."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )
