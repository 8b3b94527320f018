"""Profiles out of core: the counts of memory, whoever counts which partition."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlkit.data import Column, Schema
from mlkit.drift import (
    ReferenceProfile,
    count_rows,
    detect,
    reference_profile,
)
from mlkit.drift.tallies import tally_column
from mlkit.params.models import Drift
from mlkit.profiling import (
    outlines,
    partitions,
    profile_csv,
    profile_parquet,
    reference_from_parquet,
)
from mlkit.profiling.outlines import Outline
from mlkit.sources import SourceError
from tests.divided import wait_until
from tests.test_drift_profiles import SCHEMA, answers, table

RNG = np.random.default_rng
PARTS = 4
ROWS = 250


def part(number: int) -> pd.DataFrame:
    """Return rows of a partition; each has something that the others lack."""
    frame = table(ROWS, seed=number)
    if number == 1:
        frame = frame.assign(region="west", age=frame["age"] + 15)
    if number == 2:
        frame = frame.assign(region=frame["region"].astype("category"), shoe=1)
    if number == 3:
        frame = frame.assign(age=frame["age"].round(3).astype(str))
    return frame.assign(p=answers(ROWS, seed=number)[:, 1])


def whole() -> pd.DataFrame:
    return pd.concat(
        [part(i).astype({"age": object, "region": object}) for i in range(PARTS)],
        ignore_index=True,
    )


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    for i in range(PARTS):
        home = folder / f"month={i}"
        home.mkdir()
        part(i).to_parquet(home / "part.parquet", row_group_size=90)
    (folder / "_SUCCESS.parquet").write_text("not a table")
    return folder


REFERENCE = reference_profile(table(), SCHEMA, predictions=answers(200))
IN_MEMORY = count_rows(
    REFERENCE, whole().drop(columns="p"), SCHEMA, predictions=whole()["p"]
)


def test_partitions_are_counted_as_rows_in_memory_are(lake: Path) -> None:
    for batch_rows in (7, 1000):
        found = profile_parquet(
            REFERENCE, lake, SCHEMA, answers=["p"], batch_rows=batch_rows
        )
        assert found == IN_MEMORY
    assert IN_MEMORY.extra == ("shoe",)


def test_two_processes_count_as_one_does(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A file is many partitions then.
    monkeypatch.setattr(partitions, "PARTITION_ROWS", 100)
    assert len(partitions.find_partitions(lake, None)) == 2 * PARTS
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = profile_parquet(REFERENCE, lake, SCHEMA, answers=["p"], executor=pool)
        reference = reference_from_parquet(lake, SCHEMA, executor=pool)
    assert found == IN_MEMORY
    assert reference == reference_profile(whole(), SCHEMA)


def start(module: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
    with (folder / f"{module}.log").open("a") as log:
        return subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{module}", *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=log,
            stderr=log,
            text=True,
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a scheduler on loopback that has two workers."""
    pytest.importorskip("distributed")
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    local = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file))
    scheduler = start("dask_scheduler", *local, "--port", "0", folder=folder)
    processes = [scheduler]
    try:
        wait_until(file.exists, "the start of the scheduler")
        asked = ("--scheduler-file", str(file), "--no-nanny", "--no-dashboard")
        one = ("--nthreads", "1", "--local-directory", str(folder))
        processes += [
            start("dask_worker", *asked, *one, folder=folder) for _ in range(2)
        ]
        yield json.loads(file.read_text())["address"]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=20)


def test_a_dask_cluster_counts_as_memory_does(cluster: str, lake: Path) -> None:
    from distributed import Client

    with Client(cluster, set_as_default=False) as client:
        executor = client.get_executor(pure=False)
        found = profile_parquet(
            REFERENCE, lake, SCHEMA, answers=["p"], executor=executor
        )
        (lake / "month=9").mkdir()
        broken = lake / "month=9" / "broken.parquet"
        broken.write_bytes((lake / "month=1" / "part.parquet").read_bytes()[:999])
        try:
            with pytest.raises(SourceError, match=r"month=9/broken.parquet.*cut short"):
                profile_parquet(REFERENCE, lake, SCHEMA, executor=executor)
        finally:
            broken.unlink()
    assert found == IN_MEMORY


def test_the_verdict_is_that_of_memory(lake: Path) -> None:
    found = profile_parquet(REFERENCE, lake, SCHEMA, answers=["p"])
    settings = Drift()
    frame = whole().drop(columns="p")
    expected = detect(
        REFERENCE, frame, SCHEMA, params=settings, predictions=whole()["p"]
    )
    assert expected.flagged
    report = detect(REFERENCE, found, SCHEMA, params=settings)
    assert report.to_dict() == expected.to_dict()


