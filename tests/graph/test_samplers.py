"""Samplers on toy streams worked out by hand."""

import pytest
import torch

from benchmark.graph.neighbor_index import NeighborIndex
from benchmark.graph.past import Neighborhood, Snapshots, Visibility
from benchmark.graph.samplers import (
    RECENT_SAMPLERS,
    NeighborSampler,
    PaperSampler,
    RecentSampler,
    UniformSampler,
)

EVENT, BATCH = Visibility.EVENT, Visibility.BATCH
SAMPLERS = RECENT_SAMPLERS | {"uniform": UniformSampler}


def index_of(*events: tuple[int, int, int], num_nodes: int = 5) -> NeighborIndex:
    src, dst, t = torch.tensor(events).T.contiguous()
    return NeighborIndex(src, dst, t, num_nodes)


def star(times: list[int]) -> NeighborIndex:
    """Node 0 meets node 1 at each of the times."""
    return index_of(*[(0, 1, time) for time in times], num_nodes=2)


def ask(sampler: NeighborSampler, node: int, time: int, first_event: int = 0) -> Neighborhood:
    return sampler.sample(
        torch.tensor([node]), torch.tensor([time]), first_event, torch.Generator().manual_seed(0)
    )


def events_of(sampler: NeighborSampler, node: int, time: int, first_event: int = 0) -> list[int]:
    found = ask(sampler, node, time, first_event)
    return found.events[found.mask].tolist()


TIES = index_of((0, 1, 10), (2, 0, 10), (0, 3, 20), (0, 4, 20), (1, 0, 30))


def test_slot_zero_is_the_most_recent_and_padding_is_zero() -> None:
    found = ask(RecentSampler(TIES, 7, EVENT), node=0, time=31)
    assert found.events.tolist() == [[4, 3, 2, 1, 0, 0, 0]]
    assert found.nodes.tolist() == [[1, 4, 3, 2, 1, 0, 0]]
    assert found.times.tolist() == [[30, 20, 20, 10, 10, 0, 0]]
    assert found.mask.tolist() == [[True] * 5 + [False] * 2]
    assert [field.dtype for field in found] == [torch.int64] * 3 + [torch.bool]


@pytest.mark.parametrize(
    ("time", "expected"),
    [(0, []), (10, []), (11, [1, 0]), (20, [1, 0]), (21, [3, 2, 1]), (30, [3, 2, 1])],
)
def test_event_visibility_shows_strictly_earlier_times(time: int, expected: list[int]) -> None:
    # ``first_event`` must play no part.
    for first_event in (0, 3, 5):
        assert events_of(RecentSampler(TIES, 3, EVENT), 0, time, first_event) == expected


@pytest.mark.parametrize(
    ("first_event", "expected"), [(0, []), (1, [0]), (3, [2, 1, 0]), (5, [4, 3, 2])]
)
def test_batch_visibility_shows_earlier_batches_only(first_event: int, expected: list[int]) -> None:
    # Event 2 is seen by a query at its own time, event 3 is not seen by a query long after it.
    for time in (20, 1000):
        assert events_of(RecentSampler(TIES, 3, BATCH), 0, time, first_event) == expected


def test_self_loop_takes_two_slots() -> None:
    index = index_of((0, 0, 1), (0, 1, 2))
    found = ask(RecentSampler(index, 4, EVENT), node=0, time=3)
    assert found.events[found.mask].tolist() == [1, 0, 0]
    assert found.nodes[found.mask].tolist() == [1, 0, 0]


def test_unix_seconds_are_exact_when_strict() -> None:
    start = 1_600_000_000
    times = [start + 60 * step for step in range(5)]
    sampler = RecentSampler(star(times), 10, EVENT)
    assert events_of(sampler, 0, start + 300) == [4, 3, 2, 1, 0]
    assert events_of(sampler, 0, start + 240) == [3, 2, 1, 0]


@pytest.mark.parametrize("num_past", range(26))
def test_paper_never_returns_the_oldest_event(num_past: int) -> None:
    index = star([*range(1, num_past + 1), 1000])
    expected = list(reversed(range(1, num_past)))[:10]
    assert events_of(PaperSampler(index, 10, EVENT), 0, 500) == expected


