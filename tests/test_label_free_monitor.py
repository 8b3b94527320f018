"""What a check makes of estimates without outcomes: given, withheld, shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlkit import report
from mlkit.label_free import Expected
from mlkit.monitor import Check, check, expectation
from mlkit.monitor.expectation import judge_expected
from mlkit.pipeline.monitoring import monitor_numbers
from tests.logged_models import NOW, Day, candidate, log_days, make_params, register


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a workspace with a version of ``toy`` in production."""
    register(tmp_path, make_params(), candidate, n=300)
    return tmp_path


def looked(root: Path, shift: float, labelled: int = 200) -> Check:
    """Check a log whose last rows have no outcome and have moved."""
    log_days(root, [Day(labelled), Day(150, labelled=0, shift=shift)])
    return check(make_params(), root, now=NOW)


def test_rows_beyond_the_labelled_ones_are_no_news_either_way(root: Path) -> None:
    found = looked(root, shift=3)
    assert len(found.expected) > 1
    assert all(each.withheld for each in found.expected)
    assert not any(cause.startswith("expected") for cause in found.causes_checked)
    assert not any(each.cause.startswith("expected") for each in found.findings)
    (note,) = [each for each in found.notes if "cannot be estimated" in each]
    assert note.startswith("Without outcomes, ROC AUC, ")
    assert "% of the rows lie beyond what the labelled rows cover (by 'age')" in note
    # The page says it, too, in no colour of an alarm and in none of calm.
    shown = report.monitor_expected(found)
    states = {row[list(shown.columns).index("Found")] for row in shown.rows}
    assert states == {"not judged"}
    assert "cannot be estimated" in shown._repr_html_()
    labels = [number["label"] for number in monitor_numbers(found)]
    assert not any("expected" in label for label in labels)


def test_rows_like_the_labelled_ones_are_judged(root: Path) -> None:
    found = looked(root, shift=0.3, labelled=600)
    assert not any(each.withheld for each in found.expected)
    assert "expected.roc_auc" in found.causes_checked
    assert not any("cannot be estimated" in each for each in found.notes)


def test_of_a_long_log_the_newest_answers_tell_what_is_expected(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The older answers lie where none of the newer ones does.
    log_days(root, [Day(300, shift=6), Day(400), Day(150, labelled=0)])
    whole = check(make_params(), root, now=NOW)
    assert "estimated from 700 answers" in "".join(whole.notes)
    monkeypatch.setattr(expectation, "MOST_LABELLED", 400)
    newest = check(make_params(), root, now=NOW)
    assert "estimated from 400 answers" in "".join(newest.notes)
    references = [
        {each.metric: each.reference for each in found.expected}
        for found in (whole, newest)
    ]
    # Only the older rows are so easy to tell.
    assert references[0]["accuracy"] > references[1]["accuracy"] + 0.05
    assert not any(each.withheld for each in newest.expected)


def test_the_newest_rows_are_the_last_ones() -> None:
    rows = np.array([True, False, True, True, False])
    for most, kept in ((1, [3]), (2, [2, 3]), (9, [0, 2, 3])):
        found = expectation._newest(rows, most)
        assert np.flatnonzero(found).tolist() == kept


def expected(metric: str, *, withheld: str | None = None) -> Expected:
    """Return an estimate that has surely dropped, but where it is withheld."""
    given = withheld is None
    value = 0.5 if given else float("nan")
    return Expected(
        metric, value, value, value, 0.9, given, "It is worse.", "None.", 100, 50.0,
        withheld,
    )  # fmt: skip


def test_what_is_withheld_neither_raises_nor_resolves() -> None:
    far = "30% of the rows lie beyond"
    options: Any = {"max_loss": 0.0, "level": 0.01}
    both = (expected("roc_auc", withheld=far), expected("accuracy", withheld=far))
    nothing = judge_expected(both, "roc_auc", **options)
    assert (nothing.findings, nothing.checked) == ((), ())
    one = (expected("roc_auc", withheld=far), expected("accuracy"))
    judged = judge_expected(one, "roc_auc", **options)
    assert judged.checked == ("expected.accuracy",)
    assert [each.cause for each in judged.findings] == ["expected.accuracy"]
