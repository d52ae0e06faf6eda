"""The model that DistTGL trains: TGN with attention, most recent mail, optional static memory.

Also the dense arithmetic of one training batch of it, in floating-point operations.
"""

from typing import NamedTuple

from torch import Tensor

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.attention import TemporalAttention
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.layers.node_memory import MemoryCell
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.node_state import NodeState
from benchmark.models.subgraph import Subgraph


class TGNAttention(TemporalModel):
    """One-layer TGN-attn (DistTGL, section 2.1; hyper-parameters of the released code).

    Node memory is a GRU over the most recent mail: the memories of both ends of an event, its
    features and the time since. ``edge_features`` [num_events, edge_dim] of the whole stream are
    looked up by event id, and the memory of a mail's own end is what its node remembers, so that
    the mail that is kept holds only the memory of the other end.

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
        super().__init__(edge_features, num_neighbors, memory_dim, mail_dim=memory_dim)
        edge_dim = edge_features.shape[1]
        self.memory_time_encoding = TimeEncoding(time_dim)
        self.memory_cell = MemoryCell(2 * memory_dim + edge_dim + time_dim, memory_dim)
        self.attention = TemporalAttention(
            memory_dim, edge_dim, time_dim, embedding_dim, num_heads, dropout, attention_dropout
        )
        self.link_decoder = LinkDecoder(embedding_dim)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        """Memory [num_nodes, memory_dim] after the cached mail; ``state`` stays as it is."""
        elapsed = self.memory_time_encoding(state.mail_time - state.memory_time)
        parts = (state.mail, self.mail_features(state), elapsed)
        updated: Tensor = self.memory_cell(state.memory, parts)
        return updated

    def make_mail(self, own: Tensor, other: Tensor) -> Tensor:
        """The memory of the other end [num_mails, mail_dim]; its ``own`` a node has already."""
        return other

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, embedding_dim] from the updated memory of ``subgraph.nodes``."""
        known = self.add_static(memory, subgraph.nodes)
        return self.attention(known, self.edge_features, subgraph)


class BatchShape(NamedTuple):
    """The subgraph of a batch: how often each part of the model runs at least.

    ``root_nodes`` counts the distinct nodes among the ``roots``, ``edges`` the sampled neighbours,
    padding left out, and ``candidates`` the true and the negative destinations of all events.
    """

    events: int
    candidates: int
    nodes: int
    root_nodes: int
    roots: int
    edges: int


class Widths(NamedTuple):
    """Lengths of the vectors of the model."""

    memory: int
    edge_features: int
    time: int
    embedding: int
    heads: int


class Product(NamedTuple):
    """Forward [rows, inner] @ [inner, columns], and what the backward pass makes of it.

    Backward computes the gradient of the right factor and that of ``needed`` of the ``inner``
    columns of the left one; the others are data. In a ``dense`` one the right factor is a weight
    that all rows share, so that it is one matrix product.
    """

    name: str
    rows: int
    inner: int
    columns: int
    needed: int
    dense: bool = True

    @property
    def operations(self) -> int:
        """Multiplications and additions, forward and backward."""
        return 2 * self.rows * self.columns * (2 * self.inner + self.needed)


def training_products(batch: BatchShape, width: Widths) -> list[Product]:
    """The products of one training step when nothing is computed twice.

    The GRU and the projections of a root's memory run once per distinct node; keys and values are
    projected past the sums over neighbours (``layers.attention``); mails, old memories
    and edge features are data. Element-wise work, gathers and the optimiser count nothing.
    """
    memory, edge_features, time, embedding, heads = width
    gates = 3 * memory
    mail = memory + edge_features + time
    neighbor = memory + edge_features + time
    learned = memory + time  # the part of a neighbour that a gradient flows to
    return [
        # Memory: the other end of every mail and its event; only the time encoding is learned.
        Product("gates of mail", batch.nodes, mail, gates, time),
        # Memory: the old memory, which is data; what proposes sees it twice.
        Product("gates of memory", batch.nodes, memory, gates + memory, 0),
        # Attention: q = W_q h of every root node; the time encoding of 0 is one row for all.
        Product("query", batch.root_nodes, memory, embedding, memory),
        # Attention: W_k^T q of every root node, a direction in neighbour space for each head.
        Product("key direction", batch.root_nodes, embedding, neighbor, embedding),
        # Attention: one score per edge and head.
        Product("scores", batch.edges, neighbor, heads, learned, dense=False),
        # Attention: each edge added to the weighted sum of its root, per head.
        Product("weighted sums", batch.edges, neighbor, heads, learned, dense=False),
        # Attention: W_v of the weighted sums, each head its share of the embedding.
        Product("value", batch.roots, neighbor, embedding, neighbor),
        # Attention: the part of W_o for what was attended to.
        Product("output of context", batch.roots, embedding, embedding, embedding),
        # Attention: the part of W_o for the root's own memory.
        Product("output of memory", batch.root_nodes, memory, embedding, memory),
        # Decoder: W_s of every source.
        Product("decoder source", batch.events, embedding, embedding, embedding),
        # Decoder: W_d of every true and negative destination.
        Product("decoder destination", batch.candidates, embedding, embedding, embedding),
        # Decoder: the score of every candidate.
        Product("decoder output", batch.candidates, embedding, 1, embedding),
    ]


def training_operations(batch: BatchShape, width: Widths) -> int:
    """Operations of one training step, forward and backward."""
    return sum(product.operations for product in training_products(batch, width))
