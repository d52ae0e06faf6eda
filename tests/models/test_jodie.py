"""JODIE against a computation of one node at a time."""

import math

import pytest
import torch
from torch import Tensor

from benchmark.models.jodie import JODIE
from benchmark.models.node_state import NO_EVENT, NodeState
from tests.models.closeness import assert_close
from tests.models.variants import (
    DATASET,
    fast_scores,
    normalised,
    plain_idle,
    plain_scores,
    random_rows,
    state_of,
    without_zeros,
)


def small_jodie(node_features: Tensor | None = None) -> JODIE:
    edge_features = DATASET.stream.msg
    return without_zeros(JODIE(edge_features, 6, 5, node_features=node_features))


def plain_memory(model: JODIE, state: NodeState, node: int) -> Tensor:
    weights = dict(model.memory_cell.named_parameters())
    memory, mail, memory_time, mail_time, event = (field[node] for field in state)
    features = torch.zeros(DATASET.edge_dim, dtype=torch.float64)
    if event != NO_EVENT:
        features = model.edge_features[event]
    angle = model.time_encoding.weight * (mail_time - memory_time) + model.time_encoding.bias
    inputs = torch.cat([mail, features, torch.cos(angle)])
    return torch.tanh(
        weights["weight_ih"] @ inputs
        + weights["bias_ih"]
        + weights["weight_hh"] @ memory
        + weights["bias_hh"]
    )


@pytest.mark.parametrize("featured", [False, True])
def test_scores_equal_a_plain_computation(featured: bool) -> None:
    features = random_rows(3) if featured else None
    model = small_jodie(features)
    state = state_of(model)

    def embedding(node: int, time: int, neighbors: list[tuple[int, int, int]]) -> Tensor:
        known = plain_memory(model, state, node)
        if model.node_features is not None and features is not None:
            known = known + model.node_features.projection(features[node].double())
        idle = plain_idle(state, node, time)
        drift = model.projection.weight[:, 0] * math.log(1 + idle)
        drift = drift + model.projection.bias
        return normalised(known, model.norm.weight, model.norm.bias) * (1 + drift)

    assert_close(fast_scores(model, state), plain_scores(model, embedding))


def test_memory_equals_the_plain_one_and_leaves_its_input_alone() -> None:
    model = small_jodie()
    state = state_of(model)
    before = state.rows(torch.arange(DATASET.num_nodes))
    plain = [plain_memory(model, state, node) for node in range(DATASET.num_nodes)]
    assert_close(model.update_memory(state), torch.stack(plain))
    assert all(torch.equal(field, old) for field, old in zip(state, before, strict=True))
