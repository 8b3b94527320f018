"""Views: the small records from which pages are filled in.

They hold values, not markup; :mod:`mlkit.report.summary` makes them from the records of
runs (``run.json``), and whoever calls a page may make them by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Self

from mlkit.report import wording
from mlkit.report.tables import TONES


@dataclass(frozen=True)
class Link:
    """A link to another page; without an address it names the page itself."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Aside:
    """What the first screen says beside the verdict, with its colour (a tone)."""

    label: str
    text: str
    tone: str = "neutral"

    def to_dict(self) -> dict[str, str]:
        """Return the aside as plain JSON data, to be glued in the list ``asides``."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, str]) -> Self:
        """Return an aside that a notebook glued in the list ``asides``."""
        return cls(**stored)


@dataclass(frozen=True)
class Outcome:
    """What came of a run or of one of its notebooks.

    Attributes
    ----------
    state : str
        A verdict (``promote``, ``undecided``, ``keep``, ``reject``), ``promotable``
        where a person has to promote, the status of a run (``ok``, ``failed``,
        ``interrupted``, ``running``), what a drift check found (``calm``, ``shifted``,
        ``drift``, ``not_applicable``), what a check of the model in production found
        (``healthy``, ``degraded``, ``critical``, ``unlogged``), ``warning``, ``draft``
        or ``none``.
    headline : str
        One sentence without a full stop: what is so now.
    reason : str
        Why, in a sentence or two.
    """

    state: str
    headline: str
    reason: str = ""

    @property
    def label(self) -> str:
        """The state as a word for readers."""
        return LABELS.get(self.state, self.state.capitalize())

    @property
    def tone(self) -> str:
        """``good``, ``caution``, ``bad`` or ``neutral``."""
        return TONES.get(self.state, "neutral")

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain JSON data, to be glued as ``outcome``."""
        return asdict(self)

    def _repr_html_(self) -> str:
        reason = f"<p>{escape(self.reason)}</p>" if self.reason else ""
        return (
            f'<p><span class="badge {self.tone}">{escape(self.label)}</span> '
            f"<strong>{escape(self.headline)}.</strong></p>{reason}"
        )

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the outcome that a notebook glued as ``outcome``."""
        return cls(stored["state"], stored["headline"], stored.get("reason", ""))


LABELS = {
    "promote": "Promoted",
    "promotable": "May be promoted",
    "undecided": "Undecided",
    "keep": "Kept current",
    "reject": "Rejected",
    "ok": "All good",
    "warning": "Look at this",
    "draft": "Draft",
    "none": "No runs",
    "calm": "No drift",
    "shifted": "Some drift",
    "drift": "Drift",
    "not_applicable": "Not applicable",
    "a_better": "A is better",
    "b_better": "B is better",
    "neither": "Neither is better",
    "not_comparable": "Not comparable",
    "identical": "Nothing differs",
    "unlogged": "Nothing logged",
}


@dataclass(frozen=True)
class KeyNumber:
    """One of the few numbers that matter, with what makes it meaningful.

    Attributes
    ----------
    label : str
        What it is.
    value : float, int, str or None
        The number itself; a text stands as it is.
    lower, upper : float or None
        Its confidence interval.
    confidence : float
        Level of the interval.
    previous : float or None
        The same number in the run before.
    greater_is_better : bool or None
        Its direction; None where there is none.
    bound : str
        The bound it must keep, such as ``at least 0.75``.
    kept : bool or None
        Whether it keeps the bound.
    digits : int or None
        Digits after the point; None takes as many as it deserves.
    meaning : str
        How to read the number, in a few words.
    note : str
        What the reader must know of it, such as what would be seen by chance alone.
    """

    label: str
    value: float | int | str | None
    lower: float | None = None
    upper: float | None = None
    confidence: float = 0.95
    previous: float | None = None
    greater_is_better: bool | None = None
    bound: str = ""
    kept: bool | None = None
    digits: int | None = None
    meaning: str = ""
    note: str = ""

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the number that a notebook glued in the list ``numbers``."""
        return cls(**stored)

    @property
    def text(self) -> str:
        """The value, rounded."""
        if isinstance(self.value, str):
            return self.value
        return wording.number(self.value, self._digits)

    @property
    def span(self) -> str:
        """The interval in words, or nothing."""
        if self.lower is None or self.upper is None:
            return ""
        ends = wording.interval(self.lower, self.upper, self._digits)
        return f"{wording.percent(self.confidence)} interval {ends}"

    @property
    def change(self) -> str:
        """The change against the run before in words, or nothing."""
        step = self._step
        if step is None:
            return ""
        if round(step, self._digits) == 0:
            return "as in the last run"
        word = "against the"
        if self.greater_is_better is not None:
            word = "better than" if self.change_tone == "good" else "worse than"
        return f"{wording.signed(step, self._digits)}, {word} last run"

    @property
    def change_tone(self) -> str:
        """``good`` or ``bad`` where the change has a direction."""
        step = self._step
        if not step or self.greater_is_better is None:
            return "neutral"
        return "good" if (step > 0) == self.greater_is_better else "bad"

    @property
    def bound_text(self) -> str:
        """The bound and whether it is kept, or nothing."""
        if not self.bound or self.kept is None:
            return self.bound
        return f"{'✓' if self.kept else '✗'} must be {self.bound}"

    @property
    def bound_tone(self) -> str:
        """``good`` where the bound is kept, ``bad`` where it is not."""
        return {True: "good", False: "bad", None: "neutral"}[self.kept]

    @property
    def _digits(self) -> int | None:
        if self.digits is not None or not isinstance(self.value, float):
            return self.digits
        return wording.decimals([self.value])

    @property
    def _step(self) -> float | None:
        if self.previous is None or not isinstance(self.value, int | float):
            return None
        return self.value - self.previous


