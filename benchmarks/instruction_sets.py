"""How far the same seed's training drifts under another instruction set, beside how far another seed is.

    OMP_NUM_THREADS=1 python benchmarks/instruction_sets.py [--systems …] [--steps 600] [--seeds 0 1] [--work FOLDER]

The libraries can be told to use an older instruction set than the processor has, so that one machine computes as four
kinds do (`SETS`). Every system is trained by every set on the first seed, and by the first set on the others, at the
settings of preset `desk` on dSprites, cut to the first steps (the arm with a pair network, a stage B, to a third of
them: it continues the first set's stage A), each in a process of its own on one thread. Desk's published logs of the
same trainings are compared too: seed 0's is of an AMD EPYC, the others' of an Intel Xeon.

Writes `instruction_sets.csv` beside this file, a row for a pair of trainings and a step; rows of other processors and
systems stay. `processor`: what trained here. `kind`: `set` for one seed
under two sets or beside its published log, `seed` for two seeds. `share`, `size`, `where`: the largest deviation of a
column of the log up to that step as `idgan_sc.records.agreement` measures it, of which `prove` and `verify` accept
SHARE. `codes`: the root mean square of the difference of the codes of 2 000 images, over their standard deviation.
A finished training in FOLDER is not made again, and FOLDER is kept if it is named.
"""

import argparse
import copy
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from idgan_sc import config as configuration
from idgan_sc.config import Config, Run
from idgan_sc.records.agreement import Arrays, common_rows, largest
from idgan_sc.records.machine import machine

ROOT = Path(__file__).parents[1]
STAGE_A, STAGE_B = "infogan_stage_a", "idgan_sc_prior"
SYSTEMS = ("beta_vae", "factor_vae", STAGE_A, STAGE_B)
# PyTorch's own kernels, oneDNN's convolutions, MKL's matrix products, and OpenBLAS under NumPy.
SETS = {
    "AVX512": {},
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell",
    },
    "AVX": {  # no fused multiply-add
        "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "AVX",
        "MKL_ENABLE_INSTRUCTIONS": "AVX", "OPENBLAS_CORETYPE": "Sandybridge",
    },
    "SSE": {
        "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OPENBLAS_CORETYPE": "Nehalem",
    },
}  # fmt: skip
FIRST = next(iter(SETS))
PUBLISHED, TABLE = ROOT / "results/desk/published", ROOT / "benchmarks/instruction_sets.csv"
EVERY, LOGGED, POOL = 100, 20, 2000  # steps a row of desk's logs; steps a row here; images encoded


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS)
    parser.add_argument("--steps", type=int, default=600, help="of every training, a multiple of 100 (default: 600)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--work", type=Path, help="folder to train in (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        config = _cut(configuration.load(ROOT / "config.yaml"), args.systems, args.steps)
        path = work / "config.yaml"
        path.write_text(yaml.safe_dump(configuration.without_factorial(config), sort_keys=False), encoding="utf-8")
        for name, seed, system in itertools.product(SETS, args.seeds, args.systems):
            if name == FIRST or seed == args.seeds[0]:
                _train(path, work, name, system, seed)
        here = machine()["processor"]
        rows = [{"processor": here} | row for system in args.systems for row in _compared(work, system)]
    before = pd.read_csv(TABLE)
    kept = before[(before["processor"] != here) | ~before["system"].isin(args.systems)]
    table = pd.concat([kept, pd.DataFrame(rows)]).sort_values(["processor", "system"], kind="stable")
    table.to_csv(TABLE, index=False, float_format="%.3g")


def _cut(config: Config, systems: Sequence[str], steps: int) -> Config:
    """Preset desk with the first steps of every training, finer rows of the log, codes at every 100 steps."""
    changed = copy.deepcopy(config)
    row = changed["presets"]["desk"]
    row["evaluation"] |= {"pool": POOL, "std": 1000, "points": 1000}
    for system in systems:
        own = steps // 3 // EVERY * EVERY if system == STAGE_B else steps
        cut = {"steps": own, "log_every": LOGGED, "curve_points": own // EVERY + 1}
        row["systems"][system] = row["systems"].get(system, {}) | cut
    return changed


def _train(config: Path, work: Path, name: str, system: str, seed: int) -> None:
    root, first = work / name, work / FIRST
    place = ["--preset", "desk", "--dataset", "dsprites", "--out"]
    call = [sys.executable, "-m", "idgan_sc", "--config", str(config)]
    words = ["train", *place, str(root), "--system", system, "--seed", str(seed)]
    if system == STAGE_B:
        words += ["--from", str(_folder(first, STAGE_A, seed))]
    if root != first and not (root / "data").exists():  # the images are the same
        root.mkdir(exist_ok=True)
        (root / "data").symlink_to((first / "data").absolute())
    environment = os.environ | SETS[name] | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([*call, *words], env=environment, check=True)


def _folder(root: Path, system: str, seed: int) -> Path:
    return root / Run("desk", "dsprites", system, "main", seed).path


def _compared(work: Path, system: str) -> Iterator[dict[str, object]]:
    found = {(name, seed): _folder(work / name, system, seed) for name, seed in itertools.product(SETS, range(10))}
    found = {key: folder for key, folder in found.items() if (folder / "record.json").exists()}
    logs = {key: _rows(folder / "log.csv") for key, folder in found.items()}
    codes = {key: _codes(folder / "curve.npz") for key, folder in found.items()}
    last = int(logs[next(iter(logs))]["step"][-1])
    if system != STAGE_B:  # those began from a whole stage A
        logs |= {("published", seed): _rows(_folder(PUBLISHED, system, seed) / "log.csv") for seed in range(10)}
    for (a, seed), (b, other) in itertools.combinations(logs, 2):
        if a != b and seed != other:
            continue
        for step in range(EVERY, last + 1, EVERY):
            deviation = largest(*common_rows(logs[a, seed], logs[b, other], step))
            yield {
                "system": system, "kind": "set" if seed == other else "seed",
                "one": f"{a}, seed {seed}", "other": f"{b}, seed {other}", "step": step,
                "share": deviation.share, "size": deviation.size, "where": deviation.where.removeprefix("in "),
                "codes": _apart(codes.get((a, seed)), codes.get((b, other)), step),
            }  # fmt: skip


def _rows(path: Path) -> Arrays:
    """Means of a log's columns over every 100 steps, as desk's logs have them."""
    log = pd.read_csv(path)
    log["step"] = -(-log["step"] // EVERY) * EVERY
    return {str(name): values.to_numpy() for name, values in log.groupby("step", as_index=False).mean().items()}


def _codes(path: Path) -> dict[int, np.ndarray]:
    with np.load(path) as arrays:
        return dict(zip(arrays["steps"].tolist(), arrays["codes"].astype(float), strict=True))


def _apart(one: dict[int, np.ndarray] | None, other: dict[int, np.ndarray] | None, step: int) -> float:
    """How far codes are from others after a step, in standard deviations; nothing where either was not kept."""
    if not one or not other:
        return np.nan
    return float(np.sqrt(((one[step] - other[step]) ** 2).mean()) / one[step].std(axis=0).mean())


if __name__ == "__main__":
    main()
