"""The nodes that may be a negative destination, and uniform draws from them."""

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.protocol.counter import random_integers

SLOTS = 1 << 32  # counters reserved for one row, so that its numbers do not depend on the width


class NegativePool(StrEnum):
    """Which nodes may be drawn as a negative destination."""

    DESTINATIONS = "destinations"  # every node that is a destination somewhere in the stream
    NODES = "nodes"  # every node with an event, sources of a bipartite stream included
    BIPARTITE = "bipartite"  # destinations where the stream is bipartite, else every node


@dataclass(frozen=True)
class Pool:
    """The nodes that negatives are drawn from: ``ids`` (int64, sorted)."""

    ids: Tensor

    @property
    def size(self) -> int:
        return self.ids.numel()

    def draw(self, true_destinations: Tensor, num_negatives: int, key: int, rows: Tensor) -> Tensor:
        """Uniform, independent nodes other than each row's own destination, [num_rows, num].

        The numbers of a row depend on ``key`` and its entry in ``rows`` [num_rows] only.
        """
        counters = rows.unsqueeze(1) * SLOTS + torch.arange(num_negatives)
        places = random_integers(key, counters, self.size - 1)
        return self._skip(true_destinations, places)

    def others(self, true_destinations: Tensor) -> Tensor:
        """All nodes but each row's own destination, [num_rows, size - 1]."""
        places = torch.arange(self.size - 1).expand(true_destinations.numel(), -1)
        return self._skip(true_destinations, places)

    def _skip(self, true_destinations: Tensor, places: Tensor) -> Tensor:
        """Nodes at ``places`` [n, m] in [0, size - 1) of the pool without the true destination."""
        true_places = self._places(true_destinations).unsqueeze(1)
        return self.ids[places + (places >= true_places)]

    def _places(self, nodes: Tensor) -> Tensor:
        """Where ``nodes`` [n] stand in the pool; all must be in it."""
        places = torch.searchsorted(self.ids, nodes).clamp_(max=self.size - 1)
        if not torch.equal(self.ids[places], nodes):
            missing = nodes[self.ids[places] != nodes][0].item()
            raise ValueError(
                f"node {missing} is a true destination but not one of the {self.size} nodes that "
                "negatives are drawn from; the data set's `destinations` must hold, sorted, every "
                "destination of its stream."
            )
        return places


def negative_pool(dataset: Dataset, kind: NegativePool) -> Pool:
    """The pool that a protocol's ``negative_pool`` names."""
    destinations_only = kind is NegativePool.DESTINATIONS or (
        kind is NegativePool.BIPARTITE and dataset.bipartite
    )
    pool = Pool(dataset.destinations if destinations_only else dataset.nodes)
    if pool.size < 2:
        raise ValueError(
            f"data set '{dataset.name}' has {pool.size} node in its '{kind}' pool, and a negative "
            "needs a second one; choose another negative_pool."
        )
    return pool
