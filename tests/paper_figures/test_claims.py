"""Every rule reaches every verdict that it should; claims.csv is what the papers' numbers give."""

import pandas as pd
import pytest

from benchmark.records.reader import Records
from benchmark.records.statistics import Estimate, first_reaching, target_of
from paper_figures import claims, convergence
from paper_figures.claims import RULES, Claim, Measured, Pair, Verdict, verdict
from paper_figures.published import published
from paper_figures.registry import FIGURES
from paper_figures.selection import Group

GOOD, PART, BAD, NONE = Verdict

CASES: dict[str, list[tuple[list[tuple[float, float]], tuple[float, ...], Verdict]]] = {
    "ratio": [
        ([(2.0, 2.9)], (1.5,), GOOD), ([(1.0, 1.1)], (1.5,), PART), ([(5.0, 2.0)], (1.5,), PART),
        ([(0.5, 2.0)], (1.5,), BAD), ([(2.0, 2.0), (0.5, 2.0)], (1.5,), BAD),
    ],
    "at_least_ratio": [
        ([(500.0, 256.0)], (1.5,), GOOD), ([(8.0, 256.0)], (1.5,), PART),
        ([(1.0, 256.0)], (1.5,), BAD),
    ],
    "same_order": [([(3.0, 5.0)], (1,), PART), ([(0.9, 5.0)], (1,), NONE)],
    "speedup": [
        ([(1.8, 1.9)], (0.1,), GOOD), ([(1.2, 1.9)], (0.1,), PART), ([(0.95, 1.0)], (0.1,), BAD),
    ],
    "difference": [
        ([(0.01, 0.015)], (0.01,), GOOD), ([(0.2, 0.015)], (0.01,), PART),
        ([(-0.2, 0.015)], (0.01,), BAD),
    ],
    "at_most": [
        ([(-5.0, 0.0)], (1, 3), GOOD), ([(2.0, 0.0)], (1, 3), PART), ([(3.1, 0.0)], (1, 3), BAD),
    ],
    "at_least_share": [
        ([(0.06, 0.12)], (0.5, 0.03), GOOD), ([(0.04, 0.12)], (0.5, 0.03), PART),
        ([(0.02, 0.12)], (0.5, 0.03), BAD),
    ],
    "equal": [
        ([(100.0, 100.0)], (0, 0.1), GOOD), ([(101.0, 100.0)], (0, 0.1), PART),
        ([(100.0, 100.0), (120.0, 100.0)], (0, 0.1), BAD),
    ],
    "rounded": [
        ([(2_678_373.0, 2.7e6), (9227.0, 9227.0)], (2,), GOOD),
        ([(2_678_373.0, 2.7e6), (500.0, 9227.0)], (2,), PART), ([(1.0, 9227.0)], (2,), BAD),
    ],
    "level": [
        ([(98.0, 98.5), (98.0, 90.0)], (1, 3), GOOD), ([(97.0, 98.5)], (1, 3), PART),
        ([(90.0, 98.5)], (1, 3), BAD),
    ],
    "order": [
        ([(2.0, 1.0), (-1.0, -3.0)], (0,), GOOD), ([(2.0, 1.0), (1.0, -3.0)], (0,), PART),
        ([(-2.0, 1.0)], (0,), BAD),
    ],
    "no_slower": [([(1.5, 1.0)], (1.5,), PART), ([(1.6, 1.0)], (1.5,), NONE)],
    "predicted": [([(0.1, 0.0)], (0.1,), PART), ([(0.11, 0.0)], (0.1,), NONE)],
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_rule_reaches_each_of_its_verdicts(name: str) -> None:
    for numbers, tolerances, expected in CASES[name]:
        pairs = [Pair(Estimate(ours), theirs) for ours, theirs in numbers]
        assert RULES[name](pairs, *tolerances) is expected, (name, numbers)


def test_intervals_that_meet_the_threshold_make_an_order_partly() -> None:
    assert claims.order([Pair(Estimate(2.0, -1.0, 5.0), 1.0)], 0) is Verdict.PARTLY


def test_a_wide_interval_makes_a_level_partly() -> None:
    assert claims.level([Pair(Estimate(98.0, 90.0, 106.0), 98.0)], 1, 3) is Verdict.PARTLY


def claim(rule: str = "ratio", stated: str = "2") -> Claim:
    return Claim("f", "m", "", "{dataset} is good", stated, "", rule, "1.5")


@pytest.mark.parametrize(
    ("stated", "value", "unlike"),
    [("2", 2.0, "too few epochs"), ("2", float("nan"), ""), ("mooc=2", 2.0, "")],
)
def test_what_does_not_compare_is_incomparable(stated: str, value: float, unlike: str) -> None:
    one = Measured("m", {"": Estimate(value)}, "", {}, "", "uci", unlike)
    assert verdict(claim(stated=stated), one) is Verdict.INCOMPARABLE


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError, match="better"):
        verdict(claim("better"), Measured("m", {"": Estimate(2)}, "", {}, ""))


def test_every_row_of_the_file_can_be_judged() -> None:
    known = [one for name in FIGURES for one in claims.claims_of(name)]
    assert len(known) == len(published("claims"))
    for one in known:
        values = {name: Estimate(number) for name, number in one.numbers()}
        assert values and verdict(one, Measured("", values, "", {}, "")) in Verdict


def test_the_stated_iterations_are_those_of_the_digitised_curves() -> None:
    runs = pd.DataFrame({"dataset": ["wikipedia"], "protocol": ["disttgl"]})
    curves = convergence.published_mrr(Group(runs, Records(runs, runs, [])))
    single = curves[(curves["panel"] == "a") & (curves["parallelism"] == "1x1x1")]
    target = target_of([single], "validation_mrr")
    for one in claims.claims_of("convergence"):
        layout = one.measure.rpartition(" ")[2]
        if one.dataset == "wikipedia" and one.measure.startswith("iterations"):
            panel = "a" if layout in ("1x2x1", "1x4x1") else "b"
            run = curves[(curves["panel"] == panel) & (curves["parallelism"] == layout)]
            ours, theirs = (first_reaching(r, "validation_mrr", target) for r in (single, run))
            assert float(one.published) == pytest.approx(ours / theirs, abs=1e-3)
