"""Loading a case: file, sections, overrides, and every problem in one error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlkit.params import Params, ParamsError, cases, load_params, params_from_dict
from mlkit.params.edit import merge, parse_override, put, without
from mlkit.params.problems import dotted, value_at
from mlkit.params.schema import known_keys, sections

PROJECT = Path(__file__).resolve().parents[1]
MINIMAL = "case: toy\ntask: binary\ndata:\n  source: toy.csv\n  target: y\n"

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a params file into a workspace of its own."""

    def write(text: str | bytes = MINIMAL, name: str = "toy.yaml") -> Path:
        file = tmp_path / "params" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return tmp_path

    return write


def refusal(root: Path, case: str = "toy", **given: Any) -> str:
    with pytest.raises(ParamsError) as caught:
        load_params(case, root, **given)
    return str(caught.value)


def test_defaults_fill_what_a_file_leaves_out(write: Write) -> None:
    params = load_params("toy", write())
    assert params.data.split.test_share == 0.2
    assert params.train.estimator == "hist_gradient_boosting"
    assert params.primary == "roc_auc"
    assert params.model == "toy"


def test_sections_are_merged_over_the_file_and_overrides_over_both(
    write: Write,
) -> None:
    root = write(MINIMAL + "train:\n  folds: 3\n  options: {a: 1, b: 1, c: 1}\n")
    params = load_params(
        "toy",
        root,
        sections={"train": {"options": {"b": 2, "c": 2}}, "evaluate": None},
        overrides=["train.options.c=3"],
    )
    assert params.train.options == {"a": 1, "b": 2, "c": 3}
    assert params.train.folds == 3


def test_later_overrides_win(write: Write) -> None:
    params = load_params("toy", write(), overrides=["seed=1", "seed=2"])
    assert params.seed == 2


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("train.options.rate=1e-3", 0.001),
        ("train.options.rate=010", 10),
        ("train.options.rate=no", "no"),
        ('train.options.rate="10"', "10"),
        ("train.options.rate='null'", "null"),
        ("train.options.rate=", None),
        ("train.options.rate= true", True),
        ("train.options.rate=a=b", "a=b"),
    ],
)
def test_an_override_is_read_as_yaml(write: Write, override: str, value: Any) -> None:
    params = load_params("toy", write(), overrides=[override])
    got = params.train.options["rate"]
    assert got == value
    assert type(got) is type(value)


def test_an_override_may_be_a_list_a_group_or_one_item(write: Write) -> None:
    root = write(MINIMAL + "evaluate: {gates: [{metric: f1, min: 0.1}]}\n")
    params = load_params(
        "toy",
        root,
        overrides=[
            "data.ignore=[a, b c]",
            "data.columns={x: number}",
            'data.columns."a.b"=text',
            "evaluate.gates[0].min=0.8",
            "data.ignore[1]=d",
        ],
    )
    assert params.data.ignore == ["a", "d"]
    assert params.data.columns == {"x": "number", "a.b": "text"}
    assert params.evaluate.gates[0].min == 0.8


def test_a_section_may_be_written_as_python_writes_it(write: Write) -> None:
    params = load_params(
        "toy",
        write(),
        sections={
            "train": {"class_weight": {0: 1.0, 1: 5.0}},
            "data": {"ignore": ("a", "b")},
        },
    )
    assert params.train.class_weight == {"0": 1.0, "1": 5.0}
    assert params.data.ignore == ["a", "b"]


def test_multiclass_averages_by_macro_unless_told(write: Write) -> None:
    root = write(MINIMAL.replace("binary", "multiclass"))
    assert load_params("toy", root).evaluate.average == "macro"
    weighted = load_params("toy", root, overrides=["evaluate.average=weighted"])
    assert weighted.evaluate.average == "weighted"
    assert load_params("toy", write()).evaluate.average == "binary"


