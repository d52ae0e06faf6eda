"""How a network takes time in: the cosine encoding of TGAT and TGN, the projection of JODIE."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmark.models.layers import time_encoding_cpu as compiled
from benchmark.models.layers.compiled_numbers import array
from benchmark.models.layers.shares_cpu import equal_shares, run

SCALE = 0.1  # a week, log(1 + 604800) = 13, then scales memory by about one at first


class TimeEncoding(nn.Module):
    """cos(w t + b) with learnable frequencies that start at 1 / 10^linspace(0, 9).

    Source: TGN, equation 6; the initial frequencies are those of the released DistTGL code.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(10.0 ** -torch.linspace(0, 9, dim))
        self.bias = nn.Parameter(torch.zeros(dim))

    def now(self) -> Tensor:
        """The encoding [dim] of no time at all."""
        return self.bias.cos()

    def forward(self, elapsed: Tensor) -> Tensor:
        """Encode int64 time differences of any shape into [..., dim]."""
        if elapsed.device.type != "cpu":
            angle = elapsed.to(self.weight.dtype).unsqueeze(-1) * self.weight + self.bias
            return angle.cos()
        encoded: Tensor = _Cosine.apply(elapsed.flatten(), self.weight, self.bias)
        return encoded.view(*elapsed.shape, self.weight.numel())


class _Cosine(torch.autograd.Function):
    """cos(w t + b) [num_times, dim] on a CPU; only the times are kept for the backward pass."""

    @staticmethod
    def forward(ctx: Any, elapsed: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        encoding = weight.new_empty(elapsed.numel(), weight.numel())
        arrays = map(array, (elapsed, weight, bias, encoding))
        run(compiled.encode_share, equal_shares(*encoding.shape), *arrays)
        ctx.save_for_backward(elapsed, weight, bias)
        return encoding

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        inputs = (*ctx.saved_tensors, gradients[0].contiguous())
        bounds = equal_shares(*gradients[0].shape)
        of_shares = gradients[0].new_zeros(2, len(bounds) - 1, gradients[0].shape[1])
        run(compiled.derive, bounds, *map(array, (*inputs, *of_shares)))
        return None, *of_shares.sum(1)


class TimeProjection(nn.Linear):
    """The factor 1 + W log(1 + idle) + b of JODIE's embedding (arXiv 1908.01207)."""

    def __init__(self, dim: int) -> None:
        super().__init__(1, dim)
        nn.init.normal_(self.weight, std=SCALE)
        nn.init.zeros_(self.bias)

    def forward(self, idle: Tensor) -> Tensor:
        """Factors [num_roots, dim] after the times ``idle`` [num_roots], int64."""
        logarithm = idle.unsqueeze(1).to(self.weight.dtype).log1p()
        factors: Tensor = 1 + super().forward(logarithm)
        return factors
