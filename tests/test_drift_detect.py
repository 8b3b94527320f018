"""Detection: what is flagged, what is not, and tables that break their schema."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlkit import data, sources
from mlkit.data import Column, Schema
from mlkit.drift import (
    ColumnDrift,
    DriftReport,
    Performance,
    ReferenceProfile,
    check_statistics,
    detect,
    reference_profile,
)
from mlkit.drift.significance import homogeneity, pooled_cells
from mlkit.params import load_params
from mlkit.params.models import Drift, Params
from tests.workspace import PROJECT

RNG = np.random.default_rng
Change = Callable[[pd.DataFrame], pd.DataFrame]
SCHEMA = Schema(
    (
        Column("age", "number"),
        Column("income", "number"),
        Column("visits", "number"),
        Column("region", "category"),
        Column("member", "boolean"),
        Column("since", "date"),
        Column("note", "text"),
        Column("code", "identifier"),
        Column("at", "date", "time"),
        Column("bought", "category", "target"),
    ),
    "binary",
    "bought",
    ("no", "yes"),
    "yes",
)


def table(n: int = 1000, *, seed: int = 0) -> pd.DataFrame:
    rng = RNG(seed)
    days = rng.integers(0, 1000, n).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "age": rng.normal(40, 12, n),
            "income": rng.lognormal(10, 1, n),
            "visits": rng.poisson(2, n).astype(float),
            "region": rng.choice(["north", "south", "east"], n),
            "member": rng.choice(["True", "False"], n),
            "since": np.datetime64("2020-01-01", "us") + days,
            "note": [" ".join("word" for _ in range(k)) for k in rng.integers(3, 9, n)],
            "code": [f"K{i:05d}" for i in range(n)],
            "at": np.datetime64("2024-01-01", "us")
            + np.arange(n) * np.timedelta64(1, "h"),
            "bought": rng.choice(["no", "yes"], n),
        }
    )


def found(
    change: Change = lambda frame: frame,
    *,
    schema: Schema = SCHEMA,
    n: int = 1000,
    **settings: Any,
) -> DriftReport:
    profile = reference_profile(table(), schema)
    return detect(profile, change(table(n, seed=1)), schema, params=Drift(**settings))


def column(report: DriftReport, name: str) -> ColumnDrift:
    return next(each for each in report.columns if each.name == name)


def test_rows_of_the_same_kind_are_not_drift() -> None:
    report = found()
    assert report.verdict == "none"
    assert report.flagged == ()
    assert report.reason == "None of 8 columns has drifted."
    assert (report.rows, report.current_rows) == (1000, 1000)
    assert report.current_period == ("2024-01-01T00:00:00", "2024-02-11T15:00:00")
    assert column(report, "code").state == "not compared"
    assert "identifier" in column(report, "code").reason


def missing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(age=frame["age"].mask(RNG(9).random(len(frame)) < 0.4))


def new_level(frame: pd.DataFrame) -> pd.DataFrame:
    west = RNG(9).random(len(frame)) < 0.3
    return frame.assign(region=frame["region"].mask(west, "west"))


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda f: f.assign(age=f["age"] + 6), "age", "higher values"),
        (lambda f: f.assign(age=f["age"] - 6), "age", "lower values"),
        (
            lambda f: f.assign(age=40 + 1.5 * (f["age"] - 40)),
            "age",
            "values spread wider",
        ),
        (
            lambda f: f.assign(age=40 + 0.7 * (f["age"] - 40)),
            "age",
            "values spread less",
        ),
        (lambda f: f.assign(income=f["income"] * 2), "income", "higher values"),
        (
            lambda f: f.assign(visits=f["visits"] + 1),
            "visits",
            " points more of the rows lie above 1",
        ),
        (missing, "age", "missing in 40 % of the rows, was 0 %"),
        (new_level, "region", "29 % of the values are levels that the reference lacks"),
        (
            lambda f: f.assign(region=f["region"].replace("east", "south")),
            "region",
            "had",
        ),
        (lambda f: f.assign(member="True"), "member", "'False' no longer occurs"),
        (lambda f: f.assign(note=f["note"] + " and more words"), "note", "longer than"),
        (
            lambda f: f.assign(since=f["since"] + pd.Timedelta(days=300)),
            "since",
            "higher values",
        ),
    ],
)
def test_a_change_is_found_in_its_column_alone(
    change: Change, name: str, words: str
) -> None:
    report = found(change)
    assert report.flagged == (name,)
    assert words in column(report, name).reason
    assert column(report, name).corrected < 0.03
    assert report.columns[0].name == name


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (lambda f: f.drop(columns="age"), "absent", "no such column"),
        (lambda f: f.assign(age="forty"), "wrong kind", "cannot be read as numbers"),
        (lambda f: f.assign(age=np.nan), "all missing", "every value is missing"),
        (lambda f: f.assign(age=None), "all missing", "every value is missing"),
        (lambda f: f.assign(age=np.inf), "wrong kind", "cannot be read as numbers"),
    ],
)
def test_a_broken_column_is_drift_of_the_data(
    change: Change, state: str, words: str
) -> None:
    report = found(change)
    assert report.verdict == "drift"
    assert column(report, "age").state == state
    assert words in column(report, "age").reason
    assert report.reason.startswith(
        "The current table lacks what the model needs: 'age'"
    )


def test_dates_that_are_no_dates_and_truths_that_are_none_are_told() -> None:
    report = found(lambda f: f.assign(since="soon", member="perhaps"))
    assert column(report, "since").state == "wrong kind"
    assert "cannot be read as dates" in column(report, "since").reason
    assert "cannot be read as true or false" in column(report, "member").reason


def test_a_few_values_that_cannot_be_read_are_told_and_no_drift() -> None:
    def spoilt(frame: pd.DataFrame) -> pd.DataFrame:
        texts = frame["age"].astype(str)
        texts.iloc[:3] = "unknown"
        return frame.assign(age=texts)

    report = found(spoilt)
    assert report.verdict == "none"
    assert "3 values cannot be read" in column(report, "age").reason


def test_a_raw_table_of_texts_is_read_as_the_schema_says() -> None:
    texts = table(seed=1).astype(str)
    report = detect(reference_profile(table(), SCHEMA), texts, SCHEMA, params=Drift())
    assert report.verdict == "none"


def test_columns_that_the_model_does_not_know_are_told_and_no_drift() -> None:
    report = found(lambda f: f.assign(shoe=1.0))
    assert report.verdict == "none"
    assert report.extra == ("shoe",)
    assert "'shoe'" in report.notes[0]


def test_a_name_used_twice_is_no_error() -> None:
    report = found(lambda f: pd.concat([f, f[["age"]]], axis=1))
    assert report.verdict == "none"


@pytest.mark.parametrize(
    ("rows", "words"), [(0, "has no rows"), (1, "has 1 row,"), (49, "at least 50")]
)
def test_too_few_rows_are_not_judged(rows: int, words: str) -> None:
    report = found(lambda frame: frame.head(rows))
    assert report.verdict == "too_few"
    assert words in report.reason
    assert report.columns == ()
    json.dumps(report.to_dict())


def test_a_table_without_columns_is_not_judged() -> None:
    profile = reference_profile(table(), SCHEMA)
    report = detect(profile, pd.DataFrame(), SCHEMA, params=Drift())
    assert report.verdict == "too_few"


def test_one_row_with_a_new_level_is_told_and_no_drift() -> None:
    def one(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(region=["west", *frame["region"].iloc[1:]])

    report = found(one)
    assert report.verdict == "none"
    assert "1 row with a level that the reference lacks" in (
        column(report, "region").reason
    )


def test_one_outlier_is_no_drift_and_hides_none() -> None:
    def odd(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(age=[1e9, *frame["age"].iloc[1:]])

    assert found(odd).flagged == ()
    assert found(lambda f: odd(f.assign(age=f["age"] + 12))).flagged == ("age",)


def test_a_shift_too_small_to_matter_is_no_drift_however_many_rows() -> None:
    schema = Schema((SCHEMA.columns[0], SCHEMA.columns[-1]), *_task())
    rng, n = RNG(3), 200_000
    profile = reference_profile(pd.DataFrame({"age": rng.normal(size=n)}), schema)
    current = pd.DataFrame({"age": rng.normal(0.02, 1, n)})
    (age,) = detect(profile, current, schema, params=Drift()).columns
    assert not age.flagged
    assert "too little to matter" in age.reason


def _task() -> tuple[Any, ...]:
    return ("binary", "bought", ("no", "yes"), "yes")


@pytest.mark.parametrize(
    ("levels", "rows"), [(200, 1000), (200, 5000), (1000, 1000), (3000, 5000)]
)
def test_many_levels_alone_are_no_drift(levels: int, rows: int) -> None:
    schema = Schema((SCHEMA.columns[3], SCHEMA.columns[-1]), *_task())
    rng = RNG(levels)

    def draw(n: int) -> pd.DataFrame:
        return pd.DataFrame({"region": rng.integers(0, levels, n).astype(str)})

    flagged = [
        detect(
            reference_profile(draw(rows), schema), draw(1000), schema, params=Drift()
        )
        for _ in range(12)
    ]
    assert sum(report.flagged != () for report in flagged) <= 2


def test_levels_that_the_reference_lacks_by_chance_do_not_tip_the_test() -> None:
    rng, levels, n = RNG(0), 200, 1000
    p = []
    for _ in range(150):
        one, other = (rng.multinomial(n, np.ones(levels) / levels) for _ in range(2))
        listed = one > 0
        counts = [np.append(x[listed], x[~listed].sum()) for x in (one, other)]
        p.append(homogeneity(*pooled_cells(*counts), rng)[1])
    assert np.mean(np.array(p) < 0.05) < 0.11


def test_dates_move_on_without_being_drift() -> None:
    report = found(lambda f: f.assign(since=f["since"] + pd.Timedelta(days=2000)))
    assert report.verdict == "none"
    assert "as time goes on" in column(report, "since").reason


def test_drift_of_many_columns_is_drift_of_the_data() -> None:
    def moved(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(
            age=frame["age"] + 3,
            income=frame["income"] * 1.4,
            visits=frame["visits"] + 1,
        )

    report = found(moved, large_effect=0.9)
    assert report.verdict == "drift"
    assert "3 of 7 columns are flagged" in report.reason
    assert found(moved, large_effect=0.9, drift_share=0.9).verdict == "columns"


def test_one_column_of_a_small_table_is_no_large_share_of_it() -> None:
    schema = Schema((SCHEMA.columns[0], SCHEMA.columns[-1]), *_task())
    profile = reference_profile(table(), schema)
    current = table(seed=1).assign(age=lambda f: f["age"] + 3)
    report = detect(profile, current, schema, params=Drift())
    assert report.flagged == ("age",)
    assert report.verdict == "columns"


def test_one_large_change_is_drift_of_the_data() -> None:
    def moved(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(age=frame["age"] + 12)

    assert "Large changes" in found(moved).reason
    assert found(moved, large_effect=0.6).verdict == "columns"


def answers(shift: float, *, seed: int = 0, n: int = 800) -> np.ndarray:
    positive = 1 / (1 + np.exp(-RNG(seed).normal(shift, 1, n)))
    return np.column_stack([1 - positive, positive])


def with_answers(now: np.ndarray, performance: float | None = None) -> DriftReport:
    def area(value: float) -> Performance:
        return Performance(
            "roc_auc", "ROC AUC", True, value, value - 0.02, value + 0.02, 500
        )

    profile = reference_profile(
        table(), SCHEMA, predictions=answers(0), performance=area(0.9)
    )
    return detect(
        profile,
        table(seed=1),
        SCHEMA,
        params=Drift(),
        predictions=now,
        performance=None if performance is None else area(performance),
    )


def test_predictions_that_drift_are_drift_of_the_data() -> None:
    calm, moved = with_answers(answers(0, seed=1)), with_answers(answers(0.6, seed=1))
    assert calm.verdict == "none"
    assert calm.reason == "None of 8 columns has drifted, nor the predictions."
    assert moved.verdict == "drift"
    assert moved.flagged == ()
    assert "predictions have drifted: probability of yes, higher values" in moved.reason


def test_performance_that_drops_is_drift_of_the_data() -> None:
    assert with_answers(answers(0, seed=1), 0.89).verdict == "none"
    dropped = with_answers(answers(0, seed=1), 0.8)
    assert dropped.verdict == "drift"
    assert dropped.reason.startswith("ROC AUC 0.800 (0.780 to 0.820) on current rows")


def test_answers_are_named_as_people_know_them() -> None:
    many = replace(SCHEMA, task="multiclass", classes=("a", "b", "c"), positive=None)
    value = replace(SCHEMA, task="regression", classes=None, positive=None)
    three = RNG(0).dirichlet([1, 1, 1], 300)
    for schema, given, names in (
        (SCHEMA, answers(0), ["probability of yes"]),
        (many, three, ["probability of a", "probability of b", "probability of c"]),
        (value, three[:, 0], ["predicted bought"]),
    ):
        profile = reference_profile(table(), schema, predictions=given)
        assert [each.name for each in profile.predictions] == names


def test_a_profile_comes_back_from_json_exactly_and_holds_no_rows() -> None:
    profile = reference_profile(table(), SCHEMA, predictions=answers(0))
    text = json.dumps(profile.to_dict())
    assert ReferenceProfile.from_dict(json.loads(text)) == profile
    assert len(text) < 100_000
    assert "K00017" not in text


def test_a_profile_of_another_format_is_refused() -> None:
    stored = reference_profile(table(), SCHEMA).to_dict() | {"format": 9}
    with pytest.raises(ValueError, match="format 1 or 2 is needed, got format 9"):
        ReferenceProfile.from_dict(stored)


def test_a_profile_needs_rows_with_every_feature() -> None:
    with pytest.raises(ValueError, match="the frame lacks age"):
        reference_profile(table().drop(columns="age"), SCHEMA)
    with pytest.raises(ValueError, match="the frame has no rows"):
        reference_profile(table(0), SCHEMA)


def test_counts_of_two_tables_add_up_to_those_of_both() -> None:
    whole = table()
    profile = reference_profile(whole, SCHEMA)
    halves = [
        detect(profile, half, SCHEMA, params=Drift()).columns
        for half in (whole.iloc[:400], whole.iloc[400:])
    ]
    assert all(halves)
    for each in profile.columns:
        assert each.counts + each.counts == replace(
            each.counts,
            cells=tuple(2 * cell for cell in each.counts.cells),
            missing=2 * each.counts.missing,
            moments=each.counts.moments and each.counts.moments + each.counts.moments,
        )


def test_the_order_of_rows_changes_nothing() -> None:
    current = table(seed=1)
    profile = reference_profile(table(), SCHEMA)
    shuffled = current.sample(frac=1, random_state=0)
    reports = [
        detect(profile, frame, SCHEMA, params=Drift(), seed=3).to_dict()
        for frame in (current, shuffled)
    ]
    assert reports[0] == reports[1]
    again = reference_profile(table().sample(frac=1, random_state=1), SCHEMA)
    assert again == profile


def test_sensitive_values_are_masked_wherever_they_could_be_read() -> None:
    hidden = replace(
        SCHEMA,
        columns=tuple(
            replace(each, sensitive=each.name in ("region", "age", "income"))
            for each in SCHEMA.columns
        ),
    )
    frame = table().assign(region=lambda f: "secret-" + f["region"])
    profile = reference_profile(frame, hidden)
    current = frame.assign(
        region="secret-north", age=frame["age"] + 9, income=frame["income"] + 31_337
    )
    report = detect(profile, current, hidden, params=Drift())
    text = json.dumps([profile.to_dict(), report.to_dict()]) + report._repr_html_()
    assert set(report.flagged) == {"region", "age", "income"}
    assert "secret" not in text
    assert "level 3 has 100 %" in column(report, "region").reason
    assert "one value" in column(report, "age").reason
    for value in (*frame["income"].head(50), frame["income"].max()):
        assert f"{value!r}" not in text


def test_a_column_that_became_sensitive_is_masked_from_then_on() -> None:
    profile = reference_profile(table(), SCHEMA).hiding(["region", "age"])
    current = table(seed=1).assign(region="north", age=lambda f: f["age"] + 9)
    report = detect(profile, current, SCHEMA, params=Drift())
    assert "'north'" not in json.dumps(report.to_dict())
    assert "level" in column(report, "region").reason
    assert "one value" in column(report, "age").reason


def hellinger(reference: np.ndarray, current: np.ndarray) -> float:
    return float(np.sqrt(1 - np.sum(np.sqrt(reference * current))))


def own(name: str, threshold: float = 0.2) -> list[dict[str, Any]]:
    path = f"{__name__}:{name}"
    return [{"name": "mine", "path": path, "threshold": threshold}]


def broken(reference: np.ndarray, current: np.ndarray) -> float:
    raise RuntimeError("no idea")


def wordy(reference: np.ndarray, current: np.ndarray) -> str:
    return "much"


def nothing(reference: np.ndarray, current: np.ndarray) -> float:
    return math.nan


def test_a_statistic_of_ones_own_flags_columns() -> None:
    report = found(statistics=own("hellinger", 0.9))
    assert report.flagged == ()
    assert 0 < column(report, "age").own["mine"] < 0.2
    low = found(statistics=own("hellinger", -1.0))
    assert len(low.flagged) == 7
    assert "mine is above its threshold" in column(low, "age").reason
    assert column(low, "code").own == {}


def test_a_statistic_of_ones_own_sees_shares_with_the_missing_last() -> None:
    report = found(missing, statistics=own("last"))
    assert column(report, "age").own["mine"] == pytest.approx(0.4, abs=0.05)
    assert column(report, "age").own["mine"] == column(report, "age").missing[1]


def last(reference: np.ndarray, current: np.ndarray) -> float:
    assert reference.sum() == pytest.approx(1)
    assert len(reference) == len(current)
    return float(current[-1])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("broken", "it raised RuntimeError: no idea"),
        ("wordy", "it returned str"),
        ("nothing", "it returned nan"),
        ("helinger", "Did you mean 'hellinger'?"),
        ("SCHEMA", "must name a function with signature f(reference, current)"),
    ],
)
def test_a_statistic_of_ones_own_that_cannot_be_used_is_named(
    name: str, words: str
) -> None:
    given = {"source": "x.csv", "target": "y"}
    params = Params(
        case="x", task="binary", data=given, drift={"statistics": own(name)}
    )
    for call in (
        lambda: check_statistics(params),
        lambda: found(statistics=own(name)),
    ):
        with pytest.raises(ValueError, match=r"mine|hellinger|SCHEMA") as caught:
            call()
        assert words in str(caught.value)
        assert "mine" in str(caught.value) or "drift.statistics[0]" in str(caught.value)


def test_two_statistics_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"drift.statistics\[1\].name must differ"):
        found(statistics=own("hellinger") * 2)


def test_false_alarms_are_rare_and_half_a_deviation_is_always_found() -> None:
    schema = Schema(
        tuple(Column(f"n{i}", "number") for i in range(25)) + SCHEMA.columns[-1:],
        *_task(),
    )
    rng, alarms = RNG(12), 0
    for _ in range(40):
        one, other = (
            pd.DataFrame(rng.normal(size=(1000, 25)), columns=schema.features)
            for _ in range(2)
        )
        profile = reference_profile(one, schema)
        alarms += bool(detect(profile, other, schema, params=Drift()).flagged)
        other["n0"] += 0.5
        assert "n0" in detect(profile, other, schema, params=Drift()).flagged
    # With a true rate of 8 % more than 7 of 40 come in one of a hundred.
    assert alarms <= 5


@pytest.mark.parametrize(("dial", "verdict"), [(0.0, "none"), (0.8, "drift")])
def test_injected_drift_is_seen_and_its_clean_twin_is_not(
    dial: float, verdict: str
) -> None:
    given = [f"data.options.drift={dial}"]
    params = load_params("vendor_dispatch", PROJECT, overrides=given)
    dataset = data.prepare(sources.read(params, root=PROJECT).frame, params)
    older, newest = (
        dataset.frame.iloc[rows] for rows in (dataset.train_rows, dataset.test_rows)
    )
    profile = reference_profile(older, dataset.schema)
    report = detect(profile, newest, dataset.schema, params=params.drift)
    assert report.verdict == verdict
    drifted = {"weather", "trade", "open_jobs", "quoted_hours"}
    assert set(report.flagged) >= drifted if dial else report.flagged == ()
