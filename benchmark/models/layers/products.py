"""Dense products in a narrower type than weights and activations are kept in."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ROWS = 64  # their number is rounded up to multiples of it


class NarrowProducts:
    """A layer whose dense products may take their factors in another type; None: as they are."""

    product_type: torch.dtype | None = None


def narrow_products(network: nn.Module, product_type: torch.dtype | None) -> None:
    """Have every layer of ``network`` that can multiply in ``product_type``."""
    for layer in network.modules():
        if isinstance(layer, NarrowProducts):
            layer.product_type = product_type


def narrow(parts: Sequence[Tensor], kind: torch.dtype) -> Tensor:
    """``parts`` [..., num_rows, *] side by side in ``kind``, followed by rows of zeros on a CPU.

    There a product in bfloat16 is compiled for its shape, which takes longer than the product:
    numbers of rows that differ from batch to batch are rounded up to some that come again.
    """
    first = parts[0]
    num_rows, width = first.shape[-2], sum(part.shape[-1] for part in parts)
    step = ROWS if first.device.type == "cpu" else 1
    rows = first.new_empty(*first.shape[:-2], -(-num_rows // step) * step, width, dtype=kind)
    start = 0
    for part in parts:
        rows[..., :num_rows, start : start + part.shape[-1]] = part
        start += part.shape[-1]
    rows[..., num_rows:, :] = 0
    return rows


def product(left: Tensor, right: Tensor, product_type: torch.dtype | None) -> Tensor:
    """left @ right, also of batches, in the type of ``left``, from factors in ``product_type``."""
    if product_type is None:
        return left @ right
    rows = left if right.dim() > 2 else left.flatten(0, -2)
    outputs: Tensor = _NarrowProduct.apply(rows, right, product_type)
    return outputs.view(*left.shape[:-1], right.shape[-1])


def linear(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, product_type: torch.dtype | None
) -> Tensor:
    """``F.linear`` with a ``product``; the bias is added in the type of ``inputs``."""
    if product_type is None:
        return F.linear(inputs, weight, bias)
    outputs = product(inputs, weight.T, product_type)
    return outputs if bias is None else outputs + bias


class _NarrowProduct(torch.autograd.Function):
    """Of left [..., num_rows, inner] and right [..., inner, num_columns], narrowed once each."""

    @staticmethod
    def forward(ctx: Any, left: Tensor, right: Tensor, kind: torch.dtype) -> Tensor:
        rows, columns = narrow([left], kind), right.to(kind)
        ctx.save_for_backward(rows, columns)
        ctx.kind, ctx.num_rows = left.dtype, left.shape[-2]
        return (rows @ columns)[..., : ctx.num_rows, :].to(left.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, columns = ctx.saved_tensors
        to_outputs, to_rows, to_columns = narrow(gradients, rows.dtype), None, None
        if ctx.needs_input_grad[0]:
            to_rows = (to_outputs @ columns.mT)[..., : ctx.num_rows, :].to(ctx.kind)
        if ctx.needs_input_grad[1]:
            to_columns = (rows.mT @ to_outputs).to(ctx.kind)
        return to_rows, to_columns, None


class Linear(nn.Linear, NarrowProducts):
    """``nn.Linear`` whose product may be narrow."""

    def forward(self, input: Tensor) -> Tensor:
        """Outputs [..., out_features] in the type of ``input`` [..., in_features]."""
        return linear(input, self.weight, self.bias, self.product_type)
