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
from benchmark.machine.device import to_device, to_host
from benchmark.models.contract import TemporalModel
from benchmark.models.memory_write import Delivery, MemoryWrite
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.pairwise import (
    Answers,
    NodeAnswers,
    PairAnswers,
    PairwiseModel,
)
from benchmark.models.roots import CandidateRoots, EventRoots, EventRows, RootPairs
from benchmark.models.subgraph import Queries, Subgraph, build_subgraph


class StreamingModel:
    """A model and the node memory of all nodes, ``state``; only ``observe`` changes it.

    What is asked for is looked up on the host and computed on the device of the model; ``state``
    lies there too, or on the host.
    Roots, or pairs of them, are embedded in chunks whose neighbours' inputs fill about
    ``mebibytes``, also where a model never writes them down. Where neighbours have neighbours, or
    there are snapshots, chunks are sampled one by one too, and in the order of nodes: what the
    roots of one node share is looked at once.
    """

    def __init__(
        self, model: TemporalModel, sampler: NeighborSampler, state: NodeState, mebibytes: int = 64
    ) -> None:
        self.model = model
        self.sampler = sampler
        self.mail_sampler = model.mail_sampler(sampler)
        self.state = state
        self.device = next(model.parameters()).device
        self.samples_in_chunks = sampler.slots_per_root > sampler.num_neighbors
        # A neighbour's inputs, and its time's.
        inputs = 2 * model.node_dim + model.edge_features.shape[1]
        if isinstance(model, PairwiseModel):
            inputs += model.memory_dim
        row = sampler.slots_per_root * max(inputs, 1) * state.memory.element_size()
        self.roots_per_chunk = max(1, mebibytes * 2**20 // row)
        self.pairs_per_chunk = max(1, self.roots_per_chunk // 2)

    @torch.no_grad()
    def score(self, events: EventBatch, candidates: Tensor) -> Tensor:
        """Scores [num_events, num_candidates] of the destinations ``candidates``."""
        roots = CandidateRoots.of(events, candidates)
        if isinstance(self.model, PairwiseModel):
            embeddings, unseen = self._embed_pairs(roots.nodes, roots.times, roots.pairs, events)
            scores = self.model.score_pairs(embeddings).view(candidates.shape)
        else:
            embeddings, unseen = self.embed(roots.nodes, roots.times, events.start)
            scores = self.model.score_links(*roots.split(embeddings))
        return tie_unseen(self.model, to_device(roots, self.device), unseen, scores).cpu()

    def answer(self, events: EventBatch) -> Answers:
        """What the network says of the ends of ``events``, before them; no negatives."""
        roots = EventRoots.of(events, events.dst.new_empty(len(events), 0))
        if isinstance(self.model, PairwiseModel):
            pairs, _ = self._embed_pairs(roots.nodes, roots.times, roots.pairs, events)
            return PairAnswers(self.model, pairs.unsqueeze(1))
        return NodeAnswers(
            self.model, roots.split(self.embed(roots.nodes, roots.times, events.start)[0])
        )

    def embed_sources(self, events: EventBatch) -> Tensor:
        """Embeddings [num_events, embedding_dim] of the sources, each before its own event."""
        return self.embed(events.src, events.t, events.start)[0]

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
        place = to_device(by_node.argsort(), self.device)
        return embeddings[place], unseen[place]

    def _embed(self, nodes: Tensor, times: Tensor, first_event: int) -> tuple[Tensor, Tensor]:
        """``embed``, out of one subgraph."""
        whole = build_subgraph(nodes, times, self.sampler, first_event)
        chunks = to_device(self._chunks(whole), self.device)
        read = chunks[0].nodes
        state = self._rows(whole.nodes, read)
        memory, known = self.model.update_memory(state), find_known(self.model, state, read)
        embeddings = [self.model.embed(memory, chunk.known_from(state)) for chunk in chunks]
        unseen = [find_unseen(known, chunk) for chunk in chunks]
        return torch.cat(embeddings), torch.cat(unseen)

    def _chunks(self, whole: Subgraph) -> tuple[Subgraph, ...]:
        """Its roots, so many at a time; one empty chunk where there is none."""
        size = self.roots_per_chunk
        if whole.num_roots <= size:
            return (whole,)
        starts = range(0, whole.num_roots, size)
        return tuple(whole.select(slice(first, first + size)) for first in starts)

    @torch.no_grad()
    def _embed_pairs(
        self, nodes: Tensor, times: Tensor, pairs: RootPairs, events: EventBatch
    ) -> tuple[Tensor, Tensor]:
        """Embeddings [num_pairs, pair_dim] of pairs of (``nodes``, ``times``); unseen nodes.

        Chunks of pairs are sampled one by one: what a pair takes is held for so many only.
        """
        assert isinstance(self.model, PairwiseModel)
        self.model.eval()
        unseen = torch.zeros(len(nodes), dtype=torch.bool, device=self.device)
        embeddings = []
        for first in range(0, len(pairs.sources), self.pairs_per_chunk):
            some = pairs.select(slice(first, first + self.pairs_per_chunk))
            roots, rows = torch.cat(some).unique(return_inverse=True)
            around = build_subgraph(nodes[roots], times[roots], self.sampler, events.start)
            prepared = (around, RootPairs(*rows.view(2, -1)), roots)
            subgraph, part, roots = to_device(prepared, self.device)
            state = self._rows(around.nodes, subgraph.nodes)
            memory, known = (
                self.model.update_memory(state),
                find_known(self.model, state, subgraph.nodes),
            )
            embeddings.append(self.model.embed_pairs(memory, subgraph.known_from(state), part))
            unseen[roots] = find_unseen(known, subgraph)
        return torch.cat(embeddings), unseen

    @torch.no_grad()
    def observe(self, events: EventBatch) -> None:
        """Take a batch in: new memory and mail for every node that it reaches, as in training."""
        self.model.eval()
        delivery = Delivery.of(events, self.mail_sampler, events.start)
        read = delivery.nodes[delivery.last].sort().values
        write = MemoryWrite.plan(events, delivery, read)
        if self.model.adds_mails:
            write = write.with_every_mail(events, delivery, read)
        there, change = to_device((read, write), self.device)
        old = self._rows(read, there)
        new = change.new_state(self.model, old, self.model.update_memory(old))
        if self.state.memory.device == self.device:
            self.state.write(change.nodes, new)
        else:
            self.state.write(write.nodes, to_host(new)())

    def _rows(self, nodes: Tensor, there: Tensor) -> NodeState:
        """The state of ``nodes``, which the device has as ``there``, on the device."""
        if self.state.memory.device == self.device:
            return self.state.rows(there)
        return to_device(self.state.rows(nodes), self.device)


def find_known(model: TemporalModel, state: NodeState, nodes: Tensor) -> Tensor:
    """Mask of the ``nodes`` with a static row of their own, or a mail in their ``state``.

    A model without memory does not know of a mail; one that ``knows_ids`` knows every node.
    """
    if isinstance(model, PairwiseModel) and model.knows_ids:
        return torch.ones_like(nodes, dtype=torch.bool)
    known = (state.newest_event != NO_EVENT) & (model.memory_dim > 0)
    for static in (model.node_features, model.static_memory):
        if static is not None:
            known |= static.knows(nodes)
    return known


def find_unseen(known: Tensor, subgraph: Subgraph) -> Tensor:
    """Mask [num_roots] of the roots that have no neighbour, and whose node is not ``known``."""
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
    if isinstance(model, PairwiseModel):
        own, others = roots.split(roots.nodes)
        candidates = candidates & (others != own.unsqueeze(1))  # it may tell who is who
    first = candidates.int().argmax(1, keepdim=True)
    scores = torch.where(candidates, scores.gather(1, first), scores)
    score_of_two = _score_of_two(model, roots.nodes, unseen)
    return torch.where(candidates & sources.unsqueeze(1), score_of_two, scores)


def _score_of_two(model: TemporalModel, nodes: Tensor, unseen: Tensor) -> Tensor:
    """The score [1, 1] of two unseen nodes, always from these alone; anything without two."""
    found = torch.where(unseen, nodes, nodes[unseen.int().argmax()])
    two = torch.stack([found.min(), found.max()])
    return answer_of_unseen(model, two).scores()


def answer_of_unseen(model: TemporalModel, nodes: Tensor) -> Answers:
    """What ``model`` says of the pair ``nodes`` [2] if nothing has happened to either.

    A network that embeds nodes embeds the first one only, and pairs it with itself.
    """
    if not isinstance(model, PairwiseModel):
        nodes = nodes[:1]
    rows = torch.arange(len(nodes), device=nodes.device)
    alone = _nobody_around(model, nodes, rows, model.num_layers)
    alone = replace(alone, earlier=(alone,) * (model.snapshots.number - 1))
    empty = model.empty_state(len(nodes), next(model.parameters()).dtype, nodes.device)
    memory, alone = model.update_memory(empty), alone.known_from(empty)
    if isinstance(model, PairwiseModel):
        pair = RootPairs(rows[:1], rows[1:])
        return PairAnswers(model, model.embed_pairs(memory, alone, pair).unsqueeze(1))
    embedding = model.embed(memory, alone)
    nobody = embedding.new_empty(1, 0, embedding.shape[1])
    return NodeAnswers(model, EventRows(embedding, embedding, nobody))


def _nobody_around(model: TemporalModel, nodes: Tensor, roots: Tensor, num_layers: int) -> Subgraph:
    """The ``roots``, rows of ``nodes``, without neighbours."""
    none = roots.new_zeros(len(roots), model.num_neighbors)
    mask = torch.zeros_like(none, dtype=torch.bool)
    now = torch.zeros_like(roots)
    around = Subgraph(nodes, roots, none, none, none, mask, now, Queries.one_each(roots))
    if num_layers == 1:
        return around
    deeper = _nobody_around(model, nodes, roots[:0], num_layers - 1)
    return replace(around, deeper=deeper, deeper_roots=none)
