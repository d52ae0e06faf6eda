"""The gates of node memory, and frozen rows beside it."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from benchmark.models.layers.node_memory import (
    MemoryCell,
    StaticRows,
    backward,
    backward_on_cpu,
    forward,
    forward_on_cpu,
)
from benchmark.models.memory_write import Delivery, MemoryWrite
from benchmark.models.node_state import NodeState
from benchmark.models.subgraph import Subgraph, build_subgraph
from benchmark.models.tgn_attention import TGNAttention
from tests.models.streams import random_dataset, random_state, sampler_of, small_model

DATASET = random_dataset()
EVENTS = DATASET.batch(40, 50)


def subgraph_of_events(model: TGNAttention) -> Subgraph:
    nodes, times = torch.cat([EVENTS.src, EVENTS.dst]), torch.cat([EVENTS.t, EVENTS.t])
    sampler = sampler_of(DATASET, model)
    return build_subgraph(nodes, times, sampler, EVENTS.start)


def random_rows(width: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(DATASET.num_nodes, width, generator=generator, dtype=torch.float64)


def test_embeddings_are_made_from_memory_plus_static_rows() -> None:
    plain, static = small_model(DATASET), small_model(DATASET)
    rows = random_rows(plain.memory_dim)
    static.use_static_memory(rows)
    subgraph = subgraph_of_events(plain)
    memory = plain.update_memory(random_state(DATASET, plain).rows(subgraph.nodes))
    expected = plain.embed(memory + rows[subgraph.nodes], subgraph)
    assert_close(static.embed(memory, subgraph), expected)
    assert not torch.allclose(plain.embed(memory, subgraph), expected)


def test_rows_of_another_width_are_projected() -> None:
    rows = random_rows(width=9)
    static = StaticRows(rows, memory_dim=6, keep=True).double()
    nodes, projection = torch.tensor([3, 0]), static.projection
    assert isinstance(projection, nn.Linear)
    assert_close(static(nodes), rows[nodes] @ projection.weight.T + projection.bias)


def test_node_features_take_the_same_road() -> None:
    features = random_rows(width=4)
    plain, featured = small_model(DATASET), small_model(DATASET, node_features=features)
    plain.load_state_dict(featured.state_dict(), strict=False)
    projection = featured.node_features
    assert projection is not None
    subgraph = subgraph_of_events(plain)
    memory = plain.update_memory(random_state(DATASET, plain).rows(subgraph.nodes))
    expected = plain.embed(memory + projection(subgraph.nodes), subgraph)
    assert_close(featured.embed(memory, subgraph), expected)


def test_the_memory_that_is_written_knows_nothing_of_static_rows() -> None:
    written = []
    for static in (False, True):
        model = small_model(DATASET)
        if static:
            model.use_static_memory(random_rows(model.memory_dim))
        nodes = torch.cat([EVENTS.src, EVENTS.dst]).unique()
        write = MemoryWrite.plan(EVENTS, Delivery.of(EVENTS, None, EVENTS.start), nodes)
        old = random_state(DATASET, model).rows(nodes)
        written.append(write.new_state(model, old, model.update_memory(old)))
    assert isinstance(written[0], NodeState)
    for without, having in zip(*written, strict=True):
        assert torch.equal(without, having)


def test_static_rows_are_frozen_and_static_memory_alone_is_saved() -> None:
    features = random_rows(width=4)
    model = small_model(DATASET, node_features=features)
    model.use_static_memory(random_rows(model.memory_dim))
    assert not any("rows" in name for name, _ in model.named_parameters())
    assert {name for name in model.state_dict() if "rows" in name} == {"static_memory.rows"}
    assert {"static_memory.unknown", "static_memory.lender"} <= model.state_dict().keys()


def test_the_other_weights_start_the_same_with_and_without() -> None:
    dim = 6
    torch.manual_seed(0)
    plain = TGNAttention(DATASET.stream.msg, memory_dim=dim)
    torch.manual_seed(0)
    static = TGNAttention(DATASET.stream.msg, memory_dim=dim, node_features=random_rows(3).float())
    weights = static.state_dict()
    for name, value in plain.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_in_training_some_nodes_are_unknown() -> None:
    rows, unknown = torch.randn(1_000, 4).double(), torch.randn(4).double()
    static = StaticRows(torch.zeros(1_000, 4).double(), memory_dim=4, keep=True, dropout=0.3)
    static.fill(rows, unknown)
    nodes = torch.randperm(1_000)
    seen = static(nodes)
    lost = (seen == unknown).all(dim=1)
    assert torch.equal(seen[~lost], rows[nodes][~lost])
    assert 0.25 < lost.double().mean() < 0.35
    assert not torch.equal(static(nodes), seen)
    assert torch.equal(static.eval()(nodes), rows[nodes])


def test_in_training_nodes_without_a_row_are_unknown_no_more_often_than_others() -> None:
    """They are never a true destination there, which their row must not give away."""
    rows, unknown = torch.randn(1_000, 4).double(), torch.randn(4).double()
    rows[600:] = unknown
    static = StaticRows(torch.zeros(1_000, 4).double(), memory_dim=4, keep=True, dropout=0.3)
    static.fill(rows, unknown)
    seen = static(torch.arange(600, 1_000))
    lost = (seen == unknown).all(dim=1)
    assert 0.25 < lost.double().mean() < 0.35
    lenders = (seen[~lost].unsqueeze(1) == rows[:600]).all(dim=2)
    assert (lenders.sum(dim=1) == 1).all()
    assert lenders.any(dim=0).sum() > 150
    assert torch.equal(static.eval()(torch.arange(600, 1_000)), rows[600:])


def test_a_table_of_unknown_nodes_alone_stays_what_it_is() -> None:
    static = StaticRows(torch.zeros(3, 2), memory_dim=2, keep=True, dropout=0.5)
    assert torch.equal(static(torch.arange(3)), torch.zeros(3, 2))


def test_which_nodes_have_a_row_of_their_own() -> None:
    unknown = torch.tensor([0.5, 0.0])
    static = StaticRows(torch.zeros(3, 2), memory_dim=2, keep=True)
    assert static.knows(torch.arange(3)).tolist() == [False, False, False]
    static.fill(torch.tensor([[0.5, 0.0], [0.0, 0.0], [0.5, 1.0]]), unknown)
    assert static.knows(torch.tensor([2, 1, 0])).tolist() == [True, True, False]


@pytest.mark.parametrize("on", ["cpu", "gpu"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("num_nodes", "width"), [(0, 7), (41, 7)])
def test_the_kernels_of_the_gates_equal_torch(
    on: str, dtype: torch.dtype, num_nodes: int, width: int
) -> None:
    there, back = forward_on_cpu, backward_on_cpu
    if on == "gpu":
        if torch.cuda.is_available():
            pytest.skip("Triton compiles where there is a GPU")
        kernels = pytest.importorskip("benchmark.models.layers.elementwise_triton")
        there, back = kernels.forward, kernels.backward
    generator = torch.Generator().manual_seed(0)
    columns, memory, gradient = (
        3 * torch.randn(num_nodes, times * width, generator=generator, dtype=dtype)
        for times in (4, 1, 1)
    )
    of_kernels = columns.clone()
    assert_close(there(of_kernels, memory), forward(columns, memory))
    assert_close(of_kernels, columns)
    found = back(of_kernels, memory, gradient)
    assert_close(found, backward(columns, memory, gradient))


@pytest.mark.parametrize("num_nodes", [0, 1, 9])
@pytest.mark.parametrize("widths", [(3, 2, 5), (3, 0, 1), (3, 2, 0), (0, 0, 0)])
def test_the_cell_is_that_of_torch_over_parts_of_any_width(
    num_nodes: int, widths: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(0)
    memory, *parts = (
        torch.randn(num_nodes, width, generator=generator).double() for width in (7, *widths)
    )
    parts[-1].requires_grad_()
    cell = MemoryCell(7 + sum(widths), 7).double()
    updated = cell(memory, tuple(parts))
    expected = nn.GRUCell.forward(cell, torch.cat([memory, *parts], dim=1), memory)
    assert_close(updated, expected)
    wanted = (*cell.parameters(), parts[-1])
    found, right = (torch.autograd.grad(x.square().sum(), wanted) for x in (updated, expected))
    for one, other in zip(found, right, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gates_that_are_closed_or_no_number(dtype: torch.dtype) -> None:
    memory = torch.tensor([[0.5, -0.5, 0.25, 2.0]], dtype=dtype)
    columns = torch.zeros(1, 16, dtype=dtype)
    columns[0, 4:8] = torch.tensor([1e4, -1e4, torch.nan, 0.0])  # update: never, whole, none
    columns[0, 8:12] = torch.tensor([3.0, -1e4, 0.0, 1e4])
    updated = forward_on_cpu(columns, memory)
    assert torch.equal(updated.isnan(), torch.tensor([[False, False, True, False]]))
    assert updated[0, [0, 1, 3]].tolist() == [0.5, -1.0, 1.5]
