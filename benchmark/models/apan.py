"""APAN: attention over a node's own mails, which also go to the neighbours of an event's ends."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.contract import TemporalModel
from benchmark.models.layers.decoders import LinkDecoder
from benchmark.models.layers.dropout import Dropout
from benchmark.models.layers.time_encoding import TimeEncoding, TimeProjection
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.subgraph import Subgraph


class APAN(TemporalModel):
    """APAN (Wang et al., SIGMOD'21, arXiv 2011.11545) in the form of TGL's ``memorys.py``.

    A node keeps ``mailbox_size`` mails, and an event leaves one with each end and with its
    ``num_neighbors`` most recent neighbours, of a batch the last that reaches a node. For a node
    with memory h and mails x_m = [mail | edge features | time encoding of age], memory becomes
    ReLU(Dropout(W_o LayerNorm(h + sum_m a_m W_v x_m))), a = softmax(LeakyReLU(W_q h . W_k x_m)) per
    head. TGL counts the age of a mail to the query. Here memory is computed once for all queries of
    a batch: the age is that to the newest mail, and the time since that mail scales the embedding,
    as in JODIE. Slots without a mail do not count; TGL attends to them too.
    """

    def __init__(
        self,
        edge_features: Tensor,
        memory_dim: int = 100,
        time_dim: int = 100,
        num_neighbors: int = 10,
        mailbox_size: int = 10,
        num_heads: int = 2,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        super().__init__(
            edge_features,
            num_neighbors,
            memory_dim,
            mailbox_size=mailbox_size,
            mails_reach_neighbors=True,
        )
        if memory_dim % num_heads:
            raise ValueError(
                f"A memory_dim of {memory_dim} cannot be split over {num_heads} heads: choose a "
                "number of heads that divides it."
            )
        self.num_heads = num_heads
        self.time_encoding = TimeEncoding(time_dim)
        inputs = self.mail_dim + edge_features.shape[1] + time_dim
        self.query = nn.Linear(memory_dim, memory_dim)
        self.key = nn.Linear(inputs, memory_dim)
        self.value = nn.Linear(inputs, memory_dim)
        self.norm = nn.LayerNorm(memory_dim)
        self.output = nn.Linear(memory_dim, memory_dim)
        self.dropout = Dropout(dropout)
        self.attention_dropout = Dropout(attention_dropout)
        self.projection = TimeProjection(memory_dim)
        self.link_decoder = LinkDecoder(memory_dim)
        self.use_node_features(node_features)

    def update_memory(self, state: NodeState) -> Tensor:
        """Memory [num_nodes, memory_dim] after the mails; ``state`` stays as it is."""
        age = self.time_encoding(state.newest_time.unsqueeze(1) - state.mail_time)
        mails = torch.cat([state.mail, self.mail_features(state), age], dim=-1)
        context = self._attend(state.memory, mails, state.mail_event != NO_EVENT)
        hidden: Tensor = self.output(self.norm(state.memory + context))
        return F.relu(self.dropout(hidden))

    def _attend(self, memory: Tensor, mails: Tensor, mask: Tensor) -> Tensor:
        """What ``memory`` finds in ``mails`` [num_nodes, mailbox_size, inputs] where ``mask`` is.

        As in ``TemporalAttention`` the projections are moved past the sums.
        """
        key, key_bias, value, value_bias = (
            part.unflatten(0, (self.num_heads, -1))
            for projection in (self.key, self.value)
            for part in (projection.weight, projection.bias)
        )
        query = self.query(memory).unflatten(1, (self.num_heads, -1))
        scores = torch.einsum("nhd,hdi->nhi", query, key) @ mails.transpose(1, 2)
        scores = F.leaky_relu(scores + (query * key_bias).sum(-1, keepdim=True), 0.2)
        mask = mask.unsqueeze(1)
        smallest = torch.finfo(scores.dtype).min
        weights = scores.masked_fill(~mask, smallest).softmax(-1) * mask
        weights = self.attention_dropout(weights)
        context = torch.einsum("nhi,hdi->nhd", weights @ mails, value)
        return (context + weights.sum(-1, keepdim=True) * value_bias).flatten(1)

    def embed(self, memory: Tensor, subgraph: Subgraph) -> Tensor:
        """Embeddings [num_roots, memory_dim]: the memory plus static rows, projected."""
        known = self.add_static(memory, subgraph.nodes).index_select(0, subgraph.roots)
        return known * self.projection(subgraph.idle)
