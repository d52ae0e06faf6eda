"""Dropout whose random numbers cost little on a CPU."""

import numpy as np
import torch
import torch.nn.functional as F
from numba import njit
from torch import Tensor, nn


class Dropout(nn.Module):
    """``nn.Dropout`` with a counter-based generator on CPUs (SplitMix64, Steele et al. 2014).

    One draw from torch's generator starts the counter, so that seeding works as everywhere.
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
        if like.device.type != "cpu":
            return F.dropout(torch.ones_like(like), self.probability)
        factors = torch.empty_like(like, memory_format=torch.contiguous_format)
        key = int(torch.randint(2**62, ()))
        _draw(np.uint64(key), self.probability, factors.view(-1).numpy())
        return factors


@njit(cache=True, nogil=True)
def _draw(key, probability, factors):  # type: ignore[no-untyped-def]
    limit = np.uint64(probability * 2.0**53)
    kept = factors.dtype.type(1 / (1 - probability))
    dropped = factors.dtype.type(0)
    for place in range(factors.size):
        state = key + np.uint64(place) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = (state ^ (state >> np.uint64(31))) >> np.uint64(11)
        factors[place] = dropped if state < limit else kept
