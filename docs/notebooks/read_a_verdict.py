# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Read a verdict: from claim to seeds
#
# The paper's claim C4 says that IDGAN-SC without β-VAE reaches a FactorVAE score of about 0.90, that this is 0.10
# above InfoGAN, and that it lies above InfoGAN-CR. This notebook walks from the verdict down to the trainings behind
# it, and computes the interval again.

# %%
from pathlib import Path

import pandas as pd

root = next(folder for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "config.yaml").exists())
published = root / "results/desk/published"

claims = pd.read_csv(published / "claims.csv").set_index("claim")
claims.loc["C4", ["sentence", "verdict", "n", "yes", "no", "unclear"]]

# %% [markdown]
# A claim is a list of *checks*. Each has a rule that was fixed before the trainings were made, an estimate, an
# interval of 95 %, and an answer: yes, no, or unclear.

# %%
checks = pd.read_csv(published / "checks.csv")
checks[checks["claim"] == "C4"][["rule", "arm", "other", "value", "estimate", "low", "high", "answer", "reason"]]

# %% [markdown]
# Behind "IDGAN-SC less InfoGAN" are ten seeds. For each seed both systems go on from the same InfoGAN, so the seed's
# two scores are a pair. A point of the curve is the mean over ten draws of the evaluation.

# %%
curves = pd.read_csv(published / "curves.csv")
arms = ["infogan", "idgan_sc_prior"]
chosen = curves[(curves["variant"] == "main") & curves["system"].isin(arms) & (curves["dataset"] == "dsprites")]
last = chosen[chosen["step"] == chosen.groupby(["system", "seed"])["step"].transform("max")]
ends = last.groupby(["seed", "system"])["value"].mean().unstack()
ends["difference"] = ends["idgan_sc_prior"] - ends["infogan"]
ends.round(3)

# %% [markdown]
# A paired t interval of these ten differences is the one in the table of checks.

# %%
from scipy import stats

differences = ends["difference"].to_numpy()
interval = stats.ttest_1samp(differences, 0).confidence_interval(0.95)
print(f"{differences.mean():.3f} [{interval.low:.3f}, {interval.high:.3f}]")

row = checks[(checks["claim"] == "C4") & (checks["rule"] == "difference")].iloc[0]
assert abs(row["estimate"] - differences.mean()) < 1e-9 and abs(row["low"] - interval.low) < 1e-9

# %% [markdown]
# So IDGAN-SC is above InfoGAN here, but by a third of the 0.10 that the paper says: the check "difference is 0.10,
# give or take 0.02" is a no. The check "is above" is unclear for another reason. The protocol plans 40 such tests,
# and tests them all together, so that one of them must be very clear to count.
#
# To train one of these runs again and compare it with its record:
#
# ```console
# idgan-sc verify --preset desk dsprites/idgan_sc_prior/main/0
# ```
