"""The shape of the package: who imports whom, who may print, how long things are."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import mlkit

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "mlkit"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = {
    "params": 0,
    "store": 0,
    "metrics": 0,
    "data": 1,
    "synthetic": 1,
    "train": 1,
    "evaluate": 1,
    "explain": 1,
    "drift": 1,
    "label_free": 1,
    "sources": 2,
    "registry": 2,
    "kernels": 2,
    "profiling": 2,
    "prediction_log": 2,
    "alerts": 2,
    "exposition": 2,
    "monitor": 2,
    "report": 3,
    "pipeline": 3,
    "predict": 3,
    "scaffold": 3,
    "doctor": 3,
    "fan_out": 3,
    "differences": 3,
    "clean": 3,
    "reproduce": 3,
    "cli": 3,
}
# Within a layer, rooms do not know one another. These may, and why.
BESIDE = {
    ("params", "store"): "where params/ is, is known in one place",
    ("train", "data"): "what is trained on is a Dataset",
    ("evaluate", "data"): "what is evaluated on is a Dataset",
    ("explain", "data"): "what is explained are rows of a Dataset",
    ("explain", "train"): "how a fitted pipeline is built is known in one place",
    ("drift", "data"): "what is compared are the columns of a Dataset",
    ("label_free", "data"): "how a column of any table is read is known in one place",
    ("profiling", "sources"): "where files are and what their types mean",
    ("pipeline", "report"): "a run ends in its pages",
    ("alerts", "sources"): "how .env is read is known in one place",
    ("monitor", "prediction_log"): "what is watched are logged predictions",
    ("monitor", "registry"): "what a version learned from is kept with it",
    ("monitor", "sources"): "outcomes come in a file like any other",
    ("monitor", "alerts"): "what a check finds is what alerts are made of",
    ("monitor", "exposition"): "counters go on where the last check left them",
    ("clean", "pipeline"): "what a run is and how it is locked, and the index",
    ("differences", "pipeline"): "where runs are, and their names",
    ("differences", "report"): "the words and the page of a comparison",
    ("cli", "differences"): "commands",
    ("cli", "report"): "the words of a comparison are those of its page",
    ("fan_out", "pipeline"): "what fans out are retrains",
    ("fan_out", "report"): "it ends in a league table",
    ("kernels", "cli"): "a command that is handed to a forked process",
    ("cli", "pipeline"): "commands",
    ("cli", "fan_out"): "commands",
    ("cli", "clean"): "commands",
    ("reproduce", "pipeline"): "how a notebook is run, and what a step depends on",
    ("cli", "reproduce"): "commands",
    ("cli", "predict"): "commands",
    ("cli", "doctor"): "commands",
    ("cli", "scaffold"): "commands",
}
# Libraries that only some rooms may touch.
RESERVED = {
    "matplotlib": {"report"},
    "IPython": {"report"},
    "papermill": {"pipeline"},
    "nbclient": {"pipeline"},
    "nbconvert": {"pipeline"},
    "nbformat": {"pipeline"},
    "scrapbook": {"pipeline"},
    "jupyter_client": {"kernels", "pipeline"},
    "ipykernel": {"kernels"},
    "typer": {"cli"},
    "click": {"cli"},
}
# What layer 0 may import besides the standard library.
GROUND = {
    "params": {"pydantic", "pydantic_core", "ruamel"},
    "store": {"filelock", "fsspec"},
    "metrics": {"numpy", "scipy", "sklearn"},
}
DRAWERS = {"utils", "util", "helpers", "base", "common", "core", "manager", "misc"}
# Programs of their own, run by their path: they have arguments and exit.
SCRIPTS = {f"kernels/{name}.py" for name in ("parent", "foothold", "child")}
SCRIPTS |= {"alerts/delivery.py"}
# In lines of code: docstrings, comments and blank lines are free.
LONGEST_MODULE = 250
LONGEST_FUNCTION = 40


def room(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the dotted name of everything a module imports, wherever it does."""
    package = ["mlkit", *file.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                yield f"{source}.{alias.name}", node.lineno


def rooms_used(file: Path) -> Iterator[tuple[str, int]]:
    """Yield the rooms a module imports or reaches through ``mlkit.<room>``."""
    for name, line in imports(file):
        parts = name.split(".")
        if parts[0] == "mlkit" and len(parts) > 1 and parts[1] in LAYERS:
            yield parts[1], line
    for node in ast.walk(parsed(file)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "mlkit"
            and node.attr in LAYERS
        ):
            yield node.attr, node.lineno


def named(file: Path, line: int) -> str:
    return f"{file.relative_to(PROJECT)}:{line}"


def test_every_room_has_a_layer() -> None:
    there = {room(file) for file in MODULES} - {"__init__", "__main__"}
    assert there == set(LAYERS)
    assert sorted(LAYERS) == sorted(mlkit.ROOMS)


def test_imports_never_go_up_a_layer_nor_aside() -> None:
    wrong = [
        f"{named(file, line)} imports mlkit.{used}"
        for file in MODULES
        if room(file) in LAYERS
        for used, line in rooms_used(file)
        if used != room(file)
        and LAYERS[used] >= LAYERS[room(file)]
        and (room(file), used) not in BESIDE
    ]
    assert wrong == []


def test_every_exception_beside_is_in_use() -> None:
    used = {(room(file), other) for file in MODULES for other, _ in rooms_used(file)}
    assert set(BESIDE) - used == set()


def test_libraries_stay_in_the_rooms_that_are_about_them() -> None:
    wrong = [
        f"{named(file, line)} imports {name}"
        for file in MODULES
        for name, line in imports(file)
        if (library := name.split(".")[0]) in RESERVED
        and room(file) not in RESERVED[library]
    ]
    assert wrong == []


def test_the_ground_imports_little() -> None:
    wrong = [
        f"{named(file, line)} imports {name}"
        for file in MODULES
        if room(file) in GROUND
        for name, line in imports(file)
        if (library := name.split(".")[0]) not in sys.stdlib_module_names
        and library not in GROUND[room(file)] | {"mlkit"}
    ]
    assert wrong == []


def test_only_the_command_line_prints_exits_and_reads_arguments() -> None:
    wrong = []
    for file in MODULES:
        if room(file) == "cli" or str(file.relative_to(PACKAGE)) in SCRIPTS:
            continue
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "print", "input", "exit", "quit", "sys.exit", "os._exit",
                "sys.stdout.write", "sys.stderr.write",
            }:  # fmt: skip
                wrong.append(f"{named(file, node.lineno)} calls {ast.unparse(node)}")
            if isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.argv":
                wrong.append(f"{named(file, node.lineno)} reads sys.argv")
    assert wrong == []


