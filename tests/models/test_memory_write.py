"""What a batch leaves in node memory, against loops."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.dataset import EventBatch
from benchmark.models.memory_write import Delivery, MemoryWrite, endpoints, last_occurrence
from tests.models.closeness import assert_close
from tests.models.streams import random_dataset, random_state, small_model


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
    assert write.takes_part.all()
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
    assert_close(rows.mail, torch.cat([memory[[1, 2, 3]], memory[[2, 3, 2]]], dim=1))
    assert torch.equal(rows.memory_time, state.mail_time[[1, 2, 3]])
    assert rows.mail_time.tolist() == [200, 202, 202]
    assert rows.mail_event.tolist() == [100, 101, 101]
