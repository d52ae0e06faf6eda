"""A stream of a few random events, to look at what a network makes of them."""

from copy import copy

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Visibility
from benchmark.graph.samplers import RecentSampler
from benchmark.models.contract import TemporalModel
from benchmark.models.memory_write import Delivery, Mails, MemoryWrite
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import candidate_scores
from benchmark.models.roots import CandidateRoots
from benchmark.models.subgraph import Subgraph, build_subgraph

NUM_NODES = 12
NUM_EVENTS = 80
FIRST = 60  # the first event of the batch that is asked about
BATCH_SIZE = 8


class ToyStream:
    """Events among twelve nodes, of which the last eight before the future form a batch.

    ``edge_features`` [80, edge_dim] and ``node_features`` [12, node_dim], None if that is 0, are
    float32. With ``changed`` the events from the batch on, their features, times and nodes, are
    others, while the questions (``batch``, ``candidates``) stay the same.
    """

    def __init__(self, edge_dim: int, node_dim: int, changed: bool = False) -> None:
        generator = torch.Generator().manual_seed(0)
        self.src, self.dst = torch.randint(NUM_NODES, (2, NUM_EVENTS), generator=generator)
        self.t = torch.randint(1, 100, (NUM_EVENTS,), generator=generator).cumsum(0)
        self.edge_features = torch.randn(NUM_EVENTS, edge_dim, generator=generator)
        rows = torch.randn(NUM_NODES, node_dim, generator=generator)
        self.node_features = rows if node_dim else None
        self.batch = self._events(FIRST, FIRST + BATCH_SIZE)
        self.candidates = torch.arange(NUM_NODES).expand(BATCH_SIZE, -1)
        self.roots = CandidateRoots.of(self.batch, self.candidates)
        if changed:
            self._change(generator)

    def asked_alone(self, event: int, candidate: int) -> "ToyStream":
        """The same stream, asked about one event of the batch and one candidate only."""
        alone = copy(self)
        alone.candidates = self.candidates[event : event + 1, candidate : candidate + 1]
        asked = self.batch.select(slice(event, event + 1))
        alone.roots = CandidateRoots.of(asked, alone.candidates)
        return alone

    def _change(self, generator: torch.Generator) -> None:
        count = NUM_EVENTS - FIRST
        self.src, self.dst, self.t = self.src.clone(), self.dst.clone(), self.t.clone()
        self.src[FIRST:], self.dst[FIRST:] = torch.randint(
            NUM_NODES, (2, count), generator=generator
        )
        self.t[FIRST:] += 10_000
        self.edge_features[FIRST:] = torch.randn(
            count, self.edge_features.shape[1], generator=generator
        )

    def _events(self, start: int, stop: int) -> EventBatch:
        columns = (self.src[start:stop], self.dst[start:stop], self.t[start:stop])
        return EventBatch(start, torch.arange(start, stop), *columns)

    def subgraph(self, model: TemporalModel) -> Subgraph:
        """The subgraph of ``roots``; no event of the batch is among the neighbours."""
        sampler = self._sampler(model)
        return build_subgraph(self.roots.nodes, self.roots.times, sampler, self.batch.start)

    def _sampler(self, model: TemporalModel) -> RecentSampler:
        index = NeighborIndex(self.src, self.dst, self.t, NUM_NODES)
        reach = (model.num_layers, model.snapshots)
        return RecentSampler(index, model.num_neighbors, Visibility.BATCH, *reach)

    def empty_state(self, model: TemporalModel) -> NodeState:
        """The state of all nodes before the first event, float64."""
        return model.empty_state(NUM_NODES, torch.float64)

    @torch.no_grad()
    def state_before_batch(self, model: TemporalModel) -> NodeState:
        """The state of all nodes after the events before the batch."""
        state, nodes = self.empty_state(model), torch.arange(NUM_NODES)
        mail_sampler = model.mail_sampler(self._sampler(model))
        for start in range(0, FIRST, BATCH_SIZE):
            events = self._events(start, min(start + BATCH_SIZE, FIRST))
            old, delivery = state.rows(nodes), Delivery.of(events, mail_sampler, start)
            write = MemoryWrite.plan(events, delivery, nodes)
            if model.adds_mails:
                write = write.with_every_mail(events, delivery, nodes)
            memory = model.update_memory(old)
            state.write(write.nodes, write.new_state(model, old, memory))
        return state

    def scores(self, model: TemporalModel, state: NodeState) -> Tensor:
        """Scores [num_events, num_candidates] of the candidates, from the ``state`` of all."""
        subgraph = self.subgraph(model)
        rows = state.rows(subgraph.nodes)
        memory, subgraph = model.update_memory(rows), subgraph.known_from(rows)
        return candidate_scores(model, memory, subgraph, self.roots)


def mails_of_all(rows: NodeState, memory: Tensor) -> Mails:
    """One mail to each of the nodes with the state ``rows``, from that at the other end of them."""
    times = rows.newest_time
    nodes = torch.arange(len(memory))
    now = torch.full_like(times, int(times.max()) + 5)
    return Mails(memory, memory.flip(0), nodes.flip(0), times.flip(0), now, now + nodes)
