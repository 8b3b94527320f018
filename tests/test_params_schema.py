"""The JSON Schema and the Markdown reference that follow from the models."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mlkit.params import Params, cases, json_schema, params_from_dict, reference
from mlkit.params.models import Section
from mlkit.params.schema import find, in_words, known_keys
from mlkit.params.values import PATTERNS
from mlkit.params.yaml12 import parse

PROJECT = Path(__file__).resolve().parents[1]
PLAIN = {"case": "toy", "task": "binary", "data": {"source": "a.csv", "target": "y"}}


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_schema_file_is_current() -> None:
    written = json.loads((PROJECT / "params" / "schema.json").read_text())
    assert written == json_schema(), "run `make docs`"


def test_the_reference_page_is_current() -> None:
    written = (PROJECT / "docs" / "params.md").read_text()
    assert written == reference(), "run `make docs`"


def test_every_group_refuses_unknown_keys_and_explains_its_own() -> None:
    schema = json_schema()
    for group in (schema, *schema["$defs"].values()):
        assert group["additionalProperties"] is False
        assert group["description"]
        for key, declared in group["properties"].items():
            assert declared.get("description") or "$ref" in declared, key


@pytest.mark.parametrize("case", cases(PROJECT))
def test_editors_find_nothing_wrong_with_the_bundled_cases(
    validator: Any, case: str
) -> None:
    text = (PROJECT / "params" / f"{case}.yaml").read_text()
    assert list(validator.iter_errors(parse(text).data)) == []


def test_the_schema_accepts_what_the_models_give_back(validator: Any) -> None:
    params = params_from_dict(PLAIN | {"train": {"search": {}}})
    assert list(validator.iter_errors(params.to_dict())) == []


@pytest.mark.parametrize(
    "change",
    [
        {"task": "binry"},
        {"seed": -1},
        {"format": 2},
        {"unknown": 1},
        {"data": {"source": "a.csv"}},
        {"train": {"folds": 1}},
        {"registry": {"version": "1.2"}},
        {"evaluate": {"gates": [{"min": 1}]}},
    ],
)
def test_editors_see_what_the_models_refuse(
    validator: Any, change: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="params: "):
        params_from_dict(PLAIN | change)
    assert list(validator.iter_errors(PLAIN | change))


def test_the_schema_cannot_be_spoilt_by_its_reader() -> None:
    json_schema()["properties"].clear()
    assert "task" in json_schema()["properties"]


def test_the_reference_has_a_row_for_every_key_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", reference(), re.MULTILINE))
    keys = {
        ("" if path == "" else f"{path}.") + name
        for path, model in _models(Params, "").items()
        for name in model.model_fields
    }
    assert rows.keys() == keys
    assert "`0.2`" in rows["data.split.test_share"]
    assert "required" in rows["data.target"]
    assert '`[{"metric": "primary", "better_than": "dummy"}]`' in rows["evaluate.gates"]
    assert r"\|" in rows["data.separator"]


def _models(model: type[Section], path: str) -> dict[str, type[Section]]:
    found = {path: model}
    for name, field in model.model_fields.items():
        kinds = (field.annotation, *getattr(field.annotation, "__args__", ()))
        inner = [k for k in kinds if isinstance(k, type) and issubclass(k, Section)]
        many = "[]" if "list" in str(field.annotation) else ""
        for kind in inner:
            found |= _models(kind, f"{path}.{name}{many}".lstrip("."))
    return found


def test_the_example_of_the_reference_is_a_good_case() -> None:
    example = re.findall(r"```yaml\n(.*?)```", reference(), re.DOTALL)[0]
    assert params_from_dict(parse(example).data).data.positive == "yes"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (("task",), 'one of "binary", "multiclass" and "regression"'),
        (("data", "split", "test_share"), "a number above 0 and below 1"),
        (("data", "positive"), "text, a number, true/false or null"),
        (("data", "header"), "true or false"),
        (("data", "names"), "a list, each item non-empty text or null"),
        (("train", "search"), "a group of keys or null"),
        (
            ("evaluate", "gates", 0, "better_than"),
            'one of "dummy" and "linear", or null',
        ),
        (("train", "options", "anything"), "text, a number, true/false or null"),
        (("train", "class_weight", "yes"), "a number"),
        (
            ("data", "connection"),
            "text made of letters, digits and `_`, the first not a digit, or null",
        ),
        (("drift", "statistics", 0, "path"), "text of the form package.module:name"),
        (
            ("registry", "version"),
            "text that is a semantic version such as 1.2.0 or null",
        ),
    ],
)
def test_a_key_says_in_words_what_it_takes(path: Any, words: str) -> None:
    declared = find(path)
    assert declared is not None
    assert in_words(declared) == words


def test_every_pattern_has_words_of_its_own() -> None:
    patterns = set(
        re.findall(r'"pattern": ("(?:[^"\\]|\\.)*")', json.dumps(json_schema()))
    )
    assert {json.loads(pattern) for pattern in patterns} == PATTERNS.keys()
    assert len(set(PATTERNS.values())) == len(PATTERNS)


def test_unknown_paths_are_not_found() -> None:
    assert find(("train", "nothing")) is None
    assert find(("seed", "nothing")) is None
    assert known_keys(("train", "options")) == ()
