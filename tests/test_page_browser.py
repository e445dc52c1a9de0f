"""The page in a real browser: its generators draw what PyTorch draws; keyboard, phone, print and both themes included.

Chromium is driven through its own pipe (`--remote-debugging-pipe`), so that the test needs no further package.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from idgan_sc.config import Config, dataset_row
from idgan_sc.data import dsprites
from idgan_sc.evaluation.generators.nearest_image import changed
from idgan_sc.evaluation.model import Model, load
from idgan_sc.models import networks, networks_celeba, networks_released
from idgan_sc.publish import interactive, page
from idgan_sc.records.results import Results

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

    def show(self, path: Path, width: int, height: int, dark: bool = False) -> None:
        self.call("Emulation.setScriptExecutionDisabled", value=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", media="", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url="about:blank")  # the same address again would be no new page
        self.call("Page.navigate", url=path.as_uri())
        self.until("document.querySelectorAll('.generator[data-drawn]').length == 2")

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
        code = {"ArrowRight": 39, "ArrowLeft": 37, "ArrowDown": 40, "End": 35, "Tab": 9, "Enter": 13}[key]
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

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


PUBLISHED = Path(__file__).parents[1] / "results/desk/published"
AXE = Path(__file__).parents[1] / "build/axe.min.js"  # `make axe`
CARDS = ("left", "right")


@pytest.fixture(scope="module")
def path(shipped: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the published results, the nine generators of the paper's systems on it."""
    written = tmp_path_factory.mktemp("page") / "index.html"
    written.write_text(page.render(Results(shipped, "desk", PUBLISHED)), encoding="utf-8")
    return written


