"""Temporal graph attention over sampled neighbours: one layer, and several, one hop each."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.neighbor_attention import attend, gather_rows
from benchmark.models.layers.products import NarrowProducts, linear, product
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.subgraph import Subgraph


class TemporalAttention(nn.Module, NarrowProducts):
    """Transformer attention of a root over its neighbours, as in the released DistTGL code.

    For a root r with memory h_r and neighbours n with x_n = [h_n | edge features | time encoding],
    query q = W_q [h_r | time encoding of 0], weights softmax_n(LeakyReLU(q . W_k x_n)) per head,
    output LayerNorm(ReLU(Dropout(W_o [sum_n a_n W_v x_n | h_r]))). The scores are not scaled by
    sqrt(dim): DistTGL's paper shows another scaling than its code, which is followed here.

    The projections are moved past the sums, q . (W_k x) = (W_k^T q) . x and
    sum_n a_n (W_v x_n) = W_v (sum_n a_n x_n), so keys and values never exist.
    """

    def __init__(
        self,
        node_dim: int,
        edge_dim: int,
        time_dim: int,
        output_dim: int,
        num_heads: int,
        dropout: float,
        attention_dropout: float,
    ) -> None:
        super().__init__()
        if output_dim % num_heads:
            raise ValueError(
                f"The output dimension {output_dim} cannot be split over {num_heads} heads: "
                "choose a number of heads that divides it."
            )
        self.num_heads = num_heads
        self.node_dim = node_dim
        self.time_dim = time_dim
        input_dim = node_dim + edge_dim + time_dim
        self.time_encoding = TimeEncoding(time_dim)
        self.query = nn.Linear(node_dim + time_dim, output_dim)
        self.key = nn.Linear(input_dim, output_dim)
        self.value = nn.Linear(input_dim, output_dim)
        self.output = nn.Linear(output_dim + node_dim, output_dim)
        self.norm = nn.LayerNorm(output_dim)
        self.dropout = Dropout(dropout)
        self.attention_dropout = Dropout(attention_dropout)

    def forward(self, known: Tensor, edge_features: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, output_dim].

        ``known`` [num_nodes, node_dim] is what is known of ``subgraph.nodes``, ``edge_features``
        [num_events, edge_dim] are those of the whole stream.
        """
        roots = known.index_select(0, subgraph.queries.nodes)
        drops = self.training and self.attention_dropout.probability > 0
        keep = self._dropout_factors(subgraph) if drops else None
        summed = attend(
            self._queries(roots), known, edge_features, self.time_encoding, subgraph, keep
        )
        values = product(summed, self._with_bias(self.value).transpose(1, 2), self.product_type)
        context = values.transpose(0, 1).flatten(1)
        to_context, to_root = self.output.weight.split([context.shape[1], self.node_dim], dim=1)
        own = linear(roots, to_root, self.output.bias, self.product_type)
        attended = linear(context, to_context, None, self.product_type)
        hidden = attended + gather_rows(own, subgraph.queries.of_root)
        return self.norm(F.relu(self.dropout(hidden)))

    def _queries(self, roots: Tensor) -> Tensor:
        """W_k^T W_q [h | time encoding of 0] of distinct nodes [num_heads, num_queries, input]."""
        to_root, to_time = self.query.weight.split([self.node_dim, self.time_dim], dim=1)
        bias = self.query.bias + to_time @ self.time_encoding.now()
        query = linear(roots, to_root, bias, self.product_type)
        heads = query.unflatten(-1, (self.num_heads, -1)).transpose(0, 1)
        return product(heads, self._with_bias(self.key), self.product_type)

    def _with_bias(self, projection: nn.Linear) -> Tensor:
        """Weights with the bias as last column [num_heads, head_dim, input_dim + 1]."""
        weight = torch.cat([projection.weight, projection.bias.unsqueeze(1)], dim=1)
        return weight.unflatten(0, (self.num_heads, -1))

    def _dropout_factors(self, subgraph: Subgraph) -> Tensor:
        """What attention weights are multiplied by [num_roots, num_heads, num_neighbors]."""
        num_roots, num_neighbors = subgraph.mask.shape
        weights = self.key.weight.new_empty(num_roots, self.num_heads, num_neighbors)
        return self.attention_dropout.factors(weights)


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
