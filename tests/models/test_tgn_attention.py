"""The model against its plain reference: outputs, losses and every gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from benchmark.datasets.dataset import Dataset, EventBatch
from benchmark.graph.past import Visibility
from benchmark.models.node_state import NO_EVENT, NodeState
from benchmark.models.subgraph import build_subgraph
from benchmark.models.tgn_attention import (
    BatchShape,
    Product,
    TGNAttention,
    Widths,
    training_operations,
    training_products,
)
from benchmark.tasks.speed import product_rate
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


BATCH = BatchShape(events=2, candidates=4, nodes=5, root_nodes=3, roots=6, edges=7)
WIDTHS = Widths(memory=2, edge_features=3, time=1, embedding=4, heads=2)

# 2 * rows * columns * (forward + gradient of the weights + gradient of the inputs).
BY_HAND = {
    "gates of mail": 2 * 5 * 6 * (6 + 6 + 1),
    "gates of memory": 2 * 5 * 8 * (2 + 2 + 0),
    "query": 2 * 3 * 4 * (2 + 2 + 2),
    "key direction": 2 * 3 * 6 * (4 + 4 + 4),
    "scores": 2 * 7 * 2 * (6 + 6 + 3),
    "weighted sums": 2 * 7 * 2 * (6 + 6 + 3),
    "value": 2 * 6 * 4 * (6 + 6 + 6),
    "output of context": 2 * 6 * 4 * (4 + 4 + 4),
    "output of memory": 2 * 3 * 4 * (2 + 2 + 2),
    "decoder source": 2 * 2 * 4 * (4 + 4 + 4),
    "decoder destination": 2 * 4 * 4 * (4 + 4 + 4),
    "decoder output": 2 * 4 * 1 * (4 + 4 + 4),
}


def test_every_term_of_a_small_batch() -> None:
    products = training_products(BATCH, WIDTHS)
    assert {product.name: product.operations for product in products} == BY_HAND
    assert training_operations(BATCH, WIDTHS) == 4772


def test_without_edge_features_and_edges_the_rest_stays() -> None:
    bare = training_operations(BATCH._replace(edges=0), WIDTHS._replace(edge_features=0))
    gone = 2 * 5 * 6 * (3 + 3) + 2 * 3 * 3 * 12 + 2 * 420 + 2 * 6 * 4 * (3 + 3 + 3)
    assert bare == 4772 - gone


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.data())
def test_the_measured_products_do_the_counted_operations(
    rows: int, inner: int, columns: int, data: st.DataObject
) -> None:
    needed = data.draw(st.integers(0, inner))
    product = Product("any", rows, inner, columns, needed)
    sparse = Product("left out", rows, inner, columns, needed, dense=False)
    with FlopCounterMode(display=False) as counter:
        assert product_rate([product, sparse], torch.device("cpu")) > 0
    assert counter.get_total_flops() % product.operations == 0
    rounds = counter.get_total_flops() // product.operations
    with FlopCounterMode(display=False) as counter:
        product_rate([product, product], torch.device("cpu"))
    assert counter.get_total_flops() == 2 * rounds * product.operations
