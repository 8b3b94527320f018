"""What is known about a table: its columns, its schema, the checks it went through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

from mlkit.data.markup import table
from mlkit.params.models import Kind, Task

Role = Literal["feature", "target", "time", "group", "weight", "ignored"]
Status = Literal["ok", "warning", "failed"]

MASK = "•••"


@dataclass(frozen=True)
class Column:
    """One column: what its values are and what part it plays.

    Attributes
    ----------
    levels : tuple of str or None
        Values of a category or boolean column among the training rows, sorted; None for
        other kinds, for more than 1,000 values and for sensitive columns.
    format : str or None
        How texts are read: ``dmy`` or ``mdy`` for dates whose day and month need an
        order, such as ``epoch s`` for dates that are numbers, ``1,234.5`` or
        ``1.234,5`` for numbers with separators, with the unit that all of them have;
        None otherwise.
    why : str
        The sentence that says how kind and role were decided.
    learnt : bool
        Whether a model is given the time column as well.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    sensitive: bool = False
    protected: bool = False
    levels: tuple[str, ...] | None = None
    format: str | None = None
    why: str = ""
    learnt: bool = False

    @property
    def is_feature(self) -> bool:
        """Whether a model is given the column."""
        return self.role == "feature" or self.learnt

    def to_dict(self) -> dict[str, Any]:
        """Return the column as plain JSON data."""
        return asdict(self) | {
            "levels": None if self.levels is None else [*self.levels]
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the column that `to_dict` wrote."""
        levels = stored.get("levels")
        return cls(**{**stored, "levels": None if levels is None else tuple(levels)})


@dataclass(frozen=True)
class Schema:
    """The columns of a case in the table's order, and what is predicted.

    Attributes
    ----------
    classes : tuple of str or None
        Labels of a classification target: (negative, positive) when binary, sorted when
        multiclass; None for regression.
    positive : str or None
        The positive label of a binary target.
    """

    columns: tuple[Column, ...]
    task: Task
    target: str
    classes: tuple[str, ...] | None = None
    positive: str | None = None

    def __repr__(self) -> str:
        # Labels are values too: of a sensitive target they are not to be printed.
        hidden = any(c.sensitive for c in self.columns if c.name == self.target)
        labels = MASK if hidden and self.classes else repr(self.classes)
        positive = MASK if hidden and self.positive else repr(self.positive)
        return (
            f"Schema(columns={self.columns!r}, task={self.task!r}, "
            f"target={self.target!r}, classes={labels}, positive={positive})"
        )

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns a model is given, in the table's order."""
        return tuple(column.name for column in self.columns if column.is_feature)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns, in the table's order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises
        ------
        KeyError
            There is no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"column {name!r} is not one of {', '.join(self.names)}")

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain JSON data."""
        return {
            "columns": [column.to_dict() for column in self.columns],
            "task": self.task,
            "target": self.target,
            "classes": None if self.classes is None else [*self.classes],
            "positive": self.positive,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the schema that `to_dict` wrote."""
        classes = stored["classes"]
        return cls(
            columns=tuple(Column.from_dict(column) for column in stored["columns"]),
            task=stored["task"],
            target=stored["target"],
            classes=None if classes is None else tuple(classes),
            positive=stored["positive"],
        )

    def _repr_html_(self) -> str:
        rows = [
            (column.name, column.kind, column.role, _marks(column), column.why)
            for column in self.columns
        ]
        return table("Columns", ["column", "kind", "role", "marks", "why"], rows)


def _marks(column: Column) -> str:
    marks = {
        "sensitive": column.sensitive,
        "protected": column.protected,
        "learnt": column.learnt,
    }
    return ", ".join(mark for mark, given in marks.items() if given)


@dataclass(frozen=True)
class Check:
    """One rule the data were held against, and what was found.

    A suspicion that a column gives the target away has the name ``leakage`` and the
    status ``warning``.
    """

    name: str
    status: Status
    column: str | None
    rule: str
    found: str
    advice: str = ""

    @property
    def sentence(self) -> str:
        """The rule, what was found and what to do, in one sentence or two."""
        return str(self)

    def __str__(self) -> str:
        place = "" if self.column is None else f"column {self.column!r}: "
        advice = f". {self.advice}" if self.advice else ""
        return f"{place}{self.rule}; {self.found}{advice}"

    def to_dict(self) -> dict[str, Any]:
        """Return the check as plain JSON data."""
        return asdict(self)

    def _repr_html_(self) -> str:
        return checks_table([self])


def checks_table(checks: Iterable[Check]) -> str:
    """Return checks as an HTML table: failed first, then warnings, then passed."""
    order: list[Status] = ["failed", "warning", "ok"]
    rows = [
        (check.status, check.column, check.rule, check.found, check.advice)
        for check in sorted(checks, key=lambda check: order.index(check.status))
    ]
    return table("Checks", ["status", "column", "rule", "found", "what to do"], rows)


class DataError(ValueError):
    """The data cannot be used: one or more checks failed."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self.checks = tuple(check for check in checks if check.status == "failed")
        count = len(self.checks)
        head = f"the data failed {count} check{'' if count == 1 else 's'}:"
        super().__init__("\n  - ".join([head, *map(str, self.checks)]))
