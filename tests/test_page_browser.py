"""The page in a real browser: move a slider, and the right picture appears; no error, keyboard and phone included.

Chromium is driven through its own pipe (`--remote-debugging-pipe`), so that the test needs no further package.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idgan_sc.config import Config
from idgan_sc.publish import page
from idgan_sc.records.results import Results
from test_report import grey, made_up, results  # noqa: F401

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DEMANDED = os.environ.get("NEEDS_BROWSER") == "1"  # .ci/run: fail rather than skip
pytestmark = pytest.mark.skipif(CHROMIUM is None and not DEMANDED, reason="no Chromium: apt-get install chromium")
WAIT = 240  # seconds for an answer; a shared machine is slow


class Browser:
    """One page in a headless Chromium, by the DevTools protocol over file descriptors 3 and 4."""

    def __init__(self, profile: Path) -> None:
        to_read, self.to = os.pipe()
        self.back, from_write = os.pipe()
        wiring = f"exec {CHROMIUM} --headless --no-sandbox --disable-gpu --user-data-dir={profile} "
        wiring += f"--remote-debugging-pipe 3<&{to_read} 4>&{from_write}"
        self.process = subprocess.Popen(
            ["bash", "-c", wiring], pass_fds=(to_read, from_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(to_read)
        os.close(from_write)
        os.set_blocking(self.back, False)
        self.buffer, self.number, self.events, self.session = b"", 0, [], None  # type: ignore[var-annotated]
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        return self.wait_for(lambda m: m.get("id") == self.number).get("result", {})

    def wait_for(self, wanted: Any) -> dict[str, Any]:
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            while b"\0" in self.buffer:
                text, self.buffer = self.buffer.split(b"\0", 1)
                message = json.loads(text)
                self.events.append(message)
                if wanted(message):
                    return dict(message)
            with contextlib.suppress(BlockingIOError):
                self.buffer += os.read(self.back, 1 << 20)
            time.sleep(0.01)
        raise TimeoutError("the browser did not answer")

    def show(self, path: Path, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=path.as_uri())
        self.until("document.querySelectorAll('[data-drawn]').length == 5")

    def run(self, script: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        end = time.monotonic() + WAIT
        while not self.run(condition):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def press(self, key: str) -> None:
        code = {"ArrowRight": 39, "ArrowLeft": 37, "Tab": 9}[key]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[Any]:
        """Exceptions, console messages, failed requests, logged errors; a warning about this test's reading is none."""
        bad = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Network.loadingFailed")
        logged = [event for event in self.events if event.get("method") == "Log.entryAdded"]
        errors = [event for event in logged if event["params"]["entry"]["level"] == "error"]
        return [event for event in self.events if event.get("method") in bad] + errors

    def requests(self) -> set[str]:
        sent = [event for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return {event["params"]["request"]["url"].partition(":")[0] for event in sent}

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.session = None
            os.write(self.to, b'{"id": 0, "method": "Browser.close"}\0')
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to)
        os.close(self.back)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def path(made_up: Config, results: Path) -> Path:  # noqa: F811
    return page.write_page(Results(made_up, "desk", results))


def card(dataset: str, system: str) -> str:
    return f"document.querySelector('[data-dataset={dataset}][data-system={system}]')"


def pixel(browser: Browser, dataset: str, system: str) -> int:
    script = f"{card(dataset, system)}.querySelector('canvas').getContext('2d').getImageData(4, 4, 1, 1).data[0]"
    return int(browser.run(script))


def drawn(dataset: str, system: str, anchor: int, code: int, step: int) -> str:
    return f"{card(dataset, system)}.dataset.drawn == '{anchor} {code} {step}'"


GENERATORS = [
    ("dsprites", "infogan_cr", 5),
    ("dsprites", "idgan_sc", 10),
    ("dsprites", "idgan", 10),
    ("faces", "infogan_cr", 10),
    ("faces", "idgan_sc", 10),
]


@pytest.mark.parametrize(("width", "height"), [(1200, 900), (390, 844)])
def test_every_slider_shows_the_right_picture(browser: Browser, path: Path, width: int, height: int) -> None:
    browser.show(path, width, height)
    for dataset, system, k in GENERATORS:
        for anchor in (0, 1):
            browser.run(
                f"""(() => {{ const s = {card(dataset, system)}.querySelector('select');
                s.value = {anchor}; s.dispatchEvent(new Event('change')); }})()"""
            )
            for code in range(k):
                step = (3 * code + 2) % 10
                browser.run(
                    f"""(() => {{ const s = document.getElementById('{dataset}-{system}-{code}');
                    s.value = {step}; s.dispatchEvent(new Event('input')); }})()"""
                )
                browser.until(drawn(dataset, system, anchor, code, step))
                assert pixel(browser, dataset, system) == grey(anchor, code, step)
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert browser.run(f"document.documentElement.scrollWidth <= {width}")  # nothing sticks out sideways
    assert browser.complaints() == []
    assert browser.requests() <= {"file", "data"}


def test_the_keyboard_moves_a_slider_and_a_screen_reader_is_told(browser: Browser, path: Path) -> None:
    browser.show(path, 390, 844)
    browser.run("document.getElementById('dsprites-idgan_sc-3').focus()")
    before = browser.run("Number(document.getElementById('dsprites-idgan_sc-3').value)")
    browser.press("ArrowRight")
    browser.until(drawn("dsprites", "idgan_sc", 0, 3, before + 1))
    assert pixel(browser, "dsprites", "idgan_sc") == grey(0, 3, before + 1)
    mine = card("dsprites", "idgan_sc")
    assert "code 4 at" in browser.run(f"{mine}.querySelector('[aria-live]').textContent")
    assert "code 4 at" in browser.run(f"{mine}.querySelector('canvas').getAttribute('aria-label')")
    described = "document.getElementById(document.getElementById('faces-idgan_sc-2').getAttribute('aria-describedby'))"
    assert re.fullmatch(r"\w+, \d+%", browser.run(f"{described}.textContent"))
    unlabelled = """[...document.querySelectorAll('input, select')].filter(e => !e.labels.length).length +
        [...document.querySelectorAll('img:not([alt])')].length"""
    assert browser.run(unlabelled) == 0
    assert browser.run("document.documentElement.lang") == "en"


def test_the_pair_stands_side_by_side_and_its_leakage_beside_it(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    tops = [
        browser.run(f"{card('faces', system)}.getBoundingClientRect().top") for system in ("infogan_cr", "idgan_sc")
    ]
    assert tops[0] == tops[1]
    assert browser.run(f"{card('faces', 'idgan_sc')}.querySelectorAll('td.own').length") == 5
    assert browser.run("document.querySelectorAll('#generators > section').length") == 2


def test_every_seed_is_told_on_hover_and_by_the_arrow_keys(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    assert browser.run("document.querySelectorAll('#plot circle').length") == 100  # ten arms of ten seeds
    tip = "document.getElementById('tip')"
    browser.run("document.querySelector('#plot circle').dispatchEvent(new MouseEvent('mouseenter'))")
    assert "seed 0:" in browser.run(f"{tip}.textContent") and not browser.run(f"{tip}.hidden")
    browser.run("document.querySelector('#plot circle').focus()")
    browser.press("ArrowRight")
    assert "seed 1:" in browser.run(f"{tip}.textContent")
    browser.run(
        "(() => { const m = document.getElementById('metric'); m.value = 'mig'; "
        "m.dispatchEvent(new Event('change')); })()"
    )
    assert "MIG" in browser.run("document.querySelector('#plot svg').getAttribute('aria-label')")
