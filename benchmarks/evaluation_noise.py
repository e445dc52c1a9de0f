"""How much each score moves when only the evaluation images are drawn anew: SD over ten draws, one model a family.

    python benchmarks/evaluation_noise.py --preset desk --out results/desk --to results/desk/pilot/noise.csv

A difference between two models scored on different draws means something from about twice √2 times this SD on; the
tables score every model on the same draw, which removes most of it.
"""

import argparse
from pathlib import Path

import pandas as pd

from idgan_sc import config as configuration
from idgan_sc.config import Run
from idgan_sc.data.images import open_images
from idgan_sc.evaluation.scorer import draw, scores_of
from idgan_sc.files import read_arrays

METRICS = ["factor_vae", "factor_vae_revised", "beta_vae", "sap", "mig", "dci", "dci_lasso"]
SYSTEMS = ("beta_vae", "factor_vae", "infogan", "infogan_cr", "idgan_sc_prior", "idgan", "idgan_sc")


def noise(config: configuration.Config, run: Run, root: Path, draws: int) -> list[dict[str, object]]:
    """A row a metric: mean and SD over evaluation draws 0 to `draws` - 1 of one run's codes."""
    images = open_images(root / "data" / run.dataset)
    sizes = configuration.evaluation(config, run.preset)
    codes = read_arrays(root / run.path / "codes.npz", "run `idgan-sc encode`")
    indices = codes.pop("indices")
    name, array = next(iter(codes.items()))
    scored = pd.DataFrame(
        scores_of(images, indices, run.preset, array, draw(images, indices, run.preset, sizes, number), METRICS)
        for number in range(draws)
    )
    about = {"system": run.system, "variant": run.variant, "seed": run.seed, "code": name, "k": array.shape[1]}
    return [{**about, "metric": m, "mean": scored[m].mean(), "sd": scored[m].std(), "draws": draws} for m in METRICS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="desk")
    parser.add_argument("--out", type=Path, default=Path("results/desk"), help="the preset's results")
    parser.add_argument("--to", type=Path, required=True, help="the table to write")
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    config = configuration.load("config.yaml")
    seed = configuration.seeds_of(config, args.preset)[0]
    runs = [Run(args.preset, "dsprites", system, "main", seed) for system in SYSTEMS]
    rows = [row for run in runs for row in noise(config, run, args.out, args.draws)]
    table = pd.DataFrame(rows)
    table.to_csv(args.to, index=False, float_format="%.4f")
    print(table.pivot(index="metric", columns="system", values="sd").round(4).to_markdown())


if __name__ == "__main__":
    main()
