"""The parts of PyG's TGN: its network, and its faults put right."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.baselines.tgn_parts import TGN, ExactLastNeighborLoader, LastMessage


def test_last_message_takes_the_latest_and_leaves_others_at_zero() -> None:
    msg = torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    index = torch.tensor([0, 0, 3, 3, 3, 0])
    t = torch.tensor([5, 9, 1, 7, 2, 3])
    # PyG's own aggregator gives nodes 1 and 2 the message at position 3 here.
    aggregated = LastMessage()(msg, index, t, dim_size=4)
    assert aggregated.tolist() == [[2.0], [0.0], [0.0], [4.0]]


def test_last_message_of_no_message_at_all() -> None:
    none = torch.zeros(0, dtype=torch.int64)
    aggregated = LastMessage()(torch.zeros(0, 2), none, none, dim_size=3)
    assert aggregated.tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize("edge_dim", [0, 1, 3])
def test_message_holds_both_memories_the_features_and_the_time(edge_dim: int) -> None:
    model = TGN(5, edge_dim, memory_dim=4, time_dim=2, embedding_dim=6)
    assert model.memory.gru.input_size == 4 + 4 + edge_dim + 2
    src, dst, t = torch.tensor([0, 1, 0]), torch.tensor([2, 3, 3]), torch.tensor([1, 2, 3])
    model.memory.update_state(src, dst, t, torch.ones(3, edge_dim))
    memory, last_update = model.memory(torch.arange(5))
    assert memory.shape == (5, 4)
    assert last_update.tolist() == [3, 2, 1, 3, 0]


def test_time_differences_are_exact_where_float32_times_are_not() -> None:
    model = TGN(3, 0, memory_dim=4, time_dim=2, embedding_dim=6).eval()
    start = 1_700_000_000
    edge = torch.tensor([[1], [0]])
    embeddings = []
    for shift in (0, 1):
        model.memory.last_update.fill_(start + shift)
        embeddings.append(
            model.embed(torch.arange(3), edge, torch.tensor([start]), torch.zeros(1, 0))[0]
        )
    assert (embeddings[0] - embeddings[1]).abs().max() > 1e-3


def test_refuses_an_embedding_that_heads_do_not_divide() -> None:
    with pytest.raises(ValueError, match="embedding_dim 100 is not a multiple of heads 3"):
        TGN(5, 0, heads=3)


NUM_NODES = 6

ends = st.tuples(st.integers(0, NUM_NODES - 1), st.integers(0, NUM_NODES - 1))


@given(st.lists(st.lists(ends, min_size=1, max_size=60), min_size=1, max_size=4), st.integers(2, 5))
def test_returns_the_most_recent_events_of_every_node(
    batches: list[list[tuple[int, int]]], size: int
) -> None:
    loader = ExactLastNeighborLoader(NUM_NODES, size)
    # (event, other end) of every node in order; an event from a node to itself counts twice.
    history: list[list[tuple[int, int]]] = [[] for _ in range(NUM_NODES)]
    event = 0
    for batch in batches:
        src, dst = torch.tensor(batch).T
        loader.insert(src, dst)
        for source, destination in batch:
            history[source].append((event, destination))
            history[destination].append((event, source))
            event += 1
    assert loader.cur_e_id == event
    for node in range(NUM_NODES):
        known, edge_index, ids = loader(torch.tensor([node]))
        assert torch.all(known[edge_index[1]] == node)
        others = known[edge_index[0]]
        returned = sorted(zip(ids.tolist(), others.tolist(), strict=True))
        assert returned == history[node][-size:]


def test_a_busy_node_keeps_its_latest_events() -> None:
    loader = ExactLastNeighborLoader(num_nodes=1000, size=10)
    hub, others = torch.zeros(600, dtype=torch.int64), torch.arange(1, 601)
    loader.insert(hub, others)
    known, edge_index, ids = loader(torch.tensor([0]))
    assert sorted(ids.tolist()) == list(range(590, 600))
    assert torch.equal(known[edge_index[0]], ids + 1)
