"""The fused feed-forward network against the same of torch's operations, gradients and all."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.models.layers.feed_forward import FeedForward
from benchmark.models.layers.products import linear, narrow_products
from tests.models.closeness import assert_close, assert_gradients_close

DIM, HIDDEN = 20, 33


def plain(layers: FeedForward, inputs: Tensor, residual: Tensor) -> Tensor:
    """Dropout, which is a module of its own, draws in the same order."""
    first, _, inner, second, outer = layers
    kind = layers.product_type
    hidden = inner(F.gelu(linear(inputs, first.weight, first.bias, kind)))
    outputs: Tensor = residual + outer(linear(hidden, second.weight, second.bias, kind))
    return outputs


def both(layers: FeedForward, dtype: torch.dtype) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs, and a scalar of them that weighs every one, of the layers and of the plain ones.

    Residuals are columns of a wider tensor, and inputs a function of them.
    """
    generator = torch.Generator().manual_seed(1)
    rows = 3 * torch.randn(2, 7, 2 * DIM, generator=generator).to(dtype)
    weights = torch.randn(2, 7, DIM, generator=generator).to(dtype)
    found = []
    for forward in (layers, lambda *inputs: plain(layers, *inputs)):
        torch.manual_seed(2)
        residual = rows[..., ::2].clone().requires_grad_().transpose(0, 1)
        outputs = forward(residual.square(), residual)
        scalar = (outputs * weights.transpose(0, 1)).sum()
        (gradient,) = torch.autograd.grad(scalar, residual, retain_graph=True)
        found.append([outputs, scalar, gradient])
    return found[0], found[1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_it_computes_what_torch_does(dtype: torch.dtype, dropout: float) -> None:
    layers = FeedForward(DIM, HIDDEN, dropout).to(dtype)
    (outputs, scalar, gradient), expected = both(layers, dtype)
    assert_close(outputs, expected[0])
    assert_close(gradient, expected[2])
    assert_gradients_close(layers, scalar, expected[1])
    layers.eval()
    again, expected = both(layers, dtype)
    assert_close(again[0], expected[0])
    assert torch.equal(again[0], outputs) == (dropout == 0)


def test_narrow_products_are_as_near_as_bfloat16_can_be() -> None:
    layers = FeedForward(DIM, HIDDEN, 0.4)
    exact, _ = both(layers, torch.float32)
    narrow_products(layers, torch.bfloat16)
    narrow, plainly_narrow = both(layers, torch.float32)
    for ours, theirs, true in zip(narrow, plainly_narrow, exact, strict=True):
        assert ours.dtype == torch.float32
        error = (ours - true).norm() / true.norm()
        assert 0 < error < 0.02
        assert error < 1.5 * (theirs - true).norm() / true.norm() + 1e-3


def test_gelu_of_float32_is_exact_to_its_rounding() -> None:
    """Also far from 0, where the exponential has no normal number left."""
    layers = FeedForward(1, 1, 0.0)
    for parameter, value in zip(layers.parameters(), (1.0, 0.0, 1.0, 0.0), strict=True):
        parameter.data.fill_(value)
    inputs = torch.linspace(-30, 30, 6001).unsqueeze(1).requires_grad_()
    outputs = layers(inputs, torch.zeros_like(inputs))
    true = F.gelu(inputs.double())
    assert float((outputs - true).detach().abs().max()) < 2e-6
    ours, theirs = (torch.autograd.grad(x.sum(), inputs)[0] for x in (outputs, true))
    assert float((ours - theirs).abs().max()) < 2e-6
    assert not outputs.isnan().any()


@pytest.mark.parametrize(("rows", "hidden"), [(0, HIDDEN), (3, 0), (0, 0)])
def test_nothing_to_compute(rows: int, hidden: int) -> None:
    """An empty batch, and half of the tokens of a root with one neighbour."""
    layers = FeedForward(DIM, hidden, 0.4)
    inputs = torch.ones(rows, 2, DIM, requires_grad=True)
    outputs = layers(inputs, inputs)
    assert outputs.shape == inputs.shape
    outputs.sum().backward()
    assert all(parameter.grad is not None for parameter in layers.parameters())
