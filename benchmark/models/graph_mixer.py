"""GraphMixer: no memory and no attention, an MLP-mixer over the most recent links."""

import torch
from torch import Tensor
from torch_geometric.nn.models.graph_mixer import LinkEncoder

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.feed_forward import activate, add
from benchmark.models.layers.neighbor_attention import gather_rows
from benchmark.models.layers.products import Linear, NarrowProducts, linear
from benchmark.models.subgraph import Subgraph


class LinkMixer(LinkEncoder, NarrowProducts):
    """PyG's, of which it keeps the weights and their names, over the links of a subgraph.

    Products with weights may be narrow, and dropout comes from a counter.
    """

    def __init__(
        self, num_links: int, edge_dim: int, dim: int, time_dim: int, dropout: float
    ) -> None:
        super().__init__(num_links, edge_dim, dim, dim, time_dim, dropout=dropout)
        self.token_inner, self.token_outer = Dropout(dropout), Dropout(dropout)
        self.channel_inner, self.channel_outer = Dropout(dropout), Dropout(dropout)

    def forward(self, edge_features: Tensor, subgraph: Subgraph) -> Tensor:
        """What the links of every root are together [num_roots, dim].

        ``edge_features`` [num_events, edge_dim] are those of the whole stream.
        """
        kind, mixer = self.product_type, self.mlp_mixer
        ages = subgraph.elapsed.to(edge_features.dtype)
        times = self.temporal_encoder(ages).unflatten(0, ages.shape)
        links = torch.cat([times, gather_rows(edge_features, subgraph.events)], dim=-1)
        tokens = linear(links, self.temporal_head.weight, self.temporal_head.bias, kind)
        tokens = tokens.masked_fill(~subgraph.mask.unsqueeze(-1), 0.0)
        inner = activate(mixer.token_norm(tokens).mT, mixer.token_lin1, self.token_inner, kind)
        tokens = add(tokens.mT, inner, mixer.token_lin2, self.token_outer, kind).mT
        inner = activate(mixer.channel_norm(tokens), mixer.channel_lin1, self.channel_inner, kind)
        tokens = add(tokens, inner, mixer.channel_lin2, self.channel_outer, kind)
        pooled = mixer.head_norm(tokens).mean(1)
        return linear(pooled, mixer.head_lin.weight, mixer.head_lin.bias, kind)


class GraphMixer(TemporalModel):
    """GraphMixer (Cong et al., ICLR'23, arXiv 2302.11636) with the weights of PyG's link encoder.

    The link encoder summarises edge features and fixed time encodings of the most recent links;
    what is known of a node (features, static memory; nothing where there are none) is added to the
    mean of its neighbours no older than ``time_window``. An embedding is a linear map of both.
    """

    def __init__(
        self,
        edge_features: Tensor,
        node_dim: int = 100,
        time_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 20,
        time_window: int = 2000,
        dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(edge_features, num_neighbors, node_dim=node_dim)
        self.time_window = time_window
        self.link_encoder = LinkMixer(
            num_neighbors, edge_features.shape[1], embedding_dim, time_dim, dropout
        )
        self.output = Linear(embedding_dim + node_dim, embedding_dim)
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the links of each root."""
        of_links = self.link_encoder(self.edge_features, subgraph)
        of_nodes = self._encode_nodes(self.add_static(memory, subgraph.nodes), subgraph)
        embeddings: Tensor = self.output(torch.cat([of_links, of_nodes], dim=-1))
        return embeddings

    def _encode_nodes(self, known: Tensor, subgraph: Subgraph) -> Tensor:
        """What is ``known`` of a root plus the mean of its recent neighbours [num_roots, *]."""
        recent = (subgraph.mask & (subgraph.elapsed < self.time_window)).to(known.dtype)
        shares = recent / recent.sum(1, keepdim=True).clamp(min=1.0)
        rows = gather_rows(known, subgraph.neighbors)
        means = torch.bmm(shares.unsqueeze(1), rows).squeeze(1)
        return known.index_select(0, subgraph.roots) + means