@dataclass(frozen=True)
class Header:
    """The first screen of a notebook's page.

    Attributes
    ----------
    case : str
        Name of the case.
    run : str or None
        Name of the run; None is a draft.
    outcome : Outcome
        The verdict and its reason.
    title : str
        What the page is called; empty takes the notebook's first heading.
    numbers : sequence of KeyNumber
        Three to five.
    asides : sequence of Aside
        What has no part in the verdict and must be seen.
    changes : sequence of str
        What changed since the last run, a sentence each.
    previous : str or None
        Name of the last run.
    previous_href : str
        Where its page is.
    facts : sequence of (str, str)
        Where the result comes from: run, data, params, commit, duration, who.
    place : sequence of Link
        The way down to this page.
    links : sequence of Link
        Where to read on, shown at the foot.
    """

    case: str
    run: str | None
    outcome: Outcome
    title: str = ""
    numbers: Sequence[KeyNumber] = ()
    asides: Sequence[Aside] = ()
    changes: Sequence[str] = ()
    previous: str | None = None
    previous_href: str = ""
    facts: Sequence[tuple[str, str]] = ()
    place: Sequence[Link] = ()
    links: Sequence[Link] = ()


@dataclass(frozen=True)
class CaseView:
    """One case on the index page.

    Attributes
    ----------
    case : str
        Name of the case.
    runs : sequence of dict
        The records of its runs (``run.json``), newest first.
    production : str or None
        The version in production.
    since : str or None
        When it was promoted, ISO 8601.
    versions : int
        How many versions the registry holds.
    waiting : str or None
        The version that waits in staging.
    alerts : sequence of dict
        The active alerts of its model (``Alert.to_dict()``), the gravest first.
    """

    case: str
    runs: Sequence[Mapping[str, Any]]
    production: str | None = None
    since: str | None = None
    versions: int = 0
    waiting: str | None = None
    alerts: Sequence[Mapping[str, Any]] = ()
