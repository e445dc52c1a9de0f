"""Score what a pilot's trainings kept along the way, as Figure 3's points are, and append the rows to a table.

    python results/desk/pilot/points.py FOLDER... --to results/desk/pilot/grid.csv

FOLDER is a finished run, `<root>/runs/<dataset>/<system>/<variant>/<seed>`, its images in `<root>/data`. Rows that
the table has of it are replaced. What else its settings are stands in its training's record, in `logs`.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.data.images import Images, open_images
from idgan_sc.evaluation.generators.drawing import draw_codes
from idgan_sc.evaluation.model import Model
from idgan_sc.evaluation.scorer import draw, scores_of
from idgan_sc.files import read_arrays
from idgan_sc.models import GAN
from idgan_sc.records.record import read_record
from idgan_sc.seeds import torch_stream
from idgan_sc.training.pool import pool_indices

KEY = ["dataset", "system", "variant", "seed"]
SETTINGS = ["beta", "lr_generator", "lr_discriminator", "generator_steps", "pairs", "lambda_info", "alpha"]


def code_change(folder: Path, images: Images, preset: str) -> str:
    """Pixels that each code changes in G's images: the most that an image of a sweep differs from the sweep's first.

    The mean over 256 codes as in training, each with noise of its own; empty for a VAE.
    """
    model = Model(folder)
    if not isinstance(model.method, GAN):
        return ""
    rng = torch_stream(0, "pilot/codes")
    codes = draw_codes(model.method, images, preset, 256, rng).numpy()
    noise = model.noise(len(codes), rng)
    swept = (model.traverse(codes, k, noise=noise) for k in range(codes.shape[1]))
    change = [np.abs(x - x[:, :1]).sum(axis=(2, 3, 4)).max(axis=1).mean() for x in swept]
    return " ".join(f"{pixels:.0f}" for pixels in change)


def points(config: Config, folder: Path, variant: str | None) -> pd.DataFrame:
    """A row a kept step: FactorVAE score, mean and range over the preset's evaluation draws; SD of every code.

    The last step's row has what each code changes in G's images too.
    """
    record = read_record(folder)
    run = Run(record["preset"], record["dataset"], record["system"], record["variant"], record["seed"])
    sizes = configuration.evaluation(config, run.preset, run.dataset)
    images = open_images(folder.parents[4] / "data" / run.dataset)
    indices = pool_indices(images, run.preset, sizes["pool"])
    draws = [draw(images, indices, run.preset, sizes, number) for number in range(sizes["draws"])]
    curve = read_arrays(folder / "curve.npz", "train it")
    rows = []
    for step, codes in zip(curve["steps"], curve["codes"], strict=True):
        found = [
            scores_of(images, indices, run.preset, codes, chosen, ["factor_vae"])["factor_vae"] for chosen in draws
        ]
        score = pd.Series(found)
        about = dict(zip(KEY, (run.dataset, run.system, variant or run.variant, run.seed), strict=True))
        about |= {"codes": codes.shape[1]} | {key: record["settings"].get(key) for key in SETTINGS}
        measured = {
            "processor": record["processor"],
            "step": int(step),
            "mean": score.mean(),
            "lowest": score.min(),
            "highest": score.max(),
        }
        rows.append(about | measured | {"code_sd": " ".join(f"{sd:.2f}" for sd in codes.std(0))})
    rows[-1]["code_change"] = code_change(folder, images, run.preset)
    return pd.DataFrame(rows).round({"mean": 3, "lowest": 3, "highest": 3})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--to", type=Path, required=True, help="the table to add to")
    parser.add_argument("--config", default="config.yaml", help="where the evaluation's sizes are read")
    parser.add_argument("--variant", help="what to call the trainings, where a pilot's config.yaml differs in a key")
    args = parser.parse_args()
    config = configuration.load(args.config)
    for folder in args.folders:
        new = points(config, folder.absolute(), args.variant)
        table = pd.read_csv(args.to) if args.to.exists() else new[:0]
        mine = (table[KEY] == new[KEY].iloc[0].to_numpy()).all(axis=1)
        pd.concat([table[~mine], new]).sort_values([*KEY, "step"]).to_csv(args.to, index=False)
        print(new.to_string(index=False))


if __name__ == "__main__":
    main()
