"""Compressed days that were cut short or damaged: what is before that is read."""

from __future__ import annotations

import gzip
import io
import json
import tempfile
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlkit.prediction_log import Garbage, compact, read_batches, read_predictions
from mlkit.prediction_log.unpacking import BLOCK, Unpacked

DAY = "predictions_20260305.jsonl.gz"
LATER = datetime(2026, 3, 9, tzinfo=UTC)
# Follows what is flushed to a whole byte: a kind of block that there is none of.
NO_BLOCK = b"\x07" * 8


def line_of(number: int, text: str = "x") -> bytes:
    record = {
        "kind": "prediction",
        "id": str(number),
        "at": f"2026-03-05T{number % 24:02}:00:00.000000Z",
        "model": "m",
        "version": "1",
        "features": {"text": text},
        "prediction": number,
    }
    return json.dumps(record).encode() + b"\n"


def noise(number: int, size: int) -> str:
    """Return text that does not compress to less than half."""
    digits = "".join(str(hash((number, place))) for place in range(size // 18 + 1))
    return digits[:size]


def kept(folder: Path, content: bytes) -> Path:
    path = folder / "m" / DAY
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def numbers(folder: Path) -> tuple[list[int], Garbage]:
    """Return what is read and what is not, the same in every way of reading."""
    logged = read_predictions(folder, "m")
    found = sorted(logged.frame["prediction"])
    batches = list(read_batches(folder, "m", rows=7))
    assert sorted(n for each in batches for n in each.frame["prediction"]) == found
    summed = sum((each.garbage for each in batches), Garbage())
    assert (summed.count, summed.files) == (logged.garbage.count, logged.garbage.files)
    assert set(summed.where) == set(logged.garbage.where)
    newest = read_predictions(folder, "m", limit=10_000)
    assert sorted(newest.frame["prediction"]) == found
    assert set(newest.garbage.places) == set(logged.garbage.places)
    return found, logged.garbage


def whole_lines(members: Sequence[bytes], cut: int) -> int:
    """Return how many lines zlib itself gets out of so many bytes of members."""
    count, packed = 0, b"".join(members)[:cut]
    for member in members:
        count += zlib.decompressobj(31).decompress(packed[: len(member)]).count(b"\n")
        packed = packed[len(member) :]
    return count


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=40),
    breaks=st.sets(st.integers(1, 39), max_size=3),
    share=st.floats(0, 1),
)
@example([2000] * 40, set(), 2 / 3)
@example([10] * 4, {2}, 1.0)
@example([10], set(), 0.0)
def test_of_a_day_that_was_cut_short_all_whole_lines_before_the_cut_are_read(
    sizes: list[int], breaks: set[int], share: float
) -> None:
    lines = [line_of(n, noise(n, size)) for n, size in enumerate(sizes)]
    starts = sorted({0, *(b for b in breaks if b < len(lines))})
    members = [
        gzip.compress(b"".join(lines[first:last]))
        for first, last in zip(starts, [*starts[1:], None], strict=True)
    ]
    whole = b"".join(members)
    cut = round(share * len(whole))
    wanted = whole_lines(members, cut)
    ends = {sum(map(len, members[: n + 1])) for n in range(len(members))}
    with tempfile.TemporaryDirectory() as folder:
        kept(Path(folder), whole[:cut])
        found, garbage = numbers(Path(folder))
    assert found == list(range(wanted))
    assert garbage.count == garbage.files == int(cut not in ends)
    for place in garbage.places:
        assert (place.file, place.line) == (DAY, None)
        assert place.why.startswith(f"damaged behind line {wanted}:")
        assert "cut short" in place.why


@pytest.mark.parametrize("size", [10, 400, 20_000])
def test_what_is_before_a_damage_is_read_and_nothing_behind_it(
    tmp_path: Path, size: int
) -> None:
    lines = [line_of(n, noise(n, size)) for n in range(300)]
    packing = zlib.compressobj(wbits=31)
    packed = packing.compress(b"".join(lines[:200])) + packing.flush(zlib.Z_FULL_FLUSH)
    if size == 20_000:
        assert len(packed) > 10 * BLOCK
    behind = packing.compress(b"".join(lines[200:])) + packing.flush()
    kept(tmp_path, packed + NO_BLOCK + behind)
    found, garbage = numbers(tmp_path)
    assert found == list(range(200))
    assert (garbage.count, garbage.files) == (1, 1)
    assert garbage.places[0].why.startswith("damaged behind line 200:")