@pytest.fixture(scope="module")
def generators(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8")
    found = json.loads(text.split('id="data">')[1].split("</script>")[0])["generators"]
    return list(found)


def card(side: str) -> str:
    return f"document.querySelector('.generator[data-side={side}]')"


def values(browser: Browser, side: str) -> list[float]:
    """All codes of a card and then its noise, as it last drew them."""
    return list(json.loads(browser.run(f"{card(side)}.dataset.drawn")))


def thumbs(browser: Browser, side: str) -> list[float]:
    """Where the sliders of a card stand, in the order of codes and noise."""
    inputs = f"Object.values(cards.{side}.rows).map(row => Number(row.slider.value))"
    return list(browser.run(inputs))


def choose(browser: Browser, left: str, right: str) -> None:
    browser.run(f"show({{left: '{left}', right: '{right}'}})")
    for side, wanted in zip(CARDS, (left, right), strict=True):
        browser.until(f"{card(side)}.dataset.id == '{wanted}'")


def as_half(network: nn.Module) -> nn.Module:
    """A network whose weights are rounded as the page's are."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.half().float()
    return network.eval()


# ------------------------------------------------------------------------------------------------------ the generators
def test_the_page_draws_what_pytorch_draws_with_the_same_rounded_weights(
    browser: Browser, path: Path, shipped: Config, generators: list[dict[str, Any]]
) -> None:
    """All nine, at their starts and at random codes and noise: within 1/255, as bytes at most one apart."""
    browser.show(path, 1200, 900)
    rng, here = np.random.default_rng(0), Results(shipped, "desk", PUBLISHED)
    assert len(generators) == 9
    for g in generators:
        model = published(here, g)
        network = as_half(model.method.networks["generator"])
        starts = rng.uniform(-g["reach"], g["reach"], (6, len(g["anchors"][0])))
        noise = rng.uniform(-g["noise_reach"], g["noise_reach"], (6, len(g["noise"][0])))
        codes = np.concatenate([g["anchors"], starts]).astype(np.float32)
        z = np.concatenate([g["noise"], noise]).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(z), torch.from_numpy(codes)).permute(0, 2, 3, 1).numpy()
        drawn = drawn_by_page(browser, g["id"], z, codes).reshape(expected.shape)
        assert np.abs(drawn - expected).max() < 1e-4, g["id"]
        assert expected.std() > 0.1 and np.abs(expected[0] - expected[-1]).max() > 0.1  # images, not one grey


def published(here: Results, g: dict[str, Any]) -> Model:
    return load(here.find(here.run(g["dataset"], g["system"], "main", g["seed"]), "record.json").parent)


def drawn_by_page(browser: Browser, name: str, z: np.ndarray, codes: np.ndarray) -> np.ndarray:
    script = f"""trained(data.generators.find(g => g.id === '{name}')).then(generator => {{
        const codes = {json.dumps(codes.tolist())}, noise = {json.dumps(z.tolist())};
        return codes.map((code, i) => Array.from(generator.draw(noise[i], code)));
    }})"""
    return np.array(browser.run(script), np.float32)


SHAPES = [(networks, 28), (networks, 32), (networks, 64), (networks_celeba, 32), (networks_celeba, 64)]
SHAPES += [(networks_released, 32), (networks_released, 64)]


@pytest.mark.parametrize(
    ("module", "size"),
    [pytest.param(*shape, marks=[pytest.mark.long] if shape[1] == 64 else []) for shape in SHAPES],
)
def test_every_generator_of_the_project_runs_in_the_page(browser: Browser, path: Path, module: Any, size: int) -> None:
    """Every architecture at every size, in colour, with weights and statistics that are not those of the start."""
    rng = torch.Generator().manual_seed(size)
    network = module.Generator(size, 3, 4, 3)
    for tensor in network.parameters():
        tensor.data.normal_(0, 0.1, generator=rng)
    for name, tensor in network.named_buffers():
        if name.endswith("running_var"):
            tensor.data.uniform_(0.5, 2, generator=rng)
        elif name.endswith("running_mean"):
            tensor.data.normal_(0, 0.3, generator=rng)
    z, codes = torch.randn(2, 3, generator=rng), torch.randn(2, 4, generator=rng)
    layers, tensors = interactive.network(network)
    with torch.no_grad():
        expected = as_half(network)(z, codes).permute(0, 2, 3, 1).numpy()
    browser.show(path, 1200, 900)
    script = f"""readWeights("{interactive.pack(tensors)}").then(weights => {{
        const made = new Generator({json.dumps(layers)}, weights);
        const z = {z.tolist()}, codes = {codes.tolist()};
        return z.map((noise, i) => Array.from(made.draw(noise, codes[i])));
    }})"""
    drawn = np.array(browser.run(script)).reshape(expected.shape)
    assert expected.std() > 0.02 and np.abs(drawn - expected).max() < 1e-4


def test_a_card_begins_at_the_exact_start_and_comes_back_to_it(
    browser: Browser, path: Path, generators: list[dict[str, Any]]
) -> None:
    browser.show(path, 1200, 900)
    for g in generators:
        choose(browser, g["id"], g["id"])
        for start in (0, 2):
            browser.run(f"(() => {{ const s = {card('left')}.querySelectorAll('select')[1]; s.value = {start};"
                        "s.dispatchEvent(new Event('change')); })()")  # fmt: skip
            exact = [*g["anchors"][start], *g["noise"][start]]
            assert values(browser, "left") == exact and thumbs(browser, "left") == pytest.approx(exact, abs=1e-12)
        browser.run("document.getElementById('left-code-2').focus()")
        browser.press("ArrowRight")
        assert values(browser, "left") != exact
        browser.run(
            f"[...{card('left')}.querySelectorAll('button')].find(b => b.textContent == 'Back to the start').click()"
        )
        assert values(browser, "left") == exact and thumbs(browser, "left") == pytest.approx(exact, abs=1e-12)


@pytest.mark.long
def test_one_key_press_moves_one_thumb_and_only_its_code(
    browser: Browser, path: Path, generators: list[dict[str, Any]]
) -> None:
    browser.show(path, 1200, 900)
    for g in generators:
        other = generators[0]["id"]
        choose(browser, g["id"], other)
        browser.run(f"{card('left')}.querySelectorAll('details').forEach(d => {{ d.open = true; }})")
        for j in range(len(g["anchors"][0])):
            before, still = values(browser, "left"), values(browser, "right")
            at = thumbs(browser, "left")
            browser.run(f"document.getElementById('left-code-{j + 1}').focus()")
            browser.press("ArrowLeft" if before[j] > 0 else "ArrowRight")
            after, moved = values(browser, "left"), thumbs(browser, "left")
            assert [i for i in range(len(before)) if after[i] != before[i]] == [j], (g["id"], j)
            assert [i for i in range(len(at)) if moved[i] != at[i]] == [j], (g["id"], j)
            assert moved[j] == pytest.approx(after[j], abs=1e-6) and values(browser, "right") == still
            assert abs(after[j] - before[j]) == pytest.approx(g["reach"] / 10, abs=1e-6)


def test_a_code_plays_there_and_back_and_moves_nothing_else(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    before = values(browser, "left")
    button = f"{card('left')}.querySelector('[aria-label=\"Play code 3\"]')"
    browser.run(f"{button}.click()")
    seen = []
    for _ in range(400):
        seen.append(values(browser, "left"))
        if max(v[2] for v in seen) > 0.9 and min(v[2] for v in seen) < -0.9 and seen[-1][2] > -0.5:
            break
        time.sleep(0.03)
    assert max(v[2] for v in seen) > 0.9 and min(v[2] for v in seen) < -0.9
    assert all(v[:2] + v[3:] == before[:2] + before[3:] for v in seen)
    assert browser.run(f"{button}.getAttribute('aria-pressed')") == "true"
    browser.run(f"{button}.click()")
    stopped = values(browser, "left")
    time.sleep(0.3)
    assert values(browser, "left") == stopped and browser.run(f"{button}.getAttribute('aria-pressed')") == "false"


def test_a_strip_shows_the_code_along_its_range_at_the_other_codes_of_now(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    browser.run("document.getElementById('left-code-1').focus()")
    browser.press("ArrowRight")
    browser.until("!cards.left.frame && !cards.left.dirty.has(1)")
    differences = browser.run("""(() => {
        const {rows, g, generator, values} = cards.left, found = [];
        const context = rows[1].strip.getContext("2d");
        for (let at = 0; at < THUMBNAILS; at++) {
            const moved = values.slice();
            moved[1] = -g.reach + 2 * g.reach * at / (THUMBNAILS - 1);
            const image = generator.draw(moved.slice(g.anchors[0].length), moved.slice(0, g.anchors[0].length));
            const shown = context.getImageData(at * (g.size + 1), 0, g.size, g.size).data;
            found.push(Math.max(...Array.from(image, (v, i) => Math.abs(Math.round(255 * v) - shown[4 * i]))));
        }
        return found;
    })()""")
    assert len(differences) == 9 and max(differences) == 0
    browser.run("(() => { const s = cards.left.rows[1].strip; s.dispatchEvent(new MouseEvent('click', {clientX: "
                "s.getBoundingClientRect().right - 2, clientY: s.getBoundingClientRect().top + 2})); })()")  # fmt: skip
    assert values(browser, "left")[1] == 1.0


def test_a_factors_slider_drives_the_matching_code_of_both(
    browser: Browser, path: Path, generators: list[dict[str, Any]]
) -> None:
    browser.show(path, 1200, 900)
    pair = [next(g for g in generators if g["id"] == name) for name in ("dsprites-infogan", "dsprites-idgan_sc")]
    choose(browser, pair[0]["id"], pair[1]["id"])
    browser.until("document.querySelectorAll('.factor').length == 5")
    before = [values(browser, side) for side in CARDS]
    browser.run("document.getElementById('factor-y').focus()")
    browser.press("End")
    for side, g, was in zip(CARDS, pair, before, strict=True):
        table = g["matrices"][0]
        told = [-1 if j in g["dead"] else row[table["factors"].index("y")] for j, row in enumerate(table["rows"])]
        code, now = int(np.argmax(told)), values(browser, side)
        assert [i for i in range(len(was)) if now[i] != was[i]] == [code]
        assert abs(now[code]) == g["reach"]
    agree = browser.run("""(() => { const [a, b] = both.map((card, i) => sweep(card, driven[4].codes[i]));
        return a.reduce((sum, v, i) => sum + v * b[i], 0) * driven[4].sign; })()""")
    assert agree > 0  # both pictures change alike


def test_any_two_systems_stand_side_by_side(browser: Browser, path: Path, generators: list[dict[str, Any]]) -> None:
    browser.show(path, 1200, 900)
    tops = [browser.run(f"{card(side)}.getBoundingClientRect().top") for side in CARDS]
    assert tops[0] == tops[1]
    offered = browser.run(f"[...{card('right')}.querySelector('select').options].map(o => o.value)")
    assert offered == [g["id"] for g in generators]
    browser.run(f"(() => {{ const s = {card('right')}.querySelector('select'); s.value = 'faces-idgan_sc';"
                "s.dispatchEvent(new Event('change')); })()")  # fmt: skip
    browser.until(f"{card('right')}.dataset.id == 'faces-idgan_sc'")
    browser.until("document.querySelectorAll('.factor').length == 0")  # sprites and faces share no factor
    assert browser.complaints() == []


# ----------------------------------------------------------------------------------------------------- the true sprites
def test_the_pages_sprites_are_the_renderers(browser: Browser, path: Path) -> None:
    """2 000 images of all kinds, at both sizes: the same pixels, squares and nearest image."""
    browser.show(path, 1200, 900)
    rng = np.random.default_rng(0)
    classes = rng.integers(0, dsprites.FACTORS.sizes, (2000, 5))
    classes[:, 2] %= 39  # the last orientation is the first again
    drawn = dsprites.render(classes)
    browser.run("(() => { globalThis.small = new Sprites(32); globalThis.large = new Sprites(64); })()")
    script = f"""(() => {{ const classes = {classes.tolist()};
        return classes.map(([shape, scale, orientation, x, y]) => {{
            const number = (shape * 6 + scale) * 39 + orientation, at = (number * 32 + y) * 32 + x;
            const pixels = drawSprite(small.kinds[number], x, y);
            let hash = 0;
            pixels.forEach((on, i) => {{ if (on) hash = (hash * 31 + i) % 1000003; }});
            return [hash, small.norms[at], large.norms[at]];
        }}); }})()"""
    found = np.array(browser.run(script))
    for image, (digest, square, ones) in zip(drawn, found, strict=True):
        wanted = 0
        for i in np.flatnonzero(image):
            wanted = (wanted * 31 + int(i)) % 1000003
        counts = image.reshape(32, 2, 32, 2).sum((1, 3), dtype=int)
        assert (digest, square, ones) == (wanted, (counts**2).sum(), image.sum())


def test_no_true_sprite_is_nearer_than_the_one_that_is_found(browser: Browser, path: Path) -> None:
    """Noisy sprites, at both sizes: none of 20 000 others and of all neighbours is nearer; the distance is exact."""
    browser.show(path, 1200, 900)
    rng = np.random.default_rng(1)
    others = rng.integers(0, dsprites.FACTORS.sizes, (20000, 5))
    pool = dsprites.render(others)
    for size in (32, 64):
        shrunk = shrink(pool, size)
        for true in (others[0], others[1]):
            image = np.clip(shrink(dsprites.render(true[None]), size)[0] + rng.normal(0, 0.2, size**2), 0, 1)
            image = image.astype(np.float32)
            found = browser.run(f"""nearestSprite({image.tolist()}, {size})
                .then(f => ({{factors: f.factors, relative: f.relative, pixels: Array.from(f.pixels)}}))""")
            nearest = shrink(dsprites.render(np.array([found["factors"]])), size)[0]
            assert found["pixels"] == nearest.tolist()
            distance = ((nearest - image) ** 2).sum()
            assert found["relative"] == pytest.approx(distance / (nearest**2).sum(), rel=1e-5)
            around = np.array(found["factors"]) + rng.integers(-2, 3, (3000, 5))
            around = np.clip(around, 0, np.array(dsprites.FACTORS.sizes) - 1)
            for rivals in (shrunk, shrink(dsprites.render(around), size)):
                assert ((rivals - image) ** 2).sum(1).min() >= distance - 1e-5


def shrink(images: np.ndarray, size: int) -> np.ndarray:
    """(n, 64, 64) -> (n, size²) float32 means of 2×2 pixels, or as they are."""
    if size == 64:
        return images.reshape(len(images), -1).astype(np.float32)
    return images.reshape(-1, 32, 2, 32, 2).mean((2, 4), dtype=np.float32).reshape(len(images), -1)


def test_what_changed_is_what_the_measurement_counts(browser: Browser, path: Path, shipped: Config) -> None:
    """`changed` of the evaluation on 500 pairs, symmetric shapes included."""
    browser.show(path, 1200, 900)
    rng = np.random.default_rng(2)
    a = rng.integers(0, dsprites.FACTORS.sizes, (500, 5))
    b = np.where(rng.random((500, 5)) < 0.6, a, rng.integers(0, dsprites.FACTORS.sizes, (500, 5)))

    class Two:
        classes, factor_names = np.concatenate([a, b]).astype(np.uint8), dsprites.FACTORS.names

    tolerance = shipped["generated"]["tolerance"]
    wanted = changed(Two, np.arange(500), np.arange(500, 1000), tolerance)  # type: ignore[arg-type]
    script = f"{a.tolist()}.map((a, i) => changedFactors(a, {b.tolist()}[i], data.tolerance))"
    assert browser.run(script) == wanted.tolist()


def test_a_slider_that_rests_tells_the_nearest_sprite_and_what_changed(browser: Browser, path: Path) -> None:
    browser.show(path, 390, 844)
    rested = f"{card('left')}.dataset.rested == {card('left')}.dataset.drawn"
    browser.until(rested)
    says = f"{card('left')}.querySelector('[aria-live]').textContent"
    assert browser.run(says).startswith("At the start. ")
    assert "Changed" not in browser.run(says)
    browser.run("document.getElementById('left-code-5').focus()")
    for _ in range(6):
        browser.press("ArrowRight")
    browser.until(rested)
    assert browser.run(says).startswith("Moved since the start: code 5.")
    assert any(word in browser.run(says) for word in ("Changed: ", "No factor changed", "Too unlike"))
    assert "ellipse" in browser.run(says) or "square" in browser.run(says) or "heart" in browser.run(says)
    assert "code 5" in browser.run(f"{card('left')}.querySelector('canvas').getAttribute('aria-label')")


# ----------------------------------------------------------------------------------------------------- claims and seeds
def test_a_claim_opens_with_its_seeds_and_by_its_anchor(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    assert not browser.run("document.getElementById('C4').open")
    browser.run("document.querySelector('#answer a[href=\"#C4\"]').click()")
    browser.until("document.getElementById('C4').open")
    browser.until("document.querySelectorAll('#C4 .dots circle').length == 60")  # three judged checks of two arms
    browser.until("Math.abs(document.getElementById('C4').getBoundingClientRect().top) < 400")
    assert browser.run("document.querySelectorAll('#C4 svg.forest').length") == 3
    assert "make prove CLAIM=C4" in browser.run("document.getElementById('C4').textContent")
    browser.run("document.querySelector('#C5 summary').focus()")
    browser.press("Enter")
    browser.until("document.getElementById('C5').open")
    assert browser.complaints() == []


def test_seeds_lie_side_by_side_and_none_is_covered(browser: Browser, path: Path) -> None:
    """Of every metric, at desktop and phone width, the checks' own plots included."""
    for width in (1280, 360):
        browser.show(path, width, 800)
        browser.run("document.querySelectorAll('.claim').forEach(d => { d.open = true; })")
        browser.until("document.querySelector('#C11 .dots circle') !== null")
        metrics = browser.run("[...document.getElementById('metric').options].map(o => o.value)")
        assert metrics[0] == "factor_vae" and "leakage_faces" in metrics
        for metric in metrics:
            browser.run(f"(() => {{ const m = document.getElementById('metric'); m.value = '{metric}';"
                        "m.dispatchEvent(new Event('change')); })()")  # fmt: skip
            nearest = browser.run("""Math.min(...[...document.querySelectorAll('svg.plot')].map(plot => {
                const points = [...plot.querySelectorAll('circle')]
                    .map(c => ['cx', 'cy', 'r'].map(a => Number(c.getAttribute(a))));
                return Math.min(...points.flatMap((a, i) => points.slice(i + 1)
                    .map(b => Math.hypot(a[0] - b[0], a[1] - b[1]) - a[2] - b[2])));
            }))""")
            assert nearest > 0, metric


def test_a_seed_lights_up_in_every_row_and_its_pairs_are_joined(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    rows = browser.run("data.scores.filter(row => row.metric === 'factor_vae').map(row => row.family)")
    browser.run("document.querySelector('#plot circle[data-seed=\"3\"]').dispatchEvent(new MouseEvent('mouseenter'))")
    assert browser.run("document.querySelectorAll('#plot circle.lit').length") == len(rows)
    assert browser.run("[...document.querySelectorAll('#plot .lit')].every(c => c.dataset.seed === '3')")
    families = [family for family in set(rows) if rows.count(family) > 1]
    assert browser.run("document.querySelectorAll('#plot .join').length") == len(families) > 1
    assert "seed 3:" in browser.run("document.getElementById('tip').textContent")
    browser.run("document.querySelector('#plot circle.lit').dispatchEvent(new MouseEvent('mouseleave'))")
    assert browser.run("document.querySelectorAll('#plot .lit, #plot .join').length") == 0
    for mark in ("bar", "mean", "baseline"):
        assert browser.run(f"document.querySelectorAll('#plot .{mark}').length") == len(rows)
    assert browser.run("document.querySelectorAll('#plot .printed').length") == 5


def test_the_arrow_keys_go_along_a_row_in_the_order_of_position(browser: Browser, path: Path) -> None:
    browser.show(path, 1200, 900)
    browser.run("document.querySelector('#plot circle[tabindex=\"0\"]').focus()")
    across = []
    for _ in range(10):
        across.append(browser.run("Number(document.activeElement.getAttribute('cx'))"))
        browser.press("ArrowRight")
    assert across == sorted(across) and len(set(across)) > 8
    seed = browser.run("document.activeElement.dataset.seed")
    browser.press("ArrowDown")
    assert browser.run("document.activeElement.dataset.seed") == seed


# ------------------------------------------------------------------------------------------------- everyone, everywhere
def test_the_whole_page_can_be_used_by_keyboard_alone(browser: Browser, path: Path) -> None:
    """Tab reaches every control that is shown, in the order of the page, and what it reaches is marked."""
    browser.show(path, 1200, 900)
    browser.until("document.querySelectorAll('.factor').length == 5")
    wanted = browser.run("[...document.querySelectorAll('a, button, select, input, summary, [tabindex=\"0\"]')]"
                         ".filter(e => e.checkVisibility()).length")  # fmt: skip
    reached: list[str] = []
    for _ in range(wanted + 5):
        browser.press("Tab")
        reached.append(
            browser.run("(() => { const e = document.activeElement; e.id ||= `e${Math.random()}`; return e.id; })()")
        )
        if reached.count(reached[0]) > 1 or browser.run("document.activeElement === document.body"):
            break
    assert len(set(reached)) >= wanted, (len(set(reached)), wanted)
    assert browser.run("document.querySelector('.skip').getAttribute('href')") == "#play"


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_is_cut_at_any_width(browser: Browser, path: Path, width: int) -> None:
    browser.show(path, width, 800)
    browser.until("document.querySelectorAll('.factor').length == 5")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.until("document.querySelector('#C11 .dots circle') !== null")
    assert browser.run("document.documentElement.scrollWidth") <= width
    outside = f"""[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && e.checkVisibility()
        && (e.getBoundingClientRect().right > {width} + 1 || e.getBoundingClientRect().left < -1))
        .map(e => `${{e.tagName}} ${{e.className.baseVal ?? e.className}} ${{e.textContent.slice(0, 40)}}`)"""
    assert browser.run(outside) == []
    assert browser.complaints() == [] and browser.requests() <= {"file", "data", "blob", "about"}


def test_the_answer_stands_above_the_fold(browser: Browser, path: Path) -> None:
    browser.show(path, 1280, 800)
    assert browser.run("document.querySelector('.answers').getBoundingClientRect().bottom") < 800
    browser.show(path, 360, 780)
    assert browser.run("document.querySelector('.gains').getBoundingClientRect().bottom") < 780


def test_without_javascript_there_is_something_to_see(browser: Browser, path: Path) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.call("Page.navigate", url=path.as_uri())
    browser.wait_for(lambda message: message.get("method") == "Page.loadEventFired")
    text = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
    shown = browser.call("Accessibility.getFullAXTree")["nodes"]
    images = [n["name"]["value"] for n in shown if n.get("role", {}).get("value") == "image" and n.get("name")]
    assert sum("ten values from left to right" in name for name in images) == 9
    assert len(base64.b64decode(text["data"])) > 10_000
    browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_it_prints_on_few_pages_with_its_checks_unfolded(browser: Browser, path: Path) -> None:
    browser.show(path, 1280, 900)
    browser.until("document.querySelectorAll('.factor').length == 5")
    pdf = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    pages = pdf.count(b"/Type /Page\n") or pdf.count(b"/Type/Page\n") or pdf.count(b"/Type /Page")
    assert 3 <= pages <= 16
    assert not browser.run("document.getElementById('C4').open")  # as it was before


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        (360, False),
        (1280, True),
        *(pytest.param(*case, marks=pytest.mark.long) for case in [(360, True), (1280, False)]),
    ],
)
def test_axe_finds_nothing(browser: Browser, path: Path, width: int, dark: bool) -> None:
    """axe-core's rules of WCAG 2 and its best practices, with everything unfolded."""
    if not AXE.exists() and not DEMANDED:
        pytest.skip("no axe-core: `make axe` (npm brings it)")
    browser.show(path, width, 900, dark)
    browser.until("document.querySelectorAll('.factor').length == 5")
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    browser.until("document.querySelector('#C11 .dots circle') !== null")
    for theme in ("dark", "light") if dark else ("light",):
        if theme == "light" and dark:  # by the button, against the system's own
            browser.run("document.getElementById('theme').click()")
        browser.call("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
        found = browser.run("""axe.run(document, {resultTypes: ["violations"]}).then(result => result.violations.map(
            v => `${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + n.failureSummary).join('; ')}`))""")
        assert found == []


def test_the_theme_can_be_turned(browser: Browser, path: Path) -> None:
    for dark in (False, True):
        browser.show(path, 1280, 800, dark)
        grey = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)[0]"
        before = browser.run(grey)
        browser.run("document.getElementById('theme').click()")
        assert (before < 128) == dark and (browser.run(grey) < 128) != dark


def test_the_page_names_the_data_and_is_small(path: Path, shipped: Config) -> None:
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 8_000_000
    for name in ("dsprites", "digits", "faces"):
        assert page.data_note(Results(shipped, "desk", PUBLISHED), name).split(":")[0] in text
        assert dataset_row(name).title in text
