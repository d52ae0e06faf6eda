"""Ways to choose which neighbours of a node a model looks at."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import WHOLE_PAST, Neighborhood, Snapshots, Visibility


@dataclass(frozen=True)
class NeighborSampler(ABC):
    """Chooses up to ``num_neighbors`` past events per root, on the host.

    Of several ``snapshots`` it chooses so many from each. With ``num_layers`` above 1 neighbours
    are asked for neighbours in turn, so many times in all (``build_subgraph``).
    """

    index: NeighborIndex
    num_neighbors: int
    visibility: Visibility
    num_layers: int = 1
    snapshots: Snapshots = WHOLE_PAST

    def __post_init__(self) -> None:
        for name in ("num_neighbors", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")

    @property
    def slots_per_root(self) -> int:
        """The most neighbours that one root can have, with those of its neighbours."""
        layers = range(1, self.num_layers + 1)
        return self.snapshots.number * sum(self.num_neighbors**layer for layer in layers)

    def sample(
        self,
        nodes: Tensor,
        times: Tensor,
        first_event: int | None,
        generator: torch.Generator | None = None,
        snapshot: int = 0,
    ) -> Neighborhood:
        """Neighbours of each root.

        Args:
            nodes: Roots, int64 [num_roots].
            times: Time at which each is asked about, int64 [num_roots].
            first_event: Id of the first event of the batch that asks. With visibility ``BATCH``
                all events before it are visible, also those at the time of the query, and no
                other; with ``EVENT`` it plays no part. None for a query that no batch asks: it
                sees what ``EVENT`` lets it see.
            generator: Source of randomness for samplers that draw.
            snapshot: The one to choose from.
        """
        end, count = self._visible(nodes, times, first_event, snapshot)
        entries = (end - 1).unsqueeze(1) - self._offsets(count, generator)
        return self.index.neighborhood(entries, self._slots() < count.unsqueeze(1))

    @abstractmethod
    def _offsets(self, count: Tensor, generator: torch.Generator | None) -> Tensor:
        """How far before the last of ``count`` [num_roots] visible entries to look.

        Ascending, [num_roots, num_neighbors] or, equal for all roots, [num_neighbors]. What lies
        outside of the visible entries counts as padding.
        """

    def _visible(
        self, nodes: Tensor, times: Tensor, first_event: int | None, snapshot: int
    ) -> tuple[Tensor, Tensor]:
        """Position after the last visible entry, and number of visible entries, [num_roots]."""
        if self.visibility is Visibility.EVENT or first_event is None:
            cutoff = self.index.before(times)
        else:
            cutoff = torch.as_tensor(first_event)
        if self.snapshots.duration is None:
            end = self.index.end_entry(nodes, cutoff)
            return end, end - self.index.first_entry(nodes)
        newest, oldest = (
            self.index.before(times - age * self.snapshots.duration)
            for age in (snapshot, snapshot + 1)
        )
        end = self.index.end_entry(nodes, newest.clamp(max=cutoff) if snapshot else cutoff)
        return end, (end - self.index.end_entry(nodes, oldest)).clamp(min=0)

    def _slots(self) -> Tensor:
        return torch.arange(self.num_neighbors)


@dataclass(frozen=True)
class RecentSampler(NeighborSampler):
    """The most recent visible events; at equal times the later event is the more recent."""

    def _offsets(self, count: Tensor, generator: torch.Generator | None) -> Tensor:
        return self._slots()


@dataclass(frozen=True)
class UniformSampler(NeighborSampler):
    """All visible events where they fit, else that many of them, each subset equally likely.

    Without a generator ``sample`` raises ValueError, so that no run is random by oversight.
    """

    def _offsets(self, count: Tensor, generator: torch.Generator | None) -> Tensor:
        """Distinct numbers below max(count, num_neighbors).

        Floyd's algorithm (CACM 30(9), 1987) for all roots at once. A root with few events draws
        from exactly num_neighbors numbers and so gets 0, 1, 2, ... .
        """
        if generator is None:
            raise ValueError("Uniform sampling draws at random: pass a seeded generator.")
        shape = (self.num_neighbors, count.numel())
        # float64, so that a fraction times a count never rounds up to the count.
        fractions = torch.rand(shape, dtype=torch.float64, generator=generator)
        chosen = torch.empty(shape, dtype=torch.int64)
        smallest_limit = count.clamp(min=self.num_neighbors) - self.num_neighbors
        for row in range(self.num_neighbors):
            limit = smallest_limit + row
            drawn = (fractions[row] * (limit + 1)).long()
            taken = (chosen[:row] == drawn).any(0)
            chosen[row] = torch.where(taken, limit, drawn)
        return chosen.sort(dim=0).values.T


@dataclass(frozen=True)
class PaperSampler(RecentSampler):
    """The most recent events as the samplers released with TGL and DistTGL choose them.

    They differ from ``RecentSampler`` in three ways (sampler_core.cpp, recent strategy): times are
    compared as float32; events at the time of the query, such as the one asked about, use up
    slots before they are dropped; and the oldest event of a node is never returned. Their epsilon
    of 1e-7 changes no comparison of integer times. The times returned are the exact ones.

    Raises:
        ValueError: With visibility ``BATCH``, which the released samplers do not know, and for
            snapshots, whose bounds they blur by an event.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.visibility is not Visibility.EVENT:
            raise ValueError(
                "sampler=paper sees earlier events of the same batch, which visibility="
                f"{self.visibility} forbids: choose sampler=strict or a protocol with "
                f"visibility={Visibility.EVENT}."
            )
        if self.snapshots.duration is not None:
            raise ValueError("sampler=paper has no snapshots: choose sampler=strict.")

    @cached_property
    def _stream_times(self) -> Tensor:
        return self.index.times.float()

    def sample(
        self,
        nodes: Tensor,
        times: Tensor,
        first_event: int | None,
        generator: torch.Generator | None = None,
        snapshot: int = 0,
    ) -> Neighborhood:
        stream_times, query_times = self._stream_times, times.float()
        not_later = torch.searchsorted(stream_times, query_times, right=True)
        earlier = torch.searchsorted(stream_times, query_times)
        first = self.index.first_entry(nodes)
        # The window reaches back from ``newest``; ``before_window`` itself is left out, also
        # where it is the oldest event of the node.
        newest = torch.maximum(self.index.end_entry(nodes, not_later) - 1, first)
        before_window = torch.maximum(newest - self.num_neighbors, first)
        entries = (self.index.end_entry(nodes, earlier) - 1).unsqueeze(1) - self._slots()
        return self.index.neighborhood(entries, entries > before_window.unsqueeze(1))


RECENT_SAMPLERS: dict[str, type[NeighborSampler]] = {
    "strict": RecentSampler,
    "paper": PaperSampler,
}
