"""GraphMixer against its formulas, one root at a time."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.models.graph_mixer import GraphMixer
from tests.models.closeness import assert_close
from tests.models.variants import (
    DATASET,
    fast_scores,
    normalised,
    plain_scores,
    random_rows,
    state_of,
    without_zeros,
)

TIME_WINDOW = 5
NUM_LINKS = 4


def small_mixer(node_features: Tensor | None = None) -> GraphMixer:
    return without_zeros(
        GraphMixer(DATASET.stream.msg, 6, 5, 8, NUM_LINKS, TIME_WINDOW, 0.0, node_features)
    )


def plain_mixer(model: GraphMixer, tokens: Tensor) -> Tensor:
    """One layer over the tokens [NUM_LINKS, 8], and its head."""
    mixer = model.link_encoder.mlp_mixer

    def norm(layer: torch.nn.LayerNorm, rows: Tensor) -> Tensor:
        return torch.stack([normalised(row, layer.weight, layer.bias) for row in rows])

    columns = norm(mixer.token_norm, tokens).T
    mixed = torch.stack([mixer.token_lin2(F.gelu(mixer.token_lin1(column))) for column in columns])
    tokens = tokens + mixed.T
    rows = norm(mixer.channel_norm, tokens)
    tokens = tokens + torch.stack([mixer.channel_lin2(F.gelu(mixer.channel_lin1(r))) for r in rows])
    pooled = norm(mixer.head_norm, tokens).sum(0) / NUM_LINKS
    head: Tensor = mixer.head_lin(pooled)
    return head


@pytest.mark.parametrize("featured", [False, True])
def test_scores_equal_a_plain_computation(featured: bool) -> None:
    features = random_rows(3) if featured else None
    model = small_mixer(features)
    frequencies = (1 / torch.tensor(5**0.5) ** torch.linspace(0, 5**0.5, 5)).double()

    def known(node: int) -> Tensor:
        if model.node_features is None or features is None:
            return torch.zeros(6, dtype=torch.float64)
        return model.node_features.projection(features[node].double())

    def embedding(node: int, time: int, neighbors: list[tuple[int, int, int]]) -> Tensor:
        tokens = torch.zeros(NUM_LINKS, 8, dtype=torch.float64)
        for slot, (_, event, age) in enumerate(neighbors):
            inputs = torch.cat([torch.cos(age * frequencies), model.edge_features[event]])
            tokens[slot] = model.link_encoder.temporal_head(inputs)
        recent = [known(other) for other, _, age in neighbors if age < TIME_WINDOW]
        mean = sum(recent, torch.zeros(6, dtype=torch.float64)) / max(len(recent), 1)
        both = torch.cat([plain_mixer(model, tokens), known(node) + mean])
        return model.output(both)

    assert_close(fast_scores(model, state_of(model)), plain_scores(model, embedding))


def test_links_older_than_the_window_do_not_reach_the_node_encoder() -> None:
    """The test above is not blind to the window: in the toy stream some links are older."""
    wide, narrow = (small_mixer(random_rows(3)) for _ in range(2))
    narrow.time_window = 1
    assert not torch.allclose(
        fast_scores(wide, state_of(wide)), fast_scores(narrow, state_of(narrow))
    )
