"""Pages in a real browser: no request, no error, nothing that runs off the screen."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from mlkit.report import Fold, notebook_page, step_header, table
from mlkit.report.palette import DARK, LIGHT
from tests.report_runs import RUN, pages

PAGES = (
    *("notebook", "run", "failed", "interrupted", "index", "draft"),
    *("unchanged", "partly taken", "divided", "compared"),
    *("watched", "watched index"),
)
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)


class Browser:
    """Chromium without a window, driven over a pair of pipes."""

    def __init__(self, profile: Path) -> None:
        assert CHROMIUM is not None
        commands, self._out = os.pipe()
        self._in, answers = os.pipe()
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec 3<&{commands} 4>&{answers}; exec "$@"'
        self._process = subprocess.Popen(
            [
                *("bash", "-c", script, "bash", CHROMIUM),
                *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update"),
                *("--disable-sync", "--disable-quic", "--disable-dev-shm-usage"),
                *("--remote-debugging-pipe", f"--user-data-dir={profile}"),
                "about:blank",
            ],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        self._rest = b""
        self._next = 0
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    _session: str | None = None

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return its result."""
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._next:
                assert "error" not in answer, answer
                return dict(answer["result"])
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            piece = os.read(self._in, 1 << 20)
            assert piece, "chromium ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def open(self, path: Path, *, width: int = 1280, dark: bool = False) -> list[str]:
        """Load a page with the network off and return what went wrong."""
        self.events.clear()
        self.call("Network.emulateNetworkConditions", offline=True, latency=0,
                  downloadThroughput=0, uploadThroughput=0)  # fmt: skip
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                  deviceScaleFactor=1, mobile=False)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.as_uri())
        while not any(e.get("method") == "Page.loadEventFired" for e in self.events):
            self.events.append(self._read())
        self.evaluate("document.fonts.ready.then(() => 0)")
        return [wrong for event in self.events if (wrong := self._wrong(event, path))]

    @staticmethod
    def _wrong(event: dict[str, Any], path: Path) -> str | None:
        params = event.get("params", {})
        match event.get("method"):
            case "Network.requestWillBeSent":
                url = params["request"]["url"]
                inline = url.startswith("data:") or url == path.as_uri()
                return None if inline else f"request for {url}"
            case "Network.loadingFailed":
                return f"failed: {params['errorText']}"
            case "Log.entryAdded":
                return f"log: {params['entry']['text']}"
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown":
                return f"script: {params}"
        return None

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression on the page."""
        found = self.call("Runtime.evaluate", expression=expression, awaitPromise=True,
                          returnByValue=True)  # fmt: skip
        return found["result"].get("value")

    def screenshot(self, *, height: int | None = None) -> bytes:
        """Return the whole page, or its top, as a PNG."""
        width = self.evaluate("innerWidth")
        full = self.evaluate("document.documentElement.scrollHeight")
        clip = {"x": 0, "y": 0, "width": width, "height": height or full, "scale": 1}
        answer = self.call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip=clip
        )
        return base64.b64decode(answer["data"])

    def pdf(self) -> bytes:
        """Return the page as it prints."""
        answer = self.call("Page.printToPDF", preferCSSPageSize=True)
        return base64.b64decode(answer["data"])

    def close(self) -> None:
        """End the browser and wait for it."""
        os.write(self._out, b'{"id":0,"method":"Browser.close"}\0')
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: pages are not tried in a browser")
    with Browser(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, html in pages().items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {path.stem: path for path in folder.glob("*.html")}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("dark", [False, True])
def test_a_page_loads_without_network_script_or_error(
    browser: Browser, files: dict[str, Path], name: str, dark: bool
) -> None:
    assert browser.open(files[name], dark=dark) == []
    ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == rgb((DARK if dark else LIGHT).surface)


def rgb(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"


def test_the_probe_sees_requests_scripts_and_refusals(
    browser: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "bad.html"
    page.write_text(
        '<!doctype html><img src="missing.png"><script>console.log("ran")</script>'
    )
    wrong = " ".join(browser.open(page))
    assert "missing.png" in wrong
    assert "script:" in wrong


def test_the_policy_stops_what_slipped_through(
    browser: Browser, files: dict[str, Path], tmp_path: Path
) -> None:
    page = tmp_path / "slipped.html"
    html = files["run"].read_text(encoding="utf-8")
    page.write_text(
        html.replace("</main>", "<script>document.title='ran'</script></main>")
    )
    assert any("Content Security Policy" in wrong for wrong in browser.open(page))
    assert browser.evaluate("document.title") != "ran"


def test_a_figure_follows_the_ground(browser: Browser, files: dict[str, Path]) -> None:
    shown = []
    for dark in (False, True):
        browser.open(files["notebook"], dark=dark)
        shown.append(
            browser.evaluate("document.querySelector('figure img').currentSrc")
        )
        assert (
            browser.evaluate("document.querySelector('figure img').naturalWidth") > 300
        )
    assert shown[0] != shown[1]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_runs_off_a_narrow_screen(
    browser: Browser, files: dict[str, Path], name: str
) -> None:
    browser.open(files[name], width=360)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 360
    own_box = ".scroll, pre, svg, .skip, details:not([open])"
    assert browser.evaluate(
        "[...document.querySelectorAll('body *')]"
        f".filter(e => !e.closest('{own_box}'))"
        ".filter(e => e.getBoundingClientRect().right > 360)"
        ".map(e => e.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip


def test_the_verdict_is_on_the_first_screen(
    browser: Browser, files: dict[str, Path]
) -> None:
    browser.open(files["compared"], width=1280)
    for part in ("#verdict", ".sides", "#contents"):
        bottom = f"document.querySelector('{part}').getBoundingClientRect().bottom"
        assert browser.evaluate(bottom) < 900, part
    for name in ("run", "notebook"):
        browser.open(files[name], width=1280)
        for part in ("#verdict", "#numbers", "#changes"):
            bottom = f"document.querySelector('{part}').getBoundingClientRect().bottom"
            assert browser.evaluate(bottom) < 900, part


def test_contents_stay_in_view_on_a_wide_screen(
    browser: Browser, files: dict[str, Path]
) -> None:
    browser.open(files["notebook"], width=1280)
    browser.evaluate("scrollTo(0, document.body.scrollHeight / 2)")
    top = browser.evaluate(
        "document.querySelector('.contents').getBoundingClientRect().top"
    )
    assert 0 <= top <= 900


def test_the_first_stop_of_the_keyboard_skips_to_the_result(
    browser: Browser, files: dict[str, Path]
) -> None:
    browser.open(files["run"])
    for kind in ("keyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                     windowsVirtualKeyCode=9)  # fmt: skip
    focused = "document.activeElement"
    assert browser.evaluate(f"{focused}.className") == "skip"
    assert browser.evaluate(f"{focused}.getBoundingClientRect().left") >= 0


@pytest.mark.parametrize("name", ["notebook", "failed", "watched", "compared"])
@pytest.mark.parametrize("dark", [False, True])
def test_the_keyboard_reaches_everything_in_order_and_shows_where_it_is(
    browser: Browser, files: dict[str, Path], name: str, dark: bool
) -> None:
    browser.open(files[name], width=400, dark=dark)
    # Browsers differ in whether a box that scrolls can be reached by itself.
    assert browser.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.tabIndex < 0 && "
        "e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && "
        "/auto|scroll/.test(getComputedStyle(e).overflowX))"
        ".map(e => e.outerHTML.slice(0, 80))"
    ) == []  # fmt: skip
    wanted = browser.evaluate(
        "window.stops = [...document.querySelectorAll('a[href],summary,[tabindex]')]"
        ".filter(e => e.checkVisibility({contentVisibilityAuto: true})); stops.length"
    )
    reached = []
    for _ in range(wanted):
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                         windowsVirtualKeyCode=9)  # fmt: skip
        reached.append(
            browser.evaluate(
                "(e => [stops.indexOf(e), getComputedStyle(e).outlineStyle, "
                "getComputedStyle(e).outlineColor])(document.activeElement)"
            )
        )
    ring = rgb((DARK if dark else LIGHT).link)
    assert reached == [[place, "solid", ring] for place in range(wanted)]


def test_in_print_a_table_keeps_its_caption_and_repeats_its_head(
    browser: Browser, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine: the print is not read back")
    body = ""
    for part in range(20):
        rows = [{"x": i} for i in range((3, 11, 37, 5, 60)[part % 5])]
        shown = table(rows, caption=f"Caption {part}", limit=60)
        html = (Fold("Fold", shown) if part % 2 else shown)._repr_html_()
        body += f"<h2>Part {part}</h2><p>Words</p>{html}"
    page = tmp_path / "tables.html"
    page.write_text(notebook_page(body, step_header(RUN, "data")))
    browser.open(page)
    printed = tmp_path / "tables.pdf"
    printed.write_bytes(browser.pdf())
    done = subprocess.run(
        ["pdftotext", "-layout", str(printed), "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    sheets = [
        [line.strip() for line in sheet.splitlines() if line.strip()]
        for sheet in done.stdout.split("\f")[:-1]
    ]
    assert len(sheets) > 10
    for sheet in sheets[1:]:
        assert not sheet[0].isdigit(), sheet[0]
    for sheet in sheets[:-1]:
        assert sheet[-2].isdigit(), sheet[-2]


def test_folded_parts_are_printed_and_each_sheet_has_a_foot(
    browser: Browser, files: dict[str, Path], tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext on this machine: the print is not read back")
    browser.open(files["run"])
    assert "scikit-learn 1.9.1" not in browser.evaluate(
        "document.body.innerText"
    ).replace("scikit-learn 1.9.0 → 1.9.1", "")
    printed = tmp_path / "run.pdf"
    printed.write_bytes(browser.pdf())
    done = subprocess.run(
        ["pdftotext", "-layout", str(printed), "-"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    sheets = done.stdout.split("\f")[:-1]
    assert "train.options.depth: 6" in done.stdout
    for number, sheet in enumerate(sheets, start=1):
        assert "vendor_dispatch · 20260726T101500Z-a1b2c3" in sheet
        assert re.search(rf"\b{number}\s*/\s*{len(sheets)}\b", sheet)
