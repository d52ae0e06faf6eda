"""Which events are trained on when."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.baselines.tgl import ChunkSchedule
from benchmark.disttgl.schedule import Schedule
from benchmark.parallelism import Parallelism


def starting_with(size: int, schedule: ChunkSchedule) -> list[range]:
    """The batches of a round whose first one has so many events."""
    numbers = (n for n in range(1000) if schedule.first_size(n) == size)
    return schedule.global_batches(next(numbers))


def test_batches_by_hand() -> None:
    """Global batches of 2 x 4 events in 4 chunks of 2, 19 events."""
    schedule = ChunkSchedule(19, 4, 2, num_chunks=4, seed=0)
    cuts = {size: [r.stop for r in starting_with(size, schedule)] for size in (2, 4, 6, 8)}
    assert cuts == {
        2: [2, 10, 18, 19],
        4: [4, 12, 19, 19],
        6: [6, 14, 19, 19],
        8: [8, 16, 19, 19],
    }
    batch = starting_with(6, schedule)[0]
    assert [schedule.local_events(batch, trainer) for trainer in range(2)] == [
        range(4),
        range(4, 6),
    ]
    assert schedule.local_events(range(18, 19), 1) == range(19, 19)


def test_each_number_of_chunks_is_drawn_about_as_often() -> None:
    schedule = ChunkSchedule(100, 5, 2, num_chunks=5, seed=3)
    counts = Counter(schedule.first_size(number) for number in range(1000))
    assert counts.keys() == {2, 4, 6, 8, 10}
    assert min(counts.values()) > 150


def test_draws_belong_to_seed_and_round() -> None:
    def draws(seed: int) -> list[int]:
        schedule = ChunkSchedule(100, 32, 1, num_chunks=32, seed=seed)
        return [schedule.first_size(number) for number in range(10)]

    assert draws(0) == draws(0) != draws(1)


@given(
    num_events=st.integers(1, 300),
    batch_size=st.integers(1, 20),
    num_trainers=st.integers(1, 8),
    data=st.data(),
)
def test_every_event_is_trained_on_once_and_in_order(
    num_events: int, batch_size: int, num_trainers: int, data: st.DataObject
) -> None:
    num_chunks = data.draw(st.integers(1, batch_size * num_trainers))
    schedule = ChunkSchedule(num_events, batch_size, num_trainers, num_chunks, seed=0)
    for number in range(5):
        batches = schedule.global_batches(number)
        assert len(batches) == schedule.iterations_per_round
        assert all(batches[:-1])
        events = [
            event
            for batch in batches
            for trainer in range(num_trainers)
            for event in schedule.local_events(batch, trainer)
        ]
        assert events == list(range(num_events))


@given(
    num_events=st.integers(1, 300), batch_size=st.integers(1, 20), num_trainers=st.integers(1, 8)
)
def test_without_chunks_batches_are_those_of_disttgl(
    num_events: int, batch_size: int, num_trainers: int
) -> None:
    schedule = ChunkSchedule(num_events, batch_size, num_trainers, num_chunks=1, seed=0)
    other = Schedule(Parallelism(i=num_trainers), num_events, batch_size)
    assert schedule.iterations_per_round == other.iterations_per_round
    for number, batch in enumerate(schedule.global_batches(7)):
        assert batch == other.global_events(number)
        for trainer in range(num_trainers):
            assert list(schedule.local_events(batch, trainer)) == list(
                other.local_events(number, trainer)
            )


@pytest.mark.parametrize("num_chunks", [0, 21])
def test_chunks_that_a_batch_does_not_have_are_refused(num_chunks: int) -> None:
    with pytest.raises(ValueError, match=f"num_chunks is {num_chunks}; .* 1 to 20 chunks"):
        ChunkSchedule(100, 10, 2, num_chunks, seed=0)


def test_no_events_are_refused() -> None:
    with pytest.raises(ValueError, match="0 training events"):
        ChunkSchedule(0, 10, 2, 1, seed=0)
