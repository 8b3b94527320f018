"""What is wrong with a params file, in words that let its writer mend it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mlkit.params import schema, yaml12
from mlkit.params.yaml12 import KeyPath

LONGEST_VALUE = 60
# Keys that name a secret: whoever writes the secret itself there must not see it shown.
NAMES_OF_SECRETS: tuple[KeyPath, ...] = (("data", "connection"),)
MASK = "•••"
# A URL with a user in it; what comes behind the scheme is nobody's business.
_SECRET_URL = re.compile(r"(?<=://)[^\s'\"\]}]*@[^\s'\"\]}]*")
TRUE_OR_FALSE = {
    **dict.fromkeys(("yes", "on", "y", "true"), "true"),
    **dict.fromkeys(("no", "off", "n", "false"), "false"),
}


@dataclass(frozen=True)
class Problem:
    """A key that breaks a rule.

    ``got`` is the value as YAML would show it, ``advice`` the next step, ``where`` the
    line of the file or the override that set the key; each may be empty. None of them
    shows more of a URL with a user and a password in it than its scheme.
    """

    path: KeyPath
    rule: str
    got: str = ""
    advice: str = ""
    where: str = ""

    def __post_init__(self) -> None:
        for name in ("rule", "got", "advice", "where"):
            object.__setattr__(self, name, _without_secrets(getattr(self, name)))

    @property
    def key(self) -> str:
        """The key's full path, such as ``evaluate.gates[1].min``."""
        return dotted(self.path)

    def __str__(self) -> str:
        text = f"{self.where}: " if self.where else ""
        text += f"{self.key} {self.rule}".strip()
        text += f", got {self.got}" if self.got else ""
        return text + (f"; {self.advice}" if self.advice else "")


class ParamsError(ValueError):
    """Params that cannot be used; ``problems`` lists everything wrong with them."""

    def __init__(self, origin: str, problems: Iterable[Problem]) -> None:
        self.origin = origin
        self.problems = tuple(problems)
        super().__init__(self._text())

    def _text(self) -> str:
        if len(self.problems) == 1:
            return f"{self.origin}: {self.problems[0]}"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        return f"{self.origin}: {len(self.problems)} problems\n{lines}"


def dotted(path: KeyPath) -> str:
    """Write a path as ``--set`` reads it.

    Examples
    --------
    >>> dotted(("evaluate", "gates", 1, "min"))
    'evaluate.gates[1].min'
    >>> dotted(("data", "columns", "a.b"))
    'data.columns."a.b"'
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = re.fullmatch(r"[^\s.=\[\]\"]+", part)
            text += "." * bool(text) + (part if plain else json.dumps(part))
    return text


def shown(value: Any) -> str:
    """Show a value on one line, shortened, text in quotes."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    text = _without_secrets(text)
    if len(text) > LONGEST_VALUE:
        text = f"{text[: LONGEST_VALUE - 3]}..."
    return text


def _without_secrets(text: str) -> str:
    return _SECRET_URL.sub(MASK, text)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that looks most like this one, if any does."""
    lowered = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower(), lowered, n=1)
    return lowered[close[0]] if close else None


def from_pydantic(error: ValidationError, data: Mapping[str, Any]) -> list[Problem]:
    """Turn pydantic's errors about ``data`` into problems, one for each key."""
    found: dict[KeyPath, Problem] = {}
    for details in error.errors(include_url=False):
        path = _path(details, data)
        found.setdefault(path, _problem(details, path, data))
    # A value that may be of two kinds is complained about once for each: at the value
    # for the kind that it is not, and inside it for the kind that it is.
    inside = {path[:size] for path in found for size in range(len(path))}
    return [
        problem
        for path, problem in found.items()
        if path not in inside or not problem.rule.startswith("must be")
    ]


def _path(details: ErrorDetails, data: Any) -> KeyPath:
    path: list[str | int] = []
    for part in details["loc"]:
        # Where a value may be of two kinds, pydantic adds a name of the kind tried.
        inside_list = isinstance(data, list) and isinstance(part, int)
        if inside_list or (isinstance(data, Mapping) and part in data):
            path.append(part)
            data = data[part]
    if details["type"] == "missing":
        path.append(details["loc"][-1])
    return tuple(path)


def _problem(details: ErrorDetails, path: KeyPath, data: Mapping[str, Any]) -> Problem:
    declared = schema.find(path) or {}
    if details["type"] == "missing":
        return Problem(path, "is missing", advice=f"give {schema.in_words(declared)}")
    if path in NAMES_OF_SECRETS:
        rule = "must be the name of an environment variable, or of a line in `.env`"
        advice = "write the secret there, and only its name here"
        return Problem(path, rule, MASK, advice)
    value = value_at(data, path)
    if details["type"] == "extra_forbidden":
        return Problem(path, "is not a known key", advice=_known_near(path))
    if details["type"] == "value_error":
        return Problem(path, str(details["ctx"]["error"]), shown(value))
    rule = f"must be {schema.in_words(declared)}"
    return Problem(path, rule, shown(value), _advice(declared, value))


def value_at(data: Any, path: KeyPath) -> Any:
    """Return the value at a path, ``None`` where there is none."""
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def _known_near(path: KeyPath) -> str:
    *above, key = path
    siblings = schema.known_keys(tuple(above))
    near = nearest(str(key), siblings)
    if near is not None:
        return f"did you mean `{dotted((*above, near))}`?"
    for section in schema.sections():
        if key in schema.known_keys(section):
            return f"did you mean `{dotted((*section, key))}`?"
    return f"known here: {', '.join(siblings)}"


def _advice(declared: schema.JsonSchema, value: Any) -> str:
    choices = declared.get("anyOf", [declared])
    types = {choice.get("type", "object") for choice in choices}
    if isinstance(value, str):
        return _advice_on_text(choices, types, value)
    if value is None:
        return "remove the key, or give it a value"
    if "string" in types and isinstance(value, bool | int | float):
        return f'put it in quotes: "{shown(value)}"'
    if "integer" in types and isinstance(value, float) and value.is_integer():
        return f"write {value:.0f}"
    if declared.get("minimum") == declared.get("maximum") is not None:
        return "the file was written for another version of mlkit"
    return ""


def _advice_on_text(
    choices: list[schema.JsonSchema], types: set[str], value: str
) -> str:
    allowed = [
        word for c in choices for word in c.get("enum", [c.get("const")]) if word
    ]
    near = nearest(value, [str(word) for word in allowed])
    if near is not None:
        return f"did you mean {near}?"
    if "boolean" in types and value.lower() in TRUE_OR_FALSE:
        return (
            f"YAML 1.2 knows only true and false: write {TRUE_OR_FALSE[value.lower()]}"
        )
    number = yaml12.scalar(value.replace("_", "").strip())
    if types & {"integer", "number"} and isinstance(number, int | float):
        return f"write the number without quotes or `_`: {shown(number)}"
    if "array" in types:
        return f"write a list: [{value}]"
    return ""
