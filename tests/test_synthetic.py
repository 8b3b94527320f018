"""Domains in general: dials, messages, and the same table for the same seed."""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from mlkit.synthetic import DOMAINS, check_options, generate, truth
from mlkit.synthetic.domain import Option, best_scores, settings, suits
from mlkit.synthetic.draws import Draws

DIGEST = """
import hashlib
from mlkit.synthetic import generate
table = generate("vendor_dispatch", {"rows": 500, "drift": 0.5}, 3).to_csv()
print(hashlib.sha256(table.encode()).hexdigest())
"""


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_describes_itself_and_keeps_its_word(name: str) -> None:
    domain = DOMAINS[name]
    frame = generate(name, {"rows": 300}, 1)
    known = truth(name, {"rows": 300}, 1)
    assert domain.name == name
    assert len(domain.description.split()) > 40
    assert domain.target in frame
    assert len(frame) == len(known.expected) == len(known.bad_slice) == 300
    assert all(suits(option, option.default) for option in domain.options.values())


def test_an_unknown_domain_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'vendor_dispatch'"):
        generate("vender_dispatch")
    with pytest.raises(
        ValueError, match=r"no synthetic:weather; known: vendor_dispatch"
    ):
        truth("weather")


def test_an_unknown_option_is_named_with_the_nearest_one() -> None:
    with pytest.raises(
        ValueError, match=r"data\.options\.drfit: .* did you mean 'drift'"
    ):
        generate("vendor_dispatch", {"drfit": 0.5})


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("drift", 1.5, "a number from 0 to 1 .*got 1.5"),
        ("drift", "high", 'a number from 0 to 1 .*got "high"'),
        ("drift", True, "a number from 0 to 1 .*got true"),
        ("drift", math.nan, "a number from 0 to 1 .*got NaN"),
        ("rows", 20.5, "a whole number from 10 to .*got 20.5"),
        ("rows", 3, "a whole number from 10 to .*got 3"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, value: object, rule: str) -> None:
    for ask in (generate, check_options):
        with pytest.raises(ValueError, match=rf"data\.options\.{name}: must be {rule}"):
            ask("vendor_dispatch", {name: value})


def test_what_is_not_asked_for_stays_at_its_default() -> None:
    domain = DOMAINS["vendor_dispatch"]
    values = settings(domain, {"drift": 0.5})
    defaults = {name: option.default for name, option in domain.options.items()}
    assert values == {**defaults, "drift": 0.5}


def test_a_whole_number_may_come_as_a_float() -> None:
    assert suits(Option(10, 1, 100, ""), 20.0)
    assert len(generate("vendor_dispatch", {"rows": 20.0})) == 20


def test_the_same_seed_gives_the_same_table_in_another_process() -> None:
    mine = generate("vendor_dispatch", {"rows": 500, "drift": 0.5}, 3).to_csv()
    seen = {hashlib.sha256(mine.encode()).hexdigest()}
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=environment,
            capture_output=True,
            text=True,
        )
        seen.add(run.stdout.strip())
    assert len(seen) == 1
    other = generate("vendor_dispatch", {"rows": 500, "drift": 0.5}, 4)
    assert other.to_csv() != mine


def test_no_global_seed_is_used_or_touched() -> None:
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    generate("vendor_dispatch", {"rows": 50})
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_columns_draw_from_streams_of_their_own() -> None:
    draws = Draws(seed=5, rows=4000)
    one, other = draws.uniform("region"), draws.uniform("trade")
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
    assert not np.array_equal(one, Draws(seed=6, rows=4000).uniform("region"))
    assert kstest(draws.normal("load"), "norm").pvalue > 0.01


def test_places_are_picked_by_weight_list_by_list() -> None:
    draws = Draws(seed=1, rows=30_000)
    which = np.arange(30_000) % 2
    weights = np.array([[1.0, 3.0, 0.0], [0.0, 1.0, 1.0]])
    picked = draws.pick("vendor", weights, which)
    for row, weight in enumerate(weights):
        shares = np.bincount(picked[which == row], minlength=3) / (which == row).sum()
        assert np.abs(shares - weight / weight.sum()).max() < 0.015
        assert (shares[weight == 0] == 0).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_best_scores_are_those_of_the_likeliest_class(chances: list[float]) -> None:
    known = np.array(chances)
    scores = best_scores(known)
    two = best_scores(np.stack([known, 1 - known], axis=1))
    entropy = np.mean([-sum(p * math.log(p) for p in (q, 1 - q) if p) for q in chances])
    assert scores["accuracy"] == pytest.approx(np.maximum(known, 1 - known).mean())
    assert scores["log_loss"] == pytest.approx(entropy)
    assert two["log_loss"] == pytest.approx(entropy)


def test_values_that_are_no_probabilities_have_no_best_scores() -> None:
    assert best_scores(np.array([0.5, 12.0])) == {}


def test_a_table_reads_as_a_table() -> None:
    frame = generate("vendor_dispatch", {"rows": 50})
    assert isinstance(frame.index, pd.RangeIndex)
    assert frame["job_id"].is_unique
    assert frame["opened_at"].is_monotonic_increasing
    assert frame["on_time"].dtype == bool
