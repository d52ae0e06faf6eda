import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from benchmark.graph import neighbor_index
from benchmark.graph.neighbor_index import NeighborIndex, smallest_type
from benchmark.machine import host_memory
from tests.machine.test_host_memory import bytes_of_mapping


def stream(*events: tuple[int, int, int]) -> tuple[Tensor, Tensor, Tensor]:
    src, dst, t = torch.tensor(events).T.contiguous()
    return src, dst, t


def entries_of(index: NeighborIndex, node: int, cutoff: int) -> list[tuple[int, int, int]]:
    """(event, neighbour, time) of a node's entries with event id < cutoff, in their order."""
    root = torch.tensor([node])
    first, end = int(index.first_entry(root)), int(index.end_entry(root, cutoff))
    entries = torch.arange(first, end).unsqueeze(0)
    found = index.neighborhood(entries, torch.ones_like(entries, dtype=torch.bool))
    return list(
        zip(found.events[0].tolist(), found.nodes[0].tolist(), found.times[0].tolist(), strict=True)
    )


def test_every_event_stands_at_both_ends_in_the_order_of_ids() -> None:
    index = NeighborIndex(*stream((0, 2, 5), (2, 1, 5), (0, 1, 9)), num_nodes=4)
    assert entries_of(index, 0, 3) == [(0, 2, 5), (2, 1, 9)]
    assert entries_of(index, 1, 3) == [(1, 2, 5), (2, 0, 9)]
    assert entries_of(index, 2, 3) == [(0, 0, 5), (1, 1, 5)]
    assert entries_of(index, 3, 3) == []


def test_cutoff_is_exclusive() -> None:
    index = NeighborIndex(*stream((0, 2, 5), (2, 1, 5), (0, 1, 9)), num_nodes=4)
    assert entries_of(index, 2, 0) == []
    assert entries_of(index, 2, 1) == [(0, 0, 5)]
    assert entries_of(index, 0, 2) == [(0, 2, 5)]


def test_self_loop_stands_twice() -> None:
    index = NeighborIndex(*stream((1, 1, 3), (0, 1, 4)), num_nodes=2)
    assert entries_of(index, 1, 2) == [(0, 1, 3), (0, 1, 3), (1, 0, 4)]


def test_before_counts_strictly_smaller_times_and_keeps_the_shape() -> None:
    index = NeighborIndex(*stream((0, 1, 0), (0, 1, 7), (0, 1, 7), (0, 1, 8)), num_nodes=2)
    times = torch.tensor([[0, 6, 7], [8, 9, -1]])
    assert index.before(times).tolist() == [[0, 1, 1], [3, 4, 0]]


def test_neighbouring_unix_nanoseconds_stay_apart() -> None:
    start = 1_600_000_000_000_000_001
    index = NeighborIndex(*stream((0, 1, start), (0, 1, start + 1)), num_nodes=2)
    assert index.before(torch.tensor([start, start + 1, start + 2])).tolist() == [0, 1, 2]
    assert entries_of(index, 0, 2)[1] == (1, 1, start + 1)


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[tuple[int, int, int]], int]:
    """Events among few nodes, so that ties, self-loops, repeats and idle nodes come up."""
    num_nodes = draw(st.integers(1, 5))
    node, gap = st.integers(0, num_nodes - 1), st.sampled_from([0, 0, 1, 50])
    events, time = [], 0
    for src, dst, wait in draw(st.lists(st.tuples(node, node, gap), min_size=1, max_size=40)):
        time += wait
        events.append((src, dst, time))
    return events, num_nodes


@pytest.mark.parametrize("largest_int32", [torch.iinfo(torch.int32).max, 0])
@settings(max_examples=150, deadline=None)
@given(made=streams())
def test_any_stream_in_both_integer_types(
    largest_int32: int, made: tuple[list[tuple[int, int, int]], int]
) -> None:
    events, num_nodes = made
    with patch.object(neighbor_index, "LARGEST_INT32", largest_int32):
        index = NeighborIndex(*stream(*events), num_nodes=num_nodes)
    for node in range(num_nodes):
        for cutoff in range(len(events) + 1):
            expected = []
            for event, (src, dst, time) in enumerate(events[:cutoff]):
                expected += [(event, dst, time)] if src == node else []
                expected += [(event, src, time)] if dst == node else []
            assert entries_of(index, node, cutoff) == expected


def test_int32_where_it_fits() -> None:
    assert smallest_type(2**31 - 1) is torch.int32
    assert smallest_type(2**31) is torch.int64


def test_cutoffs_may_differ_by_root() -> None:
    index = NeighborIndex(*stream((0, 2, 5), (2, 1, 5), (0, 1, 9)), num_nodes=4)
    nodes, cutoffs = torch.tensor([0, 0, 2, 3, 1]), torch.tensor([3, 1, 1, 3, 2])
    counts = index.end_entry(nodes, cutoffs) - index.first_entry(nodes)
    assert counts.tolist() == [2, 1, 1, 0, 1]


def test_many_events_of_one_node_among_many() -> None:
    num_nodes, num_events = 100_000, 30_000
    src = torch.full((num_events,), num_nodes - 1)
    index = NeighborIndex(src, torch.zeros_like(src), torch.arange(num_events), num_nodes)
    assert entries_of(index, num_nodes - 1, num_events)[-1] == (29_999, 0, 29_999)
    assert entries_of(index, num_nodes - 2, num_events) == []


@pytest.mark.parametrize(
    ("events", "num_nodes", "message"),
    [
        ([(0, 1, 5), (0, 1, 6), (0, 1, 4)], 2, "Event 2 has time 4, before event 1 with 6"),
        ([(0, 2, 5)], 2, r"Node id 2 is outside \[0, 2\)"),
        ([(-1, 1, 5)], 2, r"Node id -1 is outside \[0, 2\)"),
    ],
)
def test_wrong_stream_is_refused(
    events: list[tuple[int, int, int]], num_nodes: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NeighborIndex(*stream(*events), num_nodes=num_nodes)


def test_wrong_shapes_and_types_are_refused() -> None:
    none = torch.empty(0, dtype=torch.int64)
    with pytest.raises(ValueError, match="at least one event"):
        NeighborIndex(none, none, none, num_nodes=2)
    src, dst, t = stream((0, 1, 5), (0, 1, 6))
    with pytest.raises(ValueError, match="not 1, 2 and 2"):
        NeighborIndex(src[:1], dst, t, num_nodes=2)
    with pytest.raises(ValueError, match=r"must be int64, not torch\.float32"):
        NeighborIndex(src, dst, t.float(), num_nodes=2)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what is mapped")
def test_columns_of_a_mapped_file_take_no_memory_once_they_are_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_memory, "LEAST_BYTES", 0)
    num_events = 1 << 16
    columns = []
    for name, first in (("src", 0), ("dst", num_events), ("t", 0)):
        np.save(tmp_path / f"{name}.npy", np.arange(first, first + num_events))
        columns.append(torch.from_numpy(np.load(tmp_path / f"{name}.npy", mmap_mode="c")))
    index = NeighborIndex(*columns, num_nodes=2 * num_events)
    assert [bytes_of_mapping(column, "Rss") for column in columns] == [0, 0, 0]
    assert entries_of(index, num_events + 7, num_events) == [(7, 7, 7)]
