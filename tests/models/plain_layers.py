"""Attention layers once more, slow and plain: one root at a time, by recursion.

Keys and values for every neighbour, neighbours by a walk through the whole stream.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.models.contract import TemporalModel
from benchmark.models.layers.attention import AttentionLayers, TemporalAttention
from benchmark.models.subgraph import build_subgraph
from tests.models.plain import plain_neighbors
from tests.models.streams import random_dataset, sampler_of
from tests.models.variants import normalised


class Case(NamedTuple):
    """A random stream, and a batch of it that asks for all nodes."""

    dataset: Dataset
    visibility: Visibility
    first: int
    num_events: int = 4

    @classmethod
    def random(cls, seed: int, edge_dim: int, visibility: Visibility, first: int) -> "Case":
        return cls(random_dataset(seed, edge_dim=edge_dim), visibility, first)

    @property
    def events(self) -> EventBatch:
        return self.dataset.batch(self.first, self.first + self.num_events)

    @property
    def candidates(self) -> Tensor:
        return torch.arange(self.dataset.num_nodes).expand(self.num_events, -1)

    def fast_scores(self, model: TemporalModel) -> Tensor:
        """All candidates in one pass, for a model without memory."""
        events, candidates = self.events, self.candidates
        nodes = torch.cat([events.src, candidates.flatten()])
        times = torch.cat([events.t, events.t.repeat_interleave(candidates.shape[1])])
        sampler = sampler_of(self.dataset, model, self.visibility)
        subgraph = build_subgraph(nodes, times, sampler, events.start)
        nothing = torch.zeros(subgraph.nodes.numel(), 0, dtype=torch.float64)
        ends = model.embed(nothing, subgraph).split([len(events), candidates.numel()])
        return model.score_links(ends[0], ends[1].unflatten(0, candidates.shape))

    def plain_scores(self, model: TemporalModel, embedding: Callable[[int, int], Tensor]) -> Tensor:
        """The same from ``embedding(node, time)``, one link after the other."""
        rows = []
        for source, time, others in zip(
            self.events.src.tolist(), self.events.t.tolist(), self.candidates.tolist(), strict=True
        ):
            own = embedding(source, time).view(1, -1)
            ends = [embedding(other, time).view(1, 1, -1) for other in others]
            rows.append(torch.cat([model.score_links(own, end).view(1) for end in ends]))
        return torch.stack(rows)

    def visible(self, node: int, time: int) -> list[tuple[int, int, int]]:
        """(other end, event, time) of what a query of the batch may see, newest first."""
        return plain_neighbors(self.dataset, self.visibility, node, time, self.first)

    def earlier(self, node: int, time: int) -> list[tuple[int, int, int]]:
        """The same of events with an earlier time."""
        return plain_neighbors(self.dataset, Visibility.EVENT, node, time, self.first)


See = Callable[[int, int], list[tuple[int, int, int]]]


class PlainLayers(NamedTuple):
    """``layers`` over ``model``; a snapshot's neighbours look back from ``query_time``, if any."""

    model: TemporalModel
    layers: AttentionLayers
    known: Callable[[int], Tensor]
    see_deeper: See
    query_time: int | None = None

    def embedding(self, node: int, time: int, see: See, depth: int) -> Tensor:
        """What the first ``depth`` layers make of a node that sees ``see(node, time)``."""
        if depth == 0:
            return self.known(node)
        neighbors = see(node, time)[: self.model.num_neighbors]
        below = [
            self.embedding(
                other,
                then if self.query_time is None else self.query_time,
                self.see_deeper,
                depth - 1,
            )
            for other, _, then in neighbors
        ]
        features = [self.model.edge_features[event] for _, event, _ in neighbors]
        ages = [time - then for _, _, then in neighbors]
        layer = self.layers.layers[depth - 1]
        assert isinstance(layer, TemporalAttention)
        return plain_attention(
            layer, self.embedding(node, time, see, depth - 1), below, features, ages
        )


def plain_attention(
    layer: TemporalAttention,
    root: Tensor,
    neighbors: list[Tensor],
    features: list[Tensor],
    ages: list[int],
) -> Tensor:
    """One layer without dropout."""

    def encoded(age: int) -> Tensor:
        return torch.cos(layer.time_encoding.weight * age + layer.time_encoding.bias)

    query = layer.query(torch.cat([root, encoded(0)])).chunk(layer.num_heads)
    context = torch.zeros(layer.query.out_features, dtype=torch.float64)
    if neighbors:
        parts = zip(neighbors, features, map(encoded, ages), strict=True)
        rows = torch.stack([torch.cat(part) for part in parts])
        keys, values = (
            projection(rows).chunk(layer.num_heads, dim=1)
            for projection in (layer.key, layer.value)
        )
        heads = [
            F.leaky_relu(key @ part, 0.2).softmax(0) @ value
            for part, key, value in zip(query, keys, values, strict=True)
        ]
        context = torch.cat(heads)
    hidden = torch.relu(layer.output(torch.cat([context, root])))
    return normalised(hidden, layer.norm.weight, layer.norm.bias)


def plain_known(model: TemporalModel, features: Tensor | None) -> Callable[[int], Tensor]:
    """What is known of a node of a model without memory: its projected features, if any."""

    def known(node: int) -> Tensor:
        if model.node_features is None or features is None:
            return torch.zeros(model.node_dim, dtype=torch.float64)
        rows: Tensor = model.node_features.projection(features[node].double())
        return rows

    return known
