"""Samplers against slow plain loops on random streams."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Neighborhood, Snapshots, Visibility
from benchmark.graph.samplers import PaperSampler, RecentSampler, UniformSampler

Entry = tuple[int, int, int]  # event, neighbour, time


@dataclass
class Case:
    """A stream, and roots that ask at given times from a batch that begins at ``first_event``."""

    events: list[tuple[int, int, int]]  # source, destination, time
    num_nodes: int
    roots: list[tuple[int, int]]  # node, time
    first_event: int
    num_neighbors: int
    visibility: Visibility

    def index(self) -> NeighborIndex:
        src, dst, t = torch.tensor(self.events).T.contiguous()
        return NeighborIndex(src, dst, t, self.num_nodes)

    def root_tensors(self) -> tuple[torch.Tensor, torch.Tensor]:
        nodes, times = torch.tensor(self.roots, dtype=torch.int64).reshape(-1, 2).T.contiguous()
        return nodes, times

    def entries(self, node: int) -> list[Entry]:
        """The node's events in the order of the stream, a self-loop twice."""
        found: list[Entry] = []
        for event, (src, dst, time) in enumerate(self.events):
            found += [(event, dst, time)] if src == node else []
            found += [(event, src, time)] if dst == node else []
        return found

    def visible(self, node: int, time: int) -> list[Entry]:
        if self.visibility is Visibility.BATCH:
            return [entry for entry in self.entries(node) if entry[0] < self.first_event]
        return [entry for entry in self.entries(node) if entry[2] < time]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    num_nodes = draw(st.integers(1, 6))  # few nodes: self-loops and repeats; some stay isolated
    node = st.integers(0, num_nodes - 1)
    start = draw(st.sampled_from([0, 1, 5, 16_777_210, 1_600_000_000, 1_600_000_000_000]))
    gaps = st.sampled_from([0, 0, 1, 60, 100])
    events, time = [], start
    for src, dst, gap in draw(st.lists(st.tuples(node, node, gaps), min_size=1, max_size=40)):
        time += gap
        events.append((src, dst, time))
    query_times = st.one_of(
        st.sampled_from([event[2] for event in events]), st.integers(start, time + 100)
    )
    return Case(
        events=events,
        num_nodes=num_nodes,
        roots=draw(st.lists(st.tuples(node, query_times), max_size=8)),
        first_event=draw(st.integers(0, len(events))),
        num_neighbors=draw(st.integers(1, 12)),
        visibility=draw(st.sampled_from(Visibility)),
    )


def rows(found: Neighborhood, case: Case) -> list[list[Entry]]:
    """What was found per root; checks shapes and padding on the way."""
    for field in found:
        assert field.shape == (len(case.roots), case.num_neighbors)
    assert (found.mask.int().diff(dim=1) <= 0).all(), "padding must come last"
    for field in found[:3]:
        assert field.dtype == torch.int64
        assert not field[~found.mask].any()
    lists = [field.tolist() for field in (found.events, found.nodes, found.times, found.mask)]
    return [
        [(event, node, time) for event, node, time, kept in zip(*row, strict=True) if kept]
        for row in zip(*lists, strict=True)
    ]


def released_sampler(entries: list[Entry], time: int, num_neighbors: int) -> list[Entry]:
    """One root of the loop in sampler_core.cpp, recent strategy, in its own float32 arithmetic."""
    stamps = np.array([entry[2] for entry in entries], dtype=np.float32)
    query = np.float32(time)
    window_end = max(int(np.searchsorted(stamps, query, side="right")) - 1, 0)
    found = []
    position = window_end
    while position > max(0, window_end - num_neighbors):
        if stamps[position] < query - np.float32(1e-7):
            found.append(entries[position])
        position -= 1
    return found


@settings(max_examples=300, deadline=None)
@given(cases())
def test_strict_returns_the_most_recent_visible_events(case: Case) -> None:
    sampler = RecentSampler(case.index(), case.num_neighbors, case.visibility)
    found = rows(sampler.sample(*case.root_tensors(), case.first_event), case)
    for row, root in zip(found, case.roots, strict=True):
        assert row == case.visible(*root)[::-1][: case.num_neighbors]


@settings(max_examples=300, deadline=None)
@given(cases(), st.integers(0, 2), st.sampled_from([1, 60, 61, 1000]))
def test_a_snapshot_has_the_most_recent_visible_events_of_its_ages(
    case: Case, snapshot: int, duration: int
) -> None:
    snapshots = Snapshots(3, duration)
    sampler = RecentSampler(case.index(), case.num_neighbors, case.visibility, snapshots=snapshots)
    sampled = sampler.sample(*case.root_tensors(), case.first_event, snapshot=snapshot)
    for row, (node, time) in zip(rows(sampled, case), case.roots, strict=True):
        expected = [
            entry
            for entry in case.visible(node, time)
            if time - entry[2] <= (snapshot + 1) * duration
            and (snapshot == 0 or time - entry[2] > snapshot * duration)
        ]
        assert row == expected[::-1][: case.num_neighbors]


@settings(max_examples=300, deadline=None)
@given(cases())
def test_a_query_that_no_batch_asks_sees_what_came_before_its_time(case: Case) -> None:
    asked, by_event = (
        RecentSampler(case.index(), case.num_neighbors, visibility)
        for visibility in (case.visibility, Visibility.EVENT)
    )
    roots = case.root_tensors()
    assert rows(asked.sample(*roots, None), case) == rows(by_event.sample(*roots, 0), case)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_paper_returns_what_the_released_loop_returns(case: Case) -> None:
    sampler = PaperSampler(case.index(), case.num_neighbors, Visibility.EVENT)
    found = rows(sampler.sample(*case.root_tensors(), case.first_event), case)
    for row, (node, time) in zip(found, case.roots, strict=True):
        assert row == released_sampler(case.entries(node), time, case.num_neighbors)


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 2**32))
def test_uniform_returns_distinct_visible_events(case: Case, seed: int) -> None:
    sampler = UniformSampler(case.index(), case.num_neighbors, case.visibility)
    generator = torch.Generator().manual_seed(seed)
    found = rows(sampler.sample(*case.root_tensors(), case.first_event, generator), case)
    for row, root in zip(found, case.roots, strict=True):
        visible = case.visible(*root)
        assert len(row) == min(len(visible), case.num_neighbors)
        assert Counter(row) <= Counter(visible)  # a self-loop may come twice, all else once
        assert [entry[0] for entry in row] == sorted((entry[0] for entry in row), reverse=True)
