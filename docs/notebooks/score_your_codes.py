# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---
# %% [markdown]
# # Score your own codes
#
# You have a model that turns each image into a few numbers, its *codes*. You know the true *factors* of some images:
# size, angle, position. This notebook asks how well the codes follow the factors. It needs no PyTorch.
#
# We make up 3 000 images with three factors, and two models. The first model gives each factor a code of its own,
# with some noise. The second mixes size and angle.

# %%
import numpy as np

rng = np.random.default_rng(0)
size, angle, shape = rng.integers(0, 6, 3000), rng.integers(0, 8, 3000), rng.integers(0, 3, 3000)
factors = {"size": size, "angle": angle, "shape": np.array(["disc", "square", "heart"])[shape]}

true = np.stack([size / 5, angle / 7, shape / 2], axis=1)
clear = true + 0.05 * rng.normal(size=true.shape)
mixed = clear @ np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])

# %% [markdown]
# One call gives the scores. Factors may be numbers or names; the result says what each was taken for.

# %%
from idgan_sc.metrics import score

print(score(clear, factors))

# %%
print(score(mixed, factors))

# %% [markdown]
# MIG, SAP and modularity fall, because no code stands for size alone any more. `explain` says what a score measures
# and what moves it.

# %%
from idgan_sc.metrics import explain

print(explain("mig"))

# %% [markdown]
# Is the difference more than chance? `compare` scores both models on the same random halves of the points and gives
# an interval of 95 % for each difference.

# %%
from idgan_sc.metrics import compare

print(compare(clear, mixed, factors, metrics=["mig", "sap", "modularity"], draws=30))

# %% [markdown]
# A score that cannot be computed is not left out in silence. It is listed with its reason.

# %%
print(score(clear, {"x": rng.normal(size=3000), "y": rng.normal(size=3000)}).refused)
