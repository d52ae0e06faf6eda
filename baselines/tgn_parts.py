"""The parts of PyG's ``examples/tgn.py``: its network, its faults put right, what it keeps unsaved.

The network is built from PyG's own classes; ``pack_messages`` and ``pack_neighbors`` hold what
``TGNMemory`` and ``LastNeighborLoader`` keep outside any ``state_dict``.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import Linear
from torch_geometric.nn import TGNMemory, TransformerConv
from torch_geometric.nn.models.tgn import IdentityMessage, LastAggregator, LastNeighborLoader

Store = dict[int, tuple[Tensor, Tensor, Tensor, Tensor]]


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


class ExactLastNeighborLoader(LastNeighborLoader):
    """Returns the ``size`` most recent inserted events of every node, as PyG documents.

    PyG's own ``insert`` sorts the ends of all events with an unstable sort and writes those of one
    node round and round into ``size`` places. With more than ``size`` events of a node in a batch
    the survivors are therefore arbitrary, and where such writes run in parallel an event can be
    returned with the neighbour of another (PyG issue 10100).
    """

    def insert(self, src: Tensor, dst: Tensor) -> None:
        """Insert events in order; a batch is halved until no node has more than ``size`` of it."""
        _, counts = torch.cat([src, dst]).unique(return_counts=True)
        half = src.numel() // 2
        if half == 0 or counts.max() <= self.size:
            super().insert(src, dst)
        else:
            self.insert(src[:half], dst[:half])
            self.insert(src[half:], dst[half:])


def pack_messages(memory: TGNMemory) -> tuple[list[Tensor], list[Tensor]]:
    """The unread messages of all nodes, sent and received: (src, dst, t, msg) each."""
    return _pack(memory.msg_s_store), _pack(memory.msg_d_store)


def unpack_messages(memory: TGNMemory, stores: tuple[list[Tensor], list[Tensor]]) -> None:
    """Replace the unread messages by those of ``pack_messages``."""
    memory._reset_message_store()
    _unpack(memory.msg_s_store, stores[0], memory.device)
    _unpack(memory.msg_d_store, stores[1], memory.device)


def pack_neighbors(loader: LastNeighborLoader) -> dict[str, Any]:
    """The most recent events of every node and the number of events inserted so far."""
    return {
        "neighbors": loader.neighbors,
        "event_ids": loader.e_id,
        "num_events": loader.cur_e_id,
    }


def unpack_neighbors(loader: LastNeighborLoader, state: dict[str, Any]) -> None:
    """Replace what the loader holds by that of ``pack_neighbors``."""
    loader.neighbors.copy_(state["neighbors"])
    loader.e_id.copy_(state["event_ids"])
    loader.cur_e_id = state["num_events"]


def _pack(store: Store) -> list[Tensor]:
    return [torch.cat(column) for column in zip(*store.values(), strict=True)]


def _unpack(store: Store, columns: list[Tensor], device: torch.device) -> None:
    # The first column holds the owner of each message, and _pack kept the owners in order.
    owners, counts = columns[0].unique_consecutive(return_counts=True)
    parts = [column.to(device).split(counts.tolist()) for column in columns]
    for owner, *message in zip(owners.tolist(), *parts, strict=True):
        store[owner] = tuple(message)
