"""TPNet: temporal walks between the nodes around a link, counted by random projections."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.decoders import PairDecoder
from benchmark.models.layers.feed_forward import FeedForward
from benchmark.models.layers.products import Linear
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.memory_write import Mails
from benchmark.models.node_state import NodeState
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph
from benchmark.randomness import normal_rows


class TPNet(PairwiseModel):
    """TPNet (Lu et al., NeurIPS'24, arXiv 2410.04013) in the form of its released code.

    Row u of the temporal walk matrix A_i(t) counts the walks of i steps from u, each step of age a
    as exp(-``time_decay`` * a). Node memory holds what ``walk_length`` such rows are under a random
    projection, R_i = A_i P: an event (u, v) adds R_{i-1} of v to R_i of u, and R_0 is a node's own
    row of P. The inner products of all R of two nodes, as log(1 + ReLU), tell how they are related.

    A token is a neighbour of an end: what is known of it, the features and the age of its event and
    how it is related to either end of the pair. MLP-mixers over the ``num_neighbors`` tokens and
    their mean make the embedding of the end.

    Slots without a neighbour are zero before the mixers; the released code means to zero them and
    does not. Walks decay to the time of the query, there to the end of the batch before it.
    """

    knows_ids = True

    def __init__(
        self,
        edge_features: Tensor,
        node_dim: int = 172,
        time_dim: int = 100,
        embedding_dim: int = 172,
        num_neighbors: int = 20,
        mixer_layers: int = 2,
        walk_length: int = 3,
        time_decay: float = 1e-7,
        projection_factor: int = 10,
        dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        self.projection_dim = projection_factor * int(math.log(2 * len(edge_features)))
        width = walk_length * self.projection_dim
        super().__init__(
            edge_features, num_neighbors, width, width, node_dim=node_dim, adds_mails=True
        )
        self.time_decay = time_decay
        self.register_buffer("key", torch.randint(2**62, ()))
        self.key: Tensor
        self.register_buffer("steps", torch.arange(walk_length + 1), persistent=False)
        self.steps: Tensor
        self.num_relations = (2 * walk_length + 2) ** 2
        self.relation = nn.Sequential(
            Linear(self.num_relations, 4 * self.num_relations),
            nn.ReLU(),
            Linear(4 * self.num_relations, self.num_relations),
        )
        self.time_encoding = TimeEncoding(time_dim)
        known = node_dim + edge_features.shape[1] + time_dim
        self.of_event = Linear(known, 2 * embedding_dim)
        self.of_relations = Linear(2 * self.num_relations, 2 * embedding_dim, bias=False)
        self.token = Linear(2 * embedding_dim, embedding_dim)
        self.mixers = nn.ModuleList(
            Mixer(num_neighbors, embedding_dim, dropout) for _ in range(mixer_layers)
        )
        self.link_decoder = PairDecoder(2 * embedding_dim + self.num_relations, embedding_dim)
        self.use_node_features(node_features)

    def use_static_memory(self, rows: Tensor, dropout: float = 0.0) -> None:
        """Refused: what is pre-trained stands in the place of node memory, here of walks."""
        raise ValueError(
            "TPNet keeps walks in node memory, which cannot be pre-trained: set "
            "system.static_memory=off."
        )

    def update_memory(self, state: NodeState) -> Tensor:
        """R_1, R_2, ... at the time of the cached mail, side by side; ``state`` stays as it is."""
        kept = self._decay(state.mail_time - state.memory_time)[:, 1:]
        return (self._walks(state.memory) * kept.unsqueeze(-1)).flatten(1) + state.mail

    def make_mails(self, mails: Mails) -> Tensor:
        """What each event adds to R_1, R_2, ... at the time of the recipient's last mail."""
        before = torch.cat(
            [self._own_rows(mails.other_nodes), self._walks(mails.other)[:, :-1]], dim=1
        )
        until = self._decay((mails.times - mails.other_times).clamp(min=0))[:, :-1]
        since = self._decay(mails.newest - mails.times)[:, 1:]
        return (before * (until * since).unsqueeze(-1)).flatten(1)

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        """Embeddings [num_pairs, 2 * embedding_dim + num_relations]: both ends, their relation."""
        assert subgraph.mail_times is not None, "walks need known_from"
        walks = torch.cat([self._own_rows(subgraph.nodes), self._walks(memory)], dim=1)
        ages = (subgraph.times.unsqueeze(1) - subgraph.mail_times[subgraph.neighbors]).clamp(min=0)
        around = walks[subgraph.neighbors] * self._decay(ages).unsqueeze(-1)
        root_ages = (subgraph.times - subgraph.mail_times[subgraph.roots]).clamp(min=0)
        roots = walks[subgraph.roots] * self._decay(root_ages).unsqueeze(-1)
        events = self._events(self.add_static(memory[:, :0], subgraph.nodes), subgraph)
        to_self = self._relate(around, roots.unsqueeze(1), subgraph.mask)
        sources, destinations = pairs

        def to_other(end: Tensor, other: Tensor) -> Tensor:
            return self._relate(around[end], roots[other].unsqueeze(1), subgraph.mask[end])

        def embed(end: Tensor, *relations: Tensor) -> Tensor:
            inputs = events[end] + self.of_relations(torch.cat(relations, dim=-1))
            return self._mix(inputs, subgraph.mask[end])

        direct = self._relate(
            roots[sources].unsqueeze(1),
            roots[destinations].unsqueeze(1),
            torch.ones_like(sources, dtype=torch.bool).unsqueeze(1),
        )
        return torch.cat(
            [
                embed(sources, to_self[sources], to_other(sources, destinations)),
                embed(destinations, to_other(destinations, sources), to_self[destinations]),
                direct.squeeze(1),
            ],
            dim=-1,
        )

    def _mix(self, inputs: Tensor, mask: Tensor) -> Tensor:
        """The embedding [rows, embedding_dim] of ends from the ``inputs`` of their tokens."""
        tokens: Tensor = self.token(F.relu(inputs)) * mask.unsqueeze(-1)
        for mixer in self.mixers:
            tokens = mixer(tokens)
        return tokens.mean(1)

    def _walks(self, memory: Tensor) -> Tensor:
        """R_1, R_2, ... [num_nodes, walk_length, projection_dim]."""
        return memory.unflatten(1, (-1, self.projection_dim))

    def _own_rows(self, nodes: Tensor) -> Tensor:
        """R_0 [num_nodes, 1, projection_dim], a function of the ids ``nodes`` [num_nodes]."""
        rows = normal_rows(int(self.key), nodes, self.projection_dim)
        scaled = rows / math.sqrt(self.projection_dim)
        return scaled.to(self.token.weight.dtype).unsqueeze(1)

    def _decay(self, ages: Tensor) -> Tensor:
        """exp(-time_decay * age * i) for walks of i = 0, 1, ... steps [..., walk_length + 1]."""
        exponents = ages.unsqueeze(-1) * self.steps
        return torch.exp(-self.time_decay * exponents.to(self.token.weight.dtype))

    def _events(self, known: Tensor, subgraph: Subgraph) -> Tensor:
        """The part of tokens that no other root takes part in [num_roots, num_neighbors, ...]."""
        ages = torch.log1p(subgraph.elapsed.to(known.dtype))
        inputs = (
            known[subgraph.neighbors],
            self.edge_features[subgraph.events],
            self.time_encoding(ages),
        )
        part: Tensor = self.of_event(torch.cat(inputs, dim=-1))
        return part

    def _relate(self, some: Tensor, one: Tensor, mask: Tensor) -> Tensor:
        """How nodes are related to another [rows, num_nodes, num_relations], 0 outside ``mask``.

        ``some`` [rows, num_nodes, walk_length + 1, projection_dim] and ``one`` [rows, 1, ...] are
        all R of the nodes and of the other.
        """
        among, ones = some @ some.transpose(2, 3), one @ one.transpose(2, 3)
        flat = some.flatten(1, 2) @ one.squeeze(1).transpose(1, 2)
        across = flat.unflatten(1, some.shape[1:3])
        upper = torch.cat([among, across], dim=3)
        lower = torch.cat([across.transpose(2, 3), ones.expand_as(among)], dim=3)
        products = torch.cat([upper, lower], dim=2).flatten(2)
        related = products.new_zeros(products.shape)
        related[mask] = self.relation(torch.log1p(F.relu(products[mask])))
        return related


class Mixer(nn.Module):
    """One block of MLP-Mixer (arXiv 2105.01601): over tokens, then over channels, as DyGLib's."""

    def __init__(self, num_tokens: int, num_channels: int, dropout: float) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(num_tokens)
        self.tokens = FeedForward(num_tokens, num_tokens // 2, dropout)
        self.channel_norm = nn.LayerNorm(num_channels)
        self.channels = FeedForward(num_channels, 4 * num_channels, dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        """The same shape [rows, num_tokens, num_channels]."""
        columns = inputs.transpose(1, 2)
        mixed = self.tokens(self.token_norm(columns), columns).transpose(1, 2)
        output: Tensor = self.channels(self.channel_norm(mixed), mixed)
        return output
