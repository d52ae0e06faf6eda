"""Negatives drawn uniformly from a pool of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.protocol.negatives import NegativeSampler
from benchmark.protocol.pool import negative_pool
from benchmark.randomness import key_to_seed

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol


class RandomNegatives(NegativeSampler):
    """Any node of the pool but the true destination, independently and with replacement."""

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        super().__init__(dataset, protocol)
        self.pool = negative_pool(dataset, protocol.negative_pool)

    def training(
        self, events: EventBatch, num_negatives: int, seed: int, *key: int | str
    ) -> Tensor:
        """Row r depends on ``seed``, ``key`` and r only."""
        drawn = key_to_seed(seed, "training negatives", *key)
        return self.pool.draw(events.dst, num_negatives, drawn, torch.arange(len(events)))

    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """The number in (event, slot) depends on the protocol's seed, the split, event and slot.

        Where ``num_negatives`` reaches the size of the rest of the pool, all of it, once each.
        """
        if self.draws_all:
            return self.pool.others(events.dst)
        key = key_to_seed(self.protocol.seed, "evaluation negatives", split)
        return self.pool.draw(events.dst, self.protocol.num_negatives, key, events.ids)

    @property
    def draws_all(self) -> bool:
        """Whether the pool has no more other nodes than are asked for."""
        return self.protocol.num_negatives >= self.pool.size - 1
