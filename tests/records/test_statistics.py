"""Means over seeds, their t intervals, and when a target is reached."""

from math import inf
from statistics import median

import pandas as pd
import pytest

from benchmark.records.statistics import (
    Estimate,
    arrivals,
    first_best,
    first_reaching,
    is_above,
    mean_difference,
    mean_estimate,
    mean_interval,
    median_estimate,
    rank_correlation,
    reaching,
    still_rising,
    target_of,
)

RUN = pd.DataFrame(
    {"iteration": [10, 20, 30, 40], "seconds": [1.0, 2.0, 3.0, 4.0], "mrr": [0.1, 0.5, 0.4, 0.5]}
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


def test_the_first_evaluation_at_the_target_counts() -> None:
    assert first_reaching(RUN, "mrr", 0.4) == 20
    assert first_reaching(RUN, "mrr", 0.5, "seconds") == 2.0
    assert first_reaching(RUN, "mrr", 0.51) == inf
    assert first_best(RUN, "mrr") == 20


def test_the_target_is_a_fraction_of_the_mean_best_of_the_seeds() -> None:
    better = RUN.assign(mrr=2 * RUN["mrr"])
    assert target_of([RUN, better], "mrr", 0.8) == 0.8 * 0.75


def test_the_median_over_seeds_is_infinite_where_most_never_arrive() -> None:
    low = RUN.assign(mrr=0.0)
    assert median(reaching([RUN, low, RUN], "mrr", 0.5)) == 20
    assert median(reaching([RUN, low, low], "mrr", 0.5)) == inf


def test_a_run_whose_last_evaluation_is_best_is_still_rising() -> None:
    assert not still_rising(RUN, "mrr")
    assert still_rising(RUN[:2], "mrr")


def test_a_difference_is_paired_by_seed_where_it_can_be() -> None:
    paired = mean_difference({0: 0.5, 1: 0.9, 2: 0.7}, {0: 0.4, 1: 0.8, 2: 0.6})
    assert paired == pytest.approx((0.1, 0.1, 0.1))


def test_one_run_beside_several_takes_their_spread() -> None:
    apart = mean_difference({0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.5})
    half = 4.302653 * (4 / 3) ** 0.5  # Student's t of two degrees of freedom, spread 1
    assert apart == pytest.approx((0.5, 0.5 - half, 0.5 + half), rel=1e-6)


def test_one_run_beside_one_has_no_interval() -> None:
    assert mean_difference({0: 1.0}, {0: 0.5}) == Estimate(0.5)


def test_a_target_is_met_after_the_validation_before() -> None:
    (met,) = arrivals([RUN], "mrr", 0.5).to_dict("records")
    assert met == {"iterations": 20, "validation": 2, "before": 10, "last": 40, "rising": False}


@pytest.mark.parametrize(("values", "expected"), [([1, 2, 3, 9], 1), ([9, 3, 2, 1], -1)])
def test_a_rank_correlation_needs_no_straight_line(values: list[int], expected: float) -> None:
    table = pd.DataFrame({"a": [1, 2, 3, 4], "b": values})
    assert rank_correlation(table, "a", "b").value == pytest.approx(expected)
    assert rank_correlation(table, "a", "b", sign=False).value == pytest.approx(1)


def test_a_rank_correlation_of_few_is_not_sure() -> None:
    table = pd.DataFrame({"a": range(7), "b": [0, 2, 1, 3, 6, 4, 5]})
    value, low, high = rank_correlation(table, "a", "b")
    assert low is not None and high is not None and -1 < low < value < high < 1
