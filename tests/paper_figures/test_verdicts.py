"""The bands of verdicts."""

from math import inf, nan

import pytest

from paper_figures import verdicts
from paper_figures.claim import Verdict

REPRODUCED, PARTLY = Verdict.REPRODUCED, Verdict.PARTLY
CONTRADICTED, INCOMPARABLE = Verdict.CONTRADICTED, Verdict.INCOMPARABLE


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (4.0, REPRODUCED),
        (6.0, REPRODUCED),
        (2.7, REPRODUCED),
        (6.1, PARTLY),
        (2.6, PARTLY),
        (inf, PARTLY),
        (0.9, CONTRADICTED),
        (0.0, CONTRADICTED),
        (nan, INCOMPARABLE),
    ],
)
def test_ratios_against_a_published_one_of_four(measured: float, verdict: Verdict) -> None:
    assert verdicts.of_ratio(measured, 4.0) is verdict


@pytest.mark.parametrize(("measured", "verdict"), [(1.01, REPRODUCED), (0.9, PARTLY)])
def test_a_close_ratio_on_the_other_side_of_one_is_not_reproduced(
    measured: float, verdict: Verdict
) -> None:
    assert verdicts.of_ratio(measured, 1.1) is verdict


@pytest.mark.parametrize(
    ("measured", "published", "verdict"),
    [
        (2.02, 1.84, REPRODUCED),
        (1.66, 1.84, REPRODUCED),
        (1.65, 1.84, PARTLY),
        (2.1, 1.84, PARTLY),
        (1.0, 1.84, CONTRADICTED),
        (0.99, 1.05, CONTRADICTED),
    ],
)
def test_speedups(measured: float, published: float, verdict: Verdict) -> None:
    assert verdicts.of_speedup(measured, published) is verdict


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (0.025, REPRODUCED),
        (0.011, REPRODUCED),
        (0.05, PARTLY),
        (0.001, PARTLY),
        (-0.001, CONTRADICTED),
    ],
)
def test_gains_against_a_published_one_of_two_hundredths(measured: float, verdict: Verdict) -> None:
    assert verdicts.of_gain(measured, 0.02) is verdict


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (-0.1, REPRODUCED),
        (0.014, REPRODUCED),
        (0.016, PARTLY),
        (0.034, PARTLY),
        (0.036, CONTRADICTED),
    ],
)
def test_a_loss_may_be_smaller_than_published(measured: float, verdict: Verdict) -> None:
    assert verdicts.of_loss(measured, 0.005) is verdict


def test_a_claim_of_several_numbers_is_as_good_as_the_worst() -> None:
    assert verdicts.worst([REPRODUCED, PARTLY]) is PARTLY
    assert verdicts.worst([CONTRADICTED, REPRODUCED]) is CONTRADICTED
    assert verdicts.worst([INCOMPARABLE, REPRODUCED]) is REPRODUCED
    assert verdicts.worst([INCOMPARABLE, INCOMPARABLE]) is INCOMPARABLE
