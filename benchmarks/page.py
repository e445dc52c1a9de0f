"""Images a second of the generators in the page, and seconds of a search of the true sprites, in headless Chromium.

    python benchmarks/page.py [--preset desk] [--to benchmarks/page.csv]

Each published generator draws batches of 4 images; the fastest batch counts, because other work on the machine only
ever slows one down, and the median says how much it did. No network, no GPU, one thread.
"""

import argparse
import base64
import html
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import Any

import pandas as pd

from idgan_sc import config
from idgan_sc.publish.interactive import interactive_generators
from idgan_sc.publish.page import TEMPLATES
from idgan_sc.records.machine import machine
from idgan_sc.records.results import Results

BATCH, BATCHES = 4, 120
RUN = """
{
  const rows = [];
  for (const g of JSON.parse(document.getElementById("generators").textContent)) {
    const bytes = Uint8Array.from(atob(g.weights), c => c.charCodeAt(0)), n = bytes.length / 2;
    const weights = Float32Array.from({length: n}, (_, i) => HALVES[bytes[i] | bytes[n + i] << 8]);
    const made = new Generator(g.layers, weights), codes = Float32Array.from(g.anchors[0]);
    const times = [];
    for (let batch = 0; batch < BATCHES; batch++) {
      const began = performance.now();
      for (let i = 0; i < BATCH; i++) { codes[0] = i / BATCH; made.draw(g.noise[0], codes); }
      times.push((performance.now() - began) / BATCH);
    }
    rows.push({dataset: g.dataset, system: g.system, times});
  }
  let began = performance.now();
  const sprites = new Sprites(32), built = performance.now() - began, times = [];
  const image = shrink(drawSprite(sprites.kinds[500], 10, 20), 32);
  for (let i = 0; i < 5; i++) {
    began = performance.now();
    sprites.nearest(image);
    times.push(performance.now() - began);
  }
  document.getElementById("result").textContent = JSON.stringify({rows, built, times});
}
"""


def measure(results: Results) -> pd.DataFrame:
    """A row a generator: images a second, of the fastest batch and of the median one; and rows of the search."""
    generators, left_out = interactive_generators(results)
    for sentence in left_out:
        print(f"left out: {sentence}")
    keys = ("dataset", "system", "layers", "anchors", "noise")
    data = json.dumps([{key: g[key] for key in keys} | {"weights": inflated(g["weights"])} for g in generators])
    parts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in ("generator.js", "sprites.js")]
    script = "\n".join([*parts, f"const BATCH = {BATCH}, BATCHES = {BATCHES};", RUN])
    page = f'<pre id="result"></pre><script type="application/json" id="generators">{data}</script>'
    found = in_chromium(f"{page}<script>{script}</script>")
    rows = [
        ("dsprites", "search of all true sprites", "s", *_best([time / 1000 for time in found["times"]])),
        ("dsprites", "before the first search", "s", *_best([found["built"] / 1000])),
    ]
    for row in found["rows"]:
        best, median = _best(row["times"])
        rows.append((row["dataset"], row["system"], "images/s", 1000 / best, 1000 / median))
    return pd.DataFrame(rows, columns=["dataset", "what", "unit", "best", "median"]).round(2)


def _best(times: list[float]) -> tuple[float, float]:
    return min(times), statistics.median(times)


def inflated(weights: str) -> str:
    """Packed weights without the compression, which a script undoes only while it waits."""
    return base64.b64encode(zlib.decompress(base64.b64decode(weights))).decode()


def in_chromium(text: str) -> dict[str, Any]:
    """What a page's script leaves in its element `result`."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.html"
        path.write_text(f"<!doctype html><meta charset=utf-8>{text}", encoding="utf-8")
        options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile")
        done = subprocess.run(
            [chromium, *options, "--dump-dom", path.as_uri()], capture_output=True, text=True, check=True
        )
    found = re.search(r'<pre id="result">(.+?)</pre>', done.stdout, re.S)
    if not found:
        raise SystemExit("Chromium ended before the measurement did")
    return dict(json.loads(html.unescape(found[1])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("--to", type=Path, default=Path("benchmarks/page.csv"))
    arguments = parser.parse_args()
    root = Path("results") / arguments.preset / "published"
    table = measure(Results(config.load("config.yaml"), arguments.preset, root))
    table.assign(processor=machine()["processor"]).to_csv(arguments.to, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
