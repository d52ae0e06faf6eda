"""TPNet: temporal walks between the nodes around a link, counted by random projections."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.decoders import PairDecoder
from benchmark.models.layers.feed_forward import FeedForward
from benchmark.models.layers.neighbor_attention import gather_rows
from benchmark.models.layers.products import Linear, linear
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
        mask, ends = subgraph.mask, tuple(pairs)
        slots, roots_of_slots = _present(mask)
        around, roots = self._walks_to_queries(memory, subgraph, slots)
        among, of_roots = _products(around, around), _products(roots, roots)
        known = self.add_static(memory[:, :0], subgraph.nodes)
        events = self._events(known, subgraph, slots)
        across = _products(around, roots[roots_of_slots])
        to_self = self._relate(among, across, of_roots[roots_of_slots])
        place = mask.flatten().cumsum(0).view(mask.shape) - 1  # of a slot among the neighbours
        embeddings = []
        for end, other in (ends, ends[::-1]):
            slots, pairs_of_slots = _present(mask[end])
            mine, one = place[end].flatten()[slots], other[pairs_of_slots]
            across = _products(gather_rows(around, mine), gather_rows(roots, one))
            relations = [
                gather_rows(to_self, mine),
                self._relate(gather_rows(among, mine), across, gather_rows(of_roots, one)),
            ]
            both = torch.cat(relations if end is pairs.sources else relations[::-1], dim=-1)
            inputs = gather_rows(events, mine) + self.of_relations(both)
            embeddings.append(self._mix(self.token(F.relu(inputs)), slots, len(end)))
        direct = self._relate(
            of_roots[pairs.sources],
            _products(roots[pairs.sources], roots[pairs.destinations]),
            of_roots[pairs.destinations],
        )
        return torch.cat([*embeddings, direct], dim=-1)

    def _walks_to_queries(
        self, memory: Tensor, subgraph: Subgraph, slots: Tensor
    ) -> tuple[Tensor, Tensor]:
        """All R at the time of the query: of the neighbours in ``slots``, and of the roots.

        [num_slots, walk_length + 1, projection_dim] and [num_roots, ...].
        """
        assert subgraph.mail_times is not None, "walks need known_from"
        walks = torch.cat([self._own_rows(subgraph.nodes), self._walks(memory)], dim=1)
        times = subgraph.times[slots // self.num_neighbors]
        neighbors = subgraph.neighbors.flatten()[slots]
        whose = ((neighbors, times), (subgraph.roots, subgraph.times))

        def at(nodes: Tensor, times: Tensor, mail_times: Tensor) -> Tensor:
            ages = (times - mail_times[nodes]).clamp(min=0)
            return gather_rows(walks, nodes) * self._decay(ages).unsqueeze(-1)

        around, roots = (at(*asked, subgraph.mail_times) for asked in whose)
        return around, roots

    def _mix(self, tokens: Tensor, slots: Tensor, num_ends: int) -> Tensor:
        """The embedding [num_ends, embedding_dim] of ends, whose ``slots`` hold the ``tokens``."""
        mixed = tokens.new_zeros(num_ends * self.num_neighbors, tokens.shape[1])
        mixed = mixed.index_copy(0, slots, tokens).view(num_ends, self.num_neighbors, -1)
        for mixer in self.mixers:
            mixed = mixer(mixed)
        return mixed.mean(1)

    def _walks(self, memory: Tensor) -> Tensor:
        """R_1, R_2, ... [num_nodes, walk_length, projection_dim]."""
        return memory.unflatten(1, (-1, self.projection_dim))

    def _own_rows(self, nodes: Tensor) -> Tensor:
        """R_0 [num_nodes, 1, projection_dim], a function of the ids ``nodes`` [num_nodes]."""
        rows = normal_rows(self.key, nodes, self.projection_dim)
        scaled = rows / math.sqrt(self.projection_dim)
        return scaled.to(self.token.weight.dtype).unsqueeze(1)

    def _decay(self, ages: Tensor) -> Tensor:
        """exp(-time_decay * age * i) for walks of i = 0, 1, ... steps [..., walk_length + 1]."""
        exponents = ages.unsqueeze(-1) * self.steps
        return torch.exp(-self.time_decay * exponents.to(self.token.weight.dtype))

    def _events(self, known: Tensor, subgraph: Subgraph, slots: Tensor) -> Tensor:
        """The part of tokens that no other root takes part in [num_slots, 2 * embedding_dim]."""
        kind = self.of_event.product_type
        elapsed, events, neighbors = (
            column.flatten()[slots]
            for column in (subgraph.elapsed, subgraph.events, subgraph.neighbors)
        )
        to_node, to_rest = self.of_event.weight.split(
            [self.node_dim, self.of_event.in_features - self.node_dim], dim=1
        )
        ages = torch.log1p(elapsed.to(known.dtype))
        edges = gather_rows(self.edge_features, events)
        rest = torch.cat([edges, self.time_encoding(ages)], dim=-1)
        nodes = linear(known, to_node, None, kind)  # each of them once
        return linear(rest, to_rest, self.of_event.bias, kind) + gather_rows(nodes, neighbors)

    def _relate(self, some: Tensor, across: Tensor, others: Tensor) -> Tensor:
        """How nodes are related to others [num_nodes, num_relations].

        Products of all R of the nodes with themselves, with those of the others, and of the others
        with themselves, each [num_nodes, walk_length + 1, walk_length + 1].
        """
        upper = torch.cat([some, across], dim=2)
        lower = torch.cat([across.transpose(1, 2), others], dim=2)
        products = torch.cat([upper, lower], dim=1).flatten(1)
        related: Tensor = self.relation(torch.log1p(F.relu(products)))
        return related


def _present(mask: Tensor) -> tuple[Tensor, Tensor]:
    """The slots where a ``mask`` [rows, num_neighbors] is, row by row, and the row of each."""
    slots = mask.flatten().nonzero().squeeze(1)
    return slots, slots // mask.shape[1]


def _products(some: Tensor, others: Tensor) -> Tensor:
    """All R of nodes with those of others [num_nodes, walk_length + 1, walk_length + 1]."""
    return some @ others.transpose(1, 2)


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
