"""The domains by name, and the two questions they answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from mlkit.params.problems import nearest
from mlkit.synthetic.domain import Domain, Sample, Truth, settings
from mlkit.synthetic.fashion import FASHION
from mlkit.synthetic.future_skills import FUTURE_SKILLS
from mlkit.synthetic.levy_impact import LEVY_IMPACT
from mlkit.synthetic.scheme_success import SCHEME_SUCCESS
from mlkit.synthetic.vendor_dispatch import VENDOR_DISPATCH

DOMAINS: dict[str, Domain] = {
    domain.name: domain
    for domain in (VENDOR_DISPATCH, FUTURE_SKILLS, SCHEME_SUCCESS, LEVY_IMPACT, FASHION)
}


def generate(
    domain: str, options: Mapping[str, Any] | None = None, seed: int = 0
) -> pd.DataFrame:
    """Return a table of a domain.

    Parameters
    ----------
    domain : str
        A name in `DOMAINS`.
    options : mapping or None
        Values of the domain's dials; those not named, or None, stay at their defaults.
    seed : int
        The same seed and options give the same table.

    Returns
    -------
    DataFrame
        One row an example, the target among the columns.

    Raises
    ------
    ValueError
        An unknown domain or option, or a value out of range.

    Examples
    --------
    >>> generate("vendor_dispatch", {"rows": 200}, seed=7).shape
    (200, 22)
    """
    return sample(domain, options, seed).frame


def truth(
    domain: str, options: Mapping[str, Any] | None = None, seed: int = 0
) -> Truth:
    """Return the truth behind the table that `generate` gives for these arguments."""
    return sample(domain, options, seed).truth


def check_options(domain: str, options: Mapping[str, Any] | None = None) -> None:
    """Raise what `generate` would raise, without generating anything."""
    settings(find(domain), options or {})


def sample(domain: str, options: Mapping[str, Any] | None, seed: int) -> Sample:
    """Return a table and its truth."""
    found = find(domain)
    return found.make(settings(found, options or {}), seed)


def find(domain: str) -> Domain:
    """Return the domain of that name."""
    if domain not in DOMAINS:
        near = nearest(domain, list(DOMAINS))
        hint = f"did you mean {near!r}?" if near else f"known: {', '.join(DOMAINS)}"
        raise ValueError(f"data.source: there is no synthetic:{domain}; {hint}")
    return DOMAINS[domain]
