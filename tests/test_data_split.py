"""Division into training and test rows, hashes and fingerprints."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.data import Dataset, Schema, conform, prepare
from mlkit.data.fingerprints import find_fingerprint, hash_rows, mix, text_hash
from mlkit.data.records import Column
from mlkit.data.split import find_cutoff, split_by_hash, split_by_time
from mlkit.params.models import Params

SLOW = settings(deadline=None, max_examples=40)
SCHEMA = Schema(
    (
        *(Column("n", "number"), Column("c", "category"), Column("d", "date")),
        *(Column("id", "identifier", "ignored"), Column("y", "category", "target")),
    ),
    "binary",
    "y",
)


def case(**data: Any) -> Params:
    sections = {"data": {"source": "rows.csv", "target": "y", **data}}
    return Params.model_validate({"case": "c", "task": "binary", **sections})


def rows(n: int = 400, seed: int = 0) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    start = np.datetime64("2020-01-01T00:00")
    return pd.DataFrame(
        {
            "n": chance.normal(size=n).round(3).astype(str),
            "c": chance.choice(["u", "v", "w"], n),
            "d": (start + chance.integers(0, 500_000, n)).astype(str),
            "id": [f"r{seed}-{i}" for i in range(n)],
            "y": chance.choice(["no", "yes"], n),
        }
    ).astype("str")


def members(dataset: Dataset) -> set[str]:
    return set(dataset.frame["id"].iloc[dataset.test_rows])


def hashes(raw: pd.DataFrame) -> list[int]:
    return hash_rows(conform(raw, SCHEMA), SCHEMA.names).tolist()


def fingerprint(raw: pd.DataFrame, schema: Schema = SCHEMA) -> str:
    return find_fingerprint(conform(raw, schema), schema)


CELLS = {
    "n": st.one_of(st.none(), st.floats(-1e38, 1e38, allow_nan=False).map(repr)),
    "c": st.one_of(st.none(), st.text(alphabet="aé\U0001f600,\"' ", max_size=4)),
    "d": st.one_of(st.none(), st.dates().map(str)),
    "id": st.text(alphabet="01", max_size=3),
    "y": st.sampled_from(["no", "yes"]),
}
TABLES = st.lists(st.fixed_dictionaries(CELLS), min_size=1, max_size=12).map(
    lambda found: pd.DataFrame(found, dtype="str")
)


@given(TABLES, st.randoms())
@SLOW
def test_order_of_rows_and_columns_changes_no_hash(
    raw: pd.DataFrame, chance: Any
) -> None:
    order = chance.sample(range(len(raw)), len(raw))
    names = chance.sample(list(raw.columns), raw.shape[1])
    mixed = raw.iloc[order][names].reset_index(drop=True)
    columns = tuple(SCHEMA.column(name) for name in names)
    schema = Schema(columns, "binary", "y")
    found = hash_rows(conform(mixed, schema), schema.names).tolist()
    assert found == [hashes(raw)[row] for row in order]
    assert fingerprint(mixed, schema) == fingerprint(raw)


@SLOW
@given(TABLES, st.data())
def test_any_changed_cell_changes_the_fingerprint(raw: pd.DataFrame, data: Any) -> None:
    row = data.draw(st.integers(0, len(raw) - 1))
    name = data.draw(st.sampled_from(list(raw.columns)))
    changed = raw.copy()
    changed.loc[row, name] = data.draw(CELLS[name])
    before, after = conform(raw, SCHEMA), conform(changed, SCHEMA)
    same = before.equals(after)
    assert (fingerprint(raw) == fingerprint(changed)) == same
    assert (hashes(raw) == hashes(changed)) == same


def test_the_fingerprint_covers_kinds_names_and_number_of_rows() -> None:
    raw = rows(20)
    found = {fingerprint(raw), fingerprint(pd.concat([raw, raw.iloc[:1]]))}
    renamed = Schema.from_dict(SCHEMA.to_dict())
    kinds = [Column("n", "category"), *renamed.columns[1:]]
    found.add(fingerprint(raw, Schema(tuple(kinds), "binary", "y")))
    named = [Column("m", "number"), *renamed.columns[1:]]
    other = raw.rename(columns={"n": "m"})
    found.add(fingerprint(other, Schema(tuple(named), "binary", "y")))
    frame = conform(raw, SCHEMA)
    apart = np.arange(20) > 15
    found.add(find_fingerprint(frame, SCHEMA, apart))
    assert len(found) == 5


def test_swapped_values_of_two_columns_are_another_row() -> None:
    raw = pd.DataFrame({"a": ["1", "2"], "b": ["2", "1"], "y": ["no", "no"]})
    columns = (Column("a", "number"), Column("b", "number"))
    schema = Schema((*columns, Column("y", "category", "target")), "binary", "y")
    first, second = hash_rows(conform(raw, schema), schema.names)
    assert first != second


def test_equal_values_have_equal_hashes_whatever_their_type() -> None:
    text = rows(50)
    text.loc[3, ["n", "c", "d"]] = None
    text.loc[4, "n"] = "-0"
    typed = text.assign(
        n=text["n"].astype(float),
        c=text["c"].astype("category"),
        d=pd.to_datetime(text["d"]),
    )
    assert hashes(typed) == hashes(text)
    zero = text.copy()
    zero.loc[4, "n"] = "0.0"
    assert hashes(zero) == hashes(text)


def slow_mix(value: int) -> int:
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def slow_cell(value: object) -> int:
    if value is None:
        return 0x9E3779B97F4A7C15
    if isinstance(value, float):
        return slow_mix((int.from_bytes(struct.pack(">d", value)) + 1) % 2**64)
    if isinstance(value, datetime):
        micro = (value - datetime(1970, 1, 1)) // timedelta(microseconds=1)
        return slow_mix((micro + 2) % 2**64)
    return text_hash(str(value))


def slow_row(row: dict[str, object]) -> int:
    mixed = [slow_mix(slow_cell(cell) ^ text_hash(name)) for name, cell in row.items()]
    return slow_mix(sum(mixed) % 2**64)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "n": st.none() | st.floats(allow_nan=False).filter(lambda x: x != 0),
                "d": st.none() | st.datetimes(),
                "c": st.none() | st.text(alphabet="ab\u00e9", min_size=1),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
@SLOW
def test_hashes_are_as_written_down(table: list[dict[str, object]]) -> None:
    columns = {name: [row[name] for row in table] for name in "ndc"}
    moments = [np.datetime64("NaT") if d is None else d for d in columns["d"]]
    frame = pd.DataFrame(
        {
            "n": np.array(columns["n"], dtype=np.float64),
            "d": np.array(moments, dtype="datetime64[us]"),
            "c": pd.Series(columns["c"], dtype="str"),
        }
    )
    assert hash_rows(frame, list("ndc")).tolist() == [slow_row(row) for row in table]


def test_hashes_do_not_depend_on_the_process() -> None:
    table = [
        {"a": 1.5, "b": "x", "c": datetime(2020, 1, 1)},
        {"a": None, "b": None, "c": None},
    ]
    code = (
        "import pandas as pd; from mlkit.data.fingerprints import hash_rows;"
        "frame = pd.DataFrame({'a': [1.5, None], 'b': pd.Series(['x', None], "
        "dtype='str'), 'c': pd.to_datetime(['2020-01-01', None])});"
        "print(hash_rows(frame, ['a', 'b', 'c']).tolist())"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout == f"{[slow_row(row) for row in table]}\n"


def test_the_mixing_function_is_that_of_splitmix64() -> None:
    # First outputs of SplitMix64 from the seed 0, as published with the generator.
    gamma = np.uint64(0x9E3779B97F4A7C15)
    states = np.cumsum(np.full(3, gamma, dtype=np.uint64), dtype=np.uint64)
    assert [hex(value) for value in mix(states).tolist()] == [
        *("0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"),
    ]
    digest = hashlib.blake2b(b"x", digest_size=8).digest()
    assert text_hash("x") == int.from_bytes(digest, "little")


def test_the_share_of_test_rows_is_met() -> None:
    values = mix(np.arange(100_000, dtype=np.uint64))
    for share in (0.05, 0.2, 0.5):
        found = split_by_hash(values, share).mean()
        assert found == pytest.approx(share, abs=4 * (share * (1 - share) / 1e5) ** 0.5)


def test_a_larger_share_keeps_every_test_row() -> None:
    values = mix(np.arange(1_000, dtype=np.uint64))
    small, large = split_by_hash(values, 0.2), split_by_hash(values, 0.3)
    assert large[small].all()


def test_membership_survives_reordering_and_added_rows() -> None:
    raw = rows()
    before = members(prepare(raw, case()))
    shuffled = raw.sample(frac=1, random_state=1).reset_index(drop=True)
    assert members(prepare(shuffled, case())) == before
    more = pd.concat([rows(300, seed=9), shuffled], ignore_index=True)
    after = members(prepare(more, case()))
    assert {name for name in after if name.startswith("r0-")} == before
    some = raw.iloc[50:]
    assert members(prepare(some, case())) == before & set(some["id"])


def test_membership_does_not_depend_on_ignored_columns_or_the_seed() -> None:
    raw = rows()
    renamed = raw.assign(id=[f"other-{i}" for i in range(len(raw))])
    first = prepare(raw, case())
    seeded = Params.model_validate({**case().to_dict(), "seed": 7})
    for second in (prepare(renamed, case()), prepare(raw, seeded)):
        assert second.test_rows.tolist() == first.test_rows.tolist()


def test_a_group_is_never_on_both_sides() -> None:
    raw = rows(600).assign(g=[f"g{i % 40}" for i in range(600)])
    dataset = prepare(raw, case(group="g", split={"by": "group"}))
    groups = dataset.frame["g"]
    test, train = groups.iloc[dataset.test_rows], groups.iloc[dataset.train_rows]
    assert not set(test) & set(train)
    assert len(set(test)) > 2
    assert "g" not in dataset.schema.features
    more = pd.concat([rows(200, seed=5).assign(g="g3"), raw], ignore_index=True)
    grown = prepare(more, case(group="g", split={"by": "group"}))
    assert set(grown.frame["g"].iloc[grown.test_rows]) == set(test)


def test_rows_without_a_group_are_divided_one_by_one() -> None:
    raw = rows(600).assign(g=[f"g{i % 40}" for i in range(600)])
    raw.loc[:199, "g"] = None
    dataset = prepare(raw, case(group="g", split={"by": "group"}))
    alone = dataset.frame["g"].isna()
    assert 20 < alone.iloc[dataset.test_rows].sum() < 60
    (found,) = [check for check in dataset.warnings if check.name == "split"]
    assert found.found == "200 rows without a group"


def time_case(**split: Any) -> Params:
    return case(time="d", split={"by": "time", **split})


def test_the_newest_rows_are_test_rows() -> None:
    dataset = prepare(rows(), time_case())
    moments = dataset.frame["d"]
    assert dataset.cutoff is not None
    cutoff = pd.Timestamp(dataset.cutoff)
    assert moments.iloc[dataset.test_rows].min() == cutoff
    assert moments.iloc[dataset.train_rows].max() < cutoff
    assert len(dataset.test_rows) == 80
    assert "d" not in dataset.schema.features


def test_rows_of_one_moment_are_not_divided() -> None:
    known = np.array([1.0] * 50 + [2.0] * 30 + [3.0] * 20)
    assert find_cutoff(known, 0.2) == 3.0
    assert find_cutoff(known, 0.45) == 2.0
    assert find_cutoff(known, 0.99) == 2.0
    assert find_cutoff(np.array([1.0, 2.0, 2.0, 2.0]), 0.01) == 2.0


@given(st.lists(st.integers(0, 8), min_size=2), st.floats(0.01, 0.99))
def test_the_cutoff_is_the_best_there_is(values: list[int], share: float) -> None:
    known = np.array(values, dtype=np.float64)
    moments = sorted(set(values))
    if len(moments) < 2:
        return
    distances = [abs(float((known >= m).mean()) - share) for m in moments[1:]]
    found = abs(float((known >= find_cutoff(known, share)).mean()) - share)
    assert found == pytest.approx(min(distances))


def test_a_declared_cutoff_divides_the_rows() -> None:
    dataset = prepare(rows(), time_case(cutoff="2020-10-01"))
    assert dataset.cutoff == "2020-10-01T00:00:00"
    moments = dataset.frame["d"].iloc[dataset.test_rows]
    assert moments.min() >= pd.Timestamp("2020-10-01")


def test_a_time_split_only_moves_forward() -> None:
    later = prepare(rows(), time_case(), cutoff_floor="2020-12-01T06:30:00")
    assert later.cutoff == "2020-12-01T06:30:00"
    (moved,) = [check for check in later.warnings if check.name == "split"]
    assert moved.advice == "2020-12-01T06:30:00 is used"
    earlier = prepare(rows(), time_case(), cutoff_floor="2020-01-02")
    assert earlier.cutoff == prepare(rows(), time_case()).cutoff
    assert "split" not in {check.name for check in earlier.checks}
    declared = prepare(
        rows(), time_case(cutoff="2020-05-01"), cutoff_floor="2020-10-01"
    )
    assert declared.cutoff == "2020-10-01T00:00:00"


def test_a_row_once_in_test_stays_there_when_time_goes_on() -> None:
    first = prepare(rows(), time_case())
    start = np.datetime64("2020-12-20T00:00")
    new = rows(200, seed=3).assign(d=[str(start + 1000 * i) for i in range(200)])
    grown = pd.concat([rows(), new], ignore_index=True)
    second = prepare(grown, time_case(), cutoff_floor=first.cutoff)
    learnt = set(second.frame["id"].iloc[second.train_rows])
    assert second.cutoff is not None
    assert first.cutoff is not None
    assert second.cutoff > first.cutoff
    held = prepare(grown, time_case(cutoff=first.cutoff), cutoff_floor=first.cutoff)
    assert members(first) <= members(held)
    assert learnt >= set(first.frame["id"].iloc[first.train_rows])


def test_numbers_can_be_the_time() -> None:
    raw = rows().assign(step=[str(i) for i in range(400)])
    dataset = prepare(raw, case(time="step", split={"by": "time"}))
    assert dataset.schema.column("step").kind == "number"
    assert dataset.test_rows.tolist() == list(range(320, 400))
    assert dataset.cutoff == "320"
    moved = prepare(raw, case(time="step", split={"by": "time"}), cutoff_floor="350")
    assert moved.test_rows.tolist() == list(range(350, 400))


def test_rows_without_a_time_are_training_rows() -> None:
    raw = rows()
    raw.loc[[0, 7], "d"] = None
    dataset = prepare(raw, time_case())
    assert {0, 7} <= set(dataset.train_rows.tolist())
    (found,) = [check for check in dataset.warnings if check.name == "split"]
    assert found.found == "none in data rows 1 and 8"


def test_a_time_split_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(
        ValueError, match="needs at least two moments; the column has 1"
    ):
        prepare(rows().assign(d="2020-01-01"), time_case())
    with pytest.raises(ValueError, match="must be of the kind of the time column; it"):
        prepare(rows(), time_case(cutoff="soon"))
    with pytest.raises(ValueError, match=r"must hold dates.*another data\."):
        prepare(rows(), case(time="c", split={"by": "time"}))


def test_an_unreadable_cutoff_fails_for_numbers_too() -> None:
    times = pd.Series([1.0, 2.0, 3.0], name="t")
    division = split_by_time(times, 0.3, "2020-01-01", None)
    assert [check.status for check in division.checks] == ["failed"]
