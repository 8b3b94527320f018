"""Charts and tables of drift: what they say, and what they must not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mlkit import report
from mlkit.drift import DriftReport, Performance, detect, reference_profile
from mlkit.params.models import Drift
from mlkit.report.folds import Note
from tests.test_drift_detect import SCHEMA, answers, table

pytestmark = pytest.mark.usefixtures("dark_as_drawn")


def area(value: float) -> Performance:
    return Performance(
        "roc_auc", "ROC AUC", True, value, value - 0.02, value + 0.02, 500
    )


@pytest.fixture(scope="module")
def drifted() -> DriftReport:
    profile = reference_profile(
        table(), SCHEMA, predictions=answers(0), performance=area(0.9)
    )
    current = table(seed=1).assign(
        age=lambda f: f["age"] + 9,
        region=lambda f: f["region"].mask(np.arange(len(f)) < 300, "<west>"),
        income=lambda f: f["income"].mask(np.arange(len(f)) < 200),
    )
    return detect(
        profile,
        current.drop(columns="visits"),
        SCHEMA,
        params=Drift(),
        predictions=answers(0.5, seed=1),
        performance=area(0.8),
    )


@pytest.fixture(scope="module")
def calm() -> DriftReport:
    return detect(
        reference_profile(table(), SCHEMA), table(seed=1), SCHEMA, params=Drift()
    )


EMPTY = DriftReport("not_applicable", "Nothing is in production yet.")
FIGURES = (
    report.drift_effects,
    report.drift_distributions,
    report.drift_predictions,
    report.drift_performance,
)
TABLES = (report.drift_findings, report.drift_statistics, report.drift_tests)


def test_effects_name_the_flagged_columns_in_words(
    drifted: DriftReport, calm: DriftReport
) -> None:
    figure = report.drift_effects(drifted)
    assert figure.alt.startswith(
        "4 of 7 columns are flagged: visits (1.00), region (0.30)"
    )
    assert b"absent" in figure.light
    assert b"0.10, large" in figure.light
    quiet = report.drift_effects(calm)
    assert quiet.alt.startswith(
        "None of 7 columns is flagged; the largest effect is 0.0"
    )


def test_distributions_show_the_flagged_columns_then_and_now(
    drifted: DriftReport,
) -> None:
    figure = report.drift_distributions(drifted)
    assert figure.table is not None
    shares = [share for row in figure.table.rows for share in row[2:]]
    assert {share.partition(".")[2][1:] for share in shares} == {" %"}
    shown = {row[0] for row in figure.table.rows}
    assert shown == {"age", "region", "income"}
    assert ("income", "missing", "0.0 %", "20.0 %") in figure.table.rows
    assert ("region", "new levels", "0.0 %", "30.0 %") in figure.table.rows


def test_a_legend_names_both_sides(drifted: DriftReport) -> None:
    for figure in (
        report.drift_distributions(drifted),
        report.drift_predictions(drifted),
    ):
        assert b"Reference" in figure.light
        assert b"Current" in figure.dark


def test_performance_is_shown_with_both_intervals(drifted: DriftReport) -> None:
    figure = report.drift_performance(drifted)
    assert figure.alt.startswith("ROC AUC 0.800 (0.780 to 0.820) on current rows")
    assert b"Then, 500 rows" in figure.light


def test_performance_without_a_value_is_a_sentence(drifted: DriftReport) -> None:
    performance = drifted.performance
    assert performance is not None
    unknown = replace(performance.current, value=None, reason="one class only")
    odd = replace(
        drifted,
        performance=replace(performance, current=unknown, reason="it cannot be told"),
    )
    assert report.drift_performance(odd) == Note("It cannot be told.")
    silent = replace(drifted, performance=None)
    assert report.drift_performance(silent).text.startswith("Performance was not")


def test_findings_begin_with_the_predictions(drifted: DriftReport) -> None:
    found = report.drift_findings(drifted)
    assert found.rows[0][0] == "probability of yes"
    assert [row[0] for row in found.rows[1:]] == ["visits", "region", "age", "income"]
    assert found.caption == "What has moved; 4 columns more not flagged"


def test_columns_that_were_not_compared_are_named(drifted: DriftReport) -> None:
    found = report.drift_findings(replace(drifted, extra=("shoe", "hat")))
    note = "Not compared, for the model was not shown them: shoe and hat."
    assert found.note.endswith(note)


def test_every_statistic_is_in_the_table(drifted: DriftReport) -> None:
    found = report.drift_statistics(drifted)
    known = {name for each in drifted.columns for name in each.statistics}
    assert {"KS", "KS p", "Chi²", "PSI", "PSI 95 %", "KL", "JS"} < set(found.columns)
    assert len(found.columns) == 1 + len(known)
    assert len(found.rows) == 9


def test_every_test_is_in_the_table(drifted: DriftReport) -> None:
    found = report.drift_tests(drifted)
    told = {(row[0], row[1]): row for row in found.rows}
    assert told["income", "missing: 0 %, now 20 %"][-1] == "drift"
    assert told["region", "new levels: 30 %"][-1] == "drift"
    assert told["age", "values"][2] == "Anderson-Darling"
    assert ("visits", "values") not in told
    assert "to 3 % of false flags" in found.caption


@pytest.mark.parametrize("function", [*FIGURES, *TABLES])
def test_nothing_compared_is_said_and_no_error(function: object) -> None:
    assert callable(function)
    assert "<" in function(EMPTY)._repr_html_()
    assert isinstance(function(EMPTY), Note)
    assert function(EMPTY).to_dict() == function(EMPTY.to_dict()).to_dict()


def test_of_nothing_compared_one_sentence_is_left() -> None:
    shown = [function(EMPTY) for function in (*FIGURES, *TABLES)]
    said = [each.to_dict()["note"] for each in shown]
    assert [text for text in said if text] == [
        "Nothing was compared, so there is nothing to show."
    ]
    folded = report.Fold("Every test", report.drift_tests(EMPTY))
    assert folded._repr_html_() == "<p></p>"


@pytest.mark.parametrize("function", FIGURES)
def test_a_stored_report_draws_the_same(function: object, drifted: DriftReport) -> None:
    assert callable(function)
    assert function(drifted).light == function(drifted.to_dict()).light


def test_what_the_data_wrote_is_escaped(drifted: DriftReport) -> None:
    for function in (*FIGURES, *TABLES):
        assert "<west>" not in function(drifted)._repr_html_()


def test_values_of_sensitive_columns_are_never_shown() -> None:
    hidden = replace(
        SCHEMA,
        columns=tuple(
            replace(each, sensitive=each.name in ("region", "income", "bought"))
            for each in SCHEMA.columns
        ),
    )
    profile = reference_profile(
        table(), hidden, predictions=answers(0), performance=area(0.9)
    )
    current = table(seed=1).assign(region="north", income=lambda f: f["income"] * 3)
    found = detect(
        *(profile, current, hidden),
        params=Drift(),
        predictions=answers(1, seed=2),
        performance=area(0.8),
    )
    text = "".join(function(found)._repr_html_() for function in (*FIGURES, *TABLES))
    images = b"".join(function(found).light for function in FIGURES).decode()
    assert "level 1" in images
    assert "bin 1" in images
    assert not any(word in text + images for word in ("north", "south", "of yes"))


def test_many_levels_are_cut_to_those_that_changed_most() -> None:
    rng = np.random.default_rng(0)
    levels = [f"level {k:02d}" for k in range(60)]
    one = table().assign(region=rng.choice(levels, 1000))
    other = table(seed=1).assign(
        region=pd.Series(rng.choice(levels, 1000)).mask(
            np.arange(1000) < 300, "level 07"
        )
    )
    found = detect(reference_profile(one, SCHEMA), other, SCHEMA, params=Drift())
    region = next(each for each in found.columns if each.name == "region")
    assert len(region.bars) <= 11
    assert "level 07" in {bar.label for bar in region.bars}
