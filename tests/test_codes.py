"""Where codes come from, and which dimensions the two codes of a pair share."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats as sps
from torch import Tensor

from idgan_sc.config import Run, resolve
from idgan_sc.models import GAN, BetaVAE, build, codes
from idgan_sc.seeds import numpy_stream, torch_stream


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(3)


# ---------------------------------------------------------------------------------------------------------- streams
def test_streams_depend_on_seed_and_purpose_alone() -> None:
    draw = lambda seed, purpose: torch.rand(4, generator=torch_stream(seed, purpose)).tolist()  # noqa: E731
    assert draw(1, "noise") == draw(1, "noise")
    assert len({tuple(draw(seed, purpose)) for seed in (0, 1, 10**9) for purpose in ("noise", "pairs")}) == 6
    assert numpy_stream(1, "a").random() == numpy_stream(1, "a").random() != numpy_stream(1, "b").random()


# ----------------------------------------------------------------------------------------------------------- priors
def test_gaussian_prior_is_standard_normal(rng: torch.Generator) -> None:
    draws = codes.draw_prior((2000, 5), "gaussian", rng)
    assert sps.kstest(draws.flatten().numpy(), sps.norm.cdf).pvalue > 0.01
    assert np.abs(np.corrcoef(draws.T.numpy()) - np.eye(5)).max() < 0.1


def test_uniform_prior_fills_minus_one_to_one(rng: torch.Generator) -> None:
    draws = codes.draw_prior((2000, 5), "uniform", rng)
    assert sps.kstest(draws.flatten().numpy(), sps.uniform(-1, 2).cdf).pvalue > 0.01


def test_posterior_samples_have_its_mean_and_variance(rng: torch.Generator) -> None:
    mean, logvar = torch.tensor([[2.0, -1.0]]).expand(20000, 2), torch.tensor([[0.0, -4.0]]).expand(20000, 2)
    draws = codes.sample_posterior(mean, logvar, rng)
    torch.testing.assert_close(draws.mean(0), torch.tensor([2.0, -1.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(draws.std(0), torch.tensor([1.0, np.exp(-2.0)]), atol=0.02, rtol=0, check_dtype=False)


# ------------------------------------------------------------------------------------------------------------ pairs
@pytest.mark.parametrize(("m", "k"), [(384, 5), (384, 10), (768, 20), (7, 5)])
def test_classes_are_balanced_and_in_random_order(m: int, k: int, rng: torch.Generator) -> None:
    s = codes.balanced_classes(m, torch.arange(k), rng)
    counts = torch.bincount(s, minlength=k)
    assert counts.sum() == m and counts.max() - counts.min() <= 1
    assert s.tolist() != codes.balanced_classes(m, torch.arange(k), rng).tolist()


def test_classes_come_from_the_given_dimensions_only(rng: torch.Generator) -> None:
    s = codes.balanced_classes(60, torch.tensor([1, 4, 7]), rng)
    assert torch.bincount(s).tolist() == [0, 20, 0, 0, 20, 0, 0, 20]


@pytest.mark.parametrize(("m", "batch"), [(384, 64), (64, 64), (20, 8), (10, 64), (6, 2)])
def test_another_of_batch_is_always_the_row_of_another_image(m: int, batch: int, rng: torch.Generator) -> None:
    image = torch.arange(m) % batch
    for _ in range(20):
        other = codes.another_of_batch(image, batch, rng)
        assert (other != image).all() and other.max() < batch


def test_another_of_batch_reaches_every_other_image_equally_often(rng: torch.Generator) -> None:
    image = torch.arange(4000) % 4
    table = torch.zeros(4, 4)
    table.index_put_((image, codes.another_of_batch(image, 4, rng)), torch.tensor(1.0), accumulate=True)
    assert (table.diagonal() == 0).all()
    assert sps.chisquare(table[~torch.eye(4, dtype=torch.bool)].numpy()).pvalue > 0.01


@pytest.mark.parametrize("rule", ["change_one", "keep_one"])
def test_a_pair_differs_in_the_dimensions_that_the_rule_names(rule: str, rng: torch.Generator) -> None:
    base, other = torch.randn((30, 5), generator=rng), torch.randn((30, 5), generator=rng)
    s = torch.arange(30) % 5
    second = codes.recombine(base, other, s, rule)
    for i in range(30):
        for j in range(5):
            new = (j == s[i]) if rule == "change_one" else (j != s[i])
            assert second[i, j] == (other if new else base)[i, j]


# ---------------------------------------------------------------------------------------- pairs as the systems draw
def gan(config: dict[str, Any], system: str, variant: str = "main", **changes: Any) -> GAN:
    settings = resolve(config, Run("test", "dsprites", system, variant, 0)) | changes
    vae = None
    if settings["code"] == "vae":
        vae = build(resolve(config, Run("test", "dsprites", "beta_vae", "main", 0)), 1, 0, "", "cpu")
        assert isinstance(vae, BetaVAE)
    method = build(settings, 1, 0, "scratch", "cpu", vae)
    assert isinstance(method, GAN)
    return method


def images(n: int = 4) -> Tensor:
    return torch.rand((n, 1, 32, 32), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("system", ["idgan_sc_prior", "infogan_cr"])
@pytest.mark.parametrize("prior", ["gaussian", "uniform"])
def test_prior_pairs_have_a_code_of_their_own_each(config: dict[str, Any], system: str, prior: str) -> None:
    method = gan(config, system, pairs=600, prior=prior)
    pairs = method.draw_pairs(images(), method.draw_codes(images()))
    changed = pairs.c1 != pairs.c2
    named = torch.nn.functional.one_hot(pairs.s, 5).bool()
    assert torch.equal(changed, named if system == "idgan_sc_prior" else ~named)
    law = sps.norm.cdf if prior == "gaussian" else sps.uniform(-1, 2).cdf
    for drawn in (pairs.c1.flatten(), pairs.c2[changed], pairs.z.flatten()):
        assert sps.kstest(drawn.numpy(), law).pvalue > 0.001
    assert len(pairs.c1.unique(dim=0)) == 600 and pairs.z.shape == (600, 5)


def test_bases_from_the_batch_are_its_codes_m_over_batch_times(config: dict[str, Any]) -> None:
    method = gan(config, "idgan_sc", pairs=12)
    c = method.draw_codes(images())
    pairs = method.draw_pairs(images(), c)
    torch.testing.assert_close(pairs.c1, c.repeat(3, 1), rtol=0, atol=0)


@pytest.mark.parametrize("bases", ["batch", "independent"])
@pytest.mark.parametrize("redraw", ["aggregate", "posterior", "prior"])
def test_the_new_value_comes_from_where_vae_redraw_says(config: dict[str, Any], bases: str, redraw: str) -> None:
    """A posterior without spread tells the sources apart: image b has each code at b, other numbers are the prior's."""
    method = gan(config, "idgan_sc", pairs=12, pair_bases=bases, vae_redraw=redraw)
    image = torch.arange(4.0)[:, None].expand(4, 10)
    method.posterior = lambda x: (image, torch.full((4, 10), -torch.inf))  # type: ignore[method-assign]
    pairs = method.draw_pairs(images(), method.draw_codes(images()))
    own = torch.arange(12) % 4
    assert torch.equal(pairs.c1, own[:, None].expand(12, 10).float())
    new = pairs.c2.gather(1, pairs.s[:, None]).squeeze(1)
    if redraw == "posterior":
        assert torch.equal(new, own.float())
    elif redraw == "aggregate":
        assert (new != own).all() and set(new.tolist()) <= {0.0, 1.0, 2.0, 3.0}
    else:
        assert not set(new.tolist()) & {0.0, 1.0, 2.0, 3.0} and new.abs().max() < 5


def test_fewer_pairs_than_images_of_the_batch_can_be_drawn(config: dict[str, Any]) -> None:
    method = gan(config, "idgan_sc", pairs=12, pair_bases="independent", batch=64)
    pairs = method.draw_pairs(images(64), method.draw_codes(images(64)))
    assert (pairs.c1 != pairs.c2).sum() == 12


def test_live_dimensions_alone_become_classes(config: dict[str, Any]) -> None:
    method = gan(config, "idgan_sc", "live_dims", pairs=12)
    method.dims = torch.tensor([2, 9])
    assert set(method.draw_pairs(images(), method.draw_codes(images())).s.tolist()) == {2, 9}


def test_codes_under_a_beta_vae_are_samples_of_the_batchs_posterior(config: dict[str, Any]) -> None:
    method = gan(config, "idgan_sc")
    mean, logvar = method.posterior(images())
    draws = torch.stack([method.draw_codes(images()) for _ in range(1000)])
    torch.testing.assert_close(draws.mean(0), mean, atol=0.16, rtol=0)
    torch.testing.assert_close(draws.std(0), (0.5 * logvar).exp(), atol=0.12, rtol=0)
