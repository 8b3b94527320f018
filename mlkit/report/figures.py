"""Figures: a chart for a light and a dark ground, with the words that go with it.

A :class:`Figure` is finished when it is made: its bytes are the same for the same data,
its alternative text says what the chart shows, and the numbers behind it are at hand.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Literal

from mlkit.report.palette import DARK, LIGHT, Theme
from mlkit.report.tables import Table

DPI = 96
LARGEST_SVG = 120_000
DRAWN_FONT = "'DejaVu Sans'"
SHOWN_FONTS = (
    "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', "
    "'Liberation Sans', Arial, sans-serif"
)
Draw = Callable[[Any, Theme], None]
# A colour where matplotlib writes one, not in the words of a label.
COLOUR = re.compile(rb"(?<=(?:l|e): )#[0-9a-f]{6}(?=[;\"])")
# The dark theme's colour for each colour of the light one, no two of which are equal.
DARK_FOR = {
    colour.encode(): asdict(DARK)[name].encode()
    for name, colour in asdict(LIGHT).items()
}


@dataclass(frozen=True)
class Figure:
    """A chart as it is shown.

    Attributes
    ----------
    alt : str
        What the chart shows, in words, for those who cannot see it.
    caption : str
        What to look at, a sentence or two.
    light, dark : bytes
        The image for a light and for a dark ground.
    mime : {"image/svg+xml", "image/png"}
        Format of both images.
    width, height : int
        Size in CSS pixels.
    table : Table or None
        The numbers behind the chart.
    """

    alt: str
    caption: str
    light: bytes = field(repr=False)
    dark: bytes = field(repr=False)
    mime: Literal["image/svg+xml", "image/png"]
    width: int
    height: int
    table: Table | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what the figure says as plain JSON data, without the images."""
        numbers = None if self.table is None else self.table.to_dict()
        return {"alt": self.alt, "caption": self.caption, "table": numbers}

    def _repr_html_(self) -> str:
        numbers = ""
        if self.table is not None:
            numbers = (
                "<details><summary>The numbers behind it</summary>"
                f"{self.table._repr_html_()}</details>"
            )
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" * bool(
            self.caption
        )
        return (
            '<figure><div class="scroll" role="region" tabindex="0" '
            'aria-label="Chart"><picture><source srcset="'
            f'{self._address(self.dark)}" media="screen and (prefers-color-scheme: '
            f'dark)"><img src="{self._address(self.light)}" width="{self.width}" '
            f'height="{self.height}" alt="{escape(self.alt)}"></picture></div>'
            f"{caption}{numbers}</figure>"
        )

    def _address(self, image: bytes) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(image).decode()}"


def figure(
    draw: Draw,
    *,
    alt: str,
    caption: str,
    table: Table | None = None,
    width: int = 660,
    height: int = 380,
) -> Figure:
    """Draw a chart for a light and for a dark ground.

    Parameters
    ----------
    draw : callable
        ``draw(canvas, theme)`` fills an empty :class:`matplotlib.figure.Figure` with
        the colours of a :class:`Theme`. It may be called once for each theme, and must
        draw the same each time.
    alt : str
        The finding in words.
    caption : str
        What to look at.
    table : Table, optional
        The numbers behind the chart.
    width, height : int
        Size in CSS pixels.

    Returns
    -------
    Figure
        As SVG while that is small, else as PNG with two pixels for each CSS pixel.
    """
    light = _svg(draw, LIGHT, width, height)
    if len(light) > LARGEST_SVG:
        light, dark = (_png(draw, theme, width, height) for theme in (LIGHT, DARK))
        return Figure(alt, caption, light, dark, "image/png", width, height, table)
    dark = _darkened(light) or _svg(draw, DARK, width, height)
    return Figure(alt, caption, light, dark, "image/svg+xml", width, height, table)


def statement(text: str, table: Table | None = None) -> Figure:
    """Return a sentence in the place of a chart that there is no data for.

    Parameters
    ----------
    text : str
        The sentence.
    table : Table, optional
        What there is instead.
    """

    def draw(canvas: Any, theme: Theme) -> None:
        canvas.text(0.01, 0.5, text, va="center", color=theme.muted, fontsize=10)

    return figure(draw, alt=text, caption="", table=table, height=48)


def _svg(draw: Draw, theme: Theme, width: int, height: int) -> bytes:
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with _canvas(theme, width, height) as canvas:
        draw(canvas, theme)
        buffer = io.StringIO()
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        writer: Any = FigureCanvasSVG(canvas)
        writer.print_svg(buffer, metadata=nothing)
    text = buffer.getvalue()
    # Only the family is replaced: the room was measured with DejaVu, which runs wider.
    return text[text.index("<svg") :].replace(DRAWN_FONT, SHOWN_FONTS).encode()


def _darkened(light: bytes) -> bytes | None:
    """Return a light SVG in the colours of the dark theme, which takes no drawing.

    None where that is not the same as drawing it: it holds an image, or a colour that
    is not the theme's own.
    """
    if b"<image" in light or not set(COLOUR.findall(light)) <= DARK_FOR.keys():
        return None
    return COLOUR.sub(lambda found: DARK_FOR[found[0]], light)


def _png(draw: Draw, theme: Theme, width: int, height: int) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with _canvas(theme, width, height) as canvas:
        canvas.set_dpi(2 * DPI)
        draw(canvas, theme)
        buffer = io.BytesIO()
        writer: Any = FigureCanvasAgg(canvas)
        writer.print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@contextmanager
def _canvas(theme: Theme, width: int, height: int) -> Iterator[Any]:
    """Yield an empty figure, with the house style in force until it is written."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Canvas

    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(_style(theme))
        yield Canvas(
            figsize=(width / DPI, height / DPI),
            dpi=DPI,
            facecolor=theme.surface,
            layout="constrained",
        )


def _style(theme: Theme) -> dict[str, Any]:
    """Return the house style: a light grid, no frame, quiet ticks, text as text."""
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": theme.line,
        "axes.facecolor": theme.surface,
        "axes.grid": True,
        "axes.labelcolor": theme.muted,
        "axes.labelsize": 9,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": theme.text,
        "axes.titlelocation": "left",
        "axes.titlesize": 10,
        "axes.titleweight": "bold",
        "figure.constrained_layout.h_pad": 0.08,
        "figure.constrained_layout.w_pad": 0.08,
        "font.family": ["DejaVu Sans"],
        "font.size": 9,
        "grid.color": theme.grid,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.fontsize": 9,
        "legend.handlelength": 1.6,
        "legend.labelcolor": "linecolor",
        "lines.linewidth": 1.8,
        "svg.fonttype": "none",
        "svg.hashsalt": "mlkit",
        "text.color": theme.text,
        "text.parse_math": False,
        "xtick.color": theme.line,
        "xtick.labelcolor": theme.muted,
        "xtick.labelsize": 9,
        "ytick.color": theme.line,
        "ytick.labelcolor": theme.muted,
        "ytick.labelsize": 9,
        "ytick.major.size": 0,
    }
