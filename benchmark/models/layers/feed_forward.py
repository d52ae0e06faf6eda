"""Two linear layers with GELU and dropout between them."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers import gelu_cpu as compiled
from benchmark.models.layers.dropout import Draw, Dropout
from benchmark.models.layers.products import NarrowProducts, linear


def feed_forward(
    inputs: Tensor,
    first: nn.Linear,
    dropout: Dropout,
    second: nn.Linear,
    product_type: torch.dtype | None,
) -> Tensor:
    """second(dropout(GELU(first(inputs)))) [..., width]; ``product_type`` as in ``products``."""
    if inputs.device.type != "cpu":
        hidden = F.gelu(linear(inputs, first.weight, first.bias, product_type))
        return linear(dropout(hidden), second.weight, second.bias, product_type)
    outputs: Tensor = _FeedForward.apply(
        product_type or inputs.dtype,
        dropout.draw(),
        inputs.flatten(0, -2),
        *(first.weight, first.bias, second.weight, second.bias),
    )
    return outputs.view(*inputs.shape[:-1], -1)


class FeedForward(nn.Sequential, NarrowProducts):
    """``feed_forward`` back to the width that its inputs [..., dim] have, and dropout again."""

    def __init__(self, dim: int, hidden_dim: int, dropout: float) -> None:
        super().__init__(
            nn.Linear(dim, hidden_dim),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(hidden_dim, dim),
            Dropout(dropout),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """The same shape [..., dim]."""
        first, _, inner, second, outer = self
        outputs: Tensor = outer(feed_forward(inputs, first, inner, second, self.product_type))
        return outputs


class _FeedForward(torch.autograd.Function):
    """On a CPU; what stands between the products is kept as the first one left it, and no mask."""

    @staticmethod
    def forward(ctx: Any, kind: torch.dtype, draw: Draw, inputs: Tensor, *weights: Tensor) -> Tensor:
        first, bias, second, last_bias = weights
        given = inputs.to(kind)
        hidden = given @ first.to(kind).T
        outputs = torch.empty_like(hidden)
        compiled.forward(*draw, *map(_array, (hidden, bias, outputs)))
        ctx.kind, ctx.draw = kind, draw
        ctx.save_for_backward(given, hidden, first, bias, second)
        return (outputs @ second.to(kind).T).to(inputs.dtype) + last_bias

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        given, hidden, first, bias, second = ctx.saved_tensors
        narrow = gradients[0].to(ctx.kind)
        to_hidden = narrow @ second.to(ctx.kind)
        outputs, to_bias = torch.empty_like(hidden), torch.zeros_like(bias)
        arrays = map(_array, (hidden, bias, outputs, to_hidden, to_bias))
        compiled.backward(*ctx.draw, *arrays)
        return (
            None,
            None,
            (to_hidden @ first.to(ctx.kind)).to(bias.dtype),
            (to_hidden.T @ given).to(bias.dtype),
            to_bias,
            (narrow.T @ outputs).to(bias.dtype),
            gradients[0].sum(0),
        )


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The memory of ``tensor``, of bfloat16 as bits."""
    tensor = tensor.detach()
    return (tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor).numpy()
