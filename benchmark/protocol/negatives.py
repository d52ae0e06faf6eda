"""Which other destinations an event is compared with: the contract, and uniform draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch, SplitName
from benchmark.randomness import key_to_seed, random_integers

if TYPE_CHECKING:
    from benchmark.protocol.link_protocol import LinkProtocol


NO_NODE = -1  # fills the rows of events that have fewer negatives than another
SLOTS = 1 << 32  # counters reserved for one row, so that its numbers do not depend on the width


class NegativeSampler(ABC):
    """The negatives of one data set under one protocol, in training and in evaluation.

    All tensors lie on the CPU. What is drawn for an event must not depend on the events beside it.
    """

    def __init__(self, dataset: Dataset, protocol: LinkProtocol) -> None:
        self.dataset = dataset
        self.protocol = protocol

    @abstractmethod
    def training(
        self, events: EventBatch, num_negatives: int, seed: int, *key: int | str
    ) -> Tensor:
        """Negatives of one training batch, int64 [num_events, num_negatives].

        ``seed`` is that of the experiment; ``key`` (logical trainer, iteration, purpose) is that of
        the batch. The same call gives the same negatives in every process.
        """

    @abstractmethod
    def evaluation(self, events: EventBatch, split: SplitName) -> Tensor:
        """Negatives to rank for ``events`` of one split, int64 [num_events, most negatives].

        They depend on the protocol, the split and the event only. ``NO_NODE`` ends a row that is
        shorter than another.
        """

    def candidates(self, events: EventBatch, split: SplitName) -> Tensor:
        """``evaluation`` behind the true destinations, int64 [num_events, 1 + most negatives].

        Raises ValueError where events are of another split, or negatives break the contract.
        """
        bounds = self.dataset.split.range(split)
        ids = events.ids
        if len(events) and not (ids.min() >= bounds.start and ids.max() < bounds.stop):
            raise ValueError(f"events {ids.min()} to {ids.max()} are not all in the {split} split.")
        negatives = self.evaluation(events, split)
        self._check(events, negatives)
        return torch.cat([events.dst.unsqueeze(1), negatives], dim=1)

    def _check(self, events: EventBatch, negatives: Tensor) -> None:
        name, missing = type(self).__name__, negatives == NO_NODE
        if negatives.dim() != 2 or len(negatives) != len(events):
            raise ValueError(
                f"{name} gave negatives of shape {tuple(negatives.shape)} for {len(events)} "
                "events; it must give one row for each."
            )
        outside = (negatives < 0) & ~missing | (negatives >= self.dataset.num_nodes)
        if outside.any():
            raise ValueError(
                f"{name} gave the negative {negatives[outside][0]}, which is none of the "
                f"{self.dataset.num_nodes} nodes of data set '{self.dataset.name}'."
            )
        if (missing[:, :-1] & ~missing[:, 1:]).any():
            raise ValueError(f"{name} gave a row in which a negative follows NO_NODE.")
        own = (negatives == events.dst.unsqueeze(1)).any(1)
        if own.any():
            event = int(events.ids[own][0])
            raise ValueError(f"{name} gave event {event} its own destination as a negative.")


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
