"""Two linear layers with GELU between them, added to what they began with; dropout after each.

On a CPU what surrounds their products are compiled loops over shares of the rows, one pass each.
Their arrays are [rows, width] and of one float type, or those next to a product hold bfloat16 (see
``compiled_numbers``); ``key``, ``limit`` and ``kept`` are a ``dropout.Draw``, of which a limit of 0
drops nothing.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.compiled_numbers import array, compiled, normal, put, wide
from benchmark.models.layers.dropout import Draw, Dropout, draw_row
from benchmark.models.layers.products import NarrowProducts, linear
from benchmark.models.layers.shares_cpu import equal_shares, run


class FeedForward(nn.Sequential, NarrowProducts):
    """Both layers, back to the width ``dim`` of the inputs."""

    def __init__(self, dim: int, hidden_dim: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(dim, hidden_dim),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(hidden_dim, dim),
            Dropout(dropout),
        )

    def forward(self, inputs: Tensor, residual: Tensor) -> Tensor:  # type: ignore[override]
        """``residual`` and what the layers make of ``inputs``, both [..., dim]."""
        first, _, inner, second, outer = self
        assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
        assert isinstance(inner, Dropout) and isinstance(outer, Dropout)
        hidden = activate(inputs, first, inner, self.product_type)
        return add(residual, hidden, second, outer, self.product_type)


def activate(
    inputs: Tensor, layer: nn.Linear, dropout: Dropout, product_type: torch.dtype | None
) -> Tensor:
    """dropout(GELU(layer(inputs))), of ``product_type`` (as in ``products``) for what follows."""
    if inputs.device.type != "cpu":
        return dropout(F.gelu(linear(inputs, layer.weight, layer.bias, product_type)))
    kind, rows = product_type or inputs.dtype, inputs.flatten(0, -2)
    outputs: Tensor = _Activate.apply(kind, dropout.draw(), rows, layer.weight, layer.bias)
    return outputs.view(*inputs.shape[:-1], layer.out_features)


def add(
    residual: Tensor,
    inputs: Tensor,
    layer: nn.Linear,
    dropout: Dropout,
    product_type: torch.dtype | None,
) -> Tensor:
    """``residual`` [..., width] + dropout(layer(inputs)); ``inputs`` may be narrow already."""
    if inputs.device.type != "cpu":
        return residual + dropout(linear(inputs, layer.weight, layer.bias, product_type))
    given = inputs.to(product_type or inputs.dtype).flatten(0, -2)
    old = residual.contiguous().flatten(0, -2)
    outputs: Tensor = _Add.apply(dropout.draw(), old, given, layer.weight, layer.bias)
    return outputs.view(residual.shape)


class _Activate(torch.autograd.Function):
    """On a CPU; of what follows the product nothing is kept."""

    @staticmethod
    def forward(
        ctx: Any, kind: torch.dtype, drawn: Draw, inputs: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        given = inputs.to(kind)
        hidden = given @ weight.to(kind).T
        outputs = torch.empty_like(hidden)
        shares = equal_shares(*hidden.shape)
        run(_activate, shares, *drawn, *map(array, (hidden, bias, outputs)))
        ctx.drawn = drawn
        ctx.save_for_backward(given, hidden, weight, bias)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, hidden, weight, bias = ctx.saved_tensors
        shares, to_hidden = equal_shares(*hidden.shape), torch.empty_like(hidden)
        to_bias = bias.new_zeros(len(shares) - 1, len(bias))
        arrays = map(array, (hidden, bias, gradients[0].contiguous(), to_hidden, to_bias))
        run(_activate_backward, shares, *ctx.drawn, *arrays)
        to_inputs = (to_hidden @ weight.to(given.dtype)).to(bias.dtype)
        return None, None, to_inputs, (to_hidden.T @ given).to(bias.dtype), to_bias.sum(0)


class _Add(torch.autograd.Function):
    """On a CPU; of what follows the product nothing is kept."""

    @staticmethod
    def forward(
        ctx: Any, drawn: Draw, residual: Tensor, given: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        outputs = torch.empty_like(residual)
        product = given @ weight.to(given.dtype).T
        shares = equal_shares(*product.shape)
        run(_add, shares, *drawn, *map(array, (residual, product, bias, outputs)))
        ctx.drawn = drawn
        ctx.save_for_backward(given, weight)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, weight = ctx.saved_tensors
        gradient, shares = gradients[0].contiguous(), equal_shares(*gradients[0].shape)
        to_bias = weight.new_zeros(len(shares) - 1, len(weight))
        to_product = torch.empty_like(gradient, dtype=given.dtype)
        run(_add_backward, shares, *ctx.drawn, *map(array, (gradient, to_product, to_bias)))
        to_weight = (to_product.T @ given).to(weight.dtype)
        return None, gradient, to_product @ weight.to(given.dtype), to_weight, to_bias.sum(0)


@compiled
def _activate(share, key, limit, kept, inputs, bias, outputs):  # type: ignore[no-untyped-def]
    """``outputs``: dropout of GELU of ``inputs`` + ``bias``."""
    _, begin, end = share
    factors = np.ones_like(bias)
    for row in range(begin, end):
        draw_row(key, limit, kept, row, factors)
        given, target = inputs[row], outputs[row]
        for x in range(bias.size):
            value = wide(given[x]) + bias[x]
            below, _ = normal(value)
            put(target, x, value * below * factors[x])


@compiled
def _activate_backward(  # type: ignore[no-untyped-def]
    share, key, limit, kept, inputs, bias, gradients, to_inputs, to_bias
):
    """From ``gradients`` of the outputs those of the inputs; to_bias[number] takes their sum."""
    number, begin, end = share
    factors, total = np.ones_like(bias), to_bias[number]
    for row in range(begin, end):
        draw_row(key, limit, kept, row, factors)
        given, gradient, target = inputs[row], gradients[row], to_inputs[row]
        for x in range(bias.size):
            value = wide(given[x]) + bias[x]
            below, density = normal(value)
            slope = wide(gradient[x]) * factors[x] * (below + value * density)
            total[x] += slope
            put(target, x, slope)


@compiled
def _add(share, key, limit, kept, residual, inputs, bias, outputs):  # type: ignore[no-untyped-def]
    """``outputs``: ``residual`` + dropout of ``inputs`` + ``bias``."""
    _, begin, end = share
    factors = np.ones_like(bias)
    for row in range(begin, end):
        draw_row(key, limit, kept, row, factors)
        old, given, target = residual[row], inputs[row], outputs[row]
        for x in range(bias.size):
            target[x] = old[x] + (wide(given[x]) + bias[x]) * factors[x]


@compiled
def _add_backward(share, key, limit, kept, gradients, to_inputs, to_bias):  # type: ignore[no-untyped-def]
    """From ``gradients`` of the outputs those of the inputs; to_bias[number] takes their sum."""
    number, begin, end = share
    factors, total = np.ones_like(to_bias[0]), to_bias[number]
    for row in range(begin, end):
        draw_row(key, limit, kept, row, factors)
        gradient, target = gradients[row], to_inputs[row]
        for x in range(factors.size):
            slope = gradient[x] * factors[x]
            total[x] += slope
            put(target, x, slope)
