"""DyGFormer against its formulas, one pair and one place at a time."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.graph.past import Visibility
from benchmark.models.dygformer import NOBODY, DyGFormer, Sequences, occurrences
from tests.models.closeness import assert_close
from tests.models.plain import plain_neighbors
from tests.models.variants import (
    CANDIDATES,
    DATASET,
    EVENTS,
    fast_scores,
    normalised,
    random_rows,
    state_of,
    subgraph_of,
    without_zeros,
)

Place = tuple[int, int | None, int]  # the node, its event (the root itself has none), its age


def small_dygformer(patch_size: int = 1, node_features: Tensor | None = None) -> DyGFormer:
    network = DyGFormer(
        DATASET.stream.msg,
        node_dim=6,
        time_dim=5,
        channel_dim=4,
        embedding_dim=7,
        sequence_length=6,
        patch_size=patch_size,
        node_features=node_features,
    )
    return without_zeros(network)


class PlainDyGFormer:
    """The network of the paper over ``DATASET``."""

    def __init__(self, model: DyGFormer, features: Tensor | None) -> None:
        self.model = model
        self.features = features

    def sequence(self, node: int, time: int) -> list[Place]:
        seen = plain_neighbors(DATASET, Visibility.EVENT, node, time, EVENTS.start)[:5]
        return [(node, None, 0)] + [(other, e, time - then) for other, e, then in reversed(seen)]

    def known(self, node: int) -> Tensor:
        if self.model.node_features is None or self.features is None:
            return torch.zeros(6, dtype=torch.float64)
        return self.model.node_features.projection(self.features[node].double())

    def tokens(self, own: list[Place], counts: list[Counter[int]]) -> Tensor:
        """[num_tokens, 16] of one sequence; ``counts`` are those of both ends."""
        model, size = self.model, self.model.patch_size
        parts: list[list[Tensor]] = [[], [], [], []]
        for node, event, age in own:
            parts[0].append(self.known(node))
            no_features = torch.zeros(3, dtype=torch.float64)
            parts[1].append(no_features if event is None else model.edge_features[event])
            parts[2].append(model.time_encoding(torch.tensor(age)))
            parts[3].append(self.encoded([count[node] for count in counts]))
        while len(parts[0]) % size:
            for part in parts[:3]:
                part.append(torch.zeros_like(part[0]))
            parts[3].append(self.encoded([0, 0]))
        linear = (model.of_node, model.of_edge, model.of_time, model.of_occurrence)
        rows = [
            torch.cat(
                [layer(torch.cat(p[i : i + size])) for layer, p in zip(linear, parts, strict=True)]
            )
            for i in range(0, len(parts[0]), size)
        ]
        return torch.stack(rows)

    def encoded(self, numbers: list[int]) -> Tensor:
        values = [torch.tensor([float(n)], dtype=torch.float64) for n in numbers]
        return self.model.occurrence_encoding(values[0]) + self.model.occurrence_encoding(values[1])

    def layer(self, layer: torch.nn.TransformerEncoderLayer, tokens: Tensor) -> Tensor:
        def norm(of: torch.nn.LayerNorm, rows: Tensor) -> Tensor:
            return torch.stack([normalised(row, of.weight, of.bias) for row in rows])

        attention = layer.self_attn
        inputs = norm(layer.norm1, tokens) @ attention.in_proj_weight.T + attention.in_proj_bias
        queries, keys, values = inputs.chunk(3, dim=1)
        heads = []
        for q, k, v in zip(*(x.chunk(2, dim=1) for x in (queries, keys, values)), strict=True):
            heads.append((q @ k.T / q.shape[1] ** 0.5).softmax(1) @ v)
        tokens = tokens + attention.out_proj(torch.cat(heads, dim=1))
        return tokens + layer.linear2(F.gelu(layer.linear1(norm(layer.norm2, tokens))))

    def score(self, source: int, destination: int, time: int) -> Tensor:
        sequences = [self.sequence(node, time) for node in (source, destination)]
        counts = [Counter(node for node, _, _ in places) for places in sequences]
        ends = [self.tokens(places, counts) for places in sequences]
        hidden = torch.cat(ends)
        for layer in self.model.transformer:
            assert isinstance(layer, torch.nn.TransformerEncoderLayer)
            hidden = self.layer(layer, hidden)
        parts = hidden.split([len(end) for end in ends])
        both = torch.cat([self.model.output(part.mean(0)) for part in parts])
        decoder = self.model.link_decoder
        return decoder.output(torch.relu(decoder.hidden(both)))  # type: ignore[operator]


@pytest.mark.parametrize("patch_size", [1, 2, 3])
@pytest.mark.parametrize("featured", [False, True])
def test_scores_equal_a_plain_computation(patch_size: int, featured: bool) -> None:
    features = random_rows(3) if featured else None
    model = small_dygformer(patch_size, features)
    plain = PlainDyGFormer(model, features)
    rows = [
        torch.cat([plain.score(int(source), int(other), int(time)) for other in others])
        for source, time, others in zip(EVENTS.src, EVENTS.t, CANDIDATES, strict=True)
    ]
    assert_close(fast_scores(model, state_of(model)), torch.stack(rows))


def test_occurrences_are_counted_in_both_sequences() -> None:
    """The example of the paper: of (a, b, a) and (b, b, a, c), as (in the first, in the second)."""
    a, b, c = range(3)
    first = torch.tensor([[a, b, a, NOBODY]])
    second = torch.tensor([[b, b, a, c]])
    assert occurrences(first, first).tolist() == [[2, 1, 2, 0]]
    assert occurrences(first, second).tolist() == [[1, 2, 1, 0]]
    assert occurrences(second, first).tolist() == [[1, 1, 2, 0]]
    assert occurrences(second, second).tolist() == [[2, 2, 1, 1]]


def test_a_sequence_is_the_node_and_then_its_neighbours_from_the_oldest_on() -> None:
    model = small_dygformer()
    subgraph = subgraph_of(DATASET, model, EVENTS)
    sequences = Sequences.of(subgraph)
    plain = PlainDyGFormer(model, None)
    for root, (row, time) in enumerate(zip(subgraph.roots, subgraph.times, strict=True)):
        places = plain.sequence(int(subgraph.nodes[row]), int(time))
        filling = 6 - len(places)
        expected = [node for node, _, _ in places] + [-1] * filling
        found = [int(subgraph.nodes[n]) if n != NOBODY else -1 for n in sequences.nodes[root]]
        assert found == expected
        ages = [age for _, _, age in places] + [0] * filling
        assert sequences.elapsed[root].tolist() == ages


def test_a_sequence_that_is_no_whole_number_of_patches_is_refused() -> None:
    with pytest.raises(ValueError, match="32 is no whole number of patches of 5"):
        DyGFormer(DATASET.stream.msg, patch_size=5)
