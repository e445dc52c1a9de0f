# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Train InfoGAN-CR on your images and look inside
#
# This notebook needs the whole environment (`make env`). It draws a folder of images in place of yours, trains
# InfoGAN-CR on them for a few steps, and shows what each code does. A few steps teach it little: for a real model use
# `--preset paper`, or raise the steps in `config.yaml`.
#
# First the images: a bright square on grey, at a random place and of a random size, with a table of these factors.

# %%
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "config.yaml").exists())
work = Path(tempfile.mkdtemp())
shutil.copy(root / "config.yaml", work)
(work / "images").mkdir()

rng = np.random.default_rng(0)
lines = ["file,size,x,y"]
for number in range(600):
    size, x, y = rng.integers(0, 3), rng.integers(0, 5), rng.integers(0, 5)
    picture = np.full((64, 64, 3), 60, np.uint8)
    half = 5 + 3 * size
    picture[12 + 10 * y - half : 12 + 10 * y + half, 12 + 10 * x - half : 12 + 10 * x + half] = (230, 180, 90)
    Image.fromarray(picture).save(work / f"images/{number:03d}.png")
    lines.append(f"{number:03d}.png,{size},{x},{y}")
_ = (work / "factors.csv").write_text("\n".join(lines) + "\n")

# %% [markdown]
# Four commands: read the images, train (InfoGAN first, then InfoGAN-CR from it), turn images into codes, score them.


# %%
def command(*words: str) -> str:
    """Run one command in the work folder; its output."""
    done = subprocess.run([sys.executable, "-m", "idgan_sc", *words], cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


run = ["--preset", "test", "--dataset", "own", "--out", "results", "--system", "infogan_cr"]
print(command("data", "--from-folder", "images", "--factors", "factors.csv", "--preset", "test", "--out", "results"))
for step in ("train", "encode", "score"):
    print(step, command(step, *run))

# %% [markdown]
# The run is a folder: weights, codes, scores, the log of the training, and a record of how it was made.

# %%
import pandas as pd

folder = work / "results/runs/own/infogan_cr/main/0"
print(sorted(path.name for path in folder.iterdir() if path.is_file()))
pd.read_csv(folder / "log.csv").tail(3)

# %%
pd.read_csv(folder / "scores.csv")[["code", "k", "metric", "value"]]

# %% [markdown]
# `load` gives the model in your own code. Each row below moves one code from low to high; the others stand still.

# %%
import matplotlib.pyplot as plt

import idgan_sc

model = idgan_sc.load(folder)
codes = np.zeros(model.settings["c_dim"])
rows = [model.traverse(codes, dimension=k) for k in range(model.settings["c_dim"])]
shown = np.concatenate([np.concatenate(list(row.transpose(0, 2, 3, 1)), axis=1) for row in rows], axis=0)
plt.figure(figsize=(8, 4))
plt.imshow(shown.squeeze())
plt.axis("off")
plt.show()
