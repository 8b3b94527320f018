"""Colours of figures and pages: one table for a light and one for a dark ground."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Theme:
    """The colours of one ground, as ``#rrggbb``.

    The series colours follow Okabe and Ito (2008, "Color Universal Design"), darkened
    or lightened until text in them has a contrast of at least 4.5 : 1 on ``surface``.
    """

    surface: str
    raised: str
    text: str
    muted: str
    line: str
    grid: str
    link: str
    blue: str
    orange: str
    grey: str
    purple: str
    good: str
    good_ground: str
    caution: str
    caution_ground: str
    bad: str
    bad_ground: str
    neutral: str
    neutral_ground: str

    def css(self) -> str:
        """Return the colours as CSS custom properties.

        Examples
        --------
        >>> LIGHT.css().split(";")[0]
        '--surface:#ffffff'
        """
        pairs = asdict(self).items()
        return ";".join(f"--{name.replace('_', '-')}:{value}" for name, value in pairs)


LIGHT = Theme(
    surface="#ffffff",
    raised="#f6f7f8",
    text="#1b2127",
    muted="#59636e",
    line="#d9dee3",
    grid="#e8ebee",
    link="#0a58a6",
    blue="#0a62ad",
    orange="#b04a00",
    grey="#69727c",
    purple="#84358f",
    good="#126a3f",
    good_ground="#e5f4ec",
    caution="#7c5200",
    caution_ground="#fcf1d6",
    bad="#ad2018",
    bad_ground="#fdebe9",
    neutral="#434e59",
    neutral_ground="#edf0f3",
)

DARK = Theme(
    surface="#14181c",
    raised="#1c2126",
    text="#e7eaed",
    muted="#a3adb7",
    line="#343c44",
    grid="#283038",
    link="#7cbcf7",
    blue="#6fb4f2",
    orange="#f0a060",
    grey="#9aa4ae",
    purple="#d595df",
    good="#63c894",
    good_ground="#143324",
    caution="#e6b656",
    caution_ground="#382a0b",
    bad="#ff9a90",
    bad_ground="#441c19",
    neutral="#bac3cc",
    neutral_ground="#2a3138",
)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, between 1 and 21.

    Defined by the Web Content Accessibility Guidelines 2.2, "contrast ratio".

    Examples
    --------
    >>> contrast("#000000", "#ffffff")
    21.0
    """
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
