"""DyGFormer: a transformer over the histories of both ends of a link, patch by patch."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.decoders import PairDecoder
from benchmark.models.layers.products import Linear
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.layers.transformer import TransformerLayer
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph

NOBODY = -1  # where a sequence has ended
PAIRS_TOGETHER = 64  # of like length, so that little is computed for what is no token


class Sequences(NamedTuple):
    """A root itself, then its neighbours from the oldest to the newest, [num_roots, length].

    ``nodes`` are rows of the subgraph, ``NOBODY`` where ``mask`` is False; all else is 0 there and
    for the root itself, which has no event.
    """

    nodes: Tensor
    events: Tensor
    elapsed: Tensor
    mask: Tensor

    @classmethod
    def of(cls, subgraph: Subgraph) -> "Sequences":
        """The sequences of all roots."""
        num_roots, num_neighbors = subgraph.mask.shape
        places = torch.arange(num_neighbors, device=subgraph.mask.device)
        slots = subgraph.mask.sum(1, keepdim=True) - 1 - places  # the oldest is the last slot
        mask, slots = slots >= 0, slots.clamp(min=0)

        def behind(first: Tensor, slotted: Tensor, filling: int) -> Tensor:
            rest = slotted.gather(1, slots).masked_fill(~mask, filling)
            return torch.cat([first.unsqueeze(1), rest], dim=1)

        nothing = torch.zeros_like(subgraph.roots)
        return cls(
            behind(subgraph.roots, subgraph.neighbors, NOBODY),
            behind(nothing, subgraph.events, 0),
            behind(nothing, subgraph.elapsed, 0),
            torch.cat([mask.new_ones(num_roots, 1), mask], dim=1),
        )


def occurrences(nodes: Tensor, others: Tensor) -> Tensor:
    """How often each of ``nodes`` [num_pairs, length] is in the same row of ``others``."""
    counts = torch.zeros_like(nodes)
    for place in range(others.shape[1]):
        counts += nodes == others[:, place : place + 1]
    return counts.masked_fill_(nodes == NOBODY, 0)


class DyGFormer(PairwiseModel):
    """DyGFormer (Yu et al., NeurIPS'23, arXiv 2303.13047) with DyGLib's decoder of links.

    The sequence of a node is itself and its ``sequence_length`` - 1 most recent neighbours. Of each
    place a network knows the node, the event's features, the time since the event, and how often
    the node occurs in both sequences; ``patch_size`` places make one token, projected to
    ``channel_dim`` for each of the four. A transformer runs over the tokens of both ends; the
    embedding of an end is a linear map of the mean of its own.

    Tokens that are padding only take no part, as in the paper; DyGLib attends to them and averages
    over them, so that its scores depend on the longest sequence of a batch.
    """

    def __init__(
        self,
        edge_features: Tensor,
        node_dim: int = 172,
        time_dim: int = 100,
        channel_dim: int = 50,
        embedding_dim: int = 172,
        sequence_length: int = 32,
        patch_size: int = 1,
        transformer_layers: int = 2,
        num_heads: int = 2,
        dropout: float = 0.1,
        node_features: Tensor | None = None,
    ) -> None:
        if sequence_length < 2 or sequence_length % patch_size:
            raise ValueError(
                f"A sequence_length of {sequence_length} is no whole number of patches of "
                f"{patch_size}, with room for a neighbour: choose a multiple of patch_size above 1."
            )
        super().__init__(edge_features, sequence_length - 1, node_dim=node_dim)
        self.patch_size = patch_size
        self.time_encoding = TimeEncoding(time_dim)
        self.occurrence_encoding = nn.Sequential(
            Linear(1, channel_dim), nn.ReLU(), Linear(channel_dim, channel_dim)
        )
        # Without edge features all that is left of their part is the bias, as in DyGLib.
        widths = (node_dim, max(1, edge_features.shape[1]), time_dim, channel_dim)
        self.of_node, self.of_edge, self.of_time, self.of_occurrence = (
            Linear(patch_size * width, channel_dim) for width in widths
        )
        dim = len(widths) * channel_dim
        self.transformer = nn.ModuleList(
            TransformerLayer(dim, num_heads, 4 * dim, dropout) for _ in range(transformer_layers)
        )
        self.output = Linear(dim, embedding_dim)
        self.link_decoder = PairDecoder(2 * embedding_dim, embedding_dim)
        self.use_node_features(node_features)

    def embed_pairs(self, memory: Tensor, subgraph: Subgraph, pairs: RootPairs) -> Tensor:
        """Embeddings [num_pairs, 2 * embedding_dim]: source and destination side by side."""
        sequences = Sequences.of(subgraph)
        nodes, mask = sequences.nodes, self._patches(sequences.mask.unsqueeze(-1)).any(-1)
        alone, own = self._tokens(memory, subgraph, sequences), occurrences(nodes, nodes)
        ends = []
        for end, other in (pairs, pairs[::-1]):
            both = torch.stack([own[end], occurrences(nodes[end], nodes[other])])
            ends.append(torch.cat([alone[end], self._encode(both)], dim=-1))
        of_source = torch.cat([mask[pairs.sources], torch.zeros_like(mask)[pairs.sources]], dim=1)
        present = torch.cat([mask[pairs.sources], mask[pairs.destinations]], dim=1)
        return self._transform(torch.cat(ends, dim=1), present, of_source)

    def _tokens(self, memory: Tensor, subgraph: Subgraph, sequences: Sequences) -> Tensor:
        """What tokens are without the other end [num_roots, num_patches, 3 * channel_dim]."""
        absent = ~sequences.mask.unsqueeze(-1)
        known = self.add_static(memory, subgraph.nodes)[sequences.nodes.clamp(min=0)]
        edges = self.edge_features[sequences.events]
        edges = F.pad(edges, (0, int(not edges.shape[-1])))
        edges[:, 0] = 0.0
        parts = {
            self.of_node: known,
            self.of_edge: edges,
            self.of_time: self.time_encoding(sequences.elapsed),
        }
        return torch.cat(
            [project(self._patches(x.masked_fill(absent, 0.0))) for project, x in parts.items()],
            dim=-1,
        )

    def _encode(self, counts: Tensor) -> Tensor:
        """Tokens of occurrences [num_pairs, num_patches, channel_dim]; ``counts`` has two of each.

        Counts are small whole numbers: every one of them is encoded once.
        """
        possible = torch.arange(self.num_neighbors + 2, device=counts.device)
        encoded = self.occurrence_encoding(possible.to(self.output.weight.dtype).unsqueeze(1))
        rows = encoded.index_select(0, counts.flatten()).view(*counts.shape, encoded.shape[1])
        tokens: Tensor = self.of_occurrence(self._patches(rows.sum(0)))
        return tokens

    def _patches(self, places: Tensor) -> Tensor:
        """[rows, num_patches, patch_size * width] of ``places`` [rows, length, width]."""
        return places.unflatten(1, (-1, self.patch_size)).flatten(2)

    def _transform(self, tokens: Tensor, present: Tensor, of_source: Tensor) -> Tensor:
        """Embeddings of pairs from their ``tokens`` [num_pairs, num_tokens, dim] that are there."""
        lengths = present.sum(1)
        order = (~present).to(torch.int8).argsort(dim=1, stable=True)
        by_length = lengths.argsort(stable=True)
        parts = []
        for some in by_length.split(PAIRS_TOGETHER):
            places = order[some, : int(lengths[some].max())]
            hidden = tokens[some.unsqueeze(1), places]
            there, source = (x[some.unsqueeze(1), places] for x in (present, of_source))
            for layer in self.transformer:
                hidden = layer(hidden, ~there)
            means = [_mean(hidden, end) for end in (source, there & ~source)]
            parts.append(self.output(torch.stack(means, dim=1)).flatten(1))
        return torch.cat(parts)[by_length.argsort()]


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """The mean [rows, dim] of the ``tokens`` [rows, num_tokens, dim] where ``mask`` is True."""
    weights = mask.to(tokens.dtype)
    summed = torch.einsum("rt,rtd->rd", weights, tokens.masked_fill(~mask.unsqueeze(-1), 0.0))
    return summed / weights.sum(1, keepdim=True)
