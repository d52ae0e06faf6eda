"""DySAT against a recursion over one root at a time and one snapshot after the other."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.datasets.dataset import Dataset
from benchmark.graph.past import Visibility
from benchmark.models.dysat import DySAT
from benchmark.models.node_state import NodeState
from benchmark.models.streaming import StreamingModel
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain_layers import Case, PlainLayers, See, plain_known
from tests.models.streams import random_dataset, sampler_of
from tests.models.variants import random_rows, without_zeros

NUM_SNAPSHOTS = 3


def small_dysat(
    dataset: Dataset,
    num_layers: int = 2,
    snapshot_duration: int = 6,
    node_features: Tensor | None = None,
) -> DySAT:
    return without_zeros(
        DySAT(
            dataset.stream.msg,
            node_dim=6,
            embedding_dim=8,
            num_neighbors=3,
            num_layers=num_layers,
            num_snapshots=NUM_SNAPSHOTS,
            snapshot_duration=snapshot_duration,
            node_features=node_features,
        )
    )


def within(see: See, snapshot: int, duration: int) -> See:
    """What ``see`` finds that is in the snapshot."""

    def seen(node: int, time: int) -> list[tuple[int, int, int]]:
        found = []
        for other, event, then in see(node, time):
            age = time - then
            if snapshot * duration < age <= (snapshot + 1) * duration or age == snapshot == 0:
                found.append((other, event, then))
        return found

    return seen


def plain_embedding(
    model: DySAT, case: Case, features: Tensor | None, duration: int, node: int, time: int
) -> Tensor:
    """A root's snapshots, from the oldest to the newest, through the recurrent network."""
    weights = dict(model.over_snapshots.named_parameters())
    state = torch.zeros(8, dtype=torch.float64)
    for snapshot in reversed(range(NUM_SNAPSHOTS)):
        see = within(case.visible, snapshot, duration)
        layers = model.attention[snapshot]
        plain = PlainLayers(model, layers, plain_known(model, features), see, time)  # type: ignore[arg-type]
        embedded = plain.embedding(node, time, see, model.num_layers)
        from_input = weights["weight_ih_l0"] @ embedded + weights["bias_ih_l0"]
        state = torch.tanh(from_input + weights["weight_hh_l0"] @ state + weights["bias_hh_l0"])
    return state


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    edge_dim=st.sampled_from([0, 3]),
    node_dim=st.sampled_from([0, 3]),
    num_layers=st.sampled_from([1, 2, 2]),
    duration=st.sampled_from([1, 2, 6, 1000]),
    first=st.sampled_from([0, 5, 30]),
    visibility=st.sampled_from(list(Visibility)),
)
def test_scores_and_gradients_equal_the_plain_ones(
    seed: int,
    edge_dim: int,
    node_dim: int,
    num_layers: int,
    duration: int,
    first: int,
    visibility: Visibility,
) -> None:
    case = Case.random(seed, edge_dim, visibility, first)
    features = random_rows(node_dim) if node_dim else None
    model = small_dysat(case.dataset, num_layers, duration, features)
    plain = partial(plain_embedding, model, case, features, duration)
    fast, slow = case.fast_scores(model), case.plain_scores(model, plain)
    assert_close(fast, slow)
    weights = torch.randn(fast.shape, dtype=torch.float64)
    assert_gradients_close(model, (fast * weights).sum(), (slow * weights).sum())


@pytest.mark.parametrize("age", [1, 5, 6, 11, 12, 13])
def test_an_event_counts_until_the_oldest_snapshot_ends(age: int) -> None:
    """Two snapshots of six: an age of 12 is the last that is seen."""
    dataset = random_dataset(num_events=8, num_nodes=10)
    stream = dataset.stream
    stream.src[:2], stream.dst[:2] = torch.tensor([0, 0]), torch.tensor([1, 2])
    stream.t[:] = torch.tensor([0, *[age] * 7])
    model = without_zeros(
        DySAT(stream.msg, 6, 8, num_neighbors=3, num_snapshots=2, snapshot_duration=6)
    )
    case = Case(dataset, Visibility.EVENT, first=1, num_events=1)
    before = case.fast_scores(model)[0, 5]  # from 0 to a node without history
    model.edge_features[0] += 1
    assert torch.equal(case.fast_scores(model)[0, 5], before) is (age > 12)


def test_nodes_that_have_long_been_silent_tie_exactly() -> None:
    """They have a past, but none that is looked at: all are unseen to this model."""
    dataset = random_dataset(11, num_events=120, num_nodes=500, edge_dim=0)
    model = DySAT(dataset.stream.msg, snapshot_duration=2)
    state = NodeState.empty(dataset.num_nodes, 0, 0)
    stream = StreamingModel(model, sampler_of(dataset, model), state, mebibytes=1)
    for start in range(0, 105, 7):
        stream.observe(dataset.batch(start, start + 7))
    events = dataset.batch(105, 112)
    seen = dataset.stream.t >= int(events.t[0]) - 3 * 2
    recent = torch.cat([dataset.stream.src[seen], dataset.stream.dst[seen]]).tolist()
    ends = torch.cat([dataset.stream.src[:105], dataset.stream.dst[:105]]).tolist()
    silent = torch.tensor(sorted(set(ends) - set(recent)))
    assert len(silent) > 50
    scores = stream.score(events, silent.expand(7, -1))
    assert torch.equal(scores, scores[:, :1].expand_as(scores))