def test_resolved_sections_give_the_same_params_again(write: Write) -> None:
    root = write()
    params = load_params("toy", root, overrides=["train.search.folds=3"])
    resolved = {
        name: section
        for name, section in params.to_dict().items()
        if isinstance(section, dict)
    }
    assert load_params("toy", root, sections=resolved) == params


def test_params_are_read_only(write: Write) -> None:
    params = load_params("toy", write())
    with pytest.raises(ValueError, match="frozen"):
        params.seed = 3  # type: ignore[misc]


def test_every_problem_of_a_file_is_listed_with_its_line(write: Write) -> None:
    root = write(
        "case: toi\ntask: binry\nseed: true\ntarget: y\n"
        "data:\n  source: a.csv\n  query: select 1\n  split: {test_share: 1.5}\n"
        "evaluate:\n  gates:\n  - {metric: f1, min: 0.5}\n  - {metric: f1, min: high}\n"
        "seed: 3\n"
    )
    assert refusal(root, overrides=["trian.folds=3"]).splitlines() == [
        "params/toy.yaml: 11 problems",
        '  - line 1: case must be toy, the name of the file, got "toi"; '
        "rename one of the two",
        '  - line 2: task must be one of "binary", "multiclass" and "regression", '
        'got "binry"; did you mean binary?',
        "  - line 3: seed must be a whole number of at least 0 and below 4294967296, "
        "got true",
        "  - line 4: target is not a known key; did you mean `data.target`?",
        "  - line 5: data.target is missing; give non-empty text",
        "  - line 5: data.files must name the tables of data.query, or "
        "data.connection its database, got {}; "
        "write, for example, `files: {orders: data/orders.csv}`",
        '  - line 7: data.query may not stand beside data.source, got "select 1"; '
        "remove one of the two",
        "  - line 8: data.split.test_share must be a number above 0 and below 1, "
        "got 1.5",
        '  - line 12: evaluate.gates[1].min must be a number or null, got "high"',
        "  - line 13: seed is given twice, first on line 3; remove one",
        "  - --set trian.folds=3: trian is not a known key; did you mean `train`?",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("train: {estimatr: linear}", "train.estimatr is not a known key; did you mean "
         "`train.estimator`?"),
        ("folds: 3", "folds is not a known key; did you mean `train.folds`?"),
        ("pipeline: {zzz: 3}", "known here: cell_timeout, run_timeout"),
        ("train: {folds: 1}", "folds must be a whole number of at least 2, got 1"),
        ("train: {folds: 5.0}", "got 5.0; write 5"),
        ("train: {folds: '5'}", 'got "5"; write the number without quotes or `_`: 5'),
        ("seed: 1_000", "without quotes or `_`: 1000"),
        ("format: 2", "format must be 1, got 2; the file was written for another"),
        ("format: true", "format must be 1, got true"),
        ("format: 1.0", "format must be 1, got 1.0"),
        ("registry: {auto_promote: no}", "must be true or false, got \"no\"; YAML 1.2 "
         "knows only true and false: write false"),
        ("registry: {auto_promote: 1}", "must be true or false, got 1"),
        ("registry: {version: 1.2}", 'got 1.2; put it in quotes: "1.2"'),
        ("registry: {version: 1.2.x}", "a semantic version such as 1.2.0"),
        ("registry: {version: 01.2.0}", "a semantic version such as 1.2.0"),
        ("registry: {model: a/b}", "made of letters, digits"),
        ("pipeline: {run_timeout: .inf}", "must be a number above 0, got Infinity"),
        ("pipeline: {cell_timeout: 0}", "must be a number above 0, got 0"),
        ("train:", "train must be a group of keys, got null; remove the key"),
        ("train: [a]", 'train must be a group of keys, got ["a"]'),
        ("notes: 5", 'notes must be text, got 5; put it in quotes: "5"'),
        ("train: {options: {a: [1]}}", "train.options.a must be text, a number, "
         "true/false or null, got [1]"),
        ("train: {class_weight: balancd}", "did you mean balanced?"),
        ("train: {class_weight: {a: x}}", "train.class_weight.a must be a number"),
        ("train: {search: {space: {a: []}}}", "must be a list of at least 1 item"),
        ("evaluate: {gates: [{metric: f1}]}", "evaluate.gates[0] needs one of min, max "
         "and better_than"),
        ("evaluate: {gates: [{metric: f1, min: 1, max: 0}]}", "min that is not above"),
        ("evaluate: {gates: [{metric: f1, min: 1, by: 1}]}", "only beside `better"),
        ("evaluate: {gates: [{min: 1}]}", "evaluate.gates[0].metric is missing"),
        ("evaluate: {slices: age}", 'got "age"; write a list: [age]'),
        ("evaluate: {metrics: [{name: a, path: b.c, needs: label, "
         "greater_is_better: true}]}", "of the form package.module:name"),
        ("? {a: 1}\n: 2", "where a key should"),
        ("<<: {seed: 1}", "is a merge key, which YAML 1.2 has not"),
        ("seed: 1\nseed: 2", "seed is given twice, first on line 6"),
    ],
)  # fmt: skip
def test_a_bad_key_is_named_with_rule_value_and_next_step(
    write: Write, text: str, says: str
) -> None:
    message = refusal(write(MINIMAL + text + "\n"))
    assert says in message
    assert "params/toy.yaml: line " in message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "params/toy.yaml: is empty; it needs at least case, task"),
        ("# nothing yet\n", "is empty"),
        ("- a\n- b\n", 'must hold keys at its top level, such as `case: ...`, got ['),
        ("just text", "must hold keys at its top level"),
        ("case: toy\n\ttask: binary\n", "params/toy.yaml: line 2: found character"),
        (b"case: toy\nnotes: caf\xe9\n", "line 2: is not UTF-8 text; save it as UTF-8"),
        ("data: {}\n", "case is missing; give text made of letters"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_case_says_so(
    write: Write, text: str | bytes, says: str
) -> None:
    assert says in refusal(write(text))


def test_a_byte_order_mark_and_windows_lines_are_read(write: Write) -> None:
    root = write(b"\xef\xbb\xbf" + MINIMAL.replace("\n", "\r\n").encode())
    assert load_params("toy", root).data.target == "y"


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("toi", "there is no params/toi.yaml in {root}; did you mean toy? "
         "the cases there: other, toy"),
        ("zzz", "params/zzz.yaml in {root}; the cases there: other, toy"),
        ("toy.yaml", "is a name, not a path: write toy"),
        ("params/toy.yaml", "is a name, not a path: write toy"),
        ("../toy", "is a name, not a path: write toy"),
        ("", "is a name, not a path"),
        ("old", "is in old.yml; rename that file old.yaml"),
    ],
)  # fmt: skip
def test_an_unknown_case_names_the_nearest_and_all_there_are(
    write: Write, case: str, says: str
) -> None:
    root = write()
    write(name="other.yaml")
    write(name="old.yml")
    assert says.format(root=root) in refusal(root, case)


