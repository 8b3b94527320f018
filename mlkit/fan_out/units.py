"""What is handed to a worker, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

OK, FAILED, INTERRUPTED = "ok", "failed", "interrupted"
NOT_ENOUGH = "not enough data"


@dataclass(frozen=True)
class Unit:
    """One whole retrain, as plain data that can be sent to another process.

    Attributes
    ----------
    case : str
        Under which its run is filed.
    params : dict
        Its params; empty where they are wrong.
    segment : str or None
        The value that its rows have in the column ``segments``; None for a whole case.
    rows : int or None
        Rows it is known to have.
    stop : dict or None
        Why it can not be retrained at all: ``status``, ``type``, ``message`` and
        ``advice``.
    """

    case: str
    params: Mapping[str, Any] = field(default_factory=dict)
    segment: str | None = None
    rows: int | None = None
    stop: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """What people call it: the segment, or the case."""
        return self.case if self.segment is None else self.segment

    @property
    def model(self) -> str:
        """Name of its model in the registry."""
        return str((self.params.get("registry") or {}).get("model") or self.case)


@dataclass(frozen=True)
class Member:
    """What became of a unit.

    Attributes
    ----------
    case : str
        Under which its run is filed.
    segment : str or None
        The value of its segment.
    status : str
        ``ok``, ``failed``, ``interrupted`` or ``not enough data``.
    run : str or None
        Name of its run; None where none was made.
    rows : int or None
        Rows of its data.
    seconds : float
        How long it took.
    model : str or None
        Name of its model in the registry.
    verdict : dict or None
        ``verdict``, ``stage``, ``version``, ``new``, ``champion`` and ``reason``.
    metric : dict or None
        The primary metric: ``name``, ``label``, ``value``, ``lower``, ``upper``,
        ``greater_is_better``, and ``baseline``, the value of the dummy model.
    error : dict or None
        ``step``, ``type``, ``message``, ``advice`` and ``exit_code``.
    """

    case: str
    segment: str | None
    status: str
    run: str | None = None
    rows: int | None = None
    seconds: float = 0.0
    model: str | None = None
    verdict: Mapping[str, Any] | None = None
    metric: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def exit_code(self) -> int:
        """What a command line that retrained it alone would end with."""
        if self.status == NOT_ENOUGH:
            return 0
        if self.error is not None:
            return int(self.error.get("exit_code") or 3)
        return 1 if (self.verdict or {}).get("verdict") == "reject" else 0

    def to_dict(self) -> dict[str, Any]:
        """Return the member as plain JSON data."""
        return asdict(self)


def stopped(
    unit: Unit, status: str, *, seconds: float = 0.0, **error: Any
) -> dict[str, Any]:
    """Return the member for a unit without a run, as plain data.

    Parameters
    ----------
    unit : Unit
        The unit.
    status : str
        ``failed``, ``interrupted`` or ``not enough data``.
    seconds : float
        How long it took to find out.
    **error
        ``type``, ``message``, ``advice`` and, where it is not 3, ``exit_code``.
    """
    known = {"step": None, "advice": "", "exit_code": 3}
    return Member(
        case=unit.case,
        segment=unit.segment,
        status=status,
        rows=unit.rows,
        seconds=round(seconds, 2),
        model=unit.model,
        error=known | error,
    ).to_dict()
