"""Means over seeds and their t intervals."""

import pandas as pd
import pytest

from benchmark.records.statistics import (
    Estimate,
    is_above,
    mean_estimate,
    mean_interval,
    median_estimate,
)


def test_the_interval_is_that_of_a_table_of_student() -> None:
    low, high = mean_interval([1.0, 2.0, 3.0]) or (0, 0)
    assert (low, high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-6)


def test_one_value_has_no_interval_and_equal_ones_have_none_of_width() -> None:
    assert mean_interval([1.0]) is None
    assert mean_interval([0.3, 0.3, 0.3]) == (0.3, 0.3)


def test_a_difference_is_above_only_where_its_interval_is() -> None:
    assert is_above({0: 2.0, 1: 2.1, 2: 2.2}, {0: 1.0, 1: 1.1, 2: 1.21})
    assert not is_above({0: 2.0, 1: 1.0}, {0: 1.0, 1: 1.1})
    assert not is_above({0: 2.0}, {0: 1.0})


def test_estimates_leave_out_seeds_without_a_value() -> None:
    values = pd.Series([1.0, None, 3.0])
    assert median_estimate(values) == Estimate(2.0, 1.0, 3.0)
    assert mean_estimate([0.5], 100) == Estimate(50.0)
    assert mean_estimate([None]) is None
    assert Estimate(1.0).ends == (1.0, 1.0)
