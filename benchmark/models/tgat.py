"""TGAT: temporal attention without node memory."""

from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.attention import AttentionLayers
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.subgraph import Subgraph


class TGAT(TemporalModel):
    """TGAT (Xu et al., ICLR'20, arXiv 2002.07962) in the form of TGL's ``layers.py``.

    The paper and TGL draw neighbours uniformly; here they are what the system samples (the most
    recent ones), those of a neighbour at the time of the event that made it one. Where a data set
    has no node features and static memory is off, a root knows only the edge features and ages of
    its events, and of its neighbours' events.
    """

    def __init__(
        self,
        edge_features: Tensor,
        node_dim: int = 100,
        time_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 10,
        num_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(edge_features, num_neighbors, node_dim=node_dim, num_layers=num_layers)
        dims = (node_dim, edge_features.shape[1], time_dim, embedding_dim)
        self.attention = AttentionLayers(num_layers, *dims, num_heads, dropout, attention_dropout)
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the events of each root and its neighbours."""
        known = self.add_static(memory, subgraph.nodes)
        embeddings: Tensor = self.attention(known, self.edge_features, subgraph)
        return embeddings