def test_a_workspace_without_cases_says_how_to_begin(tmp_path: Path) -> None:
    message = refusal(tmp_path)
    assert (
        "there are no cases there: write params/toy.yaml, or set MLKIT_ROOT" in message
    )


def test_a_folder_in_the_place_of_a_file_is_an_error_of_params(tmp_path: Path) -> None:
    (tmp_path / "params" / "toy.yaml").mkdir(parents=True)
    assert "params/toy.yaml: cannot be read: Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("seed", "--set seed: must be key=value, such as train.options.max_iter=200"),
        ("=3", "must be key=value"),
        ("seed =3", "must be key=value"),
        ("[0]=3", "must be key=value"),
        ("seed=x", '--set seed=x: seed must be a whole number of at least 0'),
        ("data.positive=>50K", "for text write 'data.positive=\">50K\"'"),
        ("notes=a: b: c", "for text write 'notes=\"a: b: c\"'"),
        ("data.separator=|", "for text write 'data.separator=\"|\"'"),
        ("train.optoins.a=1", "train.optoins is not a known key; did you mean "
         "`train.options`?"),
        ("evaluate.gates[3].min=1", "asks for item [3] of a list that has 0"),
        ("train={folds: 3, folds: 4}", "has a value that is given twice"),
    ],
)  # fmt: skip
def test_a_bad_override_is_named(write: Write, override: str, says: str) -> None:
    assert says in refusal(write(), overrides=[override])