def test_paper_loses_a_slot_to_the_event_asked_about() -> None:
    index = star(list(range(1, 22)))
    sampler = PaperSampler(index, 10, EVENT)
    assert events_of(sampler, 0, time=21) == list(range(19, 10, -1))  # 20 past, the 21st is asked
    assert len(events_of(sampler, 0, time=22)) == 10
    # Of 3 events at the time of the query all three take slots.
    ties = PaperSampler(star([1, 2, 3, 4, 5, 6, 9, 9, 9]), 5, EVENT)
    assert events_of(ties, 0, time=9) == [5, 4]
    assert events_of(PaperSampler(star([1, 9, 9, 9]), 3, EVENT), 0, time=9) == []


def test_paper_loses_recent_unix_seconds() -> None:
    start = 1_600_000_000  # float32 steps are 128 s here: the last past event falls on the query
    index = star([start + 60 * step for step in range(5)])
    found = ask(PaperSampler(index, 10, EVENT), 0, start + 300)
    assert found.events[found.mask].tolist() == [3, 2, 1]
    assert found.times[found.mask].tolist() == [start + 180, start + 120, start + 60]


def test_paper_refuses_batch_visibility() -> None:
    with pytest.raises(ValueError, match=r"sampler=paper .* choose sampler=strict"):
        PaperSampler(TIES, 10, BATCH)


def test_uniform_gives_every_subset_its_share() -> None:
    index = star([1, 2, 3, 4, 5, 9])
    num_roots = 20_000
    found = UniformSampler(index, 2, EVENT).sample(
        torch.zeros(num_roots, dtype=torch.int64),
        torch.full((num_roots,), 9),
        0,
        torch.Generator().manual_seed(0),
    )
    assert found.mask.all()
    assert (found.events[:, 0] > found.events[:, 1]).all()
    pairs, counts = found.events.unique(dim=0, return_counts=True)
    assert len(pairs) == 10
    deviation = (num_roots * 0.1 * 0.9) ** 0.5
    assert (counts - num_roots / 10).abs().max() < 4 * deviation


def test_uniform_repeats_with_its_seed_and_needs_one() -> None:
    sampler = UniformSampler(star(list(range(1000))), 5, EVENT)
    nodes, times = torch.zeros(50, dtype=torch.int64), torch.full((50,), 1000)
    first, again, other = (
        sampler.sample(nodes, times, 0, torch.Generator().manual_seed(seed)).events
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    with pytest.raises(ValueError, match="seeded generator"):
        sampler.sample(nodes, times, 0)


@pytest.mark.parametrize("name", SAMPLERS)
def test_no_roots_give_empty_fields(name: str) -> None:
    none = torch.empty(0, dtype=torch.int64)
    found = SAMPLERS[name](TIES, 4, EVENT).sample(none, none, 0, torch.Generator())
    assert [field.shape for field in found] == [(0, 4)] * 4


@pytest.mark.parametrize("name", SAMPLERS)
def test_last_node_without_events_finds_nothing(name: str) -> None:
    index = index_of((0, 1, 10), (0, 1, 20), num_nodes=3)
    found = ask(SAMPLERS[name](index, 4, EVENT), node=2, time=30)
    assert not any(field.any() for field in found)


@pytest.mark.parametrize("name", SAMPLERS)
def test_fewer_than_one_neighbor_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="num_neighbors is 0"):
        SAMPLERS[name](TIES, 0, EVENT)


def test_no_layer_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="num_layers is 0"):
        RecentSampler(TIES, 3, EVENT, num_layers=0)


@pytest.mark.parametrize(
    ("number", "duration", "message"),
    [(0, 10, "snapshots is 0"), (2, None, "2 snapshots a duration"), (1, 0, "lasts 0")],
)
def test_snapshots_that_make_no_sense_are_refused(
    number: int, duration: int | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Snapshots(number, duration)


def test_the_released_sampler_has_no_snapshots() -> None:
    with pytest.raises(ValueError, match="choose sampler=strict"):
        PaperSampler(TIES, 3, EVENT, snapshots=Snapshots(3, 10))


def test_slots_count_neighbours_of_neighbours_in_every_snapshot() -> None:
    assert RecentSampler(TIES, 10, EVENT).slots_per_root == 10
    assert RecentSampler(TIES, 10, EVENT, 2).slots_per_root == 110
    assert RecentSampler(TIES, 10, EVENT, 2, Snapshots(3, 5)).slots_per_root == 330
