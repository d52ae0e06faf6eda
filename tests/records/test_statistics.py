"""Intervals by hand, their coverage, and pairing by seed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records.statistics import is_above, mean_interval, paired_differences


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_four_values_by_hand() -> None:
    """All 4^4 resamples of 0, 1, 3, 4 in place of random ones, with their t in exact order."""
    values = np.array([0.0, 1.0, 3.0, 4.0])
    resamples = np.array(list(itertools.product(values, repeat=4)))
    deviations = resamples.std(axis=1)
    with np.errstate(divide="ignore"):
        t = np.sort((resamples.mean(axis=1) - 2) / deviations)
    low, high = t[6], t[249]  # the 7th, as 6/256 < 0.025 < 7/256, and the 250th
    assert (low, high) == pytest.approx((-high, high))
    interval = mean_interval(values.tolist(), generator(), resamples=400_000)
    assert interval == pytest.approx((2 - high * values.std(), 2 - low * values.std()))


@pytest.mark.parametrize("num_values", [4, 5, 10, 20])
def test_it_covers_the_mean_of_normal_values_as_often_as_it_says(num_values: int) -> None:
    """95 of 100 times: within 3.5 errors of 600 trials, however few the values."""
    draws, trials = generator(1), 600
    covered = 0
    for _ in range(trials):
        interval = mean_interval(draws.normal(7, 2, num_values).tolist(), draws, resamples=1000)
        assert interval is not None
        covered += interval.low <= 7 <= interval.high
    assert covered / trials == pytest.approx(0.95, abs=3.5 * (0.95 * 0.05 / trials) ** 0.5)


def test_less_confidence_is_narrower() -> None:
    values = generator(2).normal(size=8).tolist()
    wide, narrow = (mean_interval(values, generator(), confidence) for confidence in (0.95, 0.5))
    assert wide is not None
    assert narrow is not None
    assert wide.low < narrow.low < np.mean(values) < narrow.high < wide.high


@given(
    values=st.lists(st.integers(-50, 50), min_size=4, max_size=7, unique=True),
    shift=st.integers(-9, 9),
    scale=st.sampled_from([0.5, 2.0, 4.0]),
)
def test_it_moves_and_grows_with_the_values(values: list[int], shift: int, scale: float) -> None:
    once = mean_interval(values, generator(), resamples=300)
    moved = mean_interval([shift + scale * value for value in values], generator(), resamples=300)
    if once is None:
        assert moved is None
    else:
        assert moved == pytest.approx([shift + scale * end for end in once], abs=1e-6)


def test_the_generator_decides() -> None:
    values = [0.1, 0.5, 0.2, 0.9, 0.4]
    first, again, other = (mean_interval(values, generator(seed), 0.5, 99) for seed in (3, 3, 4))
    assert first == again != other


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.6, 0.7], [0.5, 0.5, 0.5, 0.7]])
def test_too_few_different_values_give_none(values: list[float]) -> None:
    assert mean_interval(values, generator()) is None


def test_equal_values_have_no_width() -> None:
    assert mean_interval([0.3] * 4, generator()) == (0.3, 0.3)


def test_differences_are_paired_by_seed() -> None:
    first, second = {2: 0.5, 0: 0.25, 7: 0.75}, {0: 0.125, 1: 0.5, 2: 0.25}
    assert paired_differences(first, second) == [0.125, 0.25]


def test_pairing_finds_what_the_seeds_hide() -> None:
    """Seeds differ by far more than the two do, but each seed by about 0.01."""
    second = {seed: 0.1 * seed for seed in range(6)}
    first = {seed: value + 0.01 + 0.001 * (seed % 3) for seed, value in second.items()}
    assert is_above(first, second, generator())
    assert not is_above(second, first, generator())
    shuffled = {seed: first[(seed + 1) % 6] for seed in first}
    assert not is_above(shuffled, second, generator())
    assert not is_above({s: first[s] for s in (0, 1, 2)}, second, generator())
