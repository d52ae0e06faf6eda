"""Dropout whose random numbers come from a counter: equal on every device, and cheap."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from benchmark.machine.device import kernels_for
from benchmark.randomness import random_bits


STEP = np.uint64(0x9E3779B97F4A7C15)
CHUNK = 1024  # factors that are held at once


class Draw(NamedTuple):
    """What is to be drawn: the start of the counter, the share of 2^53 to drop, what others get."""

    key: np.uint64
    limit: np.uint64
    kept: float


class Dropout(nn.Module):
    """``nn.Dropout`` with a counter-based generator (SplitMix64, Steele et al. 2014).

    One draw from torch's generator of the host starts the counter, so that seeding works as
    everywhere and no device is waited for.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        if not 0 <= probability < 1:
            raise ValueError(f"A dropout of {probability} is not in [0, 1): choose another.")
        self.probability = probability

    def forward(self, values: Tensor) -> Tensor:
        """``values`` with some set to 0 and the others scaled; as they are in evaluation."""
        if not self.training or self.probability == 0:
            return values
        return values * self.factors(values)

    def add(self, some: Tensor, dropped: Tensor) -> Tensor:
        """``some`` plus what dropout leaves of ``dropped``, of the same shape and type."""
        if not self.training or self.probability == 0 or some.device.type != "cpu":
            return some + self(dropped)
        total: Tensor = _AddDropped.apply(self.draw(), some, dropped)
        return total

    def factors(self, like: Tensor) -> Tensor:
        """What is to be multiplied: 0 or 1 / (1 - probability), of the shape of ``like``."""
        drawn = self._begin()
        key, limit, kept = int(drawn.key), int(drawn.limit), drawn.kept
        factors = torch.empty_like(like, memory_format=torch.contiguous_format)
        if like.device.type == "cpu":
            draw(*drawn, factors.view(-1).numpy())
        elif kernels := kernels_for(like.device, None, "benchmark.models.layers.dropout_triton"):
            kernels.draw(key, limit, kept, factors)
        else:
            places = torch.arange(like.numel(), device=like.device).view(like.shape)
            factors.fill_(kept).masked_fill_(random_bits(key, places, 53) < limit, 0)
        return factors

    def draw(self) -> Draw:
        """The same for a loop that multiplies, on a CPU; with a limit of 0 all are kept."""
        if not self.training or self.probability == 0:
            return Draw(np.uint64(0), np.uint64(0), 1.0)
        return self._begin()

    def _begin(self) -> Draw:
        key, limit = int(torch.randint(2**62, ())), int(self.probability * 2.0**53)
        return Draw(np.uint64(key), np.uint64(limit), 1 / (1 - self.probability))


class _AddDropped(torch.autograd.Function):
    """On a CPU; neither the factors nor what they multiply is kept."""

    @staticmethod
    def forward(ctx: Any, drawn: Draw, some: Tensor, dropped: Tensor) -> Tensor:
        ctx.drawn = drawn
        total = some.detach().clone(memory_format=torch.contiguous_format)
        _add(*drawn, dropped.detach().reshape(-1).numpy(), total.view(-1).numpy())
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        to_dropped = torch.zeros_like(gradients[0], memory_format=torch.contiguous_format)
        _add(*ctx.drawn, gradients[0].reshape(-1).numpy(), to_dropped.view(-1).numpy())
        return None, gradients[0], to_dropped


@njit(cache=True, nogil=True)
def _add(key, limit, scale, values, total):  # type: ignore[no-untyped-def]
    """Add ``values`` times their factors to ``total``, some at a time."""
    factors = np.empty(CHUNK, values.dtype)
    for first in range(0, values.size, CHUNK):
        some = values[first : first + CHUNK]
        target = total[first : first + CHUNK]
        draw(key + np.uint64(first) * STEP, limit, scale, factors[: some.size])
        for place in range(some.size):
            target[place] += some[place] * factors[place]


@njit(cache=True, nogil=True)
def draw(key, limit, scale, factors):  # type: ignore[no-untyped-def]
    """Fill ``factors`` [num_places] with 0 or ``scale``, as a ``Draw`` says."""
    kept, dropped = factors.dtype.type(scale), factors.dtype.type(0)
    for place in range(factors.size):
        state = key + np.uint64(place) * STEP
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) >> np.uint64(11)
        factors[place] = dropped if state < limit else kept
