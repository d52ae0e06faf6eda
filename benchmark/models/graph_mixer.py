"""GraphMixer: no memory and no attention, an MLP-mixer over the most recent links."""

import torch
from torch import Tensor, nn
from torch_geometric.nn.models.graph_mixer import LinkEncoder, NodeEncoder

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.subgraph import Subgraph


class GraphMixer(TemporalModel):
    """GraphMixer (Cong et al., ICLR'23, arXiv 2302.11636) on PyG's link and node encoders.

    The link encoder summarises edge features and fixed time encodings of the most recent links;
    the node encoder adds to what is known of a node (features, static memory; nothing where there
    are none) the mean of its neighbours no older than ``time_window``. An embedding is a linear
    map of both.
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
        self.link_encoder = LinkEncoder(
            num_neighbors,
            edge_features.shape[1],
            embedding_dim,
            embedding_dim,
            time_dim,
            is_sorted=True,
            dropout=dropout,
        )
        self.node_encoder = NodeEncoder(time_window)
        self.output = nn.Linear(embedding_dim + node_dim, embedding_dim)
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the links of each root."""
        roots, slots = subgraph.mask.nonzero(as_tuple=True)
        ages = subgraph.elapsed[roots, slots].to(self.edge_features.dtype)
        now = ages.new_zeros(subgraph.num_roots)  # times are counted from each query
        features = self.edge_features.index_select(0, subgraph.events[roots, slots])
        links = torch.stack([subgraph.neighbors[roots, slots], roots])
        of_links = self.link_encoder(links, features, -ages, now)
        of_nodes = self._encode_nodes(memory, subgraph, links, -ages, now)
        embeddings: Tensor = self.output(torch.cat([of_links, of_nodes], dim=-1))
        return embeddings

    def _encode_nodes(
        self, memory: Tensor, subgraph: Subgraph, links: Tensor, times: Tensor, now: Tensor
    ) -> Tensor:
        """The node encoder [num_roots, node_dim]; it wants the roots first, then their nodes."""
        known = self.add_static(memory, subgraph.nodes)
        rows = torch.cat([known.index_select(0, subgraph.roots), known])
        shifted = torch.stack([links[0] + subgraph.num_roots, links[1]])
        encoded: Tensor = self.node_encoder(rows, shifted, times, now)
        return encoded[: subgraph.num_roots]
