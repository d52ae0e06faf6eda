from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from benchmark.randomness import key_to_seed, mix, random_integers

KEY = key_to_seed(0, "test")


def to_signed(word: int) -> int:
    return word - (1 << 64) if word >= 1 << 63 else word


def test_mix_gives_the_published_splitmix64_sequence_of_seed_1234567():
    states = [to_signed((1234567 + n * 0x9E3779B97F4A7C15) % (1 << 64)) for n in range(1, 6)]
    published = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    assert mix(torch.tensor(states)).tolist() == [to_signed(word) for word in published]


def test_values_never_change():
    values = random_integers(KEY, torch.arange(8), 1000)
    assert values.tolist() == [324, 391, 295, 103, 623, 465, 483, 493]


@given(bound=st.integers(1, (1 << 62)), first=st.integers(0, 1 << 60))
def test_values_stay_below_the_bound(bound, first):
    values = random_integers(KEY, torch.arange(first, first + 20), bound)
    assert values.min() >= 0
    assert values.max() < bound


@pytest.mark.parametrize("bound", [2, 10, 999])
@pytest.mark.parametrize("step", [1, 1 << 32])
def test_values_are_uniform(bound, step):
    count = 100_000
    values = random_integers(KEY, torch.arange(count) * step, bound)
    expected = count / bound
    statistic = ((torch.bincount(values, minlength=bound) - expected) ** 2 / expected).sum().item()
    assert chi2.ppf(0.001, bound - 1) < statistic < chi2.ppf(0.999, bound - 1)


@pytest.mark.parametrize("step", [1, 1 << 32])
def test_neighbouring_counters_are_independent(step):
    """Pairs of consecutive values fill a 20 x 20 table evenly."""
    values = random_integers(KEY, torch.arange(200_000) * step, 20)
    table = torch.bincount(values[::2] * 20 + values[1::2], minlength=400)
    statistic = ((table - 250) ** 2 / 250).sum().item()
    assert chi2.ppf(0.001, 399) < statistic < chi2.ppf(0.999, 399)


def test_neighbouring_keys_are_independent():
    keys = [random_integers(key, torch.arange(100), 20) for key in range(1000)]
    table = torch.bincount((torch.stack(keys[::2]) * 20 + torch.stack(keys[1::2])).flatten())
    statistic = ((table - 125) ** 2 / 125).sum().item()
    assert chi2.ppf(0.001, 399) < statistic < chi2.ppf(0.999, 399)


@given(cuts=st.lists(st.integers(0, 200), max_size=5))
def test_slices_do_not_matter(cuts):
    counters = torch.arange(200)
    bounds = [0, *sorted(cuts), 200]
    parts = [random_integers(KEY, counters[start:stop], 97) for start, stop in pairwise(bounds)]
    assert torch.equal(torch.cat(parts), random_integers(KEY, counters, 97))


def test_a_bound_of_zero_is_refused():
    with pytest.raises(ValueError, match="bound of at least 1, not 0"):
        random_integers(KEY, torch.arange(3), 0)
