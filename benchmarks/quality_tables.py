"""The tables of ``quality.py``: each as a file would give it, with its target.

Columns that only name a row, and those that the target is made of, are left out;
nothing else is prepared: what the columns are is found by mlkit's own rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sklearn import datasets

from mlkit.params.models import Task
from mlkit.synthetic import generate


@dataclass(frozen=True)
class Table:
    """Rows with a target.

    Attributes
    ----------
    dates : tuple of str
        Columns that plain boosting is given as a count of days.
    """

    frame: pd.DataFrame
    target: str
    task: Task
    dates: tuple[str, ...] = ()


def adult(data: Path) -> Table:
    """Return incomes above 50K in the US census of 1994."""
    lines = (data / "adult" / "adult.names").read_text().splitlines()
    starts = [line.split(":")[0] for line in lines if ":" in line and line[0] != "|"]
    names = [*starts[-14:], "income"]
    frame = pd.concat(
        [
            text(data / "adult" / f"adult-{part}.csv", names=names)
            for part in ("train", "test")
        ],
        ignore_index=True,
    )
    return Table(frame.assign(income=frame.income.str.rstrip(".")), "income", "binary")


def bank(data: Path) -> Table:
    """Return term deposits sold by phone, the economy's state included."""
    frame = text(data / "bank_marketing" / "bank-additional-full.csv.gz", sep=";")
    return Table(frame.drop(columns="duration"), "y", "binary")


def bank_old(data: Path) -> Table:
    """Return term deposits sold by phone, with the client's balance."""
    frame = text(data / "bank_marketing" / "bank-full.csv.gz", sep=";")
    return Table(frame.drop(columns="duration"), "y", "binary")


def credit(data: Path) -> Table:
    """Return defaults on credit cards."""
    frame = text(data / "credit_default" / "credit-card-clients.csv")
    return Table(frame, frame.columns[-1], "binary")


def houses(data: Path) -> Table:
    """Return prices of houses."""
    frame = text(data / "kc_house" / "kc_house_data.csv").drop(columns="id")
    return Table(frame, "price", "regression", ("date",))


def bikes(name: str) -> Callable[[Path], Table]:
    """Return the loader of rented bikes by day or by hour."""

    def load(data: Path) -> Table:
        frame = text(data / "bike_sharing" / f"{name}.csv")
        frame = frame.drop(columns=["instant", "casual", "registered"])
        return Table(frame, "cnt", "regression", ("dteday",))

    return load


def wines(colour: str) -> Callable[[Path], Table]:
    """Return the loader of the quality of red or white wines."""

    def load(data: Path) -> Table:
        path = data / "wine_quality" / f"winequality-{colour}.csv"
        names = [f"measure{place}" for place in range(11)]
        return Table(text(path, names=[*names, "quality"]), "quality", "regression")

    return load


def incidents(data: Path) -> Table:
    """Return whether an incident kept its service level, from its last event."""
    path = data / "incident_log" / "incident_event_log.csv.gz"
    frame = text(path, encoding="utf-8-sig")
    moments = pd.to_datetime(frame["sys_updated_at"], dayfirst=True)
    newest = moments.groupby(frame["number"]).idxmax()
    last = frame.loc[newest.sort_values()].drop(columns="number")
    dates = tuple(name for name in last.columns if name.endswith("_at"))
    return Table(last, "made_sla", "binary", dates)


def job_zones(data: Path) -> Table:
    """Return the job zone of occupations, from the levels of their skills."""
    folder = data / "onet_skills"
    skills = pd.read_csv(folder / "Skills.tsv.gz", sep="\t")
    levels = skills[skills["Scale ID"] == "LV"].pivot_table(
        index="O*NET-SOC Code", columns="Element Name", values="Data Value"
    )
    zones = pd.read_csv(folder / "Job_Zones.txt", sep="\t")
    zone = zones.set_index("O*NET-SOC Code")["Job Zone"].astype(str)
    return Table(levels.join(zone, how="inner"), "Job Zone", "multiclass")


def bundled(name: str, task: Task) -> Callable[[Path], Table]:
    """Return the loader of a table that comes with scikit-learn."""

    def load(data: Path) -> Table:
        frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
        if task != "regression":
            frame = frame.assign(target="c" + frame["target"].astype(str))
        return Table(frame, "target", task)

    return load


def made_up(name: str, task: Task, target: str, *left: str) -> Callable[[Path], Table]:
    """Return the loader of a synthetic domain, without the columns in `left`."""

    def load(data: Path) -> Table:
        frame = generate(name).drop(columns=list(left))
        dates = tuple(frame.select_dtypes("datetime").columns)
        return Table(frame, target, task, dates)

    return load


def text(path: Path, **how: object) -> pd.DataFrame:
    """Return a text file's cells as they stand, missing ones as missing."""
    header = None if "names" in how else 0
    frame: pd.DataFrame = pd.read_csv(  # type: ignore[call-overload]
        *(path,), dtype="str", header=header, na_values=["?"], **SPACES | how
    )
    return frame


SPACES = {"skipinitialspace": True}
TABLES: dict[str, Callable[[Path], Table]] = {
    "breast_cancer": bundled("breast_cancer", "binary"),
    "diabetes": bundled("diabetes", "regression"),
    "wine": bundled("wine", "multiclass"),
    "digits": bundled("digits", "multiclass"),
    "job_zones": job_zones,
    "bike_day": bikes("day"),
    "wine_red": wines("red"),
    "wine_white": wines("white"),
    "vendor_dispatch": made_up("vendor_dispatch", "binary", "on_time", "job_id"),
    "future_skills": made_up("future_skills", "multiclass", "need", "rating_id"),
    "scheme_success": made_up(
        "scheme_success", "binary", "succeeded", "application_id"
    ),
    "levy_impact": made_up("levy_impact", "regression", "change_of_bill", "parcel_id"),
    "bike_hour": bikes("hour"),
    "kc_house": houses,
    "bank": bank,
    "bank_old": bank_old,
    "adult": adult,
    "credit": credit,
    "incidents": incidents,
}
