import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.baselines.last_neighbors import ExactLastNeighborLoader

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
