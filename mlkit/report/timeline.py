"""Timeline: when each step of a run ran, as bars below one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Self

from mlkit.report import wording

# Bars that share less are said to follow one another.
TOUCH = 0.2


@dataclass(frozen=True)
class Bar:
    """One step: its name, and when it began and ended, in seconds of the run."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class Timeline:
    """When each step of a run ran.

    Attributes
    ----------
    bars : tuple of Bar
        In the order in which they began; the first begins at 0.
    """

    bars: tuple[Bar, ...]

    @classmethod
    def of(cls, steps: Sequence[Mapping[str, Any]]) -> Self:
        """Return the timeline of those steps that ran and whose times are known."""
        timed = [
            (str(step["name"]), _moment(step["started_at"]), _moment(step["ended_at"]))
            for step in steps
            if not step.get("taken") and step.get("started_at") and step.get("ended_at")
        ]
        first = min((start for _, start, _ in timed), default=0.0)
        bars = [Bar(name, start - first, end - first) for name, start, end in timed]
        return cls(tuple(sorted(bars, key=lambda bar: bar.start)))

    @property
    def length(self) -> float:
        """Seconds from the first beginning to the last end."""
        return max((bar.end for bar in self.bars), default=0.0)

    @property
    def together(self) -> list[list[str]]:
        """Names of the steps that ran side by side, group by group."""
        groups: list[list[str]] = []
        until = 0.0
        for bar in self.bars:
            if groups and bar.start < until - TOUCH:
                groups[-1].append(bar.name)
                until = max(until, bar.end)
            else:
                groups.append([bar.name])
                until = bar.end
        return [group for group in groups if len(group) > 1]

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<li><span>{escape(bar.name)}</span><i><b "
            f'style="margin-left:{self._share(bar.start)};'
            f'width:{self._share(bar.end - bar.start)}"></b></i>'
            f"<span>{wording.duration(bar.end - bar.start)}</span></li>"
            for bar in self.bars
        )
        return f'<ul class="timeline" aria-label="When each step ran">{rows}</ul>'

    def _share(self, seconds: float) -> str:
        return f"{100 * seconds / self.length:.1f}%"


def _moment(iso: str) -> float:
    return wording.parse_moment(iso).timestamp()
