"""The model that DistTGL trains: TGN with attention, most recent mail, optional static memory."""

from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.attention import TemporalAttention
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.layers.gated_memory import MemoryCell
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.node_state import NodeState
from benchmark.models.subgraph import Subgraph


class TGNAttention(TemporalModel):
    """One-layer TGN-attn (DistTGL, section 2.1; hyper-parameters of the released code).

    Node memory is a GRU over the most recent mail. ``edge_features`` [num_events, edge_dim] of
    the whole stream are looked up by event id, so that a mail holds only the two memories.

    ``node_features`` [num_nodes, any width] and static memory, each where there is one, are added
    to the memory that embeddings are made from, never to the memory that is written.
    """

    def __init__(
        self,
        edge_features: Tensor,
        memory_dim: int = 100,
        time_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 10,
        num_heads: int = 2,
        dropout: float = 0.2,
        attention_dropout: float = 0.2,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(edge_features, num_neighbors, memory_dim)
        edge_dim = edge_features.shape[1]
        self.memory_time_encoding = TimeEncoding(time_dim)
        self.memory_cell = MemoryCell(self.mail_dim + edge_dim + time_dim, memory_dim)
        self.attention = TemporalAttention(
            memory_dim, edge_dim, time_dim, embedding_dim, num_heads, dropout, attention_dropout
        )
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        """Memory [num_nodes, memory_dim] after the cached mail; ``state`` stays as it is."""
        elapsed = self.memory_time_encoding(state.mail_time - state.memory_time)
        updated: Tensor = self.memory_cell(
            (state.mail, self.mail_features(state), elapsed), state.memory
        )
        return updated

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the updated memory of ``subgraph.nodes``."""
        known = self.add_static(memory, subgraph.nodes)
        return self.attention(known, self.edge_features, subgraph)
