"""The network of PyG's ``examples/tgn.py``, built from PyG's own parts."""

import torch
from torch import Tensor
from torch.nn import Linear
from torch_geometric.nn import TGNMemory, TransformerConv
from torch_geometric.nn.models.tgn import IdentityMessage, LastAggregator


class FeaturelessMessage(IdentityMessage):
    """``IdentityMessage`` for a stream without features.

    ``TGNMemory`` drops empty feature tensors before it joins them, so with a feature width of zero
    they arrive with the wrong number of rows and cannot be concatenated.
    """

    def forward(self, z_src: Tensor, z_dst: Tensor, raw_msg: Tensor, t_enc: Tensor) -> Tensor:
        return torch.cat([z_src, z_dst, t_enc], dim=-1)


class LastMessage(LastAggregator):
    """``LastAggregator`` that gives a node without messages zeros.

    PyG means to do so, and does with ``torch-scatter``; without that package its arg-max marks such
    a node by ``dim_size - 1`` instead of the number of messages, and the node is handed whatever
    message of another node stands at that place.
    """

    def forward(self, msg: Tensor, index: Tensor, t: Tensor, dim_size: int) -> Tensor:
        absent = torch.ones(dim_size, dtype=torch.bool, device=msg.device).index_fill(0, index, 0)
        return super().forward(msg, index, t, dim_size).masked_fill(absent.unsqueeze(1), 0)


class LinkPredictor(torch.nn.Module):
    """One hidden layer over the sum of the two projected ends of a link."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.lin_src = Linear(embedding_dim, embedding_dim)
        self.lin_dst = Linear(embedding_dim, embedding_dim)
        self.lin_final = Linear(embedding_dim, 1)

    def forward(self, source: Tensor, destination: Tensor) -> Tensor:
        """Logits [..., 1] of embeddings [..., embedding_dim], which broadcast."""
        return self.lin_final((self.lin_src(source) + self.lin_dst(destination)).relu())


class TGN(torch.nn.Module):
    """TGN as PyG's example builds it (Rossi et al. 2020, arXiv:2006.10637).

    GRU memory fed by the last message of a node, one layer of graph attention over its
    ``num_neighbors`` most recent events, a link predictor. Times enter as differences, taken in
    int64 and only then cast to float32, so they are exact up to 2^24 (194 days in seconds); the
    first message of a node counts from the first event of the stream. The time of the query itself
    enters nowhere.
    """

    def __init__(
        self,
        num_nodes: int,
        edge_dim: int,
        *,
        memory_dim: int = 100,
        time_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 10,
        heads: int = 2,
        dropout: float = 0.1,
    ) -> None:
        if embedding_dim % heads:
            raise ValueError(
                f"model tgn_pyg: embedding_dim {embedding_dim} is not a multiple of heads {heads};"
                " change one of them"
            )
        super().__init__()
        self.num_neighbors = num_neighbors
        message = IdentityMessage if edge_dim else FeaturelessMessage
        self.memory = TGNMemory(
            num_nodes,
            edge_dim,
            memory_dim,
            time_dim,
            message_module=message(edge_dim, memory_dim, time_dim),
            aggregator_module=LastMessage(),
        )
        self.attention = TransformerConv(
            memory_dim,
            embedding_dim // heads,
            heads=heads,
            dropout=dropout,
            edge_dim=edge_dim + time_dim,
        )
        self.link_predictor = LinkPredictor(embedding_dim)

    def embed(self, nodes: Tensor, edge_index: Tensor, t: Tensor, msg: Tensor) -> Tensor:
        """Embeddings [num_nodes, embedding_dim] of the distinct ``nodes``.

        ``edge_index`` [2, num_edges] leads from neighbour to node, as positions in ``nodes``;
        ``t`` (int64) and ``msg`` [num_edges, edge_dim] are those of the events behind the edges.
        """
        memory, last_update = self.memory(nodes)
        elapsed = (last_update[edge_index[0]] - t).to(memory.dtype)
        edges = torch.cat([self.memory.time_enc(elapsed), msg], dim=-1)
        return self.attention(memory, edge_index, edges)