def test_a_bad_section_is_named(write: Write) -> None:
    message = refusal(
        write(), sections={"train": {"folds": 1}, "trian": {}, "evaluate": 3}
    )
    assert "notebook parameters: train.folds must be a whole number" in message
    assert "notebook parameters: trian is not a known key" in message
    assert "notebook parameters: evaluate must be a group of keys, got 3" in message


def test_an_override_hides_the_line_of_what_it_replaced(write: Write) -> None:
    root = write(MINIMAL + "train:\n  folds: 3\n")
    message = refusal(root, overrides=["train={folds: 1}"])
    assert "--set train={folds: 1}: train.folds must be" in message


def test_the_error_lists_its_problems_for_programs(write: Write) -> None:
    with pytest.raises(ParamsError) as caught:
        load_params("toy", write(MINIMAL + "seed: -1\nevaluate: {gates: [{min: 1}]}\n"))
    keys = [problem.key for problem in caught.value.problems]
    assert keys == ["seed", "evaluate.gates[0].metric"]
    assert caught.value.problems[0].got == "-1"


def test_cases_are_the_yaml_files_of_a_workspace(write: Write) -> None:
    root = write()
    write(name="b.yaml")
    write(name="schema.json")
    assert cases(root) == ("b", "toy")


def test_the_workspace_is_found_without_being_named(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLKIT_ROOT", str(write()))
    assert load_params("toy").case == "toy"
    assert cases() == ("toy",)


@pytest.mark.parametrize("case", cases(PROJECT))
def test_the_bundled_cases_are_good(case: str) -> None:
    assert load_params(case, PROJECT).case == case
    first = (PROJECT / "params" / f"{case}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


def test_reading_params_imports_nothing_heavy(write: Write) -> None:
    code = (
        "import sys\nfrom mlkit.params import load_params\n"
        "load_params('toy')\n"
        "heavy = ('numpy', 'pandas', 'sklearn', 'fsspec', 'semver', 'jsonschema')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MLKIT_ROOT": str(write())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# Round trips: whatever is valid survives being written, by any of three writers.

word = st.from_regex(r"[a-zé01][a-zé019_.:#> -]{0,7}", fullmatch=True)
text = st.text("abcXYZ019 _-.:#>é'\"\n\\,[]{}&*!%@`~=<?", max_size=8)
text |= st.sampled_from(["no", "null", "1e3", "010", "1_0", "0o7", "2024-01-01", ".5"])
scalar = st.booleans() | st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9) | text
values = {
    "seed": st.integers(0, 2**32 - 1),
    "notes": text,
    "data": st.fixed_dictionaries(
        {"source": word, "target": st.just("y")},
        optional={
            "positive": scalar,
            "time": word.map("t{}".format),
            "separator": st.sampled_from([",", ";", "\t", "|"]),
            "missing": st.lists(text, max_size=4),
            "columns": st.dictionaries(
                word, st.sampled_from(["number", "date", "text"]), max_size=3
            ),
            "ignore": st.lists(word.map("i{}".format), max_size=3),
            "split": st.fixed_dictionaries(
                {}, optional={"test_share": st.floats(0.001, 0.999)}
            ),
        },
    ),
    "train": st.fixed_dictionaries(
        {},
        optional={
            "estimator": st.sampled_from(["sgd", "auto", "sklearn.svm:SVC"]),
            "options": st.dictionaries(word, scalar | st.none(), max_size=3),
            "class_weight": st.just("balanced")
            | st.dictionaries(word, st.floats(0, 10), max_size=3),
            "search": st.none() | st.just({"folds": 3}),
        },
    ),
    "evaluate": st.fixed_dictionaries(
        {},
        optional={
            "gates": st.lists(
                st.fixed_dictionaries({"metric": word, "min": st.floats(-1, 1)}),
                max_size=3,
            ),
            "threshold": st.floats(0.01, 0.99),
        },
    ),
    "registry": st.just({"version": "v1.2.0-rc.1+build"}) | st.just({"model": "m"}),
}
valid = st.fixed_dictionaries(
    {"case": st.just("toy"), "task": st.just("binary"), "data": values["data"]},
    optional={name: value for name, value in values.items() if name != "data"},
)
few = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    deadline=None,
    max_examples=30,
)


def as_yaml(data: Any) -> str:
    stream = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.dump(data, stream)
    return stream.getvalue()


@pytest.mark.parametrize("writer", [json.dumps, as_yaml])
@few
@given(data=valid)
def test_params_written_and_read_again_are_the_same(
    write: Write, writer: Callable[[Any], str], data: dict[str, Any]
) -> None:
    params = params_from_dict(data)
    root = write(writer(params.to_dict()))
    assert load_params("toy", root) == params


@few
@given(data=valid)
def test_params_made_of_their_own_dict_are_the_same(data: dict[str, Any]) -> None:
    params = params_from_dict(data)
    assert params_from_dict(params.to_dict()) == params
    assert params_from_dict(json.loads(json.dumps(params.to_dict()))) == params


paths = st.lists(st.text(min_size=1) | st.integers(0, 99), min_size=1).map(tuple)


@given(paths.filter(lambda path: isinstance(path[0], str)), st.integers())
def test_any_path_can_be_written_as_an_override(
    path: tuple[str | int, ...], value: int
) -> None:
    assert parse_override(f"{dotted(path)}={value}") == (path, value)


@few
@given(data=valid)
def test_every_value_can_be_given_as_an_override(data: dict[str, Any]) -> None:
    params = params_from_dict(data)
    built: Any = {}
    for key in [
        (*section, key) for section in sections() for key in known_keys(section)
    ]:
        value = value_at(params.to_dict(), key)
        if value is not None and not known_keys(key):
            path, read = parse_override(f"{dotted(key)}={json.dumps(value)}")
            built = put(built, path, read)
    assert params_from_dict(built) == params


def test_merging_leaves_its_inputs_alone() -> None:
    base = {"a": {"x": 1}, "b": [1]}
    over = {"a": {"y": 2}}
    assert merge(base, over) == {"a": {"x": 1, "y": 2}, "b": [1]}
    assert without(base, ("a", "x")) == {"a": {}, "b": [1]}
    assert put(base, ("b", 0), 2) == {"a": {"x": 1}, "b": [2]}
    assert base == {"a": {"x": 1}, "b": [1]}
    assert over == {"a": {"y": 2}}


def test_params_from_dict_refuses_like_a_file() -> None:
    with pytest.raises(ParamsError, match=r"^params: task is missing; give one of"):
        params_from_dict({"case": "a", "data": {"source": "a.csv", "target": "y"}})


def test_a_model_made_in_python_is_checked_too() -> None:
    with pytest.raises(ValueError, match="extra_forbidden"):
        Params.model_validate({"case": "a", "task": "binary", "data": {}, "x": 1})


def test_of_many_cases_the_nearest_are_named(tmp_path: Path) -> None:
    (tmp_path / "params").mkdir()
    for number in range(40):
        (tmp_path / "params" / f"house{number:02d}.yaml").write_text("case: a\n")
    with pytest.raises(ParamsError) as caught:
        load_params("house07b", tmp_path)
    message = str(caught.value)
    assert "did you mean house07? the cases there: house00, house01, " in message
    assert "house04 and 35 more" in message
    assert message.count("house") == 2 + 1 + 5