def flip_checksum(packed: bytes) -> bytes:
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


@pytest.mark.parametrize(
    ("harm", "files"),
    [
        (lambda packed: packed, 0),
        (lambda packed: packed + b"\0" * (2 * BLOCK), 0),
        (lambda packed: packed + b"of another tool", 1),
        (lambda packed: packed + b"\x1f", 1),
        (flip_checksum, 1),
    ],
    ids=["whole", "filled up", "garbage", "a byte", "checksum"],
)
def test_what_follows_a_day_or_its_checksum_costs_no_line(
    tmp_path: Path, harm: Callable[[bytes], bytes], files: int
) -> None:
    lines = [line_of(n, noise(n, 50)) for n in range(60)]
    kept(tmp_path, harm(gzip.compress(b"".join(lines))))
    found, garbage = numbers(tmp_path)
    assert found == list(range(60))
    assert (garbage.count, garbage.files) == (files, files)


def test_it_reads_what_the_standard_library_reads() -> None:
    content = b"".join(line_of(n, noise(n, 30) if n % 7 else "y" * 9000)
                       for n in range(3000))  # fmt: skip
    # A block of zeros unpacks to a thousand times its size.
    content += b"\0" * 5_000_000 + b"\n"
    packed = gzip.compress(content) + gzip.compress(b"") + gzip.compress(b"end")
    unpacked = Unpacked(io.BytesIO(packed))
    pieces = list(iter(lambda: unpacked.read(10_000), b""))
    assert unpacked.problem is None
    assert b"".join(pieces) == gzip.decompress(packed)
    assert max(map(len, pieces)) == 10_000


def test_a_damaged_day_is_told_after_it_was_compacted(tmp_path: Path) -> None:
    lines = [line_of(n, noise(n, 50)) for n in range(150)]
    lines[3] = b"{torn\n"
    packed = gzip.compress(b"".join(lines))
    path = kept(tmp_path, packed[: len(packed) * 2 // 3])
    before, garbage = numbers(tmp_path)
    assert len(before) > 90
    assert garbage.what == "the rest of 1 damaged file and 1 line"
    assert [f"{DAY}: damaged behind" in each for each in garbage.where] == [True, False]
    # The names of days stay those of their parts.
    path.rename(path.with_name("predictions_20260305.0.jsonl.gz"))
    done = compact(tmp_path, "m", now=LATER)
    assert (done.rows, done.garbage.count, done.garbage.files) == (len(before), 2, 1)
    assert list(path.parent.glob("*.damaged"))
    after, again = numbers(tmp_path)
    assert after == before
    assert (again.count, again.files) == (2, 1)
    # A day of an earlier mlkit does not say how many files were damaged.
    (day,) = path.parent.glob("*.parquet")
    table = pq.read_table(day)
    content = json.loads(table.schema.metadata[b"mlkit"])
    assert content["garbage"].pop("files") == 1
    metadata = {"mlkit": json.dumps(content)}
    pq.write_table(table.replace_schema_metadata(metadata), day)
    assert numbers(tmp_path) == (after, again)


def test_compacting_sweeps_what_was_cut_short_an_hour_ago(tmp_path: Path) -> None:
    kept(tmp_path, gzip.compress(line_of(1)))
    left = tmp_path / "m" / ".mlkit-0123456789abcdef.tmp"
    left.write_bytes(b"half")
    soon = datetime.now(UTC)
    assert compact(tmp_path, "m", now=soon).removed == ()
    assert left.exists()
    done = compact(tmp_path, "m", now=soon + timedelta(hours=2))
    assert done.removed == (left.name,)
    assert done.to_dict()["removed"] == (left.name,)
    assert not left.exists()
