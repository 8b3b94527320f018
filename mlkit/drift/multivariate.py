"""Many columns at once: what changed that no test of one column sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from mlkit.data import Schema
from mlkit.data.markup import table
from mlkit.drift.domain_classifier import (
    MOST_ROWS,
    Cause,
    Separation,
    separate,
)
from mlkit.drift.embeddings import EmbeddingDrift, embedding_drift
from mlkit.drift.matrix import in_order, sample_rows, sides
from mlkit.drift.reconstruction import Reconstruction, reconstruct
from mlkit.drift.repeats import distinct
from mlkit.drift.texts import TextDrift, text_drift
from mlkit.metrics import show
from mlkit.params.models import Drift

# What is sampled of a side before anything is read: enough for the halves of the
# reference that reconstruction needs.
SAMPLED = 2 * MOST_ROWS
NAMED = 3
SWITCHED_OFF = "drift.multivariate is false"


@dataclass(frozen=True)
class Multivariate:
    """Whether the columns together still look like the reference.

    Attributes
    ----------
    reason : str
        The finding in a sentence or two, or why there is none.
    domain : Separation or None
        A classifier that tells current rows from the reference's.
    reconstruction : Reconstruction or None
        What principal components of the reference leave over of current rows.
    embeddings : tuple of EmbeddingDrift
        The groups of ``drift.embeddings``.
    texts : tuple of TextDrift
        The words of each text column.
    findings : tuple of str
        What is flagged, one sentence each, without full stops.
    compared : str or None
        Digest of what was compared, where the caller repeats looks: one at the same
        rows need not be computed again.
    """

    reason: str
    domain: Separation | None = None
    reconstruction: Reconstruction | None = None
    embeddings: tuple[EmbeddingDrift, ...] = ()
    texts: tuple[TextDrift, ...] = ()
    findings: tuple[str, ...] = ()
    compared: str | None = None

    @property
    def ran(self) -> bool:
        """Whether anything was compared."""
        found = (self.domain, self.reconstruction, *self.embeddings, *self.texts)
        return any(each is not None for each in found)

    @property
    def flagged(self) -> bool:
        """Whether anything is flagged."""
        return bool(self.findings)

    @property
    def domain_auc(self) -> float | None:
        """Area under the ROC curve of the domain classifier; 0.5 without drift."""
        return None if self.domain is None else self.domain.auc

    @property
    def domain_interval(self) -> tuple[float, float] | None:
        """Its 95 % interval."""
        return None if self.domain is None else (self.domain.lower, self.domain.upper)

    @property
    def separable(self) -> bool:
        """Whether current rows can be told from the reference's."""
        return self.domain is not None and self.domain.separable

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The columns by which they can, the most important first."""
        return () if self.domain is None else self.domain.causes

    @property
    def told(self) -> str:
        """What the domain classifier found, in a sentence."""
        return "" if self.domain is None else _told(self.domain)

    @property
    def left_over(self) -> str:
        """What the principal components found, in a sentence."""
        return "" if self.reconstruction is None else _left(self.reconstruction)

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as plain JSON data."""
        domain, left = self.domain, self.reconstruction
        return {
            "reason": self.reason,
            "flagged": self.flagged,
            "findings": list(self.findings),
            "domain": domain and domain.to_dict(),
            "reconstruction": left and left.to_dict(),
            "embeddings": [each.to_dict() for each in self.embeddings],
            "texts": [each.to_dict() for each in self.texts],
            "compared": self.compared,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the findings that `to_dict` made plain."""
        domain, left = stored["domain"], stored["reconstruction"]
        return cls(
            stored["reason"],
            domain and Separation.from_dict(domain),
            left and Reconstruction.from_dict(left),
            tuple(map(EmbeddingDrift.from_dict, stored["embeddings"])),
            tuple(TextDrift(**each) for each in stored["texts"]),
            tuple(stored["findings"]),
            stored.get("compared"),
        )

    def _repr_html_(self) -> str:
        return table(self.reason, ["looked at", "flagged", "finding"], self._rows())

    def _rows(self) -> list[tuple[str, str, str]]:
        rows: list[tuple[str, bool, str]] = []
        if self.domain is not None:
            rows.append(("all columns", self.domain.separable, _told(self.domain)))
        if self.reconstruction is not None:
            left = self.reconstruction
            rows.append(("how they hang together", left.flagged, _left(left)))
        rows += [(each.name, each.flagged, each.reason) for each in self.embeddings]
        rows += [(each.column, each.flagged, each.reason) for each in self.texts]
        return [(name, "drift" if yes else "", said) for name, yes, said in rows]


def multivariate(
    reference_rows: pd.DataFrame,
    current_rows: pd.DataFrame,
    schema: Schema,
    *,
    params: Drift,
    seed: int = 0,
) -> Multivariate:
    """Look at all columns at once, which takes rows of the reference.

    Parameters
    ----------
    reference_rows, current_rows : DataFrame of shape (n_rows, n_columns)
        Raw or conformed rows; no row should be on both sides, for such rows tell
        nothing. At most 10,000 of either are looked at, and of copies one: see
        `mlkit.drift.repeats`. Rows are taken as independent of one another otherwise.
    schema : Schema
        What the columns are. Identifiers, the time column and what is no feature have
        no part.
    params : Drift
        The section ``drift`` of the case.
    seed : int
        Seed of what is drawn. The order of rows and columns changes nothing where there
        are at most 10,000 rows.

    Returns
    -------
    Multivariate
        No value of a column is in it; columns are named.

    Raises
    ------
    EmbeddingError
        A group of ``drift.embeddings`` that fits no columns.
    """
    if not params.multivariate:
        return not_looked()
    least = min(len(reference_rows), len(current_rows))
    if least < params.min_rows:
        return _too_few(f"{least:,} rows", params)
    rng = np.random.default_rng(seed)
    one, other = (
        frame.iloc[sample_rows(len(frame), SAMPLED, rng)]
        for frame in (reference_rows, current_rows)
    )
    columns = sides(one, other, schema)
    if columns:
        kept, current_kept = distinct(columns)
        least = min(len(kept), len(current_kept))
        if least < params.min_rows:
            return _too_few(f"{least:,} rows that are no copies of one another", params)
        one, other = one.iloc[kept], other.iloc[current_kept]
        columns = in_order([each.take(kept, current_kept) for each in columns])
    return _concluded(
        separate(columns, rng=rng),
        reconstruct(columns, rng=rng),
        embedding_drift(one, other, schema, params=params, rng=rng),
        text_drift(one, other, schema, params=params, rng=rng),
    )


def not_looked(why: str = SWITCHED_OFF) -> Multivariate:
    """Return the record of a check that does not look at columns together, and why."""
    return Multivariate(f"Columns are not looked at together: {why}.")


def _too_few(rows: str, params: Drift) -> Multivariate:
    return not_looked(
        f"a side has {rows}, and {params.min_rows:,} are needed (drift.min_rows)"
    )


def _concluded(
    domain: Separation | None,
    left: Reconstruction | None,
    embeddings: tuple[EmbeddingDrift, ...],
    texts: tuple[TextDrift, ...],
) -> Multivariate:
    findings = [each.reason for each in embeddings if each.flagged]
    findings += [each.reason for each in texts if each.flagged]
    if left is not None and left.flagged:
        findings.insert(0, _left(left))
    if domain is not None and domain.separable:
        findings.insert(0, _told(domain))
    reason = _sentence(findings)
    if domain is None and not findings:
        reason = "There is no column to look at together with others."
    return Multivariate(reason, domain, left, embeddings, texts, tuple(findings))


def _sentence(findings: Sequence[str]) -> str:
    if not findings:
        return "Looked at together, the columns have not changed beyond chance."
    return " ".join(f"{each[0].upper()}{each[1:]}." for each in findings)


def _told(domain: Separation) -> str:
    ends = f"{show(domain.lower)} to {show(domain.upper)}"
    area = f"area {show(domain.auc)}, {ends}; 0.5 is chance"
    if not domain.separable:
        return f"current rows cannot be told from the reference's ({area})"
    names = ", ".join(cause.column for cause in domain.causes[:NAMED])
    by = f", above all by {names}" if names else ""
    return f"current rows can be told from the reference's{by} ({area})"


def _left(left: Reconstruction) -> str:
    ratio = f"reconstruction error {left.ratio:.2f} times the reference's"
    if not left.flagged:
        return f"the columns hang together as they did ({ratio})"
    return f"the columns no longer hang together as they did ({ratio})"
