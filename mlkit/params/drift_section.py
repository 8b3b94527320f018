"""The section `drift`: what is compared with what, and when it counts."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from mlkit.params.values import DottedPath, Name, Section, Text


class Statistic(Section):
    """A drift statistic of the user's own."""

    name: Name = Field(description="How reports call it.")
    path: DottedPath = Field(
        description="`package.module:function` with the signature "
        "`f(reference, current) -> float`: both are arrays of the shares of rows in "
        "the same bins (of a number) or levels (of anything else), missing values in "
        "the last one; 0 means no drift."
    )
    threshold: float = Field(description="A column with more than this is flagged.")


class Embedding(Section):
    """Columns that are one thing together."""

    name: Name = Field(description="How reports call it.")
    columns: Text = Field(
        description="A pattern of their names, such as `vector_*`; each a number."
    )


class Drift(Section):
    """What is compared with what, and from when on a difference counts."""

    current: Text | None = Field(
        None,
        description="A file of current rows, to be compared with the training rows of "
        "the version in production; `mlkit drift --data` sets it. null compares the "
        "newest rows with the older ones where there is `data.time`, else this run's "
        "rows with those that the version in production was trained on.",
    )
    newest_share: float = Field(
        0.2,
        gt=0,
        lt=1,
        description="Share of the rows, the newest by `data.time`, that is compared "
        "with the older ones.",
    )
    false_discovery_rate: float = Field(
        0.03,
        gt=0,
        lt=1,
        description="Share of false flags that is tolerated among all flags "
        "(Benjamini-Hochberg over all columns).",
    )
    min_effect: float = Field(
        0.03,
        gt=0,
        lt=1,
        description="A column is flagged only when its effect size (0 to 1) is at "
        "least this: the share of rows that crossed a value, or changed level. A shift "
        "by 0.1 standard deviations is one of 0.04, which 5,000 rows show nearly "
        "always; one by 0.02 is one of 0.008, which no number of rows makes matter.",
    )
    prediction_effect: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="The predictions are flagged only when their effect size is at "
        "least this; they are drift of the data when the lower end of its 95 % "
        "interval is, too.",
    )
    large_effect: float = Field(
        0.1,
        gt=0,
        le=1,
        description="One flagged column is drift of the data when the lower end of its "
        "effect's 95 % interval is at least this: the change is not only sure, it is "
        "sure to be large. 0.1 is a shift by a quarter of a standard deviation.",
    )
    drift_share: float = Field(
        0.3,
        gt=0,
        le=1,
        description="When at least this share of the columns, and two of them, are "
        "flagged with an effect of at least share_effect, the data have drifted, "
        "though no single change is large.",
    )
    share_effect: float = Field(
        0.05,
        gt=0,
        le=1,
        description="A flagged column counts towards drift_share only when its effect "
        "is at least this: many rows show tiny changes in many columns, and a share of "
        "tiny changes is no drift of the data. One of your own may not be below "
        "min_effect or above large_effect.",
    )
    max_loss: float = Field(
        0.02,
        ge=0,
        description="Where current rows have labels: a primary metric that is worse by "
        "more than this, beyond chance, is drift. In the metric's own unit.",
    )
    min_rows: int = Field(
        50,
        ge=10,
        description="With fewer rows than this on either side nothing is judged.",
    )
    multivariate: bool = Field(
        True,
        description="Whether to look also for changes of how columns hang together: a "
        "classifier that tells current rows from those of the reference, and what "
        "principal components leave over.",
    )
    sample: int = Field(
        2000,
        ge=0,
        description="Rows of the reference, drawn at random, that are kept with a "
        "version: later checks need them to look at columns together. Sensitive "
        "columns, identifiers and the target are left out. 0 keeps none.",
    )
    embeddings: list[Embedding] = Field(
        default_factory=list,
        description="Groups of columns that are compared as one point each, not one "
        "by one.",
    )
    statistics: list[Statistic] = Field(
        default_factory=list, description="Statistics of your own, by dotted path."
    )

    @model_validator(mode="after")
    def _effects_in_order(self) -> Self:
        if self.large_effect < self.min_effect:
            raise ValueError("must have a large_effect that is not below min_effect")
        # Whoever moves a neighbour past the default need not move that as well: it
        # then asks for less than the neighbour does, or for more.
        moved = self.share_effect != type(self).model_fields["share_effect"].default
        if moved and not self.min_effect <= self.share_effect <= self.large_effect:
            raise ValueError(
                "must have a share_effect that is not below min_effect and not above "
                f"large_effect, that is from {self.min_effect:g} to "
                f"{self.large_effect:g}, got {self.share_effect:g}"
            )
        return self
