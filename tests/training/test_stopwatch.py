"""Seconds by part."""

import pytest

from benchmark.training import system
from benchmark.training.system import Stopwatch, total_seconds


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(system, "time", clock)
    return clock


def test_a_part_takes_time() -> None:
    measure = Stopwatch()
    with measure("compute"):
        sum(range(1000))
    assert list(measure.seconds) == ["compute"]
    assert measure.seconds["compute"] > 0


def test_seconds_of_a_part_add_up(clock: Clock) -> None:
    measure = Stopwatch()
    for seconds in (1.0, 2.5):
        with measure("compute"):
            clock.now += seconds
        with measure("step"):
            clock.now += 0.5
    assert measure.seconds == {"compute": 3.5, "step": 1.0}


def test_no_second_counts_twice(clock: Clock) -> None:
    measure = Stopwatch()
    with measure("compute"):
        clock.now += 1.0
        with measure("memory_write"):
            clock.now += 2.0
            with measure("compute"):
                clock.now += 4.0
        clock.now += 8.0
    with measure("memory_write"):
        clock.now += 16.0
    assert measure.seconds == {"compute": 13.0, "memory_write": 18.0}


def test_a_part_that_fails_has_taken_time_too(clock: Clock) -> None:
    measure = Stopwatch()
    with pytest.raises(KeyError), measure("compute"):
        clock.now += 1.0
        raise KeyError
    assert measure.seconds == {"compute": 1.0}


def test_total_over_stopwatches_with_different_parts() -> None:
    assert total_seconds([{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 4.0}]) == {
        "a": 1.0,
        "b": 5.0,
        "c": 4.0,
    }
    assert total_seconds([]) == {}
