"""The transformer layer against torch's own and, with dropout, against torch's operations."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.products import linear, narrow_products
from benchmark.models.layers.transformer import TransformerLayer
from tests.models.closeness import assert_close, assert_gradients_close

DIM, HEADS, HIDDEN = 12, 3, 20
LENGTHS = torch.tensor([1, 5, 3, 6])


def random_tokens(dtype: torch.dtype) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(len(LENGTHS), 6, DIM, generator=generator).to(dtype)


def present() -> Tensor:
    return torch.arange(6) < LENGTHS.unsqueeze(1)


def scalar_of(outputs: Tensor) -> Tensor:
    """A number that weighs every output of a token that is there."""
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(3))
    return (outputs * weights.to(outputs.dtype))[present()].sum()


def plain(layer: TransformerLayer, tokens: Tensor) -> Tensor:
    """Dropout, which is a module of its own, draws in the same order."""
    attention, kind = layer.self_attn, layer.product_type
    mixed = linear(layer.norm1(tokens), attention.in_proj_weight, attention.in_proj_bias, kind)
    queries, keys, values = mixed.unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
    scores = queries @ keys.transpose(2, 3) / keys.shape[-1] ** 0.5
    scores = scores.masked_fill(~present()[:, None, None], float("-inf"))
    context = (layer.attention_dropout(scores.softmax(-1)) @ values).transpose(1, 2).flatten(2)
    projection = attention.out_proj
    attended = linear(context, projection.weight, projection.bias, kind)
    hidden = tokens + layer.attended_dropout(attended)
    inner = F.gelu(linear(layer.norm2(hidden), layer.linear1.weight, layer.linear1.bias, kind))
    fed = linear(layer.inner_dropout(inner), layer.linear2.weight, layer.linear2.bias, kind)
    outputs: Tensor = hidden + layer.outer_dropout(fed)
    return outputs


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_it_computes_what_torchs_own_does(dtype: torch.dtype) -> None:
    layer = TransformerLayer(DIM, HEADS, HIDDEN, 0.0).to(dtype)
    own = nn.TransformerEncoderLayer(
        DIM, HEADS, HIDDEN, 0.0, "gelu", batch_first=True, norm_first=True, dtype=dtype
    )
    own.load_state_dict(layer.state_dict())
    tokens = random_tokens(dtype)
    ours, theirs = layer(tokens, LENGTHS), own(tokens, src_key_padding_mask=~present())
    assert_close(ours[present()], theirs[present()])
    gradients = [
        torch.autograd.grad(scalar_of(outputs), network.parameters())
        for outputs, network in ((ours, layer), (theirs, own))
    ]
    whole = float(torch.cat([gradient.flatten() for gradient in gradients[1]]).norm())
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other, whole / 100)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_dropout_is_that_of_its_modules(dtype: torch.dtype) -> None:
    layer = TransformerLayer(DIM, HEADS, HIDDEN, 0.4).to(dtype)
    found, inputs = [], random_tokens(dtype).requires_grad_()
    for forward in (lambda tokens: layer(tokens, LENGTHS), lambda tokens: plain(layer, tokens)):
        torch.manual_seed(2)
        found.append(forward(inputs))
    assert_close(found[0][present()], found[1][present()])
    ours, theirs = (scalar_of(outputs) for outputs in found)
    to_inputs = [torch.autograd.grad(x, inputs, retain_graph=True)[0] for x in (ours, theirs)]
    assert_close(to_inputs[0], to_inputs[1])
    assert_gradients_close(layer, ours, theirs)


def test_narrow_products_are_as_near_as_bfloat16_can_be() -> None:
    layer, tokens = TransformerLayer(DIM, HEADS, HIDDEN, 0.0), random_tokens(torch.float32)
    exact = layer(tokens, LENGTHS)[present()]
    narrow_products(layer, torch.bfloat16)
    narrow, plainly_narrow = layer(tokens, LENGTHS)[present()], plain(layer, tokens)[present()]
    assert narrow.dtype == torch.float32
    error = (narrow - exact).norm() / exact.norm()
    assert 0 < error < 1.5 * (plainly_narrow - exact).norm() / exact.norm() + 1e-3
