"""Dense products in a narrower type than weights and activations are kept in."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class NarrowProducts:
    """A layer whose dense products may take their factors in another type; None: as they are."""

    product_type: torch.dtype | None = None


def narrow_products(network: nn.Module, product_type: torch.dtype | None) -> None:
    """Have every layer of ``network`` that can multiply in ``product_type``."""
    for layer in network.modules():
        if isinstance(layer, NarrowProducts):
            layer.product_type = product_type


def product(left: Tensor, right: Tensor, product_type: torch.dtype | None) -> Tensor:
    """left @ right, also of batches, in the type of ``left``, from factors in ``product_type``."""
    if product_type is None:
        return left @ right
    return (left.to(product_type) @ right.to(product_type)).to(left.dtype)


def linear(
    inputs: Tensor, weight: Tensor, bias: Tensor | None, product_type: torch.dtype | None
) -> Tensor:
    """``F.linear`` with a ``product``; the bias is added in the type of ``inputs``."""
    if product_type is None:
        return F.linear(inputs, weight, bias)
    outputs = product(inputs, weight.T, product_type)
    return outputs if bias is None else outputs + bias


class Linear(nn.Linear, NarrowProducts):
    """``nn.Linear`` whose product may be narrow."""

    def forward(self, input: Tensor) -> Tensor:
        """Outputs [..., out_features] in the type of ``input`` [..., in_features]."""
        return linear(input, self.weight, self.bias, self.product_type)
