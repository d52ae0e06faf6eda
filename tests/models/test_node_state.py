"""Rows of node memory."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.dataset import EventBatch
from benchmark.models.memory_write import Delivery, MemoryWrite, endpoints, last_occurrence
from benchmark.models.node_state import NO_EVENT, NodeState
from tests.models.closeness import assert_close
from tests.models.streams import random_dataset, random_state, small_model


def counting_state(num_nodes: int) -> NodeState:
    ids = torch.arange(num_nodes)
    return NodeState(
        ids.float().unsqueeze(1).repeat(1, 2),
        ids.float().unsqueeze(1).repeat(1, 4),
        *(ids.clone() for _ in range(3)),
    )


def test_empty_has_zeros_and_no_event() -> None:
    state = NodeState.empty(3, 2, 4, torch.float64)
    assert [tuple(field.shape) for field in state] == [(3, 2), (3, 4), (3,), (3,), (3,)]
    assert [field.dtype for field in state] == [torch.float64] * 2 + [torch.int64] * 3
    assert not any(field.any() for field in state[:-1])
    assert state.mail_event.tolist() == [NO_EVENT] * 3


def test_rows_are_copies_and_write_overwrites_only_its_nodes() -> None:
    state = counting_state(5)
    rows = state.rows(torch.tensor([4, 1]))
    assert rows.memory[:, 0].tolist() == [4.0, 1.0]
    state.write(torch.tensor([0, 3]), rows)
    for field in state:
        assert field.reshape(5, -1)[:, 0].tolist() == [4, 1, 2, 1, 4]
    rows.memory.zero_()
    assert state.memory[0, 0] == 4


def test_reset_forgets_in_place() -> None:
    state = counting_state(5)
    same = state.memory
    state.reset()
    for field, empty in zip(state, NodeState.empty(5, 2, 4), strict=True):
        assert torch.equal(field, empty)
    assert state.memory is same


def batch_of(pairs: list[tuple[int, int]]) -> EventBatch:
    src, dst = torch.tensor(pairs).T
    ids = torch.arange(100, 100 + len(pairs))
    return EventBatch(100, ids, src, dst, 2 * ids)


@given(st.lists(st.integers(0, 5), max_size=20))
def test_last_occurrence_marks_each_id_once_at_its_last_place(nodes: list[int]) -> None:
    mask = last_occurrence(torch.tensor(nodes, dtype=torch.int64)).tolist()
    assert mask == [node not in nodes[place + 1 :] for place, node in enumerate(nodes)]


def test_endpoints_go_event_by_event() -> None:
    assert endpoints(batch_of([(1, 2), (3, 4)])).tolist() == [1, 2, 3, 4]


pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12)


@given(pairs)
def test_plan_takes_each_node_from_its_last_event(pairs: list[tuple[int, int]]) -> None:
    events = batch_of(pairs)
    read = torch.cat([events.src, events.dst]).unique()
    write = MemoryWrite.plan(events, Delivery.of(events, None, events.start), read)
    expected = {}
    for event, (src, dst) in enumerate(pairs, start=100):
        expected[src] = (dst, event)
        expected[dst] = (src, event)
    distinct = sorted(expected)
    found = {
        node: (distinct[other], event)
        for node, other, event in zip(
            write.nodes.tolist(), write.other.tolist(), write.events.tolist(), strict=True
        )
    }
    assert found == expected
    assert len(write.nodes) == len(expected)
    assert [distinct[row] for row in write.own.tolist()] == write.nodes.tolist()
    assert torch.equal(write.rows, write.own)
    assert write.takes_part is None
    assert torch.equal(write.times, 2 * write.events)


def test_rows_hold_memory_mail_and_the_two_times() -> None:
    dataset = random_dataset()
    model = small_model(dataset)
    state = random_state(dataset, model)
    events = batch_of([(1, 2), (2, 3)])
    everyone = torch.arange(dataset.num_nodes)
    write = MemoryWrite.plan(events, Delivery.of(events, None, events.start), everyone)
    memory = model.update_memory(state)
    rows = write.new_state(model, state, memory)
    assert write.nodes.tolist() == [1, 2, 3]
    assert not any(field.requires_grad for field in rows)
    assert_close(rows.memory, memory[[1, 2, 3]])
    assert_close(rows.mail, memory[[2, 3, 2]])
    assert torch.equal(rows.memory_time, state.mail_time[[1, 2, 3]])
    assert rows.mail_time.tolist() == [200, 202, 202]
    assert rows.mail_event.tolist() == [100, 101, 101]
