"""Time the review's code and InfoMEC's beside us, on the same codes, and compare the values.

    python benchmarks/metrics_peers.py --python PEERS/bin/python --review FOLDER --infomec FOLDER

They are no packages and need older libraries, so they run in an environment of their own:

    python3.11 -m venv PEERS
    PEERS/bin/pip install "numpy<2" "scipy<1.12" "scikit-learn==1.3.2" pyitlib

FOLDER is a checkout of ubisoft/ubisoft-laforge-disentanglement-metrics (commit 05d5667) or of
kylehkhsu/latent_quantization (commit 9a420a3); either may be left out. Codes are 10 000 points of dSprites' five
factors, mixed with noise, as in `metrics.py`. Prints CPU seconds of one run each, on one thread; the difference is that
of the two values, which for what draws at random (marked so) is that of two draws.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np

REVIEW = ("mig", "mig_sup", "dcimig", "jemmig", "modularity", "irs", "explicitness", "sap", "dci")
DRAWN = ("z_diff", "z_min_var", "z_max_var")
SIZES: dict[str, Any] = {"nb_training": 800, "nb_eval": 800}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, required=True, help="of the environment of the other codes")
    parser.add_argument("--review", type=Path, help="checkout of the review's code")
    parser.add_argument("--infomec", type=Path, help="checkout of InfoMEC's code")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codes.npz"
        ours = own_scores(path)
        places = [str(place.absolute()) if place else "" for place in (asked.review, asked.infomec)]
        one_thread = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ""}
        words = [str(asked.python), __file__, "--there", str(path), *places]
        told = subprocess.run(words, env=one_thread, check=True, capture_output=True, text=True).stdout
    print(f"{'':26}{'theirs s':>10}{'ours s':>10}{'ratio':>8}{'difference':>12}")
    for name, (seconds, value) in json.loads(told.splitlines()[-1]).items():
        here, own = ours[name]
        drawn = "  (random)" if name in DRAWN else ""
        print(f"{name:26}{seconds:10.3f}{here:10.4f}{seconds / here:7.1f}x{abs(value - own):12.1e}{drawn}")


def timed(work: Any) -> tuple[float, float]:
    """CPU seconds and the score."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = time.process_time()
        value = float(work())
    return time.process_time() - start, value


def own_scores(path: Path) -> dict[str, tuple[float, float]]:
    """Seconds and score of ours, by the other code's name; the codes go to `path`."""
    from threadpoolctl import threadpool_limits

    from idgan_sc.metrics import carbonneau_dci, infomec, mcc, scoring, z_diff, z_min_var
    from idgan_sc.metrics.information import unit_binned
    from metrics import TRAIN, Data

    data = Data(np.random.default_rng(0))
    codes, classes = data.train
    np.savez(path, codes=codes, classes=classes, values=data.values[:TRAIN])

    def review(name: str) -> Any:
        def work() -> float:
            evaluation = scoring.carbonneau_evaluation(
                codes, classes, data.values[:TRAIN], rng=np.random.default_rng(0)
            )
            return scoring.CARBONNEAU_METRICS[name](evaluation)

        return work

    mcc.assignment(np.eye(2))  # loads SciPy, which is no part of a score
    calls = {name: review(name) for name in REVIEW}
    calls["dci"] = lambda: carbonneau_dci.stopped_disentanglement_score(
        carbonneau_dci.lasso_fitted(codes, data.values[:TRAIN]).importance
    )
    rng = np.random.default_rng(0)
    calls["z_diff"] = lambda: z_diff.z_diff_score(codes, classes, rng, train=800, test=800)
    calls["z_min_var"] = lambda: z_min_var.z_min_var_score(codes, classes, rng, threshold=0.05)
    three = np.stack([unit_binned(column, 3) for column in data.values[:TRAIN].T], axis=1)
    calls["z_max_var"] = lambda: z_min_var.z_max_var_score(codes, three, rng, threshold=0.05)
    noise = np.random.RandomState(0)
    calls["infom and infoc"] = lambda: infomec.infom_score(codes, classes, noise)
    calls["infoe"] = lambda: infomec.infoe_score(codes, classes)
    with threadpool_limits(1):
        return {name: timed(work) for name, work in calls.items()}


# ---- in the other environment


def there(path: str, review: str, infomec: str) -> None:
    """Print seconds and score of each of the other codes' scores as JSON."""
    with np.load(path) as stored:
        codes, classes, values = stored["codes"], stored["classes"], stored["values"]
    found = {}
    if review:
        sys.path[:0] = [f"{review}/src", f"{review}/src/metrics"]
        for module in ("matplotlib", "matplotlib.pyplot"):  # of its pictures
            sys.modules.setdefault(module, MagicMock())
        for name in REVIEW:
            own = getattr(__import__(name), name)
            of_values = {"continuous_factors": True} if name in ("sap", "dci") else {"continuous_factors": False}
            factors = values if name in ("sap", "dci") else classes
            found[name] = timed(lambda own=own, f=factors, o=of_values: np.ravel(own(f, codes, **o))[0])
        for name in DRAWN:
            own = getattr(__import__(name), name)
            factors, kind = (values, True) if name == "z_max_var" else (classes, False)
            found[name] = timed(lambda own=own, f=factors, k=kind: own(f, codes, k, **SIZES))
    if infomec:
        sys.path.insert(0, f"{infomec}/disentangle/metrics")
        import infomec as theirs
        from joblib import parallel_backend

        with parallel_backend("threading", n_jobs=1):  # it asks for every core
            found["infom and infoc"] = timed(lambda: infom_of(theirs.compute_nmi(classes, codes, False)))
            found["infoe"] = timed(lambda: theirs.compute_infoe(classes, codes, False))
    print(json.dumps(found))


def infom_of(shares: np.ndarray) -> float:
    """InfoM of NMI (K, D), all codes active."""
    k = len(shares)
    return float((np.mean(shares.max(axis=0) / shares.sum(axis=0)) - 1 / k) / (1 - 1 / k))


if __name__ == "__main__":
    there(*sys.argv[2:]) if sys.argv[1:2] == ["--there"] else main()
