"""Pairwise networks that break the contract, each in one way."""

from typing import Any

import torch
from torch import Tensor, nn

from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph


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


class PairsKnowTheOrderOfSources(SoundPairs):
    """Takes the sources to come in the order of the events."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + 0.1 * pairs.sources.to(rows.dtype).unsqueeze(1)


class PairsCountDestinations(SoundPairs):
    """Counts how often a destination is asked about in the batch."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        ids = subgraph.roots[pairs.destinations]
        return rows + (ids.unsqueeze(1) == ids).to(rows.dtype).sum(1, keepdim=True)


class PairsTakeTheTimeOfTheBatch(SoundPairs):
    """Counts time from the last query of the batch."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + 1e-3 * subgraph.times.max().to(rows.dtype)


class PairsChangeTheirSubgraph(SoundPairs):
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        subgraph.elapsed.add_(1)
        return super().embed_pairs(memory, subgraph, pairs)


class PairsChangeTheirEmbeddings(SoundPairs):
    def score_pairs(self, embeddings: Tensor) -> Tensor:
        return super().score_pairs(embeddings.mul_(2.0))


class PairsReturnNothing(SoundPairs):
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Any:
        super().embed_pairs(memory, subgraph, pairs)


class PairsReturnSingles(SoundPairs):
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        return super().embed_pairs(memory, subgraph, pairs).float()


class PairsReturnNaN(SoundPairs):
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows / (0.0 * rows)


class PairsScoreRowsOnly(SoundPairs):
    """Scores pairs [num_pairs, pair_dim], and not the candidates of several sources."""

    def score_pairs(self, embeddings: Tensor) -> Tensor:
        scores: Tensor = self.link_decoder(embeddings)
        return scores[:, 0]


class PairsFailInTraining(SoundPairs):
    def score_pairs(self, embeddings: Tensor) -> Tensor:
        if self.training:
            raise IndexError("no such batch")
        return super().score_pairs(embeddings)
