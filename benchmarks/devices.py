"""Whether trainings on a GPU end where a processor's do: scores and losses of the same runs, trained on either.

    idgan-sc train --preset desk --system beta_vae --seeds 0-7 --out results/gpu    # likewise the others; encode, score
    python benchmarks/devices.py results/desk/published results/gpu --to benchmarks/devices.csv

The same seed is another training on another device: rounding differs, and a GAN amplifies it. So what is compared is
the mean over seeds, by Welch's t test. A score is FactorVAE's at the end of the run's curve, mean over its draws; a
loss is the mean over the last quarter of the log.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from idgan_sc.records.record import read_record
from idgan_sc.report import statistics

# Stage A of InfoGAN has a curve only where it was scored; else the curve of InfoGAN's stage B begins with it.
SYSTEMS = {"beta_vae": None, "factor_vae": None, "infogan_stage_a": "infogan"}
LOSSES = ("reconstruction", "total_correlation", "loss_info", "loss_d", "loss_g")


def scores(root: Path, system: str, seed: int) -> dict[str, float]:
    """FactorVAE scores at the end of a training, by code."""
    curve, at = root / "runs/dsprites" / system / "main" / str(seed) / "curve.csv", "max"
    after = SYSTEMS[system]
    if not curve.exists() and after:
        curve, at = root / "runs/dsprites" / after / "main" / str(seed) / "curve.csv", "min"
    found = pd.read_csv(curve)
    end = found[(found["step"] == found["step"].agg(at)) & (found["metric"] == "factor_vae")]
    return {f"FactorVAE score, {code}": draws.mean() for code, draws in end.groupby("code")["value"]}


def measure(root: Path) -> Iterator[dict[str, object]]:
    """Scores and losses of every run below `root` that is looked at."""
    for system in SYSTEMS:
        for folder in sorted((root / "runs/dsprites" / system / "main").glob("*"), key=lambda found: int(found.name)):
            record, log = read_record(folder), pd.read_csv(folder / "log.csv")
            values = scores(root, system, record["seed"])
            last = log[log["step"] > 0.75 * log["step"].max()]
            values |= {name: last[name].mean() for name in LOSSES if name in log}
            for name, value in values.items():
                yield {
                    "system": system,
                    "measure": name,
                    "device": record.get("gpu") or record["processor"],
                    "stacked": len(record["seeds"]),
                    "seed": record["seed"],
                    "value": value,
                }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roots", type=Path, nargs=2, help="results of the first and of the second device")
    parser.add_argument("--to", type=Path, required=True, help="the table to write")
    args = parser.parse_args()
    first, second = (pd.DataFrame(measure(root)) for root in args.roots)
    pd.concat([first, second]).to_csv(args.to, index=False, float_format="%.4f")
    for (system, name), a in second.groupby(["system", "measure"], sort=False):
        b = first[(first["system"] == system) & (first["measure"] == name)]
        found = statistics.welch(a["value"], b["value"])
        print(
            f"{system:16}{name:30}n {len(b)} {b['value'].mean():8.4f} ± {b['value'].std():.4f}    "
            f"n {len(a)} {a['value'].mean():8.4f} ± {a['value'].std():.4f}    {found.difference:+.4f} "
            f"[{found.low:+.4f}, {found.high:+.4f}]"
        )


if __name__ == "__main__":
    main()