def test_a_reference_of_few_rows_is_that_of_memory(lake: Path) -> None:
    expected = reference_profile(whole(), SCHEMA)
    assert reference_from_parquet(lake, SCHEMA, batch_rows=101) == expected


def test_what_folders_say_is_a_column(lake: Path) -> None:
    month = Column("month", "number")
    schema = replace(SCHEMA, columns=(month, *SCHEMA.columns))
    profile = reference_from_parquet(lake, schema)
    assert profile.columns[0].counts.present == PARTS * ROWS
    assert profile.columns[0].mean == pytest.approx((PARTS - 1) / 2, abs=1e-4)
    again = profile_parquet(profile, lake, schema)
    assert again.columns == profile.columns


NUMBERS = Schema(
    (
        Column("x", "number"),
        Column("few", "number"),
        Column("zero", "number"),
        Column("hidden", "number", sensitive=True),
        Column("level", "category"),
        Column("none", "number"),
        Column("y", "category", "target"),
    ),
    *("binary", "y", ("no", "yes"), "yes"),
)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    rng, n = RNG(1), 150_000
    x = rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "x": x,
            "few": rng.poisson(3, n),
            "zero": np.where(x < 0.5, 0.0, x),
            "hidden": 31_337.25 + x,
            "level": rng.choice(["a", "b", "c"], n),
            "none": np.nan,
        }
    )
    folder = tmp_path_factory.mktemp("many")
    for i, rows in enumerate(np.array_split(np.arange(n), 3)):
        frame.iloc[rows].to_parquet(folder / f"{i}.parquet", index=False)
    return folder, frame


def test_sketched_edges_are_within_their_stated_error(
    many: tuple[Path, pd.DataFrame],
) -> None:
    pytest.importorskip("datasketches")
    folder, frame = many
    found = reference_from_parquet(folder, NUMBERS, exact_rows=1000)
    exact = reference_profile(frame, NUMBERS)
    x, few, zero, hidden, level, none = found.columns
    edges = np.array(x.bins.edges)
    assert 0 < x.bins.rank_error < 0.001
    meant = np.arange(1, 256) / 256
    ranks = np.searchsorted(np.sort(frame["x"]), edges[-256:-1]) / len(frame)
    # The stated error is that of one rank with a probability of 99 %.
    assert np.abs(ranks - meant).max() < 3 * x.bins.rank_error
    column = NUMBERS.column("x")
    for _ in range(6):
        again = Outline.of([tally_column(frame, column)]).bins(column).edges
        assert (again[1], again[-1]) == (frame["x"].min(), frame["x"].max())
    assert sum(x.counts.cells) == len(frame)
    assert len(x.bins.cuts) == 10
    assert few == exact.columns[1]
    assert level == exact.columns[4]
    assert none == exact.columns[5]
    heavy = max(zero.counts.cells)
    assert heavy == (frame["zero"] == 0).sum()
    assert hidden.bins.masked
    assert "31337.25" not in json.dumps(found.to_dict())
    assert len(hidden.bins.edges) == len(exact.columns[3].bins.edges)
    calm = detect(found, frame.sample(5000, random_state=1), NUMBERS, params=Drift())
    assert calm.flagged == ()
    # Its counts are those of the same rows on its edges.
    assert profile_parquet(found, folder, NUMBERS).columns == found.columns


def test_the_rarest_of_too_many_levels_are_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("datasketches")
    monkeypatch.setattr(outlines, "MOST_KEPT", 50)
    column = Column("level", "category")
    rng = RNG(0)
    often = [f"often {i}" for i in range(20)]
    frames = [
        pd.DataFrame(
            {
                "level": [
                    *rng.choice(often, 400),
                    *(f"rare {k} {i}" for i in range(100)),
                ]
            }
        )
        for k in range(6)
    ]
    parts = [Outline.of([tally_column(frame, column)]) for frame in frames]
    found = parts[0]
    for other in parts[1:]:
        found = found + other
    assert not found.whole
    assert len(found.texts) <= 50
    bins = found.bins(column)
    assert not bins.complete
    assert set(often) <= set(bins.levels)


def test_a_file_that_lacks_a_column_is_counted_and_no_reference(
    lake: Path, tmp_path: Path
) -> None:
    part(0).drop(columns="age").to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"other": [1, 2]}).to_parquet(tmp_path / "b.parquet")
    found = profile_parquet(REFERENCE, tmp_path, SCHEMA)
    age, income = found.columns[:2]
    assert (age.counts.absent, age.counts.all_absent) == (ROWS + 2, True)
    assert (income.counts.absent, income.counts.missing) == (2, 2)
    assert found.extra == ("other", "p")
    with pytest.raises(SourceError, match=r"a\.parquet: .* lacks age"):
        reference_from_parquet(tmp_path, SCHEMA)
    with pytest.raises(ValueError, match=r"b\.parquet: the model's answers .* lacks p"):
        profile_parquet(REFERENCE, tmp_path, SCHEMA, answers=["p"])


