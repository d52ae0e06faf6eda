import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import TemporalData

from benchmark.datasets.exact import Times, count_out_of_order, split_by_time, stable_order

times = st.lists(st.integers(0, 30), min_size=1, max_size=60).map(np.array)
fractions = st.sampled_from([0.05, 0.1, 0.15, 0.3])


@given(times.map(np.sort), fractions, fractions)
def test_split_is_that_of_pyg(t: np.ndarray, validation: float, test: float) -> None:
    ours = split_by_time(t, validation, test)
    events = torch.arange(len(t))
    stream = TemporalData(src=events, dst=events, t=torch.from_numpy(t), msg=events)
    theirs = stream.train_val_test_split(validation, test)
    for name, part in zip(("train", "validation", "test"), theirs, strict=True):
        assert list(ours.range(name)) == part.src.tolist()


@given(times)
def test_order_is_stable(t: np.ndarray) -> None:
    expected = sorted(range(len(t)), key=lambda row: t[row])
    assert np.arange(len(t))[stable_order(t)].tolist() == expected


@given(times)
def test_rows_out_of_order(t: np.ndarray) -> None:
    expected = sum(any(t[before] > t[row] for before in range(row)) for row in range(len(t)))
    assert count_out_of_order(t) == expected


@pytest.mark.parametrize(("validation", "test"), [(0.5, 0.5), (0.9, 0.3), (0.0, 0.1), (0.1, 0.0)])
def test_fractions_that_leave_a_part_empty(validation: float, test: float) -> None:
    with pytest.raises(ValueError, match=r"validation_fraction .* test_fraction"):
        split_by_time(np.arange(100), validation, test)


def test_large_times_are_split_exactly() -> None:
    t = 1_700_000_000_000_000_000 + 100 * np.arange(1000)
    split = split_by_time(t, 0.15, 0.15)
    assert [len(split.range(part)) for part in ("train", "validation", "test")] == [700, 150, 150]
    for shift in (0, 2**53, 2**62):
        assert split_by_time(100 * np.arange(1000) + shift, 0.15, 0.15) == split
    ends = np.array([0, *range(2**62, 2**62 + 18), 2**63 - 1])
    split = split_by_time(ends, 0.15, 0.15)
    assert (split.train_end, split.validation_end) == (14, 17)


@given(times.map(np.sort), st.sampled_from([0.05, 0.1, 0.15, 0.25]))
def test_quantiles_are_those_of_numpy(t: np.ndarray, test: float) -> None:
    split = split_by_time(t, 0.2, test)
    assert split.validation_end == (t <= np.quantile(t, 1 - test) + 1e-9).sum()


def test_ranks_of_exact_times() -> None:
    times = Times(np.array([5, 5, 4, 5]), np.array([9, 1, 10**17, 9]))
    assert times.exact.tolist() == [2, 1, 0, 2]
    assert times.moved_rows == 2
