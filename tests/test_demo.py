"""`idgan-sc demo` trains a small system and says what it learned."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from idgan_sc.cli import main
from idgan_sc.config import Config


def test_demo_says_what_the_files_say_and_draws_it(
    config: Config, write_config: Callable[[Config], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = config["presets"]["demo"]
    preset["families"]["vae"] |= {"steps": 30, "log_every": 10}
    preset["datasets"]["faces"]["n"] = 400
    preset["evaluation"] = {"pool": 400, "std": 200, "points": 200, "groups": 60, "group_size": 10, "draws": 1}
    main(["--config", str(write_config(config)), "demo", "--out", str(tmp_path / "demo")])
    said = capsys.readouterr().out
    folder = tmp_path / "demo/runs/faces/beta_vae/main/0"
    table = pd.read_csv(folder / "association.csv").query("code == 'vae_mean'")
    for name, rows in table.groupby("factor"):
        best = rows.loc[rows["value"].idxmax()]
        assert re.search(rf"{name} +code {best['dimension']} +{best['value']:.0%}", said), said
    scores = pd.read_csv(folder / "scores.csv").query("code == 'vae_mean'").set_index("metric")["value"]
    found = re.search(r"FactorVAE +(\S+) +before (\S+)", said)
    assert found and float(found[1]) == pytest.approx(scores["factor_vae"], abs=0.005) and 0 < float(found[2]) < 1
    picture = np.asarray(Image.open(tmp_path / "demo/demo.png").convert("RGB"))
    assert str(tmp_path / "demo/demo.png") in said and len(np.unique(picture.reshape(-1, 3), axis=0)) > 100