def test_science_neither_opens_files_nor_looks_at_the_clock() -> None:
    # Frames and arrays in, records out: the same call gives the same answer.
    impure = {
        "open", "time.time", "time.sleep", "datetime.now", "datetime.datetime.now",
        "datetime.utcnow", "date.today", "datetime.date.today", "np.random.seed",
        "random.seed", "pd.read_csv", "pd.read_parquet",
    }  # fmt: skip
    wrong = [
        f"{named(file, node.lineno)} calls {ast.unparse(node.func)}"
        for file in MODULES
        if LAYERS.get(room(file)) == 1
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in impure
    ]
    assert wrong == []


def test_no_module_is_a_drawer() -> None:
    names = [part for file in MODULES for part in file.relative_to(PACKAGE).parts]
    assert DRAWERS & {name.removesuffix(".py").strip("_") for name in names} == set()


@functools.cache
def code_lines(file: Path) -> set[int]:
    """Return the numbers of the lines that hold code."""
    blank = {
        tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
        tokenize.DEDENT, tokenize.ENDMARKER,
    }  # fmt: skip
    with file.open() as text:
        tokens = [t for t in tokenize.generate_tokens(text.readline)
                  if t.type not in blank]  # fmt: skip
    lines = {line for t in tokens for line in range(t.start[0], t.end[0] + 1)}
    for node in ast.walk(parsed(file)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node) is not None:
            docstring = node.body[0]
            lines -= set(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    return lines


def test_modules_are_short() -> None:
    lengths = {
        str(file.relative_to(PROJECT)): len(code_lines(file)) for file in MODULES
    }
    assert {name: size for name, size in lengths.items() if size > LONGEST_MODULE} == {}


def test_functions_are_short() -> None:
    wrong = []
    for file in MODULES:
        lines = code_lines(file)
        for node in ast.walk(parsed(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own = lines & set(range(node.lineno, (node.end_lineno or 0) + 1))
                if len(own) > LONGEST_FUNCTION:
                    wrong.append(f"{named(file, node.lineno)} {node.name}: {len(own)}")
    assert wrong == []


def test_every_room_says_what_it_is_and_what_it_offers() -> None:
    for file in PACKAGE.glob("*/__init__.py"):
        module = parsed(file)
        assert ast.get_docstring(module), named(file, 1)
        names = [ast.unparse(n.targets[0]) for n in module.body
                 if isinstance(n, ast.Assign)]  # fmt: skip
        assert "__all__" in names, named(file, 1)


def test_nothing_is_put_off_or_tied_to_one_machine() -> None:
    odd = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|(?<![\w.])/(root|home/\w+|Users)/")
    files = [*MODULES, *PROJECT.glob("tests/*.py"), *PROJECT.glob("notebooks/*.ipynb")]
    wrong = [
        f"{named(file, number)}: {line.strip()}"
        for file in files
        if file != Path(__file__).resolve()
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if odd.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import mlkit", set()),
        ("import mlkit.store", set()),
        ("import mlkit.doctor", set()),
        ("import mlkit.params", GROUND["params"]),
    ],
)
def test_importing_is_silent_and_cheap(statement: str, allowed: set[str]) -> None:
    code = (
        "import json, sys\nbefore = set(sys.modules)\n"
        f"{statement}\n"
        "after = {name.split('.')[0] for name in set(sys.modules) - before}\n"
        "print(json.dumps(sorted(after - sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    third_party = {name for name in json.loads(line) if not name.startswith("_")}
    if "pydantic" in allowed:
        allowed = allowed | {
            "annotated_types",
            "typing_extensions",
            "typing_inspection",
        }
    assert third_party - allowed == {"mlkit"}
