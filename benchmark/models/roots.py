"""What a batch of events asks about, and which row of an answer belongs to what."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch


class EventRows(NamedTuple):
    """Rows, such as embeddings [..., dim], of what the events of a batch are about."""

    sources: Tensor  # [num_events, ...]
    destinations: Tensor  # [num_events, ...], the true ones
    negatives: Tensor  # [num_events, num_negatives, ...]

    @property
    def candidates(self) -> Tensor:
        """The true destination, then the negatives, [num_events, 1 + num_negatives, ...]."""
        return torch.cat([self.destinations.unsqueeze(1), self.negatives], dim=1)


class RootPairs(NamedTuple):
    """Pairs of roots, as rows among the roots of a subgraph, both [num_pairs]."""

    sources: Tensor
    destinations: Tensor

    def select(self, pairs: slice | Tensor) -> "RootPairs":
        """Some of the pairs."""
        return RootPairs(self.sources[pairs], self.destinations[pairs])


@dataclass(frozen=True)
class EventRoots:
    """Sources, destinations and negatives of events as roots, each at the time of its event.

    ``nodes`` and ``times`` are [num_roots], ``shape`` (num_events, num_negatives).
    """

    nodes: Tensor
    times: Tensor
    shape: tuple[int, ...]

    @classmethod
    def of(cls, events: EventBatch, negatives: Tensor) -> "EventRoots":
        """The roots of ``events`` and their ``negatives`` [num_events, num_negatives]."""
        nodes = torch.cat([events.src, events.dst, negatives.flatten()])
        times = torch.cat([events.t, events.t, events.t.repeat_interleave(negatives.shape[1])])
        return cls(nodes, times, tuple(negatives.shape))

    def split(self, rows: Tensor) -> EventRows:
        """The ``rows`` [num_roots, ...] told apart."""
        num_events, num_negatives = self.shape
        parts = rows.split([num_events, num_events, num_events * num_negatives])
        return EventRows(parts[0], parts[1], parts[2].unflatten(0, self.shape))

    @property
    def pairs(self) -> RootPairs:
        """Each source with its true destination and then its negatives, event after event."""
        ends = self.split(torch.arange(self.nodes.numel(), device=self.nodes.device))
        return _all_pairs(ends.sources, ends.candidates)


@dataclass(frozen=True)
class CandidateRoots:
    """Sources of events and their candidate destinations as roots, each at the time of its event.

    ``nodes`` and ``times`` are [num_roots], ``shape`` (num_events, num_candidates).
    """

    nodes: Tensor
    times: Tensor
    shape: tuple[int, ...]

    @classmethod
    def of(cls, events: EventBatch, candidates: Tensor) -> "CandidateRoots":
        """The roots of ``events`` and their ``candidates`` [num_events, num_candidates]."""
        nodes = torch.cat([events.src, candidates.flatten()])
        times = torch.cat([events.t, events.t.repeat_interleave(candidates.shape[1])])
        return cls(nodes, times, tuple(candidates.shape))

    def split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The ``rows`` [num_roots, ...] of sources and of candidates [*shape, ...]."""
        num_events, num_candidates = self.shape
        sources, candidates = rows.split([num_events, num_events * num_candidates])
        return sources, candidates.unflatten(0, self.shape)

    @property
    def pairs(self) -> RootPairs:
        """Each source with all of its candidates, event after event."""
        rows = torch.arange(self.nodes.numel(), device=self.nodes.device)
        return _all_pairs(*self.split(rows))


def _all_pairs(sources: Tensor, candidates: Tensor) -> RootPairs:
    """The pairs of ``sources`` [num_events] and ``candidates`` [num_events, num_candidates]."""
    return RootPairs(sources.repeat_interleave(candidates.shape[1]), candidates.flatten())
