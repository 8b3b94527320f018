"""Sanitising: nothing that runs, loads or covers passes; what reads well does."""

from __future__ import annotations

import base64

import bs4
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlkit.report.images import is_still_image
from mlkit.report.sanitise import BY_TAG, EVERYWHERE, PROPERTIES, TAGS, sanitise

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def svg(
    inside: str, *, head: str = "", namespace: str = "http://www.w3.org/2000/svg"
) -> str:
    text = f'{head}<svg xmlns="{namespace}">{inside}</svg>'
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


VECTORS = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=http://evil.example/x.js></SCRIPT>",
    "<scr<script></script>ipt>alert(1)</scr<script></script>ipt>",
    "<script>alert(1)",
    "<style>body{background:url(http://evil.example)}</style>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.example/pixel.png'>",
    "<img src='//evil.example/pixel.png'>",
    f"<img src='{PIXEL}' onload=alert(1)>",
    "<img src='data:text/html;base64,PHNjcmlwdD4='>",
    f"<img src='{svg('<script>alert(1)</script>')}'>",
    "<img srcset='http://evil.example/a.png 2x' src=x>",
    "<picture><source srcset='http://evil.example/a.png'><img src=x></picture>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' jav&#x09;ascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='https://example.org' onclick='x()' target=_blank>x</a>",
    "<a href='#ok' ping='http://evil.example'>x</a>",
    "<iframe src='http://evil.example'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x.swf'></object><embed src='x.swf'>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form action='http://evil.example'><input name=a><button>b</button></form>",
    "<base href='http://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<link rel=stylesheet href='http://evil.example/x.css'>",
    "<video src='http://evil.example' autoplay></video><audio src=x></audio>",
    "<div style='background:url(http://evil.example)'>x</div>",
    "<div style='position:fixed;top:0;width:100%;height:100%'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<p style='color:red;background-image:url(javascript:alert(1))'>x</p>",
    "<body onload=alert(1)>x</body>",
    "<details open ontoggle=alert(1)>x</details>",
    "<p id=main>x</p><h2 id='a\"onx=1'>y</h2>",
    "<!--[if IE]><script>alert(1)</script><![endif]-->",
    "<template><script>alert(1)</script></template>",
    "<textarea><script>alert(1)</script></textarea>",
    "<title></title><img src=x onerror=alert(1)>",
    "\x00<img src=x onerror=alert(1)>",
    "<img src=`x` onerror=`alert(1)`>",
    "<a href='https://user:pw@x.example/\"onmouseover=alert(1)'>x</a>",
    "<h2><a href='#a' style='position:absolute'>x</a></h2>",
]  # fmt: skip


def assert_harmless(html: str) -> None:
    """Hold HTML to the lists, as an independent parser reads it."""
    soup = bs4.BeautifulSoup(html, "html.parser")
    assert not soup.find_all(string=lambda text: isinstance(text, bs4.Comment))
    for tag in soup.find_all(True):
        assert tag.name in TAGS, tag.name
        for name, value in tag.attrs.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            if name == "href":
                assert text.strip().startswith(("http://", "https://", "mailto:", "#"))
                assert not set(text) & set("\"'<>"), text
            elif name in ("src", "srcset"):
                assert is_still_image(text)
            elif name == "style":
                assert "url" not in text
                assert {
                    p.split(":")[0].strip() for p in text.split(";") if p.strip()
                } <= (PROPERTIES)
            else:
                assert name in EVERYWHERE | BY_TAG.get(tag.name, frozenset()), name


@pytest.mark.parametrize("vector", VECTORS)
def test_nothing_harmful_of_a_known_attack_is_left(vector: str) -> None:
    cleaned = sanitise(f"<p>before</p>{vector}<p>after</p>")
    assert_harmless(cleaned)
    assert "<p>before</p>" in cleaned
    assert "evil.example" not in cleaned
    assert "alert(1)</" not in cleaned.replace("&lt;", "<") or "<script" not in cleaned


@given(st.lists(st.sampled_from(VECTORS) | st.text(max_size=8), max_size=4))
def test_nothing_harmful_of_joined_attacks_is_left(pieces: list[str]) -> None:
    assert_harmless(sanitise("".join(pieces)))


@given(st.lists(st.sampled_from(VECTORS), max_size=3))
def test_what_passed_once_passes_again_unchanged(pieces: list[str]) -> None:
    once = sanitise("".join(pieces))
    assert sanitise(once) == once


