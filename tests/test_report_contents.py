"""From a notebook to the body of its page: results, headings, links and images."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import bs4
import nbformat
from hypothesis import given
from hypothesis import strategies as st
from nbconvert import HTMLExporter

from mlkit import report
from mlkit.report import figure, notebook_page, step_header, table
from mlkit.report.contents import arrange
from mlkit.report.sanitise import sanitise
from tests.report_runs import RUN

TEMPLATES = Path(report.__file__).parent / "nbconvert"


def parsed(html: str) -> bs4.BeautifulSoup:
    return bs4.BeautifulSoup(html, "html.parser")


LEVELS = st.lists(st.integers(1, 6), max_size=8)


@given(LEVELS)
def test_any_headings_become_an_outline_without_gaps(levels: list[int]) -> None:
    html = "".join(f"<h{n}>Part {n}</h{n}><p>x</p>" for n in levels)
    found = arrange(html, taken={"part-2"})
    outline = [1, *(heading.level for heading in found.headings)]
    assert all(b <= a + 1 for a, b in pairwise(outline))
    assert min(outline[1:], default=2) >= 2
    ids = [heading.id for heading in found.headings]
    assert len({*ids, "part-2"}) == len(ids) + 1
    assert len(ids) == len(levels) - (levels[:1] == [1])


@given(st.text(max_size=40))
def test_the_words_of_a_heading_are_kept(words: str) -> None:
    html = sanitise(f"<h2>{words.replace('<', '&lt;').replace('&', '&amp;')}</h2>")
    (heading,) = arrange(html).headings
    assert heading.id
    assert f'id="{heading.id}"' in arrange(html).html


def test_links_follow_the_headings_to_their_new_ids() -> None:
    found = arrange('<h2 id="A-B">A B</h2><a href="#A-B">up</a><a href="#no">x</a>')
    assert '<h2 id="a-b">' in found.html
    assert '<a href="#a-b">up</a><a>x</a>' in found.html


def test_an_image_without_words_names_its_section() -> None:
    no_words = "No description has been provided for this image"
    html = f'<h2>Fit</h2><img alt="{no_words}" src="x">'
    assert 'alt="A chart without a description in the section “Fit”"' in (
        arrange(html).html
    )
    assert 'alt="It rises"' in arrange('<h2>Fit</h2><img src="x" alt="It rises">').html


def converted(*outputs: Any) -> str:
    cell = nbformat.v4.new_code_cell("secret_code = 1", outputs=list(outputs))
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Train\n\n**Why**"), cell]
    )
    exporter = HTMLExporter(
        template_name="mlkit", extra_template_basedirs=[str(TEMPLATES)]
    )
    body, _ = exporter.from_notebook_node(notebook)
    return str(body)


def output(kind: str = "display_data", **fields: Any) -> Any:
    return nbformat.v4.new_output(kind, **fields)


def test_the_nbconvert_template_shows_results_and_no_code() -> None:
    body = converted(
        output("stream", name="stdout", text="fitted <b>"),
        output("stream", name="stderr", text="a warning"),
        output(data={"application/scrapbook.scrap.json+json": {"name": "auc"}}),
        output(data={"application/javascript": "alert(1)", "text/html": "<b>kept</b>"}),
        output(data={"text/html": "<p>rich</p>", "text/plain": "poor"}),
        output(data={"text/markdown": "*soft*"}),
        output(data={"text/plain": "only <text>"}),
        output("error", ename="E", evalue="<v>", traceback=["at secret/path"]),
    )
    for shown in ("fitted &lt;b&gt;", "<b>kept</b>", "<p>rich</p>", "<em>soft</em>",
                  "only &lt;text&gt;", "E: &lt;v&gt;", "<strong>Why<"):  # fmt: skip
        assert shown in body
    for gone in ("secret", "a warning", "scrapbook", "alert", "poor", "In [", "<script",
                 "<style"):  # fmt: skip
        assert gone not in body


def test_plain_matplotlib_output_stays_an_image() -> None:
    body = converted(output(data={"image/png": "iVBORw0K\nGgo=\n", "text/plain": "x"}))
    page = parsed(notebook_page(body, step_header(RUN, "data")))
    assert page.img is not None
    assert page.img["src"] == "data:image/png;base64,iVBORw0KGgo="
    assert page.img["alt"] == "A chart without a description"


def test_whatever_scrolls_is_reached_by_the_keyboard() -> None:
    chart = figure(lambda canvas, _: canvas.text(0, 0, "x"), alt="a", caption="")
    cells = "<pre>a</pre><pre class='x'>b</pre><table><tr><td>c</td></tr></table>"
    shown = table([{"x": 1}], caption="One")._repr_html_() + chart._repr_html_()
    page = parsed(notebook_page(cells + shown, step_header(RUN, "data")))
    boxes = page.select(".scroll, pre")
    assert len(boxes) == 5
    for box in boxes:
        assert box["tabindex"] == "0"
        assert box.name == "pre" or (box["role"] == "region" and box["aria-label"])
