"""Negative destinations: fixed ones for evaluation, keyed ones for training."""

from dataclasses import dataclass

import torch
from torch import Tensor

from benchmark.datasets.dataset import Dataset, SplitName
from benchmark.protocol.counter import random_integers
from benchmark.protocol.link_protocol import LinkProtocol, NegativePool, NegativeSampling
from benchmark.protocol.linked_destinations import LinkedDestinations
from benchmark.protocol.tgb_negatives import published_candidates
from benchmark.randomness import key_to_seed

_SLOTS = 1 << 32  # counters reserved for one row, so that its numbers do not depend on the width


@dataclass(frozen=True)
class Pool:
    """The nodes that negatives are drawn from: ``ids`` (int64, sorted)."""

    ids: Tensor

    @property
    def size(self) -> int:
        return self.ids.numel()

    def to(self, device: torch.device) -> "Pool":
        return Pool(self.ids.to(device))

    def nodes(self, positions: Tensor) -> Tensor:
        """Node ids at ``positions`` in [0, size), of any shape."""
        return self.ids[positions]

    def positions(self, nodes: Tensor) -> Tensor:
        """Where ``nodes`` [n] stand in the pool; all must be in it."""
        positions = torch.searchsorted(self.ids, nodes).clamp_(max=self.size - 1)
        if not torch.equal(self.ids[positions], nodes):
            missing = nodes[self.ids[positions] != nodes][0].item()
            raise ValueError(
                f"node {missing} is a true destination but not one of the {self.size} nodes that "
                "negatives are drawn from; the data set's `destinations` must hold, sorted, every "
                "destination of its stream."
            )
        return positions


def negative_pool(dataset: Dataset, kind: NegativePool) -> Pool:
    """The pool that a protocol's ``negative_pool`` names, on the data set's device."""
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


class EvaluationCandidates:
    """Draws the destinations to rank for events of one split; ready for any of them, in any order.

    The number in (event, slot) depends on the protocol's seed, the split, the event and the slot
    only.
    """

    def __init__(self, dataset: Dataset, split: SplitName, protocol: LinkProtocol) -> None:
        self.dataset = dataset
        self.split = split
        self.protocol = protocol
        self.pool = negative_pool(dataset, protocol.negative_pool)
        self.published = self.linked = None
        if protocol.negative_sampling is NegativeSampling.TGB:
            if protocol.locations is None:
                raise ValueError("negatives of TGB need LinkProtocol.locations to be found in.")
            self.published = published_candidates(dataset, split, protocol.locations)
        elif protocol.negative_sampling is not NegativeSampling.RANDOM:
            self.linked = LinkedDestinations(dataset, split, protocol.negative_sampling)

    def __call__(self, ids: Tensor) -> Tensor:
        """Candidates of the events ``ids``: int64 [num_events, 1 + negatives].

        Column 0 is the true destination. The linked destinations that ``negative_sampling`` names
        come next, in random order and each once; the others are drawn uniformly, independently and
        with replacement from the rest of the pool. Where ``num_negatives`` reaches the size of
        that rest, the negatives are all of it, once each. TGB's own are as ``published_candidates``
        gives them.
        """
        events = self.dataset.split.range(self.split)
        if ids.numel() and not (ids.min() >= events.start and ids.max() < events.stop):
            raise ValueError(
                f"events {ids.min()} to {ids.max()} are not all in the {self.split} split."
            )
        if self.published is not None:
            return self.published[ids - events.start]
        true_destinations = self.dataset.stream.dst[ids]
        negatives = self._negatives(ids, true_destinations)
        return torch.cat([true_destinations.unsqueeze(1), negatives], dim=1)

    def _negatives(self, ids: Tensor, true_destinations: Tensor) -> Tensor:
        if self.protocol.num_negatives >= self.pool.size - 1:
            others = torch.arange(self.pool.size - 1, device=ids.device)
            return _skip_true(self.pool, true_destinations, others.expand(ids.numel(), -1))
        key = key_to_seed(self.protocol.seed, "evaluation negatives", self.split)
        negatives = _draw(self.pool, true_destinations, self.protocol.num_negatives, key, ids)
        if self.linked is not None:
            _put_first(negatives, *self.linked(ids), self._order_key(), ids)
        return negatives

    def _order_key(self) -> int:
        return key_to_seed(self.protocol.seed, "order of linked destinations", self.split)


def evaluation_candidates(
    dataset: Dataset, split: SplitName, ids: Tensor, protocol: LinkProtocol
) -> Tensor:
    """``EvaluationCandidates`` of a few events, or of all at once."""
    return EvaluationCandidates(dataset, split, protocol)(ids)


def training_negatives(
    pool: Pool, true_destinations: Tensor, num_negatives: int, seed: int, *key: int | str
) -> Tensor:
    """Negatives for one training batch: int64 [num_events, num_negatives].

    Row r depends on ``seed``, ``key`` (logical trainer, iteration, purpose) and r only, and never
    holds its own true destination. ``pool`` and ``true_destinations`` [num_events] share a device.
    """
    rows = torch.arange(true_destinations.numel(), device=true_destinations.device)
    stream = key_to_seed(seed, "training negatives", *key)
    return _draw(pool, true_destinations, num_negatives, stream, rows)


def _draw(
    pool: Pool, true_destinations: Tensor, num_negatives: int, key: int, rows: Tensor
) -> Tensor:
    slots = torch.arange(num_negatives, device=rows.device)
    counters = rows.unsqueeze(1) * _SLOTS + slots
    return _skip_true(pool, true_destinations, random_integers(key, counters, pool.size - 1))


def _skip_true(pool: Pool, true_destinations: Tensor, others: Tensor) -> Tensor:
    """Nodes at places ``others`` [n, m] in [0, size - 1) of a pool without the true destination."""
    true_positions = pool.positions(true_destinations).unsqueeze(1)
    return pool.nodes(others + (others >= true_positions))


def _put_first(negatives: Tensor, rows: Tensor, nodes: Tensor, key: int, ids: Tensor) -> None:
    """Write each row's ``nodes`` over its first negatives, in an order keyed by event and node."""
    order = random_integers(key, ids[rows] * _SLOTS + nodes, _SLOTS).argsort(stable=True)
    order = order[rows[order].argsort(stable=True)]
    rows, nodes = rows[order], nodes[order]
    counts = torch.bincount(rows, minlength=ids.numel())
    slots = torch.arange(rows.numel()) - (counts.cumsum(0) - counts)[rows]
    kept = slots < negatives.shape[1]
    negatives[rows[kept], slots[kept]] = nodes[kept]