def test_a_file_without_rows_adds_nothing(lake: Path, tmp_path: Path) -> None:
    part(0).to_parquet(tmp_path / "a.parquet")
    full = profile_parquet(REFERENCE, tmp_path, SCHEMA, answers=["p"])
    part(0).head(0).to_parquet(tmp_path / "b.parquet")
    pq.write_table(part(0).pipe(pa.table).slice(0, 0), tmp_path / "c.parquet")
    assert profile_parquet(REFERENCE, tmp_path, SCHEMA, answers=["p"]) == full
    (tmp_path / "a.parquet").unlink()
    empty = profile_parquet(REFERENCE, tmp_path, SCHEMA, answers=["p"])
    assert (empty.rows, empty.period) == (0, None)
    assert empty + full == full
    with pytest.raises(ValueError, match="2 files have no rows"):
        reference_from_parquet(tmp_path, SCHEMA)


def test_what_is_no_parquet_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.parquet: there is no such file"):
        profile_parquet(REFERENCE, tmp_path / "gone.parquet", SCHEMA)
    with pytest.raises(SourceError, match=r"holds no file that ends in \.parquet"):
        profile_parquet(REFERENCE, tmp_path, SCHEMA)
    with pytest.raises(SourceError, match="at least one file"):
        profile_parquet(REFERENCE, [], SCHEMA)
    (tmp_path / "x.parquet").write_text("age,region\n1,north\n")
    with pytest.raises(SourceError, match=r"x\.parquet: .* damaged or cut short"):
        profile_parquet(REFERENCE, tmp_path, SCHEMA)
    (tmp_path / "x.parquet").write_text("")
    with pytest.raises(SourceError, match=r"x\.parquet: the file is empty"):
        profile_parquet(REFERENCE, tmp_path, SCHEMA)


def test_a_page_that_is_damaged_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    part(0).to_parquet(path, write_page_checksum=True)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"x\.parquet: .* damaged or cut short"):
        profile_parquet(REFERENCE, path, SCHEMA)


def test_a_needed_column_of_lists_is_refused_and_others_do_not_matter(
    tmp_path: Path,
) -> None:
    frame = table(5).assign(bought=[[1], [2], [3], [4], [5]])
    frame.to_parquet(tmp_path / "x.parquet")
    assert profile_parquet(REFERENCE, tmp_path, SCHEMA).rows == 5
    table(5).assign(age=[[1.0]] * 5).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"x\.parquet: column 'age' holds list"):
        profile_parquet(REFERENCE, tmp_path, SCHEMA)


def test_batches_have_rows(lake: Path) -> None:
    for call in (
        lambda: profile_parquet(REFERENCE, lake, SCHEMA, batch_rows=0),
        lambda: reference_from_parquet(lake, SCHEMA, batch_rows=0),
    ):
        with pytest.raises(ValueError, match="batch_rows must be at least 1, got 0"):
            call()


def test_a_worker_that_dies_is_told(lake: Path) -> None:
    with (
        ProcessPoolExecutor(1, get_context("spawn"), os._exit, (1,)) as pool,
        pytest.raises(RuntimeError, match="ended before it was done"),
    ):
        profile_parquet(REFERENCE, lake, SCHEMA, executor=pool)


def test_text_files_are_counted_as_rows_in_memory_are(tmp_path: Path) -> None:
    frame = whole().drop(columns="p")
    frame.iloc[:600].to_csv(tmp_path / "a.csv", index=False, sep=";")
    frame.iloc[600:].drop(columns="shoe").to_csv(
        tmp_path / "b.csv", index=False, sep=";"
    )
    frame.head(0).to_csv(tmp_path / "c.csv", index=False, sep=";")
    found = profile_csv(REFERENCE, tmp_path, SCHEMA, separator=";")
    assert found == replace(IN_MEMORY, predictions=())


def test_a_text_file_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("age,region\n1,north\n2\n")
    with pytest.raises(SourceError, match=r"x\.csv: the file cannot be parsed"):
        profile_csv(REFERENCE, tmp_path, SCHEMA)


def test_drift_is_seen_when_the_training_data_are_gone(tmp_path: Path) -> None:
    training = tmp_path / "training.parquet"
    table(2000).to_parquet(training)
    stored = tmp_path / "profile.json"
    stored.write_text(json.dumps(reference_from_parquet(training, SCHEMA).to_dict()))
    training.unlink()
    reference = ReferenceProfile.from_dict(json.loads(stored.read_text()))
    calm = detect(reference, table(800, seed=8), SCHEMA, params=Drift())
    assert calm.flagged == ()
    moved = table(800, seed=8).assign(age=lambda f: f["age"] + 6)
    assert "age" in detect(reference, moved, SCHEMA, params=Drift()).flagged
