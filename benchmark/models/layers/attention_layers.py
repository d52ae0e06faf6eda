"""Layers of temporal graph attention, one hop each."""

import torch
from torch import Tensor, nn

from benchmark.models.layers.attention import TemporalAttention
from benchmark.models.subgraph import Subgraph


class AttentionLayers(nn.Module):
    """``num_layers`` of ``TemporalAttention``; each looks at the embeddings of the one below.

    The first is over what is known of nodes; the others are over embeddings of (node, time) pairs,
    of width ``output_dim``. All see edge features and times.
    """

    def __init__(
        self,
        num_layers: int,
        node_dim: int,
        edge_dim: int,
        time_dim: int,
        output_dim: int,
        num_heads: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        others = (edge_dim, time_dim, output_dim, num_heads, dropout, attention_dropout)
        self.layers = nn.ModuleList(
            TemporalAttention(output_dim if layer else node_dim, *others)
            for layer in range(num_layers)
        )

    def forward(self, known: Tensor, edge_features: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, output_dim]; the arguments are those of ``TemporalAttention``."""
        return self._embed(len(self.layers), known, edge_features, subgraph)

    def _embed(
        self, num_layers: int, known: Tensor, edge_features: Tensor, subgraph: Subgraph
    ) -> Tensor:
        """What the first ``num_layers`` make of the roots."""
        if num_layers > 1:
            assert subgraph.deeper is not None
            parts = (subgraph, subgraph.deeper)
            below = [self._embed(num_layers - 1, known, edge_features, part) for part in parts]
            known, subgraph = torch.cat(below), subgraph.next_layer()
        embeddings: Tensor = self.layers[num_layers - 1](known, edge_features, subgraph)
        return embeddings
