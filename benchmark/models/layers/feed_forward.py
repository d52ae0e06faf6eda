"""Two linear layers with GELU between them, added to what they began with; dropout after each."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers import feed_forward_cpu as compiled
from benchmark.models.layers.compiled_numbers import array
from benchmark.models.layers.dropout import Draw, Dropout
from benchmark.models.layers.products import NarrowProducts, linear


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
        compiled.activate(drawn, *map(array, (hidden, bias, outputs)))
        ctx.drawn = drawn
        ctx.save_for_backward(given, hidden, weight, bias)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, hidden, weight, bias = ctx.saved_tensors
        to_hidden, to_bias = torch.empty_like(hidden), torch.zeros_like(bias)
        arrays = map(array, (hidden, bias, gradients[0].contiguous(), to_hidden, to_bias))
        compiled.activate_backward(ctx.drawn, *arrays)
        to_inputs = (to_hidden @ weight.to(given.dtype)).to(bias.dtype)
        return None, None, to_inputs, (to_hidden.T @ given).to(bias.dtype), to_bias


class _Add(torch.autograd.Function):
    """On a CPU; of what follows the product nothing is kept."""

    @staticmethod
    def forward(
        ctx: Any, drawn: Draw, residual: Tensor, given: Tensor, weight: Tensor, bias: Tensor
    ) -> Tensor:
        outputs = torch.empty_like(residual)
        product = given @ weight.to(given.dtype).T
        compiled.add(drawn, *map(array, (residual, product, bias, outputs)))
        ctx.drawn = drawn
        ctx.save_for_backward(given, weight)
        return outputs

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, weight = ctx.saved_tensors
        gradient, to_bias = gradients[0].contiguous(), weight.new_zeros(len(weight))
        to_product = torch.empty_like(gradient, dtype=given.dtype)
        compiled.add_backward(ctx.drawn, *map(array, (gradient, to_product, to_bias)))
        to_weight = (to_product.T @ given).to(weight.dtype)
        return None, gradient, to_product @ weight.to(given.dtype), to_weight, to_bias
