"""Pairwise networks that break the contract where it shows in few batches, or in training."""

import random
import time
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph
from tests.tools.broken_pairs import SoundPairs


class PairsTakeRowsForIds(SoundPairs):
    """Looks a node up by its row in the subgraph, which is another in every batch."""

    table: Tensor

    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.register_buffer("table", torch.randn(12, 6))

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + self.table[subgraph.roots[pairs.sources]]


class PairsCountNodes(SoundPairs):
    """Knows how many nodes are around the pairs of the batch."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        return super().embed_pairs(memory, subgraph, pairs) / len(memory)


class PairsCompareCandidatesInTraining(SoundPairs):
    """Normalises the scores of a source over its candidates, where it is given them together."""

    def score_pairs(self, embeddings: Tensor) -> Tensor:
        scores = super().score_pairs(embeddings)
        return scores.log_softmax(1) if scores.dim() == 2 else scores


class PairsAreCentredInTraining(SoundPairs):
    """Subtracts the mean of the batch, in training only."""

    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.dropout = nn.Dropout(0.1)

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return self.dropout(rows - rows.mean(0)) if self.training else rows


class PairsCountBatchesInTraining(SoundPairs):
    """Warms up by itself: what it computes in training depends on how often it was asked."""

    batches = 0

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        if self.training:
            self.batches += 1
            return rows * self.batches
        return rows


class PairsKeepTheirFirstAnswer(SoundPairs):
    """Never looks at a pair again that it has embedded once, whatever happened to its nodes."""

    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        self.known: dict[tuple[int, ...], Tensor] = {}

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        if self.training:
            return rows
        ids = subgraph.nodes[subgraph.roots[torch.stack(pairs)]].T.tolist()
        known = [
            self.known.setdefault(tuple(pair), row) for pair, row in zip(ids, rows, strict=True)
        ]
        return torch.stack(known)


class PairsReadTheClock(SoundPairs):
    """Counts ages up to now, not up to the query."""

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        return super().embed_pairs(memory, subgraph, pairs) * time.time()


class PairsDrawTheirWeightsElsewhere(SoundPairs):
    def __init__(self, *arguments: Any, **features: Any) -> None:
        super().__init__(*arguments, **features)
        nn.init.constant_(self.pair.bias, random.random())


class PairsSqueezeTheirScores(SoundPairs):
    """Forgets that there may be one pair."""

    def score_pairs(self, embeddings: Tensor) -> Tensor:
        scores: Tensor = self.link_decoder(embeddings)
        return scores.squeeze()


class PairsNeedEdgesToLearn(SoundPairs):
    """Has a parameter that nothing reaches in a stream without edge features."""

    def __init__(self, edge_features: Tensor, node_features: Tensor | None = None) -> None:
        super().__init__(edge_features, node_features)
        self.scale = nn.Parameter(torch.ones(()))

    def edges(self, subgraph: Subgraph) -> Tensor:
        edges = super().edges(subgraph)
        return edges * self.scale if edges.shape[-1] else edges


class PairsHaveNoSlopeAtZero(SoundPairs):
    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        rows = super().embed_pairs(memory, subgraph, pairs)
        return rows + (0.0 * rows).square().sum(1, keepdim=True).sqrt()


class PairsChangeWhatTheyMail(SoundPairs):
    def make_mail(self, own: Tensor, other: Tensor) -> Tensor:
        return super().make_mail(own.mul_(0.5), other)