@pytest.mark.parametrize(
    "html",
    [
        "<h1>a</h1><h2>b</h2><h3>c</h3><h6>d</h6>",
        '<h2 id="what-changed">b</h2>',
        "<p><strong>a</strong> <em>b</em> <code>c</code> H<sub>2</sub>O</p>",
        "<p>x<sup>2</sup></p>",
        "<ul><li>a<ol><li>b</li></ol></li></ul>",
        '<table><caption>c</caption><thead><tr><th scope="col" colspan="2">a</th></tr>'
        '</thead><tbody><tr><th scope="row">1</th><td rowspan="2">2</td></tr></tbody>'
        "</table>",
        f'<figure><picture><source srcset="{PIXEL}" media="(min-width: 9em)">'
        f'<img src="{PIXEL}" alt="It rises" width="6" height="4"></picture>'
        "<figcaption>c</figcaption></figure>",
        "<details><summary>More</summary><p>a</p></details>",
        '<p><a href="https://example.org/a?b=c#d">a</a> <a href="#part">c</a></p>',
        '<p><a href="mailto:a@example.org">b</a></p>',
        '<div class="scroll" role="region" tabindex="0" aria-label="Rows">x</div>',
        "<pre>a &lt;b&gt; &amp; c</pre>",
        "<blockquote>q</blockquote><hr>",
    ],
)
def test_what_a_report_is_made_of_passes_unchanged(html: str) -> None:
    assert sanitise(html) == html


def test_text_of_removed_tags_stays_and_text_of_scripts_goes() -> None:
    html = "<font>kept</font><script>gone()</script><style>p{gone:1}</style>"
    assert sanitise(html) == "kept"


def test_of_a_style_only_what_is_harmless_stays() -> None:
    html = '<p style="text-align: right; position: fixed; fill: red">1</p>'
    assert sanitise(html) == '<p style="text-align: right;">1</p>'
    assert sanitise('<p style="border: url(//x.example)">1</p>') == "<p>1</p>"


MATPLOTLIB = (
    '<?xml version="1.0" encoding="utf-8" standalone="no"?>\n'
    '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" '
    '"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
)
LINK = 'xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href'


@pytest.mark.parametrize(
    "address",
    [
        PIXEL,
        "data:image/jpeg;base64,/9j/4A==",
        svg('<path d="M0 0" style="fill: #fff; clip-path: url(#a)"/>'),
        svg(f'<defs><g id="a"/></defs><use {LINK}="#a"/>'),
        svg("<text>a &lt; b</text>", head=MATPLOTLIB),
        svg(f'<image {LINK}="{PIXEL}"/>'),
    ],
)
def test_still_images_pass(address: str) -> None:
    assert is_still_image(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x.png",
        "https://example.org/x.png",
        "data:text/html;base64,PGI+",
        "data:image/png,abc",
        "data:image/svg+xml;utf8,<svg/>",
        "data:image/png;base64,a",
        svg("<script>alert(1)</script>"),
        svg('<g onclick="alert(1)"/>'),
        svg('<g ONCLICK="alert(1)"/>'),
        svg("<foreignObject><p>a</p></foreignObject>"),
        svg("<animate attributeName='href' to='javascript:alert(1)'/>"),
        svg(f'<a {LINK}="javascript:alert(1)"><text>a</text></a>'),
        svg('<a href="https://example.org"><text>a</text></a>'),
        svg(f'<use {LINK}="http://example.org/x.svg#a"/>'),
        svg(f'<image {LINK}="http://example.org/x.png"/>'),
        svg('<rect style="fill: url(http://example.org)"/>'),
        svg("<style>@import url(http://example.org);</style>"),
        svg("<style>*{fill:url( 'http://example.org')}</style>"),
        svg("&x;", head='<!DOCTYPE svg [<!ENTITY x "y">]>'),
        svg("<g/>", head='<?xml version="1.0" encoding="utf-7"?>'),
        svg("<g/>", head='<?xml-stylesheet href="http://example.org"?>'),
        svg("<g/>", namespace="http://www.w3.org/1999/xhtml"),
        svg('<g xmlns="http://www.w3.org/1999/xhtml"><script/></g>'),
        svg("<g>"),
        "data:image/svg+xml;base64," + base64.b64encode(
            '<svg xmlns="http://www.w3.org/2000/svg"/>'.encode("utf-16")
        ).decode(),
    ],
)  # fmt: skip
def test_moving_or_foreign_images_do_not_pass(address: str) -> None:
    assert not is_still_image(address)
