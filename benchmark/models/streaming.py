"""Running a trained model along the stream: score candidates, then take the events in.

Nodes that nothing is known about get the same score, to the last bit. A matrix product may round
equal rows differently, depending on where they stand; between unseen nodes that would break ties by
accident, and otherwise with another number of processes.
"""

from dataclasses import replace

import torch
from torch import Tensor

from benchmark.datasets.dataset import EventBatch
from benchmark.graph.samplers import NeighborSampler
from benchmark.models.contract import TemporalModel
from benchmark.models.node_state import NO_EVENT, Delivery, MemoryWrite, NodeState
from benchmark.models.roots import CandidateRoots, EventRoots
from benchmark.models.subgraph import Subgraph, build_subgraph


class StreamingModel:
    """A model and the node memory of all nodes, ``state``; only ``observe`` changes it.

    Roots are embedded in chunks whose neighbours' inputs fill about ``mebibytes``, also where a
    model never writes them down. Where neighbours have neighbours, or there are snapshots, chunks
    are sampled one by one too, and in the order of nodes: what the roots of one node share is
    looked at once.
    """

    def __init__(
        self, model: TemporalModel, sampler: NeighborSampler, state: NodeState, mebibytes: int = 64
    ) -> None:
        self.model = model
        self.sampler = sampler
        self.mail_sampler = model.mail_sampler(sampler)
        self.state = state
        self.samples_in_chunks = sampler.slots_per_root > sampler.num_neighbors
        inputs = 2 * model.node_dim + model.edge_features.shape[1]  # a neighbour's, and its time's
        row = sampler.slots_per_root * max(inputs, 1) * state.memory.element_size()
        self.roots_per_chunk = max(1, mebibytes * 2**20 // row)

    @torch.no_grad()
    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        device = self.state.memory.device
        roots = CandidateRoots.of(events.to(device), candidates.to(device))
        embeddings, unseen = self.embed(roots.nodes, roots.times, events.start)
        scores = self.model.score_links(*roots.split(embeddings))
        return tie_unseen(self.model, roots, unseen, scores).cpu()

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its own event."""
        events = events.to(self.state.memory.device)
        return self.embed(events.src, events.t, events.start)[0]

    def embed_ends(self, events: EventBatch) -> tuple[Tensor, Tensor]:
        """Embeddings [num_events, embedding_dim] of sources and destinations, before the event."""
        events = events.to(self.state.memory.device)
        roots = EventRoots.of(events, events.dst.new_empty(len(events), 0))
        ends = roots.split(self.embed(roots.nodes, roots.times, events.start)[0])
        return ends.sources, ends.destinations

    @torch.no_grad()
    def embed(self, nodes: Tensor, times: Tensor, first_event: int) -> tuple[Tensor, Tensor]:
        """Embeddings [num_roots, embedding_dim] of ``nodes`` at ``times``; which are unseen.

        ``first_event`` is that of the batch that asks.
        """
        self.model.eval()
        if not self.samples_in_chunks:
            return self._embed(nodes, times, first_event)
        by_node = nodes.argsort(stable=True)
        parts = [
            self._embed(nodes[some], times[some], first_event)
            for some in by_node.split(self.roots_per_chunk)
        ]
        embeddings, unseen = (torch.cat(part) for part in zip(*parts, strict=True))
        place = by_node.argsort()
        return embeddings[place], unseen[place]

    def _embed(self, nodes: Tensor, times: Tensor, first_event: int) -> tuple[Tensor, Tensor]:
        """``embed``, out of one subgraph."""
        subgraph = build_subgraph(nodes, times, self.sampler, first_event)
        state = self.state.rows(subgraph.nodes)
        memory, subgraph = self.model.update_memory(state), subgraph.known_from(state)
        chunks = [
            subgraph.select(slice(first, first + self.roots_per_chunk))
            for first in range(0, subgraph.num_roots, self.roots_per_chunk)
        ]
        embeddings = torch.cat([self.model.embed(memory, chunk) for chunk in chunks])
        return embeddings, find_unseen(self.model, self.state, subgraph)

    @torch.no_grad()
    def observe(self, events: EventBatch) -> None:
        """Take a batch in: new memory and mail for every node that it reaches, as in training."""
        self.model.eval()
        events = events.to(self.state.memory.device)
        delivery = Delivery.of(events, self.mail_sampler, events.start)
        read = delivery.nodes[delivery.last].sort().values
        write = MemoryWrite.plan(events, delivery, read)
        old = self.state.rows(read)
        memory = self.model.update_memory(old)
        self.state.write(write.nodes, write.new_state(self.model.make_mail, old, memory))


def find_unseen(model: TemporalModel, state: NodeState, subgraph: Subgraph) -> Tensor:
    """Mask [num_roots] of the roots without neighbour, static row of their own, or mail.

    ``state`` is that of all nodes; a model without memory does not know of a mail.
    """
    known = (state.newest_event[subgraph.nodes] != NO_EVENT) & (model.memory_dim > 0)
    for static in (model.node_features, model.static_memory):
        if static is not None:
            known |= static.knows(subgraph.nodes)
    return ~(known[subgraph.roots] | subgraph.has_neighbors)


def tie_unseen(
    model: TemporalModel, roots: CandidateRoots, unseen: Tensor, scores: Tensor
) -> Tensor:
    """The ``scores`` [num_events, num_candidates] with those that must be equal made equal.

    ``unseen`` [num_roots] says which of the ``roots`` are. Unseen candidates get the score of the
    first one of their event, and where the source is unseen too, the score that two unseen nodes
    have in every batch.
    """
    sources, candidates = roots.split(unseen)
    first = candidates.int().argmax(1, keepdim=True)
    scores = torch.where(candidates, scores.gather(1, first), scores)
    score_of_two = _score_of_two(model, roots.nodes, unseen)
    return torch.where(candidates & sources.unsqueeze(1), score_of_two, scores)


def _score_of_two(model: TemporalModel, nodes: Tensor, unseen: Tensor) -> Tensor:
    """The score [1, 1] of two unseen nodes, always from one row alone; anything without one."""
    root = unseen.int().argmax().view(1)
    embedding = embed_unseen(model, nodes[root])
    return model.score_links(embedding, embedding.unsqueeze(1))


def embed_unseen(model: TemporalModel, node: Tensor) -> Tensor:
    """The embedding [1, embedding_dim] of ``node`` [1] if nothing has happened to it."""
    alone = _nobody_around(model, node, torch.zeros_like(node), model.num_layers)
    alone = replace(alone, earlier=(alone,) * (model.snapshots.number - 1))
    dtype = next(model.parameters()).dtype
    empty = model.empty_state(1, dtype, node.device)
    return model.embed(model.update_memory(empty), alone)


def _nobody_around(model: TemporalModel, nodes: Tensor, roots: Tensor, num_layers: int) -> Subgraph:
    """The ``roots``, rows of ``nodes``, without neighbours."""
    none = roots.new_zeros(len(roots), model.num_neighbors)
    mask = torch.zeros_like(none, dtype=torch.bool)
    now = torch.zeros_like(roots)
    around = Subgraph(nodes, roots, none, none, none, mask, now, now)
    if num_layers == 1:
        return around
    deeper = _nobody_around(model, nodes, roots[:0], num_layers - 1)
    return replace(around, deeper=deeper, deeper_roots=none)
