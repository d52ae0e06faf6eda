"""The model against its plain reference: outputs, losses and every gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.visibility import Visibility
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.subgraph import build_subgraph
from benchmark.models.tgn_attention import TGNAttention
from tests.models.closeness import assert_close, assert_gradients_close
from tests.models.plain import PlainTGN
from tests.models.streams import random_dataset, random_state, sampler_of, small_model


def fast_scores(
    model: TGNAttention,
    dataset: Dataset,
    visibility: Visibility,
    state: NodeState,
    events: EventBatch,
    candidates: torch.Tensor,
) -> torch.Tensor:
    """Scores of one batch, all roots in one pass."""
    nodes = torch.cat([events.src, candidates.flatten()])
    times = torch.cat([events.t, events.t.repeat_interleave(candidates.shape[1])])
    sampler = sampler_of(dataset, model, visibility)
    subgraph = build_subgraph(nodes, times, sampler, events.start)
    embeddings = model.embed(model.update_memory(state.rows(subgraph.nodes)), subgraph)
    source, destinations = embeddings.split([len(events), candidates.numel()])
    return model.score_links(source, destinations.unflatten(0, candidates.shape))


def losses_of(
    dataset: Dataset, dtype: torch.dtype, visibility: Visibility, seed: int, first: int
) -> tuple[TGNAttention, torch.Tensor, torch.Tensor]:
    """The model, its loss and the plain loss of the batch of 6 events from ``first`` on."""
    model = small_model(dataset, dtype, seed)
    state = random_state(dataset, model, seed)
    events = dataset.batch(first, first + 6)
    negatives = torch.randint(
        dataset.num_nodes, (6, 2), generator=torch.Generator().manual_seed(seed)
    )
    candidates = torch.cat([events.dst.unsqueeze(1), negatives], dim=1)
    fast = fast_scores(model, dataset, visibility, state, events, candidates)
    plain = PlainTGN(model, dataset, visibility, state)
    assert_close(fast, plain.scores(events, candidates))
    target = torch.zeros(6, dtype=torch.int64)
    return model, torch.nn.functional.cross_entropy(fast, target), plain.loss(events, negatives)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    edge_dim=st.sampled_from([0, 3]),
    first=st.sampled_from([0, 5, 24]),
    start=st.sampled_from([0, 1_600_000_000]),
    visibility=st.sampled_from(list(Visibility)),
)
def test_scores_loss_and_gradients_equal_the_plain_ones(
    seed: int, edge_dim: int, first: int, start: int, visibility: Visibility
) -> None:
    dataset = random_dataset(seed, num_events=30, edge_dim=edge_dim, start=start)
    model, fast, plain = losses_of(dataset, torch.float64, visibility, seed, first)
    assert_close(fast, plain)
    assert_gradients_close(model, fast, plain)


@pytest.mark.parametrize("visibility", list(Visibility))
def test_the_same_with_node_features_and_static_memory(visibility: Visibility) -> None:
    dataset = random_dataset(6, num_events=30)
    generator = torch.Generator().manual_seed(6)
    rows = [torch.randn(dataset.num_nodes, width, generator=generator) for width in (4, 6)]
    model = small_model(dataset, node_features=rows[0])
    model.use_static_memory(rows[1].double())
    state = random_state(dataset, model)
    events = dataset.batch(20, 26)
    candidates = torch.stack([events.dst, (events.dst + 1) % dataset.num_nodes], dim=1)
    fast = fast_scores(model, dataset, visibility, state, events, candidates)
    plain = PlainTGN(model, dataset, visibility, state)
    assert_close(fast, plain.scores(events, candidates))
    assert_gradients_close(model, fast.sin().sum(), plain.scores(events, candidates).sin().sum())
    plain.static_rows.clear()
    assert not torch.allclose(fast, plain.scores(events, candidates))


@pytest.mark.parametrize("edge_dim", [0, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_same_in_float32(seed: int, edge_dim: int) -> None:
    dataset = random_dataset(seed, num_events=30, edge_dim=edge_dim)
    model, fast, plain = losses_of(dataset, torch.float32, Visibility.EVENT, seed, first=20)
    assert_close(fast, plain)
    assert_gradients_close(model, fast, plain)


def test_every_parameter_takes_part() -> None:
    dataset = random_dataset(1, num_events=30)
    model, fast, _ = losses_of(dataset, torch.float64, Visibility.EVENT, seed=1, first=20)
    fast.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if name != "link_decoder.output.bias":  # softmax does not see what all candidates share
            assert float(parameter.grad.norm()) > 1e-6, name


def test_the_first_query_of_a_stream_has_no_neighbour_and_an_empty_memory() -> None:
    """Then only the biases of the memory cell and of the output layer speak."""
    dataset = random_dataset(2, num_events=12)
    model = small_model(dataset)
    state = NodeState.empty(dataset.num_nodes, model.memory_dim, model.mail_dim, torch.float64)
    events = dataset.batch(0, 1)
    candidates = torch.arange(dataset.num_nodes).unsqueeze(0)
    fast = fast_scores(model, dataset, Visibility.EVENT, state, events, candidates)
    plain = PlainTGN(model, dataset, Visibility.EVENT, state)
    assert_close(fast, plain.scores(events, candidates))
    assert_close(fast, fast[:, :1].expand_as(fast))


def test_memory_update_equals_the_plain_one_and_leaves_its_input_alone() -> None:
    dataset = random_dataset(3)
    model = small_model(dataset)
    state = random_state(dataset, model)
    before = state.rows(torch.arange(dataset.num_nodes))
    updated = model.update_memory(state)
    plain = PlainTGN(model, dataset, Visibility.EVENT, state)
    assert_close(updated, torch.stack([plain.memory(node) for node in range(dataset.num_nodes)]))
    for field, old in zip(state, before, strict=True):
        assert torch.equal(field, old)


def test_a_node_without_mail_sees_no_edge_features() -> None:
    """Its NO_EVENT must neither be the first event nor, as an index from the end, the last."""
    dataset = random_dataset(4)
    model = small_model(dataset)
    state = random_state(dataset, model)
    strangers = state.mail_event == NO_EVENT
    assert strangers.any()
    updated = model.update_memory(state)
    model.edge_features[[0, -1]] += 100.0
    changed = model.update_memory(state)
    assert torch.equal(updated[strangers], changed[strangers])


def test_heads_must_divide_the_embedding() -> None:
    with pytest.raises(ValueError, match="10 cannot be split over 3 heads"):
        small_model(random_dataset(), embedding_dim=10, num_heads=3)
