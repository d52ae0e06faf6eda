"""Dropout whose random numbers come from a counter: equal on every device, and cheap."""

from typing import NamedTuple

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from benchmark.machine.device import kernels_for
from benchmark.models.layers.shares_cpu import equal_shares, run
from benchmark.randomness import random_bits

STEP = np.uint64(0x9E3779B97F4A7C15)
TRITON = "benchmark.models.layers.elementwise_triton"


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

    def factors(self, like: Tensor) -> Tensor:
        """What is to be multiplied: 0 or 1 / (1 - probability), of the shape of ``like``."""
        drawn = self._begin()
        key, limit, kept = int(drawn.key), int(drawn.limit), drawn.kept
        factors = torch.empty_like(like, memory_format=torch.contiguous_format)
        if like.device.type == "cpu":
            run(_draw_share, equal_shares(factors.numel(), 1), *drawn, factors.view(-1).numpy())
        elif kernels := kernels_for(like.device, None, TRITON):
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


@njit(cache=True, nogil=True)
def _draw_share(share, key, limit, kept, factors):  # type: ignore[no-untyped-def]
    """``draw`` for a share of the places."""
    _, begin, end = share
    draw(key + np.uint64(begin) * STEP, limit, kept, factors[begin:end])


@njit(cache=True, nogil=True)
def draw_row(key, limit, kept, row, factors):  # type: ignore[no-untyped-def]
    """``factors`` [width] of one of many rows; a limit of 0 leaves them as they are."""
    if limit:
        draw(key + np.uint64(row * factors.size) * STEP, limit, kept, factors)
