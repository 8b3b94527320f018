"""Figures: finished images with their words, the same bytes for the same data."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import bs4
import matplotlib as mpl
import numpy as np
import pytest

from mlkit.report import Figure, figure, figures, table
from mlkit.report.images import is_still_image
from mlkit.report.palette import DARK, LIGHT, Theme, contrast
from mlkit.report.sanitise import sanitise


def draw_line(canvas: Any, theme: Theme) -> None:
    axes = canvas.add_subplot()
    axes.plot([0, 1, 2], [1, 3, 2], color=theme.blue, label="A $cost$ & <b>")
    axes.legend()


def draw_cloud(canvas: Any, theme: Theme) -> None:
    points = np.random.default_rng(0).normal(size=(2, 3000))
    canvas.add_subplot().plot(*points, "o", color=theme.blue)


@pytest.fixture(scope="module")
def line() -> Figure:
    numbers = table([{"x": 1, "y": 2.5}], caption="Points")
    return figure(draw_line, alt='It rises "twice" <b>', caption="A & b", table=numbers)


def test_a_small_chart_is_svg_with_text_as_text(line: Figure) -> None:
    assert line.mime == "image/svg+xml"
    root = ElementTree.fromstring(line.light)
    texts = {element.text for element in root.iter() if element.tag.endswith("}text")}
    assert "A $cost$ & <b>" in texts
    assert root.get("width") == "495pt"


def draw_own_colour(canvas: Any, theme: Theme) -> None:
    axes = canvas.add_subplot()
    axes.plot([0, 1], [1, 3], color="#123456" if theme is LIGHT else "#abcdef")


def draw_mixed(canvas: Any, theme: Theme) -> None:
    axes = canvas.add_subplot()
    axes.imshow(np.eye(3), cmap="Greys" if theme is LIGHT else "Blues")


@pytest.mark.parametrize("draw", [draw_own_colour, draw_mixed])
def test_what_colours_cannot_be_exchanged_in_is_drawn_for_the_dark(draw: Any) -> None:
    made = figure(draw, alt="a", caption="c")
    assert made.dark == figures._svg(draw, DARK, made.width, made.height)


def test_a_label_that_reads_like_a_colour_keeps_its_words() -> None:
    def draw(canvas: Any, theme: Theme) -> None:
        canvas.text(0.1, 0.5, f"paint {LIGHT.blue}", color=theme.blue)

    made = figure(draw, alt="a", caption="c")
    assert f">paint {LIGHT.blue}<".encode() in made.dark
    assert f"fill: {DARK.blue}".encode() in made.dark


def test_a_large_chart_is_png_with_two_pixels_for_each_pixel() -> None:
    cloud = figure(draw_cloud, alt="a", caption="c", width=300, height=200)
    assert cloud.mime == "image/png"
    width, height = (int.from_bytes(cloud.light[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (600, 400)


OTHER_PROCESS = """
import hashlib, importlib.util, sys
import mlkit.report
heavy = {"matplotlib", "sklearn", "IPython"} & set(sys.modules)
spec = importlib.util.spec_from_file_location("here", sys.argv[1])
here = importlib.util.module_from_spec(spec)
spec.loader.exec_module(here)
for draw in (here.draw_line, here.draw_cloud):
    drawn = here.figure(draw, alt="a", caption="c")
    print(hashlib.sha256(drawn.light + drawn.dark).hexdigest())
print(sorted(heavy), "matplotlib.pyplot" in sys.modules)
"""


def test_another_process_draws_the_same_bytes_without_pyplot() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, __file__],
        capture_output=True,
        text=True,
        check=True,
    )
    *hashes, loaded = done.stdout.splitlines()
    for draw, found in zip((draw_line, draw_cloud), hashes, strict=True):
        here = figure(draw, alt="a", caption="c")
        assert found == hashlib.sha256(here.light + here.dark).hexdigest()
    # Neither does importing mlkit.report load what only a chart or a notebook needs.
    assert loaded == "[] False"


def test_each_ground_has_its_own_colours(line: Figure) -> None:
    assert LIGHT.surface.encode() in line.light
    assert DARK.surface.encode() in line.dark
    assert LIGHT.surface.encode() not in line.dark


def test_settings_of_matplotlib_stay_as_they_were(line: Figure) -> None:
    def settings() -> dict[str, Any]:
        return {key: mpl.rcParams[key] for key in mpl.rcParams if key != "backend"}

    before = settings()
    figure(draw_line, alt="a", caption="c")
    assert settings() == before


def test_a_callers_own_settings_do_not_leak_in(line: Figure) -> None:
    with mpl.rc_context({"font.size": 30, "axes.xmargin": 0.4, "lines.marker": "x"}):
        again = figure(draw_line, alt="a", caption="c")
    assert again.light == line.light


def test_it_shows_itself_with_words_and_numbers(line: Figure) -> None:
    soup = bs4.BeautifulSoup(line._repr_html_(), "html.parser")
    image, source = (
        soup.select_one("picture > img"),
        soup.select_one("picture > source"),
    )
    assert image is not None
    assert source is not None
    assert image["alt"] == 'It rises "twice" <b>'
    assert source["media"] == "screen and (prefers-color-scheme: dark)"
    assert is_still_image(str(image["src"]))
    assert is_still_image(str(source["srcset"]))
    assert soup.select_one("figcaption").get_text() == "A & b"  # type: ignore[union-attr]
    assert soup.select_one("details table caption") is not None


def test_the_sanitiser_lets_it_pass_unchanged(line: Figure) -> None:
    def same(html: str) -> str:
        return str(bs4.BeautifulSoup(html, "html.parser")).replace("left;", "left")

    assert same(sanitise(line._repr_html_())) == same(line._repr_html_())


def test_it_becomes_plain_data(line: Figure) -> None:
    said = line.to_dict()
    assert said["alt"] == 'It rises "twice" <b>'
    assert said["table"]["rows"] == [["1", "2.50"]]


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_text_colour_can_be_read_on_every_ground(theme: Theme) -> None:
    for name in ("text", "muted", "link", "blue", "orange", "grey", "purple"):
        for ground in (theme.surface, theme.raised):
            assert contrast(getattr(theme, name), ground) >= 4.5, name
    for tone in ("good", "caution", "bad", "neutral"):
        for ground in (f"{tone}_ground", "surface"):
            assert contrast(getattr(theme, tone), getattr(theme, ground)) >= 4.5, tone


def test_contrast_is_that_of_published_pairs() -> None:
    # Known values: https://webaim.org/resources/contrastchecker/ for #777 and #767676.
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ffffff", "#767676") == pytest.approx(4.54, abs=0.005)
