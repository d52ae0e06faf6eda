"""TGAT against a recursion over one root at a time, with a key and a value per neighbour."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.node_state import NodeState
from benchmark.models.tgat import TGAT
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain_layers import Case, PlainLayers, plain_known
from tests.models.streams import random_dataset
from tests.models.variants import random_rows, without_zeros


def small_tgat(dataset: Dataset, num_layers: int = 2, node_features: Tensor | None = None) -> TGAT:
    return without_zeros(
        TGAT(
            dataset.stream.msg,
            node_dim=6,
            time_dim=5,
            embedding_dim=8,
            num_neighbors=4,
            num_layers=num_layers,
            node_features=node_features,
        )
    )


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    edge_dim=st.sampled_from([0, 3]),
    node_dim=st.sampled_from([0, 3]),
    num_layers=st.sampled_from([1, 2, 2, 3]),
    first=st.sampled_from([0, 5, 30]),
    visibility=st.sampled_from(list(Visibility)),
)
def test_scores_and_gradients_equal_the_plain_ones(
    seed: int, edge_dim: int, node_dim: int, num_layers: int, first: int, visibility: Visibility
) -> None:
    case = Case.random(seed, edge_dim, visibility, first)
    features = random_rows(node_dim) if node_dim else None
    model = small_tgat(case.dataset, num_layers, features)
    plain = PlainLayers(model, model.attention, plain_known(model, features), case.earlier)

    def embedding(node: int, time: int) -> Tensor:
        return plain.embedding(node, time, case.visible, num_layers)

    fast, slow = case.fast_scores(model), case.plain_scores(model, embedding)
    assert_close(fast, slow)
    weights = torch.randn(fast.shape, dtype=torch.float64)
    assert_gradients_close(model, (fast * weights).sum(), (slow * weights).sum())


def test_the_second_layer_sees_neighbours_of_neighbours() -> None:
    """An event between two nodes that the root never met changes its scores with two layers only.

    The stream: 0-1 at time 1, which is to change, 1-2 at 2, and the query of 2 at 3.
    """
    dataset = random_dataset(num_events=8, num_nodes=10)
    stream = dataset.stream
    stream.src[:3], stream.dst[:3] = torch.tensor([0, 1, 2]), torch.tensor([1, 2, 3])
    stream.t[:] = torch.arange(8)
    case = Case(dataset, Visibility.EVENT, first=2, num_events=1)
    for num_layers, differs in ((1, False), (2, True)):
        model = small_tgat(dataset, num_layers)
        before = case.fast_scores(model)[0, 4]  # from 2 to a stranger
        model.edge_features[0] += 1
        assert torch.equal(case.fast_scores(model)[0, 4], before) is not differs


@pytest.mark.parametrize("visibility", list(Visibility))
def test_no_event_of_the_same_or_a_later_time_reaches_a_neighbour(visibility: Visibility) -> None:
    """Scores of a batch do not change with any feature of the events from its first one on."""
    case = Case.random(3, 3, visibility, first=30)
    model = small_tgat(case.dataset)
    before = case.fast_scores(model)
    cutoff = 30
    if visibility is Visibility.EVENT:
        cutoff = int((case.dataset.stream.t < case.events.t[-1]).sum())
    model.edge_features[cutoff:] += 1
    assert torch.equal(case.fast_scores(model), before)
    model.edge_features[: cutoff - 1] += 1
    assert not torch.equal(case.fast_scores(model), before)


def test_it_has_no_memory() -> None:
    model = small_tgat(random_dataset())
    assert (model.memory_dim, model.mail_dim) == (0, 0)
    state = NodeState.empty(3, 0, 0)
    assert model.update_memory(state).shape == (3, 0)
    assert model.make_mail(state.memory, state.memory).shape == (3, 0)
