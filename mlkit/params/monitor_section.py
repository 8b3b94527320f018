"""The sections `monitor` and `notify`: how a model in production is watched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlkit.params.values import TEXTFILE, Section, Text, Variable

Severity = Literal["info", "warning", "critical"]


class Monitor(Section):
    """What is logged, how it is divided by time, and from when on it is an issue."""

    log: Text = Field(
        "data/predictions",
        description="Folder of the prediction log, from the workspace's root; each "
        "model has a folder of its own in it.",
    )
    sync: Literal["system", "group", "each"] = Field(
        "system",
        description="When a logged prediction is safe: `system` once it is handed to "
        "the operating system, which outlives the process; `each` once it is on the "
        "disk; `group` on the disk within a second, many at a time.",
    )
    hide: Literal["hash", "drop"] = Field(
        "hash",
        description="What the log keeps of columns in `data.sensitive`: a keyed hash, "
        "or nothing.",
    )
    compress_days: int = Field(
        1, ge=1, description="A day's log is compressed after so many days."
    )
    compact_mb: float | None = Field(
        16,
        ge=0,
        description="A day that is over and whose lines take more megabytes than this "
        "is turned into Parquet, from which a check reads it about six times as "
        "fast; smaller ones are compressed. null turns none.",
    )
    keep_days: int = Field(
        7, ge=1, description="Days for which logged predictions are kept."
    )
    keep_history_days: int = Field(
        30, ge=1, description="Days for which checks and closed alerts are kept."
    )
    outcomes: Text | None = Field(
        None,
        description="A file of outcomes that came to be known: the column "
        "`outcome_key`, and the target. null takes the log's own.",
    )
    outcome_key: Text = Field(
        "id", description="The column of that file which holds a prediction's id."
    )
    window: Literal["hour", "day", "week", "month"] | int = Field(
        "day",
        description="What is judged together: the predictions of an hour, a day, a "
        "week or a month (UTC), or so many in a row.",
    )
    windows: int = Field(30, ge=2, description="How many windows are looked back.")
    min_labels: int = Field(
        30, ge=10, description="With fewer outcomes performance is not judged."
    )
    label_days: float = Field(
        3, ge=0, description="Outcomes are late when they are older than this."
    )
    windows_a_year: int | None = Field(
        None,
        ge=1,
        description="How many windows there are in a year. The bound of each is "
        "lowered, so that all looks of a year together raise no false alarm of the "
        "data with a probability of 95 %. null takes 8,766 hours, 365 days, 52 weeks "
        "or 12 months; for windows of so many predictions it takes 365.",
    )
    latency_ms: float | None = Field(
        None,
        gt=0,
        description="95 % of answers should take no longer; null asks nothing.",
    )
    max_error_rate: float = Field(
        0.01, ge=0, lt=1, description="Share of requests that may fail."
    )
    max_missing_labels: float = Field(
        0.5, ge=0, le=1, description="Share of outcomes that may be late."
    )
    max_calibration_error: float = Field(
        0.05,
        gt=0,
        lt=1,
        description="Probabilities may be off by this much on average, beyond chance.",
    )
    volume_change: float = Field(
        0.5,
        gt=0,
        description="Predictions in a window may be fewer or more than usual by this "
        "share.",
    )
    cooldown_minutes: float = Field(
        60, ge=0, description="The same cause is told again no sooner than this."
    )
    every_minutes: float = Field(
        5, gt=0, description="How often `mlkit monitor --watch` looks."
    )
    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port on which `mlkit monitor --watch` answers Prometheus, on the "
        "loopback address, read once, when it starts; null answers none.",
    )
    textfile: str | None = Field(
        None,
        pattern=TEXTFILE,
        description="File in which a check leaves its figures for Prometheus' node "
        "exporter, which reads files that end in `.prom` and no others.",
    )


class Notify(Section):
    """Who is told of alerts."""

    urls: list[Variable] = Field(
        default_factory=list,
        description="Names of variables, of the environment or of `.env`, that hold "
        "Apprise URLs (mailto://, slack://, json://, ...). The addresses themselves "
        "are secrets and stay out of params.",
    )
    severity: Severity = Field(
        "warning", description="Alerts below this are kept, and not sent."
    )
    retries: int = Field(3, ge=0, description="How often a failed send is repeated.")
    timeout_seconds: float = Field(
        10, gt=0, description="How long one attempt to send may take."
    )
