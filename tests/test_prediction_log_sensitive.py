"""Values of sensitive columns are in no file of a log, and in no message."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlkit.prediction_log import PredictionLogger, compact, read_predictions, tidy

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
SECRETS = st.text(st.sampled_from("abXY7é 'ß\n\\\""), min_size=6, max_size=12).filter(
    lambda text: len(text.strip()) >= 6
)


def contents(folder: Path) -> bytes:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in found if path.name != "hash.key")


@settings(max_examples=40, deadline=None)
@given(SECRETS, st.sampled_from(["hash", "drop"]))
def test_no_file_holds_a_sensitive_value(secret: str, hide: Any) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with PredictionLogger(
            folder, sensitive=["name", "card"], hide=hide, clock=lambda: NOON
        ) as log:
            row = {"name": secret, "card": 4111222233, "age": 3}
            log.log_prediction("m", "1", row, 1)
            log.log_error("m", "1", ValueError(f"{secret} has 4111222233."), row)
            log.log_error("m", "1", ValueError(f"not a number: {secret!r}"), row)
            log.log_error("m", "1", KeyError(secret))
            log.log_error("m", "1", f"no row: {secret}")
            with pytest.raises(TypeError) as refused:
                log.log_prediction("m", "1", {"name": secret.encode()}, 1)
        assert secret not in str(refused.value)
        found = read_predictions(folder, "m")
        assert found.features["age"].tolist()[:3] == [3, 3, 3]
        assert ("name" in found.features) == (hide == "hash")
        for text in found.frame["error"][1:]:
            assert secret not in text
            assert secret.lower() not in text.lower()
        for step in (compact, tidy):
            held = contents(folder)
            inner = json.dumps(secret, ensure_ascii=False)[1:-1]
            for form in (secret, repr(secret)[1:-1], inner, "4111222233"):
                assert form.encode() not in held
            step(folder, "m", now=NOON + timedelta(days=2))
        assert (folder / "m" / "predictions_20260305.parquet").exists()


def test_equal_values_have_equal_hashes_in_every_process(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom mlkit.prediction_log import PredictionLogger\n"
        "log = PredictionLogger(sys.argv[1], sensitive=['x'])\n"
        "for x in ('a', 'b', 1, 1.0, '1', None, [1]):\n"
        "    log.log_prediction('m', '1', {'x': x}, repr(x))\n"
    )
    # All start at once: one of them makes the key.
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(4)
    ]
    assert [process.wait() for process in running] == [0] * 4
    logged = read_predictions(tmp_path, "m")
    values = logged.features["x"].groupby(logged.frame["prediction"]).agg(set)
    assert {name: len(found) for name, found in values.items()} == dict.fromkeys(
        ["'1'", "'a'", "'b'", "1", "1.0", "None", "[1]"], 1
    )
    assert values["1"] == values["1.0"]
    assert len(set.union(*values)) == 6
    assert logged.features["x"].isna().sum() == 4
    assert all(len(x) == 32 for x in logged.features["x"].dropna())


def test_another_log_has_another_key(tmp_path: Path) -> None:
    hashes = []
    for name in "ab":
        with PredictionLogger(tmp_path / name, sensitive=["x"]) as log:
            log.log_prediction("m", "1", {"x": "same"}, 1)
            hashes.append(log.get_recent_predictions()[0]["features"]["x"])
    assert hashes[0] != hashes[1]


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    PredictionLogger(tmp_path / "none")
    PredictionLogger(tmp_path / "none", sensitive=["x"], hide="drop")
    assert not (tmp_path / "none").exists()
    PredictionLogger(tmp_path, sensitive=["x"])
    path = tmp_path / ".keys" / "hash.key"
    key = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    # One that lost its mode in a private folder gets it back, an open one is refused.
    path.chmod(0o644)
    PredictionLogger(tmp_path, sensitive=["x"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    path.parent.chmod(0o755)
    with pytest.raises(PermissionError, match="its mode is 644; run chmod 600"):
        PredictionLogger(tmp_path, sensitive=["x"])
    path.chmod(0o600)
    PredictionLogger(tmp_path, sensitive=["x"])
    assert path.read_bytes() == key
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="a key has 32 bytes, this file has 5"):
        PredictionLogger(tmp_path, sensitive=["x"])
    assert os.listdir(tmp_path) == [".keys"]


def test_options_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hide must be 'hash' or 'drop', got 'mask'"):
        PredictionLogger(tmp_path, hide="mask")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="sensitive must be a list of columns"):
        PredictionLogger(tmp_path, sensitive="name")
    with pytest.raises(ValueError, match="sync must be one of system, group, each"):
        PredictionLogger(tmp_path, sync="never")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "said", "kept"),
    [
        ("Jane Doe", "no Jane here, nor DOE's", "no ••• here, nor •••'s"),
        (3, "3 of 33 failed", "••• of 33 failed"),
        (2.0, "got 2", "got •••"),
        (["ab-cd", 5], "ab-cd and 5", "••• and •••"),
        (None, "None given", "None given"),
        (True, "True story", "True story"),
    ],
)
def test_errors_are_legible_without_the_values(
    tmp_path: Path, value: Any, said: str, kept: str
) -> None:
    with PredictionLogger(tmp_path, sensitive=["x"]) as log:
        log.log_error("m", "1", said, {"x": value})
        log.log_error("m", "1", ValueError(said), {"x": value})
        log.log_error("m", "1", ValueError(said))
        log.log_error("m", "1", said)
    assert list(read_predictions(tmp_path, "m").frame["error"]) == [
        kept, f"ValueError: {kept}", "ValueError: •••", "•••",
    ]  # fmt: skip
    with PredictionLogger(tmp_path / "open") as log:
        log.log_error("m", "1", ValueError(f"{said} \ud800"))
    (error,) = read_predictions(tmp_path / "open", "m").frame["error"]
    assert error == f"ValueError: {said} ?"
