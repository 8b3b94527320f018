"""YAML 1.2 as params files use it, and what is said about files that are not YAML."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlkit.params import yaml12
from mlkit.params.yaml12 import NotYaml, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # The examples of YAML 1.2.2, section 10.3.2, and the traps of YAML 1.1.
        ("null", None),
        ("~", None),
        ("Null", None),
        ("nUll", "nUll"),
        ("true", True),
        ("True", True),
        ("tRUE", "tRUE"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("0", 0),
        ("-19", -19),
        ("+3", 3),
        ("010", 10),
        ("0o7", 7),
        ("0x3A", 58),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("190:20:30", "190:20:30"),
        ("0.", 0.0),
        ("-0.0", -0.0),
        (".5", 0.5),
        ("+12e03", 12000.0),
        ("-2E+05", -200000.0),
        ("1e-3", 0.001),
        ("1e5", 100000.0),
        (".inf", math.inf),
        ("-.Inf", -math.inf),
        ("inf", "inf"),
        ("2024-05-01", "2024-05-01"),
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00Z"),
        ("<=50K", "<=50K"),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(
    text: str, value: Any
) -> None:
    got = parse(f"key: {text}").data["key"]
    assert got == value
    assert type(got) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(parse("key: .nan").data["key"])


@pytest.mark.parametrize("text", ["'no'", '"1"', "'null'", '"true"', "'2024-05-01'"])
def test_quoted_text_stays_text(text: str) -> None:
    assert parse(f"key: {text}").data == {"key": text[1:-1]}


def test_block_text_keeps_its_lines() -> None:
    assert parse("query: |\n  select 1\n  from t\n").data["query"] == (
        "select 1\nfrom t\n"
    )


def test_keys_are_text_as_written() -> None:
    assert parse("{0: a, no: b, 1.50: c, true: d}").data == {
        "0": "a",
        "no": "b",
        "1.50": "c",
        "true": "d",
    }


def test_every_key_and_item_knows_its_line() -> None:
    lines = parse("a: 1\n\nb:\n  - x\n  - c: 2\n    d: 3\n").lines
    assert lines[("a",)] == 1
    assert lines[("b",)] == 3
    assert lines[("b", 0)] == 4
    assert lines[("b", 1, "d")] == 6


def test_aliases_repeat_what_their_anchor_holds() -> None:
    assert parse("a: &names [x, y]\nb: *names").data == {
        "a": ["x", "y"],
        "b": ["x", "y"],
    }


def test_every_key_given_twice_is_a_fault_with_both_lines() -> None:
    document = parse("seed: 1\ndata:\n  a: 1\n  b: 2\n  a: 3\nseed: 2\n'seed': 3\n")
    assert [(fault.path, fault.line, fault.message) for fault in document.faults] == [
        (("data", "a"), 5, "is given twice, first on line 3; remove one"),
        (("seed",), 6, "is given twice, first on line 1; remove one"),
        (("seed",), 7, "is given twice, first on line 1; remove one"),
    ]


def test_merge_keys_and_tags_are_faults() -> None:
    document = parse("a: &a {x: 1}\nb:\n  <<: *a\nc: !!str 1\n")
    assert [fault.line for fault in document.faults] == [3, 4]
    assert "merge key" in document.faults[0].message
    assert "tag" in document.faults[1].message


def test_an_empty_text_holds_nothing() -> None:
    assert parse("").data is None
    assert parse("# a comment\n").data is None


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a:\n\tb: 1\n", 2, "indent with blanks, not with tabs"),
        ("a: 1\nb: c: d\n", 2, "put text that holds a colon in quotes"),
        ("a: 1\n  b: 2\n", 2, "start the keys of one group in the same column"),
        ("a: 1\nb:2\nc: 3", 2, "write a colon and a blank after the key"),
        ("a: 1\nb: 'x\nc: 3\n", 2, "close the quotes"),
        ("a: 1\nb: [x,\nc: 3\n", 2, "close the bracket"),
        ("a: {x: 1\n", 1, "close the bracket"),
        ("a: >50K\n", 1, "put the text in quotes"),
        ("a: 1\nb: @x\n", 2, "put the text in quotes"),
        ("a: %x\n", 1, "put the text in quotes"),
        ("- a\nb: 1\n", 2, "indentation"),
        ("a: *.csv\n", 1, "put text that starts with * in quotes"),
        ("a: &a [*a]\n", 1, "before its anchor"),
        ("a: 1\n---\nb: 1\n", 2, "remove `---`"),
        ("%YAML 1.1\n---\na: 1\n", 1, "%YAML directive"),
        ("a: 1\nb: \x01\n", 2, "U+0001"),
        ("? [a]\n: 1\n", 1, "where a key should"),
        ("a: " + "1" * 5000, 1, "too many digits"),
        ("[" * 1000, 1, "more than 50 groups"),
        ('a: 1\nb: "\\ud83d"', 2, "half of a character"),
    ],
)
def test_text_that_is_not_yaml_says_where_and_what_to_do(
    text: str, line: int, says: str
) -> None:
    with pytest.raises(NotYaml) as caught:
        parse(text)
    assert caught.value.line == line
    assert says in str(caught.value)


text = st.text(st.characters(exclude_categories=("Cs",)))
# A key is at most 1024 characters long in YAML, escapes included.
key = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)
plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(key, inner, max_size=3),
    max_leaves=10,
)
# Drawn from what means something in YAML, nonsense comes near enough to be read.
nonsense = st.text("ab:-,[]{}'\"|>&*#?%@!\\ \t\n\x85\u2028\ufeff\x00") | st.text()


@given(plain)
@example({"<<": {"a": 1}})
def test_json_means_the_same_in_yaml(data: Any) -> None:
    assert parse(json.dumps(data)).data == data


@given(nonsense)
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    try:
        lines = set(parse(text).lines.values())
    except NotYaml as refused:
        lines = {refused.line}
    assert all(1 <= line <= len(text.splitlines()) + 1 for line in lines)


@given(st.integers(-(10**30), 10**30))
def test_a_whole_number_is_read_as_python_writes_it(number: int) -> None:
    assert yaml12.scalar(str(number)) == number
