"""When a run first reaches a target."""

from math import inf

import pandas as pd

from benchmark.records import targets

RUN = pd.DataFrame(
    {"iteration": [10, 20, 30, 40], "seconds": [1.0, 2.0, 3.0, 4.0], "mrr": [0.1, 0.5, 0.4, 0.5]}
)


def test_the_first_evaluation_at_the_target_counts() -> None:
    assert targets.first_reaching(RUN, "mrr", 0.4) == 20
    assert targets.first_reaching(RUN, "mrr", 0.5, "seconds") == 2.0
    assert targets.first_reaching(RUN, "mrr", 0.51) == inf
    assert targets.first_best(RUN, "mrr") == 20


def test_the_target_is_a_fraction_of_the_mean_best_of_the_seeds() -> None:
    better = RUN.assign(mrr=2 * RUN["mrr"])
    assert targets.target_of([RUN, better], "mrr", 0.8) == 0.8 * 0.75


def test_the_median_over_seeds_is_infinite_where_most_never_arrive() -> None:
    low = RUN.assign(mrr=0.0)
    assert targets.median_reaching([RUN, low, RUN], "mrr", 0.5) == 20
    assert targets.median_reaching([RUN, low, low], "mrr", 0.5) == inf


def test_a_run_whose_last_evaluation_is_best_is_still_rising() -> None:
    assert not targets.still_rising(RUN, "mrr")
    assert targets.still_rising(RUN[:2], "mrr")
