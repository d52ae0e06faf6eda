"""Networks that break the contract, each in one way."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.node_state import NodeState
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
