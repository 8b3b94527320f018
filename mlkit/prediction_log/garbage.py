"""What stands in a log and is no record: how much there is, and where."""

from __future__ import annotations

from dataclasses import dataclass

MOST_PLACES = 100


@dataclass(frozen=True)
class Place:
    """Where something stood that is no record.

    Attributes
    ----------
    file : str
        Name of the file.
    line : int or None
        Counted from 1; None for a file that cannot be read on.
    why : str
        What is wrong there. Nothing of the line is quoted.
    """

    file: str
    line: int | None
    why: str


@dataclass(frozen=True)
class Garbage:
    """What was skipped: how much, and where the first hundred stood.

    Attributes
    ----------
    count : int
        Lines and files together.
    places : tuple of Place
        The first hundred.
    files : int
        How many are no line, but a file whose rest cannot be read: nobody knows how
        many rows that is.
    """

    count: int = 0
    places: tuple[Place, ...] = ()
    files: int = 0

    def __add__(self, other: Garbage) -> Garbage:
        places = (*self.places, *other.places)[:MOST_PLACES]
        return Garbage(self.count + other.count, places, self.files + other.files)

    @property
    def what(self) -> str:
        """What was skipped, in words.

        Examples
        --------
        >>> Garbage(4, files=1).what, Garbage(1).what
        ('the rest of 1 damaged file and 3 lines', '1 line')
        """
        lines = self.count - self.files
        said = []
        if self.files:
            said.append(f"the rest of {_counted(self.files, 'damaged file')}")
        if lines or not self.files:
            said.append(_counted(lines, "line"))
        return " and ".join(said)

    @property
    def was(self) -> str:
        """The verb that goes with :attr:`what`."""
        return "was" if self.count == 1 else "were"

    @property
    def where(self) -> tuple[str, ...]:
        """Where it stood and why, in words: the damaged files before the lines."""
        return tuple(
            f"{each.file}{'' if each.line is None else f', line {each.line:,}'}: "
            f"{each.why}"
            for each in sorted(self.places, key=lambda place: place.line is not None)
        )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


NO_GARBAGE = Garbage()


class Finds:
    """Garbage as it is come upon, and the files that were opened."""

    def __init__(self) -> None:
        self.garbage = NO_GARBAGE
        self.files: list[str] = []

    def skip(self, file: str, line: int | None, why: str) -> None:
        """Count something that is no record."""
        self.garbage += Garbage(1, (Place(file, line, why),), int(line is None))
