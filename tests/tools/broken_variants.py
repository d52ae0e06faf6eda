"""Networks that break the contract, each in one way."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph


class Sound(TemporalModel):
    """Keeps the contract: the mean of a root's neighbours beside its own memory."""

    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__(edge_features, num_neighbors=3, memory_dim=4)
        self.cell = nn.GRUCell(self.mail_dim + edge_features.shape[1], 4)
        self.output = nn.Linear(8 + edge_features.shape[1], 6)
        self.link_decoder = LinkDecoder(6)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        return self.cell(torch.cat([state.mail, self.mail_features(state)], dim=1), state.memory)

    def edges(self, subgraph: Subgraph) -> Tensor:
        return self.edge_features[subgraph.events]

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        known = self.add_static(memory, subgraph.nodes)
        rows = torch.cat([known[subgraph.neighbors], self.edges(subgraph)], dim=-1)
        mean = (rows * subgraph.mask.unsqueeze(-1)).sum(1) / self.num_neighbors
        return F.relu(self.output(torch.cat([known[subgraph.roots], mean], dim=-1)))


class PeeksAtItsBatch(Sound):
    """Looks at the event after the newest one that it may see: that of the batch itself."""

    def edges(self, subgraph: Subgraph) -> Tensor:
        following = (subgraph.events + 1).clamp(max=len(self.edge_features) - 1)
        return self.edge_features[following]


class ScalesByTheFuture(Sound):
    """Divides edge features by their standard deviation over the whole stream."""

    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        scale = edge_features.std() if edge_features.numel() else 1.0
        super().__init__(edge_features / scale, node_features)


class KeepsAScaleOfTheFuture(Sound):
    """As ``ScalesByTheFuture``, with the deviation in a buffer, which is saved with the weights."""

    scale: Tensor

    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__(edge_features, node_features)
        deviation = edge_features.std() if edge_features.numel() else torch.ones(())
        self.register_buffer("scale", deviation)

    def edges(self, subgraph: Subgraph) -> Tensor:
        return super().edges(subgraph) / self.scale


class KeepsHiddenState(Sound):
    """Counts how often a node was asked about, outside of node memory."""

    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.asked: dict[int, int] = {}

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        counts = []
        for node in subgraph.nodes.tolist():
            self.asked[node] = self.asked.get(node, 0) + 1
            counts.append(self.asked[node])
        return super().embed(memory + 0.01 * memory.new_tensor(counts).unsqueeze(1), subgraph)


class RemembersTheLastBatch(Sound):
    """Shifts memory by the mean of what it saw while it trained."""

    mean: Tensor | float = 0.0

    def update_memory(self, state: NodeState) -> Tensor:
        memory = super().update_memory(state)
        if self.training:
            self.mean = memory.mean().detach()
        return memory - self.mean


class ReturnsWrongShapes(Sound):
    """Keeps the axis of the neighbours in its embeddings, and one too many in its memory."""

    def update_memory(self, state: NodeState) -> Tensor:
        return super().update_memory(state).unsqueeze(1)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        return super().embed(memory.squeeze(1), subgraph).unsqueeze(1)


class ReturnsSingles(Sound):
    """Computes in float32 whatever the precision."""

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        return super().embed(memory, subgraph).float()

    def score_links(self, source: Tensor, destinations: Tensor) -> Tensor:
        return super().score_links(source.double(), destinations.double())


class DividesByZero(Sound):
    def score_links(self, source: Tensor, destinations: Tensor) -> Tensor:
        return super().score_links(source, destinations) / 0.0


class ChangesItsInput(Sound):
    def update_memory(self, state: NodeState) -> Tensor:
        state.memory.add_(1.0)
        return super().update_memory(state)


class NormalisesOverTheBatch(Sound):
    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        rows = super().embed(memory, subgraph)
        return rows - rows.mean(0)


class KnowsPositions(Sound):
    """Takes the first candidate for the true one."""

    def score_links(self, source: Tensor, destinations: Tensor) -> Tensor:
        scores = super().score_links(source, destinations)
        return scores + F.one_hot(torch.tensor(0), scores.shape[1])


class HasAnIdleParameter(Sound):
    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.idle = nn.Linear(2, 2)


class NeedsEdgeFeatures(Sound):
    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__(edge_features, node_features)
        self.scale = 1.0 / edge_features.shape[1]


class NoTemporalModel(nn.Module):
    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__()


class SoundPairs(PairwiseModel):
    """Keeps the contract: of a pair, which neighbours are shared, and what is known of both."""

    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__(edge_features, num_neighbors=3, memory_dim=4)
        self.cell = nn.GRUCell(self.mail_dim, 4)
        self.pair = nn.Linear(9 + edge_features.shape[1], 6)
        self.link_decoder = nn.Linear(6, 1)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        return self.cell(state.mail, state.memory)

    def edges(self, subgraph: Subgraph) -> Tensor:
        return self.edge_features[subgraph.events]

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        known = self.add_static(memory, subgraph.nodes)
        ends = [known[subgraph.roots[end]] for end in pairs]
        masks = [subgraph.mask[end] for end in pairs]
        neighbors = [subgraph.neighbors[end] for end in pairs]
        same = (neighbors[0].unsqueeze(2) == neighbors[1].unsqueeze(1)) & (
            masks[0].unsqueeze(2) & masks[1].unsqueeze(1)
        )
        shared = same.to(known.dtype).sum((1, 2)).unsqueeze(1)
        edges = (self.edges(subgraph) * subgraph.mask.unsqueeze(-1)).sum(1)[pairs.sources]
        return torch.tanh(self.pair(torch.cat([*ends, shared, edges], dim=1)))


class PairsPeekAtTheirBatch(SoundPairs):
    """Looks at the features of the event after the newest one of the source."""

    def edges(self, subgraph: Subgraph) -> Tensor:
        following = (subgraph.events + 1).clamp(max=len(self.edge_features) - 1)
        return self.edge_features[following]


class PairsKeepHiddenState(SoundPairs):
    """Counts how often two nodes were asked about, outside of node memory."""

    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.asked: dict[tuple[int, ...], int] = {}

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        ids = subgraph.nodes[subgraph.roots[torch.stack(pairs)]]
        counts = []
        for pair in map(tuple, ids.T.tolist()):
            self.asked[pair] = self.asked.get(pair, 0) + 1
            counts.append(self.asked[pair])
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + 0.01 * rows.new_tensor(counts).unsqueeze(1)


class PairsKnowTheirPlaces(SoundPairs):
    """Takes the first pair of a source for the true one."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        new_source = pairs.sources != pairs.sources.roll(1)
        return rows + new_source.to(rows.dtype).unsqueeze(1)


class PairsCompareCandidates(SoundPairs):
    """Scores a candidate against the mean of the others of its source."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        means = rows.new_zeros(subgraph.num_roots, rows.shape[1])
        means.index_add_(0, pairs.sources, rows)
        count = torch.bincount(pairs.sources, minlength=subgraph.num_roots).clamp(min=1)
        return rows - (means / count.unsqueeze(1))[pairs.sources]


class PairsKnowTheOrderOfRoots(SoundPairs):
    """Tells sources from candidates by the numbers of their roots."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + 0.1 * pairs.destinations.to(rows.dtype).unsqueeze(1)
