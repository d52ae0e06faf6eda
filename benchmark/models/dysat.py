"""DySAT: attention within snapshots of the past, and a recurrent network over them."""

import torch
from torch import Tensor, nn

from benchmark.graph.past import Snapshots
from benchmark.models.contract import TemporalModel
from benchmark.models.layers.attention import AttentionLayers
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.subgraph import Subgraph

NO_TIME = 0  # within a snapshot all events are equally old


class DySAT(TemporalModel):
    """DySAT (Sankar et al., WSDM'20, arXiv 1812.09430) in the form of TGL's ``modules.py``.

    Every snapshot has attention layers of its own, without a time encoding; a recurrent network,
    where the paper has attention, takes in their embeddings from the oldest to the newest. A
    snapshot reaches back ``snapshot_duration``, in the time unit of the stream, from the query or
    the one after it; TGL draws its neighbours uniformly, here they are the most recent ones.
    Where a data set has no features and static memory is off, all that is known of a node is in
    which snapshots it has neighbours.
    """

    def __init__(
        self,
        edge_features: Tensor,
        node_dim: int = 100,
        embedding_dim: int = 100,
        num_neighbors: int = 10,
        num_layers: int = 2,
        num_snapshots: int = 3,
        snapshot_duration: int = 10_000,
        num_heads: int = 2,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(
            edge_features,
            num_neighbors,
            node_dim=node_dim,
            num_layers=num_layers,
            snapshots=Snapshots(num_snapshots, snapshot_duration),
        )
        dims = (node_dim, edge_features.shape[1], NO_TIME, embedding_dim)
        self.attention = nn.ModuleList(
            AttentionLayers(num_layers, *dims, num_heads, dropout, attention_dropout)
            for _ in range(num_snapshots)
        )
        self.over_snapshots = nn.RNN(embedding_dim, embedding_dim)
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim]: the last state of the recurrent network."""
        known = self.add_static(memory, subgraph.nodes)
        newest_first = [
            layers(known, self.edge_features, snapshot)
            for layers, snapshot in zip(self.attention, (subgraph, *subgraph.earlier), strict=True)
        ]
        states: Tensor = self.over_snapshots(torch.stack(newest_first[::-1]))[0]
        return states[-1]
