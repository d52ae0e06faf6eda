"""DyGFormer: a transformer over the histories of both ends of a link, patch by patch."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmark.models.layers.decoders import PairDecoder
from benchmark.models.layers.neighbor_attention import gather_rows
from benchmark.models.layers.products import Linear, product
from benchmark.models.layers.time_encoding import TimeEncoding
from benchmark.models.layers.transformer import TransformerLayer
from benchmark.models.pairwise import PairwiseModel
from benchmark.models.roots import RootPairs
from benchmark.models.subgraph import Subgraph

NOBODY = -1  # where a sequence has ended
PAIRS_TOGETHER = 32  # of like length, so that little is computed for what is no token


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
        sequences, ends = Sequences.of(subgraph), torch.stack(pairs, dim=1)
        alone, counts = self._tokens(memory, subgraph, sequences), _counts(sequences.nodes, ends)
        num_patches = alone.shape[1]
        present = sequences.mask.unflatten(1, (num_patches, -1)).any(-1)[ends].flatten(1)
        lengths = present.sum(1)
        order = (~present).to(torch.int8).argsort(dim=1, stable=True)
        ascending, by_length = lengths.sort(stable=True)
        chunks = by_length.split(PAIRS_TOGETHER)
        # Of all chunks at once, so that a device is waited for once.
        longest = torch.stack([some[-1] for some in ascending.split(PAIRS_TOGETHER)]).tolist()
        places = [order[some, :most] for some, most in zip(chunks, longest, strict=True)]
        wanted = [
            some.unsqueeze(1) * order.shape[1] + of for some, of in zip(chunks, places, strict=True)
        ]
        tokens = self._tokens_of_pairs(alone, counts, ends, wanted)
        parts = []
        for some, of, chunk in zip(chunks, places, tokens, strict=True):
            hidden = chunk
            for layer in self.transformer:
                hidden = layer(hidden, lengths[some])
            means = _shares(of < num_patches, lengths[some], hidden.dtype) @ hidden
            parts.append(self.output(means).flatten(1))
        return torch.cat(parts)[by_length.argsort()]

    def _tokens(self, memory: Tensor, subgraph: Subgraph, sequences: Sequences) -> Tensor:
        """What tokens are without the other end [num_roots, num_patches, 3 * channel_dim]."""
        absent = ~sequences.mask.unsqueeze(-1)
        known = self.add_static(memory, subgraph.nodes)
        known = torch.cat([known, torch.zeros_like(known[:1])])  # and nothing of NOBODY
        edges = self.edge_features[sequences.events]
        edges = F.pad(edges, (0, int(not edges.shape[-1]))).masked_fill(absent, 0.0)
        edges[:, 0] = 0.0
        times = self.time_encoding(sequences.elapsed).masked_fill(absent, 0.0)
        rows = self._patches(sequences.nodes % len(known)).unsqueeze(-1)
        parts = (
            _look_up(self.of_node, known, rows),
            self.of_edge(self._patches(edges).flatten(2)),
            self.of_time(self._patches(times).flatten(2)),
        )
        return torch.cat(parts, dim=-1)

    def _tokens_of_pairs(
        self, alone: Tensor, counts: Tensor, ends: Tensor, wanted: list[Tensor]
    ) -> list[Tensor]:
        """Whole tokens [rows, num_tokens, dim] of each of the ``wanted`` [rows, num_tokens].

        These number the patches of both ends of all pairs; ``alone`` is what ``_tokens`` returns.
        Counts are small whole numbers: every one of them is encoded once.
        """
        rows, num_patches = torch.cat([x.flatten() for x in wanted]), alone.shape[1]
        of_root = ends.flatten()[rows // num_patches] * num_patches + rows % num_patches
        possible = torch.arange(self.num_neighbors + 2, device=rows.device)
        encoded = self.occurrence_encoding(possible.to(alone.dtype).unsqueeze(1))
        in_patches = self._patches(counts.flatten(0, 1)).flatten(0, 1)[rows]
        tokens = torch.cat(
            [
                alone.flatten(0, 1).index_select(0, of_root),
                _look_up(self.of_occurrence, encoded, in_patches),
            ],
            dim=-1,
        )
        sizes = [x.numel() for x in wanted]
        parts = zip(tokens.split(sizes), wanted, strict=True)
        return [part.view(*x.shape, part.shape[1]) for part, x in parts]

    def _patches(self, places: Tensor) -> Tensor:
        """[rows, num_patches, patch_size, ...] of ``places`` [rows, length, ...]."""
        return places.unflatten(1, (-1, self.patch_size))


def _counts(nodes: Tensor, ends: Tensor) -> Tensor:
    """How often nodes are in their own and the other sequence [num_pairs, 2, length, 2].

    ``nodes`` are those of all sequences, ``ends`` [num_pairs, 2] say which two are a pair.
    """
    own = occurrences(nodes, nodes)[ends]
    others = [occurrences(nodes[ends[:, one]], nodes[ends[:, 1 - one]]) for one in (0, 1)]
    return torch.stack([own, torch.stack(others, dim=1)], dim=-1)


def _look_up(layer: Linear, table: Tensor, rows: Tensor) -> Tensor:
    """``layer`` over patches of rows of a ``table``, each of which is projected once.

    ``rows`` are [..., patch_size, several], of which several are added up.
    """
    patch_size, dim = rows.shape[-2], layer.out_features
    of_places = layer.weight.unflatten(1, (patch_size, -1)).permute(2, 1, 0).flatten(1)
    projected = product(table, of_places, layer.product_type).view(-1, dim)
    places = torch.arange(patch_size, device=rows.device).unsqueeze(1)
    return gather_rows(projected, (rows * patch_size + places).flatten(-2)).sum(-2) + layer.bias


def _shares(of_source: Tensor, lengths: Tensor, dtype: torch.dtype) -> Tensor:
    """What makes means of both ends [rows, 2, num_tokens] from the first ``lengths`` tokens."""
    there = torch.arange(of_source.shape[1], device=lengths.device) < lengths.unsqueeze(1)
    ends = torch.stack([there & of_source, there & ~of_source], dim=1).to(dtype)
    return ends / ends.sum(-1, keepdim=True)
