"""JODIE: recurrent node memory, projected to the time of the query."""

import torch
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.layers.time_encoding import TimeEncoding, TimeProjection
from benchmark.models.node_state import NodeState
from benchmark.models.subgraph import Subgraph


class JODIE(TemporalModel):
    """JODIE (Kumar et al., KDD'19, arXiv 1908.01207) in the form of TGL's ``layers.py``.

    Node memory is an RNN over the most recent mail; an embedding is
    LayerNorm(h) * (1 + W log(1 + idle) + b), ``idle`` since that mail (0 without one). TGL divides
    this time by that of the query instead of taking its logarithm, which depends on where the clock
    of the stream starts. Neighbours play no part.
    """

    def __init__(
        self,
        edge_features: Tensor,
        memory_dim: int = 100,
        time_dim: int = 100,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(edge_features, num_neighbors=1, memory_dim=memory_dim)
        self.time_encoding = TimeEncoding(time_dim)
        inputs = self.mail_dim + edge_features.shape[1] + time_dim
        self.memory_cell = nn.RNNCell(inputs, memory_dim)
        self.norm = nn.LayerNorm(memory_dim)
        self.projection = TimeProjection(memory_dim)
        self.link_decoder = LinkDecoder(memory_dim)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        """Memory [num_nodes, memory_dim] after the cached mail; ``state`` stays as it is."""
        elapsed = self.time_encoding(state.mail_time - state.memory_time)
        inputs = torch.cat([state.mail, self.mail_features(state), elapsed], dim=-1)
        return self.memory_cell(inputs, state.memory)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, memory_dim] from the updated memory of ``subgraph.nodes``."""
        normal = self.norm(self.add_static(memory, subgraph.nodes))
        return normal.index_select(0, subgraph.roots) * self.projection(subgraph.idle)
