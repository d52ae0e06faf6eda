"""The dense arithmetic of one training batch of TGN-attn, in floating-point operations."""

from typing import NamedTuple


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
    mail = 2 * memory + edge_features + time
    neighbor = memory + edge_features + time
    learned = memory + time  # the part of a neighbour that a gradient flows to
    return [
        # Memory: the mail of every node, of which only the time encoding is learned.
        Product("gates of mail", batch.nodes, mail, gates, time),
        # Memory: the old memory, which is data.
        Product("gates of memory", batch.nodes, memory, gates, 0),
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
