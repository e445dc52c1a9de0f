"""The networks: their sizes against the released codes, what they put out, how they start, spectral normalisation."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from idgan_sc.models import convolutions
from idgan_sc.models import networks as nets
from idgan_sc.seeds import torch_stream


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def started(network: nn.Module, seed: int = 0) -> nn.Module:
    nets.initialise(network, torch_stream(seed, "weights"), torch.device("cpu"))
    return network


def codes(k: int) -> Tensor:
    return torch.randn((3, k), generator=torch.Generator().manual_seed(k))


def images(size: int, channels: int = 1) -> Tensor:
    return torch.rand((3, channels, size, size), generator=torch.Generator().manual_seed(size))


# name, size -> network, its inputs, parameters, millions of multiply-adds an image, as counted in the released codes
COUNTED = {
    "G c5": (64, lambda: nets.Generator(64, 1, 5, 5), (5, 5), 251_393, 8.00),
    "G c10": (64, lambda: nets.Generator(64, 1, 10, 5), (5, 10), 252_033, 8.00),
    "D+Q k5": (64, lambda: nets.Discriminator(64, 1, 5), "x", 263_878, 8.01),
    "D+Q k10": (64, lambda: nets.Discriminator(64, 1, 10), "x", 264_523, 8.01),
    "H k5": (64, lambda: nets.PairNetwork(64, 1, 5, False, False), "xx", 247_749, 8.52),
    "H k10": (64, lambda: nets.PairNetwork(64, 1, 10, False, False), "xx", 248_394, 8.52),
    "E": (64, lambda: nets.PairNetwork(64, 1, 128, True, False), "xx", 263_616, 8.54),
    "G c5 at 32": (32, lambda: nets.Generator(32, 1, 5, 5), (5, 5), 234_913, 3.41),
    "D+Q k5 at 32": (32, lambda: nets.Discriminator(32, 1, 5), "x", 247_462, 3.43),
    "E at 32": (32, lambda: nets.PairNetwork(32, 1, 128, True, False), "xx", 247_200, 3.56),
    "β-VAE encoder": (64, lambda: nets.ConvEncoder(64, 1, 10), "x", 382_932, 8.13),
    "β-VAE decoder": (64, lambda: nets.ConvDecoder(64, 1, 10), (10,), 380_353, 8.13),
    "β-VAE encoder at 32": (32, lambda: nets.ConvEncoder(32, 1, 10), "x", 317_332, 1.97),
    "β-VAE decoder at 32": (32, lambda: nets.ConvDecoder(32, 1, 10), (10,), 314_753, 1.97),
    "InfoGAN's G at 28": (28, lambda: nets.Generator(28, 1, 10, 5), (5, 10), 6_592_065, 13.06),
    "D+Q at 28": (28, lambda: nets.Discriminator(28, 1, 10), "x", 6_689_355, 13.18),  # InfoGAN's, batch norm left out
    "E at 28": (28, lambda: nets.PairNetwork(28, 1, 128, True, False), "xx", 6_688_064, 13.38),
    "FactorVAE encoder": (64, lambda: nets.FactorEncoder(64, 1, 10), "x", 249_172, 8.00),
    "FactorVAE decoder": (64, lambda: nets.FactorDecoder(64, 1, 10), (10,), 248_833, 8.00),
    "TC critic": (64, lambda: nets.TotalCorrelationCritic(10), (10,), 4_017_002, 4.01),
    "colour β-VAE encoder": (64, lambda: nets.ConvEncoder(64, 3, 20), "xxx", 389_096, 9.19),
    "colour β-VAE decoder": (64, lambda: nets.ConvDecoder(64, 3, 20), (20,), 383_939, 9.18),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTED)
def test_parameters_and_multiply_adds_are_those_of_the_released_codes(name: str) -> None:
    size, make, inputs, expected, millions = COUNTED[name]
    network = make()
    if inputs == "xxx":
        given: tuple[Tensor, ...] = (images(size, 3),)
    else:
        given = tuple(images(size) for _ in inputs) if isinstance(inputs, str) else tuple(codes(k) for k in inputs)
    assert parameters(network) == expected
    rows = nets.shapes(network, *given)
    assert sum(row["parameters"] for row in rows) == expected
    assert sum(row["multiply_adds"] for row in rows) / 1e6 == pytest.approx(millions, abs=0.011)


def test_shapes_lists_the_layers_in_order_and_leaves_the_network_as_it_was() -> None:
    network = nets.Generator(32, 1, 5, 5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    rows = nets.shapes(network, codes(5), codes(5))
    convolutions = [row["shape"] for row in rows if row["kind"] == "Deconv2d"]
    assert convolutions == [[64, 8, 8], [32, 16, 16], [1, 32, 32]]
    assert rows[0] == {"name": "fc.0", "kind": "Linear", "shape": [128], "parameters": 1408, "multiply_adds": 1280}
    assert network.training and all(torch.equal(before[n], t) for n, t in network.state_dict().items())


# --------------------------------------------------------------------------------------------------- what comes out
@pytest.mark.parametrize("size", nets.SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_outputs_have_the_promised_shapes_and_ranges(size: int, channels: int) -> None:
    x = images(size, channels)
    drawn = started(nets.Generator(size, channels, 4, 6))(codes(6), codes(4))
    assert drawn.shape == x.shape and drawn.min() > 0 and drawn.max() < 1
    d, q = started(nets.Discriminator(size, channels, 4))(x)
    assert d.shape == (3,) and q.shape == (3, 4)
    assert nets.Discriminator(size, channels, 0)(x)[1] is None
    assert started(nets.PairNetwork(size, channels, 7, False, False))(x, x.flip(0)).shape == (3, 7)
    for encoder in (nets.ConvEncoder(size, channels, 4), nets.FactorEncoder(size, channels, 4)):
        assert [t.shape for t in started(encoder)(x)] == [(3, 4), (3, 4)]
    for decoder in (nets.ConvDecoder(size, channels, 4), nets.FactorDecoder(size, channels, 4)):
        assert started(decoder)(codes(4)).shape == x.shape
    assert started(nets.TotalCorrelationCritic(4))(codes(4)).shape == (3, 2)


@pytest.mark.parametrize(("size", "order"), [(28, ["BatchNorm2d", "ReLU"]), (32, ["LeakyReLU", "BatchNorm2d"])])
def test_the_generator_normalises_where_its_source_does(size: int, order: list[str]) -> None:
    """InfoGAN before the activation, InfoGAN-CR after it."""
    kinds = [type(module).__name__ for module in nets.Generator(size, 1, 5, 5).deconv]
    assert kinds[1:3] == order and kinds[-1] == "Deconv2d"


def test_r_is_a_unit_vector_and_depends_on_both_images_and_their_order() -> None:
    network, x = started(nets.PairNetwork(32, 1, 128, True, False)), images(32)
    r = network(x, x.flip(0))
    torch.testing.assert_close(r.norm(dim=1), torch.ones(3))
    assert not torch.allclose(r, network(x.flip(0), x)) and not torch.allclose(r, network(x, x))


def test_standardised_r_has_no_common_part() -> None:
    """At the start all r point the same way; standardised over the pairs, their sum before normalising is zero."""
    x = torch.rand((64, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    plain, standardised = (started(nets.PairNetwork(32, 1, 128, True, s)) for s in (False, True))
    assert plain(x, x.flip(0)).mean(0).norm() > 0.8 > 0.3 > standardised(x, x.flip(0)).mean(0).norm()
    assert parameters(plain) == parameters(standardised)


def test_the_generator_uses_both_noise_and_code() -> None:
    network = started(nets.Generator(32, 1, 5, 5))
    z, c = codes(5), codes(5).flip(0)
    assert not torch.equal(network(z, c), network(z.flip(0), c)) and not torch.equal(
        network(z, c), network(z, c.flip(0))
    )


# ------------------------------------------------------------------------------------------------------- first values
@pytest.mark.parametrize(
    "network", [nets.Discriminator(64, 1, 5), nets.Generator(64, 1, 5, 5), nets.ConvEncoder(64, 1, 10)]
)
def test_weights_start_at_n_0_002_and_biases_at_0(network: nn.Module) -> None:
    started(network)
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        assert module.bias is not None and (module.bias == 0).all()
        w = module.weight.detach()
        truncated = isinstance(module, convolutions.SNConv2d)
        assert (w.abs().max() <= 0.04) == (truncated or w.numel() < 100)
        spread = 0.02 * (0.8796 if truncated else 1)  # SD of a normal cut off at 2 SD
        assert w.std() == pytest.approx(spread, rel=4 / (2 * w.numel()) ** 0.5)
        assert w.mean() == pytest.approx(0, abs=4 * 0.02 / w.numel() ** 0.5)


def test_equal_streams_give_equal_weights_and_others_do_not() -> None:
    first, same, other = (started(nets.Discriminator(32, 1, 5), seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    random = [name for name in first if not name.endswith("bias") and first[name].numel() > 1]
    assert not any(torch.equal(first[name], other[name]) for name in random)


# --------------------------------------------------------------------------------------------- spectral normalisation
@pytest.mark.parametrize("network", [nets.Discriminator(32, 1, 5), nets.PairNetwork(32, 1, 128, True, False)])
def test_after_many_power_iterations_the_largest_singular_value_is_1(network: nn.Module) -> None:
    started(network)
    for _ in range(500):
        convolutions.power_iteration(network)
    layers = [
        module for module in network.modules() if isinstance(module, convolutions.SNConv2d | convolutions.SNLinear)
    ]
    assert len(layers) == (7 if isinstance(network, nets.Discriminator) else 4)
    for layer in layers:
        largest = torch.linalg.svdvals(layer.normalised().detach().flatten(1))[0]
        assert largest == pytest.approx(1, abs=2e-3)


def test_every_layer_of_d_and_q_is_normalised_and_the_last_of_e_is_not() -> None:
    plain = lambda network: [n for n, m in network.named_modules() if type(m) in (nn.Linear, nn.Conv2d)]  # noqa: E731
    assert plain(nets.Discriminator(64, 1, 5)) == []
    assert plain(nets.PairNetwork(64, 1, 128, True, False)) == ["out"]


def test_layers_compute_with_the_normalised_weight() -> None:
    conv, linear = convolutions.SNConv2d(2, 3), convolutions.SNLinear(8, 4)
    for layer in (conv, linear):
        layer.u.copy_(F.normalize(torch.ones_like(layer.u), dim=0))
        layer.power_iteration()
    x, h = torch.rand(2, 2, 8, 8), torch.rand(2, 8)
    sigma = [(m.u @ m.weight.flatten(1) @ m.v).item() for m in (conv, linear)]
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight / sigma[0], conv.bias, stride=2, padding=1))
    torch.testing.assert_close(linear(h), F.linear(h, linear.weight / sigma[1], linear.bias))


@pytest.mark.usefixtures("float64")
def test_u_and_v_are_constants_of_the_graph() -> None:
    """d(W/σ)/dW with σ = u'Wv and u, v held: for f = <A, W/σ>, grad f = A/σ - <A, W> u v' / σ²."""
    layer = started(convolutions.SNLinear(6, 4))
    assert isinstance(layer, convolutions.SNLinear) and not layer.u.requires_grad and not layer.v.requires_grad
    a = torch.randn((4, 6), generator=torch.Generator().manual_seed(0))
    (a * layer.normalised()).sum().backward()
    w = layer.weight.detach()
    sigma = layer.u @ w @ layer.v
    torch.testing.assert_close(layer.weight.grad, a / sigma - (a * w).sum() * torch.outer(layer.u, layer.v) / sigma**2)


def test_a_forward_pass_does_not_renew_the_singular_vectors() -> None:
    network = started(nets.Discriminator(32, 1, 5))
    before = {name: b.clone() for name, b in network.named_buffers()}
    network(images(32))
    assert before and all(torch.equal(before[name], b) for name, b in network.named_buffers())
    convolutions.power_iteration(network)
    # for D's single output one iteration is exact already
    assert not any(torch.equal(before[n], b) for n, b in network.named_buffers() if not n.startswith("d."))


@pytest.mark.parametrize("channels", [1, 2, 3, 8])
def test_convolutions_equal_the_library(channels: int) -> None:
    """Values and every gradient of our formulations, against PyTorch's own convolutions in double precision."""
    rng = torch.Generator().manual_seed(channels)
    image = torch.randn(5, channels, 16, 16, generator=rng, dtype=torch.double)
    weight = torch.randn(7, channels, 4, 4, generator=rng, dtype=torch.double)
    features = torch.randn(5, 7, 8, 8, generator=rng, dtype=torch.double)
    cases = [
        (
            convolutions._ThinConv.apply,
            torch.nn.functional.conv2d,
            image,
            torch.randn(7, generator=rng, dtype=torch.double),
        ),
        (
            convolutions._Deconv.apply,
            torch.nn.functional.conv_transpose2d,
            features,
            torch.randn(channels, generator=rng, dtype=torch.double),
        ),
    ]
    for ours, library, x, bias in cases:
        leaves = [tensor.clone().requires_grad_() for tensor in (x, weight, bias)]
        found, expected = ours(*leaves), library(*leaves, 2, 1)
        g = torch.randn(expected.shape, generator=rng, dtype=torch.double)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(torch.autograd.grad(found, leaves, g), torch.autograd.grad(expected, leaves, g))


@pytest.mark.parametrize("ours", [convolutions.WholeConv2d(6, 9, 4), convolutions.WholeDeconv2d(6, 9, 4)])
def test_whole_convolutions_equal_the_library(ours: convolutions.WholeConv2d | convolutions.WholeDeconv2d) -> None:
    ours = ours.double()
    down = isinstance(ours, convolutions.WholeConv2d)
    library = torch.nn.functional.conv2d if down else torch.nn.functional.conv_transpose2d
    size = 4 if down else 1
    leaves = [torch.randn(5, 6, size, size, dtype=torch.double, requires_grad=True), *ours.parameters()]
    found, expected = ours(leaves[0]), library(*leaves)
    g = torch.randn_like(expected)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(torch.autograd.grad(found, leaves, g), torch.autograd.grad(expected, leaves, g))
